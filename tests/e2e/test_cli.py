"""kedge against a server that plays what it is told: exit statuses, messages, tables, the watch."""
import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import unicodedata
import urllib.parse

import pytest

from conftest import ROOT, free_port, program, run, wait_until

TOKEN = "a-token"


class Script(http.server.ThreadingHTTPServer):
    """Answers each path from `answers`: (status, body), or a function of the request that gives one; `streams` answer themselves."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.answers, self.streams, self.seen = {}, {}, []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        if parts.path in self.server.streams:
            self.server.streams[parts.path](self)
            return
        reply = self.server.answers.get(parts.path, (404, {"detail": "not in the script", "code": "not_found"}))
        status, content = reply(self) if callable(reply) else reply
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(0 if status == 204 else len(data)))
        self.send_header("Connection", "close")  # so that a server that has ended answers nobody
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def script():
    server = Script()
    yield server
    server.end()


@pytest.fixture
def kedge(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    return lambda *args, **keywords: run(program("kedge"), "--server", script.url, "--token-file", token, *args,
                                         **keywords)


@pytest.fixture
def shell_kedge(script, tmp_path):
    """shell_kedge(redirection, words): kedge as the shell starts it."""
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    return lambda redirection, *args: run("sh", "-c", f'exec "$@" {redirection}', "sh", program("kedge"), "--server", script.url,
                                          "--token-file", token, *args)


def entry(number, to, endpoint="", text="", before="running"):
    return {"id": number, "at_ms": 1000, "rollout_id": 7, "group_index": 0 if endpoint else None,
            "deployment_id": 1 if endpoint else None, "endpoint": endpoint, "who": "server", "from": before, "to": to,
            "text": text}


class Rollout:
    """A rollout that takes one step of `states` with each look."""

    def __init__(self, script, states, history=()):
        self.states, self.history = list(states), list(history)
        script.answers["/api/v1/rollouts/7"] = self.show
        script.answers["/api/v1/rollouts/7/history"] = self.list_history
        script.answers["/api/v1/rollouts/7/deployments"] = (200, {"deployments": [], "next": None})
        script.answers["/api/v1/rollouts/7/groups"] = lambda _: (200, {"groups": self.groups, "next": None})
        self.groups = []

    def show(self, _):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, {"id": 7, "name": "haul", "state": state, "explanation": f"it is {state}",
                     "counts": {"succeeded": 1, "failed": 1, "pending": 0}}

    def list_history(self, request):
        after = int(request.query["cursor"])
        left = [e for e in self.history if e["id"] > after]
        page = left[:2]
        return 200, {"history": page, "next": str(page[-1]["id"]) if len(left) > 2 else None}


# ---- the watch ----

@pytest.mark.parametrize("end, status", [("finished", 0), ("paused", 1), ("aborted", 1), ("rolled_back", 1)])
def test_watch_ends_with_the_rollout_and_tells_how_by_its_exit_status(script, kedge, end, status):
    Rollout(script, ["running", "running", end])
    done = kedge("rollout", "watch", "7")
    assert done.returncode == status
    assert f"haul\" {end}: 1 succeeded, 1 failed" in done.stdout
    assert (f"it is {end}" in done.stdout) == (status != 0)


def test_watch_prints_each_change_once_and_in_order_when_it_is_no_terminal(script, kedge):
    changes = [entry(n, "installing", f"boat-{n}", before="downloaded") for n in range(3, 10)]
    Rollout(script, ["running", "running", "running", "finished"], changes)
    lines = kedge("rollout", "watch", "7").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines[:-1]] == [
        f"boat-{n}: downloaded -> installing" for n in range(3, 10)]


def test_watch_as_json_is_a_line_for_each_change_and_one_for_the_end(script, kedge):
    Rollout(script, ["running", "finished"], [entry(1, "running", before="draft")])
    lines = [json.loads(line) for line in kedge("--json", "rollout", "watch", "7").stdout.splitlines()]
    assert [line.get("to") for line in lines] == ["running", None]
    assert lines[-1]["state"] == "finished"


def test_watch_waits_for_a_server_that_restarts(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    first = Script()
    Rollout(first, ["running"])
    port = first.server_address[1]
    outcome = {}
    watcher = threading.Thread(target=lambda: outcome.update(done=run(
        program("kedge"), "--server", first.url, "--token-file", token, "rollout", "watch", "7")))
    watcher.start()

    def looked_twice(server):  # so that the first look has its answer
        return [path for _, path, _, _ in server.seen].count("/api/v1/rollouts/7") >= 2
    wait_until(lambda: looked_twice(first), what="the first look")
    first.end()
    second = Script(port)
    second.answers["/api/v1/rollouts/7"] = (503, {"detail": "starting", "code": "busy"})
    wait_until(lambda: looked_twice(second), what="a look at the second server")
    Rollout(second, ["finished"])
    watcher.join(120)
    second.end()
    assert outcome["done"].returncode == 0
    assert "waiting for it" in outcome["done"].stderr


def test_watch_of_a_rollout_that_is_not_there_is_refused(kedge):
    done = kedge("rollout", "watch", "7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not in the script" in done.stderr


def terminal(args, columns):
    """Runs a program on a terminal of its own; its exit status and all that it wrote."""
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(args[0], [str(a) for a in args])
    output = b""
    with contextlib.suppress(OSError):  # the end of a terminal is EIO
        while data := os.read(master, 65536):
            output += data
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()


def test_watch_on_a_terminal_draws_a_bar_and_names_who_did_not_make_it(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    Rollout(script, ["running", "running", "running", "finished"],
            [entry(1, "installing", "fine", before="downloaded"),
             entry(2, "failed", "sick\x1b[2J", "health check", before="verifying")])
    status, output = terminal(
        [program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 70)
    assert status == 0
    assert "[####" in output
    assert "sick?[2J: verifying -> failed: health check" in output
    assert "fine" not in output
    drawn = [part for part in re.split(r"[\r\n]+|\x1b\[\d*[AJ]", output) if part.startswith("[")]
    assert drawn and all(len(line) < 70 for line in drawn)


def group(name, state, **counts):
    return {"name": name, "state": state, "counts": counts}


def screens(output):
    """What stood at the foot of the terminal, each time that it was drawn."""
    return [re.split(r"[\r\n]+", part) for part in re.split(r"\r?(?:\x1b\[\d+A)?\x1b\[J", output)]


def test_watch_on_a_terminal_has_a_bar_for_each_group_within_its_width(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    names = ["canary", "группа с длинным именем", "第一組的設備很多很多很多很多", "กลุ่มที่สี่", "rest\x1b[2J"]
    rollout = Rollout(script, ["running"] * 3 + ["finished"])
    rollout.groups = [group(names[0], "succeeded", succeeded=4), group(names[1], "running", downloading=3, succeeded=1),
                      *(group(name, "scheduled", pending=9) for name in names[2:])]
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 80)
    assert status == 0
    drawn = [screen for screen in screens(output) if len(screen) == 6]
    assert drawn
    for screen in drawn:
        assert screen[0].startswith("[") and "running: 1 succeeded, 1 failed" in screen[0]
        assert "[####################] 100 %  succeeded: 4 succeeded" in screen[1] or "] 100 %  succeeded: 4 s" in screen[1]
        assert "running: 3 downloading" in screen[2] and screen[5].startswith("rest?[2J ")
        assert all(columns(line) < 80 for line in screen)
        assert len({columns(line[:line.index(" [") + 1]) for line in screen[1:]}) == 1  # the bars begin in one column


def columns(text):
    """What a terminal takes for it."""
    return sum(0 if unicodedata.combining(mark) or unicodedata.category(mark) == "Mn" else
               2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)


def test_of_many_groups_those_that_run_are_in_sight(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    rollout = Rollout(script, ["running"] * 2 + ["finished"])
    rollout.groups = [group(f"g{n}", "succeeded" if n < 40 else "running" if n == 40 else "scheduled", pending=1) for n in range(64)]
    _, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 80)
    drawn = [screen for screen in screens(output) if len(screen) > 5]
    assert drawn and all(screen[1].startswith("g39 ") and screen[2].startswith("g40 ") and len(screen) == 22 for screen in drawn)


class Events:
    """The stream of events: after each look at the rollout it tells of a change; or it ends at once."""

    def __init__(self, script, rollout, ends=False):
        self.asked, self.looks, self.ends = 0, 0, ends
        shown = rollout.show

        def show(request):
            self.looks += 1
            return shown(request)
        script.answers["/api/v1/rollouts/7"] = show
        script.streams["/api/v1/events"] = self.stream

    def stream(self, request):
        self.asked += 1
        write = request.wfile.write
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        write(b"id: 1-1\nevent: ready\ndata: {}\n\n")
        told = 0
        with contextlib.suppress(OSError, AssertionError):  # whoever watched has gone
            while not self.ends:
                wait_until(lambda: self.looks > told, what="a look")
                told = self.looks
                write(b"event: rollout\ndata: {}\n\n")


def test_a_watch_looks_when_it_is_told_of_a_change(script, kedge):
    rollout = Rollout(script, ["running"] * 25 + ["finished"])
    events = Events(script, rollout)
    began = time.monotonic()
    assert kedge("rollout", "watch", "7").returncode == 0
    # It would look every two seconds by itself.
    assert time.monotonic() - began < 40
    assert events.asked == 1
    path = next(seen for _, seen, _, _ in script.seen if seen.startswith("/api/v1/events"))
    assert path == "/api/v1/events?kinds=rollout,group&rollout=7"


def test_a_stream_that_ends_is_asked_for_again_and_meanwhile_it_looks(script, kedge):
    rollout = Rollout(script, ["running"])
    events = Events(script, rollout, ends=True)
    done = {}
    watcher = threading.Thread(target=lambda: done.update(status=kedge("rollout", "watch", "7").returncode))
    watcher.start()
    wait_until(lambda: events.asked >= 2, what="the second stream")
    assert events.looks > 2  # one before each stream, and some between them: two seconds have gone by
    rollout.states = ["finished"]
    watcher.join(60)
    assert done["status"] == 0


def test_events_that_are_refused_are_not_asked_for_again(script, kedge):
    Rollout(script, ["running"] * 10 + ["finished"])
    script.answers["/api/v1/events"] = (403, {"detail": "not for you", "code": "role"})
    assert kedge("rollout", "watch", "7").returncode == 0
    assert len([path for _, path, _, _ in script.seen if path.startswith("/api/v1/events")]) == 1


# ---- a device, watched ----

class Deployments:
    """A device's deployments: one that has ended, and from the second look on another one that goes its way."""

    def __init__(self, script, states):
        self.states, self.looks = list(states), 0
        old = {"id": 3, "rollout_id": 1, "state": "failed", "ended_at_ms": 5, "explanation": ""}
        self.old, self.history = old, [{**entry(1, "failed", "boat"), "deployment_id": 3}] + [
            {**entry(10 + number, state, "boat", before=before), "deployment_id": 4}
            for number, (before, state) in enumerate(zip(["pending", *states], states))]
        script.answers["/api/v1/devices/boat/deployments"] = self.list
        script.answers["/api/v1/devices/boat/history"] = self.list_history

    def list(self, _):
        self.looks += 1
        if self.looks == 1:
            return 200, {"deployments": [self.old], "next": None}
        state = self.states[min(self.looks - 2, len(self.states) - 1)]
        ended = 9 if state in ("succeeded", "failed") else None
        new = {"id": 4, "rollout_id": 7, "state": state, "ended_at_ms": ended, "explanation": f"it is {state}",
               "bytes_done": 512 << 10, "bytes_total": 1 << 20}
        return 200, {"deployments": [self.old, new], "next": None}

    def list_history(self, request):
        after = int(request.query.get("cursor", 0))
        shown = self.history[:max(0, self.looks)]
        return 200, {"history": [one for one in shown if one["id"] > after], "next": None}


