"""The times of an alert and of an agent's death elsewhere: from the log's line of an alert to Alertmanager's receiver, and from
`kill -9` to the end of the alert in Alertmanager and to the missing heartbeat. Usage: fleet_death.py VPS-MONITOR [AGENTS]

Real: the agents and Debian's prometheus-alertmanager. healthchecks is a fake: a check is down once no heartbeat has come for
period + grace. Each agent checks each minute and is killed at another point of its minute. Some seven minutes."""

import datetime
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from fleet_scale import free_port, start

INTERVAL = 60
PERIOD, GRACE = INTERVAL, 2 * INTERVAL


class Receiver(http.server.BaseHTTPRequestHandler):
    """Alertmanager's webhook receiver, and healthchecks."""

    firing, resolved, beats, bytes_of_beat = {}, {}, {}, 0

    def do_POST(self):
        now, body = time.time(), self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/ping/"):
            Receiver.beats[self.path[6:]] = now
            Receiver.bytes_of_beat = len(self.requestline) + 2 + len(bytes(self.headers)) + len(body)
        else:
            for alert in json.loads(body)["alerts"]:
                told = Receiver.firing if alert["status"] == "firing" else Receiver.resolved
                told.setdefault(alert["labels"]["instance"], now)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_):
        pass


def active(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/alerts") as answer:
        return {alert["labels"]["instance"]: alert for alert in json.load(answer)}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def main():
    binary, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 6
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own, port = server.server_address[1], free_port()
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/am.yml", "w") as config:
            config.write("route: {receiver: team, group_by: [instance], group_wait: 0s, group_interval: 1s}\n"
                         f"receivers: [{{name: team, webhook_configs: [{{url: 'http://127.0.0.1:{own}/hook'}}]}}]\n")
        alertmanager = start(["prometheus-alertmanager", "--config.file=am.yml", "--storage.path=data",
                              f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], port, "/-/ready", folder)
        agents = {}
        try:
            for number in range(count):
                name = f"host-{number}"
                with open(f"{folder}/{name}.yaml", "w") as config:
                    config.write(f"general: {{hostname: {name}, check_interval: {INTERVAL}, language: en, alert_settle: 0}}\n"
                                 "system: {memory: {threshold: 0.001}, disk: {enabled: false}, cpu: {enabled: false}}\n"
                                 "network: {traffic: {enabled: false}, connections: {enabled: false}}\n"
                                 "docker: {enabled: false}\nscheduled_report: {enabled: false}\n"
                                 f"heartbeat: {{url: 'http://127.0.0.1:{own}/ping/{name}'}}\n"
                                 f"alertmanager: {{urls: ['http://127.0.0.1:{port}']}}\n")
                os.chmod(f"{folder}/{name}.yaml", 0o640)
                log = open(f"{folder}/{name}.log", "w")
                child = subprocess.Popen([binary, "--config", f"{folder}/{name}.yaml", "--state-dir", f"{folder}/{name}", "run"],
                                         stdout=subprocess.DEVNULL, stderr=log)
                agents[name] = [child, time.time()]
            time.sleep(2)
            for name in agents:
                with open(f"{folder}/{name}.log") as log:
                    line = next(line for line in log if "state=firing" in line)
                known = active(port)[name]
                print(f"{name}: alert at {line.split()[0]}; at the receiver {Receiver.firing[name] - agents[name][1]:.2f} s after the "
                      f"agent's start; endsAt {seconds(known['endsAt']) - seconds(known['updatedAt']):.1f} s ahead", flush=True)
            # All have been posted again once when the first one dies.
            for number, (name, agent) in enumerate(agents.items()):
                time.sleep(max(0, agent[1] + INTERVAL + (number + 0.5) * INTERVAL / count - time.time()))
                agent[0].kill()
                agent[0].wait()
                agent[1] = time.time()
            over, missing = {}, {}
            while len(over) < count or len(missing) < count or len(Receiver.resolved) < count:
                known, now = active(port), time.time()
                for name in agents:
                    if name not in known or known[name]["status"]["state"] != "active":
                        over.setdefault(name, now)
                    if now > Receiver.beats[name] + PERIOD + GRACE:
                        missing.setdefault(name, now)
                time.sleep(0.2)
            print("| agent | Alertmanager: over | its receiver: resolved | heartbeat: missing |\n|---|---:|---:|---:|")
            for name, (_, died) in agents.items():
                print(f"| {name} | {over[name] - died:.1f} s | {Receiver.resolved[name] - died:.1f} s | {missing[name] - died:.1f} s |")
            print(f"a heartbeat is {Receiver.bytes_of_beat} bytes")
        finally:
            for child in [alertmanager, *(agent[0] for agent in agents.values())]:
                child.kill()
                child.wait()


main()
