"""The child that writes the history, without its agent: orders for it, and its answers."""

import fcntl
import json
import os
import random
import subprocess

# Any month will do.
START = 1_700_000_000 // 86_400 * 86_400
DAY = 86_400


def series(count):
    """Metric, target and unit of so many series: those of a report with two disks, then containers."""
    whole = [(name, "", "percent") for name in ("cpu", "memory", "memory_pressure", "io_pressure", "iowait")]
    whole += [("disk", target, "percent") for target in ("/", "/data")]
    whole += [(name, "", "mbps") for name in ("traffic_in", "traffic_out")] + [("connections", "", "count")]
    return whole + [("container_state", f"shop-{number}", None) for number in range(count - len(whole))]


def values(kinds, chance, time):
    """Percents with a decimal, traffic with two, counts, and states."""
    of_day = abs(time % DAY - DAY / 2) / DAY * 2
    makers = {
        "percent": lambda place: round(20 + 5 * place % 50 + 20 * of_day + chance.random() * 5, 1),
        "mbps": lambda _: round(2 + 30 * of_day * chance.random(), 2),
        "count": lambda _: 120 + int(300 * of_day + 20 * chance.random()),
        None: lambda _: 0 if chance.random() < 0.002 else 1,
    }
    return [makers[unit](place) for place, (_, _, unit) in enumerate(kinds)]


def limits(interval, megabytes=64):
    """As the configuration's defaults have them."""
    return {
        "raw_seconds": min(2 * DAY, 20_000 * interval), "five_minutes_seconds": 60 * DAY, "hours_seconds": 730 * DAY,
        "max_bytes": megabytes << 20,
    }


def order(kinds, rows, interval, is_checked=False):
    return json.dumps({
        "now": rows[-1][0], "is_checked": is_checked, "limits": limits(interval), "series": kinds, "rows": rows,
        "alerts": [], "has_every_alert": True,
    }, separators=(",", ":")).encode()


def start(binary, folder, batch, is_stuck=False):
    """A child whose order is in a file of memory and whose folder is open as its standard error, as the agent starts it.
    One that is stuck cannot write its answer until somebody reads."""
    held = os.memfd_create("order")
    os.write(held, batch)
    os.lseek(held, 0, os.SEEK_SET)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        reader, writer = os.pipe()
        if is_stuck:
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
            os.write(writer, bytes(4096))
        child = subprocess.Popen([binary, "worker", "record"], stdin=held, stdout=writer, stderr=opened)
        child.stdout = os.fdopen(reader, "rb")
        return child
    finally:
        os.close(writer)
        os.close(held)
        os.close(opened)


def record(binary, folder, batch):
    answer = start(binary, folder, batch).communicate()[0]
    if b'"Ok"' not in answer:
        raise SystemExit(f"not written: {answer.decode()}")


def fill(binary, folder, kinds, spans):
    """Writes checks from START on: in each span of (days, interval) after the other. Returns the time of the last one."""
    chance, time = random.Random(7), START
    for days, interval in spans:
        rows = []
        for _ in range(int(days * DAY / interval)):
            time += interval
            rows.append((time, values(kinds, chance, time)))
            if len(rows) == 1440:
                record(binary, folder, order(kinds, rows, interval))
                rows = []
        if rows:
            record(binary, folder, order(kinds, rows, interval))
    return time
