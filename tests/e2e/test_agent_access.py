"""Who may do what: the Access Control object, written by its owner or by a bootstrap server, and what it means for each
operation, over restarts and on a disk that fails."""
import errno
import json

import cbor2

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, update
from lwm2m_client import FETCH, IPATCH, SENML_CBOR, SENML_JSON, decode, encode
from lwm2m_peer import BLOCK1, DELETE, GET, LINK, OPAQUE, POST, PUT, TEXT, TLV, uint
from shims import BrokenDisk
from test_agent_bootstrap_bad import boss, fresh

READ, WRITE, EXECUTE, DELETE_RIGHT, CREATE = 1, 2, 4, 8, 16
OF_SERVER, OF_DEVICE, OF_NETWORK, OF_FIRMWARE, OF_KEDGE = (f"/2/{i}" for i in range(5))


def code_of(peer, method, path, payload=b"", **keywords) -> str:
    return peer.request(ENDPOINT, method, path, payload, **keywords).code_text


def lists(peer, of) -> dict:
    """The lists of an instance of object 2: {short server ID: rights}."""
    answer = peer.request(ENDPOINT, GET, of + "/2", accept=SENML_CBOR)
    if answer.code_text == "4.04":
        return {}
    return {int(path.rsplit("/", 1)[1]): rights for path, rights in decode(SENML_CBOR, of + "/2", answer.payload).items()}


def test_an_owner_adds_changes_and_removes_lists(agent, peer):
    agent()
    assert lists(peer, OF_DEVICE) == {}
    assert peer.write(ENDPOINT, OF_DEVICE + "/2/310", "1") == "2.04"
    assert peer.write(ENDPOINT, OF_DEVICE + "/2/0", "3") == "2.04"
    assert lists(peer, OF_DEVICE) == {0: 3, 310: 1}
    assert peer.read(ENDPOINT, OF_DEVICE + "/2/310") == "1"
    more = encode(TLV, OF_DEVICE, {2: {7: 31, 310: 5}})
    assert code_of(peer, POST, OF_DEVICE, more, content_format=TLV) == "2.04"
    assert lists(peer, OF_DEVICE) == {0: 3, 7: 31, 310: 5}
    only = json.dumps([{"bn": OF_DEVICE + "/2/", "n": "9", "v": 2}]).encode()
    assert code_of(peer, PUT, OF_DEVICE + "/2", only, content_format=SENML_JSON) == "2.04"
    assert lists(peer, OF_DEVICE) == {9: 2}
    assert code_of(peer, DELETE, OF_DEVICE + "/2/9") == "2.02"
    assert code_of(peer, DELETE, OF_DEVICE + "/2/9") == "4.04"
    assert lists(peer, OF_DEVICE) == {}
    for wrong in ("32", "-1", "everything"):
        assert peer.write(ENDPOINT, OF_DEVICE + "/2/1", wrong) == "4.00"
    assert code_of(peer, DELETE, OF_DEVICE) == "4.05", "as long as there is what it is about, it is there"


def asked(peer) -> dict:
    """What each operation on object 5 is answered now."""
    senml = cbor2.dumps([{0: "/5/0/11", 2: 1}])
    block = peer.make_request(PUT, "/5/0/0", b"\0", content_format=OPAQUE)
    block.options.append((BLOCK1, uint(6)))
    return {
        "read": code_of(peer, GET, "/5/0/3"), "read all": code_of(peer, GET, "/5"),
        "observe": peer.request(ENDPOINT, GET, "/5/0/5", observe=0).code_text,
        "attributes": peer.attach(ENDPOINT, "/5/0/3", "pmin=1"),
        "discover": code_of(peer, GET, "/5", accept=LINK),
        "write": peer.write(ENDPOINT, "/5/0/11", "1"),
        "write some": code_of(peer, POST, "/5/0", senml, content_format=SENML_CBOR),
        "write composite": code_of(peer, IPATCH, "/", senml, content_format=SENML_CBOR),
        "package": code_of(peer, PUT, "/5/0/0", b"\0", content_format=OPAQUE),
        "block": peer.exchange(ENDPOINT, block).code_text,
        "execute": peer.execute(ENDPOINT, "/5/0/2"),
        "delete": code_of(peer, DELETE, "/5/0"), "create": code_of(peer, POST, "/5", senml, content_format=SENML_CBOR),
    }


MAY = {"read": ("2.05", READ), "read all": ("2.05", READ), "observe": ("2.05", READ), "attributes": ("2.04", READ),
       "discover": ("2.05", 0), "write": ("2.04", WRITE), "write some": ("2.04", WRITE), "write composite": ("2.04", WRITE),
       "package": ("2.04", WRITE), "block": ("2.04", WRITE), "execute": ("4.05", EXECUTE),
       "delete": ("4.05", DELETE_RIGHT), "create": ("4.05", 0)}


def test_each_operation_needs_its_right(agent, peer):
    agent()
    for rights in (READ, WRITE, EXECUTE, DELETE_RIGHT, CREATE, 0, 31):
        assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", str(rights)) == "2.04"
        assert asked(peer) == {what: done if needed == 0 or rights & needed else "4.01"
                               for what, (done, needed) in MAY.items()}, rights


