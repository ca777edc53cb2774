#!/bin/bash
# run.sh [SCENARIO...] : installs and operates the agent in a booted Debian (tests/tools/systemd-box.sh), as a user would.
#
# Each scenario is a file of this folder with functions named test_*, run in order, each on what the one before left.
# The box has a root of its own and a network of its own; what is tested is target/release/vps-monitor.
# Exit code 0: all passed; 1: not; 77: it cannot be done on this machine, and why is said.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Its own, so that two runs on one machine do not meet.
export BOX=${BOX:-/var/tmp/vps-monitor-box.$$}
TOOL=tests/tools/systemd-box.sh
BINARY=${CARGO_TARGET_DIR:-target}/release/vps-monitor
SOURCE=/root/vps-monitor
CONFIG_DIR=/etc/vps-monitor
CONFIG=$CONFIG_DIR/config.yaml
POSTS=/root/posts

box() { $TOOL run "$@"; }
# readme COMMAND : types in the box, as root in the tree, what the documents of both languages tell people to type.
readme() {
    local documents language
    for language in English Chinese; do
        if [ $language = Chinese ]; then documents=$(ls README.zh-CN.md docs/*.zh-CN.md)
        else documents=$(ls README.md docs/*.md | grep -v zh-CN); fi
        # shellcheck disable=SC2086
        sed 's/^ *//; s/  *#.*//' $documents | grep -xF -- "$1" >/dev/null || fail "no $language document says: $1"
    done
    sh_box "cd $SOURCE && ${1#sudo } 2>&1"
}
# block LANGUAGE NUMBER PAGE : a block of a page of the documents.
block() {
    awk -v language="\`\`\`$1" -v number="$2" '$0 == language { inside = ++count == number; next }
        /^```/ { inside = 0 } inside' "$3"
}
# A line of shell in the box.
sh_box() { $TOOL run sh -c "$1"; }

fail() { echo "    $*" >&2; exit 1; }

# wait_for SECONDS WHAT COMMAND... : polls until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "not within its time: $what"
        sleep 0.1
    done
}

property() { box systemctl show --value -p "$1" vps-monitor; }
is_property() { [ "$(property "$1")" = "$2" ]; }
status_text_has() { property StatusText | grep -q -- "$1"; }
posts() { sh_box "cat $POSTS 2>/dev/null | wc -l"; }
syslog_has() { box grep -q -- "$1" /var/log/syslog; }
# How many lines of syslog have a text: to see that there is one more.
syslog_count() { box grep -c -- "$1" /var/log/syslog || true; }
has_more() { [ "$(syslog_count "$1")" -gt "$2" ]; }

# Everything in the box's file system with its kind, mode, owner and, of files, content. Left out is what the system
# itself writes as time passes, what the tests put there, and the copies that passwd(5)'s tools keep of the version
# before; but of those folders, too, all that has our name is listed.
list_files() {
    # shellcheck disable=SC2016
    sh_box 'cd /
        everything() {
            find bin boot etc home lib media mnt opt root sbin srv usr var \( -path var/log -o -path var/tmp \
                -o -path var/cache -o -path var/lib/systemd -o -path var/lib/dpkg -o -path "root/*" -o -path "etc/*-" \
                -o -name .pwd.lock \) -prune -o "$@"
        }
        everything -printf "%y %m %u:%g %p %l\n" | sort
        everything -type f -print0 | sort -z | xargs -0 sha256sum
        find run var etc -iname "*vps-monitor*" -not -path "var/log/*" | sort'
}

start_robot() {
    sh_box "rm -f $POSTS; systemctl is-active -q robot || systemd-run -q --unit robot python3 /root/robot.py 8099 $POSTS"
    wait_for 10 "the robot listens" sh_box 'ss -ltn | grep -q :8099'
}

copy_tree() {
    box mkdir -p $SOURCE/target/release
    git ls-files -z --cached --others --exclude-standard -- . ':!*.whl' | tar --null --ignore-failed-read -cf - -T - |
        tar -xf - -C "$BOX/root$SOURCE" --no-same-owner
    $TOOL put "$BINARY" $SOURCE/target/release/vps-monitor
}

configure() {
    $TOOL put tests/systemd/config.yaml $CONFIG
    sh_box "chown root:vps-monitor $CONFIG && chmod 640 $CONFIG"
    sh_box 'install -m 600 /dev/null /etc/vps-monitor/webhook
        echo "http://localhost:8099/send?key=693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa" >/etc/vps-monitor/webhook
        mkdir -p /etc/systemd/system/vps-monitor.service.d
        printf "[Service]\nLoadCredential=webhook:/etc/vps-monitor/webhook\n" \
            >/etc/systemd/system/vps-monitor.service.d/webhook.conf
        systemctl daemon-reload'
}

# Runs one scenario up to its first failure. The tests run outside of any condition: in one, bash's `set -e` means nothing.
run_scenario() {
    local name began code
    # shellcheck disable=SC1090
    source "tests/systemd/$1.sh"
    for name in $(sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' "tests/systemd/$1.sh"); do
        began=$SECONDS
        set +e
        (set -e; "$name")
        code=$?
        set -e
        if [ $code != 0 ]; then
            echo "FAIL        ${name#test_}"
            box journalctl -n 25 --no-pager -o short-precise -t vps-monitor -t systemd >&2 || true
            result=1
            return 0
        fi
        printf 'ok   %3d s  %s\n' $((SECONDS - began)) "${name#test_}"
    done
}

[ -x "$BINARY" ] || { echo "$BINARY is not there: run make build first" >&2; exit 1; }
[ $# -gt 0 ] || set -- service package container units host fleet command
result=0
trap '[ -n "${KEEP_BOX-}" ] || $TOOL remove' EXIT
for scenario; do
    $TOOL remove
    $TOOL up
    echo "# $scenario"
    run_scenario "$scenario"
done
exit $result
