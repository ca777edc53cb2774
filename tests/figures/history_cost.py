#!/usr/bin/env python3
"""What the history costs: the child that writes, the child that draws, its file, and the commands that read it.

usage: history_cost.py VPS_MONITOR [--month-at-1s]     (as root, for /proc/PID/syscall)

CPU time is the kernel's own account (/proc/PID/schedstat), memory the peak of what is resident (VmHWM), both read while
the child waits for somebody to take its answer: at the end of all its work. Of 21 runs the median. A month of checks each
second takes some minutes.
"""

import http.server
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import recorder

RUNS = 21
SERIES = 30
WRITE = "1"
RECEIVE = ("45", "0", "7", "271")
CHARTED = ["cpu", "memory", "iowait", "traffic_in", "traffic_out", "connections", "disk(/)", "container_state(shop-0)"]


def spent(pid):
    """CPU milliseconds, peak MB, KB written."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        cpu = int(file.read().split()[0]) / 1e6
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        written = next(int(line.split()[1]) for line in file if line.startswith("write_bytes")) / 1024
    return cpu, peak, written


def wait_in(pid, calls):
    while True:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            if file.read().split()[0] in calls:
                return
        time.sleep(0.0002)


def batch(binary, folder, order):
    """One batch whose answer nobody takes until it was measured: the pipe for it is full."""
    begun = time.monotonic()
    child = recorder.start(binary, folder, order, is_stuck=True)
    wait_in(child.pid, (WRITE,))
    elapsed = (time.monotonic() - begun) * 1e3
    found = spent(child.pid)
    answer = child.communicate()[0]
    assert b'"Ok"' in answer, answer[-300:]
    return (*found, elapsed)


class Robot:
    """Takes a picture, and answers once the child that drew it was measured."""

    def __init__(self):
        self.pictures, self.found = [], []
        robot = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                robot.pictures.append(self.rfile.read(int(self.headers["Content-Length"])))
                wait_in(robot.child.pid, RECEIVE)
                robot.found.append(spent(robot.child.pid))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def draw(self, binary, folder, recipe):
        url = f"http://127.0.0.1:{self.server.server_port}/"
        deadline = int((time.clock_gettime(time.CLOCK_BOOTTIME) + 9) * 1e6)
        posting = {"method": "Put", "url": url, "headers": [], "deadline": deadline}
        head = {"posting": posting, "parts": ["File"], "max_bytes": 1 << 21, "without": None}
        held = os.memfd_create("order")
        os.write(held, json.dumps(head).encode() + b"\n" + json.dumps(recipe).encode())
        os.lseek(held, 0, os.SEEK_SET)
        opened = os.open(folder, os.O_RDONLY)
        begun = time.monotonic()
        self.child = subprocess.Popen([binary, "worker", "draw"], stdin=held, stdout=subprocess.PIPE, stderr=opened)
        answer = self.child.communicate()[0]
        assert len(self.found) == len(self.pictures) and self.found, answer
        os.close(held)
        os.close(opened)
        return (time.monotonic() - begun) * 1e3


def stamp(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def medians(runs):
    return [statistics.median(column) for column in zip(*runs)]


def command(binary, folder, arguments):
    """CPU milliseconds of a command that reads the history in `folder`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([binary, "--config", f"{folder}/config.yaml", "--state-dir", folder, *arguments],
                          capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def median_command(binary, folder, arguments, runs=RUNS):
    return statistics.median(command(binary, folder, arguments) for _ in range(runs))


def table_bytes(path, table):
    return sqlite3.connect(path).execute("SELECT sum(pgsize) FROM dbstat WHERE name = ?", [table]).fetchone()[0]


def month(binary, interval):
    """The file after 30 days."""
    with tempfile.TemporaryDirectory() as folder:
        recorder.fill(binary, folder, recorder.series(SERIES), [(30, interval)])
        return os.path.getsize(f"{folder}/history.db")


def main(binary, has_second):
    kinds = recorder.series(SERIES)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/config.yaml", "w", encoding="ascii") as config:
            config.write("general: {language: zh, check_interval: 1m}\nscheduled_report: {enabled: false}\n")
        # As full as it becomes: hours for two years, five minutes for 60 days, each check for two.
        end = recorder.fill(binary, folder, kinds, [(670, 3600), (58, 300), (2, 60)])
        path = f"{folder}/history.db"
        with sqlite3.connect(path) as connection:
            counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("raw", "m5", "h1")]
        print(f"a full store, {SERIES} series: {counts} rows, {os.path.getsize(path) / 1e6:.1f} MB")
        print(f"a raw value: {table_bytes(path, 'raw') / (counts[0] * SERIES):.1f} bytes")

        chance = random.Random(1)
        for rows in (5, 8000 // SERIES):
            runs = []
            for run in range(RUNS):
                times = [end + 60 * check for check in range(1, rows + 1)]
                order = recorder.order(kinds, [(at, recorder.values(kinds, chance, at)) for at in times], 60, run == 0)
                end = times[-1]
                runs.append(batch(binary, folder, order))
            looked, steady = runs[0], medians(runs[1:])
            print(f"a batch of {rows} checks: {steady[0]:.1f} ms CPU, {steady[1]:.1f} MB, {steady[2]:.0f} KB written, "
                  f"{steady[3]:.1f} ms; with the daily look for damage {looked[0]:.1f} ms, {looked[1]:.1f} MB")

        robot = Robot()
        known = [{"key": {"metric": "memory", "target": ""}, "limit": 80.0, "note": "3.4 / 3.8 GB"}]
        recipe = {
            "subject": "Report", "from": stamp(end - 86_400), "to": stamp(end), "made_at": stamp(end), "host": "hz-web-01",
            "system_host": "hz-web-01", "zone": "Asia/Shanghai", "language": "zh", "interval": {"secs": 60, "nanos": 0},
            "known": known,
        }
        elapsed = statistics.median(robot.draw(binary, folder, recipe) for _ in range(RUNS))
        cpu, peak, _ = medians(robot.found)
        print(f"a picture of 24 h, drawn and posted: {cpu:.0f} ms CPU, {peak:.1f} MB, {len(robot.pictures[-1]) / 1e3:.0f} "
              f"KB, {elapsed:.0f} ms")

        day = ["--since", stamp(end - 86_400), "--until", stamp(end)]
        days = ["--since", stamp(end - 30 * 86_400), "--until", stamp(end)]
        start = median_command(binary, folder, ["--version"])
        print(f"the start of a command: {start:.1f} ms CPU")
        page = f"{folder}/month.html"
        for name, arguments in (
            ("24 h of 8 series as JSON", ["history", "--json", *CHARTED, *day]),
            ("24 h of 8 series in the terminal", ["history", *CHARTED, *day]),
            ("24 h of all in the terminal", ["history", *day]),
            ("30 days as a page", ["chart", "--output", page, *days]),
            ("replay of 30 days", ["replay", *days]),
        ):
            print(f"{name}: {median_command(binary, folder, arguments):.1f} ms CPU")
        print(f"a page of 30 days: {os.path.getsize(page) / 1e3:.0f} KB")
    for interval, name in ((900, "15 min"), (60, "1 min")) + (((1, "1 s"),) if has_second else ()):
        print(f"30 days of a check each {name}: {month(binary, interval) / 1e6:.1f} MB")


arguments = [argument for argument in sys.argv[1:] if argument != "--month-at-1s"]
if len(arguments) != 1:
    sys.exit(__doc__)
main(os.path.abspath(arguments[0]), "--month-at-1s" in sys.argv)
