#!/bin/bash
# A second Docker engine for the tests, which they may stop and start: docker-bed.sh start|stop|dead|down DIRECTORY
#
#   start   starts it (again); it listens on DIRECTORY/sock
#   stop    stops it, as `systemctl stop docker` does
#   dead    makes the container NAME (third argument) dead: its removal fails halfway, at an immutable file
#   down    stops it and removes everything it had
#
# Root is needed, systemd is not. The engine has a network namespace of its own, so that neither docker0 nor its iptables
# rules touch the machine's, and everything else under DIRECTORY. Only the process that was started here is ended.
set -euo pipefail

command=$1 bed=$2
namespace=vpsmon-$(basename "$bed")
export DOCKER_HOST=unix://$bed/sock

is_up() { docker version >/dev/null 2>&1; }

wait_until() { # SECONDS COMMAND...
  local tries=$(($1 * 10))
  shift
  until "$@"; do
    ((tries-- > 0)) || { echo "waited in vain: $*" >&2; tail -n 5 "$bed/log" >&2; return 1; }
    sleep 0.1
  done
}

has_ended() { ! kill -0 "$1" 2>/dev/null; }

is_up_or_ended() { is_up || has_ended "$1"; }

start() {
  mkdir -p "$bed"
  ip netns list | grep -qw "$namespace" || ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  # The machine's own configuration may name directories that are its own engine's.
  [ -f "$bed/daemon.json" ] || echo '{}' >"$bed/daemon.json"
  # Not `ip netns exec`: that mounts another /sys, without the cgroups that dockerd needs.
  setsid nsenter --net="/run/netns/$namespace" dockerd --config-file "$bed/daemon.json" --data-root "$bed/data" --exec-root "$bed/exec" \
    --pidfile "$bed/pid" --shutdown-timeout 3 -H "unix://$bed/sock" >>"$bed/log" 2>&1 </dev/null &
  local started=$!
  wait_until 60 is_up_or_ended "$started"
  is_up || { tail -n 5 "$bed/log" >&2; return 1; }
}

stop() {
  [ -f "$bed/pid" ] || return 0
  local pid
  pid=$(cat "$bed/pid")
  kill "$pid" 2>/dev/null || return 0
  wait_until 30 has_ended "$pid"
}

dead() { # NAME
  local layer
  layer=$(docker inspect -f '{{index .GraphDriver.Data "UpperDir"}}' "$1")
  touch "$layer/stuck"
  chattr +i "$layer/stuck"
  ! docker rm -f "$1" >/dev/null 2>&1
}

down() {
  stop
  find "$bed/data" -maxdepth 4 -name stuck -exec chattr -i {} + 2>/dev/null || true
  ip netns list | grep -qw "$namespace" && ip netns del "$namespace"
  rm -rf "$bed"
}

case $command in
  start | stop | down) "$command" ;;
  dead) dead "$3" ;;
  *) echo "usage: $0 start|stop|down DIRECTORY, $0 dead DIRECTORY NAME" >&2; exit 64 ;;
esac
