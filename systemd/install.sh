#!/bin/sh
# install.sh install|uninstall|purge : what `make install`, `make uninstall` and `make purge` do, by the paths that the
# Makefile exports.
#
# With DESTDIR the files are put below it and nothing else is done: no user, no service, no word to systemd. Without, what
# install makes it also takes back: folders that were not there before are noted, and removed by uninstall once empty.
set -eu

: "${PREFIX:=/usr/local}" "${SYSCONFDIR:=/etc}" "${UNITDIR:=/etc/systemd/system}" "${DESTDIR:=}"
: "${SYSUSERSDIR:=$SYSCONFDIR/sysusers.d}" "${ZSHDIR:=$PREFIX/share/zsh/site-functions}"
: "${BINARY:=target/release/vps-monitor}"

NAME=vps-monitor
UNIT=$NAME.service
CONFIG_DIR=$SYSCONFDIR/$NAME
CONFIG=$CONFIG_DIR/config.yaml
STATE_DIR=/var/lib/$NAME
DROPIN=/etc/systemd/system/$UNIT.d/docker.conf
NOTES=$PREFIX/share/$NAME/made-folders

# Each file: its mode, where it comes from, where it goes. The unit is not among them: its paths are filled in.
files() {
    cat <<END
755 $BINARY $PREFIX/bin/$NAME
644 systemd/vps-monitor.sysusers $SYSUSERSDIR/$NAME.conf
644 share/man/vps-monitor.8 $PREFIX/share/man/man8/vps-monitor.8
644 share/man/vps-monitor-config.5 $PREFIX/share/man/man5/vps-monitor-config.5
644 share/completions/vps-monitor.bash $PREFIX/share/bash-completion/completions/vps-monitor
644 share/completions/_vps-monitor $ZSHDIR/_vps-monitor
644 share/completions/vps-monitor.fish $PREFIX/share/fish/vendor_completions.d/vps-monitor.fish
END
}

fail() { echo "vps-monitor: $*" >&2; exit 1; }

# Whether the running system is meant, not a folder that is being filled.
is_live() { test -z "$DESTDIR"; }

# Whether systemd is what runs here: sd_booted(3).
has_systemd() { is_live && test -d /run/systemd/system; }

need_root() { ! is_live || test "$(id -u)" = 0 || fail "this needs root: sudo make $1"; }

# Makes a folder below DESTDIR and notes each one that was not there.
make_folder() {
    test ! -d "$DESTDIR$1" || return 0
    test "$1" != / || { mkdir -p "$DESTDIR/"; return 0; }
    make_folder "$(dirname "$1")"
    mkdir -m 755 "$DESTDIR$1"
    ! is_live || made="$1
${made:-}"
}

# By a rename, so that a binary that runs is no obstacle and nobody ever sees half a file.
put() {
    make_folder "$(dirname "$3")"
    install -m "$1" "$2" "$DESTDIR$3.new"
    mv -f "$DESTDIR$3.new" "$DESTDIR$3"
}

put_unit() {
    option=
    test "$SYSCONFDIR" = /etc || option=" --config $CONFIG"
    filled=$(mktemp)
    sed "s|^ExecStart=.*|ExecStart=$PREFIX/bin/$NAME$option run|" systemd/vps-monitor.service >"$filled"
    put 644 "$filled" "$UNITDIR/$UNIT"
    rm -f "$filled"
}

# Never over a configuration that is there; the mode before the name, because it will hold a secret.
put_config() {
    make_folder "$CONFIG_DIR"
    if test ! -e "$DESTDIR$CONFIG"; then
        target=$CONFIG
    elif is_live && ! cmp -s etc/config.yaml "$CONFIG"; then
        target=$CONFIG.new
        echo "$CONFIG is kept as it is; this version's template is $target"
    else
        return 0
    fi
    install -m 640 etc/config.yaml "$DESTDIR$target.part"
    ! is_live || chgrp $NAME "$target.part"
    mv -f "$DESTDIR$target.part" "$DESTDIR$target"
}

