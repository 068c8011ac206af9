"""A device in miniature: one raw UDP socket, which registers and answers what the server asks."""
import contextlib
import os
import random
import socket
import time

from conftest import CLASS, VENDOR, wait_until
from lwm2m_peer import (ACK, CON, CONTENT_FORMAT, GET, LINK, LOCATION_PATH, POST, PUT, TEXT, URI_PATH, URI_QUERY, Message,
                        code, decode, uint)

LINKS = b"</1/0>,</3/0>,</5>;ver=1.1,</5/0>"
AGAIN_S = 5  # what a flood leaves no room for in the server's socket is lost


class Wire:
    """A raw UDP socket to the server, which answers what it is asked as a device would."""

    def __init__(self, server, from_port: int = 0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", from_port))
        self.socket.connect(("127.0.0.1", server.coap_port))
        self.next_id = random.randrange(0x10000)
        self.values = {"/3/0/0": VENDOR.encode(), "/3/0/1": CLASS.encode(), "/3/0/3": b"1.0.0", "/3/0/18": b"rev-a",
                       "/5/0/3": b"0", "/5/0/5": b"0"}
        self.value_format = TEXT
        self.answered = {}  # by message id and token, as they are sent: what was answered
        self.written = {}  # by path; what is not in `writable` is refused
        self.writable = set()

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.socket.getsockname())

    def send(self, datagram: bytes):
        self.remember(datagram)
        self.socket.send(datagram)

    def remember(self, datagram: bytes):
        """Keeps what is the answer to a request, for when the request comes again."""
        if len(datagram) >= 4 and datagram[0] >> 4 & 3 == ACK and datagram[1] != 0:
            self.answered[datagram[2:4 + (datagram[0] & 15)]] = datagram

    def receive(self, timeout: float = 60):
        """The next message, or None when none comes in time."""
        self.socket.settimeout(timeout)
        with contextlib.suppress(TimeoutError):
            return decode(self.socket.recv(2000))
        return None

    def serve(self, message: Message):
        """Answers a request of the server's."""
        if message.code == PUT and message.path in self.writable:
            self.written[message.path] = message.payload
            self.send(Message(ACK, code("2.04"), message.message_id, message.token).encode())
            return
        value = self.values.get(message.path) if message.code == GET else None
        reply = Message(ACK, code("2.05") if value else code("4.04"), message.message_id, message.token)
        if value:
            reply.options, reply.payload = [(CONTENT_FORMAT, uint(self.value_format))], value
        self.send(reply.encode())

    def serve_once(self, message: Message):
        """A request that comes again, since its answer was late, has the same answer and counts for nothing."""
        before = self.answered.get(message.message_id.to_bytes(2, "big") + message.token) if message.is_request else None
        if before is not None:
            self.send(before)
        else:
            self.serve(message)

    def ask(self, method: int, path: str, queries=(), options=(), payload: bytes = b"", kind: int = CON) -> Message:
        """Sends a request, again when it seems lost, and returns the answer; what the server asks meanwhile is served."""
        self.next_id = (self.next_id + 1) % 0x10000
        token = os.urandom(4)
        request = Message(kind, method, self.next_id, token, list(options), payload)
        request.options += [(URI_PATH, part.encode()) for part in path.split("/") if part]
        request.options += [(URI_QUERY, q if isinstance(q, bytes) else q.encode()) for q in queries]
        self.send(request.encode())
        begun = sent = time.monotonic()
        while time.monotonic() < begun + 60:
            message = self.receive(0.5)
            if message is None and kind == CON and time.monotonic() > sent + AGAIN_S:
                self.send(request.encode())
                sent = time.monotonic()
            if message is not None and message.is_request:
                self.serve_once(message)
            elif message is not None and message.token == token:
                return message
        raise AssertionError(f"no answer to {method} {path} {queries}")

    def register(self, endpoint, lifetime_s: int = 300, links: bytes = LINKS) -> Message:
        name = endpoint if isinstance(endpoint, bytes) else endpoint.encode()
        return self.ask(POST, "rd", [b"ep=" + name, f"lt={lifetime_s}", "lwm2m=1.1", "b=U"],
                        [(CONTENT_FORMAT, uint(LINK))], links)

    def registered(self, endpoint: str, **keywords) -> str:
        """Registers, which must succeed, and returns the path of the location."""
        answer = self.register(endpoint, **keywords)
        assert answer.code_text == "2.01"
        return "/".join(part.decode() for part in answer.all(LOCATION_PATH))

    def serve_until(self, condition, what: str, timeout: float = 60):
        def step():
            message = self.receive(0.05)
            if message is not None and message.is_request:
                self.serve_once(message)
            return condition()
        return wait_until(step, timeout, what)
