"""A server that lies, stalls, refuses or talks nonsense, and strangers who do: each ends in the right State and
Result, and the next update works."""
import os
import random
import socket
import time

import pytest

from agent_kit import BIG_IMAGE, DOWNLOADED, ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, state_of, update
from conftest import make_package, wait_until
from lwm2m_peer import ACK, BLOCK2, CON, CONTENT_FORMAT, ETAG, GET, MAX_AGE, NON, PUT, RST, SIZE2, Message, code, uint
from test_agent_keys import by_certificate, certified
from test_dtls import Authority, CertifiedServer, authority
from test_update import upload

_ = certified, authority  # fixtures


@pytest.fixture
def small(tmp_path, keys) -> bytes:
    """A package of eight blocks."""
    return make_package(tmp_path, keys, "1.1.0", 6, BIG_IMAGE[:7000], "--compress", "none").read_bytes()


def with_option(reply: Message, number: int, value: bytes) -> Message:
    reply.options = sorted([option for option in reply.options if option[0] != number] + [(number, value)])
    return reply


# ---- sizes ----

def test_a_size_that_no_package_for_this_slot_has_is_refused_before_bulk_data(agent, peer, update):
    agent()
    peer.block_hook = lambda number, reply: with_option(reply, SIZE2, uint(2**32 - 1))
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "2", 60)
    assert state_of(peer) == (IDLE, "2") and max(peer.blocks_asked) == 0
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, update)


@pytest.mark.parametrize("told", [1, 100, 2000], ids=["one_byte", "less_than_a_block", "too_few"])
def test_a_size_that_is_a_lie_is_not_believed(agent, peer, update, told):
    """Neither as the end nor for the budget; what fits is known from the authentic manifest."""
    agent()
    peer.block_hook = lambda number, reply: with_option(reply, SIZE2, uint(told))
    assert_downloads(peer, update)


def test_a_download_without_end_is_refused_where_the_package_ends(agent, peer, small):
    """Every block says that more follow."""
    agent()
    endless = small + bytes(1024)
    def never_last(number, reply):
        reply.payload = reply.payload.ljust(1024, b"\0")
        return with_option(reply, BLOCK2, uint(number << 4 | 8 | 6))
    peer.block_hook = never_last
    assert peer.offer(ENDPOINT, endless) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "5", 60)
    assert max(peer.blocks_asked) <= len(small) // 1024 + 1
    peer.block_hook = lambda number, reply: reply
    assert peer.offer(ENDPOINT, small, "fw/good") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)


def test_an_end_that_comes_too_early_is_result_5(agent, peer, update):
    agent()
    def last(number, reply):
        return with_option(reply, BLOCK2, uint(number << 4 | 6)) if number == 30 else reply
    peer.block_hook = last
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "5", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, update)


# ---- what it serves ----

def test_an_etag_that_changes_all_the_time_ends_it(agent, peer, update):
    agent()
    peer.block_hook = lambda number, reply: with_option(reply, ETAG, os.urandom(8))
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "4", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert "keeps changing" in peer.read(ENDPOINT, "/26241/0/0")
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, update)


def test_blocks_of_two_packages_mixed_under_one_etag_are_result_5(agent, peer, update, tmp_path, keys):
    agent()
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes()
    def mix(number, reply):
        if number >= 60:
            reply.payload = other[number * 1024:number * 1024 + len(reply.payload)]
        return reply
    peer.block_hook = mix
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "5", 60)
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, update)


@pytest.mark.parametrize("form", [0, 50, 60, 65000], ids=["text", "json", "cbor", "unknown"])
def test_what_a_package_is_called_makes_it_neither_better_nor_worse(agent, peer, update, form):
    """A package proves itself by its signature, whatever Content-Format it comes in."""
    agent()
    peer.block_hook = lambda number, reply: with_option(reply, CONTENT_FORMAT, uint(form))
    assert_downloads(peer, update)


def test_a_pushed_package_in_an_unknown_content_format_is_4_15(agent, peer, update):
    agent()
    for form in (50, 60, 65000):
        assert peer.request(ENDPOINT, PUT, "/5/0/0", update[:512], content_format=form).code_text == "4.15"
    assert state_of(peer) == (IDLE, "0")
    assert_downloads(peer, update)