# The Docker Engine's socket belongs to the group `docker`. A unit that names a group that is not there does not start
# (systemd.exec(5)), so the group is named only where it is.
put_docker_group() {
    if getent group docker >/dev/null; then
        make_folder "$(dirname "$DROPIN")"
        printf '%s\n' "# Written by vps-monitor's install: the group that may use the Docker Engine's socket." \
            '[Service]' 'SupplementaryGroups=docker' >"$DROPIN"
    else
        rm -f "$DROPIN"
    fi
}

note_made_folders() {
    test -n "${made:-}" || return 0
    make_folder "$(dirname "$NOTES")"
    printf '%s' "$made" | cat - "$NOTES" 2>/dev/null | grep -vx "$CONFIG_DIR" >"$NOTES.new" || true
    mv -f "$NOTES.new" "$NOTES"
}

has_placeholder() { grep -Eq '^[[:space:]]*webhook_url:.*YOUR_KEY' "$CONFIG"; }

say_next() {
    if has_placeholder; then
        first="sudoedit $CONFIG    # the robot's webhook in place of YOUR_KEY"
    else
        first="sudo $NAME config check"
    fi
    printf '%s\n' "$NAME is installed. Next:" "  $first" "  sudo systemctl enable --now $NAME" \
        "  sudo $NAME test-notify && systemctl status $NAME"
}

install_all() {
    need_root install
    test -x "$BINARY" || fail "$BINARY is not there: run make build first"
    files | while read -r _ source _; do test -e "$source" || fail "$source is missing from this tree"; done
    made=
    is_new=yes
    test ! -e "$DESTDIR$UNITDIR/$UNIT" || is_new=no
    if is_live; then
        command -v systemd-sysusers >/dev/null || fail "systemd-sysusers is missing (Debian: apt install systemd)"
    fi
    while read -r mode source target; do put "$mode" "$source" "$target"; done <<END
$(files)
END
    put_unit
    ! is_live || systemd-sysusers "$SYSUSERSDIR/$NAME.conf"
    put_config
    is_live || return 0
    put_docker_group
    note_made_folders
    if has_systemd; then
        systemctl daemon-reload
        if systemctl is-active --quiet $UNIT; then
            systemctl restart $UNIT
            echo "$NAME is upgraded and was restarted."
            return 0
        fi
        if test "$is_new" = yes && "$PREFIX/bin/$NAME" --config "$CONFIG" config check >/dev/null 2>&1; then
            systemctl enable --now $UNIT
            echo "$NAME is installed and runs: systemctl status $NAME"
            return 0
        fi
    fi
    say_next
}

uninstall() {
    need_root uninstall
    if has_systemd; then
        systemctl disable --now --quiet $UNIT 2>/dev/null || true
    fi
    files | while read -r _ _ target; do rm -f "$DESTDIR$target"; done
    rm -f "$DESTDIR$UNITDIR/$UNIT"
    is_live || return 0
    rm -f "$DROPIN" "$CONFIG.new"
    if test -e "$NOTES"; then
        while read -r folder; do rmdir "$folder" 2>/dev/null || true; done <"$NOTES"
        # Its own folder is noted in it, and is empty only now.
        kept=$(cat "$NOTES")
        rm -f "$NOTES"
        for folder in "$(dirname "$NOTES")" $kept; do rmdir "$folder" 2>/dev/null || true; done
    fi
    if has_systemd; then
        systemctl daemon-reload
        systemctl reset-failed $UNIT 2>/dev/null || true
    fi
    if test "$1" = uninstall && test -d "$CONFIG_DIR"; then
        echo "Kept: $CONFIG_DIR and $STATE_DIR (make purge removes them and the user $NAME)."
    fi
}

# All that uninstall keeps: configuration, state, what systemd keeps of the unit, and the user.
purge() {
    need_root purge
    uninstall purge
    rm -rf "$DESTDIR$CONFIG_DIR" "$DESTDIR$STATE_DIR"
    is_live || return 0
    rm -rf "/run/$NAME" "/etc/systemd/system/$UNIT.d" "/etc/systemd/system.control/$UNIT.d"
    ! getent passwd $NAME >/dev/null || userdel $NAME
    ! getent group $NAME >/dev/null || groupdel $NAME
    ! has_systemd || systemctl daemon-reload
}

case ${1:-} in
    install) install_all ;;
    uninstall) uninstall uninstall ;;
    purge) purge ;;
    *) echo "usage: $0 install|uninstall|purge" >&2; exit 64 ;;
esac
