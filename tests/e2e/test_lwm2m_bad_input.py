"""Input of devices that lies, is too much or comes too often: refused or bounded, and nobody else suffers."""
import json
import os
import time

import cbor2
import pytest
from conftest import make_package
from field_device import NEW, FieldDevice, ended, known, roll_out
from lwm2m_client import SENML_CBOR, SENML_JSON, encode, operate, until, values
from lwm2m_peer import (ACK, CON, CONTENT_FORMAT, LINK, NON, POST, TEXT, TLV, URI_PATH, URI_QUERY, Message, code, uint)
from oma_kit import observe
from wire import LINKS, Wire

BLOCK1, SIZE1 = 27, 60


@pytest.fixture
def wire(server):
    return Wire(server)


def shown(server, endpoint):
    return json.loads(server.kedge("--json", "device", "show", endpoint, check=False).stdout or "{}")


def record(server, endpoint):
    """What is kept of a device, without what each of its messages changes."""
    return {name: value for name, value in shown(server, endpoint).items() if name != "last_seen_ms"}


@pytest.fixture(autouse=True)
def beside(server):
    """Another device, which is there all the time: it is asked and answers as before, whatever the first one does."""
    healthy = FieldDevice(server, endpoint="healthy").begin()
    known(server, "healthy")
    before = record(server, "healthy")
    yield healthy
    if server.process.process.poll() is None:
        assert record(server, "healthy") == before
        status, answer = operate(server, {"operation": "read", "path": "/3/0/3"}, "healthy")
        assert status == 200 and values(answer) == {"/3/0/3": "1.0.0"}
    healthy.end()
    assert server.process.process.poll() is None and healthy.fault is None


def neighbour_is_well(server):
    """Another device comes, is asked who it is, and is believed."""
    other = Wire(server)
    other.registered("neighbour")
    other.serve_until(lambda: shown(server, "neighbour").get("version") == "1.0.0", "the neighbour", 60)


def in_blocks(wire, path, queries, form, body, size_exponent=6):
    size = 16 << size_exponent
    answer = None
    for start in range(0, len(body), size):
        more = start + size < len(body)
        block = start // size << 4 | more << 3 | size_exponent
        answer = wire.ask(POST, path, queries, [(CONTENT_FORMAT, uint(form)), (BLOCK1, uint(block))],
                          body[start:start + size])
        if answer.code_text != "2.31":
            break
    return answer.code_text


def links(count):
    return b",".join(b"</3303/%d>" % i for i in range(count))


def test_many_links_in_blocks_are_one_registration(server, wire):
    assert in_blocks(wire, "rd", ["ep=many", "lt=300", "lwm2m=1.1"], LINK, LINKS + b"," + links(200)) == "2.01"
    wire.serve_until(lambda: shown(server, "many").get("version") == "1.0.0", "who it is", 60)


@pytest.mark.parametrize("body, answer", [
    (links(10000)[:65536].rsplit(b",", 1)[0], "4.00"),  # thousands of objects in 64 KiB
    (b"</" + b"x" * 65000 + b">", "2.01"),              # one link of 64 KiB, which is no LwM2M path
    (b'</3/0>;a="' + b"x" * 65000 + b'"', "2.01"),      # an attribute of 64 KiB
    (b"<" * 65536, "4.00"),
    (links(20000), "4.13"),
], ids=["objects", "target", "attribute", "brackets", "too_large"])
def test_links_of_64_kib_are_read_or_refused(server, wire, body, answer):
    assert in_blocks(wire, "rd", ["ep=large", "lt=300", "lwm2m=1.1"], LINK, body) == answer
    neighbour_is_well(server)


def test_an_update_with_10000_objects_is_refused_and_the_former_list_holds(server, wire):
    location = wire.registered("grown")
    wire.serve_until(lambda: shown(server, "grown").get("version") == "1.0.0", "who it is", 60)
    before = record(server, "grown")
    ten_thousand = b",".join(b"</%d>" % i for i in range(10000))
    assert len(ten_thousand) > 65536
    assert in_blocks(wire, location, [], LINK, ten_thousand) == "4.13"
    assert in_blocks(wire, location, [], LINK, ten_thousand[:65536].rsplit(b",", 1)[0]) == "4.00"
    assert record(server, "grown") == before
    assert wire.ask(POST, location).code_text == "2.04"


def test_a_register_with_10000_objects_of_one_that_is_there_is_refused_and_leaves_it_as_it_was(server, wire):
    location = wire.registered("grown")
    wire.serve_until(lambda: shown(server, "grown").get("version") == "1.0.0", "who it is", 60)
    before = record(server, "grown")
    ten_thousand = b",".join(b"</%d>" % i for i in range(10000))
    for body, answer in ((ten_thousand, "4.13"), (ten_thousand[:65536].rsplit(b",", 1)[0], "4.00"), (links(257), "4.00")):
        assert in_blocks(wire, "rd", ["ep=grown", "lt=300", "lwm2m=1.1"], LINK, body) == answer
    assert record(server, "grown") == before
    assert wire.ask(POST, location).code_text == "2.04"
    neighbour_is_well(server)


