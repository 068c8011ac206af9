"""Devices that claim what is not so: the server believes what they show after their return, and nothing else."""
import pytest
from conftest import make_package
from field_device import DOWNLOADING, IDLE, UPDATING, FieldDevice, ended, known, roll_out
from lwm2m_peer import ACK, POST, Message, code
from wire import Wire


class Liar(Wire):
    """Takes the Package URI and Execute, and says of itself what the test wants."""

    def __init__(self, server):
        super().__init__(server)
        self.writable.add("/5/0/1")
        self.executed = 0
        self.versions_told = 0

    def serve(self, message):
        self.versions_told += message.path == "/3/0/3"
        if message.code == POST and message.path == "/5/0/2":
            self.executed += 1
            self.send(Message(ACK, code("2.04"), message.message_id, message.token).encode())
            return
        super().serve(message)

    def says(self, state: int, result: int, version: str):
        self.values.update({"/5/0/3": str(state).encode(), "/5/0/5": str(result).encode(), "/3/0/3": version.encode()})


@pytest.fixture
def liar(server, keys, tmp_path):
    """A device on 1.0.0 that a rollout to 1.1.0 has been started for, with the options given."""
    def make(*options) -> Liar:
        server.kedge("trust", "add", "--name", "release", keys.public)
        server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
        package = server.json("package", "list")["packages"][0]["id"]
        device = Liar(server)
        device.registered("liar")
        device.serve_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"], "who it is", 60)
        server.kedge("rollout", "create", "--name", "trap", "--package", package, "--all", "--error-sample", "0",
                     "--start", *options)
        device.serve_until(lambda: device.written.get("/5/0/1"), "the Package URI")
        return device
    return make


@pytest.fixture
def deployment(server):
    return lambda: server.json("rollout", "show", "1", "--devices")["deployments"][0]


def ends(device, deployment, state):
    device.serve_until(lambda: deployment()["state"] not in ("offered", "downloading", "downloaded", "installing",
                                                             "verifying"), "the end", 60)
    assert deployment()["state"] == state, deployment()
    return deployment()


def to_execute(device):
    """It claims to have downloaded, without a byte of it, and is told to install."""
    device.says(2, 0, "1.0.0")
    device.serve_until(lambda: device.executed, "Execute", 60)


def test_success_on_the_old_version_is_a_failure(liar, deployment):
    device = liar()
    to_execute(device)
    device.says(0, 1, "1.0.0")
    device.registered("liar")
    ended = ends(device, deployment, "failed")
    assert "1.0.0" in ended["reason"]


def test_the_history_of_a_device_says_what_was_sent_and_what_came_back(server, liar, deployment):
    device = liar()
    to_execute(device)
    device.says(0, 1, "1.0.0")
    device.registered("liar")
    ends(device, deployment, "failed")
    shown = server.json("rollout", "show", "1", "--device", "liar")
    assert [d["endpoint"] for d in shown["deployments"]] == ["liar"]
    assert {entry["endpoint"] for entry in shown["history"]} == {"liar"}
    words = [entry["text"] for entry in shown["history"]]
    order = ["offered as 1 of at most", "the Package URI coap://", "answered 2.04 to the Package URI", "State 2 (downloaded)",
             "Execute /5/0/2 is sent", "answered 2.04 to Execute /5/0/2", "registered again after Execute", "but it runs version 1.0.0"]
    for expected in order:
        while expected not in words.pop(0):
            assert words, (expected, shown["history"])
    text = server.kedge("rollout", "show", "1", "--device", "liar").stdout
    assert "liar: offered: the Package URI coap://" in text
    assert "liar: offered -> downloading: answered 2.04 to the Package URI" in text
    assert "no such" not in text
    nobody = server.kedge("rollout", "show", "1", "--device", "nobody", check=False)
    assert nobody.returncode == 1 and "has no part in rollout 1" in nobody.stderr


def test_success_without_a_return_is_not_believed(liar, deployment):
    device = liar("--verify-limit", "8")
    to_execute(device)
    device.says(0, 1, "1.1.0")
    device.serve_until(lambda: deployment()["state"] == "verifying", "the trial")
    ends(device, deployment, "timed_out")


def test_success_before_execute_is_not_believed(liar, deployment):
    device = liar("--verify-limit", "6", "--soak", "1")
    device.says(0, 1, "1.1.0")
    ended = ends(device, deployment, "timed_out")
    assert device.executed == 0
    assert "not back" in ended["reason"]


def test_success_that_does_not_last_through_the_soak_is_a_failure(liar, deployment):
    device = liar("--soak", "4")
    to_execute(device)
    device.says(0, 1, "1.1.0")
    device.registered("liar")
    told = device.versions_told
    device.serve_until(lambda: device.versions_told > told, "who it is, which shows that it is done", 60)
    device.says(0, 1, "1.0.0")
    ends(device, deployment, "failed")


def test_success_that_falls_back_in_the_soak_of_its_group_turns_into_a_failure(server, liar, deployment):
    device = liar("--group-soak", "3600")
    to_execute(device)
    device.says(0, 1, "1.1.0")
    device.registered("liar")
    device.serve_until(lambda: deployment()["state"] == "succeeded", "the success", 60)
    device.says(0, 1, "1.0.0")
    device.registered("liar")
    device.serve_until(lambda: deployment()["state"] == "failed", "its end", 60)
    assert deployment()["reason"] == "had succeeded, and runs version 1.0.0 now instead of 1.1.0"
    group = server.json("rollout", "show", "1")["groups"][0]
    assert group["errors"] == group["counts"]["failed"] == 1


def test_the_new_version_with_a_failure_is_no_success(liar, deployment):
    device = liar("--verify-limit", "8")
    to_execute(device)
    device.says(0, 8, "1.1.0")
    device.registered("liar")
    assert ends(device, deployment, "timed_out")["update_result"] != 1


class ComesAndGoes(FieldDevice):
    """It never says that it has downloaded, but that it installs; then it registers again and downloads."""

    rounds = 0

    def download(self):
        if self.todo or self.ending:
            return
        for state in (UPDATING, DOWNLOADING):
            self.becomes(state)
            self.serve_for(0.5)
        self.rounds += 1
        self.observed.clear()
        self.register_it()
        self.todo.append(self.download)


class NeverMeantIt(FieldDevice):
    """It is busy whenever it is offered something, and shows State 0 and 1 in turn all the same."""

    def take_uri(self, message, uri):
        self.reply(message, "5.03")
        self.given = self.objects[5][1] = uri
        if not self.todo:
            self.todo.append(self.turn_about)

    def turn_about(self):
        self.becomes(IDLE if self.state() == DOWNLOADING else DOWNLOADING)
        self.serve_for(1)
        if not self.ending:
            self.todo.append(self.turn_about)


@pytest.mark.parametrize("kind", [ComesAndGoes, NeverMeantIt])
def test_one_that_goes_back_again_and_again_is_given_up(server, keys, tmp_path, kind):
    device = kind(server).begin()
    try:
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
        done = ended(server, device, 240)
    finally:
        device.end()
    assert done["state"] == "failed" and "went back 9 times" in done["reason"], done
    assert device.executes == 0
