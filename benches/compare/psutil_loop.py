"""The same metrics as one check of vps-monitor, once a second, as a script on psutil measures them.

Not part of the product; `make bench` runs it beside the agent. Runs until it is killed.
usage: psutil_loop.py [SECONDS_BETWEEN_CHECKS]
"""

import sys
import time

import psutil

THRESHOLDS = {"memory": 80, "swap": 80, "disk": 80, "cpu": 80, "in": 100, "out": 100, "connections": 1000}


def check(interval, before):
    """One check: the readings by name, and the traffic counters to count from the next time."""
    now = psutil.net_io_counters(pernic=True)
    passed = [(now[name], before[name]) for name in now if name != "lo" and name in before]
    readings = {
        "memory": psutil.virtual_memory().percent,
        "swap": psutil.swap_memory().percent,
        "disk": psutil.disk_usage("/").percent,
        # Since the last call.
        "cpu": psutil.cpu_percent(),
        "in": sum(n.bytes_recv - b.bytes_recv for n, b in passed) * 8e-6 / interval,
        "out": sum(n.bytes_sent - b.bytes_sent for n, b in passed) * 8e-6 / interval,
        "connections": len(psutil.net_connections("inet")),
    }
    return readings, now


def main():
    interval = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    before = psutil.net_io_counters(pernic=True)
    psutil.cpu_percent()
    due = time.monotonic()
    while True:
        due += interval
        time.sleep(max(0.0, due - time.monotonic()))
        readings, before = check(interval, before)
        over = [name for name, value in readings.items() if value >= THRESHOLDS[name]]
        if over:
            print(", ".join(over), flush=True)


if __name__ == "__main__":
    main()
