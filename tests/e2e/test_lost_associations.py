"""A killed server has lost the associations of its devices, and only they can make new ones: they are waited for."""
import time

import pytest
from conftest import make_package
from field_device import IDLE, NEW, UPDATING, SecureFieldDevice, deployments, ended, known, roll_out
from lwm2m_client import until
from lwm2m_peer import GET, POST
from shims import ServerWithClock
from test_dtls import SecureServer
from wire import Wire

LIFETIME_S, LIMIT_S = 3600, 600
LIMITS = ["--offer-limit", str(LIMIT_S), "--verify-limit", str(LIMIT_S)]


class SecureServerWithClock(SecureServer, ServerWithClock):
    def all_grow_older(self, by_s):
        super().all_grow_older(by_s)
        for _ in range(2):  # what has become due by then is done between two requests
            Wire(self).ask(GET, "nothing")


class OnTrial(SecureFieldDevice):
    """Back after Execute, but still in Updating until its trial is over; by DTLS."""

    endpoint = "client"
    queries = (f"lt={LIFETIME_S}", "lwm2m=1.1", "b=U")


    def register_it(self):
        if self.executes and len(self.registers) == 1:
            self.objects[5].update({3: UPDATING, 5: 0})
        super().register_it()

    def ends_its_trial(self):
        self.objects[5].update({3: IDLE, 5: 1})

    def hangs_up(self):
        self.wire.hang_up()
        self.wire = None

    def receive(self, timeout=60):
        return super().receive(timeout) if self.wire is not None else time.sleep(0.05)

    def comes_back(self):
        """Its next Update, which needs an association."""
        self.reconnect()
        assert self.ask(POST, self.location).code_text == "2.04"

    def restarts(self):
        self.reconnect()
        self.observed.clear()
        self.register_it()


@pytest.fixture
def clocked(start, tmp_path):
    return SecureServerWithClock(start, tmp_path / "server")


@pytest.fixture
def device(clocked, tmp_path):
    key = bytes.fromhex(clocked.enroll(tmp_path, ("client", "identity"))["client"])
    made = OnTrial(clocked, psk=("identity", key)).begin()
    known(clocked)
    yield made
    made.end()


@pytest.fixture
def update(clocked, keys, tmp_path):
    package = make_package(tmp_path, keys, NEW, 2)
    return lambda: roll_out(clocked, keys, package, *LIMITS)


def state(server):
    return deployments(server)["client"]["state"]


def history(server):
    return [entry["text"] for entry in server.json("rollout", "show", "1", "--device", "client")["history"]]


def passes_until(server, condition, since: float) -> float:
    """So many seconds, in steps of 100 and with those that really passed since then."""
    passed_s = 0

    def is_so():
        nonlocal passed_s
        server.all_grow_older(100)
        passed_s += 100
        return condition()
    until(is_so, 180)
    return passed_s + time.monotonic() - since


def restart(server):
    server.kill()
    server.begin()


def on_trial(server, device, update):
    """Executed, registered again, and the server was killed then."""
    update()
    until(lambda: "registered again after Execute" in history(server))
    assert state(server) == "verifying"
    restart(server)
    until(lambda: "the device has no association by DTLS; it is expected within" in history(server)[-1])


@pytest.mark.parametrize("way", ["comes_back", "restarts"])
def test_a_device_that_is_verifying_is_waited_for_until_its_next_update(clocked, device, update, way):
    on_trial(clocked, device, update)
    clocked.all_grow_older(LIMIT_S + 100)
    assert state(clocked) == "verifying"
    why = deployments(clocked)["client"]["explanation"]
    assert "no association by DTLS, and holds no place; it goes on when it has made one, which is expected within 2" in why
    device.ends_its_trial()
    device.todo.append(getattr(device, way))
    assert ended(clocked, device)["state"] == "succeeded"
    assert device.executes == 1


def test_once_it_can_be_reached_its_limit_is_what_the_rollout_says(clocked, device, update):
    on_trial(clocked, device, update)
    clocked.all_grow_older(LIMIT_S + 100)
    since = time.monotonic()
    device.todo.append(device.comes_back)
    until(lambda: "the device can be reached again" in history(clocked))
    assert LIMIT_S <= passes_until(clocked, lambda: state(clocked) == "timed_out", since) < LIFETIME_S
    assert f"not back and confirmed {LIMIT_S} s after" in deployments(clocked)["client"]["reason"]


def test_an_offer_to_it_is_waited_with_as_well(clocked, device, update):
    restart(clocked)
    update()
    clocked.all_grow_older(LIMIT_S + 100)
    assert state(clocked) == "pending" and device.given is None
    assert "no association by DTLS; it is offered the package when it has made one" in deployments(clocked)["client"]["explanation"]
    device.todo.append(device.comes_back)
    until(lambda: "registered again after Execute" in history(clocked))
    device.ends_its_trial()
    device.todo.append(device.comes_back)
    assert ended(clocked, device)["state"] == "succeeded"


def hangs_up_on_trial(server, device, update):
    update()
    until(lambda: "registered again after Execute" in history(server))
    device.todo.append(device.hangs_up)
    server.process.wait_for(r"\(client\): ended the association")


def test_one_that_ended_its_association_itself_is_waited_for_as_well(clocked, device, update):
    hangs_up_on_trial(clocked, device, update)
    clocked.all_grow_older(LIMIT_S + 100)
    until(lambda: any("the device has no association by DTLS" in words for words in history(clocked)))
    device.ends_its_trial()
    device.todo.append(device.comes_back)
    assert ended(clocked, device)["state"] == "succeeded"
    assert "the device can be reached again" in history(clocked)


@pytest.mark.parametrize("killed", [True, False])
def test_one_that_does_not_come_within_its_lifetime_either_is_given_up(clocked, device, update, killed):
    since = time.monotonic()
    (on_trial if killed else hangs_up_on_trial)(clocked, device, update)
    passed_s = passes_until(clocked, lambda: state(clocked) == "timed_out", since)
    assert LIFETIME_S + LIMIT_S <= passed_s < 2 * LIFETIME_S
