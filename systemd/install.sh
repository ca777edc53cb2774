#!/bin/sh
# install.sh install|uninstall|purge : what `make install`, `make uninstall` and `make purge` do, by the paths that the
# Makefile exports.
#
# With DESTDIR the files are put below it and nothing else is done: no user, no service, no call to systemd. Without it,
# uninstall takes back what install made: folders that were not there before are noted, and removed once they are empty.
set -eu

: "${PREFIX:=/usr/local}" "${SYSCONFDIR:=/etc}" "${UNITDIR:=/etc/systemd/system}" "${DESTDIR:=}"
: "${SYSUSERSDIR:=$SYSCONFDIR/sysusers.d}" "${ZSHDIR:=$PREFIX/share/zsh/site-functions}"
: "${BINARY:=target/release/vps-monitor}"

NAME=vps-monitor
UNIT=$NAME.service
PROGRAM=$PREFIX/bin/$NAME
CONFIG_DIR=$SYSCONFDIR/$NAME
CONFIG=$CONFIG_DIR/config.yaml
SCHEMA=$PREFIX/share/$NAME/config.schema.json
STATE_DIR=/var/lib/$NAME
DROPIN=/etc/systemd/system/$UNIT.d/docker.conf
NOTES=$PREFIX/share/$NAME/made-folders
TAB=$(printf '\t')
LINE_FEED='
'

# Each file: its mode, where it comes from, where it goes, separated by tabs: a path may hold blanks. The unit is not
# among them: its paths are filled in.
files() {
    printf '%s\t%s\t%s\n' \
        755 "$BINARY" "$PROGRAM" \
        644 systemd/vps-monitor.sysusers "$SYSUSERSDIR/$NAME.conf" \
        644 share/config.schema.json "$SCHEMA" \
        644 share/font/OFL.txt "$PREFIX/share/$NAME/OFL.txt" \
        644 share/man/vps-monitor.8 "$PREFIX/share/man/man8/vps-monitor.8" \
        644 share/man/vps-monitor-config.5 "$PREFIX/share/man/man5/vps-monitor-config.5" \
        644 share/completions/vps-monitor.bash "$PREFIX/share/bash-completion/completions/vps-monitor" \
        644 share/completions/_vps-monitor "$ZSHDIR/_vps-monitor" \
        644 share/completions/vps-monitor.fish "$PREFIX/share/fish/vendor_completions.d/vps-monitor.fish"
}

fail() { echo "vps-monitor: $*" >&2; exit 1; }

# Whether the running system is meant, not a folder that is being filled.
is_live() { test -z "$DESTDIR"; }

# Whether systemd is what runs here: sd_booted(3).
has_systemd() { is_live && test -d /run/systemd/system; }

need_root() { ! is_live || test "$(id -u)" = 0 || fail "this needs root: sudo make $1"; }

# Whether something is there in any form: a link that leads nowhere just now (an unmounted disk) is there, too.
is_there() { test -e "$1" || test -L "$1"; }

