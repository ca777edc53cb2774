# shellcheck shell=bash
# The Debian package's whole life: sourced by run.sh.

PACKAGES=/root/packages

build_package() { # VERSION: the sources with another version, so that there is something to upgrade to
    sh_box "cd $SOURCE && sed -i '0,/^version = .*/s//version = \"$1\"/' Cargo.toml && DEBFULLNAME=Tester \
        DEBEMAIL=tester@debian.org OUT=$PACKAGES systemd/debian/build.sh >/dev/null"
}

test_a_package_is_built_that_lintian_has_no_error_in() {
    copy_tree
    $TOOL put tests/systemd/robot.py /root/robot.py
    build_package 0.1.0
    sh_box "ls -l $PACKAGES/*.deb | awk '{ print \"    \" \$5 \" bytes\" }'"
    sh_box "lintian --allow-root --fail-on error $PACKAGES/*_0.1.0_*.deb" >"$BOX/lintian" || fail "$(cat "$BOX/lintian")"
    list_files >"$BOX/before"
}

test_the_package_installs_and_starts_nothing() {
    sh_box "dpkg -i $PACKAGES/*_0.1.0_*.deb" >"$BOX/said" 2>&1
    grep -q 'systemctl enable --now' "$BOX/said" || fail "no word on what is next"
    [ "$(box stat -c '%a %U:%G' $CONFIG)" = '640 root:vps-monitor' ] || fail "the configuration's mode or owner"
    ! box systemctl is-active -q vps-monitor || fail "it was started with the placeholder"
    box man -w vps-monitor vps-monitor-config >/dev/null
}

test_an_upgrade_keeps_an_edited_configuration_and_the_service_running() {
    local pid config
    configure
    start_robot
    box systemctl enable --now --quiet vps-monitor
    wait_for 10 "an alert is delivered" box grep -q memory /var/log/syslog
    pid=$(property MainPID)
    config=$(box sha256sum $CONFIG)
    # The new one comes with another template: dpkg must not put it in place of the edited file, nor ask.
    sh_box "echo '# new' >>$SOURCE/etc/config.yaml"
    build_package 0.2.0
    sh_box "DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i $PACKAGES/*_0.2.0_*.deb" >/dev/null 2>&1
    [ "$(box sha256sum $CONFIG)" = "$config" ] || fail "the configuration is another one"
    [ "$(box stat -c '%a %U:%G' $CONFIG)" = '640 root:vps-monitor' ] || fail "the configuration's mode or owner"
    wait_for 10 "it is active" is_property ActiveState active
    [ "$(property MainPID)" != "$pid" ] || fail "the old one still runs"
    box systemctl is-enabled -q vps-monitor
}

test_an_upgrade_restarts_nothing_that_would_not_start() {
    local pid
    pid=$(property MainPID)
    sh_box "sed -i 's/language: en/languag: en/' $CONFIG"
    build_package 0.3.0
    sh_box "DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i $PACKAGES/*_0.3.0_*.deb" >"$BOX/said" 2>&1
    grep -q 'config.yaml:2:.*languag' "$BOX/said" && grep -q 'keeps running' "$BOX/said" || fail "$(cat "$BOX/said")"
    [ "$(property MainPID)" = "$pid" ] || fail "it was restarted"
    sh_box "sed -i 's/languag: en/language: en/' $CONFIG"
}

test_removal_keeps_configuration_and_state_and_purge_leaves_nothing() {
    sh_box 'dpkg -r vps-monitor' >/dev/null
    ! box pgrep -x vps-monitor || fail "it still runs"
    box test -e $CONFIG
    box test -e /var/lib/vps-monitor/alert_state.json
    sh_box 'dpkg -P vps-monitor' >/dev/null 2>&1
    box systemctl stop robot
    list_files >"$BOX/after"
    diff "$BOX/before" "$BOX/after" || fail "this is not as it was before"
}
