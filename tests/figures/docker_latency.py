#!/usr/bin/env python3
"""From `docker kill` to the webhook's request, 20 times: median and maximum.

usage: docker_latency.py VPS_MONITOR    (as root, with a Docker engine and busybox-static)

Each time is from the moment `docker kill` is started, so it holds the engine's own work; the agent gathers events for
200 ms before it looks.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from engine import IMAGE, docker, make_image, remove
from robot import Robot

NAME, TIMES = "vpsmon-figures", 20


def main(binary):
    robot = Robot()
    with tempfile.TemporaryDirectory() as folder:
        make_image(folder)
        with open(f"{folder}/config.yaml", "w") as config:
            config.write(
                f'wechat: {{webhook_url: "{robot.url()}"}}\n'
                "general: {alert_cooldown: 0, check_interval: 1d}\n"
                "scheduled_report: {enabled: false}\n"
                f"docker: {{enabled: true, containers: [{NAME}]}}\n"
                "network: {traffic: {enabled: false}}\n"
            )
        docker("run", "-d", "--name", NAME, IMAGE, "/bin/sleep", "3600")
        agent = subprocess.Popen(
            [binary, "--config", f"{folder}/config.yaml", "--state-dir", f"{folder}/state", "run"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(4)
            latencies = []
            for _ in range(TIMES):
                began = time.time()
                docker("kill", NAME)
                at, _ = robot.wait_for(lambda text: "exited" in text, 30)
                latencies.append((at - began) * 1000)
                docker("start", NAME)
                robot.wait_for(lambda text: "已恢复正常" in text, 30)
                # A robot takes 20 messages a minute, and each turn makes two.
                time.sleep(max(0, began + 7 - time.time()))
            print(f"docker kill to request, {TIMES} times: median {statistics.median(latencies):.0f} ms, "
                  f"max {max(latencies):.0f} ms; beyond the gathering window of 200 ms: "
                  f"median {statistics.median(latencies) - 200:.0f} ms")
        finally:
            agent.terminate()
            agent.wait()
            remove([NAME])


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(os.path.abspath(sys.argv[1]))
