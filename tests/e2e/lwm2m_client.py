"""A scripted LwM2M client that knows only some data formats, and a way to ask it by the server's API.

What it sends and what it is sent is encoded and decoded by cbor2 and json, not by anything of Kedge's.
"""
import copy
import json
import struct
import threading
import time
import urllib.error
import urllib.request

import cbor2
from conftest import CLASS, VENDOR
from lwm2m_peer import (ACCEPT, ACK, BLOCK2, CONTENT_FORMAT, DELETE, GET, LINK, NON, OBSERVE, POST, PUT, RST, TEXT, TLV, Message,
                        code, tlv, uint)
from wire import Wire

FETCH, IPATCH = 5, 7
OPAQUE, CBOR, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR = 42, 60, 110, 112, 11543, 11544

# /3/0 as the device has it: resource -> value; a dict is a resource with instances.
DEVICE = {0: VENDOR, 1: CLASS, 3: "1.0.0", 6: {0: 1, 1: 5}, 9: 100, 13: 1367491215, 14: "+02:00", 18: "rev-a"}
FIRMWARE = {3: 0, 5: 0}
SENSOR = {5700: 21.5, 5701: "Cel"}
OBJECTS = {3: DEVICE, 5: FIRMWARE, 3303: SENSOR}


def leaves(prefix, value):
    """(path, value) of everything below."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves((*prefix, key), inner)
    else:
        yield prefix, value


def look(path, objects=None):
    """What a device has at a path, or None."""
    ids = [int(part) for part in path.split("/") if part]
    if len(ids) > 1 and ids[1] != 0:
        return None
    value = OBJECTS if objects is None else objects
    for identifier in ids[:1] + ids[2:]:
        value = value.get(identifier) if isinstance(value, dict) else None
    return {0: value} if len(ids) == 1 and value else value


def slashed(ids):
    return "/" + "/".join(str(i) for i in ids)


def tlv_bytes(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float):
        return struct.pack("!d", value)
    size = next(s for s in (1, 2, 4, 8) if -(1 << 8 * s - 1) <= value < 1 << 8 * s - 1)
    return value.to_bytes(size, "big", signed=True)


def tlv_entry(kind, identifier, value):
    head = kind << 6 | (0x20 if identifier > 255 else 0)
    size = len(value)
    sizes = b"" if size < 8 else bytes([size]) if size < 256 else struct.pack("!H", size)
    head |= len(sizes) << 3 if sizes else size
    return bytes([head]) + identifier.to_bytes(2 if identifier > 255 else 1, "big") + sizes + value


def tlv_encode(depth, value):
    """The entries of what is below a path of that depth."""
    out = b""
    for identifier, inner in value.items():
        if isinstance(inner, dict):
            out += tlv_entry(0 if depth == 1 else 2, identifier, tlv_encode(depth + 1, inner))
        else:
            out += tlv_entry(1 if depth == 3 else 3, identifier, tlv_bytes(inner))
    return out


def senml(path, value, labels):
    records = [{labels["n"]: slashed(ids)[len(path):].lstrip("/"),
                labels["vs" if isinstance(leaf, str) else "vb" if isinstance(leaf, bool) else "v"]: leaf}
               for ids, leaf in leaves(tuple(int(p) for p in path.split("/") if p), value)]
    for record in records:
        if not record[labels["n"]]:
            del record[labels["n"]]
    records[0][labels["bn"]] = path if labels["n"] not in records[0] else path.rstrip("/") + "/"
    return records


def encode(form, path, value):
    """The answer to a read of `path`, or None where the format cannot say it."""
    depth = len([p for p in path.split("/") if p])
    one = not isinstance(value, dict)
    if form == TEXT:
        return str(value).encode() if one else None
    if form == CBOR:
        return cbor2.dumps(value) if one else None
    if form == TLV:
        return tlv_entry(3 if depth == 3 else 1, int(path.split("/")[-1]), tlv_bytes(value)) if one \
            else tlv_entry(2, int(path.split("/")[-1]), tlv_encode(3, value)) if depth == 3 else tlv_encode(depth, value)
    if form == SENML_JSON:
        return json.dumps(senml(path, value, {"n": "n", "v": "v", "vs": "vs", "vb": "vb", "bn": "bn"})).encode()
    if form == SENML_CBOR:
        return cbor2.dumps(senml(path, value, {"n": 0, "v": 2, "vs": 3, "vb": 4, "bn": -2}))
    if form == JSON:
        records = senml(path, value, {"n": "n", "v": "v", "vs": "sv", "vb": "bv", "bn": "bn"})
        return json.dumps({"e": [{k: v for k, v in r.items() if k != "bn"} for r in records],
                           "bn": records[0]["bn"]}).encode()
    nested = value
    for identifier in reversed([int(p) for p in path.split("/") if p]):
        nested = {identifier: nested}
    return cbor2.dumps(nested)


def decode(form, path, payload):
    """What a write says: {path: value}; values of TLV as bytes."""
    if form == TEXT:
        return {path: payload.decode()}
    if form == OPAQUE:
        return {path: payload}
    if form == CBOR:
        return {path: cbor2.loads(payload)}
    if form == TLV:
        out = {}
        for kind, identifier, value in tlv(payload):
            base = path if len(path.split("/")) <= 3 else path.rsplit("/", 1)[0]
            if kind == 0:
                out.update(decode(TLV, f"{base}/{identifier}", value))
            else:
                out[f"{base}/{identifier}"] = value
        return out
    if form in (SENML_JSON, SENML_CBOR):
        binary = form == SENML_CBOR
        base, out = "", {}
        for record in (cbor2.loads if binary else json.loads)(payload):
            base = record.get(-2 if binary else "bn", base)
            values = [v for k, v in record.items() if k in ((2, 3, 4, 8, "vlo") if binary else ("v", "vs", "vb", "vd", "vlo"))]
            out[base + record.get(0 if binary else "n", "")] = values[0] if values else None
        return out
    if form == JSON:
        whole = json.loads(payload)
        return {whole.get("bn", "") + e.get("n", ""): next(v for k, v in e.items() if k != "n") for e in whole["e"]}
    return {slashed(ids): value for ids, value in leaves((), cbor2.loads(payload))}


class Client(Wire):
    """A device that knows only the formats given; the first of them is its own choice."""

    def __init__(self, server, formats):
        super().__init__(server)
        self.formats = formats
        self.asked = []  # (method, path, content format, queries, payload) that was not refused for its format
        self.observed = {}
        self.objects = copy.deepcopy(OBJECTS)
        self.resets = 0
        self.turn = threading.RLock()  # of the test's thread and the one that serves
        self.cancelled = []  # (path, token) of observations that were ended by a request
        self.block_exponent = None  # of answers that are larger: they come in blocks of 2 ** (this + 4) bytes

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        options = [(OBSERVE, uint(observe))] if observe is not None else []
        options += [(CONTENT_FORMAT, uint(form))] if form is not None else []
        options, payload = self.block(options, payload, (message.number(BLOCK2) or 0) >> 4)
        self.send(Message(ACK, code(answer), message.message_id, message.token, options, payload).encode())

    def block(self, options, payload, number=0):
        """That block of what does not fit into one, with the option that says so."""
        if self.block_exponent is None or len(payload) <= 16 << self.block_exponent:
            return options, payload
        size = 16 << self.block_exponent
        more = (number + 1) * size < len(payload)
        return [*options, (BLOCK2, uint(number << 4 | more << 3 | self.block_exponent))], payload[number * size:(number + 1) * size]

    def serve(self, message):
        if message.kind == RST:
            self.resets += 1
            return
        if not message.is_request:
            return
        form = message.number(CONTENT_FORMAT)
        if form is not None and form not in self.formats and message.code != FETCH:
            self.reply(message, "4.15")
            return
        path = "" if message.path == "/" else message.path
        self.asked.append((message.code, path, form, message.query, message.payload))
        if message.code == GET and message.number(ACCEPT) == LINK:
            self.discover(message)
        elif message.code == GET:
            self.read(message, path, look(path, self.objects))
        elif message.code == FETCH:
            self.fetch(message)
        else:
            self.change(message, path, form)

    def discover(self, message):
        self.reply(message, "2.05", LINK, b"</3/0>;pmin=10,</3/0/3>,</3/0/6>;dim=2")

    def change(self, message, path, form):
        """Takes whatever it is; a Package URI is kept."""
        if (message.code, path) == (PUT, "/5/0/1"):
            uri = decode(form, path, message.payload)[path]
            self.objects[5][1] = uri.decode() if isinstance(uri, bytes) else uri
        self.reply(message, {POST: "2.04", PUT: "2.04", IPATCH: "2.04", DELETE: "2.02"}[message.code])

    def read(self, message, path, value):
        wanted = message.number(ACCEPT)
        if wanted is not None and wanted not in self.formats:
            self.reply(message, "4.06")
            return
        forms = [wanted] if wanted is not None else self.formats
        payload, form = next(((encode(f, path, value), f) for f in forms
                              if value is not None and encode(f, path, value) is not None), (None, None))
        if payload is None:
            self.reply(message, "4.04" if value is None else "4.05", payload=b"not so")
            return
        self.reply(message, "2.05", form, payload, self.watch(message, path, form))

    def watch(self, message, path, form):
        """Begins or ends an observation; the Observe option of the answer."""
        if message.number(OBSERVE) == 1:
            self.observed.pop(path, None)
            self.cancelled.append((path, message.token))
        if message.number(OBSERVE) != 0:
            return None
        self.observed[path] = (message.token, form)
        return 1

    def fetch(self, message):
        form = message.number(CONTENT_FORMAT)
        records = []
        for path in decode(form, "", message.payload):
            records += senml(path, look(path, self.objects), {"n": 0, "v": 2, "vs": 3, "vb": 4, "bn": -2})
        names = [{0: (r.get(-2, "") + r.get(0, "")), **{k: v for k, v in r.items() if k not in (0, -2)}} for r in records]
        # Base names hold for the records that follow: here every name is whole.
        base = ""
        for record, whole in zip(records, names, strict=True):
            base = record.get(-2, base)
            whole[0] = base + record.get(0, "")
        self.reply(message, "2.05", SENML_CBOR, cbor2.dumps(names), self.watch(message, "", SENML_CBOR))

    def notify(self, path, value, number):
        self.notify_bytes(path, encode(self.observed[path][1], path, value), number)

    def notify_bytes(self, path, payload, number):
        token, form = self.observed[path]
        options, payload = self.block([(OBSERVE, uint(number)), (CONTENT_FORMAT, uint(form))], payload)
        with self.turn:  # after the answer that began the observation
            self.next_id = (self.next_id + 1) % 0x10000
            self.send(Message(NON, code("2.05"), self.next_id, token, options, payload).encode())

    def joins(self, endpoint="client", version="1.1", links=b"</3/0>,</5/0>,</3303/0>"):
        answer = self.ask(POST, "rd", [f"ep={endpoint}", "lt=300", f"lwm2m={version}"], [(CONTENT_FORMAT, uint(LINK))], links)
        assert answer.code_text == "2.01"


class Background:
    """Serves the device while the test asks the server."""

    def __init__(self, client):
        self.client, self.ending = client, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending:
            message = self.client.receive(0.05)
            if message is not None:
                with self.client.turn:
                    self.client.serve_once(message)

    def end(self):
        self.ending = True
        self.thread.join(10)


def until(condition, limit=60):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def operate(server, body, endpoint="client"):
    """(HTTP status, answer)"""
    request = urllib.request.Request(f"{server.http_url}/api/v1/devices/{endpoint}/operations", json.dumps(body).encode(),
                                     {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def values(answer):
    return {record["path"]: record["value"] for record in answer["values"]}
