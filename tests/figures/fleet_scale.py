"""What a fleet costs its engines: the output of one agent, posted for N hosts to a real VictoriaMetrics and a real
Alertmanager on this machine. Usage: fleet_scale.py VPS-MONITOR [HOSTS...]

Debian: victoria-metrics, prometheus-alertmanager. Both run in a folder of their own and end with the script."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(arguments, port, ready, folder):
    log = open(os.path.join(folder, "log"), "w")
    child = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=1).read()
            return child
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{arguments[0]} does not answer")


def usage(pid):
    """Resident memory in MB, and CPU seconds."""
    with open(f"/proc/{pid}/status") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return rss / 1024, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post_all(port, requests):
    """Posts one after another over one connection; the seconds it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.monotonic()
    for path, body, kind in requests:
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 204):
            raise SystemExit(f"{path}: {answer.status}")
    return time.monotonic() - began


def main():
    binary, hosts = sys.argv[1], [int(n) for n in sys.argv[2:]] or [1, 100, 1000, 10000]
    page = subprocess.run([binary, "--config", "/dev/null", "metrics"], capture_output=True, check=True).stdout
    series = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
    print(f"one host: {series} series, {len(page)} bytes")
    print("| hosts | VictoriaMetrics: posts/s | its CPU a post | its memory | Alertmanager: posts/s | its CPU a post | its memory |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for count in hosts:
        with tempfile.TemporaryDirectory() as vm_folder, tempfile.TemporaryDirectory() as am_folder:
            vm_port, am_port = free_port(), free_port()
            vm = start(["victoria-metrics", f"-storageDataPath={vm_folder}/data", f"-httpListenAddr=127.0.0.1:{vm_port}",
                        "-memory.allowedBytes=400MB"], vm_port, "/health", vm_folder)
            with open(f"{am_folder}/am.yml", "w") as config:
                config.write("route: {receiver: none, group_by: [instance]}\nreceivers: [{name: none}]\n")
            am = start(["prometheus-alertmanager", f"--config.file={am_folder}/am.yml", f"--storage.path={am_folder}/data",
                        f"--web.listen-address=127.0.0.1:{am_port}", "--cluster.listen-address="],
                       am_port, "/-/ready", am_folder)
            try:
                path = "/api/v1/import/prometheus?extra_label=instance="
                before = usage(vm.pid)[1]
                took = post_all(vm_port, ((f"{path}host-{n}", page, "text/plain") for n in range(count)))
                vm_memory, vm_cpu = usage(vm.pid)
                ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 240))

                def alert(n):
                    labels = {"alertname": "VpsMemory", "instance": f"host-{n}", "job": "vps-monitor",
                              "metric": "memory", "severity": "warning"}
                    return json.dumps([{"labels": labels, "annotations": {"summary": "Memory usage: 85.2%"}, "endsAt": ends}])

                am_before = usage(am.pid)[1]
                am_took = post_all(am_port, (("/api/v2/alerts", alert(n), "application/json") for n in range(count)))
                am_memory, am_cpu = usage(am.pid)
                print(f"| {count:,} | {count / took:,.0f} | {(vm_cpu - before) / count * 1000:.2f} ms | {vm_memory:.0f} MB "
                      f"| {count / am_took:,.0f} | {(am_cpu - am_before) / count * 1000:.2f} ms | {am_memory:.0f} MB |", flush=True)
            finally:
                for child in (vm, am):
                    child.kill()
                    child.wait()


if __name__ == "__main__":
    main()
