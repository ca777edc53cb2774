#!/bin/sh
# CPU and private memory of other monitors that are installed, each checking once a second, beside the agent.
#
#   apt install collectd-core monit prometheus-node-exporter; cargo install minmon
#   benches/compare/peers.sh target/release/vps-monitor
#
# Run it as root: the agent lets nobody else look at its memory. Missing ones are left out. Each runs for a minute with a configuration of its own in a temporary folder, writes
# nothing anywhere else, and speaks to nobody; node_exporter is asked for its figures once a second on loopback. They do
# not all measure the same: read the table as orders of magnitude.
set -eu
agent=${1:?usage: peers.sh AGENT}
folder=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

start() { # NAME COMMAND…
    name=$1; shift
    command -v "$1" >/dev/null 2>&1 || { echo "$name is not installed" >&2; return 0; }
    "$@" >"$folder/$name.log" 2>&1 &
    pids="$pids $!"
    echo "$name $!" >>"$folder/running"
}

cat >"$folder/agent.yaml" <<END
general: {check_interval: 1}
docker: {enabled: false}
scheduled_report: {enabled: false}
END
cat >"$folder/collectd.conf" <<END
BaseDir "$folder"
PIDFile "$folder/collectd.pid"
Interval 1
LoadPlugin cpu
LoadPlugin df
LoadPlugin interface
LoadPlugin memory
LoadPlugin swap
LoadPlugin tcpconns
END
cat >"$folder/monitrc" <<END
set daemon 1
set pidfile $folder/monit.pid
set idfile $folder/monit.id
set statefile $folder/monit.state
check system host
  if memory usage > 99% then alert
  if swap usage > 99% then alert
  if cpu usage > 99% then alert
check filesystem root with path /
  if space usage > 99% then alert
END
chmod 600 "$folder/monitrc"
cat >"$folder/minmon.toml" <<END
[[actions]]
name = "log"
type = "Log"
template = "high"
[[checks]]
interval = 1
name = "memory"
type = "MemoryUsage"
memory = true
swap = true
[[checks.alarms]]
name = "high"
level = 99
action = "log"
[[checks]]
interval = 1
name = "disk"
type = "FilesystemUsage"
mountpoints = ["/"]
[[checks.alarms]]
name = "high"
level = 99
action = "log"
END

start vps-monitor sh -c 'SYSTEMD_EXEC_PID=$$ exec "$@"' sh "$agent" --config "$folder/agent.yaml" --state-dir "$folder/state" run
start collectd collectd -f -C "$folder/collectd.conf"
start monit monit -I -c "$folder/monitrc"
start minmon minmon "$folder/minmon.toml"
start node_exporter prometheus-node-exporter --web.listen-address=127.0.0.1:19100
if grep -q '^node_exporter ' "$folder/running"; then
    while sleep 1; do curl -so /dev/null http://127.0.0.1:19100/metrics; done &
    pids="$pids $!"
fi

sleep 5
while read -r name pid; do
    kill -0 "$pid" 2>/dev/null && echo "$name $pid" || { echo "$name has ended:"; tail -n 3 "$folder/$name.log"; } >&2
done <"$folder/running" >"$folder/alive"
mv "$folder/alive" "$folder/running"
ticks() { awk '{ total += $1 } END { print total }' /proc/"$1"/task/*/schedstat; }
while read -r name pid; do ticks "$pid" >"$folder/$name.before"; done <"$folder/running"
sleep 60
printf '| program | CPU a second | private dirty |\n|---|---|---|\n'
while read -r name pid; do
    awk -v name="$name" -v before="$(cat "$folder/$name.before")" -v after="$(ticks "$pid")" \
        '/^Private_Dirty/ { printf "| %s | %.2f ms | %.2f MB |\n", name, (after - before) / 60 / 1e6, $2 / 1024 }' \
        "/proc/$pid/smaps_rollup"
done <"$folder/running"
