#!/usr/bin/env python3
"""What each part costs by itself: an agent that watches memory alone, and one for each part beside it, side by side in one run.

usage: part_cost.py VPS_MONITOR [--seconds N] [--run FOLDER]    (as root, with strace, a Docker engine and busybox-static)

Each agent checks once a second. CPU is the difference of the lower quartiles of their checks, system calls are the
difference of a steady check by strace, bytes those of private dirty memory and of the state file. The parts that ask the
system bus need one: this machine's or, with `--run`, that of a booted system's /run (/proc/PID/root/run of its process 1).
Causes are no part of a check: the CPU of an alert that names them, beside one that does not, with 200 groups more.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches/compare"))

from engine import IMAGE, docker, make_image, remove
from measure import machine
from process import Process, calls_of_cheapest_check, cpu_seconds_a_check

CONTAINERS = [f"vpsmon-part-{number}" for number in range(10)]
GROUPS = 200

# A part is what it has of these; all else is off.
OFF = {
    "disk": "{enabled: false}", "cpu": "{enabled: false}", "swap": "{enabled: false}", "steal": "{enabled: false}",
    "iowait": "{enabled: false}", "load": "{enabled: false}", "memory_pressure": "{enabled: false}",
    "io_pressure": "{enabled: false}", "cpu_pressure": "{enabled: false}", "open_files": "{enabled: false}",
    "oom": "{enabled: false}", "boot": "{enabled: false}", "clock_sync": "{enabled: false}",
    "traffic": "{enabled: false}", "connections": "{enabled: false}", "conntrack": "{enabled: false}",
    "quota": "{enabled: false}", "systemd": "{enabled: false}", "logins": "{enabled: false}", "docker": "{enabled: false}",
}
OF_NETWORK = ("traffic", "connections", "conntrack", "quota")
OF_NONE = ("systemd", "logins", "docker")
PLAIN_DISK = "{threshold: 100, inodes: 0, forecast: 0, read_only: false}"
WINDOW = "{threshold: 100, sample_interval: 1}"


class Part(NamedTuple):
    name: str
    keys: dict
    # Compared with this one, whose work it needs.
    beside: str = "memory alone"
    bus: bool = False


PARTS = (
    Part("memory alone", {}),
    Part("a disk", {"disk": PLAIN_DISK}),
    Part("every local disk (`auto`)", {"disk": PLAIN_DISK.replace("{", "{paths: [auto], ")}),
    Part("inodes", {"disk": PLAIN_DISK.replace("inodes: 0, ", "")}, "a disk"),
    Part("read-only", {"disk": PLAIN_DISK.replace("read_only: false", "read_only: true")}, "a disk"),
    Part("forecast", {"disk": PLAIN_DISK.replace("forecast: 0", "forecast: 1d")}, "a disk"),
    Part("CPU, its mean included", {"cpu": WINDOW}),
    Part("steal", {"steal": "{enabled: true}"}),
    Part("load", {"load": "{enabled: true, per_cpu: 1000}"}),
    Part("pressure of memory", {"memory_pressure": "{threshold: 100}"}),
    Part("pressure of all three", {
        "memory_pressure": "{threshold: 100}", "io_pressure": "{enabled: true, threshold: 100}",
        "cpu_pressure": "{enabled: true, threshold: 100}"}),
    Part("OOM kills", {"oom": "{enabled: true}"}),
    Part("restart, restart needed", {"boot": "{enabled: true}"}),
    Part("conntrack", {"conntrack": "{enabled: true}"}),
    Part("open files", {"open_files": "{enabled: true}"}),
    Part("clock", {"clock_sync": "{enabled: true}"}, bus=True),
    Part("traffic, its mean included", {"traffic": "{threshold_mbps: 1000000, sample_interval: 1}"}),
    Part("quota", {"quota": "{limit: 1000TB}"}),
    Part("10 containers", {"docker": "{enabled: true}"}),
    Part("memory and CPU against their own limits", {
        "docker": "{enabled: true, memory: 99, containers: [{name: 'vpsmon-part-*', cpu: 100}]}"}, "10 containers"),
    Part("units", {"systemd": "{enabled: true}"}, bus=True),
    Part("logins", {"logins": "{enabled: true}"}, bus=True),
)


def config(keys, causes=3, memory=100):
    keys = {**OFF, **keys}
    lines = [f"general: {{check_interval: 1, causes: {causes}}}", "scheduled_report: {enabled: false}"]
    lines += ["history: {enabled: false}"] + [f"{name}: {keys.pop(name)}" for name in OF_NONE]
    lines += ["network:"] + [f"  {name}: {keys.pop(name)}" for name in OF_NETWORK]
    lines += ["system:", f"  memory: {{threshold: {memory}}}"] + [f"  {name}: {value}" for name, value in keys.items()]
    return "\n".join(lines) + "\n"


class Parts:
    def __init__(self, agent, folder, run):
        self.agent, self.folder, self.run = agent, folder, run
        self.count = 0

    def start(self, part, text):
        self.count += 1
        state = self.folder / str(self.count)
        state.mkdir()
        (state / "config.yaml").write_text(text)
        command = [str(self.agent), "--config", str(state / "config.yaml"), "--state-dir", str(state), "run"]
        if part.bus and self.run:
            # A mount of another namespace cannot be bound, and a link leads into it.
            within = 'mount -t tmpfs run /run && mkdir -p /run/systemd/system && ln -s "$0/dbus" /run/dbus && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", within, self.run, *command]
        process = Process(part.name, command, state / "log")
        process.state = state / "alert_state.json"
        return process

    def side_by_side(self, seconds):
        """Of each part: seconds of CPU, private dirty bytes, system calls, bytes of the state."""
        # None wakes together with another one, which would find the caches cold or warm for both.
        processes = {}
        for part in PARTS:
            processes[part.name] = self.start(part, config(part.keys))
            time.sleep(1 / len(PARTS))
        try:
            time.sleep(6)
            cpu = cpu_seconds_a_check(list(processes.values()), seconds)
            memory = {name: process.memory_bytes()[1] for name, process in processes.items()}
            calls = {name: len(calls_of_cheapest_check(process, self.folder / "trace", 5)) for name, process in processes.items()}
        finally:
            for process in processes.values():
                process.stop()
        size = {name: process.state.stat().st_size if process.state.exists() else 0 for name, process in processes.items()}
        return {name: (cpu[name], memory[name], calls[name], size[name]) for name in processes}

    def alert(self, causes):
        """CPU of an agent from its start until its first alert is told."""
        agent = self.start(PARTS[0], config({}, causes, 0.1))
        try:
            time.sleep(1.5)
            return agent.cpu_seconds()
        finally:
            agent.stop()

    def causes(self, runs=15):
        found = [(self.alert(3), self.alert(0)) for _ in range(runs)]
        return [median(column) for column in zip(*found)]


@contextlib.contextmanager
def groups(count):
    """So many more groups, where this machine has its groups."""
    roots = [root for root in (f"/sys/fs/cgroup/{name}" for name in ("memory", "cpuacct")) if os.path.isdir(root)]
    slices = [f"{root}/vpsmonpart.slice" for root in roots or ["/sys/fs/cgroup"]]
    made = []
    try:
        for top in slices:
            os.mkdir(top)
            made.append(top)
            if not roots:
                Path(top, "cgroup.subtree_control").write_text("+memory +cpu")
            for number in range(count):
                made.append(f"{top}/part-{number:03}.service")
                os.mkdir(made[-1])
        yield
    finally:
        for group in reversed(made):
            os.rmdir(group)


@contextlib.contextmanager
def containers(folder):
    make_image(folder)
    try:
        for name in CONTAINERS:
            docker("run", "-d", "--name", name, "--memory", "64m", "--cpus", "1", "--network", "none", IMAGE, "/bin/sleep", "3600")
        yield
    finally:
        remove(CONTAINERS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", type=Path)
    parser.add_argument("--seconds", type=int, default=100)
    parser.add_argument("--run", help="a booted system's /run")
    wanted = parser.parse_args()
    for program in ("strace", "docker", "busybox"):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed")
    with tempfile.TemporaryDirectory() as folder, containers(folder):
        parts = Parts(wanted.agent.resolve(), Path(folder), wanted.run)
        found = parts.side_by_side(wanted.seconds)
        load = os.getloadavg()[0]
        print(f"{machine()}, load average {load:.1f}\n\n| part | CPU a check | system calls | private dirty | state file |")
        print("|---|---:|---:|---:|---:|")
        for part in PARTS:
            cpu, memory, calls, size = found[part.name]
            if part.name != part.beside:
                cpu, memory, calls, size = (ours - others for ours, others in zip(found[part.name], found[part.beside]))
            name = part.name if part.beside == "memory alone" else f"{part.name}, beside {part.beside}"
            print(f"| {name} | {cpu * 1e6:.0f} µs | {calls} | {memory / 1024:.0f} KB | {size} B |")
        with groups(GROUPS):
            told, without = parts.causes()
        print(f"\nan alert's causes with {GROUPS} groups more: {(told - without) * 1e3:.1f} ms of CPU")


main()
