# shellcheck shell=bash
# The static binary and its image, by the engine that is there: sourced by run.sh. No registry is needed.

# What `make static` makes; where that was not typed, the same in a hurry, which is not what one would ship.
TRIPLE=$(uname -m)-unknown-linux-gnu
QUICK=${CARGO_TARGET_DIR:-target}/quick
STATIC=${CARGO_TARGET_DIR:-target}/$TRIPLE/release/vps-monitor
[ -x "$STATIC" ] || STATIC=$QUICK/$TRIPLE/release/vps-monitor
IMAGE=vps-monitor-test:$$

test_the_static_binary_needs_no_library_and_resolves_names() {
    [ -x "$STATIC" ] || env CARGO_TARGET_DIR="$QUICK" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 make --no-print-directory static >"$BOX/static.log" 2>&1 ||
        fail "$(tail -n 5 "$BOX/static.log")"
    # In a root of its own in the box, where there is nothing else but /proc, /dev and one name.
    $TOOL put tests/systemd/robot.py /root/robot.py
    start_robot
    box mkdir -p /root/empty/etc /root/empty/proc /root/empty/dev
    $TOOL put "$STATIC" /root/empty/vps-monitor
    sh_box 'cd /root/empty && mount --rbind /proc proc && mount --rbind /dev dev && echo "127.0.0.1 robot" >etc/hosts
        printf "wechat: {webhook_url: \"http://robot:8099/send?key=k\"}\n" >config.yaml
        chroot . /vps-monitor --config /config.yaml test-notify' >"$BOX/said" 2>&1 || fail "$(cat "$BOX/said")"
    [ "$(posts)" = 1 ]
}

in_image_is_healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "${IMAGE%:*}-$$")" = healthy ]; }

# The engine is the machine's own, and may be somebody's.
test_the_image_watches_its_host() {
    if [ "${VPS_MONITOR_TEST_DOCKER-}" != 1 ]; then
        echo "    skipped: VPS_MONITOR_TEST_DOCKER=1 lets it use this machine's Docker engine"
        return 0
    fi
    if ! docker version >/dev/null 2>&1; then
        echo "    skipped: no Docker engine answers here"
        return 0
    fi
    trap 'docker rm -f -v "${IMAGE%:*}-$$" >/dev/null 2>&1; docker rmi -f "$IMAGE" >/dev/null' EXIT
    systemd/container/image.sh "$STATIC" "$IMAGE" >/dev/null
    # The Dockerfile's own switches, but for rslave, which takes a root that systemd has mounted. The zone is the image's:
    # it has no zoneinfo.
    mkdir -p "$BOX/etc"
    printf 'general: {timezone: Asia/Shanghai}\nscheduled_report: {enabled: false}\n' >"$BOX/etc/config.yaml"
    docker run -d --name "${IMAGE%:*}-$$" --network host --uts host --read-only --cap-drop ALL \
        --security-opt no-new-privileges --memory 160m --pids-limit 64 --health-interval 1s \
        -v /proc:/host/proc:ro -v /:/host/root:ro -v "$BOX/etc:/etc/vps-monitor:ro" "$IMAGE" >/dev/null
    wait_for 30 "the image's health check is content" in_image_is_healthy
    docker exec "${IMAGE%:*}-$$" /vps-monitor --procfs /host/proc check --json >"$BOX/inside.json" || [ $? -le 3 ]
    [ "$(docker exec "${IMAGE%:*}-$$" /vps-monitor status --json | grep -c '"next_check": "[^"]*+08:00"')" = 1 ] ||
        fail "it does not know the zone"
    python3 - "$BOX/inside.json" <<'PY'
import json, sys
found = json.load(open(sys.argv[1]))
readings = {reading["metric"]: reading for reading in found["readings"]}
total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
assert readings["memory"]["total_bytes"] == total * 1024, readings["memory"]
assert set(readings) >= {"memory", "swap", "cpu", "disk", "traffic_in", "traffic_out", "connections"}, found
print("    ", len(readings), "kinds of readings")
PY
}
