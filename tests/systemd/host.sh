# shellcheck shell=bash
# Things that happen to a host: SSH logins, a restart, a clock. Sourced by run.sh.

posts_have() { box grep -q -- "$1" $POSTS; }
has_posts() { [ "$(box grep -c -- "$2" $POSTS || true)" = "$1" ]; }
forget_posts() { sh_box ": >$POSTS"; }

# login USER [COMMAND [OPTION]] : over SSH, from the box itself.
login() {
    sh_box "ssh ${3-} -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        $1@127.0.0.1 '${2:-true}' </dev/null"
}

# A new agent, as if none had been here.
start_anew() {
    sh_box 'systemctl stop vps-monitor; rm -rf /var/lib/vps-monitor/*; systemctl start vps-monitor'
    wait_for 20 "it has checked" has_checked
}
has_checked() { sh_box "vps-monitor status --json | grep -q '\"last_check\": *\"'"; }

# median_and_most TEXT TIMES... : of times in milliseconds.
median_and_most() {
    printf '%s\n' "${@:2}" | sort -n |
        awk -v text="$1" '{ t[NR] = $1 } END { print "    " text " " t[int((NR + 1) / 2)] " ms (median), " t[NR] " ms at most" }'
}
milliseconds_since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# configure_host LINES : nothing but these is over its limit.
configure_host() {
    sh_box "printf '%s\n' 'general: {hostname: box, check_interval: 3600, language: en}' 'wechat: {webhook_url: \"credential:webhook\"}' \
        'network: {traffic: {enabled: false}}' $1 >$CONFIG"
}

