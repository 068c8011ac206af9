"""Operations on devices by `kedge device` and the API, in every data format that a client may know.

The device here is scripted; what it sends and what it is sent is encoded and decoded by cbor2 and json, not
by anything of Kedge's.
"""
import base64
import json
import signal
import struct
import threading
import time
import urllib.error
import urllib.request

import cbor2
import pytest
from conftest import CLASS, VENDOR, make_package
from lwm2m_peer import (ACCEPT, ACK, CONTENT_FORMAT, DELETE, GET, LINK, NON, OBSERVE, POST, PUT, RST, TEXT, TLV,
                        Message, code, tlv, uint)
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


def look(path):
    """What the device has at a path, or None."""
    ids = [int(part) for part in path.split("/") if part]
    if len(ids) > 1 and ids[1] != 0:
        return None
    value = OBJECTS
    for identifier in ids[:1] + ids[2:]:
        value = value.get(identifier) if isinstance(value, dict) else None
    return {0: value} if len(ids) == 1 and value else value


def slashed(ids):
    return "/" + "/".join(str(i) for i in ids)


def tlv_bytes(value):
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
                labels["vs" if isinstance(leaf, str) else "v"]: leaf}
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
        return json.dumps(senml(path, value, {"n": "n", "v": "v", "vs": "vs", "bn": "bn"})).encode()
    if form == SENML_CBOR:
        return cbor2.dumps(senml(path, value, {"n": 0, "v": 2, "vs": 3, "bn": -2}))
    if form == JSON:
        records = senml(path, value, {"n": "n", "v": "v", "vs": "sv", "bn": "bn"})
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
        self.resets = 0

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        options = [(OBSERVE, uint(observe))] if observe is not None else []
        options += [(CONTENT_FORMAT, uint(form))] if form is not None else []
        self.send(Message(ACK, code(answer), message.message_id, message.token, options, payload).encode())

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
            self.reply(message, "2.05", LINK, b"</3/0>;pmin=10,</3/0/3>,</3/0/6>;dim=2")
        elif message.code == GET:
            self.read(message, path, look(path))
        elif message.code == FETCH:
            self.fetch(message)
        else:
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
        observe = None
        if message.number(OBSERVE) == 0:
            self.observed[path] = (message.token, form)
            observe = 1
        self.reply(message, "2.05", form, payload, observe)

    def fetch(self, message):
        form = message.number(CONTENT_FORMAT)
        records = []
        for path in decode(form, "", message.payload):
            records += senml(path, look(path), {"n": 0, "v": 2, "vs": 3, "bn": -2})
        names = [{0: (r.get(-2, "") + r.get(0, "")), **{k: v for k, v in r.items() if k not in (0, -2)}} for r in records]
        # Base names hold for the records that follow: here every name is whole.
        base = ""
        for record, whole in zip(records, names, strict=True):
            base = record.get(-2, base)
            whole[0] = base + record.get(0, "")
        self.reply(message, "2.05", SENML_CBOR, cbor2.dumps(names))

    def notify(self, path, value, number):
        token, form = self.observed[path]
        self.next_id = (self.next_id + 1) % 0x10000
        self.send(Message(NON, code("2.05"), self.next_id, token,
                          [(OBSERVE, uint(number)), (CONTENT_FORMAT, uint(form))], encode(form, path, value)).encode())

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
                self.client.serve(message)

    def end(self):
        self.ending = True
        self.thread.join(10)


@pytest.fixture
def client(server):
    """Makes a registered device with these formats, which answers from then on."""
    running = []

    def make(*formats, wait=True, **registration):
        device = Client(server, formats)
        device.joins(**registration)
        running.append(Background(device))
        if wait:
            until(lambda: '"version": "1.0.0"' in server.kedge("--json", "device", "show", "client", check=False).stdout)
        return device
    yield make
    for one in running:
        one.end()


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


# ---- reading ----

@pytest.mark.parametrize("formats", [(TLV, TEXT), (SENML_JSON,), (SENML_CBOR,), (SENML_CBOR, CBOR), (JSON, TEXT),
                                     (LWM2M_CBOR, CBOR)], ids=str)
