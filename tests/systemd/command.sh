# shellcheck shell=bash
# A program of the user's as a channel, inside the service's sandbox. Sourced by run.sh.

# program PATH LINES : a script there, as root would install it.
program() {
    sh_box "mkdir -p $(dirname "$1"); printf '%s\n' '#!/bin/sh' $2 >$1; chmod 755 $1"
}
# configure_command PATH : an alert at the first check, for that program alone.
configure_command() {
    sh_box "printf '%s\n' 'general: {hostname: box, check_interval: 3600, language: en, alert_picture: true}' \
        'system: {memory: {threshold: 0.001, for: 0}, disk: {enabled: false}, cpu: {enabled: false}}' \
        'network: {traffic: {enabled: false}}' 'scheduled_report: {enabled: false}' 'channels: [{command: {run: [$1]}}]' >$CONFIG
        systemctl stop vps-monitor; rm -rf /var/lib/vps-monitor/*; systemctl start vps-monitor"
}
# The state's folder is the one that the sandbox lets a program write to.
OUT=/var/lib/vps-monitor

test_a_program_below_usr_runs_in_the_sandbox_and_has_the_text_the_facts_and_the_picture() {
    copy_tree
    readme 'sudo make install' >/dev/null
    program /usr/local/bin/page "'cat >$OUT/text' 'env >$OUT/env' 'cp \"\$VPSMON_IMAGE\" $OUT/picture.png' \
        'touch /etc/page 2>/dev/null || echo read-only >$OUT/etc' 'id -un >$OUT/user'"
    box systemctl enable --quiet vps-monitor
    configure_command /usr/local/bin/page
    wait_for 20 "it is delivered" syslog_has 'delivered kind=alert channel=command'
    sh_box "grep -q '\[box\]' $OUT/text && grep -qx VPSMON_METRIC=memory $OUT/env && grep -qx read-only $OUT/etc"
    sh_box "head -c 4 $OUT/picture.png | grep -q PNG" || fail "no picture: $(sh_box "ls -l $OUT; cat $OUT/env")"
    [ "$(sh_box "cat $OUT/user")" = vps-monitor ] || fail "it ran as $(sh_box "cat $OUT/user")"
    ! sh_box "grep -q NOTIFY_SOCKET $OUT/env" || fail "it has the service's variables"
}

test_a_program_elsewhere_is_refused_with_the_reason_and_runs_with_the_drop_in_of_the_page() {
    program /opt/tool/page "'cat >$OUT/text'"
    configure_command /opt/tool/page
    wait_for 20 "it is refused" syslog_has 'the channel command refuses everything.*/opt/tool/page cannot be run: Permission denied'
    grep -q 'ExecPaths=/path/of/the/program' docs/security.md || fail "the page has no such drop-in"
    sh_box "mkdir -p /etc/systemd/system/vps-monitor.service.d
        printf '[Service]\nExecPaths=/opt/tool/page\n' >/etc/systemd/system/vps-monitor.service.d/page.conf
        systemctl daemon-reload; systemctl stop vps-monitor; rm -rf $OUT/*; systemctl start vps-monitor"
    wait_for 20 "it is delivered" sh_box "grep -q '\[box\]' $OUT/text"
}

test_a_program_that_hangs_is_ended_with_the_service() {
    program /usr/local/bin/hang "'echo \$\$ >$OUT/pid' 'sleep 600 & exec sleep 600'"
    configure_command /usr/local/bin/hang
    wait_for 20 "it runs" sh_box "test -s $OUT/pid"
    box systemctl stop vps-monitor
    ! sh_box 'pgrep -x sleep -a | grep 600' || fail "it outlives the service"
}
