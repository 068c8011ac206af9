"""Object 5 to the letter, by a server that tries everything in every State; and Update Results that no other test has."""
import time
from base64 import b64encode

import pytest

from agent_kit import (BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, UPDATING, Agent, agent, assert_downloads, peer,
                       state_of, update)
from conftest import make_package
from lwm2m_peer import BLOCK1, GET, OPAQUE, PUT, TEXT, TLV, tlv, uint
from shims import WallClock, preloaded
from test_agent_http import arrives, offer, web
from test_agent_updates import assert_ends, booted, download_and_execute

REBOOT = 75


def push(peer, body: bytes, size: int = 1024) -> str:
    """Writes a Package in blocks as a server does that knows no Request-Tag; the code of the last answer."""
    code = "2.31"
    for number in range((len(body) + size - 1) // size):
        piece, more = body[number * size:(number + 1) * size], (number + 1) * size < len(body)
        message = peer.make_request(PUT, "/5/0/0", piece, content_format=OPAQUE)
        message.options.append((BLOCK1, uint(number << 4 | (8 if more else 0) | 6)))
        code = peer.exchange(ENDPOINT, message).code_text
        if code != "2.31":
            break
    return code


def nul(peer) -> str:
    return peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text


# ---- every operation in every State ----

def test_what_is_written_in_downloading_and_does_not_belong_there_changes_nothing(agent, peer, update):
    agent()
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the download")
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/other") == "4.00"
    assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
    assert peer.write(ENDPOINT, "/5/0/1", "no uri") == "4.00"
    assert push(peer, update) == "4.00"
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert state_of(peer) == (DOWNLOADING, "0")
    assert peer.read(ENDPOINT, "/5/0/1") == f"{peer.uri}/fw/package"
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


def test_a_package_that_waits_is_replaced_after_a_reset_and_not_before(agent, peer, update, tmp_path, keys):
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE).read_bytes()
    made = agent()
    assert_downloads(peer, update)
    peer.files["fw/other"] = other
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/other") == "4.00"
    assert push(peer, other) == "4.00"
    assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
    assert state_of(peer) == (DOWNLOADED, "0") and peer.read(ENDPOINT, "/26241/0/0") == ""
    assert (peer.read(ENDPOINT, "/5/0/7"), made.status()["slot1_version"]) == ("1.1.0", "1.1.0")
    assert nul(peer) == "2.04"
    assert state_of(peer) == (IDLE, "0") and made.status()["slot1_version"] == ""
    assert push(peer, other) == "2.04"
    assert state_of(peer) == (DOWNLOADED, "0")
    assert (peer.read(ENDPOINT, "/5/0/7"), peer.read(ENDPOINT, "/5/0/1")) == ("1.2.0", "")


def test_nothing_that_a_server_does_ends_an_update_that_has_begun(agent, peer, update, tmp_path):
    go = tmp_path / "go"
    made = agent("--hook-pre-install", f"until test -e {go}; do sleep 0.05; done", "--hook-timeout", "600")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    changed_at = peer.read(ENDPOINT, "/5/0/12")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert peer.execute(ENDPOINT, "/5/0/10") == "4.05"
    assert peer.write(ENDPOINT, "/5/0/1", "") == "4.05"
    assert nul(peer) == "4.05"
    assert push(peer, update) == "4.05"
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/package") == "4.00"
    assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
    assert state_of(peer) == (UPDATING, "0")
    assert (peer.read(ENDPOINT, "/5/0/7"), peer.read(ENDPOINT, "/5/0/12")) == ("1.1.0", changed_at)
    go.touch()
    assert made.process.process.wait(60) == REBOOT


def test_the_two_resets_and_a_cancel_in_idle(agent, peer):
    agent()
    for way in (lambda: peer.write(ENDPOINT, "/5/0/1", ""), lambda: nul(peer)):
        assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
        assert state_of(peer) == (IDLE, "9")
        assert peer.execute(ENDPOINT, "/5/0/10") == "4.05"
        assert state_of(peer) == (IDLE, "9"), "a Cancel that is refused changes nothing"
        assert way() == "2.04"
        assert state_of(peer) == (IDLE, "0")