def test_a_composite_read_has_what_may_be_read_and_a_notification_too(agent, peer):
    agent()
    observed = peer.observe(ENDPOINT, "/5/0/11")
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", str(WRITE)) == "2.04"
    paths = cbor2.dumps([{0: "/5/0/3"}, {0: "/3/0/3"}])
    answer = peer.request(ENDPOINT, FETCH, "/", paths, content_format=SENML_CBOR, accept=SENML_CBOR)
    assert decode(SENML_CBOR, "/", answer.payload) == {"/3/0/3": "1.0.0"}
    assert peer.write(ENDPOINT, "/5/0/11", "2") == "2.04"
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", "31") == "2.04"
    peer.wait_for(lambda: observed.values[-1:] == ["2"], 60, "what has changed, once it may be told")
    assert observed.values == ["1", "2"]


def test_what_an_owner_wrote_survives_kill_9(agent, peer, update):
    made = agent()
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", str(READ | WRITE)) == "2.04"
    assert_downloads(peer, update)
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2, 60)
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.01"
    assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADED
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", str(READ | WRITE | EXECUTE)) == "2.04"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"


def test_an_instance_that_is_handed_over_is_anothers(agent, peer):
    agent()
    assert peer.write(ENDPOINT, OF_DEVICE + "/2/0", str(READ)) == "2.04"
    assert peer.write(ENDPOINT, OF_DEVICE + "/3", "2") == "2.04"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert peer.execute(ENDPOINT, "/3/0/4") == "4.01"
    assert peer.write(ENDPOINT, OF_DEVICE + "/3", "1") == "4.01"
    assert peer.write(ENDPOINT, OF_DEVICE + "/2/1", "31") == "4.01"
    assert peer.read(ENDPOINT, OF_DEVICE + "/3") == "2"


def test_rights_that_cannot_be_written_down_are_as_they_were(start, tmp_path, keys, peer, update):
    disk = BrokenDisk(start, tmp_path, tmp_path / f"state-{ENDPOINT.replace(':', '-')}")
    Agent(disk.start, tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT)
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", "31") == "2.04"
    disk.breaks(errno.ENOSPC)
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", "0") == "5.00"
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/2", "1") == "5.00"
    both = cbor2.dumps([{0: "/5/0/11", 2: 2}, {0: OF_FIRMWARE + "/2/1", 2: 1}, {0: "/5/0/13", 2: 77}])
    assert code_of(peer, IPATCH, "/", both, content_format=SENML_CBOR) == "5.00"
    assert disk.refused() > 0
    assert (peer.read(ENDPOINT, "/5/0/11"), code_of(peer, GET, "/5/0/13")) == ("1", "4.04"), "nothing of the request"
    assert lists(peer, OF_FIRMWARE) == {1: 31}
    disk.is_well()
    assert code_of(peer, IPATCH, "/", both, content_format=SENML_CBOR) == "2.04"
    assert (peer.read(ENDPOINT, "/5/0/11"), peer.read(ENDPOINT, "/5/0/13"), lists(peer, OF_FIRMWARE)) == ("2", "77", {1: 1})
    assert peer.write(ENDPOINT, OF_FIRMWARE + "/2/1", "31") == "2.04"
    assert_downloads(peer, update)


# ---- by a bootstrap server ----

def give_rights(boss, **rights):
    """Object 5 is the bootstrap server's: it says who may do what of it."""
    assert boss.put("/2/9", {0: 5, 1: 0, 2: {int(k[1:]): v for k, v in rights.items()}, 3: 65535}) == "2.04"


def test_a_bootstrap_server_says_what_the_server_may_do(boss, fresh):
    one = fresh()
    boss.asked()
    boss.give_account()
    give_rights(boss, s1=READ, s2=31)
    assert "</2/9>" in boss.request(ENDPOINT, GET, "/", accept=LINK).payload.decode()
    assert boss.read(ENDPOINT, "/2/9/3") == "65535"
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)
    for _ in range(2):
        assert boss.read(ENDPOINT, "/5/0/3") == IDLE
        assert boss.write(ENDPOINT, "/5/0/11", "2") == "4.01"
        assert boss.execute(ENDPOINT, "/5/0/2") == "4.01"
        assert boss.write(ENDPOINT, OF_FIRMWARE + "/2/1", "31") == "4.01"
        assert boss.write(ENDPOINT, "/1/0/1", "300") == "2.04", "of what it says nothing, it is free"
        one.kill()
        one.begin()
        boss.wait_for_event("register", ENDPOINT, 2, 60)


def test_other_rights_come_with_the_next_bootstrapping(boss, fresh, update):
    fresh("--download-patience", "20")
    boss.asked()
    boss.give_account()
    give_rights(boss, s0=READ)
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)
    assert boss.read(ENDPOINT, "/5/0/3") == IDLE
    assert boss.write(ENDPOINT, "/5/0/11", "2") == "4.01"
    assert boss.execute(ENDPOINT, "/1/0/9") == "2.04"
    boss.asked(2)
    boss.give_account()
    give_rights(boss, s1=31)
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT, 2)
    assert_downloads(boss, update)


def test_rights_without_an_owner_are_4_06_and_can_be_mended(boss, fresh):
    one = fresh()
    boss.asked()
    boss.give_account()
    assert boss.put("/2/4", {0: 3, 1: 0}) == "2.04"
    assert boss.finish() == "4.06"
    one.process.wait_for("an instance of Access Control has no owner")
    assert boss.put("/2/4", {0: 3, 1: 0, 3: 1}) == "2.04"
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)
