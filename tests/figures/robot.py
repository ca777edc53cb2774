"""A stand-in for the group robot, for figures: takes every message and remembers when its request came."""

import http.server
import json
import threading
import time


class Robot:
    def __init__(self):
        self.received = []
        self.came = threading.Condition()
        robot = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                at = time.time()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with robot.came:
                    robot.received.append((at, json.loads(body)["markdown"]["content"]))
                    robot.came.notify_all()
                answer = b'{"errcode":0,"errmsg":"ok"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/cgi-bin/webhook/send?key=for-figures-only"

    def wait_for(self, wanted, seconds):
        """The first message that `wanted` accepts, with its time; it is taken out."""
        deadline = time.monotonic() + seconds
        with self.came:
            while True:
                for index, (at, text) in enumerate(self.received):
                    if wanted(text):
                        return self.received.pop(index)
                if not self.came.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise SystemExit(f"no such message within {seconds} s")
