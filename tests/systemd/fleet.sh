# shellcheck shell=bash
# Hand-overs that the unit's sandbox forbids, by the drop-ins of docs/fleet.md: sourced by run.sh.

FOLDER=/var/lib/prometheus/node-exporter
TEXTFILE=$FOLDER/vps-monitor.prom

# drop_in NUMBER : an ini block of the page, as `systemctl edit` leaves it.
drop_in() {
    block ini "$1" docs/fleet.md | sh_box "cat >>/etc/systemd/system/vps-monitor.service.d/override.conf && systemctl daemon-reload"
}
is_in_status() { sh_box 'vps-monitor status' | grep -q -- "$1"; }
scraped() {
    # shellcheck disable=SC2016
    box bash -c 'exec 3<>/dev/tcp/127.0.0.1/9101 && printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 && cat <&3'
}

# Whether a unit is kept from a port here at all: systemd must be built for BPF, and the kernel must let it.
forbids_ports() {
    # shellcheck disable=SC2016
    ! sh_box 'systemd-run --quiet --wait --pipe -p SocketBindDeny=any python3 -c "import socket; socket.create_server((\"127.0.0.1\", 9102))"' \
        >/dev/null 2>&1
}

test_without_a_drop_in_nothing_is_handed_over_and_the_agent_says_what_to_do() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    readme 'sudo make install' >/dev/null
    configure
    # The section of the page's both ways, in one.
    { block yaml 1 docs/fleet.md; block yaml 2 docs/fleet.md | tail -n +2; } | sh_box "cat >>$CONFIG"
    # As Debian's node_exporter has it.
    box install -d $FOLDER
    start_robot
    box systemctl enable --now --quiet vps-monitor
    wait_for 10 "the file's remedy" syslog_has "metrics textfile .*add $FOLDER to the unit's ReadWritePaths (systemctl edit"
    is_in_status "add $FOLDER to the unit's ReadWritePaths" || fail "status does not say so"
    box test ! -e $TEXTFILE
    if forbids_ports; then
        wait_for 10 "the port's remedy" syslog_has "add tcp:9101 to the unit's SocketBindAllow (systemctl edit"
        is_in_status "add tcp:9101 to the unit's SocketBindAllow" || fail "status does not say so"
        ! scraped >/dev/null 2>&1 || fail "it listens all the same"
    else
        echo "    here no unit is kept from a port"
    fi
    # All else goes on.
    wait_for 10 "an alert is delivered" box grep -q 'memory\|Memory' $POSTS
}

test_with_the_drop_ins_of_the_page_the_file_is_there_for_everybody_and_the_port_is_answered() {
    drop_in 1
    drop_in 2
    readme 'sudo chgrp vps-monitor /var/lib/prometheus/node-exporter' >/dev/null
    readme 'sudo chmod g+w /var/lib/prometheus/node-exporter' >/dev/null
    readme 'sudo systemctl restart vps-monitor' >/dev/null
    wait_for 20 "the file is there" box test -s $TEXTFILE
    [ "$(box stat -c '%a %U' $TEXTFILE)" = '644 vps-monitor' ] || fail "$(box stat -c '%a %U' $TEXTFILE)"
    box setpriv --reuid=nobody --clear-groups grep -q '^vps_monitor_checks_total 1$' $TEXTFILE || fail "others cannot read it"
    wait_for 10 "the page is there" scraped
    scraped | grep -q '^vps_monitor_checks_total 1$' || fail "$(scraped)"
    ! is_in_status 'metrics' || fail "$(sh_box 'vps-monitor status')"
    local score
    score=$(box systemd-analyze security --no-pager vps-monitor | sed -n 's/.*level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "    systemd-analyze security with both: $score"
}

test_a_clean_stop_removes_the_file() {
    box systemctl stop vps-monitor
    [ -z "$(box ls -A $FOLDER)" ] || fail "$(box ls -A $FOLDER)"
}
