"""Requests whose payload comes in blocks (RFC 7959 Block1): a server that has room for 16 bytes in a message can write
whatever one with larger messages can."""
import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, agent, assert_downloads, peer, state_of, update
from lwm2m_client import FETCH, IPATCH, SENML_CBOR, SENML_JSON, decode, encode
from lwm2m_peer import BLOCK1, BLOCK2, POST, PUT, TEXT, TLV, uint

SIZE1, REQUEST_TAG = 60, 292
BODY_MAX = 8192


def block(peer, method, path, payload, form, number, exponent=0, tag=None, size=None, accept=None):
    """One block of `payload` as a message."""
    length = 16 << exponent
    part = payload[number * length:(number + 1) * length]
    message = peer.make_request(method, path, part, content_format=form, accept=accept)
    more = (number + 1) * length < len(payload)
    message.options.append((BLOCK1, uint(number << 4 | more << 3 | exponent)))
    if size is not None:
        message.options.append((SIZE1, uint(size)))
    if tag is not None:
        message.options.append((REQUEST_TAG, tag))
    return message


def in_blocks(peer, method, path, payload, form, **keywords):
    """The answer to the last block, or to the first one that is refused."""
    length = 16 << keywords.get("exponent", 0)
    for number in range(-(-len(payload) // length)):
        answer = peer.exchange(ENDPOINT, block(peer, method, path, payload, form, number, **keywords))
        assert answer.number(BLOCK1) >> 4 == number
        if answer.code_text != "2.31":
            return answer
    raise AssertionError("the last block was answered with 2.31")


@pytest.mark.parametrize("tag", [None, b"tag"])
def test_a_server_with_messages_of_16_bytes_updates_a_device(agent, peer, update, tag):
    agent()
    peer.files["fw/package"] = update
    uri = f"{peer.uri}/fw/package".encode()
    assert in_blocks(peer, PUT, "/5/0/1", uri, TEXT, tag=tag).code_text == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"


@pytest.mark.parametrize("exponent", [0, 2, 6])
def test_whatever_can_be_written_can_be_written_in_blocks(agent, peer, exponent):
    agent()

    def write(method, path, payload, form, **more):
        return in_blocks(peer, method, path, payload, form, exponent=exponent, **more).code_text

    spaces = b" " * 1500  # so that the largest blocks are not enough either
    senml = b'[{"bn":"/1/0/","n":"1","v":4711},{"n":"2","v":7},' + spaces + b'{"n":"3","v":60}]'
    assert write(POST, "/1/0", senml, SENML_JSON) == "2.04"
    assert [peer.read(ENDPOINT, f"/1/0/{r}") for r in (1, 2, 3)] == ["4711", "7", "60"]
    composite = b'[{"n":"/5/0/11","v":2},' + spaces + b'{"n":"/5/0/13","v":3600}]'
    assert write(IPATCH, "/", composite, SENML_JSON) == "2.04"
    assert (peer.read(ENDPOINT, "/5/0/11"), peer.read(ENDPOINT, "/5/0/13")) == ("2", "3600")
    lists = b'[{"bn":"/2/1/2/","n":"7","v":1},' + spaces + b'{"n":"310","v":31}]'
    assert write(PUT, "/2/1/2", lists, SENML_JSON) == "2.04"
    assert peer.read(ENDPOINT, "/2/1/2/310") == "31"
    paths = b'[{"n":"/3/0/3"},' + spaces + b'{"n":"/5/0/3"}]'
    answer = in_blocks(peer, FETCH, "/", paths, SENML_JSON, exponent=exponent, accept=SENML_CBOR)
    assert answer.code_text == "2.05"
    assert decode(SENML_CBOR, "/", answer.payload) == {"/3/0/3": "1.0.0", "/5/0/3": 0}
    everything = b'[{"n":"/1"},{"n":"/2"},{"n":"/3"},' + spaces + b'{"n":"/5"}]'
    answer = in_blocks(peer, FETCH, "/", everything, SENML_JSON, exponent=exponent)
    assert (answer.code_text, len(answer.payload), answer.number(BLOCK2) & 15) == ("2.05", 1024, 8 | 6)
    # What is refused in one message is so in several: here nothing of it is carried out.
    assert write(POST, "/1/0", senml.replace(b'"v":60', b'"v":-1'), SENML_JSON) == "4.00"
    assert write(IPATCH, "/", composite.replace(b"/5/0/13", b"/5/0/12"), SENML_JSON) == "4.05"


def test_blocks_that_come_twice_or_out_of_order(agent, peer):
    agent()
    payload = encode(SENML_CBOR, "/1/0", {1: 4711, 2: 5, 3: 60, 5: 7200})
    assert len(payload) > 32
    blocks = [block(peer, POST, "/1/0", payload, SENML_CBOR, number, tag=b"one") for number in range(-(-len(payload) // 16))]

    def answers(*numbers):
        return [peer.exchange(ENDPOINT, block(peer, POST, "/1/0", payload, SENML_CBOR, n, tag=b"one")).code_text for n in numbers]

    last = len(blocks) - 1
    assert answers(1) == ["4.08"], "nothing has begun"
    assert answers(0, last) == ["2.31", "4.08"]
    assert peer.read(ENDPOINT, "/1/0/1") == "86400"
    assert answers(0, 0, 1, 0, 1, *range(2, last), last) == ["2.31"] * (5 + last - 2) + ["2.04"]
    assert [peer.read(ENDPOINT, f"/1/0/{r}") for r in (1, 2, 3, 5)] == ["4711", "5", "60", "7200"]
    # The last one again, in a message of its own: answered as before, and not carried out once more.
    assert peer.write(ENDPOINT, "/1/0/1", "99") == "2.04"
    assert answers(last) == ["2.04"]
    assert peer.read(ENDPOINT, "/1/0/1") == "99"
    # Blocks of two requests: the first block of the second ends the first.
    other = encode(SENML_CBOR, "/5/0", {11: 2, 13: 3600}) + b""
    assert answers(0) == ["2.31"]
    assert peer.exchange(ENDPOINT, block(peer, POST, "/5/0", other, SENML_CBOR, 0)).code_text == "2.31"
    assert answers(1) == ["4.08"]
    assert peer.exchange(ENDPOINT, block(peer, POST, "/5/0", other, SENML_CBOR, 1)).code_text == "2.04"
    assert peer.read(ENDPOINT, "/5/0/11") == "2"


def test_more_than_there_is_room_for_is_4_13_and_says_how_much_there_is(agent, peer, update):
    agent()
    at_most = b'[{"n":"/1/0/1","v":4711}' + b" " * (BODY_MAX - 25) + b"]"
    assert len(at_most) == BODY_MAX
    assert in_blocks(peer, IPATCH, "/", at_most, SENML_JSON, exponent=6).code_text == "2.04"
    assert peer.read(ENDPOINT, "/1/0/1") == "4711"
    answer = in_blocks(peer, IPATCH, "/", at_most.replace(b"4711", b"12345"), SENML_JSON, exponent=6)
    assert (answer.code_text, answer.number(SIZE1)) == ("4.13", BODY_MAX)
    answer = in_blocks(peer, IPATCH, "/", at_most, SENML_JSON, size=BODY_MAX + 1)
    assert (answer.code_text, answer.number(BLOCK1) >> 4) == ("4.13", 0), "known from its first block"
    assert peer.read(ENDPOINT, "/1/0/1") == "4711"
    assert state_of(peer) == (IDLE, "0")
    assert_downloads(peer, update)
