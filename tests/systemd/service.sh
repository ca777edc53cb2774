# shellcheck shell=bash
# make install, the service's whole life, and away again: sourced by run.sh.

# is_the_template FILE : after the line that tells an editor where the schema is.
is_the_template() { sh_box "tail -n +2 $1 | cmp - $SOURCE/etc/config.yaml"; }

test_make_install_puts_everything_in_place_and_starts_nothing() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    list_files >"$BOX/before"
    grep -q ' etc/passwd' "$BOX/before" || fail "the list of files is none"
    readme 'sudo make install' >"$BOX/said"
    grep -q 'systemctl enable --now vps-monitor' "$BOX/said" || fail "no word on what is next"
    [ "$(box stat -c '%a %U:%G' $CONFIG)" = '640 root:vps-monitor' ] || fail "the configuration's mode or owner"
    is_the_template $CONFIG || fail "the configuration is not the template"
    box test -f "$(sh_box "sed -n '1s/.*schema=//p' $CONFIG")" || fail "the schema that the template names is not there"
    ! box systemctl is-active -q vps-monitor || fail "it was started with the placeholder"
    box man -w vps-monitor vps-monitor-config >/dev/null
    box test ! -e /etc/systemd/system/vps-monitor.service.d/docker.conf
}

test_what_was_installed_is_what_systemd_and_the_shell_take() {
    box systemd-analyze verify --man=no vps-monitor.service >"$BOX/said" 2>&1
    ! grep vps-monitor "$BOX/said" || fail "systemd does not take the unit as it is"
    box bash -c '. /usr/local/share/bash-completion/completions/vps-monitor && complete -p vps-monitor' >/dev/null
}

# sudo is not in the box; what it tells a command is two variables. The user's cargo is a stand-in that says who called it.
test_what_sudo_was_asked_for_is_built_by_the_user_who_asked() {
    sh_box "useradd -m builder && cp -r $SOURCE /home/builder/tree && cd /home/builder/tree && mkdir -p ../.cargo/bin &&
        mv target/release/vps-monitor /home/builder/built && rm -r target &&
        printf '%s\n' '#!/bin/sh' 'test \$1 = rustc || exit 0' 'id -un >../who' 'mkdir -p target/release' \
            'cp ../built target/release/vps-monitor' >../.cargo/bin/cargo && chmod +x ../.cargo/bin/cargo &&
        chown -R builder /home/builder && CC=true SUDO_USER=builder make install DESTDIR=/root/stage" >"$BOX/said" 2>&1 ||
        fail "$(cat "$BOX/said")"
    [ "$(box cat /home/builder/who)" = builder ] || fail "it was built by root"
    box test -x /root/stage/usr/local/bin/vps-monitor
    sh_box 'rm -r /root/stage; userdel -r builder' 2>/dev/null
}

test_a_placeholder_ends_the_service_with_78_and_no_restart() {
    ! box systemctl start vps-monitor 2>/dev/null || fail "it starts with the placeholder"
    [ "$(property ExecMainStatus)" = 78 ]
    [ "$(property NRestarts)" = 0 ]
    wait_for 5 "the log names the line" syslog_has 'config.yaml:.*placeholder'
    [ "$(sh_box "journalctl -t vps-monitor | grep -c 'error: wechat'")" = 1 ] || fail "it is said twice"
}

test_a_service_that_is_enabled_gets_ready_and_delivers_an_alert() {
    configure
    start_robot
    local began
    began=$(date +%s%N)
    readme 'sudo systemctl enable --now vps-monitor' >/dev/null
    echo "    READY after $((($(date +%s%N) - began) / 1000000)) ms, the start of systemctl included"
    [ "$(property ActiveState)" = active ]
    [ "$(box ps -o user= -p "$(property MainPID)")" = vps-moni+ ] ||
        [ "$(box ps -o user= -p "$(property MainPID)")" = vps-monitor ] || fail "not its own user"
    readme 'sudo vps-monitor config check' | grep ok >/dev/null || fail "root cannot check the configuration"
    wait_for 10 "an alert is delivered" box grep -q 'memory\|Memory' $POSTS
    # The next check is an hour away: the text changes when a message is delivered.
    wait_for 5 "STATUS=" status_text_has '[1-9][0-9]* active alerts, 0 messages waiting, next check'
}

