"""An agent in queue mode: when it listens, what wakes it, and a rollout to a fleet of one sleeper.

OMA's tests 108 and 109, and the scenarios of queue mode, from the client's side.
"""
import time

import pytest

from agent_kit import ENDPOINT, Agent, agent, peer, update
from conftest import free_port, make_package, wait_until
from dtls_front import DtlsFront
from lwm2m_peer import ACK, BLOCK2, CON, GET, POST, PUT, TEXT, Message
from shims import ServerWithClock
from test_agent_send import AT_FIRST, Sends
from test_agent_server_object import refusing
from test_agent import PSK, with_key
from test_queue_mode import AWAKE_S, is_asleep, says_why
from test_update import deployments, upload

QUEUE = ["--queue-mode", "--awake-time", "1"]


def asleep(made, count: int = 1):
    wait_until(lambda: made.process.log.count(" asleep") >= count, 60, "its sleep")


def at_next_update(peer, probe):
    """Sends `probe` right after the next Update."""
    seen = []

    def look(message, address):
        if message.code == POST and message.path.startswith("/rd/") and not seen:
            seen.append(message)
            peer.travel("out", probe, address)
    peer.request_hook = look


def at_once(peer, *requests):
    """Sends these right behind the answer to the Register: it is awake then, however late this test's thread is."""
    def send(registration):
        for request in requests:
            peer.travel("out", request, registration.address)
    peer.on_register = send


def test_lwm2m_1_1_has_queue_mode_beside_the_binding(agent, peer):
    agent("--queue-mode")
    register = peer.wait_for_event("register", ENDPOINT)
    assert register.query == {"ep": ENDPOINT, "lt": "86400", "lwm2m": "1.1", "b": "U", "Q": ""}
    assert (peer.read(ENDPOINT, "/1/0/7"), peer.read(ENDPOINT, "/3/0/16")) == ("U", "U")
    assert peer.write(ENDPOINT, "/1/0/7", "UQ") == "4.00", "no binding of 1.1"


def test_lwm2m_1_0_has_it_in_the_binding_and_may_change_it(start, tmp_path, keys, peer):
    refusing(peer, {"1.1"})
    Agent(start, tmp_path, keys, peer.uri, "--queue-mode")
    assert peer.registered(ENDPOINT).query == {"ep": ENDPOINT, "lt": "86400", "lwm2m": "1.0", "b": "UQ"}
    assert (peer.read(ENDPOINT, "/1/0/7"), peer.read(ENDPOINT, "/3/0/16")) == ("UQ", "UQ")
    for count, binding in ((2, "U"), (3, "UQ")):
        assert peer.write(ENDPOINT, "/1/0/7", binding) == "2.04"
        assert peer.wait_for_event("register", ENDPOINT, count, timeout=60).query["b"] == binding
    assert peer.write(ENDPOINT, "/1/0/7", "T") == "4.00"


def test_a_sleeper_hears_nothing_and_listens_after_its_update(agent, peer):
    made = agent(*QUEUE, "--lifetime", "12")
    asleep(made)
    unheard, heard = peer.make_request(GET, "/3/0/3", accept=TEXT), peer.make_request(GET, "/3/0/3", accept=TEXT)
    at_next_update(peer, heard)
    peer.send(ENDPOINT, unheard)
    answer = peer.wait_for(lambda: peer.answer_to(heard), 60, "an answer after the Update")
    assert (answer.code_text, answer.payload) == ("2.05", b"1.0.0")
    asleep(made, 2)
    assert peer.answer_to(unheard) is None, "what came while it slept is gone"
    assert [what for what, _, _ in peer.events][:2] == ["register", "update"]


def test_an_exchange_keeps_it_awake_for_its_time(agent, peer):
    awake_s = 10
    made = agent("--queue-mode", "--awake-time", str(awake_s))
    begin = last = time.monotonic()
    while time.monotonic() - begin < 1.5 * awake_s:
        last = time.monotonic()  # before it is asked: it is awake so long from then on at least
        assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
        time.sleep(0.05)
    assert " asleep" not in made.process.log
    asleep(made)
    assert time.monotonic() - last >= awake_s


