# shellcheck shell=bash
# Things that happen once: SSH logins. Sourced by run.sh.

posts_have() { box grep -q -- "$1" $POSTS; }
has_posts() { [ "$(box grep -c -- "$2" $POSTS || true)" = "$1" ]; }

login() { # USER COMMAND: over SSH, from the box itself
    sh_box "ssh -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        $1@127.0.0.1 ${2:-true}"
}

test_a_login_is_told_once_for_each_pair_of_user_and_address() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    readme 'sudo make install' >/dev/null
    configure
    sh_box "printf '%s\n' 'general: {hostname: box, check_interval: 3600, language: en}' \
        'wechat: {webhook_url: \"credential:webhook\"}' 'system: {disk: {enabled: false}, cpu: {enabled: false}}' 'network: {traffic: {enabled: false}}' \
        'logins: {enabled: true, ignore_users: [robotic]}' >$CONFIG
        ssh-keygen -q -t ed25519 -N '' -f /root/key; systemctl start ssh
        for user in ann bob robotic u0 u1 u2 u3 u4 u5 u6 u7 u8 u9; do useradd -m \$user; done
        for home in /root /home/*; do
            install -d -m 700 -o \$(stat -c %u \$home) \$home/.ssh
            install -m 600 -o \$(stat -c %u \$home) /root/key.pub \$home/.ssh/authorized_keys
        done"
    start_robot
    box systemctl enable --now --quiet vps-monitor
    wait_for 10 "it checked" syslog_has 'started version'
    sh_box 'sleep 2'
    login robotic
    login ann
    wait_for 10 "it is told" posts_have 'SSH login(ann ← 127.0.0.1)'
    login ann
    login bob
    wait_for 70 "the other one is told with the next message" posts_have 'SSH login(bob ← 127.0.0.1)'
    has_posts 1 'SSH login(ann' || fail "it is told twice"
    ! posts_have robotic || fail "an ignored user is told"
    box loginctl --version >/dev/null
}

# Of ten agents with a new state each: more within a minute would be gathered.
test_a_login_is_told_within_a_second() {
    local number began times=()
    for number in 0 1 2 3 4 5 6 7 8 9; do
        sh_box 'systemctl stop vps-monitor; rm -rf /var/lib/vps-monitor/*; systemctl start vps-monitor; sleep 2'
        began=$(date +%s%N)
        login "u$number"
        wait_for 10 "it is told" posts_have "SSH login(u$number ← 127.0.0.1)"
        times+=($((($(date +%s%N) - began) / 1000000)))
    done
    printf '%s\n' "${times[@]}" | sort -n |
        awk '{ t[NR] = $1 } END { print "    told after " t[int((NR + 1) / 2)] " ms (median), " t[NR] " ms at most, the login included" }'
}