test_a_test_message_arrives_in_the_group() {
    readme 'sudo vps-monitor test-notify' >"$BOX/said"
    grep -q 'delivered' "$BOX/said" && sh_box "tail -n 1 $POSTS | grep -q Test" || fail "$(cat "$BOX/said")"
}

test_a_user_of_the_services_group_is_told_how_to_ask() {
    box useradd -m -G vps-monitor member
    sh_box "runuser -u member -- vps-monitor status; test \$? = 1" >"$BOX/said" 2>&1 || fail "$(cat "$BOX/said")"
    grep -q 'sudo vps-monitor status' "$BOX/said" || fail "$(cat "$BOX/said")"
    ! grep -q 'not running' "$BOX/said" || fail "$(cat "$BOX/said")"
    sh_box "runuser -u vps-monitor -- vps-monitor status" | grep -q '^agent  *running, process' || fail "not even its own user"
    sh_box "vps-monitor status" >"$BOX/said"
    grep -q "^configuration  *$CONFIG\$" "$BOX/said" && grep -q '^readings  *memory .*% .*threshold 0.001%  OVER' "$BOX/said" ||
        fail "$(cat "$BOX/said")"
    sh_box 'userdel -r member' 2>/dev/null
}

test_syslog_has_a_line_for_each_fact() {
    wait_for 5 "the alert" syslog_has 'vps-monitor\[[0-9]*\]: .*alert=memory state=firing .*value=.* threshold=0.001'
    wait_for 5 "the delivery" syslog_has 'vps-monitor\[[0-9]*\]: .*delivered kind=alert'
    readme "grep vps-monitor /var/log/syslog" >/dev/null
    readme "grep 'alert=memory state=firing' /var/log/syslog" >/dev/null
    sh_box "timeout 2 journalctl -u vps-monitor -f" >"$BOX/said" || true # It goes on until it is ended.
    grep -q Started "$BOX/said" || fail "the journal has nothing of the unit"
    readme "journalctl -t vps-monitor -p warning" >"$BOX/said"
    grep -q alert=memory "$BOX/said" || fail "the priority is not the level's"
    ! box grep -q 693a91f6 /var/log/syslog || fail "the key is in the log"
    ! sh_box "journalctl | grep -q 693a91f6" || fail "the key is in the journal"
}