@pytest.mark.parametrize("end, status", [("succeeded", 0), ("failed", 1)])
def test_a_device_is_watched_through_its_next_deployment(script, kedge, end, status):
    Deployments(script, ["offered", "downloading", "verifying", end])
    done = kedge("device", "watch", "boat")
    assert done.returncode == status
    lines = done.stdout.splitlines()
    assert lines[0] == "boat has no deployment under way: waiting for one"
    assert [line.split("  ")[1] for line in lines[1:-1]] == [
        "boat: pending -> offered", "boat: offered -> downloading", "boat: downloading -> verifying", f"boat: verifying -> {end}"]
    assert lines[-1] == f"boat {end} in rollout 7: it is {end}"


def test_a_device_watched_as_json_is_a_line_for_each_change_and_its_deployment(script, kedge):
    Deployments(script, ["offered", "succeeded"])
    lines = [json.loads(line) for line in kedge("--json", "device", "watch", "boat").stdout.splitlines()]
    assert [line.get("to") for line in lines] == ["offered", "succeeded", None]
    assert (lines[-1]["id"], lines[-1]["state"]) == (4, "succeeded")


def test_a_device_watched_on_a_terminal_has_a_bar(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    Deployments(script, ["offered", "downloading", "downloading", "succeeded"])
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "device", "watch", "boat"], 100)
    assert status == 0
    assert any("]  32 %  downloading 512.0 KiB of 1.0 MiB: it is downloading" in line for screen in screens(output) for line in screen), output