test_a_login_is_told_once_for_each_pair_of_user_and_address() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    readme 'sudo make install' >/dev/null
    configure
    configure_host "'system: {disk: {enabled: false}, cpu: {enabled: false}}' 'logins: {enabled: true, ignore_users: [robotic]}'"
    sh_box "ssh-keygen -q -t ed25519 -N '' -f /root/key; systemctl start ssh
        for user in ann bob robotic u0 u1 u2 u3 u4 u5 u6 u7 u8 u9; do useradd -m \$user; done
        for home in /root /home/*; do
            install -d -m 700 -o \$(stat -c %u \$home) \$home/.ssh
            install -m 600 -o \$(stat -c %u \$home) /root/key.pub \$home/.ssh/authorized_keys
        done"
    start_robot
    box systemctl enable --now --quiet vps-monitor
    wait_for 20 "it checked" has_checked
    login robotic
    login ann
    wait_for 10 "it is told" posts_have 'SSH login(ann ← 127.0.0.1)'
    login ann
    # As loginctl has it.
    # shellcheck disable=SC2016
    login bob 'loginctl show-session --value -p Name -p RemoteHost -p Service $XDG_SESSION_ID' >"$BOX/session"
    [ "$(sort "$BOX/session" | tr '\n' ' ')" = '127.0.0.1 bob sshd ' ] || fail "$(cat "$BOX/session")"
    wait_for 70 "the other one is told with the next message" posts_have 'SSH login(bob ← 127.0.0.1)'
    has_posts 1 'SSH login(ann' || fail "it is told twice"
    ! posts_have robotic || fail "an ignored user is told"
    sh_box 'vps-monitor report' | grep '3 SSH logins from 1 address' >/dev/null || fail "$(sh_box 'vps-monitor report')"
}

test_a_login_that_is_open_when_the_agent_starts_is_told() {
    forget_posts
    login u0 'sleep 8' &
    wait_for 10 "it is open" sh_box 'loginctl list-sessions --no-legend | grep -q u0'
    start_anew
    wait_for 10 "it is told" posts_have 'SSH login(u0 ← 127.0.0.1)'
    wait
}

test_a_login_that_began_and_ended_while_the_agent_was_down_is_told_once() {
    box systemctl stop vps-monitor
    forget_posts
    login u1 true -tt
    login u2 true -tt
    box systemctl start vps-monitor
    wait_for 70 "they are told with the next message" posts_have 'SSH login(u2 ← 127.0.0.1)'
    has_posts 1 'SSH login(u1 ← 127.0.0.1)' || fail "not both are told: $(box cat $POSTS)"
    box systemctl restart vps-monitor
    wait_for 20 "it has checked" has_checked
    has_posts 1 'SSH login' || fail "they are told twice"
}

# Of ten agents with a new state each: more within a minute would be gathered.
test_a_login_is_told_within_a_second() {
    local number began times=()
    for number in 0 1 2 3 4 5 6 7 8 9; do
        start_anew
        forget_posts
        began=$(date +%s%N)
        login "u$number"
        wait_for 10 "it is told" posts_have "SSH login(u$number ← 127.0.0.1)"
        times+=("$(milliseconds_since "$began")")
    done
    median_and_most "told after, the login included," "${times[@]}"
}

# last_logins : user and address of those with a terminal, as last(1) lists them.
last_logins() { box last -w -i -s "$1" | awk '$2 ~ /^pts/ { print $1, $3 }' | sort -u; }

test_without_a_logind_the_logins_of_last_are_told_also_one_that_is_over_at_once() {
    local began
    sh_box 'mv /usr/share/dbus-1/system-services/org.freedesktop.login1.service /root/
        systemctl mask -q --runtime --now systemd-logind; systemctl reload dbus'
    start_anew
    forget_posts
    began=$(box date +%FT%T)
    login u1 true -tt
    wait_for 10 "it is told" posts_have 'SSH login(u1 ← 127.0.0.1)'
    login u2 true -tt
    login u1 true -tt
    wait_for 70 "it is told with the next message" posts_have 'SSH login(u2 ← 127.0.0.1)'
    box grep -o 'SSH login([^)]*)' $POSTS | sed 's/SSH login(\(.*\) ← \(.*\))/\1 \2/' | sort -u >"$BOX/told"
    last_logins "$began" | diff - "$BOX/told" || fail "last(1) says otherwise"
    sh_box 'mv /root/org.freedesktop.login1.service /usr/share/dbus-1/system-services/
        systemctl unmask -q --runtime systemd-logind; systemctl reload dbus; systemctl start systemd-logind'
}

# The mark of a container is put away: there the clock is the host's, and not asked for.
test_the_clock_is_synchronised_if_timedatectl_says_so() {
    local word
    sh_box 'mv /run/systemd/container /root/; echo "{}" >/root/empty.yaml'
    sh_box 'vps-monitor --config /root/empty.yaml --state-dir /root/state check --json' >"$BOX/check.json" || true
    box timedatectl show --value -p NTPSynchronized >"$BOX/synchronized"
    sh_box 'mv /root/container /run/systemd/'
    word=$(python3 -c 'import json, sys
print("".join(r["value"] for r in json.load(open(sys.argv[1]))["readings"] if r["metric"] == "clock_sync"))' "$BOX/check.json")
    case "$(cat "$BOX/synchronized") $word" in
        'yes synchronized' | 'no unsynchronized') ;;
        # A clock may take twenty minutes.
        'no ') [ "$(cut -d. -f1 /proc/uptime)" -lt 1200 ] || fail "it says nothing" ;;
        *) fail "timedatectl: $(cat "$BOX/synchronized"), ours: $word" ;;
    esac
}

# The agent's times against those of last(1), which has them from systemd's own records.
test_a_restart_of_the_host_is_told_once_with_the_times_of_last() {
    configure_host "'system: {disk: {enabled: false}, cpu: {enabled: false}}'"
    # Each start of the box has an id of its own, mounted over the machine's. The service's /proc is without that mount.
    sh_box 'echo "C /run/boot-id - - - - /proc/sys/kernel/random/boot_id" >/etc/tmpfiles.d/boot-id.conf && systemd-tmpfiles --create boot-id.conf
        printf "[Service]\nBindReadOnlyPaths=/run/boot-id:/proc/sys/kernel/random/boot_id\n" >/etc/systemd/system/vps-monitor.service.d/boot-id.conf
        systemctl daemon-reload'
    start_anew
    box systemctl stop robot
    $TOOL reboot
    forget_posts
    sh_box "systemd-run -q --unit robot python3 /root/robot.py 8099 $POSTS"
    wait_for 60 "it is told" posts_have 'restarted'
    box grep -o 'planned, down for about [^(]*([0-9:]*–[0-9:]*)' $POSTS >"$BOX/told" || fail "$(box cat $POSTS)"
    box last -x -F -n 20 shutdown reboot >"$BOX/last"
    python3 - "$BOX/told" "$BOX/last" <<'PY'
import re, sys
told = re.search(r"\((\d+):(\d+)–(\d+):(\d+)\)", open(sys.argv[1]).read())
down, up = [int(told[1]) * 60 + int(told[2]), int(told[3]) * 60 + int(told[4])]
def minute(kind):
    line = next(line for line in open(sys.argv[2]) if line.startswith(kind))
    hour, minutes, _ = re.search(r"\d+ (\d+):(\d+):(\d+) \d{4}", line).groups()
    return int(hour) * 60 + int(minutes)
for ours, kind in ((down, "shutdown"), (up, "reboot")):
    assert (ours - minute(kind)) % 1440 in (0, 1, 1439), (ours, kind, minute(kind))
PY
    box systemctl restart vps-monitor
    wait_for 20 "it has checked" has_checked
    has_posts 1 restarted || fail "it is told twice"
}