# A path ends up in a unit file and in lists of lines; systemd takes absolute ones without `..` only.
check_paths() {
    for path in "$PREFIX" "$SYSCONFDIR" "$UNITDIR" "$SYSUSERSDIR" "$ZSHDIR"; do
        case $path in
            *"$TAB"* | *"$LINE_FEED"*) fail "a path must not hold a tab or a line feed: $path" ;;
            */../* | */..) fail "a path must not hold ..: $path" ;;
            /*) ;;
            *) fail "this must be an absolute path: $path" ;;
        esac
    done
}

# Makes a folder below DESTDIR and notes each one that was not there.
make_folder() {
    test ! -d "$DESTDIR$1" || return 0
    test "$1" != / || { mkdir -p "$DESTDIR/"; return 0; }
    ! is_there "$DESTDIR$1" || fail "$DESTDIR$1 is there and is not a folder (or a link that leads nowhere)"
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

# A path as one word of a unit file: quoted by systemd.syntax(7), and `%` doubled by systemd.unit(5).
unit_word() {
    case $1 in
        *[!A-Za-z0-9/._-]*) printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/%/%%/g')" ;;
        *) printf '%s' "$1" ;;
    esac
}

# As an argument of a command, where `$` begins a variable: systemd.service(5).
unit_argument() { unit_word "$1" | sed 's/\$/$$/g'; }

# The start of a command line. systemd takes no executable with quotes or backslashes in its name, but every argument.
unit_program() {
    case $PROGRAM in
        *[\\\"\']*) printf '/bin/sh -c "exec \\"$$0\\" \\"$$@\\"" %s' "$(unit_argument "$PROGRAM")" ;;
        *) unit_word "$PROGRAM" ;;
    esac
}

put_unit() {
    program=$(unit_program)
    option=
    test "$SYSCONFDIR" = /etc || option=" --config $(unit_argument "$CONFIG")"
    filled=$(mktemp)
    while IFS= read -r line; do
        case $line in
            'ExecStart=/usr/local/bin/vps-monitor '*) line="ExecStart=$program$option ${line##*/vps-monitor }" ;;
            'ExecReload=/usr/local/bin/vps-monitor '*) line="ExecReload=$program$option ${line##*/vps-monitor }" ;;
            'ExecPaths=/usr '*) line="$line $(unit_word "$PROGRAM")" ;;
        esac
        printf '%s\n' "$line"
    done <systemd/vps-monitor.service >"$filled"
    put 644 "$filled" "$UNITDIR/$UNIT"
    rm -f "$filled"
}

# The installed version's template, to tell whether this version's differs. Empty: none is installed, or it does not run.
read_old_template() {
    old_template=
    if is_live && test -x "$PROGRAM"; then
        old_template=$("$PROGRAM" config template 2>/dev/null) || old_template=
    fi
}

# The template as it is installed: its first line tells an editor where this installation's schema is.
template() {
    echo "# yaml-language-server: \$schema=$SCHEMA"
    cat etc/config.yaml
}

# Never over a configuration that is there; the mode before the name, because it will hold a secret.
put_config() {
    make_folder "$CONFIG_DIR"
    if ! is_there "$DESTDIR$CONFIG"; then
        target=$CONFIG
    elif is_live && test -n "$old_template" && test "$old_template" != "$(cat etc/config.yaml)" &&
        ! template | cmp -s - "$CONFIG"; then
        target=$CONFIG.new
        echo "The template has changed since the installed version: your $CONFIG is kept, the new template is $target"
    else
        return 0
    fi
    install -m 640 /dev/null "$DESTDIR$target.part"
    template >"$DESTDIR$target.part"
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
    printf '%s' "$made" | cat - "$NOTES" 2>/dev/null | grep -vxF "$CONFIG_DIR" >"$NOTES.new" || true
    mv -f "$NOTES.new" "$NOTES"
}

is_running() { has_systemd && systemctl is-active --quiet $UNIT; }

