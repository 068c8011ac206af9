"""A download that was cut short by a restart goes on where it can be gone on with, and is never another image."""
import io
import signal
import zlib

import cbor2
import pytest

from agent_kit import (BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, flip, peer, state_of,  # noqa: F401
                       update)
from conftest import make_package, wait_until
from lwm2m_peer import ACK, ETAG, Message

FRAME = 32768
SLOT_IMAGE_AT = 12288  # where the image begins in a slot file
URI, ETAG_KEY, MANIFEST, OFFSET, ENCODED_OFFSET, IMAGE_OFFSET, FRAME_DIGEST, IMAGE_DIGEST, FURTHEST, HEAD = range(1, 11)


def kept(made) -> dict:
    """What the agent keeps of its download; {} for nothing."""
    file = made.state / "agent.download"
    if not file.exists():
        return {}
    record = file.read_bytes()
    assert record[:4] == b"KDL1" and zlib.crc32(record[:-4]) == int.from_bytes(record[-4:], "big")
    return cbor2.load(io.BytesIO(record[4:-4]))


def put(made, fields: dict):
    record = b"KDL1" + cbor2.dumps(fields)
    (made.state / "agent.download").write_bytes(record + zlib.crc32(record).to_bytes(4, "big"))


def stall_at(peer, block: int):
    peer.block_hook = lambda number, reply: reply if number < block else None


def fall_silent_at(peer, block: int):
    """Takes the requests for that block and those after it, and answers none. One that nobody takes is repeated, and holds
    up what is asked after it (NSTART of RFC 7252 section 4.7): up to half a minute, which the next download has not."""
    peer.block_hook = lambda number, reply: reply if number < block else Message(ACK, 0, 0)


def go_on(peer):
    peer.block_hook = lambda number, reply: reply


def download_until(made, peer, block: int, frames: int = 1):
    """Lets a download come to `block`, with `frames` of them kept."""
    peer.wait_for(lambda: block in peer.blocks_asked, 60, f"block {block}")
    wait_until(lambda: kept(made).get(IMAGE_OFFSET, 0) >= frames * FRAME, what=f"{frames} frames to be kept")


def begin(made, peer, package: bytes, block: int = 60):
    stall_at(peer, block)
    assert peer.offer(ENDPOINT, package) == "2.04"
    download_until(made, peer, block)


def restart(made, peer, how: int = signal.SIGKILL):
    """A device that was switched off, or whose agent was; forgets which blocks were asked for before."""
    made.process.stop(how)
    point = kept(made)
    peer.forget_blocks()
    peer.forget()
    made.begin()
    return point


def assert_completes(made, peer, image: bytes, version: str = "1.1.0"):
    peer.registered(ENDPOINT, 120)  # a first message that is lost is sent again after a while
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.read(ENDPOINT, "/5/0/7") == version
    assert not kept(made), "it is over: there is nothing to go on with"
    slot = (made.state / "slot1.img").read_bytes()
    assert slot[SLOT_IMAGE_AT:SLOT_IMAGE_AT + len(image)] == image
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(60) == 75


