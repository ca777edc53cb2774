#!/bin/sh
# Lays the fixtures out as the fuzz targets' first inputs: fuzz/corpus/TARGET. What is there already stays.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/proc corpus/bus corpus/engine corpus/robot corpus/state corpus/config corpus/cron corpus/foreign corpus/replay corpus/cgroup

number=0
for name in meminfo stat net/dev net/sockstat net/sockstat6; do
	for file in ../fixtures/hosts/*/proc/"$name" ../fixtures/hosts/*/proc/1/"$name"; do
		[ -f "$file" ] || continue
		{ printf "\\00$number"; cat "$file"; } >"corpus/proc/$(echo "$file" | cksum | cut -d' ' -f1)"
	done
	number=$((number + 1))
done

for file in ../fixtures/docker/*/*.http; do
	case $file in *events*) kind=2 ;; *inspect*) kind=1 ;; *) kind=0 ;; esac
	{ printf "\\00$kind\\006"; cat "$file"; } >"corpus/engine/$(echo "$file" | cksum | cut -d' ' -f1)"
done

for file in ../fixtures/bus/*/*; do
	cp "$file" "corpus/bus/$(echo "$file" | cksum | cut -d' ' -f1)"
done

for file in ../fixtures/config/*/*.yaml ../etc/config.yaml; do
	cp "$file" "corpus/config/$(echo "$file" | cksum | cut -d' ' -f1)"
done

for code in 0 -1 40058 45009 45033 93000; do
	printf '{"errcode":%s,"errmsg":"seed"}' "$code" >"corpus/robot/$code"
done

grep -o '"[-0-9*/,]\{1,\}\( [-0-9A-Za-z*/,]\{1,\}\)\{4\}"' ../fixtures/schedule/croniter.json | tr -d '"' | sort -u |
	while read -r line; do
		printf '%s' "$line" >"corpus/cron/$(echo "$line" | cksum | cut -d' ' -f1)"
	done

cp ../fixtures/state/*.json corpus/state/

printf 'web-1\nexited\ncurl: (22) 503\nno answer' >corpus/foreign/plain
printf 'x" state=recovered\n\033[2J\n<@all> `x`\n\342\200\256' >corpus/foreign/hostile

printf 'time,metric,target,value\n0,memory,,85\n900,disk,"/a,b",\n900,cpu,,99.5\n1800,container_state,web,exited\n' >corpus/replay/csv
printf '{"schema":1,"time":"2026-02-04T15:30:00Z","readings":[{"metric":"memory","target":"","value":85,"verdict":"breach"}]}' \
	>corpus/replay/objects

for version in v2 v1; do
	kind=$([ $version = v2 ] && echo 0 || echo 1)
	find ../fixtures/cgroup/$version/ -type f | while read -r file; do
		{ printf "\\00$kind"; cat "$file"; } >"corpus/cgroup/$(cksum <"$file" | cut -d' ' -f1)"
	done
done
