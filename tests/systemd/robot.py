"""A group robot for the box: answers every post with errcode 0 and appends its body to a file, one JSON text a line, and
the time of its arrival, in nanoseconds, to another one, PATH.times.

Written on plain sockets: python3-minimal, which is what a small Debian has, is without http.server.
"""

import socket
import sys
import time


def body_of(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or b"\r\n\r\n"
    head, body = received.split(b"\r\n\r\n", 1)
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536) or b" " * length
    return body


def main(port, path):
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        connection, _ = listener.accept()
        arrived = time.time_ns()
        with connection, open(path, "ab") as posts, open(path + ".times", "a") as times:
            times.write(f"{arrived}\n")
            times.flush()
            posts.write(body_of(connection).replace(b"\n", b" ") + b"\n")
            answer = b'{"errcode":0,"errmsg":"ok"}'
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(answer), answer))


main(*sys.argv[1:])
