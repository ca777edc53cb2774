"""The functions in which a check runs, as a linker script that puts them side by side.

usage: order.py AGENT >.cargo/check-together.ld

AGENT is a release binary with its symbols (`make order` builds one). It watches this machine for some seconds under
valgrind's lackey, which prints each instruction that is executed: with the windows of the defaults, with windows as long
as the interval, and with everything that is on by default, containers too where an engine runs. Functions that more wake-ups
reach come first. Starts nothing else; needs no network.
"""

import bisect
import os
import re
import select
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HOST = """\
general: {{check_interval: {interval}}}
system:
  cpu: {{threshold: 100, sample_interval: {cpu_window}}}
network:
  traffic: {{sample_interval: {traffic_window}}}
docker: {{enabled: {docker}}}
scheduled_report: {{enabled: false}}
"""

# Of each: its configuration, and how many wake-ups are followed, from the one on after which what was found first is saved.
RUNS = [
    (HOST.format(interval=6, cpu_window=1, traffic_window=5, docker="false"), 7),
    (HOST.format(interval=1, cpu_window=1, traffic_window=1, docker="false"), 4),
    (HOST.format(interval=6, cpu_window=1, traffic_window=5, docker="auto"), 4),
]

SETTLING = 5

# Wake-ups lie further apart than this, and nothing that runs takes so long, but the start.
PAUSE = 0.25

HEAD = """\
/* The functions in which a check runs, side by side: they would be strewn over all of the program, and a processor that
   comes out of sleep finds each page of them anew. Written by `make order`; the names have a wildcard where they depend on
   the compiler. A name that fits nothing does no harm. */
SECTIONS
{
  .text.check :
  {
"""
TAIL = """\
  }
}
INSERT BEFORE .text;
"""


class Symbols:
    """The functions of a binary by their addresses, in mangled names."""

    def __init__(self, binary):
        listed = subprocess.run(["nm", "-n", "--defined-only", binary], capture_output=True, text=True, check=True)
        symbols = [line.split() for line in listed.stdout.splitlines()]
        functions = [(int(at, 16), name) for at, kind, name in symbols if kind in "tTwW"]
        if not functions:
            sys.exit(f"order.py: {binary} has no symbols")
        self.addresses, self.names = zip(*functions)

    def at(self, offset):
        place = bisect.bisect(self.addresses, offset) - 1
        return self.names[place] if place >= 0 else None


def mapped(pid, binary):
    """Where the binary's pages begin and end in the memory of the process."""
    found = [line.split("-", 1) for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if line.endswith(str(binary))]
    return int(found[0][0], 16), int(found[-1][1].split()[0], 16)


def lines_of(descriptor):
    """The lines that come, and `None` for each pause."""
    rest = b""
    while True:
        if not select.select([descriptor], [], [], PAUSE)[0]:
            yield None
            continue
        piece = os.read(descriptor, 1 << 20)
        if not piece:
            sys.exit("order.py: the agent has ended")
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def wake_ups(binary, config, wanted):
    """The addresses of the instructions of each wake-up, in their order, and where the binary lies in memory."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(config)
        trace, written = os.pipe()
        lackey = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-fd={written}"]
        agent = [binary, "--config", f"{folder}/config.yaml", "--state-dir", folder, "run"]
        # As under systemd: the log has no times, which take code of their own.
        command = ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh", *lackey, *agent]
        with open(f"{folder}/log", "w", encoding="utf-8") as log:
            child = subprocess.Popen(command, pass_fds=[written], stdout=log, stderr=log)
        os.close(written)
        try:
            found, reached = [], {}
            for line in lines_of(trace):
                if line is not None and line.startswith(b"I "):
                    reached.setdefault(int(line[3:].split(b",")[0], 16))
                elif line is None and reached:
                    found.append(list(reached))
                    reached = {}
                    if len(found) == SETTLING + wanted:
                        return found[SETTLING:], mapped(child.pid, binary)
        finally:
            child.kill()
            child.wait()
            os.close(trace)


def pattern(name):
    """Without the parts that depend on the compiler: the hashes of crates, and references to places behind them."""
    return re.sub(r"B[0-9a-zA-Z]{0,2}_", "B*_", re.sub(r"Cs[0-9a-zA-Z]+_", "Cs*_", name))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).resolve()
    symbols = Symbols(binary)
    patterns = {}
    for config, wanted in RUNS:
        counts = Counter()
        turns, (start, end) = wake_ups(binary, config, wanted)
        for addresses in turns:
            names = (symbols.at(address - start) for address in addresses if start <= address < end)
            reached = [pattern(name) for name in names if name and name.startswith("_R")]
            counts.update(dict.fromkeys(reached, 1))
        for name, _ in counts.most_common():
            patterns.setdefault(name)
    print(HEAD + "".join(f"    *(.text.{name})\n" for name in patterns) + TAIL, end="")


if __name__ == "__main__":
    main()
