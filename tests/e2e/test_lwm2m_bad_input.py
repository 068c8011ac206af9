"""Input of devices that lies, is too much or comes too often: refused or bounded, and nobody else suffers."""
import json
import time

import cbor2
import pytest
from lwm2m_client import SENML_CBOR, SENML_JSON, operate
from lwm2m_peer import CONTENT_FORMAT, LINK, NON, POST, URI_PATH, Message, uint
from wire import LINKS, Wire

BLOCK1, SIZE1 = 27, 60


@pytest.fixture
def wire(server):
    return Wire(server)


def shown(server, endpoint):
    return json.loads(server.kedge("--json", "device", "show", endpoint, check=False).stdout or "{}")


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
    before = {k: v for k, v in shown(server, "liar").items() if k != "last_seen_ms"}
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(form))], payload=payload).code_text == "4.00"
    assert {k: v for k, v in shown(server, "liar").items() if k != "last_seen_ms"} == before


def test_a_flood_of_sends_disturbs_nobody(server, wire):
    wire.registered("eager")
    wire.serve_until(lambda: shown(server, "eager").get("version") == "1.0.0", "who it is", 60)
    payload = cbor2.dumps([{0: f"/3303/{i}/5700", 2: i / 7} for i in range(40)])
    for _ in range(2000):
        wire.next_id = (wire.next_id + 1) % 0x10000
        wire.send(Message(NON, POST, wire.next_id, b"f", [(URI_PATH, b"dp"), (CONTENT_FORMAT, uint(SENML_CBOR))], payload).encode())
    begun = time.monotonic()
    neighbour_is_well(server)
    assert time.monotonic() - begun < 60
    assert server.process.process.poll() is None


def test_a_notification_for_an_observation_that_nobody_has_is_reset(server, client):
    device = client(SENML_CBOR)
    device.observed["/5/0/3"] = (b"stranger", SENML_CBOR)
    device.notify("/5/0/3", 3, 2)
    deadline = time.monotonic() + 60
    while device.resets == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert device.resets == 1
    assert operate(server, {"operation": "read", "path": "/5/0/3"})[1]["values"][0]["value"] == 0