def assert_went_on(peer, point: dict, package: bytes):
    """It asked for what was missing, once, and for nothing else."""
    assert sorted(set(peer.blocks_asked)) == list(range(point[OFFSET] // 1024, (len(package) + 1023) // 1024))


# ---- it goes on ----

@pytest.mark.parametrize("block", [34, 100, 255])
def test_after_kill_9_it_goes_on_at_the_last_point_that_was_kept(agent, peer, update, block):
    made = agent()
    begin(made, peer, update, block)
    point = restart(made, peer)
    assert point[IMAGE_OFFSET] % FRAME == 0 and FRAME <= point[IMAGE_OFFSET] <= block * 1024
    peer.wait_for(lambda: block in peer.blocks_asked, 60, "the download")
    assert state_of(peer) == (DOWNLOADING, "0")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0", "the head is known already"
    go_on(peer)
    assert_completes(made, peer, BIG_IMAGE)
    assert_went_on(peer, point, update)


@pytest.mark.parametrize("how", ["SIGTERM", "reboot"])
def test_an_agent_that_is_told_to_end_loses_less_than_a_frame(agent, peer, update, how):
    made = agent()
    begin(made, peer, update, 200)
    if how == "reboot":
        assert peer.execute(ENDPOINT, "/3/0/4") == "2.04"
        assert made.process.process.wait(60) == 75
    point = restart(made, peer, signal.SIGTERM)
    assert point[IMAGE_OFFSET] == 6 * FRAME
    go_on(peer)
    assert_completes(made, peer, BIG_IMAGE)
    assert_went_on(peer, point, update)


def test_it_may_be_cut_as_often_as_it_likes_if_it_gets_on(agent, peer, tmp_path, keys):
    image = bytes(range(256)) * 128 * 12
    package = make_package(tmp_path, keys, "1.1.0", 6, image, "--compress", "none").read_bytes()
    made = agent()
    begin(made, peer, package, 33)
    for frames in range(2, 12):
        stall_at(peer, 33 * frames)
        restart(made, peer)
        download_until(made, peer, 33 * frames, frames)
    restart(made, peer)
    go_on(peer)
    assert_completes(made, peer, image)


def test_a_download_whose_way_was_lost_goes_on_when_it_is_offered_again(agent, peer, update):
    made = agent("--download-patience", "6")
    fall_silent_at(peer, 100)
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert state_of(peer) == (IDLE, "4")
    point = kept(made)
    assert point[IMAGE_OFFSET] == 3 * FRAME
    go_on(peer)
    peer.forget_blocks()
    assert peer.offer(ENDPOINT, update) == "2.04"
    assert_completes(made, peer, BIG_IMAGE)
    assert_went_on(peer, point, update)


def test_compressed_frames_are_gone_on_with_too(agent, peer, tmp_path, keys):
    import random
    image = b"".join(random.Random(place).randbytes(8192) * 4 for place in range(8))
    package = make_package(tmp_path, keys, "1.1.0", 6, image).read_bytes()
    assert len(package) < len(image) / 2
    made = agent()
    begin(made, peer, package, 40)
    point = restart(made, peer)
    go_on(peer)
    assert_completes(made, peer, image)
    assert_went_on(peer, point, package)


# ---- it begins anew ----

def test_another_package_at_the_same_place_is_begun_anew(agent, peer, update, tmp_path, keys):
    made = agent()
    begin(made, peer, update)
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes()
    point = restart(made, peer)
    peer.files["fw/package"] = other
    go_on(peer)
    assert_completes(made, peer, BIG_IMAGE[::-1], "1.2.0")
    assert 0 in peer.blocks_asked
    assert point


def test_the_same_image_signed_again_is_another_package(agent, peer, update, tmp_path, keys):
    """Its frames are the same, so that nothing but the entity tag tells."""
    made = agent()
    begin(made, peer, update)
    again = make_package(tmp_path, keys, "1.3.0", 8, BIG_IMAGE, "--compress", "none").read_bytes()
    restart(made, peer)
    peer.files["fw/package"] = again
    go_on(peer)
    assert_completes(made, peer, BIG_IMAGE, "1.3.0")


def test_a_shorter_package_at_the_same_place_is_begun_anew(agent, peer, update, tmp_path, keys):
    made = agent()
    begin(made, peer, update, 200)
    other = make_package(tmp_path, keys, "1.2.0", 7, b"tiny" * 1000).read_bytes()
    restart(made, peer, signal.SIGTERM)
    peer.files["fw/package"] = other
    go_on(peer)
    assert_completes(made, peer, b"tiny" * 1000, "1.2.0")


def test_without_entity_tags_nothing_is_kept(agent, peer, update):
    made = agent()

    def untagged(number, reply):
        reply.options = [(option, value) for option, value in reply.options if option != ETAG]
        return reply if number < 100 else None

    peer.block_hook = untagged
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 100 in peer.blocks_asked, 60, "the download")
    assert not restart(made, peer, signal.SIGTERM)
    go_on(peer)
    assert_completes(made, peer, BIG_IMAGE)
    assert 0 in peer.blocks_asked


@pytest.mark.parametrize("end", ["cancel", "reset", "other"])
def test_what_was_given_up_is_not_gone_on_with(agent, peer, update, end):
    made = agent()
    begin(made, peer, update)
    peer.forget_blocks()
    if end == "cancel":
        assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    else:
        assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    assert not kept(made)
    go_on(peer)
    if end == "other":
        made.kill()
        made.begin()
        peer.wait_for_event("register", ENDPOINT, 2)
    assert peer.offer(ENDPOINT, update, "fw/other" if end == "other" else "fw/package") == "2.04"
    assert_completes(made, peer, BIG_IMAGE)
    assert 0 in peer.blocks_asked


def test_the_same_bytes_at_another_place_are_not_taken_for_it(agent, peer, update):
    """Only the full URI names what was kept: here one of a query."""
    made = agent("--download-patience", "6")
    fall_silent_at(peer, 60)
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert kept(made)[URI].endswith("/fw/package")
    go_on(peer)
    peer.forget_blocks()
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/package?again") == "2.04"
    assert_completes(made, peer, BIG_IMAGE)
    assert 0 in peer.blocks_asked


# ---- what was kept is not believed ----

def damage(made, how: str):
    file = made.state / "agent.download"
    fields = kept(made)
    if how == "bit":
        file.write_bytes(flip(file.read_bytes(), 300))
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "long":
        file.write_bytes(bytes(20000))
    elif how == "slot":
        with open(made.state / "slot1.img", "r+b") as slot:
            slot.seek(SLOT_IMAGE_AT + 777)
            slot.write(b"!")
    elif how == "far":
        put(made, fields | {OFFSET: 1 << 40})
    elif how == "next boundary":
        put(made, fields | {IMAGE_OFFSET: fields[IMAGE_OFFSET] + FRAME})
    elif how == "no boundary":
        put(made, fields | {IMAGE_OFFSET: fields[IMAGE_OFFSET] + 4096})
    else:
        name = {"frame digest": FRAME_DIGEST, "image digest": IMAGE_DIGEST, "manifest digest": MANIFEST, "head": HEAD,
                "tag": ETAG_KEY}[how]
        put(made, fields | {name: flip(fields[name], 5)})


@pytest.mark.parametrize("how", ["bit", "cut", "empty", "long", "slot", "far", "next boundary", "no boundary",
                                 "frame digest", "image digest", "manifest digest", "head", "tag"])
def test_what_is_damaged_costs_a_beginning_and_nothing_else(agent, peer, update, how):
    made = agent()
    begin(made, peer, update)
    made.kill()
    damage(made, how)
    peer.forget_blocks()
    peer.forget()
    go_on(peer)
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert 0 in peer.blocks_asked


def test_a_package_that_is_not_believed_any_more_is_not_gone_on_with(agent, peer, update, tmp_path, keys):
    """The head is judged again: this device is of another class by now."""
    made = agent()
    begin(made, peer, update)
    place = made.command.index("--class")
    made.command[place + 1] = "board-b"
    go_on(peer)
    restart(made, peer)
    peer.registered(ENDPOINT)
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert state_of(peer) == (IDLE, "6")


def test_a_full_disk_stops_the_keeping_and_not_the_download(agent, peer, update):
    made = agent()
    (made.state / "agent.download.new").mkdir()
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert state_of(peer) == (DOWNLOADED, "0")
    made.process.wait_for("agent.download cannot be written")
