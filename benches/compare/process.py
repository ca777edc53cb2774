"""A running program, seen from outside: what the kernel says it used."""

import os
import re
import signal
import subprocess
import time
from statistics import quantiles


class Process:
    """A program that runs until `stop`; its standard output and error go to the file `log`."""

    def __init__(self, name, command, log, every=1, environment=None):
        self.name = name
        # Seconds between two checks.
        self.every = every
        # The agent takes a SYSTEMD_EXEC_PID of its own for systemd, and prints no line a check then.
        as_service = ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh"]
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                as_service + command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self.log = log
        self.pid = self.child.pid

    def cpu_seconds(self):
        """Time on a CPU so far, in user and kernel, to the nanosecond (proc_pid_schedstat in the kernel's documents)."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def memory_bytes(self):
        """Resident, and private dirty."""
        try:
            sizes = self.sizes("smaps_rollup", ("Rss", "Private_Dirty"))
        except PermissionError:
            # The agent lets none but root look into it. Its anonymous pages are its private dirty memory.
            sizes = self.sizes("status", ("VmRSS", "RssAnon"))
        return sizes

    def sizes(self, name, fields):
        with open(f"/proc/{self.pid}/{name}", encoding="ascii", errors="replace") as file:
            sizes = dict(line.split(":", 1) for line in file if line.endswith("kB\n"))
        return tuple(int(sizes[field].split()[0]) * 1024 for field in fields)

    def wait_for_line(self, text, seconds=30):
        """Waits until the log holds `text`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                if text in log.read():
                    return
            time.sleep(0.05)
        raise TimeoutError(f"{self.name} did not say {text!r}; see {self.log}")

    def stop(self):
        self.child.terminate()
        self.child.wait(10)


def calls_of_cheapest_check(process, trace, seconds):
    """The system calls of the cheapest check in so many seconds, by strace, whose output goes to the file `trace`.

    The cheapest, because on a busy machine the CPU's alert comes between, and is saved. Each check reads meminfo once.
    """
    command = ["strace", "-f", "-qq", "-o", trace, "-p", str(process.pid)]
    strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    strace.send_signal(signal.SIGINT)
    strace.wait(10)
    with open(trace, encoding="utf-8", errors="replace") as file:
        calls = re.findall(r"^\d+ +(.*)$", file.read(), flags=re.MULTILINE)
    ends = [place for place, call in enumerate(calls) if "MemTotal:" in call]
    return min((calls[begin:end] for begin, end in zip(ends, ends[1:])), key=len)


def cpu_seconds_a_check(processes, seconds):
    """CPU time a check of each kind of process, side by side, by name: the lower quartile of its checks in so many seconds.

    The lower quartile, because a check in which something happens is not a steady one, and on a busy machine that is many
    a check: all CPUs are in use in one and not in the next, which is an alert that begins or ends, and is saved.
    """
    before = [process.cpu_seconds() for process in processes]
    spent = {process.name: [] for process in processes}
    due = time.monotonic()
    for second in range(1, seconds + 1):
        due += 1
        time.sleep(max(0, due - time.monotonic()))
        for place, process in enumerate(processes):
            if second % process.every == 0:
                now = process.cpu_seconds()
                spent[process.name].append(now - before[place])
                before[place] = now
    return {name: quantiles(checks, n=4)[0] for name, checks in spent.items()}
