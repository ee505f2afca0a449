"""A service on Python's own http.server: files, a store, an echo, and a few ways to be slow.

Usage: upstream.py HOST PORT FOLDER
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST, PORT, FOLDER = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
STORE = {}
CONNECTIONS = 0
LOCK = threading.Lock()


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        global CONNECTIONS
        with LOCK:
            CONNECTIONS += 1
            self.number = CONNECTIONS

    def do_GET(self):
        words = self.path.split("?")[0].strip("/").split("/")
        match words:
            case ["healthz"]:
                self.answer(200, b"ok")
            case ["empty"]:
                self.answer(204, None)
            case ["seen"]:
                self.answer(200, json.dumps(self.headers.items()).encode())
            case ["slow", milliseconds]:
                time.sleep(int(milliseconds) / 1000)
                self.answer(200, b"late")
            case ["status", status]:
                self.answer(int(status), b"as asked")
            case ["store", name] if name in STORE:
                self.answer(200, STORE[name])
            case ["chunked", name] if (FOLDER / name).is_file():
                self.answer_in_chunks((FOLDER / name).read_bytes())
            case [name] if (FOLDER / name).is_file():
                if self.headers["If-None-Match"]:
                    self.answer(304, None, {"ETag": '"one"'})
                else:
                    self.answer(200, (FOLDER / name).read_bytes(), {"ETag": '"one"'})
            case _:
                self.answer(404, b"no such thing")

    do_HEAD = do_GET

    def do_PUT(self):
        STORE[self.path.strip("/").split("/")[1]] = self.body()
        self.answer(201, b"kept")

    def do_POST(self):
        body = self.body()
        if self.path.startswith("/slow/"):
            time.sleep(int(self.path.split("/")[2]) / 1000)
        if "Content-Length" in self.headers:
            self.answer(200, body)
        else:
            self.answer_in_chunks(body)

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return b"".join(parts)

    def head(self, status, fields):
        self.send_response(status)
        self.send_header("X-Connection", str(self.number))
        for name, value in fields.items():
            self.send_header(name, value)

    def answer(self, status, body, fields={}):
        self.head(status, fields)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is not None and self.command != "HEAD":
            self.wfile.write(body)

    def answer_in_chunks(self, body):
        self.head(200, {"Transfer-Encoding": "chunked"})
        self.end_headers()
        if self.command == "HEAD":
            return
        for at in range(0, len(body), 50_000):
            part = body[at : at + 50_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *words):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # The balancer may leave in the middle of anything.


Server((HOST, PORT), Service).serve_forever()
