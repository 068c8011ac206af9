"""Devices in queue mode in a rollout: nothing is sent to a sleeper, nobody waits for it, and it goes on when it wakes."""
import re
import threading

import pytest
from conftest import make_package, wait_until
from lwm2m_client import operate
from lwm2m_peer import CONTENT_FORMAT, DELETE, LINK, LOCATION_PATH, POST, uint
from shims import ServerWithClock
from test_update import deployments, upload
from wire import LINKS, Wire

AWAKE_S = 93  # MAX_TRANSMIT_WAIT: so long a device listens after it has sent something
LIFETIME_S = 3600
LIMIT_S = 600


@pytest.fixture
def clocked(start, tmp_path) -> ServerWithClock:
    return ServerWithClock(start, tmp_path / "server")


def identified(server, endpoint: str):
    found = [d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint]
    return found and found[0]["registered"] and found[0]["version"] == "1.0.0"


def comes(server, endpoint: str, queue: bool, *queries: str) -> Wire:
    """A device registers, and the server knows who it is."""
    device = Wire(server)
    device.writable.add("/5/0/1")
    queries = [f"ep={endpoint}", f"lt={LIFETIME_S}", *(queries or ["lwm2m=1.1", "b=U"])] + ["Q"] * queue
    answer = device.ask(POST, "rd", queries, [(CONTENT_FORMAT, uint(LINK))], LINKS)
    assert answer.code_text == "2.01"
    device.location = "/".join(part.decode() for part in answer.all(LOCATION_PATH))
    device.serve_until(lambda: identified(server, endpoint), f"{endpoint} to be known", 60)
    return device


def roll_out(server, keys, folder, *options):
    package = upload(server, keys, make_package(folder, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--in-flight", "1", "--start", *options)


def says_why(server, endpoint: str) -> str:
    return deployments(server)[endpoint]["explanation"]


def hears_nothing(device, seconds: float = 2):
    message = device.receive(seconds)
    assert message is None, message


def is_asleep(server, endpoint: str):
    return lambda: "the device is asleep" in says_why(server, endpoint)


def says_that_it_sleeps(server, endpoint: str) -> str:
    """A rollout that has just begun, here or with the server, looks at its devices a moment later."""
    wait_until(is_asleep(server, endpoint), 60, "what its sleep means for the rollout")
    return says_why(server, endpoint)


def falls_asleep(server, endpoint: str):
    """What it has sent last may be read only when its time has gone by: then it is awake once more."""
    def sleeps():
        server.time_passes(AWAKE_S + 2)
        return any(is_asleep(server, endpoint)() for _ in range(20))
    wait_until(sleeps, 60, "its sleep")


def test_a_sleeper_is_sent_nothing_and_is_offered_the_package_when_it_wakes(clocked, keys, tmp_path):
    sleeper = comes(clocked, "sleeper", queue=True)
    clocked.time_passes(AWAKE_S + 2)
    roll_out(clocked, keys, tmp_path)
    why = says_that_it_sleeps(clocked, "sleeper")
    assert "pending: the device is asleep; it is offered the package when it wakes up" in why
    left_s = int(re.search(r"expected within (\d+) s", why)[1])
    assert LIFETIME_S - 300 < left_s <= LIFETIME_S - AWAKE_S - 2, why
    hears_nothing(sleeper)
    assert sleeper.ask(POST, sleeper.location).code_text == "2.04"
    sleeper.serve_until(lambda: sleeper.written.get("/5/0/1"), "the Package URI", 60)


def test_a_device_shown_alone_says_whether_it_sleeps_and_until_when(clocked):
    def shown(endpoint):
        said = clocked.json("device", "show", endpoint)
        return said["queue_mode"], said["asleep"], said["expected_at_ms"]

    sleeper = comes(clocked, "sleeper", queue=True)
    comes(clocked, "other", queue=False)
    assert shown("other") == (False, False, None)
    clocked.time_passes(AWAKE_S + 2)
    wait_until(lambda: shown("sleeper")[1], 60, "its sleep")
    assert shown("other") == (False, False, None)
    queue_mode, asleep, expected_at_ms = shown("sleeper")
    left_s = (expected_at_ms - clocked.json("device", "show", "sleeper")["last_seen_ms"]) / 1000
    assert (queue_mode, asleep) == (True, True) and 3000 < left_s <= 3700
    assert re.search(r"^asleep:?\s+yes$", clocked.kedge("device", "show", "sleeper").stdout, re.M)
    assert sleeper.ask(POST, sleeper.location).code_text == "2.04"
    wait_until(lambda: shown("sleeper") == (True, False, None), 60, "it to be awake")
    assert sleeper.ask(DELETE, sleeper.location).code_text == "2.02"
    wait_until(lambda: shown("sleeper") == (None, None, None), 60, "it to be gone")


def test_what_falls_asleep_at_work_makes_room_and_goes_on_when_it_wakes(clocked, keys, tmp_path):
    sleeper = comes(clocked, "a-sleeper", queue=True)
    other = comes(clocked, "other", queue=False)
    roll_out(clocked, keys, tmp_path, "--seed", 2)  # by which the sleeper comes first
    sleeper.serve_until(lambda: sleeper.written.get("/5/0/1"), "the Package URI", 60)
    sleeper.serve_until(lambda: deployments(clocked)["a-sleeper"]["state"] == "downloading", "the record", 60)
    sleeper.values["/5/0/3"] = b"1"
    falls_asleep(clocked, "a-sleeper")  # it answers nothing any more
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
    says_that_it_sleeps(clocked, "sleeper")
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


def downloads(server, keys, folder, binding: str) -> Wire:
    """A device of LwM2M 1.0, whose binding says whether it is in queue mode, in the middle of a download."""
    device = comes(server, "device", False, "lwm2m=1.0", f"b={binding}")
    roll_out(server, keys, folder, "--download-limit", str(LIMIT_S))
    device.serve_until(lambda: deployments(server)["device"]["state"] == "downloading", "the record", 60)
    device.values["/5/0/3"] = b"1"
    return device


def turns_to(device, binding: str):
    assert device.ask(POST, device.location, [f"b={binding}"]).code_text == "2.04"


def test_one_that_turns_to_queue_mode_at_work_has_its_lifetime_on_top(clocked, keys, tmp_path):
    device = downloads(clocked, keys, tmp_path, "U")
    turns_to(device, "UQ")
    falls_asleep(clocked, "device")
    clocked.time_passes(LIMIT_S)
    device.values["/5/0/3"] = b"2"
    assert device.ask(POST, device.location).code_text == "2.04"
    device.serve_until(lambda: deployments(clocked)["device"]["state"] in ("downloaded", "installing"), "State 2", 60)


def test_one_that_leaves_queue_mode_at_work_has_the_limit_that_all_have(clocked, keys, tmp_path):
    device = downloads(clocked, keys, tmp_path, "UQ")
    turns_to(device, "U")
    passed_s = 0

    def is_over():
        nonlocal passed_s
        if passed_s < LIFETIME_S / 2:  # by then it must be over, however long the server takes to look
            clocked.time_passes(100)
            passed_s += 100
        return deployments(clocked)["device"]["state"] == "timed_out"
    device.serve_until(is_over, "the end of the limit", 60)
    assert passed_s >= LIMIT_S
    assert f"no progress of the download for {LIMIT_S} s" in deployments(clocked)["device"]["reason"]