# PROGRAM config check, as the service would ask: with the environment of the process that runs, if one does (a webhook
# may be in a credential or a variable of the service). Its exit code comes by standard output: xargs(1) has codes of its own.
config_check() {
    pid=$(systemctl show --value -p MainPID $UNIT 2>/dev/null) || pid=0
    if test "${pid:-0}" != 0 && test -r "/proc/$pid/environ"; then
        code=$(xargs -0 -a "/proc/$pid/environ" sh -c 'program=$0 config=$1; shift
            exec env -i "$@" sh -c '\''"$0" --config "$1" config check >/dev/null; echo $?'\'' "$program" "$config"' "$1" "$CONFIG")
        return "${code:-1}"
    else
        "$1" --config "$CONFIG" config check
    fi
}

# An upgrade ends in a restart, which an agent with a configuration that the new version refuses would not survive.
ask_the_new_version() {
    test -x "$BINARY" && is_running || return 0
    problems=$(config_check "$BINARY" 2>&1 >/dev/null) && return 0
    code=$?
    printf '%s\n' "$problems" >&2
    kept="Nothing was changed, and the installed version keeps running."
    # 78: sysexits.h
    test $code = 78 || fail "$BINARY does not run here (exit code $code, above). $kept"
    fail "the new version does not accept $CONFIG (above). $kept
  Correct the file, then: sudo make install"
}

has_placeholder() { grep -Eq '^[[:space:]]*webhook_url:.*YOUR_KEY' "$CONFIG" 2>/dev/null; }

# The steps that are left after an install that left the service stopped.
say_next() {
    echo "$NAME is installed, and the service is not running. Next:"
    if has_placeholder; then
        echo "  sudoedit $CONFIG    # put the robot's webhook in place of YOUR_KEY"
        echo "  sudo $NAME config check"
    elif ! "$PROGRAM" --config "$CONFIG" config check >/dev/null 2>&1; then
        echo "  sudo $NAME config check    # $CONFIG was kept, and is not accepted as it is: this says why"
    fi
    printf '%s\n' "  sudo systemctl enable --now $NAME" "  sudo $NAME test-notify"
}

install_all() {
    need_root install
    check_paths
    test -x "$BINARY" || fail "$BINARY is not there: run make build first"
    files | while IFS=$TAB read -r _ source _; do test -e "$source" || fail "$source is missing from this tree"; done
    ask_the_new_version
    made=
    is_new=yes
    ! is_there "$DESTDIR$UNITDIR/$UNIT" || is_new=no
    if is_live; then
        command -v systemd-sysusers >/dev/null || fail "systemd-sysusers is missing (Debian: apt install systemd)"
    fi
    read_old_template
    while IFS=$TAB read -r mode source target; do put "$mode" "$source" "$target"; done <<END
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
        if is_running; then
            systemctl restart $UNIT
            echo "$NAME is upgraded and was restarted."
            return 0
        fi
        if test $is_new = yes && config_check "$PROGRAM" >/dev/null 2>&1; then
            systemctl enable --now $UNIT
            echo "$CONFIG was kept and is valid, so the service is enabled and running: systemctl status $NAME"
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
    files | while IFS=$TAB read -r _ _ target; do rm -f "$DESTDIR$target"; done
    rm -f "$DESTDIR$UNITDIR/$UNIT"
    is_live || return 0
    rm -f "$DROPIN" "$CONFIG.new"
    if test -e "$NOTES"; then
        # Twice: the folder of the notes is noted in them, and is empty only once they are gone.
        notes=$(cat "$NOTES")
        remove_empty_folders
        rm -f "$NOTES"
        notes="$(dirname "$NOTES")$LINE_FEED$notes"
        remove_empty_folders
    fi
    if has_systemd; then
        systemctl daemon-reload
        systemctl reset-failed $UNIT 2>/dev/null || true
    fi
    if test "$1" = uninstall && test -d "$CONFIG_DIR"; then
        echo "Kept: $CONFIG_DIR and $STATE_DIR (make purge removes them and the user $NAME)."
    fi
}

# The folders that $notes names, one a line, as far as they are empty.
remove_empty_folders() {
    printf '%s\n' "$notes" | while IFS= read -r folder; do rmdir "$folder" 2>/dev/null || true; done
}

# Scripts say YES=1; anybody else is asked, and without an answer nothing is removed.
confirm_purge() {
    is_live || return 0
    printf '%s\n' "This stops $NAME and removes, for good:" \
        "  $CONFIG_DIR    configuration, with the webhook" \
        "  $STATE_DIR    alerts, undelivered messages, and the history" \
        "  the program, its unit and drop-ins, the user and group $NAME"
    test "${YES-}" != 1 || return 0
    printf 'Remove all of it? [y/N] '
    answer=
    read -r answer || echo
    case $answer in
        [yY] | [yY][eE][sS]) ;;
        *) fail "nothing was removed. Without a question: sudo make purge YES=1" ;;
    esac
}

# All that uninstall keeps: configuration, state, what systemd keeps of the unit, and the user.
purge() {
    need_root purge
    confirm_purge
    uninstall purge
    rm -rf "$DESTDIR$CONFIG_DIR" "$DESTDIR$STATE_DIR"
    is_live || return 0
    rm -rf "/run/$NAME" "/etc/systemd/system/$UNIT.d" "/etc/systemd/system.control/$UNIT.d"
    ! getent passwd $NAME >/dev/null || userdel $NAME
    ! getent group $NAME >/dev/null || groupdel $NAME
    ! has_systemd || systemctl daemon-reload
    echo "$NAME is removed."
}

case ${1:-} in
    install) install_all ;;
    uninstall) uninstall uninstall ;;
    purge) purge ;;
    *) echo "usage: $0 install|uninstall|purge" >&2; exit 64 ;;
esac
