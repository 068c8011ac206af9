"""A scripted device that is taken through a whole update, with the habits of whichever client a test wants.

It registers, says who it is, takes a Package URI, downloads block by block, installs, reboots and comes
back from another port. What differs between clients are attributes, set by keyword, or methods of a subclass.
"""
import hashlib
import socket
import threading
import time
import urllib.parse
import urllib.request

from dtls_wire import SecureWire
from lwm2m_client import Client, decode, until
from lwm2m_peer import (ACK, BLOCK1, BLOCK2, CONTENT_FORMAT, GET, LINK, LOCATION_PATH, POST, PUT, TEXT, TLV, Message, code,
                        uint)

IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)
OLD, NEW = "1.0.0", "1.1.0"
BUSY = ("pending", "offered", "downloading", "downloaded", "installing", "verifying")


class FieldDevice(Client):
    """On version 1.0.0, and on 1.1.0 after what it has downloaded was executed."""

    endpoint = "client"
    formats = (TLV, TEXT)
    queries = ("lt=300", "lwm2m=1.1", "b=U")
    links = b"</1/0>,</3/0>,</5/0>"
    reboot_s = 0.01  # from the answer to Execute until it registers again
    observable = True
    notifies = True
    trust = None  # how it checks the server of an HTTPS URI
    pushed = False  # takes pushed packages, and no Package URI
    protocols = ()  # /5/0/8; without, it does not have that resource

    def __init__(self, server, **habits):
        super().__init__(server, habits.pop("formats", self.formats))
        for name, value in habits.items():
            assert hasattr(type(self), name), name
            setattr(self, name, value)
        self.server = server
        self.objects[5][9] = 1 if self.pushed else 0
        self.body = b""  # of a package that is being pushed
        if self.protocols:
            self.objects[5][8] = dict(enumerate(self.protocols))
        self.registers = []  # the answers
        self.location = None
        self.given = self.downloaded = None  # the last URI, and what was there
        self.executes = 0
        self.numbers = 1  # of notifications
        self.fault = None
        self.todo = [self.register_it]
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    # ---- its life ----

    def begin(self):
        self.thread.start()
        return self

    def end(self):
        self.ending = True
        self.thread.join(30)

    def run(self):
        try:
            while not self.ending:
                while self.todo:
                    self.todo.pop(0)()
                self.serve_for(0.05)
        except Exception as fault:  # the test's thread tells of it
            self.fault = fault

    def serve_for(self, seconds):
        until_s = time.monotonic() + seconds
        while (left := until_s - time.monotonic()) > 0:
            message = self.receive(left)
            if message is not None:
                self.serve_once(message)

    def register_it(self):
        answer = self.ask(POST, "rd", [f"ep={self.endpoint}", *self.queries], [(CONTENT_FORMAT, uint(LINK))], self.links)
        self.registers.append(answer.code_text)
        self.location = "/".join(part.decode() for part in answer.all(LOCATION_PATH))

    # ---- object 5 ----

    def state(self):
        return self.objects[5][3]

    def becomes(self, state, result=0):
        self.objects[5].update({3: state, 5: result})
        if self.notifies:
            self.tell()

    def tell(self):
        """A notification of what is observed of object 5."""
        for path, value in (("/5/0/3", self.objects[5][3]), ("/5/0/5", self.objects[5][5])):
            if path in self.observed:
                self.numbers += 1
                self.notify(path, value, self.numbers)

    def watch(self, message, path, form):
        return super().watch(message, path, form) if self.observable else None

    def change(self, message, path, form):
        if (message.code, path) == (PUT, "/5/0/1"):
            uri = decode(form, path, message.payload)[path]
            self.take_uri(message, uri.decode() if isinstance(uri, bytes) else uri)
        elif (message.code, path) == (POST, "/5/0/2"):
            self.take_execute(message)
        elif (message.code, path) == (PUT, "/5/0/0") and self.pushed:
            self.take_block(message)
        else:
            self.reply(message, "4.05")

    def take_block(self, message):
        block = message.number(BLOCK1)
        if block is None and message.payload == b"\0":
            self.reply(message, "2.04")
            self.becomes(IDLE)
            return
        number, more, size = block >> 4, block >> 3 & 1, 16 << (block & 7)
        self.body = self.body[:number * size] + message.payload
        answer = Message(ACK, code("2.31" if more else "2.04"), message.message_id, message.token,
                         [(BLOCK1, message.all(BLOCK1)[0])])
        self.send(answer.encode())
        if not more:
            self.downloaded = self.body
            self.becomes(DOWNLOADED)

    def take_uri(self, message, uri):
        if uri and self.state() != IDLE:
            self.reply(message, "4.00")
            return
        self.objects[5][1] = uri
        self.given = uri or self.given
        self.reply(message, "2.04")
        self.becomes(DOWNLOADING if uri else IDLE)
        if uri:
            self.todo.append(self.download)

    def take_execute(self, message):
        if self.state() != DOWNLOADED:
            self.reply(message, "4.05")
            return
        self.executes += 1
        self.reply(message, "2.04")
        self.becomes(UPDATING)
        self.todo.append(self.reboot)

    def download(self):
        self.has_downloaded(self.fetch())

    def has_downloaded(self, body):
        assert hashlib.sha256(body).hexdigest() == self.objects[5][1].rsplit("/", 1)[1]
        self.downloaded = body
        self.becomes(DOWNLOADED)

    def fetch(self, first=0, size=None):
        """What its Package URI names, from there on."""
        uri = urllib.parse.urlsplit(self.objects[5][1])
        if uri.scheme not in ("http", "https"):
            return self.get(uri.path, first, size)
        part = f"bytes={first}-{'' if size is None else first + size - 1}"
        request = urllib.request.Request(uri.geturl(), headers={"Range": part})
        with urllib.request.urlopen(request, timeout=60, context=self.trust if uri.scheme == "https" else None) as answer:
            return answer.read()

    def get(self, path, first=0, size=None):
        body, more = b"", True
        while more and (size is None or len(body) < size):
            answer = self.get_block(path, (first + len(body)) // 1024)
            assert answer.code_text == "2.05", answer
            body += answer.payload
            more = (answer.number(BLOCK2) or 0) >> 3 & 1
        return body

    def get_block(self, path, number):
        for _ in range(12):
            try:
                return self.ask(GET, path, options=[(BLOCK2, uint(number << 4 | 6))])
            except AssertionError:  # lost, or the machine is busy: once more
                continue
        raise AssertionError(f"block {number} of {path} does not come")

    def reboot(self):
        """It does not de-register, forgets its observations, and comes back from another port."""
        self.serve_for(self.reboot_s)
        self.reconnect()
        self.observed.clear()
        self.objects[3][3] = NEW
        self.objects[5].pop(1, None)
        self.objects[5].update({3: IDLE, 5: 1})
        self.register_it()


    def reconnect(self):
        before = self.socket
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(before.getpeername())
        before.close()


class SecureFieldDevice(FieldDevice):
    """The same by DTLS, with a pre-shared key: (identity, bytes)."""

    psk = None
    wire = None

    def begin(self):
        self.reconnect()
        return super().begin()

    def reconnect(self):
        self.wire = SecureWire(self.server.coaps_port, self.psk)

    def send(self, datagram):
        self.remember(datagram)
        self.wire.send(datagram)

    def receive(self, timeout=60):
        return self.wire.receive(timeout)


def known(server, endpoint="client", version=OLD):
    until(lambda: f'"version": "{version}"' in server.kedge("--json", "device", "show", endpoint, check=False).stdout)


def roll_out(server, keys, package, *options, only=None):
    """Starts an update to a package file, of all devices or of one."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", package)
    identity = server.json("package", "list")["packages"][0]["id"]
    server.kedge("rollout", "create", "--name", "field", "--package", identity,
                 *(["--all"] if only is None else ["--device", only.endpoint]), "--error-sample", "0",
                 "--soak", "1", "--start", *options)


def deployments(server):
    return {one["endpoint"]: one for one in server.json("rollout", "show", "1", "--devices")["deployments"]}


def ended(server, device, limit=120):
    """The device's deployment, once it is over."""
    def is_over():
        assert device.fault is None, device.fault
        return deployments(server)[device.endpoint]["state"] not in BUSY
    until(is_over, limit)
    return deployments(server)[device.endpoint]
