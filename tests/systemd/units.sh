# shellcheck shell=bash
# Units of systemd, by its own bus: those that fail, that restart again and again, that are named. Sourced by run.sh.

unit() { # NAME LINES: a service of the box's own
    sh_box "printf '[Service]\n$2\n' >/run/systemd/system/$1.service && systemctl daemon-reload"
}

posts_have() { box grep -q -- "$1" $POSTS; }
post_count() { box grep -c -- "$1" $POSTS || true; }
# has_posts COUNT TEXT : as many posts have the text.
has_posts() { [ "$(post_count "$2")" = "$1" ]; }

test_a_host_with_failed_units_tells_them_in_one_line_when_the_agent_is_installed() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    readme 'sudo make install' >/dev/null
    configure
    # Nothing else is over its limit.
    sh_box "printf '%s\n' 'general: {hostname: box, check_interval: 3600, language: en}' \
        'wechat: {webhook_url: \"credential:webhook\"}' 'system: {disk: {enabled: false}}' \
        'systemd: {units: [named], ignore: [ignored-*], restart_loop_times: 3}' >$CONFIG"
    unit old-a 'Type=oneshot\nExecStart=/bin/false'
    unit old-b 'Type=oneshot\nExecStart=/bin/false'
    unit ignored-a 'Type=oneshot\nExecStart=/bin/false'
    unit named 'ExecStart=/bin/sleep infinity'
    sh_box 'systemctl start named; systemctl start old-a; systemctl start old-b; systemctl start ignored-a; true' 2>/dev/null
    start_robot
    box systemctl enable --now --quiet vps-monitor
    wait_for 10 "they are told" posts_have '2 units had failed before'
    box grep -q 'old-a.service, old-b.service' $POSTS
    ! posts_have ignored-a || fail "an ignored unit is told"
}

test_the_number_and_the_names_are_those_of_systemctl() {
    sh_box 'vps-monitor --config /root/none.yaml check --json; true' >/dev/null 2>&1
    sh_box "echo '{}' >/root/empty.yaml; vps-monitor --config /root/empty.yaml --state-dir /root/s check --json >/root/check.json; true"
    $TOOL run systemctl --failed --plain --no-legend >"$BOX/failed"
    python3 - "$BOX/root/root/check.json" "$BOX/failed" <<'PY'
import json, sys
found = json.load(open(sys.argv[1]))["readings"]
failed = sorted(line.split()[0] for line in open(sys.argv[2]))
assert sorted(r["target"] for r in found if r["metric"] == "unit_state") == failed and len(failed) == 3, (found, failed)
count = [r["value"] for r in found if r["metric"] == "failed_units"]
assert count == [len(failed)], count
PY
}

# The time from the end of the process to the post at the robot; the times of ten.
test_a_unit_that_fails_is_told_within_seconds_with_its_reason_and_once() {
    local number began times=()
    for number in 0 1 2 3 4 5 6 7 8 9; do
        unit "web-$number" "ExecStart=/bin/sh -c \"exit 3\""
        began=$(date +%s%N)
        sh_box "systemctl start web-$number; true" 2>/dev/null
        wait_for 10 "it is told" posts_have "web-$number.service: failed (exit-code 3"
        times+=($((($(date +%s%N) - began) / 1000000)))
    done
    printf '%s\n' "${times[@]}" | sort -n | awk '{ t[NR] = $1 } END { print "    told after " t[int((NR + 1) / 2)] " ms (median), " t[NR] " ms at most" }'
    has_posts 1 'web-0.service: failed' || fail "it is told twice"
    sh_box 'for n in 1 2 3 4 5 6 7 8 9; do systemctl reset-failed web-$n; done'
    unit web-0 'ExecStart=/bin/sleep infinity'
    box systemctl start web-0
    wait_for 10 "it is active again" posts_have 'web-0.service: back to normal'
    wait_for 10 "the others were reset" posts_have 'web-9.service: back to normal'
}

test_a_unit_that_a_signal_ends_is_told_with_the_signal() {
    box systemctl kill -s SEGV web-0
    wait_for 10 "it is told" posts_have 'web-0.service: failed (.*SIGSEGV'
    box systemctl reset-failed web-0
    # Somebody stops it on purpose: no failure.
    unit web-1 'ExecStart=/bin/sleep infinity'
    sh_box 'systemctl start web-1; systemctl stop web-1'
    ! box systemctl is-failed -q web-1
}

test_a_unit_that_restarts_again_and_again_is_told_as_such() {
    unit loop 'ExecStart=/bin/sh -c "sleep 0.5; exit 4"\nRestart=always\nRestartSec=300ms\nStartLimitIntervalSec=0'
    sh_box "sed -i 's/^StartLimit.*//' /run/systemd/system/loop.service; printf '[Unit]\nStartLimitIntervalSec=0\n' >>/run/systemd/system/loop.service; systemctl daemon-reload; systemctl start loop"
    wait_for 30 "it is told" posts_have 'loop.service: restarting (restart loop ([0-9]* times in 10 minutes), exit-code 4'
    sh_box 'systemctl stop loop; systemctl reset-failed loop 2>/dev/null; true'
    # One that ends well, by design.
    unit worker 'ExecStart=/bin/sleep 0.2\nRestart=always\nRestartSec=100ms'
    sh_box "printf '[Unit]\nStartLimitIntervalSec=0\n' >>/run/systemd/system/worker.service; systemctl daemon-reload; systemctl start worker; sleep 4"
    ! posts_have worker.service || fail "restarts by design are told"
    box systemctl stop worker
}

test_the_bus_may_be_restarted_and_the_agent_follows_again() {
    local began
    sh_box 'systemctl restart dbus'
    box systemctl kill -s USR1 vps-monitor
    wait_for 10 "it checked" sh_box 'sleep 1'
    unit later "ExecStart=/bin/sh -c \"exit 5\""
    sh_box 'systemctl start later; true' 2>/dev/null
    wait_for 10 "it is told" posts_have 'later.service: failed (exit-code 5'
}

test_the_units_hardening_score_is_what_it_was() {
    box systemd-analyze security --no-pager vps-monitor | tail -n 1 >"$BOX/score"
    awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+$/) score = $i } END { print "    " score; exit !(score <= 1.5) }' "$BOX/score"
}
