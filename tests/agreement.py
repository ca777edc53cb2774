#!/usr/bin/env python3
"""Compares `vps-monitor check --json` on this machine with psutil. Run by hand: cargo does not know of it.

    python3 -m venv /tmp/psutil && /tmp/psutil/bin/pip install psutil
    /tmp/psutil/bin/python tests/agreement.py target/debug/vps-monitor

psutil reads before and after the check, CPU and traffic during it. Each line shows both numbers and whether ours lies within what psutil
saw and the slack that is reasoned beside it. It ends with 1 if one does not. Run it as root: psutil counts sockets process by process,
and other users' are hidden from an ordinary one.
"""

import json
import subprocess
import sys
import threading

import psutil

# Starting two Python and agent processes moves some MiB; a busy machine more. In percent of what there is.
MEMORY_SLACK_PERCENT = 0.5
# The two CPU windows of a second do not begin at one instant; on a machine whose load changes that is most of the difference.
CPU_SLACK_PERCENT = 20.0
# psutil's window begins before the agent is started and ends after it has ended, ours lies within.
TRAFFIC_SLACK_MBPS = 0.5
SOCKETS_SLACK = 2


def measure(agent):
    """The readings of one check, and what psutil saw around and during it."""

    def instant():
        virtual, swap = psutil.virtual_memory(), psutil.swap_memory()
        return {
            "memory": virtual.percent,
            "swap": swap.percent,
            "disk": psutil.disk_usage("/").percent,
            "connections": len(psutil.net_connections("inet")),
        }

    cpu = []
    during = threading.Thread(target=lambda: cpu.append(psutil.cpu_percent(interval=1)))
    before, counters_before = instant(), psutil.net_io_counters(pernic=True)
    during.start()
    # 0, 1 and 3 are verdicts of a check; anything else is a failure of the command itself.
    done = subprocess.run([agent, "check", "--json"], stdout=subprocess.PIPE, timeout=60)
    if done.returncode not in (0, 1, 2, 3):
        sys.exit(f"{agent}: exit code {done.returncode}")
    during.join()
    after, counters_after = instant(), psutil.net_io_counters(pernic=True)
    passed = {
        name: (counters_after[name].bytes_recv - counters.bytes_recv, counters_after[name].bytes_sent - counters.bytes_sent)
        for name, counters in counters_before.items()
        if name in counters_after and name.startswith(("eth", "en"))
    }
    tool = {metric: (before[metric], after[metric]) for metric in before}
    tool["cpu"] = (cpu[0], cpu[0])
    # All of it within our window of 5 s at most, none of it at least.
    for at, metric in enumerate(("traffic_in", "traffic_out")):
        tool[metric] = (0.0, sum(bytes_[at] for bytes_ in passed.values()) * 8 / 5e6)
    readings = {(reading["metric"], reading["target"]): reading["value"] for reading in json.loads(done.stdout)["readings"]}
    return readings, tool


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    readings, tool = measure(sys.argv[1])
    # psutil rounds percentages to one decimal.
    slacks = {
        "memory": MEMORY_SLACK_PERCENT,
        "swap": 0.05,
        "disk": 0.1,
        "cpu": CPU_SLACK_PERCENT,
        "traffic_in": TRAFFIC_SLACK_MBPS,
        "traffic_out": TRAFFIC_SLACK_MBPS,
        "connections": SOCKETS_SLACK,
    }
    agree = True
    for metric, slack in slacks.items():
        ours = readings.get((metric, "/" if metric == "disk" else ""))
        low, high = min(tool[metric]), max(tool[metric])
        fits = ours is not None and low - slack <= ours <= high + slack
        agree = agree and fits
        print(f"{metric:12} ours {ours!s:20} psutil {low} to {high} (slack {slack}) {'ok' if fits else 'DIFFERS'}")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
