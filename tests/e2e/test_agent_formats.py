"""The agent's resources in every data format, and several of them at once, against a foreign server.

What the agent sends is decoded by cbor2 and json, and what it is sent is made by them.
"""
import json

import cbor2
import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, peer, update
from conftest import CLASS, VENDOR
from lwm2m_client import CBOR, FETCH, IPATCH, JSON, LWM2M_CBOR, SENML_CBOR, SENML_JSON, decode, encode
from lwm2m_peer import BLOCK2, ETAG, GET, LINK, OBSERVE, POST, PUT, TEXT, TLV, uint

MANY = [TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR]


def paths(form, *wanted):
    """The payload of a composite read."""
    return json.dumps([{"n": p} for p in wanted]).encode() if form == SENML_JSON else cbor2.dumps([{0: p} for p in wanted])


def as_text(value):
    """TLV does not tell a string from bytes."""
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("form", MANY)
def test_an_instance_is_read_in(agent, peer, form):
    agent("--hardware", "rev-c")
    answer = peer.request(ENDPOINT, GET, "/3/0", accept=form)
    assert (answer.code_text, answer.number(12)) == ("2.05", form)
    values = decode(form, "/3/0", answer.payload)
    assert {path: as_text(values[path]) for path in ("/3/0/0", "/3/0/1", "/3/0/2", "/3/0/3", "/3/0/18")} == {
        "/3/0/0": VENDOR, "/3/0/1": CLASS, "/3/0/2": ENDPOINT, "/3/0/3": "1.0.0", "/3/0/18": "rev-c"}
    if form != TLV:
        assert values["/3/0/11/0"] == 0


@pytest.mark.parametrize("form", [TEXT, CBOR, *MANY])
def test_a_resource_is_written_in(agent, peer, form):
    agent()
    assert peer.request(ENDPOINT, PUT, "/1/0/1", encode(form, "/1/0/1", 4711), content_format=form).code_text == "2.04"
    assert peer.read(ENDPOINT, "/1/0/1") == "4711"


@pytest.mark.parametrize("form", MANY)
@pytest.mark.parametrize("method", [PUT, POST], ids=["replace", "partial"])
def test_an_instance_is_written_in(agent, peer, form, method):
    agent()
    payload = encode(form, "/1/0", {1: 4711, 6: 1 if form == TLV else True})
    assert peer.request(ENDPOINT, method, "/1/0", payload, content_format=form).code_text == "2.04"
    assert (peer.read(ENDPOINT, "/1/0/1"), peer.read(ENDPOINT, "/1/0/6")) == ("4711", "1")


def test_a_replaced_instance_keeps_nothing_optional_of_what_it_was(agent, peer):
    agent()
    before = {"/1/0/2": "0", "/1/0/3": "0", "/1/0/5": "86400", "/1/0/23": "1", "/5/0/11": "1"}
    written = {"/1/0/2": "7", "/1/0/3": "900", "/1/0/5": "60", "/1/0/23": "0", "/5/0/11": "2"}
    def now():
        return {path: peer.read(ENDPOINT, path) for path in before}
    def write(method, path, values):
        return peer.request(ENDPOINT, method, path, encode(TLV, path, values), content_format=TLV).code_text
    for path, value in written.items():
        assert peer.write(ENDPOINT, path, value) == "2.04"
    assert peer.write(ENDPOINT, "/5/0/13", "3600") == "2.04"
    assert (write(POST, "/1/0", {1: 4711}), write(POST, "/5/0", {1: ""})) == ("2.04", "2.04")
    assert write(PUT, "/1/0", {1: 0}) == "4.00"
    assert now() == written and peer.read(ENDPOINT, "/5/0/13") == "3600"
    assert (write(PUT, "/1/0", {1: 4712}), write(PUT, "/5/0", {1: ""})) == ("2.04", "2.04")
    assert now() == before and peer.read(ENDPOINT, "/1/0/1") == "4712"
    assert peer.request(ENDPOINT, GET, "/5/0/13").code_text == "4.04"
    assert write(PUT, "/5/0", {11: 2}) == "2.04"
    assert peer.read(ENDPOINT, "/5/0/11") == "2"


@pytest.mark.parametrize("form", [SENML_JSON, SENML_CBOR])
def test_several_paths_are_read_at_once(agent, peer, form):
    agent()
    answer = peer.request(ENDPOINT, FETCH, "/", paths(form, "/5/0/3", "/3/0/3", "/5/0/5", "/6/0", "/0/0/5"),
                          content_format=form)
    assert (answer.code_text, answer.number(12)) == ("2.05", form)
    assert decode(form, "", answer.payload) == {"/3/0/3": "1.0.0", "/5/0/3": 0, "/5/0/5": 0}


