#!/usr/bin/env python3
"""How late reports come: 20 of them, due each minute, by the machine's own clock. Takes 20 minutes.

usage: report_lateness.py VPS_MONITOR [REPORTS]
"""

import os
import statistics
import subprocess
import sys
import tempfile

from robot import Robot


def main(binary, reports):
    robot = Robot()
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/config.yaml", "w") as config:
            config.write(
                f'wechat: {{webhook_url: "{robot.url()}"}}\n'
                "system: {cpu: {threshold: 100}}\n"
                'scheduled_report: {cron: "* * * * *"}\n'
            )
        agent = subprocess.Popen(
            [binary, "--config", f"{folder}/config.yaml", "--state-dir", f"{folder}/state", "run"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            lateness = [robot.wait_for(lambda text: "状态报告" in text, 90)[0] % 60 for _ in range(reports)]
        finally:
            agent.terminate()
            agent.wait()
    print(f"{reports} reports, seconds after the full minute: median {statistics.median(lateness):.3f}, "
          f"max {max(lateness):.3f}")


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 20)