def test_something_to_tell_wakes_it(agent, peer):
    attach = peer.make_request(PUT, "/5/0/3", queries=["pmax=4"])
    observe = peer.make_request(GET, "/5/0/3", observe=0, accept=TEXT)
    state = peer.add_observation(observe)
    at_once(peer, attach, observe)
    made = agent(*QUEUE)
    assert peer.wait_for(lambda: peer.answer_to(attach), 60, "an answer").code_text == "2.04"
    asleep(made)
    peer.wait_for(lambda: len(state.messages) > 1, 60, "the notification")
    asleep(made, 2)
    assert "awake" in made.process.log


def test_it_sleeps_after_a_send_that_nobody_took(agent, peer):
    """When MAX_TRANSMIT_WAIT is over and its Update is answered; and what it had to say is said when it wakes."""
    sends = Sends(peer, *[None] * 5)
    made = agent(*QUEUE, "--send", "--lifetime", "300")
    peer.wait_for_event("update", ENDPOINT, timeout=200)
    asleep(made)
    peer.wait_for(lambda: len(sends.messages) > 5, 120, "the Send")
    assert sends.values[-1] == AT_FIRST


def test_a_download_keeps_it_awake(agent, peer, update):
    """One block is answered separately, and only after longer than the agent would stay awake otherwise."""
    waiting, answers = [], []

    def acknowledge(message, address):
        if message.number(BLOCK2) is not None and message.number(BLOCK2) >> 4 == 10:
            waiting.append((message, address))
            peer.travel("out", Message(ACK, 0, message.message_id), address)

    def hold_back(number, reply):
        if number != 10 or answers:
            return reply
        answers.append(reply)
        return None

    peer.request_hook, peer.block_hook = acknowledge, hold_back
    peer.files["fw/package"] = update
    offer = peer.make_request(PUT, "/5/0/1", f"{peer.uri}/fw/package".encode(), content_format=TEXT)
    at_once(peer, offer)
    made = agent(*QUEUE)
    peer.wait_for(lambda: answers, 60, "the block to be asked for")
    assert peer.answer_to(offer).code_text == "2.04"
    time.sleep(3)
    assert " asleep" not in made.process.log
    request, address = waiting[0]
    peer.travel("out", Message(CON, answers[0].code, peer.new_message_id(), request.token, answers[0].options,
                               answers[0].payload), address)
    asleep(made)
    assert len({message.message_id for message, _ in waiting}) == 1, "what came again was repeated, not asked anew"
    before, complete, _ = made.process.log.partition("state downloaded")
    assert complete and " asleep" not in before
    assert made.status()["state"] == "downloaded"


def test_a_sleeper_keeps_its_dtls_association(agent, peer, tmp_path):
    front = DtlsFront(peer, free_port(), PSK)
    try:
        made = agent(*QUEUE, "--lifetime", "8", *with_key(tmp_path), server_uri=front.uri)
        asleep(made)
        peer.wait_for_event("update", ENDPOINT, 2, timeout=60)
        assert [what for what, _, _ in peer.events if what == "register"] == ["register"]
        assert "does not answer" not in made.process.log
    finally:
        front.stop()


def test_a_rollout_waits_for_a_sleeper_and_is_done_when_it_wakes(start, tmp_path, keys, device):
    server = ServerWithClock(start, tmp_path / "server")
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    sleeper = device("sleeper", keys, factory, server.coap_uri, "--queue-mode", "--awake-time", "5", "--lifetime", "110",
                     "--verbose", health="true")
    wait_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"], 60, "the device")
    asleep(sleeper)
    server.time_passes(AWAKE_S + 2)
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--start")
    wait_until(is_asleep(server, "sleeper"), 60, "the deployment to wait")
    assert "pending" in says_why(server, "sleeper")
    assert sleeper.status()["state"] == "idle"
    wait_until(lambda: deployments(server)["sleeper"]["state"] == "succeeded", 120, "the update")
    assert sleeper.status()["version"] == "1.1.0"
