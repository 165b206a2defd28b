"""A network of stand-ins: each has its own host name with TLS, behind a proxy that records requests without TLS."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fault_proxy import send
from registry_stand_in import Asked, StandIn


@dataclass
class Network:
    """`clear` has the requests without TLS; `environment` has the variables that make a task use the proxy."""

    environment: dict[str, str]
    clear: list[Asked] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, address: object) -> None:
        """Ignores connections that the client closes."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked_by(handler: BaseHTTPRequestHandler) -> Asked:
    headers = {name.title(): value for name, value in handler.headers.items()}
    length = int(handler.headers.get("Content-Length") or 0)
    return Asked(handler.command, handler.path, headers, lambda: handler.rfile.read(length))


def server_of(stand_in: StandIn, context: ssl.SSLContext) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked = asked_by(self)
            reply = stand_in.answer(asked)
            # An answer that refuses a body comes without reading it.
            if (asked.length and asked.body is None) or not reply.status:
                self.close_connection = True
            if not reply.status:
                return
            send(self, reply)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


@contextmanager
def registry_network(directory: Path, *stand_ins: StandIn) -> Iterator[Network]:
    """Starts stand-ins and the proxy. Writes the authority of their certificates into the directory."""
    names = [stand_in.host for stand_in in stand_ins]
    authority = directory / "authority"
    authority.mkdir()
    certificate, key = authority / "ca.crt", directory / "tls.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=stand-in"]
    command += ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ExitStack() as stack:
        ports = {stand_in.host: stack.enter_context(serving(server_of(stand_in, context))) for stand_in in stand_ins}
        network = Network({"TRUSTED_CA_DIRECTORY": str(authority)})
        proxy = f"http://127.0.0.1:{stack.enter_context(serving(proxy_of(network, ports)))}"
        network.environment |= dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy)
        network.environment["no_proxy"] = network.environment["NO_PROXY"] = ""
        yield network


def proxy_of(network: Network, ports: dict[str, int]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            host, _, port = self.path.partition(":")
            if host.lower() not in ports or port != "443":
                self.send_error(502)
                return
            with socket.create_connection(("127.0.0.1", ports[host.lower()])) as target:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=copy, args=(target, self.connection))
                back.start()
                copy(self.connection, target)
                back.join()

        def keep(self) -> None:
            network.clear.append(asked_by(self))
            self.send_error(403)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = keep

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Server(("127.0.0.1", 0), Handler)


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end, way in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            with suppress(OSError):
                end.shutdown(way)
