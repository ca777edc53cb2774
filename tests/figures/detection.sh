#!/bin/bash
# detection.sh VPS_MONITOR [EVENT...] : from an event to its message at the robot, each event ten times, median and maximum (all events:
# oom_kills failed_units logins read_only). As root; Debian: mmdebstrap, systemd-container, user-mode-linux, e2fsprogs. Some ten minutes.
#
# The machine is a booted Debian (tests/tools/systemd-box.sh) on a kernel of its own (user-mode-linux): control groups of
# version 2, a file system that the kernel itself turns read-only at an error, sshd and logind. The service is the
# installed one with its hardening. It is a slow machine: a process takes some 10 ms to start there.
set -euo pipefail

TIMES=10
POSTS=/root/posts
INTERVAL=10

sleep_until() { # SECONDS COMMAND...: polls until the command succeeds.
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "in vain: $*" >&2; tail -n 3 $POSTS >&2; return 1; }
        sleep 0.05
    done
}

has_post() { grep -q -- "$1" $POSTS; }

# told_after BEGAN TEXT: milliseconds from then to the arrival of the post with the text.
told_after() {
    sleep_until 60 has_post "$2"
    local line
    line=$(grep -n -m 1 -- "$2" $POSTS | cut -d: -f1)
    echo $((($(sed -n "${line}p" $POSTS.times) - $1) / 1000000))
}

median_and_most() {
    sort -n | awk -v what="$1" '{ t[NR] = $1 } END { print what ": median " t[int((NR + 1) / 2)] " ms, max " t[NR] " ms of " NR }'
}

now() { date +%s%N; }

# configure SECONDS: the time between checks. Nothing else than the events is over its limit.
configure() {
    printf '%s\n' "general: {hostname: box, check_interval: $1, alert_cooldown: 0, language: en}" \
        'wechat: {webhook_url: "http://localhost:8099/send?key=693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa"}' \
        'system: {cpu: {enabled: false}, steal: {enabled: false}, memory: {threshold: 100}, disk: {paths: [/data]}}' \
        'network: {traffic: {enabled: false}}' 'logins: {enabled: true}' \
        'scheduled_report: {enabled: false}' >/etc/vps-monitor/config.yaml
    systemctl restart vps-monitor
}

has_checked() { vps-monitor status --json | grep -q '"last_check": *"'; }

# More of one kind are gathered for a minute, so each event has an agent with a new state.
start_anew() {
    systemctl stop vps-monitor
    rm -rf /var/lib/vps-monitor/*
    systemctl start vps-monitor
    sleep_until 60 has_checked
    : >$POSTS
    : >$POSTS.times
}

failed_units() {
    local number began
    for number in $(seq $TIMES); do
        printf '[Service]\nExecStart=/bin/false\n' >"/run/systemd/system/web-$number.service"
        systemctl daemon-reload
        began=$(now)
        systemctl start "web-$number"
        told_after "$began" "web-$number.service: failed"
        sleep 7 # A robot takes 20 messages a minute.
    done
    systemctl reset-failed
}

oom_kills() {
    local number began
    for number in $(seq $TIMES); do
        systemd-run -q --unit "hog-$number" -p MemoryMax=16M -p MemorySwapMax=0 -p OOMPolicy=continue \
            sh -c 'read _ </run/go; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 60'
        start_anew
        began=$(now)
        echo >/run/go
        told_after "$began" "Out of memory(hog-$number.service)"
        systemctl stop "hog-$number"
    done
}

logins() {
    local number began
    for number in $(seq $TIMES); do
        start_anew
        began=$(now)
        ssh -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "u$number@127.0.0.1" true </dev/null
        told_after "$began" "SSH login(u$number"
    done
}

# The kernel's own doing, as after an error of the disk: errors=remount-ro.
read_only() {
    local began disk=/dev/ubdb
    configure $INTERVAL
    for _ in $(seq $TIMES); do
        mount -o errors=remount-ro "$disk" /data
        start_anew
        sleep "$((RANDOM % INTERVAL)).$((RANDOM % 10))"
        began=$(now)
        echo 1 >"/sys/fs/ext4/${disk#/dev/}/trigger_fs_error"
        told_after "$began" 'read.only'
        systemctl stop vps-monitor
        umount /data
        fsck.ext4 -y "$disk" >/dev/null 2>&1 || true
    done
}

# In the box, as a service of its own.
inside() {
    exec >/root/figures 2>&1
    trap 'systemctl poweroff --no-block' EXIT
    mkdir -p /data
    # The root is the machine's own file system, on which nobody but root can make a file.
    systemctl stop vps-monitor
    mkfs.ext4 -q /dev/ubdc
    mkdir -p /var/lib/vps-monitor
    mount /dev/ubdc /var/lib/vps-monitor
    mkfifo /run/go
    systemctl start ssh
    systemd-run -q --unit robot python3 /root/robot.py 8099 $POSTS
    sleep_until 60 sh -c 'ss -ltn | grep -q :8099'
    local event
    for event in "$@"; do
        configure 3600
        start_anew
        "$event" | median_and_most "$event"
    done
}

outside() {
    local binary
    binary=$(realpath "$1")
    shift
    [ $# -gt 0 ] || set -- oom_kills failed_units logins read_only
    cd "$(dirname "$0")/../.."
    tool=tests/tools/systemd-box.sh
    export BOX=/var/tmp/vps-monitor-detection.$$
    trap '$tool remove; rm -f "$BOX.disk" "$BOX.state"' EXIT
    $tool up
    box() { $tool run "$@"; }
    box mkdir -p /root/tree/target/release
    git ls-files -z -- . ':!*.whl' | tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$BOX/root/root/tree" --no-same-owner
    $tool put "$binary" /root/tree/target/release/vps-monitor
    box sh -c 'cd /root/tree && make install' >/dev/null
    box sh -c 'ssh-keygen -q -t ed25519 -N "" -f /root/key
        for user in u1 u2 u3 u4 u5 u6 u7 u8 u9 u10; do
            useradd -m $user
            install -d -m 700 -o $user /home/$user/.ssh
            install -m 600 -o $user /root/key.pub /home/$user/.ssh/authorized_keys
        done'
    box sh -c "printf '[Service]\nExecStart=/bin/bash /root/detection.sh inside $*\n[Install]\nWantedBy=multi-user.target\n' \
        >/etc/systemd/system/detection.service && systemctl enable -q detection"
    $tool put tests/systemd/robot.py /root/robot.py
    $tool put tests/figures/detection.sh /root/detection.sh
    $tool down
    truncate -s 64M "$BOX.disk" "$BOX.state"
    mkfs.ext4 -q "$BOX.disk"
    # In a process group of its own, or a service manager there that is asked to stop would end this one.
    HOME=$BOX timeout 1500 setsid -w linux.uml mem=1G root=/dev/root rootfstype=hostfs "rootflags=$BOX/root" rw "ubd1=$BOX.disk" "ubd2=$BOX.state" \
        init=/lib/systemd/systemd quiet con=null con0=null,null </dev/null >"$BOX/console.log" 2>&1 || true
    cat "$BOX/root/root/figures"
}

if [ "${1-}" = inside ]; then inside "${@:2}"; else outside "${@:?VPS_MONITOR}"; fi