def test_an_instance_is_read_in_whichever_format_the_client_knows(server, client, formats):
    client(*formats)
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert status == 200 and answer["code"] == "2.05" and answer["content_format"] == formats[0]
    assert values(answer) == {slashed(ids): value for ids, value in leaves((3, 0), DEVICE)}


@pytest.mark.parametrize("form", [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("path", ["/3/0/3", "/3/0/9", "/3/0/6/1"])
def test_a_resource_is_read_in_whichever_format_the_client_knows(server, client, form, path):
    client(form)
    status, answer = operate(server, {"operation": "read", "path": path})
    assert (status, answer["code"]) == (200, "2.05")
    assert values(answer) == {path: look(path)}


@pytest.mark.parametrize("form", [CBOR, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
def test_a_float_of_an_object_that_nobody_knows_is_read_by_the_type_that_the_format_tells(server, client, form):
    client(form)
    _, answer = operate(server, {"operation": "read", "path": "/3303/0/5700"})
    assert answer["values"] == [{"path": "/3303/0/5700", "type": "float", "value": 21.5}]


def test_tlv_of_an_object_that_nobody_knows_is_shown_as_its_bytes(server, client):
    client(TLV)
    _, answer = operate(server, {"operation": "read", "path": "/3303/0"})
    shown = {record["path"]: (record["type"], base64.b64decode(record["value"])) for record in answer["values"]}
    assert shown == {"/3303/0/5700": ("opaque", struct.pack("!d", 21.5)), "/3303/0/5701": ("opaque", b"Cel")}


def test_read_prints_a_table_and_a_refusal_fails(server, client):
    client(SENML_CBOR)
    shown = server.kedge("device", "read", "client", "/3/0/9").stdout
    assert shown.splitlines()[-1].split() == ["/3/0/9", "integer", "100"]
    refused = server.kedge("device", "read", "client", "/3/0/99", check=False)
    assert refused.returncode == 1
    assert "4.04: not so" in refused.stderr


def test_several_paths_are_read_in_one_request(server, client):
    device = client(SENML_CBOR)
    answer = server.json("device", "read", "client", "/3/0/3", "/5/0")
    assert values(answer) == {"/3/0/3": "1.0.0", "/5/0/3": 0, "/5/0/5": 0}
    [(method, path, form, _, payload)] = [asked for asked in device.asked if asked[0] == FETCH]
    assert (path, form) == ("", SENML_CBOR)
    assert decode(form, "", payload) == {"/3/0/3": None, "/5/0": None}


def test_discover_shows_the_links(server, client):
    client(TLV)
    assert server.json("device", "discover", "client", "/3")["links"] == [
        {"target": "/3/0", "attributes": "pmin=10"}, {"target": "/3/0/3", "attributes": ""},
        {"target": "/3/0/6", "attributes": "dim=2"}]


# ---- writing ----

def last(device, method):
    asked = [one for one in device.asked if one[0] == method]
    return asked[-1]


@pytest.mark.parametrize("form", [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("path, given, sent, in_tlv", [
    ("/5/0/1", "coap://x/\u00e4\"y", "coap://x/\u00e4\"y", "coap://x/\u00e4\"y".encode()),
    ("/5/0/11", 2, 2, b"\x02"),
    ("/3/0/13", -300, -300, b"\xfe\xd4"),
    ("/3303/0/5700", 21.25, 21.25, struct.pack("!d", 21.25)),
])
def test_a_resource_is_written_in_whichever_format_the_client_knows(server, client, form, path, given, sent, in_tlv):
    device = client(form, wait=False)
    status, answer = operate(server, {"operation": "write", "path": path, "values": [{"path": path, "value": given}]})
    assert (status, answer["code"]) == (200, "2.04")
    _, where, used, _, payload = last(device, PUT)
    assert (where, used) == (path, form)
    assert decode(form, path, payload) == {path: in_tlv if form == TLV else str(sent) if form == TEXT else sent}


@pytest.mark.parametrize("form", [OPAQUE, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_CBOR])
def test_opaque_bytes_are_written_in_whichever_format_the_client_knows(server, client, form):
    device = client(form, wait=False)
    secret = bytes(range(250, 256)) + b"\0"
    server.kedge("device", "write", "client", "/5/0/0", base64.b64encode(secret).decode())
    _, _, used, _, payload = last(device, PUT)
    sent = decode(form, "/5/0/0", payload)["/5/0/0"]
    if form == SENML_JSON:
        assert "=" not in sent
        sent = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    assert (used, sent) == (form, secret)


@pytest.mark.parametrize("form", [TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("operation, method, path", [("write", PUT, "/1/0"), ("write_partial", POST, "/1/0"),
                                                     ("create", POST, "/1")])
def test_several_resources_are_written_in_one_payload(server, client, form, operation, method, path):
    device = client(form, wait=False)
    instance = 7 if operation == "create" else 0
    given = [{"path": f"/1/{instance}/6", "value": True}, {"path": f"/1/{instance}/1", "value": 86400}]
    assert operate(server, {"operation": operation, "path": path, "values": given})[1]["code"] == "2.04"
    _, where, used, _, payload = last(device, method)
    assert (where, used) == (path, form)
    expected = {f"/1/{instance}/1": 86400, f"/1/{instance}/6": True}
    if form == TLV:
        expected = {f"/1/{instance}/1": b"\x00\x01\x51\x80", f"/1/{instance}/6": b"\x01"}
    assert decode(form, path, payload) == expected


def test_a_composite_write_carries_all_paths(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "write", "client", "/5/0/11", "1", "/1/0/1", "60")
    _, where, used, _, payload = last(device, IPATCH)
    assert (where, used) == ("", SENML_CBOR)
    assert decode(used, "", payload) == {"/1/0/1": 60, "/5/0/11": 1}


def test_execute_delete_and_attributes_reach_the_device(server, client):
    device = client(TLV)
    server.kedge("device", "execute", "client", "/5/0/2")
    assert last(device, POST) == (POST, "/5/0/2", None, {}, b"")
    operate(server, {"operation": "delete", "path": "/1/3"})
    assert last(device, DELETE)[1] == "/1/3"
    operate(server, {"operation": "write_attributes", "path": "/5/0/3", "attributes": "pmin=2&pmax=10"})
    assert last(device, PUT)[1:] == ("/5/0/3", None, {"pmin": "2", "pmax": "10"}, b"")


def test_what_changes_a_device_is_in_the_audit_log(server, client):
    client(TEXT)
    server.kedge("device", "execute", "client", "/3/0/4")
    server.kedge("device", "read", "client", "/3/0/3")
    entries = [e for e in server.json("audit", "list")["audit"] if e["subject"] == "client"]
    assert ("device.execute", "/3/0/4") in [(e["what"], e["after"]) for e in entries]
    assert not [e for e in entries if e["what"] == "device.read"]


# ---- observing ----

def test_observe_shows_each_notification_and_ends_the_observation(server, client):
    device = client(SENML_CBOR)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "observe", "path": "/5/0/3", "count": 3, "timeout_s": 60})))
    asking.start()
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    device.notify("/5/0/3", 2, 3)
    asking.join(70)
    [(status, answer)] = answers
    assert status == 200 and values(answer) == {"/5/0/3": 0}
    assert [values(n) for n in answer["notifications"]] == [{"/5/0/3": 1}, {"/5/0/3": 2}]
    device.notify("/5/0/3", 3, 4)
    until(lambda: device.resets == 1)


def test_an_observation_of_nothing_new_ends_with_its_time(server, client):
    client(TEXT)
    answer = server.json("device", "observe", "client", "/5/0/3", "--timeout", "1")
    assert values(answer) == {"/5/0/3": 0} and answer["notifications"] == []


# ---- what cannot be ----

def test_a_device_that_is_not_there_or_silent_is_told_apart(server):
    assert operate(server, {"operation": "read", "path": "/3/0"}, "nobody")[0] == 404
    mute = Client(server, (TEXT,))
    mute.joins("mute")
    status, answer = operate(server, {"operation": "read", "path": "/3/0/0", "timeout_s": 1}, "mute")
    assert (status, answer["code"]) == (504, "timeout")


@pytest.mark.parametrize("body, field", [
    ({"operation": "sing", "path": "/3/0"}, "operation"),
    ({"path": "/3/0"}, "operation"),
    ({"operation": "read", "path": "3//0"}, "path"),
    ({"operation": "read", "path": "/3/0", "values": [{"path": "/3/0/0", "value": "x"}]}, None),
    ({"operation": "write", "path": "/3/0/0"}, None),
    ({"operation": "write", "path": "/5/0/3", "values": [{"path": "/5/0/3", "value": "much"}]}, "values[].value"),
    ({"operation": "write", "path": "/5/0/3", "values": [{"path": "/5/0/3", "value": 1, "type": "x"}]}, "values[].type"),
    ({"operation": "write", "path": "/5/0", "values": [{"path": "/5/0/3"}]}, "values[].value"),
    ({"operation": "write", "path": "/5/0", "values": [{"path": "/3/0/3", "value": "x"}]}, None),
    ({"operation": "write_composite", "values": [{"path": "/5/0/3", "value": 1}, {"path": "/5/0/3", "value": 2}]}, "values"),
    ({"operation": "execute", "path": "/5/0"}, None),
    ({"operation": "read", "path": "/3/0", "arguments": "x"}, "arguments"),
    ({"operation": "write_attributes", "path": "/3/0"}, "attributes"),
    ({"operation": "read", "path": "/3/0", "timeout_s": 61}, "timeout_s"),
], ids=str)
def test_a_request_that_cannot_be_is_refused_and_not_sent(server, client, body, field):
    device = client(TEXT)
    before = len(device.asked)
    status, answer = operate(server, body)
    assert status == 400
    assert answer.get("field") == field
    assert len(device.asked) == before


def test_an_answer_that_cannot_be_read_is_shown_as_it_came(server, client):
    device = client(SENML_CBOR)
    device.read = lambda message, path, value: device.reply(message, "2.05", SENML_CBOR, b"\x81\xa2\x00")
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert status == 200 and answer["problem"] and base64.b64decode(answer["payload"]) == b"\x81\xa2\x00"


def test_a_record_of_another_object_makes_an_answer_none(server, client):
    device = client(SENML_CBOR)
    device.read = lambda message, path, value: device.reply(
        message, "2.05", SENML_CBOR, cbor2.dumps([{0: "/5/0/3", 2: 3}]))
    _, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert answer["values"] == [] and answer["problem"]


def test_the_server_ends_at_once_though_a_device_is_waited_for(server):
    mute = Client(server, (TEXT,))
    mute.joins("mute")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "read", "path": "/3/0/0", "timeout_s": 60}, "mute")))
    asking.start()
    until(lambda: mute.receive(1) is not None)
    time.sleep(0.2)
    begun = time.monotonic()
    server.process.process.send_signal(signal.SIGTERM)
    asking.join(30)
    assert answers and answers[0][0] == 503
    assert time.monotonic() - begun < 30


# ---- who knows only some formats is taken through an update all the same ----

@pytest.mark.parametrize("formats", [(CBOR, SENML_CBOR, LWM2M_CBOR), (TLV, TEXT), (SENML_JSON,), (LWM2M_CBOR,)], ids=str)
@pytest.mark.parametrize("lists", [True, False])
def test_a_client_with_few_formats_gets_its_package_uri(server, client, keys, tmp_path, formats, lists):
    root = f'</>;rt="oma.lwm2m";ct="{" ".join(str(f) for f in formats)}",'.encode() if lists else b""
    device = client(*formats, links=root + b"</3/0>,</5/0>", version="1.2")
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    package = server.json("package", "list")["packages"][0]["id"]
    server.kedge("rollout", "create", "--name", "few", "--package", package, "--all", "--start")
    until(lambda: any(asked[:2] == (PUT, "/5/0/1") for asked in device.asked), 20)
    _, path, form, _, payload = last(device, PUT)
    uri = decode(form, path, payload)["/5/0/1"]
    assert (uri.decode() if isinstance(uri, bytes) else uri).startswith("coap://127.0.0.1:")
