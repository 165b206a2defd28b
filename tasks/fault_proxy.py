"""A proxy in front of a real server, in which a test can inject faults."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

NO_ANSWER = 0


@dataclass
class Reply:
    """An answer that replaces the real server's. NO_ANSWER as status closes the connection."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]


# Called for each request; returns a reply, or None to let the real server answer.
Fault = Callable[[Asked], Reply | None]


@dataclass
class FaultProxy:
    port: int
    scheme: str = "http"
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"


def times(count: int, status: int, method: str, part: str) -> Fault:
    """A fault that answers with `status` the first `count` requests of a method whose path contains `part`."""
    left = [count]

    def fault(asked: Asked) -> Reply | None:
        if left[0] == 0 or asked.method != method or part not in asked.path:
            return None
        left[0] -= 1
        return Reply(status)

    return fault


def send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    """Answers the request of a handler; without a body if the method is HEAD."""
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if "Content-Length" not in reply.headers:
        handler.send_header("Content-Length", str(len(reply.body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(reply.body)


@contextmanager
def fault_proxy(target: str, tls: ssl.SSLContext | None = None) -> Iterator[FaultProxy]:
    """Runs a proxy for the server at a URL, with TLS if a context is given."""
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.title(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers)
            proxy.asked.append(asked)
            reply = next((reply for fault in proxy.faults if (reply := fault(asked))), None)
            if reply is None:
                reply = self.forward(headers, body)
            if reply.status == NO_ANSWER:
                self.close_connection = True
                return
            send(self, reply)

        def forward(self, headers: dict[str, str], body: bytes) -> Reply:
            # Keep the proxy's host, so that the server's Locations point to the proxy.
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            named = {name.title(): value for name, value in answer.getheaders()}
            kept = {n: v for n, v in named.items() if n not in ("Transfer-Encoding", "Connection", "Date")}
            connection.close()
            return Reply(answer.status, kept, content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    proxy = FaultProxy(server.server_port, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
