"""The table of what watching costs: the agent, a minimal C loop and a psutil script, side by side in one run.

usage: measure.py AGENT [--seconds N] [--growth]

Measures both shapes in which people run the agent: sampling windows shorter than the interval (the default, in which it
wakes at the end of each window), and as long as the interval. Prints a Markdown table with the goals, and the machine by
CPU and kernel. Fails where a check takes more than twice the CPU of the loop. `--growth` measures once more beside 100,000
open sockets, and beside 5,000 processes (it needs about 1 GB of memory, and a limit of open files that allows it).
Reads and starts nothing outside this folder and a temporary one; needs no network.
"""

import argparse
import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from process import Process, calls_of_cheapest_check, cpu_seconds_a_check

HERE = Path(__file__).resolve().parent

# Every system and network metric, and no threshold that a busy machine is over (but CPU, which cannot be above 100).
CONFIG = """\
general: {{check_interval: {interval}}}
system:
  memory: {{threshold: {memory}}}
  swap: {{threshold: 100}}
  disk: {{threshold: 100}}
  cpu: {{threshold: 100, sample_interval: {cpu_window}}}
network:
  traffic: {{threshold_mbps: 1000000, sample_interval: {traffic_window}}}
  connections: {{threshold: 10000000}}
docker: {{enabled: false}}
scheduled_report: {{enabled: false}}
"""


class Shape(NamedTuple):
    """How checks and their sampling windows lie in time, in seconds."""

    name: str
    interval: float
    cpu_window: float
    traffic_window: float
    system_calls: int

    def config(self, memory=100):
        return CONFIG.format(memory=memory, **self._asdict())

    def loop_arguments(self):
        return [str(seconds) for seconds in (self.interval, self.cpu_window, self.traffic_window)]


# The windows are those of the built-in defaults.
DEFAULT = Shape("windows of 1 s and 5 s", interval=6, cpu_window=1, traffic_window=5, system_calls=24)
WHOLE = Shape("windows as long as the interval", interval=1, cpu_window=1, traffic_window=1, system_calls=12)
SHAPES = (DEFAULT, WHOLE)
QUICK = Shape("quick", interval=1, cpu_window=0.1, traffic_window=0.1, system_calls=0)

GOAL_RATIO = 1.5
FAILING_RATIO = 2.0

# Three of each shape's agent and loop: where each lies in memory, and on which CPU it runs, is chance.
PAIRS = 3

# They wake in turns. Side by side the one behind finds the kernel's code in the caches, as no program does that is alone on
# a small server; and the kernel is most of the loop, and the lesser part of the agent.
APART = 0.076