def test_a_discover_that_lists_10000_objects_is_given_up_and_one_of_64_kib_is_shown(server, client):
    device = client(TLV)
    device.block_exponent = 6
    for count, wanted in ((10000, 422), (6000, 200)):
        listed = b",".join(b"</%d/0>" % i for i in range(count))
        device.serve = lambda message: message.is_request and device.reply(message, "2.05", LINK, listed)  # noqa: B023
        status, answer = operate(server, {"operation": "discover", "path": "/3"})
        assert status == wanted and len(answer.get("links", [])) in (0, count)


# ---- answers that lie ----

LYING_TLV = {
    "a_resource_longer_than_the_answer": b"\xc8\x00\xffabc",
    "16_megabytes": b"\xd8\x00\xff\xff\xffabc",
    "a_resource_longer_than_its_instance": b"\x08\x00\x05\xc8\x00\x30ab",
    "a_length_that_is_cut": b"\xd8\x00\xff",
    "an_id_that_is_cut": b"\xe8",
    "a_value_that_is_not_there": b"\xc7\x00",
    "an_instance_in_an_instance": b"\x08\x00\x05\x03\x00\xc1\x03a",
    "a_resource_instance_by_itself": b"\x41\x00\x01",
    "a_multiple_resource_that_is_cut": b"\x88\x06\x06\x41\x00\x01\x48\x01\x09",
}


@pytest.mark.parametrize("payload", LYING_TLV.values(), ids=LYING_TLV)
def test_tlv_that_lies_of_its_lengths_says_nothing(server, client, payload):
    device = client(TLV)
    before = record(server, "client")
    device.read = lambda message, path, value: device.reply(message, "2.05", TLV, payload)
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert status == 200 and answer["problem"] and "/3/0/0" not in [one["path"] for one in answer["values"]]
    assert record(server, "client") == before
    del device.read
    assert values(operate(server, {"operation": "read", "path": "/3/0/3"})[1]) == {"/3/0/3": "1.0.0"}


def test_a_resource_that_is_there_twice_is_not_believed(server, client):
    device = client(TLV)
    asked = []

    def read(message, path, value):
        asked.append(path)
        device.reply(message, "2.05", TLV, b"\xc1\x00a\xc1\x00b\xc1\x03c\xc1\x03d")
    device.read = read
    with device.turn:
        device.next_id = (device.next_id + 1) % 0x10000
        device.send(Message(CON, POST, device.next_id, b"again", [
            (URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK)), (URI_QUERY, b"ep=client"), (URI_QUERY, b"lt=300"),
            (URI_QUERY, b"lwm2m=1.1")], LINKS).encode())
    until(lambda: "/3/0/18" in asked)
    until(lambda: shown(server, "client").get("version") == "")
    assert shown(server, "client")["vendor"] == ""


WRONG_SENML = {
    "a_name_elsewhere": [{0: "/5/0/3", 2: 3}],
    "a_base_elsewhere": [{-2: "/5/0/", 0: "3", 2: 3}],
    "a_base_that_leads_elsewhere_later": [{-2: "/3/0/", 0: "9", 2: 1}, {-2: "/5/0/", 0: "3", 2: 3}],
    "a_base_and_a_whole_name": [{-2: "/3/0/9", 0: "/3/0/9", 2: 1}],
    "a_base_that_goes_up": [{-2: "/3/0/../../5/0/", 0: "3", 2: 3}],
    "a_base_that_is_a_number": [{-2: 3, 0: "9", 2: 1}],
    "a_base_of_many_bytes": [{-2: "/3/0/" * 5000, 0: "9", 2: 1}],
    "a_record_in_a_record": [{-2: "/3/0/", 0: "9", 2: [{-2: "/3/0/", 0: "9", 2: 1}]}],
    "the_same_record_again_and_again": [{-2: "/3/0/", 0: "9", 2: 1}] * 3000,
    "an_array_in_itself": [[[[[[[[[[[]]]]]]]]]]],
}


@pytest.mark.parametrize("form", [SENML_CBOR, SENML_JSON])
@pytest.mark.parametrize("records", WRONG_SENML.values(), ids=WRONG_SENML)
def test_senml_with_a_wrong_base_or_that_turns_in_circles_says_nothing(server, client, form, records):
    device = client(form)
    device.block_exponent = 6
    before = record(server, "client")
    names = {-2: "bn", 0: "n", 2: "v"}
    in_json = [{names[k]: v for k, v in one.items()} if isinstance(one, dict) else one for one in records]
    payload = cbor2.dumps(records) if form == SENML_CBOR else json.dumps(in_json).encode()
    device.read = lambda message, path, value: device.reply(message, "2.05", form, payload)
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    refused = status == 422 and len(payload) > 65536
    assert refused or (status == 200 and (answer.get("problem") or len(answer["values"]) <= 3000)), answer
    if not refused:
        assert {one["path"] for one in answer["values"]} <= {"/3/0/9"}
        assert answer.get("problem") or "again" in os.environ["PYTEST_CURRENT_TEST"]
    assert record(server, "client") == before


