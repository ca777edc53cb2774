"""A running program, seen from outside: what the kernel says it used."""

import os
import subprocess
import time
from statistics import median


class Process:
    """A program that runs until `stop`; its standard output and error go to the file `log`."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
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
            # The agent lets none but root look into it. Its anonymous pages are what is private and dirty of it.
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


def cpu_seconds_a_check(processes, checks):
    """CPU time a check (one a second) of each process, side by side: the median of `checks` seconds.

    The median, because a second in which something happens (an alert that is saved, a cold cache) is not a steady one.
    """
    before = [process.cpu_seconds() for process in processes]
    spent = [[] for _ in processes]
    due = time.monotonic()
    for _ in range(checks):
        due += 1
        time.sleep(max(0, due - time.monotonic()))
        for place, process in enumerate(processes):
            now = process.cpu_seconds()
            spent[place].append(now - before[place])
            before[place] = now
    return [median(seconds) for seconds in spent]