def test_several_resources_are_written_at_once_or_none(agent, peer):
    agent("--lifetime", "300")
    def write(*records):
        return peer.request(ENDPOINT, IPATCH, "/", cbor2.dumps(list(records)), content_format=SENML_CBOR).code_text
    assert write({0: "/1/0/1", 2: 4711}, {0: "/3/0/3", 3: "9.9.9"}) == "4.05"
    assert peer.read(ENDPOINT, "/1/0/1") == "300"
    assert write({0: "/1/0/1", 2: 4711}, {0: "/1/0/6", 4: True}) == "2.04"
    assert (peer.read(ENDPOINT, "/1/0/1"), peer.read(ENDPOINT, "/1/0/6")) == ("4711", "1")


@pytest.mark.parametrize("path, value, refused", [
    ("/5/0/1", {3: "ftp://127.0.0.1/package"}, "9"), ("/5/0/1", {3: "no uri"}, "7"), ("/5/0/11", {2: 3}, "0"),
    ("/1/0/1", {2: 0}, "0"), ("/1/0/7", {3: "T"}, "0"), ("/1/0/3", {2: -1}, "0"),
])
def test_a_value_that_cannot_be_taken_leaves_all_as_it_was(agent, peer, path, value, refused):
    agent()
    for records in ([{0: "/1/0/5", 2: 4711}, {0: path} | value], [{0: path} | value, {0: "/1/0/5", 2: 4711}]):
        assert peer.request(ENDPOINT, IPATCH, "/", cbor2.dumps(records), content_format=SENML_CBOR).code_text == "4.00"
        assert peer.read(ENDPOINT, "/1/0/5") == "86400"
        assert peer.read(ENDPOINT, "/5/0/5") == refused


def test_several_paths_are_observed_at_once(agent, peer, update):
    agent()
    wanted = paths(SENML_CBOR, "/5/0/3", "/5/0/5")
    request = peer.make_request(FETCH, "/", wanted, content_format=SENML_CBOR, observe=0)
    seen = peer.add_observation(request)
    first = peer.exchange(ENDPOINT, request)
    assert first.number(OBSERVE) is not None
    def states():
        return [str(decode(SENML_CBOR, "", message.payload)["/5/0/3"]) for message in seen.messages]
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: states()[-1:] == [DOWNLOADED], 60, "the notification")
    assert [s for s in states() if s in (IDLE, DOWNLOADING, DOWNLOADED)] == states()
    assert seen.numbers == sorted(set(seen.numbers))
    known = len(seen.messages)
    cancel = peer.make_request(FETCH, "/", wanted, content_format=SENML_CBOR, observe=1)
    assert peer.exchange(ENDPOINT, cancel).number(OBSERVE) is None
    other = peer.observe(ENDPOINT, "/5/0/5")
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    peer.wait_for(lambda: other.values[-1] == "10", 60, "the other observation")
    assert len(seen.messages) == known


def test_all_that_can_be_read_comes_in_blocks_of_one_value(agent, peer):
    agent("--hardware", "h" * 120)
    everything, tags, number = b"", set(), 0
    while True:
        request = peer.make_request(FETCH, "/", paths(SENML_JSON, "/"), content_format=SENML_JSON)
        request.options.append((BLOCK2, uint(number << 4 | 4)))
        answer = peer.exchange(ENDPOINT, request)
        assert answer.code_text == "2.05"
        everything += answer.payload
        tags.add(answer.all(ETAG)[0])
        block = answer.number(BLOCK2)
        assert (block >> 4, block & 7) == (number, 4)
        if not block & 8:
            break
        number += 1
    assert number > 0 and len(tags) == 1
    values = decode(SENML_JSON, "", everything)
    assert values["/3/0/18"] == "h" * 120 and values["/1/0/0"] == 1
    assert not [path for path in values if path.startswith("/0/")]


def test_it_tells_the_formats_that_it_knows(agent, peer):
    agent()
    links = peer.registered(ENDPOINT).links
    told = links.split('ct="')[1].split('"')[0].split()
    assert [int(form) for form in told] == [0, 42, 60, 110, 112, 11542, 11543, 11544]
    for form in map(int, told):
        if form not in (0, 42, 60):
            assert peer.request(ENDPOINT, GET, "/1/0", accept=form).code_text == "2.05"
    assert peer.request(ENDPOINT, GET, "/1/0", accept=LINK).code_text == "2.05"