def test_a_critical_option_that_nobody_knows_makes_a_block_no_answer(agent, peer, small):
    """RFC 7252 section 5.4.1. Option 65003 is critical, and for experiments."""
    agent("--download-patience", "6")
    peer.block_hook = lambda number, reply: with_option(reply, 65003, b"x") if number == 3 else reply
    assert peer.offer(ENDPOINT, small) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "4", 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, small)


# ---- refusals ----

@pytest.mark.parametrize("refusal, result", [
    ("4.00", "7"), ("4.01", "7"), ("4.03", "7"), ("4.04", "7"), ("4.05", "7"), ("4.06", "7"), ("2.03", "7"), ("2.04", "7"),
    ("3.01", "7"), ("4.29", "4"), ("5.00", "4"), ("5.01", "4"), ("5.02", "4"), ("5.03", "4"), ("5.05", "4")])
@pytest.mark.parametrize("where", [0, 5], ids=["first_block", "later_block"])
def test_a_refused_block_has_its_result(agent, peer, small, refusal, result, where):
    """What may pass by itself is asked for again as long as there is patience; the rest is about the URI. CoAP has no
    redirects; a class of codes that it does not define is no answer to what was asked."""
    agent("--download-patience", "5")
    peer.block_hook = lambda number, reply: Message(ACK, code(refusal), 0) if number == where else reply
    assert peer.offer(ENDPOINT, small) == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", result, 60)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert peer.read(ENDPOINT, "/26241/0/0")
    peer.block_hook = lambda number, reply: reply
    assert_downloads(peer, small)


def test_a_server_in_trouble_for_a_moment_costs_nothing_but_time(agent, peer, small):
    agent()
    troubled = []
    def once(number, reply):
        if number in troubled:
            return reply
        troubled.append(number)
        return Message(ACK, code("5.03"), 0)
    peer.block_hook = once
    assert_downloads(peer, small, 60)
    assert len(troubled) == len(range(0, len(small), 1024))


@pytest.mark.parametrize("refusal", ["5.03", "4.29"])
def test_a_busy_server_is_not_asked_before_the_time_that_it_names(agent, peer, small, refusal):
    """Max-Age of RFC 7252 section 5.9.3.4 and of RFC 8516; by itself the agent asks again after half a second."""
    agent()
    asked_at_s = []

    def busy(number, reply):
        if number != 5:
            return reply
        asked_at_s.append(time.monotonic())
        return reply if len(asked_at_s) > 1 else Message(ACK, code(refusal), 0, options=[(MAX_AGE, uint(6))])
    peer.block_hook = busy
    assert_downloads(peer, small, 60)
    assert len(asked_at_s) == 2 and asked_at_s[1] - asked_at_s[0] >= 6


# ---- stalls ----

def test_a_server_that_stalls_at_each_block_is_waited_for(agent, peer, small):
    """Longer altogether than the patience, which is for one block."""
    agent("--download-patience", "10")
    stalled = []
    def stall(number, reply):
        if number in stalled:
            return reply
        stalled.append(number)
        return None  # the repetition, 2 to 3 s later, is answered
    peer.block_hook = stall
    begin = time.monotonic()
    assert_downloads(peer, small, 120)
    assert time.monotonic() - begin > 12
    assert len(stalled) == len(range(0, len(small), 1024))


# ---- nonsense ----

