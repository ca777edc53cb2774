"""The table of what watching costs: the agent, a minimal C loop and a psutil script, side by side in one run.

usage: measure.py AGENT [--seconds N] [--growth]

Prints a Markdown table with the goals, and the machine by CPU and kernel. `--growth` measures once more beside 100,000
open sockets, and beside 5,000 processes (it needs about 1 GB of memory, and a limit of open files that allows it).
Reads and starts nothing outside this folder and a temporary one; needs no network.
"""

import argparse
import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from process import Process, cpu_seconds_a_check

HERE = Path(__file__).resolve().parent

# Every system and network metric, and no threshold that a busy machine is over (but CPU, which cannot be above 100).
CONFIG = """\
general: {check_interval: 1}
system: {memory: {threshold: 100}, swap: {threshold: 100}, disk: {threshold: 100}, cpu: {threshold: 100}}
network: {traffic: {threshold_mbps: 1000000}, connections: {threshold: 10000000}}
docker: {enabled: false}
scheduled_report: {enabled: false}
"""

QUICK_WINDOW_SECONDS = 0.1
QUICK = CONFIG.replace("{threshold: 100}}\nnetwork", "{threshold: 100, sample_interval: 0.1}}\nnetwork").replace(
    "threshold_mbps: 1000000", "threshold_mbps: 1000000, sample_interval: 0.1"
)


