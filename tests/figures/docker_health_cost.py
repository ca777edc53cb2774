#!/usr/bin/env python3
"""What the agent costs between checks while 20 containers run a health check each second.

usage: docker_health_cost.py VPS_MONITOR [SECONDS]    (as root, with a Docker engine and busybox-static)

CPU time is the kernel's own account of the process, in nanoseconds (/proc/PID/schedstat).
"""

import os
import subprocess
import sys
import tempfile
import time

from engine import IMAGE, docker, make_image, remove

NAMES = [f"vpsmon-figures-{number}" for number in range(20)]


def cpu_nanoseconds(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0])


def main(binary, seconds):
    with tempfile.TemporaryDirectory() as folder:
        make_image(folder)
        with open(f"{folder}/config.yaml", "w") as config:
            config.write("general: {check_interval: 1d}\nscheduled_report: {enabled: false}\ndocker: {enabled: true}\n")
        agent = None
        try:
            for name in NAMES:
                docker("run", "-d", "--name", name, "--health-cmd", "true", "--health-interval", "1s", IMAGE,
                       "/bin/sleep", "3600")
            agent = subprocess.Popen(
                [binary, "--config", f"{folder}/config.yaml", "--state-dir", f"{folder}/state", "run"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            # The first check, and the containers' way from starting to healthy, are not what is asked for.
            time.sleep(12)
            before = cpu_nanoseconds(agent.pid)
            time.sleep(seconds)
            spent = cpu_nanoseconds(agent.pid) - before
            print(f"20 health checks a second for {seconds} s: {spent / 1e6:.3f} ms of CPU, "
                  f"{spent / seconds / 1e7:.4f} % of a core")
        finally:
            if agent:
                agent.terminate()
                agent.wait()
            remove(NAMES)


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 60)