class Bench:
    def __init__(self, agent, folder):
        self.agent = agent
        self.folder = folder
        self.loop = self.compile("loop")
        self.crowd = self.compile("crowd")
        self.pages = self.compile("pages")
        self.failed = []

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def compile(self, name):
        binary = self.folder / name
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", binary, HERE / f"{name}.c"], check=True)
        return binary

    def row(self, what, measured, goal):
        print(f"| {what} | {measured} | {goal} |", flush=True)

    def start_agent(self, config, name="agent", every=1, environment=None):
        state = Path(tempfile.mkdtemp(dir=self.folder))
        (state / "config.yaml").write_text(config)
        command = [self.agent, "--config", state / "config.yaml", "--state-dir", state, "run"]
        return Process(name, [str(part) for part in command], state / "log", every, environment)

    def start_all(self):
        """For each shape agents and loops and, where there is psutil, the script."""
        for shape in SHAPES:
            for number in range(PAIRS):
                yield self.start_agent(shape.config(), f"agent, {shape.name}", shape.interval)
                loop = [str(self.loop), *shape.loop_arguments()]
                yield Process(f"loop, {shape.name}", loop, self.folder / f"loop{number}.log", shape.interval)
        if subprocess.run([sys.executable, "-c", "import psutil"], capture_output=True, check=False).returncode == 0:
            yield Process("psutil", [sys.executable, str(HERE / "psutil_loop.py")], self.folder / "psutil.log")

    def side_by_side(self, seconds):
        """CPU seconds a check by program, and the memory of the agent that checks each second."""
        processes = []
        for process in self.start_all():
            processes.append(process)
            time.sleep(APART)
        try:
            time.sleep(DEFAULT.interval + 3.5)
            spent = cpu_seconds_a_check(processes, seconds)
            agent = next(process for process in processes if process.name == f"agent, {WHOLE.name}")
            return spent, agent.memory_bytes()
        finally:
            for process in processes:
                process.stop()

    def cpu_and_memory(self, seconds):
        touching = [self.pages, self.agent, str(max(1, seconds // 5))]
        with subprocess.Popen(touching, stdout=subprocess.PIPE, text=True) as pages:
            cpu, (resident, dirty) = self.side_by_side(seconds)
            half, mean = (int(nanoseconds) for nanoseconds in pages.stdout.read().split())
        for shape in SHAPES:
            agent, loop = cpu[f"agent, {shape.name}"], cpu[f"loop, {shape.name}"]
            what = f"CPU a check, to a C loop's, {shape.name}"
            self.row(what, f"{agent / loop:.2f} ({micros(agent)} to {micros(loop)})", f"≤ {GOAL_RATIO}")
            if agent > FAILING_RATIO * loop:
                self.failed.append(f"{what}: {agent / loop:.2f} is more than {FAILING_RATIO}")
        self.row("reading a page of memory that was untouched for 5 s", f"{mean} ns on average, {half} ns at the median", "")
        self.to_psutil(f"on this host alone ({processes()} processes)", cpu)
        with crowded(self.crowd, "processes", 100), crowded(self.crowd, "sockets", 200):
            self.to_psutil("with a small server's company (100 processes, 200 sockets)", self.side_by_side(30)[0])
        self.row(f"private dirty memory after {seconds} checks", megabytes(dirty), "≤ 0.45 MB")
        self.row("resident memory", megabytes(resident), "")

    def to_psutil(self, where, cpu):
        what = f"CPU a check, to a psutil script's, {where}"
        if "psutil" in cpu:
            agent = cpu[f"agent, {WHOLE.name}"]
            share = f"1/{cpu['psutil'] / agent:.0f} ({micros(agent)} to {micros(cpu['psutil'])})"
            self.row(what, share, "≤ 1/50")
        else:
            self.row(what, f"{sys.executable} has no psutil", "≤ 1/50")

    def growth(self, checks):
        before = self.side_by_side(checks)[0]
        for kind, count in (("sockets", 100_000), ("processes", 5_000)):
            with crowded(self.crowd, kind, count):
                after = self.side_by_side(checks)[0]
            # By the C loop, whose work does not grow, the machine's own drift is taken out.
            agent, loop = f"agent, {WHOLE.name}", f"loop, {WHOLE.name}"
            grown = after[agent] / before[agent] * before[loop] / after[loop]
            self.row(f"growth with {count:,} {kind}", f"{grown:.2f} times", "≤ 1.1 times")

    def system_calls(self):
        for shape in SHAPES:
            what, goal = f"system calls a check, {shape.name}", f"≤ {shape.system_calls}"
            if not shutil.which("strace"):
                self.row(what, "strace is not installed", goal)
                continue
            alone = self.steady_check(shape)
            with notify_socket(self.folder) as listened:
                told = self.steady_check(shape, {"NOTIFY_SOCKET": str(listened), "WATCHDOG_USEC": "30000000"})
            self.row(what, f"{len(alone)}, {len(told)} with the word to systemd", goal)
            waits = sum(call.startswith("ppoll(") for call in alone)
            self.row(f"wake-ups a check, {shape.name}", str(waits), str(len(set(shape[1:4]))))
            self.row(f"state writes while nothing changes, {shape.name}", str(sum("fsync(" in call for call in alone)), "0")

    def steady_check(self, shape, environment=None):
        agent = self.start_agent(shape.config(), environment=environment)
        try:
            time.sleep(2.5)
            return calls_of_cheapest_check(agent, self.folder / "trace", shape.interval * 5 + 1)
        finally:
            agent.stop()

    def after_delivery(self):
        """Memory once an alert has gone out over HTTPS."""
        if not shutil.which("openssl"):
            return self.row("after an HTTPS delivery", "openssl is not installed", "≤ 1.0 MB")
        with robot(self.folder) as (url, certificate):
            config = f'{WHOLE.config(memory=0.1)}wechat: {{webhook_url: "{url}"}}\n'
            agent = self.start_agent(config, environment={"SSL_CERT_FILE": str(certificate)})
            try:
                agent.wait_for_line("delivered kind=alert")
                time.sleep(1.5)
                resident, dirty = agent.memory_bytes()
            finally:
                agent.stop()
        self.row("private dirty memory after an HTTPS delivery", megabytes(dirty), "≤ 1.0 MB")
        self.row("resident memory after an HTTPS delivery", megabytes(resident), "")

    def quick_check(self):
        config = self.write("quick.yaml", QUICK.config())
        took = []
        for _ in range(21):
            began = time.perf_counter()
            subprocess.run([self.agent, "--config", config, "check"], stdout=subprocess.DEVNULL, check=False)
            took.append(time.perf_counter() - began - QUICK.cpu_window)
        measured = f"{median(took) * 1e3:.1f} ms, at best {min(took) * 1e3:.1f}"
        self.row("`check` beyond its windows, process start included", measured, "≤ 5 ms")


def micros(seconds):
    return f"{seconds * 1e6:.0f} µs"


def processes():
    return sum(name.isdigit() for name in os.listdir("/proc"))


def megabytes(count):
    return f"{count / 2**20:.2f} MB"


@contextlib.contextmanager
def crowded(crowd, kind, count):
    """So many sockets, or processes, beside the measured program."""
    child = subprocess.Popen([crowd, kind, str(count)], stdout=subprocess.PIPE, start_new_session=True)
    try:
        if not child.stdout.readline():
            sys.exit(f"no {count} {kind} to be had here")
        yield
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(60)


@contextlib.contextmanager
def notify_socket(folder):
    """Where systemd would listen; whoever finds it full would wait, so it is emptied."""
    path = folder / "notify.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    threading.Thread(target=lambda: [None for _ in iter(lambda: listener.recv(4096), b"end")], daemon=True).start()
    try:
        yield path
    finally:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end", str(path))
        path.unlink()


@contextlib.contextmanager
def robot(folder):
    """A webhook on loopback, with a certificate of its own. Its URL, and the certificate to trust."""
    certificate, key = folder / "robot.pem", folder / "robot.key"
    # Trusted by itself; rustls takes no certificate of an authority for a server's.
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subject += ["-addext", "basicConstraints=critical,CA:FALSE"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out"]
    subprocess.run([*command, certificate, *subject], check=True, capture_output=True)
    child = subprocess.Popen([sys.executable, HERE / "robot.py", certificate, key], stdout=subprocess.PIPE, text=True)
    try:
        port = child.stdout.readline().strip()
        yield f"https://localhost:{port}/cgi-bin/webhook/send?key=11111111-2222-3333-4444-555555555555", certificate
    finally:
        child.terminate()
        child.wait(10)


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", type=Path)
    parser.add_argument("--seconds", type=int, default=100)
    parser.add_argument("--growth", action="store_true")
    wanted = parser.parse_args()
    agent = wanted.agent.resolve()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(agent, Path(folder))
        print(f"{machine()}\n\n| what | measured | goal |\n|---|---|---|")
        bench.cpu_and_memory(wanted.seconds)
        bench.system_calls()
        bench.after_delivery()
        bench.quick_check()
        bench.row("release binary", f"{agent.stat().st_size / 1e6:.2f} MB", "≤ 6 MB")
        if wanted.growth:
            bench.growth(min(wanted.seconds, 30))
    if bench.failed:
        sys.exit("\n".join(bench.failed))


if __name__ == "__main__":
    main()