def test_a_device_that_is_not_there_is_not_watched(kedge):
    done = kedge("device", "watch", "boat")
    assert (done.returncode, done.stdout) == (1, "")


# ---- all rollouts, watched ----

def test_all_rollouts_are_watched_a_line_for_each_change(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    rollouts = {number: {"id": number, "name": f"haul {number}", "state": "running", "counts": {"pending": 2}} for number in (2, 1)}
    looks = []

    def shown(request):
        looks.append(request.path)
        return 200, {"rollouts": list(rollouts.values()), "next": None}
    script.answers["/api/v1/rollouts"] = shown
    for extra, first in (([], "rollout 1 \"haul 1\" running: 2 pending"), (["--json"], '"name":"haul 1"')):
        rollouts[1]["state"] = rollouts[2]["state"] = "running"
        process = subprocess.Popen([program("kedge"), "--server", script.url, "--token-file", token, *extra, "rollout", "list", "--watch"],
                                   stdout=subprocess.PIPE, text=True)
        lines = [process.stdout.readline() for _ in range(2)]
        assert first in lines[0] and "haul 2" in lines[1]
        seen = len(looks)
        wait_until(lambda: len(looks) > seen + 1, what="another look")
        rollouts[2]["state"] = "finished"
        changed = process.stdout.readline()
        assert "haul 2" in changed and "finished" in changed
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM and process.stdout.read() == ""


# ---- exit statuses and messages ----

def test_what_is_refused_is_1_with_the_reason_and_what_to_do(script, kedge, tmp_path):
    package = tmp_path / "p.suit"
    package.write_bytes(b"bytes")
    script.answers["/api/v1/packages"] = (422, {"detail": "no trusted key signed it", "code": "signature"})
    done = kedge("package", "upload", package)
    assert (done.returncode, done.stdout) == (1, "")
    assert "p.suit: refused: no trusted key signed it" in done.stderr
    assert "kedge trust add" in done.stderr
    script.answers["/api/v1/devices"] = (401, {"detail": "this server knows no such token", "code": "token"})
    done = kedge("device", "list")
    assert done.returncode == 1
    assert "KEDGE_TOKEN_FILE" in done.stderr


def test_no_server_is_3_and_said_with_its_address(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    url = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    for command in (["device", "list"], ["package", "upload", str(token)], ["rollout", "watch", "1"]):
        done = run(program("kedge"), "--server", url, "--token-file", token, *command)
        assert done.returncode == 3
        assert url in done.stderr


def test_no_token_is_3_and_says_where_it_is(tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KEDGE_")}
    done = run(program("kedge"), "device", "list", env=clean)
    assert done.returncode == 3
    assert "admin.token" in done.stderr
    done = run(program("kedge"), "--token-file", tmp_path / "none", "device", "list", env=clean)
    assert done.returncode == 3
    assert str(tmp_path / "none") in done.stderr


def test_the_token_goes_into_the_header_and_the_environment_is_enough(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    script.answers["/api/v1/devices"] = (200, {"devices": [], "next": None})
    done = run(program("kedge"), "device", "list",
               env={**os.environ, "KEDGE_SERVER": script.url + "/", "KEDGE_TOKEN_FILE": str(token)})
    assert done.returncode == 0
    assert script.seen[0][1:3] == ("/api/v1/devices?limit=500", f"Bearer {TOKEN}")


def test_what_answers_but_is_no_kedged_is_3(script, kedge):
    script.answers["/api/v1/devices"] = (200, b"<html>hello</html>")
    done = kedge("device", "list")
    assert done.returncode == 3
    assert "no kedged" in done.stderr


def test_usage_is_2_and_asks_nobody(script, kedge):
    for args in (["device"], ["rollout", "create"], ["rollout", "create", "--name", "a", "--package", "b"],
                 ["rollout", "create", "--name", "a", "--package", "b", "--all", "--device", "x"],
                 ["device", "tag", "x", "nonsense"], ["device", "tag", "x", "=y"], ["trust", "add", "x.pem"],
                 ["trust", "add", "--name", "a", "/nonexistent"], ["package", "upload", "/nonexistent"],
                 ["package", "upload", "/"]):
        done = kedge(*args)
        assert done.returncode == 2, args
        assert done.stderr.startswith(("kedge: ", "usage: "))
    assert script.seen == []


def test_a_private_key_is_not_sent(script, kedge, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n-----BEGIN PUBLIC KEY-----\n")
    done = kedge("trust", "add", "--name", "a", key)
    assert done.returncode == 2
    assert "private key" in done.stderr
    assert script.seen == []


# ---- what is asked, and what is shown ----

def test_a_list_is_fetched_page_by_page(script, kedge):
    pages = {None: ["a", "b"], "b&=": ["c"], "c": []}

    def devices(request):
        cursor = request.query.get("cursor")
        following = {None: "b&=", "b&=": "c", "c": None}[cursor]
        return 200, {"devices": [{"endpoint": e} for e in pages[cursor]], "next": following}

    script.answers["/api/v1/devices"] = devices
    listed = json.loads(kedge("--json", "device", "list", "--vendor", "a b&c", "--class", "d=e").stdout)
    assert [d["endpoint"] for d in listed["devices"]] == ["a", "b", "c"]
    assert all("vendor=a%20b%26c&class=d%3De" in path for _, path, _, _ in script.seen)


def test_names_are_escaped_on_their_way_and_harmless_on_the_terminal(script, kedge):
    name = "urn:dev/1?#é"
    path = "/api/v1/devices/" + urllib.parse.quote(name, safe="")
    script.answers[path] = (200, {"endpoint": "evil\x1b]0;title\x07", "version": "1\n2"})
    done = kedge("device", "show", name)
    assert done.returncode == 0
    assert script.seen[0][1] == path
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout
    assert "evil?]0;title?" in done.stdout


@pytest.mark.parametrize("name", [".", "..", "-rf"])
def test_no_name_is_taken_for_a_way_through_folders_or_for_an_option(script, kedge, name):
    path = "/api/v1/devices/" + name
    script.answers[path] = (200, {"endpoint": name})
    assert kedge("device", "show", "--", name).returncode == 0
    assert script.seen[0][1] == path


def test_help_has_a_gap_between_a_command_and_what_it_does(kedge):
    for line in kedge("--help").stdout.splitlines():
        if line.startswith("  device tag"):
            assert line.endswith("...")
            return
    raise AssertionError("device tag is not in the help")


def test_nothing_that_the_server_says_steers_the_terminal(script, kedge, tmp_path):
    evil = "x\x1b[2J\x9b31m\x07"
    record = {name: evil for name in ("name", "state", "version", "vendor", "class", "explanation", "package_id",
                                      "algorithm", "id", "endpoint")}
    script.answers["/api/v1/rollouts"] = (201, record)
    script.answers["/api/v1/rollouts/7"] = script.answers["/api/v1/rollouts/7/pause"] = (200, record)
    script.answers["/api/v1/rollouts/7/groups"] = (200, {"groups": [record]})
    script.answers["/api/v1/trust"] = (201, record)
    script.answers["/api/v1/packages"] = (422, {"detail": evil, "code": evil})
    script.answers["/api/v1/devices"] = (200, {"devices": [record], "next": None})
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PUBLIC KEY-----\n")
    for args in (["rollout", "create", "--name", "a", "--package", "b", "--all"], ["rollout", "show", "7"],
                 ["rollout", "pause", "7"], ["trust", "add", "--name", "a", key], ["package", "upload", key],
                 ["device", "list"]):
        done = kedge(*args)
        said = done.stdout + done.stderr
        assert "x?[2J?31m?" in said, args
        assert not set(said) & {"\x1b", "\x9b", "\x07"}, args


def test_a_table_fits_the_terminal(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    script.answers["/api/v1/devices"] = (200, {"devices": [
        {"endpoint": "urn:dev:os:32473-" + "1234567890" * 5, "class": "c" * 30, "version": "1.0.0",
         "registered": True, "address": "[2001:db8::1]:5683", "last_seen_ms": 1}], "next": None})
    args = [program("kedge"), "--server", script.url, "--token-file", token, "device", "list"]
    status, output = terminal(args, 80)
    assert status == 0
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "1.0.0" in output
    assert "1234567890" * 5 in run(*args).stdout


def test_create_sends_what_the_options_say(script, kedge):
    script.answers["/api/v1/rollouts"] = (201, {"id": 7, "state": "running", "version": "1", "device_count": 2})
    done = kedge("rollout", "create", "--name", "n", "--package", "p", "--device", "a", "b", "--soak", "1",
                 "--error-threshold", "50", "--error-action", "abort", "--in-flight", "3", "--start")
    assert done.returncode == 0, done.stderr
    assert json.loads(script.seen[0][3]) == {
        "name": "n", "package_id": "p", "devices": ["a", "b"], "start": True,
        "policy": {"deployment_soak_s": 1, "error_threshold_percent": 50, "error_action": "abort",
                   "in_flight_max": 3}}
    kedge("rollout", "create", "--name", "n", "--package", "p", "--all")
    assert json.loads(script.seen[1][3]) == {"name": "n", "package_id": "p", "all_devices": True, "start": False,
                                             "policy": {}}


def test_create_sends_the_groups_as_they_are_said(script, kedge):
    script.answers["/api/v1/rollouts"] = (201, {"id": 7, "state": "ready", "version": "1", "device_count": 2})
    begin = ["rollout", "create", "--name", "n", "--package", "p", "--all", "--revert-package", "q"]
    done = kedge(*begin, "--group", "a=b=10%", "--group=100", "--group", "last=rest", "--spread-by", "site", "--seed", "0")
    assert done.returncode == 0, done.stderr
    body = json.loads(script.seen[0][3])
    assert body["groups"] == [{"name": "a=b", "percent": 10}, {"count": 100}, {"name": "last", "rest": True}]
    assert (body["spread_by"], body["seed"], body["revert_package_id"]) == ("site", 0, "q")
    for wrong in ("", "%", "ten", "10 %", "10%%", "-1", "1.5", "12345678", "canary=", "canary", "rest=x"):
        done = kedge(*begin, f"--group={wrong}")
        assert done.returncode == 2 and "a group is 10% of the devices, 100 devices, rest or filter=FILTER" in done.stderr, wrong
    assert len(script.seen) == 1


def test_tags_are_set_and_removed(script, kedge):
    script.answers["/api/v1/devices/d"] = (200, {"endpoint": "d"})
    assert kedge("device", "tag", "d", "place=harbour=1", "crew-").returncode == 0
    assert script.seen[0][0] == "PATCH"
    assert json.loads(script.seen[0][3]) == {"tags": {"place": "harbour=1", "crew": None}}


def test_a_key_is_removed_by_its_name(script, kedge):
    script.answers["/api/v1/trust"] = (200, {"trust": [{"id": "ab" * 32, "name": "release"},
                                                       {"id": "cd" * 32, "name": "twin"},
                                                       {"id": "ef" * 32, "name": "twin"}], "next": None})
    script.answers["/api/v1/trust/" + "ab" * 32] = (204, b"")
    assert kedge("trust", "remove", "release").returncode == 0
    assert script.seen[-1][:2] == ("DELETE", "/api/v1/trust/" + "ab" * 32)
    assert kedge("trust", "remove", "nobody").returncode == 1
    assert kedge("trust", "remove", "twin").returncode == 1
    assert sum(method == "DELETE" for method, *_ in script.seen) == 1


def test_an_upload_on_a_terminal_shows_how_far_it_is(script, tmp_path):
    token, package = tmp_path / "token", tmp_path / "p.suit"
    token.write_text(TOKEN)
    package.write_bytes(bytes(3 << 20))
    script.answers["/api/v1/packages"] = (201, {"id": "ab", "version": "1.1.0", "class": "c", "sequence": 2})
    status, output = terminal(
        [program("kedge"), "--server", script.url, "--token-file", token, "package", "upload", package], 80)
    assert status == 0
    assert "3.0 MiB of 3.0 MiB sent, being checked" in output
    assert output.rstrip().endswith("package ab")


def test_an_upload_sends_the_file_as_it_is(script, kedge, tmp_path):
    content = bytes(range(256)) * 8192
    package = tmp_path / "p.suit"
    package.write_bytes(content)
    script.answers["/api/v1/packages"] = (201, {"id": "ab", "version": "1.1.0", "class": "c", "sequence": 2,
                                                "image_size": 1024})
    done = kedge("package", "upload", package)
    assert done.returncode == 0, done.stderr
    assert script.seen[0][3] == content
    assert "version 1.1.0" in done.stdout and "package ab" in done.stdout


def test_the_documents_name_every_command_and_every_option(kedge):
    document = (ROOT / "docs" / "api.md").read_text()
    usage = kedge("--help").stdout
    commands = re.findall(r"^  (device|package|class|trust|rollout|token|audit) ([\w-]+) ", usage, re.MULTILINE)
    assert len(commands) > 15
    for noun, verb in commands:
        assert any(noun in line and verb in line for line in document.splitlines() if line.startswith("| `")), (noun, verb)
        for option in re.findall(r"^  (--[\w-]+)", kedge(noun, verb, "--help").stdout, re.MULTILINE):
            assert f"{option}" in document, (noun, verb, option)


# ---- the configuration file ----

def configured(tmp_path, script, **environment):
    """kedge without options, in an environment of its own; the requests that it made."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KEDGE_", "XDG_"))}
    return lambda *args: run(program("kedge"), *args, env={**clean, "HOME": str(tmp_path / "home"), **environment})


def test_a_file_says_where_the_server_is_and_by_which_token_it_is_asked(script, tmp_path):
    script.answers["/api/v1/devices"] = (200, {"devices": [], "next": None})
    token, other = tmp_path / "token", tmp_path / "other"
    token.write_text(TOKEN)
    other.write_text("another")
    text = f"# mine\nserver = {script.url}\ntoken-file = {token}\n"
    user, named, xdg = tmp_path / "home/.config/kedge/kedge.conf", tmp_path / "named.conf", tmp_path / "xdg/kedge/kedge.conf"
    for file, environment in ((user, {}), (named, {"KEDGE_CONFIG": str(named)}), (xdg, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")})):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        done = configured(tmp_path, script, **environment)("device", "list")
        assert done.returncode == 0, done.stderr
        assert script.seen.pop()[2] == f"Bearer {TOKEN}"
        file.unlink()
    user.write_text(text)
    kedge = configured(tmp_path, script, KEDGE_TOKEN_FILE=str(other))
    assert kedge("device", "list").returncode == 0 and script.seen.pop()[2] == "Bearer another"  # the environment counts more
    assert kedge("--token-file", token, "device", "list").returncode == 0 and script.seen.pop()[2] == f"Bearer {TOKEN}"


def test_the_token_of_a_file_goes_to_no_other_server(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    file = tmp_path / "kedge.conf"
    file.write_text(f"server = https://fleet.example\ntoken-file = {token}\n")
    done = configured(tmp_path, script, KEDGE_CONFIG=str(file))("--server", script.url, "device", "list")
    assert done.returncode == 3 and "no token" in done.stderr and script.seen == []


@pytest.mark.parametrize("line, said", [("port = 5", "\"port\" is none of server"), ("server", "name = value"), ("[x]\nserver = a", "none of"),
                                        ("server = " + "x" * 150, None)])
def test_a_file_that_is_wrong_is_said_with_its_line(script, tmp_path, line, said):
    file = tmp_path / "kedge.conf"
    file.write_text(f"# first\n{line}\n")
    done = configured(tmp_path, script, KEDGE_CONFIG=str(file))("device", "list")
    assert done.returncode == (2 if said else 3)
    assert said is None or (f"{file}:" in done.stderr and said in done.stderr)
    done = configured(tmp_path, script, KEDGE_CONFIG=str(tmp_path / "none"))("device", "list")
    assert done.returncode == 2 and "cannot be read" in done.stderr


# ---- the API and the command line ----

# What is for browsers, for devices or for programs alone; what a chart is drawn from.
NO_COMMAND = {"/healthz", "/openapi.json", "/metrics", "/fw/{sha256}", "/", "/assets/{file}", "/api/v1/session", "/api/v1/fleet/samples",
              "/api/v1/rollouts/{id}/samples"}


def test_every_route_of_the_api_is_asked_by_a_command():
    code = "".join(file.read_text() for file in sorted((ROOT / "updater" / "cli").glob("*.c")))
    document = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())
    for path in set(document["paths"]) - NO_COMMAND:
        first, *rest = [part for part in re.split(r"\{\w+\}", path.removeprefix("/api/v1/")) if part]
        assert f'/api/v1/{first.split("/")[0]}' in code, path
        for part in rest:
            assert part.strip("/") in code, path


def test_an_attachment_is_a_file_of_its_own_or_none(script, kedge, tmp_path):
    script.answers["/api/v1/packages/ab/sbom"] = (200, b'{"bomFormat": "CycloneDX"}\0\xff')
    script.answers["/api/v1/packages/ab/attachments"] = (200, {"next": None, "attachments": [
        {"name": "sbom", "size": 28, "sha256": "0" * 64, "text": None}]})
    file = tmp_path / "sbom.json"
    done = kedge("package", "attachment", "ab", "sbom", "--output", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert file.read_bytes() == b'{"bomFormat": "CycloneDX"}\0\xff'
    assert kedge("package", "attachment", "ab", "sbom", "--output", file).returncode == 2  # it is there
    done = kedge("package", "attachment", "ab", "notes", "--output", tmp_path / "notes")
    assert done.returncode == 1 and "not in the script" in done.stderr and not (tmp_path / "notes").exists()
    done = kedge("package", "attachment", "ab", "../tokens")
    assert done.returncode == 2 and "no attachment" in done.stderr
    assert "28 B" in kedge("package", "attachments", "ab").stdout
    assert json.loads(kedge("--json", "package", "attachments", "ab").stdout)["attachments"][0]["name"] == "sbom"


def test_the_fleet_is_a_table_with_all_that_there_are(script, kedge):
    script.answers["/api/v1/fleet"] = (200, {"devices": 12, "registered": 11, "versions_count": 3, "versions": [
        {"vendor": "example.com", "class": "board-a", "version": "1.1.0", "devices": 10, "registered": 9}]})
    lines = kedge("fleet", "show").stdout.splitlines()
    assert lines[0] == "12 devices, 11 of them registered" and lines[-1] == "and 2 versions more"
    assert lines[3].split() == ["example.com", "board-a", "1.1.0", "10", "9"]


LONG = ["urn:dev:" + "x" * 100, "船" * 40, "устройство-" * 8, "جهاز" * 12, "อุปกรณ์" * 10, "a\x1b[2Jb\u202ec"]


@pytest.mark.parametrize("columns_there", [80, 132])
def test_tables_fit_the_terminal_with_long_names_in_every_script(script, tmp_path, columns_there):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    lists = {
        "device list": ("devices", [{"endpoint": name, "class": name, "version": "1.0.0", "registered": True,
                                     "address": "coaps://[2001:db8::1]:41230", "last_seen_ms": 1} for name in LONG]),
        "device enrolled": ("credentials", [{"endpoint": name, "kind": "psk", "identity": name, "changed_at_ms": 1} for name in LONG]),
        "rollout list": ("rollouts", [{"id": 7, "name": name, "state": "waiting_for_approval", "version": "1.0.0", "device_count": 100000,
                                       "counts": {"succeeded": 99000, "failed": 12, "pending": 988}} for name in LONG]),
        "trust list": ("trust", [{"id": "0" * 64, "name": name, "algorithm": "ed25519", "development": False, "added_at_ms": 1} for name in LONG]),
        "token list": ("tokens", [{"name": name, "role": "admin", "creator": name, "created_at_ms": 1, "expires_at_ms": 2} for name in LONG]),
        "audit list": ("audit", [{"sequence": 1, "at_ms": 1, "who": name, "what": "trust.add", "subject": name, "before": name, "after": name,
                                  "hash": "0" * 64} for name in LONG]),
        "package list": ("packages", [{"id": "0" * 64, "version": "1.0.0", "sequence": 2, "vendor": name, "class": name, "image_size": 1 << 20,
                                       "uploaded_at_ms": 1, "deliver": "envelope", "signers": ["0" * 64]} for name in LONG]),
    }
    for command, (name, items) in lists.items():
        place = {"device enrolled": "credentials"}.get(command, name)
        script.answers[f"/api/v1/{place}"] = (200, {name: items, "next": None})
        status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, *command.split()], columns_there)
        lines = output.replace("\r", "").rstrip("\n").split("\n")
        assert status == 0 and len(lines) == len(LONG) + 1, (command, output)
        assert all(columns(line) <= columns_there for line in lines), (command, [columns(line) for line in lines], output)
        assert "\x1b" not in output and "\u202e" not in output


@pytest.mark.parametrize("columns_there", [24, 40])
def test_what_fits_no_table_is_a_line_for_each_cell(script, tmp_path, columns_there):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    script.answers["/api/v1/audit"] = (200, {"audit": [
        {"sequence": number, "at_ms": 1, "who": "alice", "what": "package.upload", "subject": name, "before": "", "after": "1.0.0",
         "hash": "0" * 64} for number, name in enumerate(["0123456789" * 6, "船" * 40], 1)], "next": None})
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "audit", "list"], columns_there)
    lines = output.replace("\r", "").split("\n")
    assert status == 0
    assert all(columns(line) <= columns_there for line in lines), output
    first, second = (block.split("\n") for block in "\n".join(lines).rstrip("\n").split("\n\n"))
    assert first[0].split() == ["NO.", "1"] and second[0].split() == ["NO.", "2"]
    assert [line.split()[0] for line in first if not line.startswith(" ")] == ["NO.", "WHEN", "WHO", "WHAT", "SUBJECT", "AFTER"]
    assert "0123456789" * 6 in "".join(line[9:] for line in first) and "船" * 40 in "".join(line[9:] for line in second)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_what_could_not_be_printed_is_2(script, shell_kedge, json_too):
    script.answers["/api/v1/fleet"] = (200, {"devices": 0, "registered": 0, "versions_count": 0, "versions": []})
    script.answers["/api/v1/audit"] = (200, {"audit": [], "next": None})
    script.answers["/api/v1/packages/x/notes"] = (200, b"notes\n")
    for command in ("fleet show", "audit list", "audit verify", "package attachment x notes", "--help"):
        for redirection in (">/dev/full", ">&-"):
            done = shell_kedge(redirection, *json_too, *command.split())
            assert done.returncode == 2 and done.stderr.startswith("kedge: standard output: "), (command, redirection, done)
            assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_token_that_could_not_be_told_is_revoked(script, shell_kedge):
    script.answers["/api/v1/tokens"] = (201, {"name": "ci", "role": "viewer", "expires_at_ms": None, "token": "kedge_0"})
    script.answers["/api/v1/tokens/ci"] = (204, None)
    done = shell_kedge(">/dev/full", "token", "create", "ci", "--role", "viewer")
    assert done.returncode == 2 and "the token is revoked again" in done.stderr
    assert [(method, path) for method, path, _, _ in script.seen] == [("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/ci")]
