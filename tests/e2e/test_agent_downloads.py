"""The agent's downloads: a bad network, a bad server, resets, restarts, memory."""
import os
import pathlib
import time

import pytest

from agent_kit import (BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, assert_downloads, flip, peer,
                       state_of, update)
from conftest import CLASS, make_package, program
from lwm2m_peer import BLOCK2, GET, OPAQUE, PUT, TEXT, Peer, code, uint


# ---- downloads ----

def test_a_package_is_downloaded_in_order_and_waits(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    assert peer.blocks_asked == list(range((len(update) + 1023) // 1024))
    status = made.status()
    assert (status["state"], status["result"], status["version"], status["package_version"], status["slot"],
            status["on_trial"]) == ("downloaded", 0, "1.0.0", "1.1.0", 0, False)
    assert peer.read(ENDPOINT, "/5/0/6") == CLASS
    assert int(peer.read(ENDPOINT, "/5/0/12")) == pytest.approx(time.time(), abs=30)
    # No URI is taken in this state, and the package stays.
    assert peer.offer(ENDPOINT, b"") == "4.00"
    assert state_of(peer) == (DOWNLOADED, "0")


def test_a_bad_network_only_makes_it_slower(agent, peer, update):
    """Blocks lost on either way, duplicated, and delayed past the next one."""
    agent()
    counts = {"in": 0, "out": 0}

    def network(direction, message):
        if message.code not in (GET, code("2.05")):
            return [0]
        counts[direction] += 1
        number = counts[direction]
        if number in (7, 150):
            return []
        if number % 5 == 0:
            return [0, 0.02]
        return [0.01] if number % 11 == 0 else [0]

    peer.network = network
    assert_downloads(peer, update, 60)


@pytest.mark.parametrize("fault", ["number", "short", "long", "later", "szx"])
def test_blocks_that_were_not_asked_for_are_asked_for_again(agent, peer, update, fault):
    agent()
    done = []

    def spoil(number, reply):
        if number != 5 or done:
            return reply
        done.append(number)
        options = dict(reply.options)
        if fault == "number":
            options[BLOCK2] = uint(4 << 4 | 8 | 6)
        elif fault == "later":
            options[BLOCK2] = uint(6 << 4 | 8 | 6)
        elif fault == "szx":
            options[BLOCK2] = uint(5 << 4 | 8 | 7)
        elif fault == "short":
            reply.payload = reply.payload[:1000]
        else:
            reply.payload += b"more"
        reply.options = sorted(options.items())
        return reply

    peer.block_hook = spoil
    assert_downloads(peer, update)
    assert done and peer.blocks_asked.count(5) == 2


def test_a_smaller_block_size_of_the_server_is_followed(agent, peer, tmp_path, keys):
    agent()
    package = make_package(tmp_path, keys, "1.1.0", 6, BIG_IMAGE[:20000], "--compress", "none").read_bytes()
    asked = []

    def want_64_bytes(message, address):
        if message.code == GET:
            asked.append(message.number(BLOCK2) & 7)
            message.options = [(n, uint(message.number(BLOCK2) >> 4 << 4 | 2) if n == BLOCK2 else v)
                               for n, v in message.options]

    peer.request_hook = want_64_bytes
    assert_downloads(peer, package)
    assert asked[0] == 6 and set(asked[1:]) == {2}
    assert peer.blocks_asked == list(range((len(package) + 63) // 64))


def test_another_etag_in_mid_download_begins_anew(agent, peer, update, tmp_path, keys):
    agent()
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes()

    def swap(number, reply):
        if number == 20:
            peer.files["fw/package"] = other
        return reply

    peer.block_hook = swap
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.read(ENDPOINT, "/5/0/7") == "1.2.0"
    assert peer.blocks_asked.count(0) == 2


def test_a_server_restart_in_mid_download_is_survived(agent, peer, update):
    agent()
    peer.block_hook = lambda number, reply: reply if number < 40 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 40 in peer.blocks_asked, 60, "the download")
    peer.go_away()
    time.sleep(1)
    peer.block_hook = lambda number, reply: reply
    peer.come_back()
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert peer.blocks_asked.count(0) == 1, "it went on where it was"
    assert peer.read(ENDPOINT, "/5/0/5") == "0"


def test_a_package_may_lie_on_another_host_which_has_no_say(agent, peer, update):
    agent()
    other = Peer()
    try:
        other.files["cdn/package"] = update
        probe = other.make_request(GET, "/3/0/3", accept=TEXT)
        other.request_hook = lambda message, address: (
            other.travel("out", probe, address) if message.number(BLOCK2) >> 4 == 3 else None)
        assert peer.write(ENDPOINT, "/5/0/1", f"{other.uri}/cdn/package") == "2.04"
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
        assert other.blocks_asked and not peer.blocks_asked
        assert other.wait_for(lambda: other.answer_to(probe), 60, "the answer").code_text == "4.01"
    finally:
        other.close()


def test_a_download_without_progress_ends_with_result_4(agent, peer, update):
    made = agent("--download-patience", "2")
    peer.block_hook = lambda number, reply: reply if number < 10 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert peer.read(ENDPOINT, "/5/0/5") == "4"
    assert "no new block for 2 s" in peer.read(ENDPOINT, "/26241/0/0")
    assert made.status()["result"] == 4


# ---- resets and cancels ----

@pytest.mark.parametrize("where", [DOWNLOADING, DOWNLOADED])
@pytest.mark.parametrize("how", ["empty_uri", "nul_package", "cancel"])
def test_a_reset_or_cancel_leads_to_idle_and_the_next_update_begins_anew(agent, peer, update, where, how):
    made = agent()
    if where == DOWNLOADING:
        peer.block_hook = lambda number, reply: reply if number < 50 else None
        assert peer.offer(ENDPOINT, update) == "2.04"
        peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the download")
    else:
        assert_downloads(peer, update)
    later = []
    peer.request_hook = lambda message, address: later.append((message.path, message.number(BLOCK2)))
    if how == "empty_uri":
        assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    elif how == "nul_package":
        assert peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text == "2.04"
    else:
        assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10" if how == "cancel" else "0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    with open(made.state / "slot1.img", "rb") as slot:
        assert not any(slot.read(32)), "the header that makes the package bootable is still there"
    if how != "cancel":
        assert peer.read(ENDPOINT, "/5/0/1") == ""
    peer.block_hook = lambda number, reply: reply
    peer.offer(ENDPOINT, update, "fw/again")
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    old = {block >> 4 for path, block in later if path == "/fw/package"}
    assert old <= {50}, "the old download went on"


def test_a_reset_in_idle_clears_the_result(agent, peer):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    assert state_of(peer) == (IDLE, "7")
    assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    assert state_of(peer) == (IDLE, "0")
    assert peer.read(ENDPOINT, "/26241/0/0") == ""


# ---- restarts ----

def test_state_result_and_reason_survive_a_restart(agent, peer, update):
    made = agent()
    peer.offer(ENDPOINT, flip(update, len(update) // 2))
    peer.poll(ENDPOINT, "/5/0/5", "5")
    reason = peer.read(ENDPOINT, "/26241/0/0")
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "5")
    assert peer.read(ENDPOINT, "/26241/0/0") == reason


def test_a_downloaded_package_survives_kill_9_and_can_be_executed(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


def test_a_downloaded_package_that_was_damaged_meanwhile_is_result_5(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    made.kill()
    with open(made.state / "slot1.img", "r+b") as slot:
        slot.seek(60000)
        byte = slot.read(1)
        slot.seek(60000)
        slot.write(bytes([byte[0] ^ 1]))
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "5")
    assert peer.read(ENDPOINT, "/26241/0/0")


def test_kill_9_in_mid_download_begins_it_again_but_not_for_ever(agent, peer, update):
    made = agent()
    peer.block_hook = lambda number, reply: reply if number < 30 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    for begun in range(1, 8):
        peer.wait_for(lambda: peer.blocks_asked.count(0) == begun, 60, "the download")
        made.kill()
        made.begin()
    peer.wait_for(lambda: peer.blocks_asked.count(0) == 8, 60, "the eighth download")
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"

    peer.block_hook = lambda number, reply: reply if number < 30 else None
    peer.forget_blocks()
    assert peer.offer(ENDPOINT, update) == "2.04"
    for begun in range(1, 9):
        peer.wait_for(lambda: peer.blocks_asked.count(0) == begun, 60, "the download")
        made.kill()
        peer.forget()
        made.begin()
    peer.registered(ENDPOINT)
    assert state_of(peer) == (IDLE, "4")
    assert "begun 8 times" in peer.read(ENDPOINT, "/26241/0/0")


def test_a_damaged_state_file_is_begun_anew(agent, peer):
    made = agent()
    made.kill()
    file = made.state / "agent.state"
    file.write_bytes(flip(file.read_bytes(), 20))
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "0")
    assert "damaged" in peer.read(ENDPOINT, "/26241/0/0")


# ---- memory ----

def anonymous_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise AssertionError("smaps_rollup has no Anonymous line")


def test_memory_stays_small_at_rest_and_at_work(agent, peer, tmp_path, keys, record_property):
    if any(word in str(program("kedge-agent")) for word in ("asan", "emulated")):
        pytest.skip("a sanitizer, and an emulator, has memory of its own")
    made = agent()
    pid = made.process.process.pid
    peer.read(ENDPOINT, "/5/0/3")
    rest = anonymous_kib(pid)
    image = os.urandom(1 << 20) + bytes(1 << 20)
    package = make_package(tmp_path, keys, "1.1.0", 6, image).read_bytes()
    work = []
    peer.block_hook = lambda number, reply: (work.append(anonymous_kib(pid)) if number % 64 == 0 else None, reply)[1]
    assert_downloads(peer, package, 60)
    work.append(anonymous_kib(pid))
    print(f"anonymous memory: {rest} KiB at rest, {max(work)} KiB at work")
    record_property("anonymous_kib_at_rest", rest)
    record_property("anonymous_kib_at_work", max(work))
    assert rest <= 2048
    assert max(work) <= 4096
