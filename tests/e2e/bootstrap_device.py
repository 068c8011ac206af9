"""A scripted device that is bootstrapped, and the server that does it.

The device answers each step as a client would, in the formats that it is given, keeps what is written, and can be made to
answer otherwise. What it is sent is decoded by lwm2m_client.py, which shares nothing with Kedge.
"""
import base64
import secrets
import types

from conftest import Server, free_port, wait_until
from dtls_wire import SecureWire
from lwm2m_client import decode, encode
from lwm2m_peer import (ACCEPT, ACK, BLOCK1, BLOCK2, CONTENT_FORMAT, DELETE, GET, LINK, POST, PUT, TLV, Message, code, uint)
from wire import Wire

SECURITY, SERVER = 0, 1
TYPES = {(0, 0): str, (0, 1): bool, (0, 2): int, (0, 3): bytes, (0, 4): bytes, (0, 5): bytes, (0, 10): int,
         (1, 0): int, (1, 1): int, (1, 6): bool, (1, 7): str}


class BootstrapServer(Server):
    """A kedged that bootstraps at one port by DTLS, and serves devices by DTLS at another."""

    def __init__(self, start_process, data, *extra):
        self.coaps_port, self.bootstrap_port, self.plain_port = free_port(), free_port(), free_port()
        super().__init__(start_process, data, *extra)

    def listeners(self) -> list[str]:
        return [*super().listeners(), "--coaps", f"127.0.0.1:{self.coaps_port}",
                "--bootstrap", f"127.0.0.1:{self.bootstrap_port}", "--bootstrap-coap", f"127.0.0.1:{self.plain_port}"]

    def enroll_factory(self, folder, endpoint, *extra):
        """Enrols an endpoint for bootstrapping; returns (identity, key)."""
        key = secrets.token_bytes(16)
        file = folder / f"{endpoint}.factory-psk"
        file.write_text(key.hex() + "\n")
        self.kedge("device", "enroll", endpoint, "--bootstrap", "--identity", f"factory-{endpoint}", "--psk-file", file, *extra)
        return f"factory-{endpoint}", key

    def trace(self, endpoint) -> list:
        """What the audit log says of an endpoint's bootstrapping: (event without "bootstrap.", words)."""
        entries = self.json("audit", "list", "--subject", endpoint)["audit"]
        assert all(e["subject"] == endpoint for e in entries)
        return [(e["what"].removeprefix("bootstrap."), e["after"]) for e in entries if e["what"].startswith("bootstrap.")]

    def traced(self, endpoint, event, count=1, words="", limit=60):
        """Waits until the log has that event so often, and returns the words of the last one."""
        def found():
            said = [w for e, w in self.trace(endpoint) if e == event and words in w]
            return said[count - 1] if len(said) >= count else None
        return wait_until(found, limit, f"{event} of {endpoint} ({words})")

    def traced_to_the_end(self, endpoint) -> list:
        """Waits until the log has that the device was bootstrapped and uses its key; returns the events.

        The two are written by two threads of kedged, whichever comes first: "adopted" is moved to the end.
        """
        self.traced(endpoint, "finished")
        self.traced(endpoint, "adopted")
        return sorted((event for event, _ in self.trace(endpoint)), key=lambda event: event == "adopted")


def typed(identifier: tuple, value):
    """A decoded value as the resource's type; TLV leaves bytes."""
    wanted = TYPES[identifier]
    if wanted is bytes and isinstance(value, str):
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if isinstance(value, bytes) and wanted is not bytes:
        return value.decode() if wanted is str else wanted(int.from_bytes(value, "big"))
    return value