# ---- whole updates of devices that are out of order ----

class Disordered(FieldDevice):
    """Its notifications overtake each other: older ones come after newer ones, and more than once."""

    def __init__(self, server, **habits):
        super().__init__(server, **habits)
        self.sent = []

    def tell(self):
        before = len(self.sent)
        super().tell()
        for path, value, number in self.sent[:before][::-1] + self.sent[before:]:
            if path in self.observed:
                super().notify(path, value, number)

    def notify(self, path, value, number):
        self.sent.append((path, value, number))
        super().notify(path, value, number)


class Crosstalking(FieldDevice):
    """Before each answer it sends answers to other requests, which say something else."""

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        wrong = [(CONTENT_FORMAT, uint(TEXT))]
        for identifier, token in ((message.message_id, os.urandom(8)), (message.message_id ^ 1, message.token),
                                  (message.message_id, message.token[:4]), (message.message_id ^ 1, b"")):
            for kind in (ACK, NON):
                if (kind, token) != (NON, message.token):
                    self.send(Message(kind, code("2.05"), identifier, token, wrong, b"3").encode())
        super().reply(message, answer, form, payload, observe)


class Muddled(FieldDevice):
    """Its notifications hold what nobody asked for, and what is no value, before they hold what they should."""

    def tell(self):
        for path in list(self.observed):
            form = self.observed[path][1]
            for payload in (b"", b"\xff" * 40, encode(form, "/3/0/9", 3), *LYING_TLV.values()):
                if payload and path.startswith("/5/0"):
                    self.numbers += 1
                    self.notify_bytes(path, payload, self.numbers)
        super().tell()


@pytest.mark.parametrize("kind", [Disordered, Crosstalking, Muddled])
def test_it_is_updated_all_the_same(server, keys, tmp_path, kind):
    device = kind(server).begin()
    try:
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, os.urandom(20000)), only=device)
        done = ended(server, device)
        assert (done["state"], done["update_result"], device.executes) == ("succeeded", 1, 1), done
        known(server, version=NEW)
    finally:
        device.end()


@pytest.mark.parametrize("form, payload", [
    (SENML_JSON, b'[{"bn":"/5/0/3","n":"/3/0/9","v":1}]'),
    (SENML_JSON, b'[{"bn":"../../etc/","n":"passwd","v":1}]'),
    (SENML_JSON, b'[{"bn":"/5/0/","n":"3","v":3},{"bn":"/5/0/","bn":"/3/0/","n":"9","v":1}]'),
    (SENML_JSON, b"[" * 1000),
    (SENML_JSON, b'[{"n":"/5/0/3","v":' + b"1" * 900 + b"}]"),
    (SENML_CBOR, cbor2.dumps([{-2: "/5/0/" * 200, 0: "3", 2: 3}])),
    (SENML_CBOR, b"\x9b" + b"\xff" * 8),
    (SENML_CBOR, b"\x81" * 1000),
    (SENML_CBOR, cbor2.dumps([{0: "/5/0/3", 2: 3, "must_": 1}])),
])
def test_a_send_that_lies_changes_nothing(server, wire, form, payload):
    wire.registered("liar")
    wire.serve_until(lambda: shown(server, "liar").get("version") == "1.0.0", "who it is", 60)
    before = record(server, "liar")
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(form))], payload=payload).code_text == "4.00"
    assert record(server, "liar") == before


def test_a_flood_of_sends_disturbs_nobody(server, wire):
    wire.registered("eager")
    wire.serve_until(lambda: shown(server, "eager").get("version") == "1.0.0", "who it is", 60)
    before = record(server, "eager")
    payload = cbor2.dumps([{0: f"/3303/{i}/5700", 2: i / 7} for i in range(40)])
    for _ in range(2000):
        wire.next_id = (wire.next_id + 1) % 0x10000
        wire.send(Message(NON, POST, wire.next_id, b"f", [(URI_PATH, b"dp"), (CONTENT_FORMAT, uint(SENML_CBOR))], payload).encode())
    begun = time.monotonic()
    neighbour_is_well(server)
    assert time.monotonic() - begun < 60
    assert record(server, "eager") == before


def test_notifications_out_of_order_are_shown_in_order_and_once(server, client):
    device = client(SENML_CBOR)
    result = observe(server, 4, operation="observe", path="/3/0/9")
    until(lambda: "/3/0/9" in device.observed)
    for number, value in ((12, 12), (11, 11), (12, 13), (5, 5), (14, 14), (13, 13), (0xFFFFFF, 15), (15, 16)):
        device.notify("/3/0/9", value, number)
    assert [values(one)["/3/0/9"] for one in result()["notifications"]] == [12, 14, 16]


def test_a_notification_for_an_observation_that_nobody_has_is_reset(server, client):
    device = client(SENML_CBOR)
    device.observed["/5/0/3"] = (b"stranger", SENML_CBOR)
    device.notify("/5/0/3", 3, 2)
    deadline = time.monotonic() + 60
    while device.resets == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert device.resets == 1
    assert operate(server, {"operation": "read", "path": "/5/0/3"})[1]["values"][0]["value"] == 0
