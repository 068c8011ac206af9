"""When the agent notifies: Write-Attributes by a foreign server, and what comes of it.

The lifetime (/1/0/1) is the value that is observed: the server can make it any number at once.
"""
import time

from agent_kit import ENDPOINT, agent, peer
from lwm2m_client import SENML_JSON
from lwm2m_peer import GET, LINK

LIFETIME = "/1/0/1"


def discovered(peer, path: str) -> list:
    return peer.request(ENDPOINT, GET, path, accept=LINK).payload.decode().split(",")


def test_attributes_are_attached_told_and_taken_away(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "pmin=1", "pmax=60", "gt=10.5") == "2.04"
    assert peer.attach(ENDPOINT, "/1/0", "pmax=600") == "2.04"
    assert discovered(peer, LIFETIME) == [f"<{LIFETIME}>;pmin=1;pmax=60;gt=10.5"]
    assert discovered(peer, "/1/0")[0] == "</1/0>;pmax=600"
    assert f"<{LIFETIME}>;pmin=1;pmax=60;gt=10.5" in discovered(peer, "/1/0")
    assert discovered(peer, "/1/0/6") == ["</1/0/6>;pmax=600"]
    assert peer.attach(ENDPOINT, LIFETIME, "pmin", "pmax", "gt") == "2.04"
    assert discovered(peer, LIFETIME) == [f"<{LIFETIME}>;pmax=600"]
    assert peer.read(ENDPOINT, LIFETIME) == "1000", "it was never written"


def test_attributes_that_make_no_sense_are_refused(agent, peer):
    agent()
    assert peer.attach(ENDPOINT, LIFETIME, "pmin=5") == "2.04"
    for wrong in (["colour=red"], ["pmin=x"], ["pmin=1", "pmin=2"], ["gt=1", "lt=2"], ["st=0"]):
        assert peer.attach(ENDPOINT, LIFETIME, *wrong) == "4.00", wrong
    assert peer.attach(ENDPOINT, "/1/0", "gt=1") == "4.00"
    assert peer.attach(ENDPOINT, "/1/0/7", "gt=1") == "4.00", "a string"
    assert peer.attach(ENDPOINT, "/7/0/0", "pmin=1") == "4.04"
    assert peer.attach(ENDPOINT, "/0/0/0", "pmin=1") == "4.01"
    assert discovered(peer, LIFETIME) == [f"<{LIFETIME}>;pmin=5"]


def test_conditions_say_which_change_is_told(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "gt=2000", "st=500") == "2.04"
    seen, witness = peer.observe(ENDPOINT, LIFETIME), peer.observe(ENDPOINT, "/1/0", accept=SENML_JSON)
    for value in ("1100", "1400", "1600", "1700", "2050", "2060"):
        before = len(witness.messages)
        assert peer.write(ENDPOINT, LIFETIME, value) == "2.04"
        peer.wait_for(lambda: len(witness.messages) > before, 60, "the notification without conditions")
    assert seen.values == ["1000", "1600", "2050"]


def test_a_change_within_pmin_is_told_after_it(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "pmin=8") == "2.04"
    begin = time.monotonic()
    seen = peer.observe(ENDPOINT, LIFETIME)
    for value in ("1001", "1002", "1003"):
        assert peer.write(ENDPOINT, LIFETIME, value) == "2.04"
    peer.wait_for(lambda: len(seen.values) > 1, 60, "a notification")
    assert time.monotonic() - begin >= 7.5
    assert seen.values == ["1000", "1003"]


def test_pmax_tells_a_value_that_stays_as_it_is(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "pmax=1") == "2.04"
    seen = peer.observe(ENDPOINT, LIFETIME)
    peer.wait_for(lambda: len(seen.values) >= 4, 60, "notifications")
    values, numbers = seen.values[:4], seen.numbers[:4]  # they go on coming
    assert set(values) == {"1000"}
    assert numbers == sorted(set(numbers))


def test_the_servers_defaults_hold_where_a_path_has_no_attributes(agent, peer):
    agent("--lifetime", "1000")
    assert peer.write(ENDPOINT, "/1/0/3", "1") == "2.04"
    assert peer.write(ENDPOINT, "/1/0/2", "315360001") == "4.00"
    assert peer.attach(ENDPOINT, "/5/0/3", "pmax=300") == "2.04"
    seen, own = peer.observe(ENDPOINT, LIFETIME), peer.observe(ENDPOINT, "/5/0/3")
    peer.wait_for(lambda: len(seen.values) >= 3, 60, "notifications")
    assert own.values == ["0"]


def test_less_than_is_told_when_it_is_crossed_either_way(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "lt=500") == "2.04"
    seen, witness = peer.observe(ENDPOINT, LIFETIME), peer.observe(ENDPOINT, "/1/0", accept=SENML_JSON)
    for value in ("600", "400", "300", "550", "700"):
        before = len(witness.messages)
        assert peer.write(ENDPOINT, LIFETIME, value) == "2.04"
        peer.wait_for(lambda: len(witness.messages) > before, 60, "the notification without conditions")
    assert seen.values == ["1000", "400", "550"]


def test_between_two_looks_of_epmin_nothing_is_seen(agent, peer):
    agent("--lifetime", "1000")
    assert peer.attach(ENDPOINT, LIFETIME, "epmin=8") == "2.04"
    begin = time.monotonic()
    seen = peer.observe(ENDPOINT, LIFETIME)
    for value in ("1001", "1002", "1003"):
        assert peer.write(ENDPOINT, LIFETIME, value) == "2.04"
    peer.wait_for(lambda: len(seen.values) > 1, 60, "a notification")
    assert time.monotonic() - begin >= 7.5
    assert seen.values == ["1000", "1003"]


def test_epmax_looks_at_what_changes_by_itself(agent, peer):
    """Nothing else happens on the device, whose clock goes on."""
    agent()
    assert peer.attach(ENDPOINT, "/3/0/13", "epmax=1") == "2.04"
    begin = time.monotonic()
    seen = peer.observe(ENDPOINT, "/3/0/13")
    peer.wait_for(lambda: len(seen.values) >= 4, 60, "notifications")
    assert time.monotonic() - begin > 1.5
    values = seen.values[:4]  # they go on coming
    assert values == sorted(set(values))