class Bootstrapped:
    """The behaviour, for a wire with security or without."""

    def begin(self, endpoint, formats=(TLV,), version="1.1", own_instance=0):
        self.endpoint, self.formats, self.version, self.own = endpoint, list(formats), version, own_instance
        # The account with the bootstrap server; whatever else is there the server has to remove.
        self.accounts = {own_instance: {1: True}, own_instance + 7: {0: "coaps://former.example", 1: False, 10: 77}}
        self.servers = {3: {0: 77, 1: 60}}
        self.steps = []  # (method, path, format) in their order, refused ones too
        self.answers = {}  # (method, path) -> code, or a function of the message that returns one, or None to say nothing
        self.finished = False
        return self

    # ---- what it is asked ----

    def links(self) -> bytes:
        links = [f"</0/{i}>" + (f";ssid={a[10]}" if 10 in a else "") for i, a in self.accounts.items()]
        links += [f"</1/{i}>;ssid={s[0]}" for i, s in self.servers.items()]
        first = 'lwm2m="1.0"' if self.version == "1.0" else f"</>;lwm2m={self.version}"
        return ",".join([first, *links, "</3/0>", "</5/0>"]).encode()

    def store(self, message) -> str:
        form = message.number(CONTENT_FORMAT)
        if form not in self.formats:
            return "4.15"
        for path, value in decode(form, message.path, message.payload).items():
            obj, instance, resource = (int(part) for part in path.strip("/").split("/"))
            kept = self.accounts if obj == SECURITY else self.servers
            kept.setdefault(instance, {})[resource] = typed((obj, resource), value)
        return "2.04"

    def look(self, message):
        obj, _, instance = message.path.strip("/").partition("/")
        found = self.servers.get(int(instance)) if obj == "1" and instance else None
        wanted = message.number(ACCEPT)
        form = wanted if wanted is not None else self.formats[0]
        if found is None:
            return "4.04", None, b""
        if form not in self.formats:
            return "4.06", None, b""
        return "2.05", form, encode(form, message.path, {k: int(v) if isinstance(v, bool) else v for k, v in found.items()})

    def act(self, message):
        """(code, format, payload) of the answer."""
        path = message.path
        if message.code == GET and message.number(ACCEPT) == LINK:
            return "2.05", LINK, self.links()
        if message.code == GET:
            return self.look(message)
        if message.code == DELETE:
            if path == "/0":
                self.accounts = {i: a for i, a in self.accounts.items() if a.get(1)}
            elif path == "/1":
                self.servers = {}
            return "2.02", None, b""
        if message.code == PUT:
            return self.store(message), None, b""
        self.finished = message.code == POST and path == "/bs"
        return "2.04", None, b""

    def collect(self, message, block) -> bool:
        """Takes a block; true when the message has all of them."""
        if block >> 4 == 0:
            self.blocks = b""
        assert len(self.blocks) == (block >> 4) * (16 << (block & 7))
        self.blocks += message.payload
        message.payload = self.blocks
        if block & 8:
            self.send(Message(ACK, code("2.31"), message.message_id, message.token, [(BLOCK1, uint(block))]).encode())
        return not block & 8

    def serve(self, message):
        if not message.is_request:
            return
        if (block := message.number(BLOCK1)) is not None and not self.collect(message, block):
            return
        self.steps.append((message.code, message.path, message.number(CONTENT_FORMAT)))
        chosen = self.answers.get((message.code, message.path), "")
        if callable(chosen):
            chosen = chosen(message)
        if chosen is None:
            return
        answer, form, payload = (chosen, None, b"") if chosen else self.act(message)
        options = [(CONTENT_FORMAT, uint(form))] if form is not None else []
        options += [(BLOCK1, value) for value in message.all(BLOCK1)]
        self.send(Message(ACK, code(answer), message.message_id, message.token, options, payload).encode())

    # ---- what it does ----

    def request(self, *queries) -> str:
        """Bootstrap-Request; the code that answers it."""
        return self.ask(POST, "bs", [f"ep={self.endpoint}", *queries]).code_text

    def serve_to_the_end(self, limit=60):
        self.serve_until(lambda: self.finished, "Finish", limit)

    def serve_to_the_failure(self, server) -> str:
        """Serves until the log has that it failed, and returns the words of it; looking there takes a while on a busy machine."""
        def look():
            while (message := self.receive(0.05)) is not None:
                if message.is_request:
                    self.serve_once(message)
            return next((words for event, words in server.trace(self.endpoint) if event == "failed"), None)
        return wait_until(look, 60, "the failure")

    def bootstrap(self, *queries):
        """All of it; returns the account that it has been given."""
        assert self.request(*queries) == "2.04"
        self.serve_to_the_end()
        return self.account()

    def take_pack(self, form, exponent=None):
        """Bootstrap-Pack-Request, block by block from the size asked for; returns the account."""
        body, number, more = b"", 0, True
        while more:
            options = [(ACCEPT, uint(form))]
            if number > 0 or exponent is not None:
                options.append((BLOCK2, uint(number << 4 | exponent)))
            answer = self.ask(GET, "bspack", [f"ep={self.endpoint}"], options)
            assert (answer.code_text, answer.number(CONTENT_FORMAT)) == ("2.05", form)
            block = answer.number(BLOCK2) or 0
            assert block >> 4 == number and len(answer.payload) <= 16 << (6 if exponent is None else exponent)
            body, number, more, exponent = body + answer.payload, number + 1, bool(block & 8), block & 7
        self.accounts, self.servers = {self.own: {1: True}}, {}
        for path, value in decode(form, "", body).items():
            obj, instance, resource = (int(part) for part in path.strip("/").split("/"))
            kept = self.accounts if obj == SECURITY else self.servers
            kept.setdefault(instance, {})[resource] = typed((obj, resource), value)
        return self.account()

    def account(self):
        """The one account with a server, checked for what every one must have."""
        given = [a for a in self.accounts.values() if not a.get(1)]
        assert len(given) == 1 and len(self.servers) == 1, (self.accounts, self.servers)
        security, server = given[0], next(iter(self.servers.values()))
        assert security[10] == server[0] and 1 <= server[0] < 65535
        assert self.accounts[self.own].get(1) is True, "the account with the bootstrap server must stay"
        return types.SimpleNamespace(uri=security[0], mode=security[2], identity=security[3], server_key=security[4],
                                     key=security[5], lifetime=server[1], binding=server[7])


class SecureDevice(Bootstrapped, SecureWire):
    def __init__(self, server, endpoint, psk=None, certificate=None, timeout=30, **keywords):
        self.begin(endpoint, **keywords)
        SecureWire.__init__(self, server.bootstrap_port, psk, certificate, timeout)


class PlainDevice(Bootstrapped, Wire):
    def __init__(self, server, endpoint, **keywords):
        self.begin(endpoint, **keywords)
        Wire.__init__(self, types.SimpleNamespace(coap_port=server.plain_port))


def registers(server, account, endpoint) -> SecureWire:
    """Registers where the account says, with the key of the account."""
    assert account.uri == f"coaps://127.0.0.1:{server.coaps_port}"
    wire = SecureWire(server.coaps_port, (account.identity.decode(), account.key), timeout=120)  # hundreds may come at once
    wire.registered(endpoint)
    return wire