def test_a_canceled_update_can_be_had_again(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10") and peer.read(ENDPOINT, "/26241/0/0") == "it was canceled"
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == REBOOT


# ---- Last State Change Time ----

def test_last_state_change_time_is_that_of_each_change_of_state_alone(start, tmp_path, keys, peer, update):
    clock = WallClock(start, tmp_path)

    def year_of_change() -> int:
        return time.localtime(int(peer.read(ENDPOINT, "/5/0/12"))).tm_year

    clock.set_year(2030)
    Agent(clock.start, tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT)
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the download")
    assert year_of_change() == 2030
    clock.set_year(2031)
    assert year_of_change() == 2030, "nothing has changed"
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert year_of_change() == 2031
    clock.set_year(2032)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert year_of_change() == 2032
    clock.set_year(2033)
    assert peer.write(ENDPOINT, "/5/0/1", "ftp://host/fw") == "4.00"
    assert state_of(peer) == (IDLE, "9") and year_of_change() == 2032, "Result has changed, State has not"
    assert nul(peer) == "2.04"
    assert year_of_change() == 2032


def test_last_state_change_time_after_a_trial_is_that_of_its_end(booted, peer, update):
    made = booted(health="true")
    download_and_execute(peer, update)
    status = assert_ends(peer, made, IDLE, 1, "1.1.0", 60)
    assert int(peer.read(ENDPOINT, "/5/0/12")) == status["changed_at"] == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("text, code", [
    (b64encode(b"\0"), "2.04"), (b"AA==\n", "4.00"), (b"\0", "4.00"), (b"AA=", "4.00"), (b"A\x80==", "4.00"), (b"A===", "4.00")])
def test_the_package_as_text_is_base64_and_nothing_else(agent, peer, update, text, code):
    """LwM2M Core 1.1, section 7.4.1: so a NUL is `AA==`, which resets, and what is no base64 changes nothing."""
    agent()
    assert_downloads(peer, update)
    assert peer.request(ENDPOINT, PUT, "/5/0/0", text, content_format=TEXT).code_text == code
    assert state_of(peer) == ((IDLE, "0") if code == "2.04" else (DOWNLOADED, "0"))


# ---- OMA's tests of firmware update, as far as no other file has them ----

def test_oma_751_what_is_readable(agent, peer):
    agent()
    values = tlv(peer.request(ENDPOINT, GET, "/5/0", accept=TLV).payload)
    assert {number for _, number, _ in values} == {1, 3, 5, 6, 7, 8, 9, 11, 12}
    assert state_of(peer) == (IDLE, "0")


def test_oma_755_writing_the_package(agent, peer, update):
    agent()
    assert nul(peer) == "2.04"
    assert state_of(peer) == (IDLE, "0")
    assert push(peer, update) == "2.04"
    assert state_of(peer) == (DOWNLOADED, "0")
    assert (peer.read(ENDPOINT, "/5/0/6"), peer.read(ENDPOINT, "/5/0/7")) == ("board-a", "1.1.0")


def test_oma_760_observing_state(agent, peer, update):
    agent()
    assert peer.attach(ENDPOINT, "/5/0/3", "pmin=2", "pmax=10") == "2.04"
    state = peer.observe(ENDPOINT, "/5/0/3")
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: DOWNLOADED in state.values, 60, "the notification")
    assert state.values[-1] == DOWNLOADED == peer.read(ENDPOINT, "/5/0/3")


def test_oma_774_out_of_memory(start, tmp_path, keys, peer, web):
    short = tmp_path / "short"
    Agent(preloaded(start, "memory_shim", tmp_path, KEDGE_TEST_MEMORY=str(short)), tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT)
    short.touch()
    offer(peer, web)
    peer.poll(ENDPOINT, "/5/0/5", "3", 60)
    assert state_of(peer) == (IDLE, "3") and peer.read(ENDPOINT, "/26241/0/0") == "out of memory"
    assert not web.requests
    short.unlink()
    offer(peer, web)
    arrives(peer)


def test_oma_779_an_installation_that_fails(booted, peer, update):
    made = booted("--hook-pre-install", "exit 1", health="true")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert state_of(peer) == (DOWNLOADED, "8")
    assert (peer.read(ENDPOINT, "/3/0/3"), made.status()["version"]) == ("1.0.0", "1.0.0")
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10")


def test_a_switch_that_cannot_be_written_is_result_8_and_the_package_stays(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    with open(made.state / "slot1.img", "r+b") as slot:  # so that it does not verify when it is to be switched to
        slot.seek(100000)
        byte = slot.read(1)
        slot.seek(100000)
        slot.write(bytes([byte[0] ^ 1]))
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert state_of(peer) == (DOWNLOADED, "8")
    assert peer.read(ENDPOINT, "/26241/0/0") == "a digest does not match"
    with open(made.state / "slot1.img", "r+b") as slot:
        slot.seek(100000)
        slot.write(byte)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == REBOOT
