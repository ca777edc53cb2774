#!/usr/bin/env python3
"""What thousands of containers cost the agent: memory at its peak, and CPU of a check.

usage: docker_scale.py VPS_MONITOR [CONTAINERS]

The engine is a stand-in on a Unix socket whose list has entries as long as Docker's (some 800 bytes). The agent checks
once a second; it is compared with one that watches no containers. Memory is what is private at the peak: VmHWM less the
pages that belong to files. CPU time is the kernel's own account of the process (/proc/PID/schedstat).
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

CHECKS = 20


def container(number):
    name = f"service-{number:05}"
    labels = {f"com.docker.compose.{key}": f"{name}-{key}" for key in ("config-hash", "container-number", "version")}
    return {
        "Id": hashlib.sha256(name.encode()).hexdigest(), "Names": [f"/{name}"], "Image": "registry.example/team/service:1.2.3",
        "ImageID": f"sha256:{number:064x}", "Command": "/usr/local/bin/service --port 8080", "Created": 1700000000,
        "Ports": [{"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 8080, "Type": "tcp"}], "Labels": labels,
        "State": "running", "Status": "Up 3 days (healthy)", "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": f"{number:064x}", "IPAddress": "172.17.0.2"}}},
        "Mounts": [],
    }


def serve(path, body):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    head = f"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def answer(connection):
        request = connection.recv(65536)
        try:
            if b"/events" in request:
                connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n")
                connection.recv(1)
            else:
                connection.sendall(head + body)
                connection.recv(1)
        except OSError:
            pass
        connection.close()

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def private_peak(pid):
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    kib = {key: int(status[key].split()[0]) for key in ("VmHWM", "RssFile", "RssShmem")}
    return (kib["VmHWM"] - kib["RssFile"] - kib["RssShmem"]) / 1024


def measure(binary, folder, enabled):
    path = f"{folder}/{enabled}.yaml"
    with open(path, "w") as config:
        config.write(
            "general: {check_interval: 1}\nscheduled_report: {enabled: false}\n"
            "system: {cpu: {enabled: false}}\nnetwork: {traffic: {enabled: false}}\n"
            f"docker: {{enabled: {enabled}, socket: {folder}/docker.sock}}\n"
        )
    environment = {**os.environ, "SYSTEMD_EXEC_PID": "0"}
    agent = subprocess.Popen(
        ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh", binary, "--config", path, "--state-dir",
         f"{folder}/state-{enabled}", "run"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
    )
    try:
        time.sleep(3)
        with open(f"/proc/{agent.pid}/schedstat") as file:
            before = int(file.read().split()[0])
        time.sleep(CHECKS)
        with open(f"/proc/{agent.pid}/schedstat") as file:
            spent = int(file.read().split()[0]) - before
        return private_peak(agent.pid), spent / CHECKS / 1e6
    finally:
        agent.terminate()
        agent.wait()


def main(binary, count):
    with tempfile.TemporaryDirectory() as folder:
        body = json.dumps([container(number) for number in range(count)]).encode()
        serve(f"{folder}/docker.sock", body)
        without, idle = measure(binary, folder, "false")
        peak, busy = measure(binary, folder, "true")
        print(f"{count} containers, {len(body) / count:.0f} bytes each: {peak:.1f} MB at the peak, {peak - without:.1f} "
              f"MB above none; {busy:.1f} ms of CPU a check, {idle:.1f} ms without")


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 5000)
