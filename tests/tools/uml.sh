#!/bin/bash
# uml.sh COMMAND... : runs a command as root on another kernel, Debian's user-mode-linux: a kernel as a process, of which
# all control groups are of version 2 (and no pressure is counted). Its files are this machine's, and cannot be written.
#
# Temporary folders and /run are empty, the network is loopback. The exit code is the command's; 77 (as automake has it): it
# cannot be done here, and why is said; 76: not on this CPU, whatever is installed. Needs root: the files of others are read.
set -euo pipefail

if [ $$ = 1 ]; then
    # As the first process there: $COMMAND is of the kernel's command line.
    mapfile -d '' -t command <"$COMMAND"
    place=$(cat "$COMMAND.place")
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mkdir /dev/shm
    mount --bind "$place" /mnt
    for folder in /tmp /run /var/tmp /dev/shm; do mount -t tmpfs tmpfs $folder; done
    # What lies in one of them is hidden now, and there again at its own place.
    [ -d "$place" ] || mkdir -p "$place"
    mount --move /mnt "$place"
    echo "+memory +cpu +pids" >/sys/fs/cgroup/cgroup.subtree_control
    ip link set lo up
    busybox insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/block/loop.ko"
    cd "$place"
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
    "${command[@]}" </dev/null 2>&1 && code=0 || code=$?
    echo "uml.sh: exit code $code"
    echo o >/proc/sysrq-trigger
    sleep 60
fi

kernel=$(command -v linux.uml || command -v linux) || { echo "uml.sh: there is no linux.uml (Debian: apt install user-mode-linux)" >&2; exit 77; }
[ "$(id -u)" = 0 ] || { echo "uml.sh: needs root" >&2; exit 77; }
scratch=$(mktemp -d /var/tmp/vps-monitor-uml.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
printf '%s\0' "$@" >"$scratch/command"
pwd >"$scratch/command.place"
# Its memory is a file, for which /dev/shm has room on most machines; the rest of a host is in $scratch.
HOME=$scratch "$kernel" mem=768M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet loglevel=1 con=null con0=null,fd:1 \
    "init=$(realpath "$0")" "COMMAND=$scratch/command" </dev/null 2>"$scratch/errors" | tee "$scratch/said" | grep -v '^uml.sh: exit code' || true
code=$(tr -d '\r' <"$scratch/said" | sed -n 's/^uml.sh: exit code //p')
# Version 6.1 has no room for the registers of AMX, and its first process dies where the CPU has them.
if [ -z "$code" ] && grep -q put_fp_registers "$scratch/said" && grep -qw amx_tile /proc/cpuinfo; then
    echo "uml.sh: user-mode-linux $("$kernel" --version) cannot run on this CPU, which has AMX" >&2
    exit 76
fi
[ -n "$code" ] || { echo "uml.sh: the kernel did not come to an end:" >&2; tail -n 5 "$scratch/said" "$scratch/errors" >&2; exit 77; }
exit "$code"