test_hardening_is_at_most_1_5_and_costs_no_metric() {
    local score
    score=$(box systemd-analyze security --no-pager vps-monitor.service | sed -n 's/.*level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "    systemd-analyze security: $score"
    awk "BEGIN { exit !($score > 0 && $score <= 1.5) }" || fail "$score is above 1.5"
    # The same program with the same switches, measuring once; then without any.
    sh_box "sed -e 's/^Type=.*/Type=oneshot/; s/^ExecStart=.*/ExecStart=\/usr\/local\/bin\/vps-monitor check --json/' \
        -e '/^WatchdogSec\|^Restart\|^ExecReload\|^StateDirectory/d' /etc/systemd/system/vps-monitor.service \
        >/run/systemd/system/probe.service
        printf '[Service]\nStandardOutput=file:/root/inside.json\nStandardError=journal\nSuccessExitStatus=1\nLoadCredential=webhook:/etc/vps-monitor/webhook\n' \
            >/run/systemd/system/probe-out.conf
        mkdir -p /run/systemd/system/probe.service.d
        mv /run/systemd/system/probe-out.conf /run/systemd/system/probe.service.d/out.conf
        systemctl daemon-reload; systemctl start probe.service"
    sh_box "vps-monitor check --json >/root/outside.json 2>/dev/null" || true
    local comparison
    comparison=$(python3 - "$BOX/root/root/inside.json" "$BOX/root/root/outside.json" <<'PY'
import json, sys
inside, outside = (json.load(open(path)) for path in sys.argv[1:])
def key(reading): return reading["metric"], reading["target"]
assert not inside["failures"], inside["failures"]
assert [key(r) for r in inside["readings"]] == [key(r) for r in outside["readings"]], "other readings"
for a, b in zip(inside["readings"], outside["readings"]):
    assert a.get("total_bytes") == b.get("total_bytes"), (a, b)
    if a["metric"] in ("memory", "disk", "connections"):
        assert abs(a["value"] - b["value"]) <= 0.1 * max(a["value"], b["value"]) + 1, (a, b)
print(len(inside["readings"]), "readings agree")
PY
    ) || fail "hardened, it measures something else"
    echo "    $comparison"
    sh_box "rm -rf /run/systemd/system/probe.service* /root/inside.json /root/outside.json; systemctl daemon-reload"
}

test_a_reload_takes_a_good_configuration_and_fails_with_a_bad_one() {
    local pid before
    pid=$(property MainPID)
    sh_box "sed -i 's/language: en/language: en, log_level: DEBUG/' $CONFIG && true"
    readme 'sudo systemctl reload vps-monitor'
    wait_for 5 "it is reloaded" syslog_has 'reloaded channel='
    before=$(posts)
    sh_box "sed -i 's/language: en/languag: en/' $CONFIG"
    for _ in 1 2; do
        ! box systemctl reload vps-monitor 2>/dev/null || fail "systemctl reload says that all is well"
    done
    wait_for 5 "the bad line is named" syslog_has 'config.yaml:2:[0-9]*: error: .*languag.*did you mean'
    wait_for 5 "systemctl status says so" status_text_has 'NOT VALID .*config.yaml:2:.*languag'
    sh_box "vps-monitor status" >"$BOX/said" || fail "status fails though the agent answers"
    grep -q 'NOT VALID on disk: .*config.yaml:2:.*languag' "$BOX/said" || fail "$(cat "$BOX/said")"
    wait_for 10 "the group is told" sh_box "tail -n 1 $POSTS | grep -q 'configuration not valid'"
    sh_box "cp $CONFIG /root/whole.yaml; : >$CONFIG"
    ! box systemctl reload vps-monitor 2>/dev/null || fail "systemctl reload takes an empty configuration, it says"
    sh_box "cat /root/whole.yaml >$CONFIG; rm /root/whole.yaml"
    sh_box "sed -i 's/languag: en/language: en/' $CONFIG && systemctl reload vps-monitor"
    wait_for 5 "it is well again" is_property ActiveState active
    wait_for 5 "systemctl status has forgotten it" status_text_has '^[1-9]'
    [ "$(posts)" = $((before + 1)) ] || fail "the group was told $(($(posts) - before)) times"
    [ "$(property MainPID)" = "$pid" ] || fail "it is another process"
}

test_a_killed_agent_is_back_within_10_seconds_and_repeats_nothing() {
    local pid before
    pid=$(property MainPID)
    before=$(posts)
    box kill -KILL "$pid"
    wait_for 10 "another process is active" sh_box "systemctl is-active -q vps-monitor &&
        test \$(systemctl show --value -p MainPID vps-monitor) != $pid && vps-monitor status | grep -q ."
    [ "$(posts)" = "$before" ] || fail "the alert was sent again within its cooldown"
}

test_a_loop_that_hangs_is_ended_by_the_watchdog() {
    [ "$(property WatchdogUSec)" = 30s ] || fail "the unit's watchdog is $(property WatchdogUSec)"
    # A shorter one, so that the test need not wait for that.
    sh_box 'mkdir -p /run/systemd/system/vps-monitor.service.d
        printf "[Service]\nWatchdogSec=2\n" >/run/systemd/system/vps-monitor.service.d/watchdog.conf
        systemctl daemon-reload; systemctl restart vps-monitor'
    local pid
    pid=$(property MainPID)
    # It feeds for longer than the watchdog's time: nothing but the loop does that.
    box timeout 5 tail --pid="$pid" -f /dev/null || true
    [ "$(property MainPID)" = "$pid" ] || fail "it does not feed the watchdog"
    box kill -STOP "$pid"
    wait_for 25 "another process is active" sh_box "systemctl is-active -q vps-monitor &&
        test \$(systemctl show --value -p MainPID vps-monitor) != $pid"
    sh_box "journalctl -u vps-monitor | grep -q 'Watchdog timeout'"
    sh_box 'rm -r /run/systemd/system/vps-monitor.service.d; systemctl daemon-reload; systemctl restart vps-monitor'
}

test_logging_survives_a_restart_of_rsyslog_and_of_journald() {
    local service before
    for service in rsyslog systemd-journald; do
        box systemctl restart $service
        before=$(syslog_count 'reloaded channel=')
        box systemctl reload vps-monitor
        wait_for 10 "a line after the restart of $service" has_more 'reloaded channel=' "$before"
    done
}

# In the engine's place listens something that lets its group in and nobody else, and notes who came.
start_engine() {
    sh_box "systemd-run -q --unit engine -p Group=docker -p UMask=0007 python3 -c '
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind(\"/run/docker.sock\")
listener.listen()
while True:
    listener.accept()[0].close()
    open(\"/root/came\", \"a\").close()
'"
    wait_for 5 "something listens for Docker" box test -S /run/docker.sock
}

test_the_docker_group_is_used_where_it_is_and_missed_nowhere() {
    box groupadd docker
    start_engine
    readme 'sudo make install' >"$BOX/said"
    grep -q 'was restarted' "$BOX/said" || fail "it was not restarted"
    wait_for 10 "it is active" is_property ActiveState active
    wait_for 10 "it is let in by its group" box test -e /root/came
    box groupdel docker
    readme 'sudo make install' >"$BOX/said"
    grep -q 'was restarted' "$BOX/said" || fail "it was not restarted"
    wait_for 10 "it is active without" is_property ActiveState active
    box test ! -e /etc/systemd/system/vps-monitor.service.d/docker.conf
    wait_for 10 "it is refused, and says so" syslog_has 'collector=docker.*ermission denied'
    sh_box 'systemctl stop engine; rm -f /run/docker.sock /root/came'
}

# Behind the proxy of the security page, the agent is in the group no more.
test_the_read_only_proxy_stands_between_it_and_docker() {
    box groupadd docker
    start_engine
    sh_box "cd $SOURCE && make install" >/dev/null
    block haproxy 1 docs/security.md | sh_box "cat >/etc/vps-monitor/docker-proxy.cfg"
    block ini 2 docs/security.md | sh_box "cat >/etc/systemd/system/vps-monitor-docker.service"
    sh_box "cp $CONFIG /root/config.yaml && printf '%s\n' '$(block yaml 1 docs/security.md)' >>$CONFIG && rm -f /root/came"
    readme 'sudo systemctl enable --now vps-monitor-docker'
    box systemd-analyze verify --man=no vps-monitor-docker.service
    readme 'sudo mkdir -p /etc/systemd/system/vps-monitor.service.d'
    sh_box "$(block sh 1 docs/security.md | grep z-no-docker-group | sed 's/sudo //')" >/dev/null
    readme 'sudo systemctl daemon-reload'
    readme 'sudo systemctl restart vps-monitor'
    wait_for 10 "a request has come through" box test -e /root/came
    readme 'sudo vps-monitor status' | grep -q '^agent  *running' || fail "status does not find the service"
    ! sh_box "grep -q \"^Groups:.*\$(getent group docker | cut -d: -f3)\" /proc/$(property MainPID)/status" || fail "it is in the group"
    wait_for 10 "it has the proxy's answer" syslog_has 'collector=docker.*50[234]'
    [ "$(sh_box 'stat -c "%a %U:%G" /run/vps-monitor-docker/docker.sock')" = '660 root:vps-monitor' ]
    sh_box "systemctl disable --now --quiet vps-monitor-docker && rm /etc/systemd/system/vps-monitor-docker.service \
        /etc/systemd/system/vps-monitor.service.d/z-no-docker-group.conf /etc/vps-monitor/docker-proxy.cfg
        cp /root/config.yaml $CONFIG; rm /root/config.yaml; groupdel docker; systemctl stop engine; rm -f /run/docker.sock /root/came
        cd $SOURCE && make install" >/dev/null
    wait_for 10 "it is active" is_property ActiveState active
}

test_an_upgrade_asks_the_new_version_about_the_configuration() {
    local pid
    pid=$(property MainPID)
    sh_box "sed -i 's/language: en/languag: en/' $CONFIG"
    ! sh_box "cd $SOURCE && echo >>etc/config.yaml && make install" >"$BOX/said" 2>&1 || fail "it was installed"
    grep -q 'config.yaml:2:.*languag' "$BOX/said" && grep -q 'does not accept .*Nothing was changed' "$BOX/said" ||
        fail "$(cat "$BOX/said")"
    [ "$(property MainPID)" = "$pid" ] || fail "it was restarted"
    box test ! -e $CONFIG.new
    sh_box "sed -i 's/languag: en/language: en/' $CONFIG; cd $SOURCE && sed -i '\$d' etc/config.yaml"
    # Nor is a binary put in place that does not run here, such as one for another architecture.
    sh_box "printf '#!/bin/sh\necho cannot >&2; exit 127\n' >/root/broken; chmod +x /root/broken"
    ! sh_box "cd $SOURCE && make install BINARY=/root/broken" >"$BOX/said" 2>&1 || fail "it was installed"
    grep -q 'cannot' "$BOX/said" && grep -q 'does not run here' "$BOX/said" || fail "$(cat "$BOX/said")"
    [ "$(property MainPID)" = "$pid" ] || fail "it was restarted"
    box rm /root/broken
}

test_an_upgrade_keeps_configuration_and_state() {
    local pid config since
    pid=$(property MainPID)
    config=$(box sha256sum $CONFIG)
    since=$(sh_box "vps-monitor status --json" | python3 -c 'import json,sys; print([a["since"] for a in json.load(sys.stdin)["alerts"]])')
    [ "$since" != '[]' ]
    readme 'sudo make install' >"$BOX/said"
    ! grep -q 'config.yaml.new' "$BOX/said" && box test ! -e $CONFIG.new || fail "a template though it is the same"
    grep -q 'was restarted' "$BOX/said"
    [ "$(property MainPID)" != "$pid" ]
    [ "$(box sha256sum $CONFIG)" = "$config" ]
    [ "$(sh_box "vps-monitor status --json" | python3 -c 'import json,sys; print([a["since"] for a in json.load(sys.stdin)["alerts"]])')" = "$since" ] ||
        fail "the alerts are other ones"
}

test_a_changed_template_is_put_beside_the_configuration() {
    sh_box "cd $SOURCE && echo '# new' >>etc/config.yaml && make install" >"$BOX/said" 2>&1
    grep -q 'config.yaml.new' "$BOX/said" || fail "nothing is said of the template"
    is_the_template $CONFIG.new || fail "it is not the template"
    [ "$(box stat -c '%a %U:%G' $CONFIG.new)" = '640 root:vps-monitor' ] || fail "its mode or owner"
    sh_box "rm $CONFIG.new; sed -i '\$d' $SOURCE/etc/config.yaml"
}

test_after_a_reboot_it_is_back_and_repeats_no_alert() {
    local before
    before=$(posts)
    box systemctl stop robot
    $TOOL reboot
    sh_box "cp $POSTS $POSTS.before"
    sh_box "systemd-run -q --unit robot python3 /root/robot.py 8099 $POSTS"
    wait_for 15 "it is active" is_property ActiveState active
    wait_for 10 "it has checked" sh_box "vps-monitor status --json | grep -q '\"last_check\": *\"'"
    [ "$(posts)" = "$before" ] || fail "the alert was sent again within its cooldown"
    sh_box "rm -f $POSTS.before"
}

test_uninstall_keeps_configuration_and_state_and_purge_leaves_nothing() {
    readme 'sudo make uninstall' >"$BOX/said"
    grep -q Kept "$BOX/said" || fail "no word on what is kept"
    ! box systemctl is-active -q vps-monitor || fail "it still runs"
    box test -e $CONFIG
    box test -e /var/lib/vps-monitor/alert_state.json
    ! box sh -c 'command -v vps-monitor' || fail "the binary is still there"
    # What was kept is valid by itself, so it runs at once; and no path is too odd for it.
    sh_box "sed -i 's|credential:webhook|http://localhost:8099/send?key=k|' $CONFIG
        cd $SOURCE && make install PREFIX='/opt/a & 50% \"b\"'" >"$BOX/said"
    grep -q 'enabled and running' "$BOX/said" || fail "$(cat "$BOX/said")"
    wait_for 10 "it runs from an odd path" is_property ActiveState active
    box systemctl reload vps-monitor
    [ "$(sh_box "readlink /proc/$(property MainPID)/exe")" = '/opt/a & 50% "b"/bin/vps-monitor' ] || fail "another program runs"
    sh_box "cd $SOURCE && make uninstall PREFIX='/opt/a & 50% \"b\"'" >/dev/null
    box test ! -e /opt/a*
    # Without an answer nothing is removed.
    ! sh_box "cd $SOURCE && make purge </dev/null" >"$BOX/said" 2>&1 || fail "it does not ask"
    grep -q "$CONFIG_DIR" "$BOX/said" && grep -q 'nothing was removed' "$BOX/said" || fail "$(cat "$BOX/said")"
    ! sh_box "cd $SOURCE && echo n | make purge" >"$BOX/said" 2>&1 || fail "no is no"
    box test -e $CONFIG
    sh_box "cd $SOURCE && make purge YES=1" >"$BOX/said"
    grep -q 'is removed' "$BOX/said"
    box systemctl stop robot
    list_files >"$BOX/after"
    diff "$BOX/before" "$BOX/after" || fail "this is not as it was before"
    ! box getent passwd vps-monitor
}
