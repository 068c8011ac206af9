"""Devices in queue mode in a rollout: nothing is sent to a sleeper, nobody waits for it, and it goes on when it wakes."""
import threading

import pytest
from conftest import make_package, wait_until
from lwm2m_client import operate
from lwm2m_peer import CONTENT_FORMAT, LINK, LOCATION_PATH, POST, uint
from shims import ServerWithClock
from test_update import deployments, upload
from wire import LINKS, Wire

AWAKE_S = 93  # MAX_TRANSMIT_WAIT: so long a device listens after it has sent something
LIFETIME_S = 3600


@pytest.fixture
def clocked(start, tmp_path) -> ServerWithClock:
    return ServerWithClock(start, tmp_path / "server")


def identified(server, endpoint: str):
    found = [d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint]
    return found and found[0]["registered"] and found[0]["version"] == "1.0.0"


def comes(server, endpoint: str, queue: bool) -> Wire:
    """A device registers, and the server knows who it is."""
    device = Wire(server)
    device.writable.add("/5/0/1")
    queries = [f"ep={endpoint}", f"lt={LIFETIME_S}", "lwm2m=1.1", "b=U"] + ["Q"] * queue
    answer = device.ask(POST, "rd", queries, [(CONTENT_FORMAT, uint(LINK))], LINKS)
    assert answer.code_text == "2.01"
    device.location = "/".join(part.decode() for part in answer.all(LOCATION_PATH))
    device.serve_until(lambda: identified(server, endpoint), f"{endpoint} to be known", 60)
    return device


def roll_out(server, keys, folder):
    package = upload(server, keys, make_package(folder, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--in-flight", "1", "--start")


def says_why(server, endpoint: str) -> str:
    return deployments(server)[endpoint]["explanation"]


def hears_nothing(device, seconds: float = 2):
    message = device.receive(seconds)
    assert message is None, message


def is_asleep(server, endpoint: str):
    return lambda: "the device is asleep" in says_why(server, endpoint)


def test_a_sleeper_is_sent_nothing_and_is_offered_the_package_when_it_wakes(clocked, keys, tmp_path):
    sleeper = comes(clocked, "sleeper", queue=True)
    clocked.time_passes(AWAKE_S + 2)
    roll_out(clocked, keys, tmp_path)
    why = says_why(clocked, "sleeper")
    assert "pending: the device is asleep; it is offered the package when it wakes up" in why
    assert "expected within 35" in why  # of 3,600 s, 95 have gone by
    hears_nothing(sleeper)
    assert sleeper.ask(POST, sleeper.location).code_text == "2.04"
    sleeper.serve_until(lambda: sleeper.written.get("/5/0/1"), "the Package URI", 60)


def test_what_falls_asleep_at_work_makes_room_and_goes_on_when_it_wakes(clocked, keys, tmp_path):
    sleeper = comes(clocked, "a-sleeper", queue=True)
    other = comes(clocked, "other", queue=False)
    roll_out(clocked, keys, tmp_path)
    sleeper.serve_until(lambda: sleeper.written.get("/5/0/1"), "the Package URI", 60)
    sleeper.serve_until(lambda: deployments(clocked)["a-sleeper"]["state"] == "downloading", "the record", 60)
    sleeper.values["/5/0/3"] = b"1"
    clocked.time_passes(AWAKE_S + 2)
    wait_until(is_asleep(clocked, "a-sleeper"), 60, "its sleep")  # it answers nothing any more
    assert "it goes on when it wakes up, which is expected within" in says_why(clocked, "a-sleeper")
    other.serve_until(lambda: other.written.get("/5/0/1"), "the Package URI for the other one", 60)
    sleeper.values["/5/0/3"] = b"2"
    assert sleeper.ask(POST, sleeper.location).code_text == "2.04"
    sleeper.serve_until(lambda: deployments(clocked)["a-sleeper"]["state"] in ("downloaded", "installing"), "State 2", 60)


def test_after_a_restart_of_the_server_a_sleeper_is_waited_for(clocked, keys, tmp_path):
    sleeper = comes(clocked, "sleeper", queue=True)
    clocked.time_passes(AWAKE_S + 2)
    roll_out(clocked, keys, tmp_path)
    clocked.kill()
    clocked.begin()
    assert "the device is asleep" in says_why(clocked, "sleeper")
    hears_nothing(sleeper)
    assert sleeper.ask(POST, sleeper.location).code_text == "2.04"
    sleeper.serve_until(lambda: sleeper.written.get("/5/0/1"), "the Package URI", 60)


def test_what_a_device_falls_asleep_over_is_not_sent_again_before_it_wakes(clocked):
    """Neither the question that it has not answered, nor the one behind that."""
    sleeper = comes(clocked, "sleeper", queue=True)
    answers = {}

    def ask(path):
        answers[path] = operate(clocked, {"operation": "read", "path": path, "timeout_s": 60}, "sleeper")
    clocked.time_passes(AWAKE_S - 25)
    for path in ("/3/0/0", "/3/0/1"):
        threading.Thread(target=ask, args=(path,), daemon=True).start()
    assert sleeper.receive(60).is_request
    clocked.time_passes(27)
    wait_until(lambda: "sleeps" in operate(clocked, {"operation": "read", "path": "/3/0/3", "timeout_s": 1}, "sleeper")[1]
               .get("detail", ""), 60, "its sleep")
    while sleeper.receive(0.1) is not None:
        pass  # what was on its way
    hears_nothing(sleeper, 7)  # it would be sent again after 6 seconds at most
    sleeper.ask(POST, sleeper.location)
    sleeper.serve_until(lambda: len(answers) == 2, "both answers", 60)
    assert {status for status, _ in answers.values()} == {200}, answers
