"""A foreign LwM2M server for tests of the agent: plain UDP sockets, and just enough CoAP.

It shares nothing with Kedge's own server or with libcoap. It takes registrations, makes requests of
devices, observes, and serves files block by block; and it can be a bad network or a bad server:

    peer.network = lambda direction, message: [0]     how a message travels: one delay in seconds for
                                                      each copy that arrives; [] loses it
    peer.request_hook = lambda message, address: None sees, and may change, each request before it is answered
    peer.block_hook = lambda number, reply: reply     changes or (None) withholds a block's answer, or is an
                                                      acknowledgement (code 0) and nothing more
    peer.go_away(), peer.come_back(), peer.forget()   a server that is down, up again, without memory
"""
import contextlib
import hashlib
import heapq
import itertools
import os
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from conftest import free_port

CON, NON, ACK, RST = range(4)
GET, POST, PUT, DELETE = 1, 2, 3, 4
OBSERVE, LOCATION_PATH, URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, ACCEPT = 6, 8, 11, 12, 14, 15, 17
ETAG, BLOCK2, BLOCK1, SIZE2 = 4, 23, 27, 28
TEXT, LINK, OPAQUE, TLV = 0, 40, 42, 11542


def code(text: str) -> int:
    """code("2.05") is 0x45."""
    return int(text[0]) << 5 | int(text[2:])