def garbage(seed: int, valid: bytes) -> list:
    """300 datagrams: noise, and a message that is cut, grown or changed in a few places."""
    noise = random.Random(seed)
    made = [bytes(noise.randrange(256) for _ in range(noise.randrange(1, 120))) for _ in range(100)]
    made += [valid[:noise.randrange(1, len(valid))] for _ in range(50)]
    made += [valid + bytes(noise.randrange(256) for _ in range(noise.randrange(1, 40))) for _ in range(50)]
    for _ in range(100):
        changed = bytearray(valid)
        for _ in range(noise.randrange(1, 4)):
            changed[noise.randrange(len(changed))] = noise.randrange(256)
        made.append(bytes(changed))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_malformed_datagrams_from_the_servers_address_are_survived(agent, peer, update, seed):
    """Between the blocks of a download, each once: libcoap takes an Abort (7.05) by UDP for one of TCP, which costs the
    block that is on its way a repetition. None of them is a request that could do something: they read."""
    made = agent()
    read = peer.make_request(GET, "/3/0/3", accept=0)
    block = Message(NON, code("2.05"), 7, b"nobody's", [(BLOCK2, uint(8 | 6))], b"x" * 64)
    datagrams = garbage(seed, read.encode()) + garbage(seed + 100, block.encode())
    address = peer.registered(ENDPOINT).address
    def spray(number, reply):
        if peer.blocks_asked.count(number) == 1:
            for datagram in datagrams[number * 3:number * 3 + 3]:
                peer.inject(datagram, address)
        return reply
    peer.block_hook = spray
    assert peer.offer(ENDPOINT, update) == "2.04"
    # Asked on its own socket: a question by the wire may be what an Abort takes along.
    wait_until(lambda: made.status()["state"] == "downloaded", 120, "the download")
    assert made.process.process.poll() is None
    peer.block_hook = lambda number, reply: reply
    def answers():
        """One of the datagrams may have had the message id of a question: that is a duplicate then, and asked anew."""
        try:
            return state_of(peer) == (DOWNLOADED, "0") and peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
        except AssertionError:
            return False
    wait_until(answers, 240, "an answer")


@pytest.mark.parametrize("kind", [ACK, RST, CON, NON])
def test_answers_to_nothing_change_nothing(agent, peer, update, kind):
    """Right in form, from the right address, with a token or a message id that nobody waits for."""
    agent()
    address = peer.registered(ENDPOINT).address
    asked = []
    peer.request_hook = lambda message, _: asked.append(message.message_id)

    def nobodys_id() -> int:
        """An ACK and a Reset have one of the agent's own, half the circle away from those in use; the rest have the server's."""
        return asked[-1] ^ 0x8000 if kind in (ACK, RST) else peer.new_message_id()

    def forge(number, reply):
        for token in (b"", b"12345678"):
            peer.travel("out", Message(kind, 0 if kind == RST else code("2.05"), nobodys_id(), b"" if kind == RST else token,
                                       [] if kind == RST else [(BLOCK2, uint(number << 4 | 8 | 6))],
                                       b"" if kind == RST else b"y" * 1024), address)
        return reply
    peer.block_hook = forge
    assert_downloads(peer, update, 120)


def test_strangers_do_not_reach_the_agent(agent, peer, update):
    """Its socket is connected to the server: what comes from elsewhere is the kernel's to drop."""
    made = agent()
    address = peer.registered(ENDPOINT).address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.settimeout(2)
        for datagram in garbage(7, peer.make_request(GET, "/3/0/3").encode()):
            stranger.sendto(datagram, address)
        stranger.sendto(peer.make_request(PUT, "/5/0/1", b"coap://127.0.0.1/stolen", content_format=0).encode(), address)
        with pytest.raises((TimeoutError, ConnectionRefusedError)):
            stranger.recv(1500)
    assert state_of(peer) == (IDLE, "0")
    assert_downloads(peer, update)
    assert "stolen" not in made.process.log


# ---- a server that is not the one ----

def test_a_package_on_a_host_with_a_wrong_certificate_is_not_fetched(certified, device, keys, tmp_path, authority, start):
    """The LwM2M server is the right one; the host that the Package URI names has a certificate of another CA."""
    other = CertifiedServer(start, tmp_path / "other", Authority(tmp_path, "other"))
    made = Agent(start, tmp_path, keys, certified.coaps_uri, "--download-patience", "5",
                 *map(str, by_certificate(authority, ENDPOINT)))
    wait_until(lambda: [d for d in certified.json("device", "list")["devices"] if d["registered"]], 60, "the device")
    done = certified.kedge("device", "write", ENDPOINT, "/5/0/1", f"{other.coaps_uri}/fw/{'0' * 64}")
    assert done.returncode == 0
    wait_until(lambda: made.status()["result"] == 4, 120, "its end")
    assert made.status()["state"] == "idle"
    assert not [d for d in other.json("device", "list")["devices"] if d["registered"]]
    package = upload(certified, keys, make_package(tmp_path, keys, "1.1.0", 6))
    done = certified.kedge("rollout", "create", "--name", "next", "--package", package, "--all", "--start")
    assert done.returncode == 0, done.stderr
    made.process.wait_for("slot 1 is to run on trial", timeout=120)
    assert (made.status()["state"], made.status()["package_version"]) == ("updating", "1.1.0")
