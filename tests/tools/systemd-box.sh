#!/bin/bash
# systemd-box.sh up|run CMD...|put SRC DST|reboot|down|remove : a booted Debian of Debian's own packages, with systemd as
# process 1, journald, rsyslog and dbus, in namespaces of its own. Needs root.
#
#   BOX        this box's folder                (/var/tmp/vps-monitor-box)
#   BOX_CACHE  the untouched root file system   (/var/cache/vps-monitor-box), made once, some 40 s
#   SUITE      the Debian release               (bookworm)
#
# `up` gives a fresh copy of the cached root each time there is no box; `down` keeps it, `remove` does not. Nothing of the
# host's is touched but these two folders. Exit code 77 (as automake has it): it cannot be done here, and why is said.
set -euo pipefail

BOX=${BOX:-/var/tmp/vps-monitor-box}
BOX_CACHE=${BOX_CACHE:-/var/cache/vps-monitor-box}
SUITE=${SUITE:-bookworm}
ROOT=$BOX/root
CGROUP=vps-monitor-box-$(printf %s "$BOX" | cksum | cut -d' ' -f1)
PACKAGES=systemd,systemd-sysv,dbus,rsyslog,procps,iproute2,make,man-db,python3-minimal,lintian,haproxy,openssh-server,openssh-client,libpam-systemd
PRISTINE=$BOX_CACHE/$SUITE-$(printf %s "$PACKAGES" | cksum | cut -d' ' -f1)
BOOT_SECONDS=60

skip() { echo "systemd-box: $*" >&2; exit 77; }

check_host() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    local tool
    for tool in systemd-nspawn mmdebstrap; do
        command -v $tool >/dev/null || skip "$tool is missing (Debian: apt install systemd-container mmdebstrap)"
    done
}

# Without documents and translations, which nothing here reads. Made beside its place, so that half of one is never used.
make_pristine() {
    mkdir -p "$BOX_CACHE"
    # One at a time: whoever comes second finds it made.
    exec {lock}>"$BOX_CACHE/lock"
    flock "$lock"
    [ ! -d "$PRISTINE" ] || { exec {lock}>&-; return 0; }
    rm -rf "$PRISTINE.part"
    mmdebstrap --quiet --variant=minbase --include=$PACKAGES --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$SUITE" "$PRISTINE.part" >"$BOX_CACHE/mmdebstrap.log" 2>&1 ||
        skip "no Debian could be made: $(tail -n 1 "$BOX_CACHE/mmdebstrap.log")"
    : >"$PRISTINE.part/etc/machine-id"
    mv "$PRISTINE.part" "$PRISTINE"
    exec {lock}>&-
}

# The box's process 1, by the nspawn that this script started: only if its id still is that of an nspawn.
leader() {
    local nspawn
    nspawn=$(cat "$BOX/nspawn.pid" 2>/dev/null) || return 1
    [ "$(cat "/proc/$nspawn/comm" 2>/dev/null)" = systemd-nspawn ] || return 1
    pgrep -o -P "$nspawn"
}

inside() {
    local leader
    leader=$(leader) || { echo "systemd-box: it is not up" >&2; return 125; }
    nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup -- env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# In a control group of its own below each hierarchy's root: systemd-nspawn makes its own two below the one it is started in.
boot() {
    # shellcheck disable=SC2016
    setsid sh -c 'for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
            test -e "$root/cgroup.procs" || continue
            mkdir -p "$root/$0" && echo $$ >"$root/$0/cgroup.procs"
        done
        exec systemd-nspawn --quiet --boot --directory="$1" --machine="$0" --private-network --register=no \
            --keep-unit --console=pipe' "$CGROUP" "$ROOT" >"$BOX/console.log" 2>&1 </dev/null &
    echo $! >"$BOX/nspawn.pid"
    local state='' deadline=$((SECONDS + BOOT_SECONDS))
    until [ "$state" = running ] || [ "$state" = degraded ]; do
        [ $SECONDS -lt $deadline ] || skip "it is '$state' after $BOOT_SECONDS s: $(tail -n 3 "$BOX/console.log")"
        [ -d "/proc/$(cat "$BOX/nspawn.pid")" ] || skip "it does not boot here: $(tail -n 3 "$BOX/console.log")"
        sleep 0.1
        state=$(inside systemctl is-system-running 2>/dev/null || true)
    done
}

up() {
    check_host
    ! leader >/dev/null || return 0
    make_pristine
    mkdir -p "$BOX"
    [ -d "$ROOT" ] || cp -a --reflink=auto "$PRISTINE" "$ROOT"
    boot
}

down() {
    local nspawn leader deadline=$((SECONDS + 15)) root
    leader=$(leader) || return 0
    nspawn=$(cat "$BOX/nspawn.pid")
    inside systemctl poweroff >/dev/null 2>&1 || true
    while [ -d "/proc/$nspawn" ]; do
        [ $SECONDS -lt $deadline ] || { kill -KILL "$leader" 2>/dev/null || true; deadline=$((SECONDS + 15)); }
        sleep 0.1
    done
    rm -f "$BOX/nspawn.pid"
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ ! -d "$root/$CGROUP" ] || find "$root/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

case ${1:-} in
    up) up ;;
    run) shift; inside "$@" ;;
    put) cp -a "$2" "$ROOT/$3" ;;
    # An nspawn with --keep-unit ends where another would boot anew, so it is booted from here.
    reboot) down; boot ;;
    down) down ;;
    remove) down; rm -rf "$BOX" ;;
    *) echo "usage: $0 up|run CMD...|put SRC DST|reboot|down|remove" >&2; exit 64 ;;
esac
