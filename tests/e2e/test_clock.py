"""A server whose wall clock is set, forward and back, while it runs and while it does not."""
import re

import pytest
from conftest import make_package, wait_until
from lwm2m_peer import DELETE, POST
from shims import ServerWithClock
from test_dtls import CLIENTS, CertifiedServer, ask, authority, device_of, register_uri, show, text_key
from test_update import deployments, upload
from wire import Wire

DAY_S = 86400
STEPS = pytest.mark.parametrize("step_s", [3 * DAY_S, -3 * DAY_S])
BUSY = ("offered", "downloading", "downloaded", "installing", "verifying")


@pytest.fixture
def clocked(start, tmp_path) -> ServerWithClock:
    return ServerWithClock(start, tmp_path / "server")


def comes(server, name: str) -> Wire:
    """A device that comes in and says who it is: when that is stored, all that was due has been done."""
    wire = Wire(server)
    wire.location = wire.registered(name)
    wire.serve_until(lambda: device_of(server, name).get("version") == "1.0.0", f"{name} to be known", 60)
    return wire


def goes(server, wire: Wire, name: str):
    assert wire.ask(DELETE, wire.location).code_text == "2.02"
    wait_until(lambda: not device_of(server, name)["registered"], 60, f"{name} gone")


def roll_out(server, keys, folder, *policy):
    """A rollout to `flying`, which takes it up and says no more, and to `absent`, which is not there."""
    package = upload(server, keys, make_package(folder, keys, "1.1.0", 2))
    absent = comes(server, "absent")
    goes(server, absent, "absent")
    flying = comes(server, "flying")
    flying.writable.add("/5/0/1")
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--start", *policy)
    flying.serve_until(lambda: flying.written, "the offer", 60)
    wait_until(lambda: deployments(server)["flying"]["state"] in BUSY, 60, "the offer's record")
    return flying


def deadline_ms(server) -> int:
    return server.json("rollout", "show", "1")["deadline_at_ms"]


def assert_nothing_is_due(server, deadline_before_ms: int, step_s: int):
    wait_until(lambda: abs(deadline_ms(server) - deadline_before_ms - step_s * 1000) < 60_000, 60, "the deadline by the new clock")
    states = {name: one["state"] for name, one in deployments(server).items()}
    assert states["absent"] == "pending" and states["flying"] in BUSY, states
    assert server.json("rollout", "show", "1")["state"] == "running"


@STEPS
def test_what_waits_goes_on_as_it_was_when_the_clock_is_set_after_a_restart(clocked, keys, tmp_path, step_s):
    roll_out(clocked, keys, tmp_path, "--deadline", 3600)
    before = deadline_ms(clocked)
    clocked.kill()
    clocked.begin()
    clocked.set_clock(step_s)
    comes(clocked, "other")
    clocked.process.wait_for(r"the wall clock was set by [+-]\d+ ms")
    assert_nothing_is_due(clocked, before, step_s)


@STEPS
def test_a_clock_that_is_set_over_a_restart_times_nobody_out(clocked, keys, tmp_path, step_s):
    roll_out(clocked, keys, tmp_path, "--deadline", 3600)
    before = deadline_ms(clocked)
    clocked.kill()
    clocked.set_clock(step_s)
    clocked.begin()
    comes(clocked, "other")
    assert_nothing_is_due(clocked, before, step_s)
    # And once is enough: what was moved is by the new clock, also for the next start.
    clocked.kill()
    clocked.begin()
    comes(clocked, "another")
    assert_nothing_is_due(clocked, before, step_s)


@STEPS
def test_a_deadline_comes_when_its_seconds_have_passed_whatever_the_clock_says(clocked, keys, tmp_path, step_s):
    roll_out(clocked, keys, tmp_path, "--deadline", 15)
    clocked.set_clock(step_s)
    wait_until(lambda: deployments(clocked)["absent"]["state"] == "timed_out", 60, "the deadline")
    assert deployments(clocked)["flying"]["state"] in BUSY


@STEPS
def test_registrations_tokens_and_repetitions_take_no_notice_and_the_audit_keeps_its_order(clocked, step_s):
    wire = comes(clocked, "dev")
    silent = Wire(clocked)
    silent.registered("silent")
    first = silent.receive(60)
    clocked.set_clock(step_s)
    again = silent.receive(60)
    assert first.is_request and again.message_id == first.message_id
    assert wire.ask(POST, wire.location).code_text == "2.04"
    comes(clocked, "other")
    assert device_of(clocked, "dev")["registered"] and device_of(clocked, "silent")["registered"]
    seen = device_of(clocked, "other")["last_seen_ms"]
    wait_until(lambda: abs(device_of(clocked, "dev")["last_seen_ms"] - seen) < 60_000, 60, "dev seen by the new clock")
    wait_until(lambda: any(e["what"] == "clock.set" for e in clocked.json("audit", "list")["audit"]), 60, "the word of it")
    entries = clocked.json("audit", "list")["audit"]
    assert [e["sequence"] for e in entries] == sorted(e["sequence"] for e in entries)
    stepped = [e["subject"] for e in entries if e["what"] == "clock.set"]
    assert len(stepped) == 1 and re.fullmatch(r"by [+-]\d+ ms", stepped[0])
    assert abs(int(stepped[0].split()[1]) - step_s * 1000) < 1000


class CertifiedServerWithClock(CertifiedServer, ServerWithClock):
    """Certificates, and a wall clock that can be set."""


def test_who_may_get_in_by_dtls_is_told_by_the_clock_as_it_is(start, tmp_path, authority):
    key, file, _ = authority.issue("dev", days=(-1, 10))
    certified = CertifiedServerWithClock(start, tmp_path / "server", authority)
    psk = text_key(certified, tmp_path, "with-a-key", "its-identity", "a-key-of-its-own")

    def gets_in(wait_s: int = 60) -> bool:
        # A key is good at any time, and handshakes take no notice of a clock that was set before.
        assert "c:2.01" in ask(CLIENTS[0], register_uri(certified, "with-a-key"), "its-identity", psk)
        return "c:2.01" in show(CLIENTS[0], register_uri(certified, "dev"), "-c", file, "-j", key, "-C",
                                authority.file, wait=wait_s)
    assert gets_in()
    certified.set_clock(20 * DAY_S)  # the certificate has expired
    assert not gets_in(3)
    certified.set_clock(-20 * DAY_S)
    assert gets_in()
    certified.set_clock(-20 * DAY_S)  # it is not valid yet
    assert not gets_in(3)
