"""Devices and servers that forget each other, and those who would like them to: counted on the wire."""
import os

import pytest
from agent_kit import DOWNLOADED, ENDPOINT, agent, peer, update
from conftest import free_port, make_package, wait_until
from counting_proxy import APPLICATION_DATA, HANDSHAKE, CountingProxy
from dtls_front import DtlsFront
from lwm2m_peer import POST
from test_agent import PSK, with_key
from test_dtls import client_hello, device_of, secure
from test_update import registered, upload, versions
from wire import Wire


@pytest.fixture
def proxy(secure):
    one = CountingProxy(secure.coaps_port)
    yield one
    one.close()


def device_behind(proxy, secure, device, keys, tmp_path, *extra):
    """An agent that reaches the server through the proxy only, and is registered."""
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    psk = tmp_path / "dev.psk"
    psk.write_text(key + "\n")
    one = device("dev", keys, factory, proxy.uri, "--psk-identity", "id", "--psk-file", psk, *extra, health="true")
    registered(secure, 1)
    return one


def has_an_update(secure):
    """An Update is answered: all that the server asks of a new device is over, and the device silent for a while."""
    seen_ms = device_of(secure, "dev")["last_seen_ms"]
    wait_until(lambda: device_of(secure, "dev")["last_seen_ms"] > seen_ms, 60, "an Update")


def unanswered_before_a_handshake(proxy, killed_at: int) -> int:
    """How many messages the device sent since, when it begins a new association."""
    def begun():
        return HANDSHAKE in proxy.from_device[killed_at:]
    wait_until(begun, 120, "a new handshake")
    since = proxy.from_device[killed_at:]
    return since[:since.index(HANDSHAKE)].count(APPLICATION_DATA)


def test_two_unanswered_messages_are_enough_for_a_new_association(proxy, secure, keys, device, tmp_path):
    device_behind(proxy, secure, device, keys, tmp_path, "--lifetime", "8")
    has_an_update(secure)
    secure.kill()
    killed_at = len(proxy.from_device)
    wait_until(lambda: APPLICATION_DATA in proxy.from_device[killed_at:], 60, "the next Update")
    secure.begin()
    assert unanswered_before_a_handshake(proxy, killed_at) == 2
    secure.process.wait_for(r"\(dev\): made an association", timeout=60)
    wait_until(lambda: device_of(secure, "dev")["registered"], 60, "the device")


def test_a_download_finds_its_server_again_after_two_unanswered_messages(agent, peer, update, tmp_path):
    front = DtlsFront(peer, free_port(), PSK)
    proxy = CountingProxy(int(front.uri.rpartition(":")[2]))
    heard, cut_at = [], []

    def hear(direction, message):
        if direction == "in":
            heard.append(message)
        return [0]

    def cut(number, reply):
        if number < 100 or cut_at:
            return reply
        # The GET of this block is the last that was heard; more may have been sent.
        data = [place for place, first_byte in enumerate(proxy.from_device) if first_byte == APPLICATION_DATA]
        cut_at.append(data[len(heard) - 1])
        front.stop()
        return None
    peer.network = hear
    try:
        agent(*with_key(tmp_path), server_uri=proxy.uri)
        peer.block_hook = cut
        peer.files["fw/package"] = update
        assert peer.write(ENDPOINT, "/5/0/1", f"{proxy.uri}/fw/package") == "2.04"
        wait_until(lambda: cut_at, 60, "the middle of the download")
        assert unanswered_before_a_handshake(proxy, cut_at[0]) == 2
        front.begin()
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 120)
        assert peer.read(ENDPOINT, "/5/0/5") == "0"
    finally:
        proxy.close()
        front.stop()


def test_hellos_of_a_forger_leave_a_device_its_association(proxy, secure, keys, device, tmp_path):
    device_behind(proxy, secure, device, keys, tmp_path, "--lifetime", "8")
    proxy.swallow = lambda first_byte: first_byte == HANDSHAKE  # the forger's answers do not reach the device
    has_an_update(secure)
    secure.process.wait_for(r"\(dev\): made an association")
    before = secure.process.log.count("made an association")
    forged_at = len(proxy.from_device)
    for _ in range(200):
        proxy.inject(client_hello(os.urandom))
    has_an_update(secure)  # by the association
    assert set(proxy.from_device[forged_at:]) == {APPLICATION_DATA}
    assert secure.process.log.count("made an association") == before == 1
    assert device_of(secure, "dev")["registered"]


def test_a_device_without_security_that_restarts_on_its_port_is_taken_for_a_new_one(server):
    wire = Wire(server)
    first_id = wire.next_id
    before = wire.registered("dev")
    wire.serve_until(lambda: device_of(server, "dev").get("version") == "1.0.0", "dev to be known", 60)
    # It has forgotten its registration, and begins its message ids and its values anew.
    wire.next_id, wire.values["/3/0/3"] = first_id, b"1.1.0"
    after = wire.registered("dev")
    assert after != before
    wire.serve_until(lambda: device_of(server, "dev").get("version") == "1.1.0", "dev to be asked anew", 60)
    assert wire.ask(POST, before).code_text == "4.04"
    assert wire.ask(POST, after).code_text == "2.04"