class Bench:
    def __init__(self, agent, folder):
        self.agent = agent
        self.folder = folder
        self.config = self.write("config.yaml", CONFIG)
        self.loop = self.compile("loop")
        self.crowd = self.compile("crowd")
        self.rows = []

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def compile(self, name):
        binary = self.folder / name
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", binary, HERE / f"{name}.c"], check=True)
        return binary

    def row(self, what, measured, goal):
        self.rows.append((what, measured, goal))
        print(f"| {what} | {measured} | {goal} |", flush=True)

    def start_agent(self, config=None, environment=None):
        state = tempfile.mkdtemp(dir=self.folder)
        command = [self.agent, "--config", config or self.config, "--state-dir", state, "run"]
        return Process("agent", [str(part) for part in command], f"{state}/log", environment)

    def start_all(self):
        """The agent, the loop and, where there is psutil, the script."""
        yield self.start_agent()
        yield Process("C loop", [str(self.loop)], self.folder / "loop.log")
        if subprocess.run([sys.executable, "-c", "import psutil"], capture_output=True, check=False).returncode == 0:
            yield Process("psutil", [sys.executable, str(HERE / "psutil_loop.py")], self.folder / "psutil.log")

    def side_by_side(self, checks):
        """CPU seconds a check by program, and the agent's memory after them."""
        processes = list(self.start_all())
        try:
            time.sleep(3.5)
            spent = cpu_seconds_a_check(processes, checks)
            return dict(zip((process.name for process in processes), spent)), processes[0].memory_bytes()
        finally:
            for process in processes:
                process.stop()

    def cpu_and_memory(self, checks):
        cpu, (resident, dirty) = self.side_by_side(checks)
        ratio = cpu["agent"] / cpu["C loop"]
        self.row("CPU a check, to a C loop's", f"{ratio:.2f} ({micros(cpu, 'agent')} to {micros(cpu, 'C loop')})", "≤ 1.5")
        self.to_psutil(f"on this host alone ({processes()} processes)", cpu)
        with crowded(self.crowd, "processes", 100), crowded(self.crowd, "sockets", 200):
            self.to_psutil("with a small server's company (100 processes, 200 sockets)", self.side_by_side(30)[0])
        self.row(f"private dirty memory after {checks} checks", megabytes(dirty), "≤ 0.5 MB")
        self.row("resident memory", megabytes(resident), "≤ 4 MB")

    def to_psutil(self, where, cpu):
        what = f"CPU a check, to a psutil script's, {where}"
        if "psutil" in cpu:
            share = f"1/{cpu['psutil'] / cpu['agent']:.0f} ({micros(cpu, 'agent')} to {micros(cpu, 'psutil')})"
            self.row(what, share, "≤ 1/50")
        else:
            self.row(what, f"{sys.executable} has no psutil", "≤ 1/50")

    def growth(self, checks):
        before = self.side_by_side(checks)[0]
        for kind, count in (("sockets", 100_000), ("processes", 5_000)):
            with crowded(self.crowd, kind, count):
                after = self.side_by_side(checks)[0]
            # By the C loop, whose work does not grow, the machine's own drift is taken out.
            grown = after["agent"] / before["agent"] * before["C loop"] / after["C loop"]
            self.row(f"growth with {count:,} {kind}", f"{grown:.2f} times", "≤ 1.1 times")

    def system_calls(self):
        if not shutil.which("strace"):
            return self.row("system calls a check", "strace is not installed", "≤ 40")
        agent = self.start_agent()
        try:
            time.sleep(2.5)
            trace = self.folder / "trace"
            command = ["strace", "-f", "-qq", "-o", trace, "-p", str(agent.pid)]
            strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            time.sleep(10)
            strace.send_signal(signal.SIGINT)
            strace.wait(10)
        finally:
            agent.stop()
        checks = re.split(r"^\d+ +ppoll\(.*$", trace.read_text(), flags=re.MULTILINE)[1:-1]
        # A steady one: on a busy machine the CPU's alert comes between, and is saved.
        steady = min(checks, key=lambda check: len(check.splitlines()))
        self.row("system calls a check, sampling windows included", f"{1 + len(steady.strip().splitlines())}", "≤ 40")
        self.row("state writes while nothing changes", f"{steady.count('fsync(')}", "none")
        self.row("wake-ups a check, its window as long as the interval", f"{len(checks) / 10:.1f}", "1")

    def after_delivery(self):
        """Memory once an alert has gone out over HTTPS."""
        if not shutil.which("openssl"):
            return self.row("after an HTTPS delivery", "openssl is not installed", "≤ 1.0 MB; ≤ 5.5 MB")
        with robot(self.folder) as (url, certificate):
            low = CONFIG.replace("memory: {threshold: 100}", "memory: {threshold: 0.1}")
            config = self.write("deliver.yaml", f'{low}wechat: {{webhook_url: "{url}"}}\n')
            agent = self.start_agent(config, {"SSL_CERT_FILE": str(certificate)})
            try:
                agent.wait_for_line("delivered kind=alert")
                time.sleep(1.5)
                resident, dirty = agent.memory_bytes()
            finally:
                agent.stop()
        self.row("private dirty memory after an HTTPS delivery", megabytes(dirty), "≤ 1.0 MB")
        self.row("resident memory after an HTTPS delivery", megabytes(resident), "≤ 5.5 MB")

    def quick_check(self):
        config = self.write("quick.yaml", QUICK)
        took = []
        for _ in range(21):
            began = time.perf_counter()
            subprocess.run([self.agent, "--config", config, "check"], stdout=subprocess.DEVNULL, check=False)
            took.append(time.perf_counter() - began - QUICK_WINDOW_SECONDS)
        measured = f"{median(took) * 1e3:.1f} ms, at best {min(took) * 1e3:.1f}"
        self.row("`check` beyond its windows, process start included", measured, "≤ 5 ms")


def micros(cpu, name):
    return f"{cpu[name] * 1e6:.0f} µs"


def processes():
    return sum(name.isdigit() for name in os.listdir("/proc"))


def megabytes(count):
    return f"{count / 2**20:.2f} MB"


@contextlib.contextmanager
def crowded(crowd, kind, count):
    """So many sockets, or processes, beside what is measured."""
    child = subprocess.Popen([crowd, kind, str(count)], stdout=subprocess.PIPE, start_new_session=True)
    try:
        if not child.stdout.readline():
            sys.exit(f"no {count} {kind} to be had here")
        yield
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(60)


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
        bench.row("release binary", f"{agent.stat().st_size / 1e6:.2f} MB", "≤ 3.5 MB")
        if wanted.growth:
            bench.growth(min(wanted.seconds, 30))


if __name__ == "__main__":
    main()
