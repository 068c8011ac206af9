"""What the agent tells of its device: objects 2 (Access Control), 3 (Device) and 4 (Connectivity Monitoring).

Each is compared with what Python finds out about the same machine by other ways.
"""
import os
import socket
import time

import pytest

from agent_kit import ENDPOINT, agent, peer
from lwm2m_client import CBOR, JSON, LWM2M_CBOR, SENML_CBOR, SENML_JSON, decode
from lwm2m_peer import GET, LINK, PUT, TEXT, TLV

MANY = [TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR]


def instance(peer, path: str, form: int = SENML_CBOR) -> dict:
    answer = peer.request(ENDPOINT, GET, path, accept=form)
    assert answer.code_text == "2.05", f"{path}: {answer.code_text}"
    return decode(form, path, answer.payload)


def discovered(peer, path: str) -> list:
    return peer.request(ENDPOINT, GET, path, accept=LINK).payload.decode().split(",")


# ---- object 3 ----

def test_the_device_says_what_it_is_and_what_time_it_is(agent, peer, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    made = agent("--device-type", "gateway", "--software-version", "app 2.3", "--hardware", "rev-c")
    values = instance(peer, "/3/0")
    assert (values["/3/0/17"], values["/3/0/18"], values["/3/0/19"]) == ("gateway", "rev-c", "app 2.3")
    assert (values["/3/0/14"], values["/3/0/15"]) == ("+05:30", "Asia/Kolkata")
    assert values["/3/0/13"] == pytest.approx(time.time(), abs=60)
    room = os.statvfs(made.state)
    assert values["/3/0/21"] == room.f_blocks * room.f_frsize // 1024
    assert 0 <= values["/3/0/10"] <= values["/3/0/21"]
    assert discovered(peer, "/3/0") == ["</3/0>"] + [f"</3/0/{i}>" for i in (
        0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21)]
    assert peer.write(ENDPOINT, "/3/0/13", "0") == "4.05", "the clock is not a server's"


def test_what_the_maker_has_not_said_is_not_there(agent, peer):
    agent()
    assert not {"</3/0/17>", "</3/0/18>", "</3/0/19>"} & set(discovered(peer, "/3/0"))
    for path in ("/3/0/5", "/3/0/9", "/3/0/17", "/3/0/19"):
        assert peer.request(ENDPOINT, GET, path).code_text == "4.04", path


@pytest.mark.parametrize("form", MANY)
@pytest.mark.parametrize("path", ["/2", "/2/3", "/3", "/3/0", "/4", "/4/0", "/4/0/4"])
def test_every_object_is_read_in_every_format(agent, peer, form, path):
    agent()
    assert instance(peer, path, form)


@pytest.mark.parametrize("form", [TEXT, CBOR, *MANY])
def test_one_value_of_each_object_is_read_in_every_format(agent, peer, form):
    agent()
    for path in ("/2/0/0", "/3/0/13", "/3/0/14", "/4/0/0", "/4/0/1/0", "/4/0/4/0"):
        answer = peer.request(ENDPOINT, GET, path, accept=form)
        assert (answer.code_text, answer.number(12) or 0) == ("2.05", form), path


def test_time_that_goes_by_is_no_news_of_the_device(agent, peer):
    agent()
    device, clock = peer.observe(ENDPOINT, "/3/0", accept=SENML_CBOR), peer.observe(ENDPOINT, "/3/0/13")
    begin = time.time()
    while len(clock.values) < 3:  # each read wakes the agent, which then looks at all that is observed
        peer.read(ENDPOINT, "/5/0/3")
        assert time.time() < begin + 60
    assert clock.values == sorted(set(clock.values))
    assert len(device.messages) == 1


def test_a_reboot_is_the_bootloaders(agent, peer):
    made = agent()
    assert peer.execute(ENDPOINT, "/3/0/4") == "2.04"
    assert made.process.process.wait(60) == 75
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert peer.read(ENDPOINT, "/5/0/3") == "0"


def test_a_state_that_cannot_be_written_is_an_error_until_it_can(agent, peer):
    made = agent()
    error = peer.observe(ENDPOINT, "/3/0/11", accept=SENML_CBOR)
    assert peer.read(ENDPOINT, "/3/0/11/0") == "0"
    in_the_way = made.state / "agent.state.new"
    in_the_way.mkdir()
    assert peer.write(ENDPOINT, "/5/0/1", "") == "5.00"
    peer.wait_for(lambda: len(error.messages) > 1, 60, "the notification")
    assert decode(SENML_CBOR, "/3/0/11", error.messages[1].payload) == {"/3/0/11/0": 8}
    assert peer.execute(ENDPOINT, "/3/0/12") == "2.04"
    assert peer.read(ENDPOINT, "/3/0/11/0") == "8", "it is still there"
    in_the_way.rmdir()
    assert peer.execute(ENDPOINT, "/3/0/12") == "2.04"
    assert peer.read(ENDPOINT, "/3/0/11/0") == "0"
    assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"


# ---- object 4 ----

def test_the_network_is_the_one_by_which_the_server_is_reached(agent, peer):
    agent()
    values = instance(peer, "/4/0")
    assert values["/4/0/4/0"] == "127.0.0.1", "the interface with the session's own address"
    assert values["/4/0/0"] == values["/4/0/1/0"] == 41
    assert values["/4/0/2"] == 0
    for name, address in values.items():
        if name.startswith("/4/0/4/"):
            socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    assert discovered(peer, "/4") == ["</4>", "</4/0>"] + [f"</4/0/{i}>" for i in (0, 1, 2, 4)]


# ---- object 2 ----

def test_every_instance_has_the_one_server_for_its_owner(agent, peer):
    agent()
    values = instance(peer, "/2")
    about = [(values[f"/2/{i}/0"], values[f"/2/{i}/1"], values[f"/2/{i}/3"]) for i in range(5)]
    assert about == [(object_id, 0, 1) for object_id in (1, 3, 4, 5, 26241)]
    assert len(values) == 15, "no ACL yet: an owner without one has every right"
    assert peer.request(ENDPOINT, GET, "/2/5").code_text == "4.04"
    assert peer.request(ENDPOINT, PUT, "/2/0/0", "2", content_format=TEXT).code_text == "4.05"