def uint(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


@dataclass
class Message:
    kind: int
    code: int
    message_id: int
    token: bytes = b""
    options: list = field(default_factory=list)  # (number, bytes), ascending
    payload: bytes = b""

    @property
    def code_text(self) -> str:
        return f"{self.code >> 5}.{self.code & 31:02}"

    @property
    def is_request(self) -> bool:
        return 0 < self.code < 32

    def all(self, number: int) -> list:
        return [value for found, value in self.options if found == number]

    def number(self, option: int):
        values = self.all(option)
        return int.from_bytes(values[0], "big") if values else None

    @property
    def path(self) -> str:
        return "/" + "/".join(value.decode() for value in self.all(URI_PATH))

    @property
    def query(self) -> dict:
        pairs = (value.decode().partition("=") for value in self.all(URI_QUERY))
        return {name: value for name, _, value in pairs}

    def encode(self) -> bytes:
        out = bytearray(struct.pack("!BBH", 0x40 | self.kind << 4 | len(self.token), self.code, self.message_id))
        out += self.token
        last = 0
        for number, value in sorted(self.options, key=lambda option: option[0]):
            delta, delta_more = _nibble(number - last)
            size, size_more = _nibble(len(value))
            out += bytes([delta << 4 | size]) + delta_more + size_more + value
            last = number
        if self.payload:
            out += b"\xff" + self.payload
        return bytes(out)


def _nibble(value: int):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack("!H", value - 269)


def decode(datagram: bytes) -> Message:
    first, code_byte, message_id = struct.unpack_from("!BBH", datagram)
    assert first >> 6 == 1, "not CoAP"
    at = 4 + (first & 15)
    message = Message(first >> 4 & 3, code_byte, message_id, datagram[4:at])
    number = 0
    while at < len(datagram) and datagram[at] != 0xFF:
        delta, size = datagram[at] >> 4, datagram[at] & 15
        at += 1
        lengths = []
        for value in (delta, size):
            assert value != 15, "reserved"
            if value == 13:
                value, at = datagram[at] + 13, at + 1
            elif value == 14:
                value, at = struct.unpack_from("!H", datagram, at)[0] + 269, at + 2
            lengths.append(value)
        number += lengths[0]
        assert at + lengths[1] <= len(datagram), "an option runs over the end"
        message.options.append((number, datagram[at:at + lengths[1]]))
        at += lengths[1]
    if at < len(datagram):
        message.payload = datagram[at + 1:]
        assert message.payload, "a payload marker without a payload"
    return message


def tlv(payload: bytes) -> list:
    """The entries of an LwM2M TLV: (kind, id, bytes), not looking into them."""
    entries, at = [], 0
    while at < len(payload):
        head = payload[at]
        id_size = 2 if head & 0x20 else 1
        size_size = head >> 3 & 3
        identifier = int.from_bytes(payload[at + 1:at + 1 + id_size], "big")
        at += 1 + id_size
        size = int.from_bytes(payload[at:at + size_size], "big") if size_size else head & 7
        at += size_size
        assert at + size <= len(payload)
        entries.append((head >> 6, identifier, payload[at:at + size]))
        at += size
    return entries


@dataclass
class Registration:
    endpoint: str
    location: str
    address: tuple
    query: dict
    links: str


class Observation:
    """What came for one observed path; `values` are the payloads in their order."""

    def __init__(self, token: bytes):
        self.token = token
        self.messages: list[Message] = []

    @property
    def values(self) -> list:
        return [message.payload.decode() for message in self.messages]

    @property
    def numbers(self) -> list:
        return [message.number(OBSERVE) for message in self.messages]


class Peer:
    """The server. Its thread answers; the test's thread asks and waits."""

    def __init__(self):
        self.network = lambda direction, message: [0]
        self.request_hook = lambda message, address: None
        self.block_hook = lambda number, reply: reply
        self.files: dict[str, bytes] = {}
        self.registrations: dict[str, Registration] = {}
        self.events: list[tuple] = []  # (what, endpoint, message)
        self.observations: list[Observation] = []
        self.blocks_asked: list[int] = []
        self.duplicates = 0  # requests of devices that came again and were answered as before
        self.reset_notifications = False
        self.on_register = None  # called with the registration, in the peer's thread, after the 2.01
        self._changed = threading.Condition()
        self._answers: dict[bytes, Message] = {}
        self._acknowledged: set[int] = set()
        self._served: dict[tuple, bytes] = {}
        self._message_ids = itertools.count(int.from_bytes(os.urandom(2), "big"))
        self._locations = itertools.count(1)
        self._later: list[tuple] = []
        self._order = itertools.count()
        self._wake_read, self._wake_write = os.pipe()
        self._ending = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()  # nobody still sends to it what was for a client that has gone
        self._socket.bind(("127.0.0.1", self.port))
        self.uri = f"coap://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    # ---- life ----

    def close(self):
        self._ending = True
        self._wake()
        self._thread.join(10)
        self.go_away()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def go_away(self):
        """As a server that is down: its port is closed."""
        with self._changed:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        self._wake()

    def come_back(self):
        with self._changed:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", self.port))
        self._wake()

    def forget(self):
        with self._changed:
            self.registrations.clear()
            self.observations.clear()

    def forget_blocks(self):
        """Forgets which blocks were asked for, also by what has been sent and was not looked at yet."""
        last = self.new_message_id()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(Message(ACK, 0, last).encode(), ("127.0.0.1", self.port))
        self.wait_for(lambda: last in self._acknowledged, 60, "all that was sent before")
        self.blocks_asked.clear()

    def _wake(self):
        os.write(self._wake_write, b"w")

    def _loop(self):
        while not self._ending:
            with self._changed:
                current = self._socket
                wait = max(0, self._later[0][0] - time.monotonic()) if self._later else None
            with contextlib.suppress(OSError, ValueError):
                sources = [self._wake_read] + ([current] if current is not None else [])
                readable, _, _ = select.select(sources, [], [], wait)
                if self._wake_read in readable:
                    os.read(self._wake_read, 1)
                if current in readable:
                    datagram, address = current.recvfrom(2048)
                    self.travel("in", decode(datagram), address)
            self._deliver_what_is_due()

    def travel(self, direction: str, message: Message, address: tuple):
        now = time.monotonic()
        for delay in self.network(direction, message):
            with self._changed:
                heapq.heappush(self._later, (now + delay, next(self._order), direction, message, address))
        self._wake()

    def inject(self, datagram: bytes, address: tuple):
        """Sends bytes as they are, from this server's address."""
        with self._changed:
            if self._socket is not None:
                self._socket.sendto(datagram, address)

    def _deliver_what_is_due(self):
        while True:
            with self._changed:
                if not self._later or self._later[0][0] > time.monotonic():
                    return
                _, _, direction, message, address = heapq.heappop(self._later)
            if direction == "in":
                self._take(message, address)
                continue
            with self._changed:
                if self._socket is not None:
                    self._socket.sendto(message.encode(), address)

    # ---- what devices send ----

    def _take(self, message: Message, address: tuple):
        if message.is_request:
            self._take_request(message, address)
        elif message.code == 0:
            with self._changed:
                self._acknowledged.add(message.message_id)
                self._changed.notify_all()
        else:
            self._take_response(message, address)

    def _take_request(self, message: Message, address: tuple):
        key = (address, message.message_id)
        if key in self._served:
            self.duplicates += 1
            self.travel("out", self._served[key], address)
            return
        self.request_hook(message, address)
        reply = self._answer(message, address)
        if reply is None:
            return
        reply.kind, reply.message_id, reply.token = ACK, message.message_id, message.token if reply.code else b""
        self._served[key] = reply
        self.travel("out", reply, address)
        if message.path == "/rd" and self.on_register is not None:
            self.on_register(self.registrations["/" + "/".join(v.decode() for v in reply.all(LOCATION_PATH))])

    def _answer(self, message: Message, address: tuple):
        if message.code == POST and message.path == "/rd":
            return self._register(message, address)
        if message.path.startswith("/rd/"):
            return self._update(message, address)
        if message.code == GET and message.path.lstrip("/") in self.files:
            return self._block(message)
        return Message(ACK, code("4.04"), 0)

    def _register(self, message: Message, address: tuple):
        location = f"/rd/{next(self._locations)}"
        registration = Registration(message.query["ep"], location, address, message.query, message.payload.decode())
        with self._changed:
            for old in [at for at, known in self.registrations.items() if known.endpoint == registration.endpoint]:
                del self.registrations[old]
            self.registrations[location] = registration
            self.events.append(("register", registration.endpoint, message))
            self._changed.notify_all()
        return Message(ACK, code("2.01"), 0, options=[(LOCATION_PATH, part.encode()) for part in location[1:].split("/")])

    def _update(self, message: Message, address: tuple):
        with self._changed:
            registration = self.registrations.get(message.path)
            if registration is None:
                return Message(ACK, code("4.04"), 0)
            registration.address = address
            if message.code == DELETE:
                del self.registrations[message.path]
            self.events.append(("update" if message.code == POST else "deregister", registration.endpoint, message))
            self._changed.notify_all()
        return Message(ACK, code("2.04" if message.code == POST else "2.02"), 0)

    def _block(self, message: Message):
        body = self.files[message.path.lstrip("/")]
        asked = message.number(BLOCK2) or 6
        number, size_exponent = asked >> 4, asked & 7
        size = 16 << size_exponent
        with self._changed:
            self.blocks_asked.append(number)
            self._changed.notify_all()
        if number * size >= max(len(body), 1):
            return Message(ACK, code("4.00"), 0)
        more = (number + 1) * size < len(body)
        options = [(ETAG, hashlib.sha256(body).digest()[:8]), (BLOCK2, uint(number << 4 | more << 3 | size_exponent))]
        if number == 0:
            options.append((SIZE2, uint(len(body))))
        reply = Message(ACK, code("2.05"), 0, options=options, payload=body[number * size:(number + 1) * size])
        return self.block_hook(number, reply)

    def _take_response(self, message: Message, address: tuple):
        known = next((o for o in self.observations if o.token == message.token), None)
        if message.kind == CON:
            refused = known is not None and self.reset_notifications
            self.travel("out", Message(RST if refused else ACK, 0, message.message_id), address)
            if refused:
                return
        with self._changed:
            if message.kind == ACK:  # the ids of what else devices send are of their own choice
                self._acknowledged.add(message.message_id)
            if known is None or not known.messages:
                self._answers[message.token] = message
            if known is not None and message.message_id not in (m.message_id for m in known.messages):
                known.messages.append(message)
            self._changed.notify_all()

    # ---- what the test asks for ----

    def wait_for(self, condition, timeout: float = 60, what: str = "something"):
        """Waits until `condition()` is true, looked at after everything that happens; returns its value."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                value = condition()
                if value:
                    return value
                left = deadline - time.monotonic()
                assert left > 0, f"waited {timeout} s for {what}; events: {[e[:2] for e in self.events]}"
                self._changed.wait(min(left, 0.5))

    def wait_for_event(self, what: str, endpoint: str, count: int = 1, timeout: float = 60) -> Message:
        """The `count`-th event of that kind, counted from the start."""
        def found():
            messages = [m for kind, name, m in self.events if kind == what and name == endpoint]
            return messages[count - 1] if len(messages) >= count else None
        return self.wait_for(found, timeout, f"{what} number {count} of {endpoint}")

    def registered(self, endpoint: str, timeout: float = 60) -> Registration:
        return self.wait_for(lambda: self.find(endpoint), timeout, f"{endpoint} to register")

    def find(self, endpoint: str):
        return next((r for r in self.registrations.values() if r.endpoint == endpoint), None)

    def make_request(self, method: int, path: str, payload: bytes = b"", content_format=None, accept=None,
                     observe=None, queries=()) -> Message:
        options = [(URI_QUERY, query.encode()) for query in queries]
        options += [(URI_PATH, part.encode()) for part in path.strip("/").split("/") if part]
        for number, value in ((OBSERVE, observe), (CONTENT_FORMAT, content_format), (ACCEPT, accept)):
            if value is not None:
                options.append((number, uint(value)))
        return Message(CON, method, self.new_message_id(), os.urandom(8), options, payload)

    def new_message_id(self) -> int:
        """One that nothing before acknowledges: the answers to noise have any id."""
        with self._changed:
            message_id = next(self._message_ids) & 0xFFFF
            self._acknowledged.discard(message_id)
            return message_id

    def send(self, endpoint: str, message: Message):
        self.travel("out", message, self.registered(endpoint).address)

    def exchange(self, endpoint: str, message: Message, timeout: float = 60) -> Message:
        """Sends a request, again and again until it is answered, and returns the answer."""
        deadline, pause = time.monotonic() + timeout, 1.0
        while True:
            if message.message_id not in self._acknowledged:
                self.send(endpoint, message)
            try:
                return self.wait_for(lambda: self._answers.pop(message.token, None),
                                     max(0.01, min(pause, deadline - time.monotonic())), "an answer")
            except AssertionError:
                if time.monotonic() >= deadline:
                    raise
                pause *= 2

    def request(self, endpoint: str, method: int, path: str, payload=b"", **keywords) -> Message:
        if isinstance(payload, str):
            payload = payload.encode()
        return self.exchange(endpoint, self.make_request(method, path, payload, **keywords))

    def read(self, endpoint: str, path: str) -> str:
        """The value of one resource, as text."""
        answer = self.request(endpoint, GET, path, accept=TEXT)
        assert answer.code_text == "2.05", f"{path}: {answer.code_text}"
        return answer.payload.decode()

    def write(self, endpoint: str, path: str, value: str) -> str:
        return self.request(endpoint, PUT, path, value, content_format=TEXT).code_text

    def attach(self, endpoint: str, path: str, *queries) -> str:
        """Write-Attributes: attach(endpoint, "/5/0/3", "pmin=1", "pmax")."""
        return self.exchange(endpoint, self.make_request(PUT, path, queries=queries)).code_text

    def execute(self, endpoint: str, path: str) -> str:
        return self.request(endpoint, POST, path).code_text

    def answer_to(self, request: Message):
        """The answer to a request that was only sent, or None."""
        return self._answers.get(request.token)

    def add_observation(self, request: Message) -> Observation:
        """Collects what comes for `request`, which the caller sends."""
        observation = Observation(request.token)
        with self._changed:
            self.observations.append(observation)
        return observation

    def observe(self, endpoint: str, path: str, accept: int = TEXT) -> Observation:
        request = self.make_request(GET, path, observe=0, accept=accept)
        observation = self.add_observation(request)
        answer = self.exchange(endpoint, request)
        assert answer.code_text == "2.05" and answer.number(OBSERVE) is not None, answer
        return observation

    def offer(self, endpoint: str, body: bytes, name: str = "fw/package") -> str:
        """Serves `body` and writes its URI to the device."""
        self.files[name] = body
        return self.write(endpoint, "/5/0/1", f"{self.uri}/{name}")

    def poll(self, endpoint: str, path: str, wanted: str, timeout: float = 60):
        """Reads a resource until it holds `wanted`."""
        deadline = time.monotonic() + timeout
        while (value := self.read(endpoint, path)) != wanted:
            assert time.monotonic() < deadline, f"{path} is {value}, not {wanted}"
            time.sleep(0.05)
