"""A scripted HTTP server: well-behaved until a test says otherwise, and it keeps what it was asked."""
import re
import socket
import socketserver
import ssl
import threading

from conftest import free_port


class Request:
    def __init__(self, target: str, fields: dict):
        self.target, self.fields = target, fields

    @property
    def offset(self) -> int:
        """The first byte that is asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.fields.get("range", ""))
        return int(found[1]) if found else 0


class Answer:
    """What a server sends. `cut`: so many bytes of the body, then the connection is closed; `stall`: then it says
    nothing more. Without a length the end of the connection is the end of the body."""

    def __init__(self, status: int, body: bytes = b"", fields: dict | None = None, cut: int | None = None,
                 stall: int | None = None, length: int | None = -1, chunked: bool = False):
        self.status, self.body, self.fields, self.cut, self.stall = status, body, dict(fields or {}), cut, stall
        self.length, self.chunked = len(body) if length == -1 else length, chunked

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever"] + [f"{name}: {value}" for name, value in self.fields.items()]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.length is not None:
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def wire(self, body: bytes) -> bytes:
        if not self.chunked:
            return body
        pieces = [body[at:at + 1000] for at in range(0, len(body), 1000)] + [b""]
        return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


class WebServer:
    """`files` by path; `etags` by path (a strong one by default; None: none). `hook(request)` may return an Answer,
    bytes as they are to go over the wire, or None: then the request is answered as it should be."""

    def __init__(self, certificate=None, key=None, port: int = 0):
        self.files, self.etags, self.requests, self.hook = {}, {}, [], lambda request: None
        self._closing = threading.Event()
        outer, context = self, None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)

        class Handler(socketserver.StreamRequestHandler):
            def setup(self):
                self.request.settimeout(60)
                if context is not None:
                    self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self):
                while outer._serve(self.rfile, self.request):
                    pass

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # clients that close early, or do not like the certificate, are what is tested

        self.port = port or free_port(socket.SOCK_STREAM)  # nobody has it while the server is away
        self._listener = Listener(("127.0.0.1", self.port), Handler)
        self.uri = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._closing.set()
        self._listener.shutdown()
        self._listener.server_close()

    @property
    def offsets(self) -> list:
        """Where each request that came wanted to begin."""
        return [request.offset for request in self.requests]

    def proper(self, request: Request) -> Answer:
        """What RFC 9110 has a server answer."""
        path = request.target.split("?")[0]
        if path not in self.files:
            return Answer(404)
        body, etag = self.files[path], self.etags.get(path, '"one"')
        fields = {"ETag": etag} if etag else {}
        wanted = request.fields.get("range") is not None and request.fields.get("if-range", etag) == etag
        if not wanted:
            return Answer(200, body, fields)
        if request.offset >= len(body):
            return Answer(416, fields={"Content-Range": f"bytes */{len(body)}"})
        fields["Content-Range"] = f"bytes {request.offset}-{len(body) - 1}/{len(body)}"
        return Answer(206, body[request.offset:], fields)

    def _serve(self, stream, connection) -> bool:
        """Answers one request; False when the connection is over."""
        first = stream.readline().decode("latin-1").split()
        fields = {}
        while (line := stream.readline().decode("latin-1").strip()) != "":
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        if len(first) != 3:
            return False
        request = Request(first[1], fields)
        self.requests.append(request)
        answer = self.hook(request)
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return False
        return self._send(answer or self.proper(request), connection)

    def _send(self, answer: Answer, connection) -> bool:
        short = answer.cut if answer.cut is not None else answer.stall
        if short is None:
            connection.sendall(answer.head() + answer.wire(answer.body))
            return answer.length is not None or answer.chunked
        connection.sendall(answer.head() + answer.wire(answer.body)[:short])
        if answer.stall is not None:
            self._wait_for_the_end(connection)
        return False

    def _wait_for_the_end(self, connection):
        connection.settimeout(0.2)
        while not self._closing.is_set():
            try:
                if connection.recv(1) == b"":
                    return
            except socket.timeout:
                pass
            except OSError:
                return
