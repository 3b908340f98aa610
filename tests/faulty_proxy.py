"""A proxy in front of S3 that answers wrongly, late or not at all, as often as a test says."""

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class FaultyProxy:
    """Where it listens, and how often it does what; `seed` makes a run repeatable for one client at a time."""

    def __init__(self, target: str, *, seed: int = 0) -> None:
        self.target = urlsplit(target).netloc
        self.dice = random.Random(seed)
        self.errors = 0.0
        """Share of requests that are answered by 500 or 503 without being passed on."""
        self.lost = 0.0
        """Share of requests that are passed on, and whose answer does not come."""
        self.slow_s = 0.0
        self.heads_together: threading.Barrier | None = None
        """HEAD requests are answered when so many are in hand, and not at all where they don't come."""
        self.faults = 0
        self.address = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request; several may be in hand, each in a thread of its own."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        time.sleep(self.slow_s)
        if self.heads_together and request.command == "HEAD":
            self.heads_together.wait(30)
        if self.dice.random() < self.errors:
            self.faults += 1
            request.send_error(self.dice.choice([500, 503]))
            return
        connection = http.client.HTTPConnection(self.target, timeout=30)
        connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        # The host is signed: it stays the proxy's.
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if self.dice.random() < self.lost:
            self.faults += 1
            request.close_connection = True
            return
        request.send_response_only(answer.status, answer.reason)
        kept = [
            pair for pair in answer.getheaders() if pair[0].lower() not in {"transfer-encoding", "connection"}
        ]
        for name, value in kept:
            request.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in kept):
            request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(data)


@contextmanager
def faulty_proxy(target: str, *, seed: int = 0) -> Iterator[FaultyProxy]:
    """A proxy that runs inside the block; without faults until it is told."""
    proxy = FaultyProxy(target, seed=seed)

    def handle(request: BaseHTTPRequestHandler) -> None:
        proxy.handle(request)

    methods = {f"do_{name}": handle for name in ("GET", "PUT", "POST", "HEAD", "DELETE")}
    quiet = {"protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
    handler: Any = type("Handler", (BaseHTTPRequestHandler,), {**methods, **quiet})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
