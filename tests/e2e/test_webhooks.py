"""Webhooks of a running kedged, posted to a receiver that takes, fails, stalls and sends elsewhere."""
import contextlib
import email.utils
import hashlib
import hmac
import http.server
import json
import os
import sqlite3
import threading
import time

import pytest

from conftest import CLASS, VENDOR, make_package, program, run, wait_until
from shims import ServerWithResolver
from test_preconditions import ask  # noqa: F401 (a fixture)

SECRET = "a secret of some length"


class Receiver:
    """An HTTP server that keeps what is posted, and answers as it is told."""

    def __init__(self):
        self.posts: list[tuple[str, dict, bytes]] = []
        self.answer, self.headers, self.content = 204, {}, b""
        self.times: list[float] = []
        self.go_on = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answer  # whoever has seen the post may say another for the next one
                receiver.posts.append((self.path, dict(self.headers), body))
                receiver.times.append(time.monotonic())
                if answer == "stall":
                    receiver.go_on.wait(60)
                    answer = 204
                if answer == "cut":
                    self.close_connection = True
                    return
                self.send_response(answer)
                if answer in (301, 302, 307, 308):
                    self.send_header("Location", "/elsewhere")
                for name, value in receiver.headers.items():
                    self.send_header(name, value() if callable(value) else value)
                self.send_header("Content-Length", str(len(receiver.content)))
                self.end_headers()
                with contextlib.suppress(OSError):  # nobody need read all of it
                    self.wfile.write(receiver.content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def bodies(self, path: str = "/hook") -> list[dict]:
        return [json.loads(body) for where, _, body in list(self.posts) if where == path]

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def maker(server, start, keys, tmp_path):
    """maker(...)(name) makes a rollout that waits to be started; with abort, each makes two events or more."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "1", "--vendor", VENDOR, "--class", CLASS,
          "--version", "1.0.0", "--keep-registered")
    wait_until(lambda: server.json("device", "list", "--class", CLASS)["devices"], what="the device")
    return lambda name, *options: server.json("rollout", "create", "--name", name, "--package", package, "--all", *options)["id"]


@pytest.fixture
def rollout(server, start, keys, tmp_path):
    return maker(server, start, keys, tmp_path)


def hook(ask, receiver, name="ci", **more):
    status, made, _ = ask("POST", "/webhooks", {"name": name, "url": receiver.url, "secret": SECRET, **more})
    assert status == 201, made
    return made


def test_what_happens_is_posted_in_order_and_signed(server, ask, receiver, rollout):
    rollout("before")  # is not told
    began_ms = time.time_ns() // 1_000_000
    made = hook(ask, receiver)
    assert began_ms <= made["created_at_ms"] <= time.time_ns() // 1_000_000
    assert made["events"] == ["rollout", "group", "deployment"] and "secret" not in json.dumps(made)
    number = rollout("spring", "--start")
    wait_until(lambda: any(post["event"] == "rollout" and post["to"] == "finished" for post in receiver.bodies()),
               what=f"the end of the rollout: {receiver.bodies()[-3:]}")
    posts = receiver.bodies()
    assert {post["rollout_id"] for post in posts} == {number}
    history = ask("GET", f"/rollouts/{number}/history?limit=500")[1]["history"]
    wait_until(lambda: len(receiver.bodies()) >= len(history), what="all of the history")
    assert [post["id"] for post in receiver.bodies()] == [entry["id"] for entry in history]
    for post, entry in zip(receiver.bodies(), history):
        assert {key: post[key] for key in entry} == entry and post["webhook"] == "ci"
    for _, headers, body in receiver.posts:
        seconds, told = [part.partition("=")[2] for part in headers["Kedge-Signature"].split(",")]
        right = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(told, right) and abs(int(seconds) - time.time()) < 120
        assert headers["Content-Type"] == "application/json" and headers["Kedge-Event-Id"] == str(json.loads(body)["id"])


def test_only_the_events_that_were_asked_for_are_posted(server, ask, receiver, rollout):
    hook(ask, receiver, events=["rollout"])
    rollout("spring", "--start")
    wait_until(lambda: any(post["to"] == "finished" for post in receiver.bodies()), what="the end of the rollout")
    assert {post["event"] for post in receiver.bodies()} == {"rollout"}


def test_a_receiver_has_taken_what_it_says_so_of_whatever_follows(server, ask, receiver, rollout):
    receiver.answer, receiver.content = 200, b"x" * 1_000_000
    hook(ask, receiver, events=["rollout"])
    rollout("spring")
    rollout("summer")
    wait_until(lambda: len(receiver.bodies()) >= 2, what="two posts")
    assert len({post["id"] for post in receiver.bodies()}) == 2  # the first one did not come twice
    assert ask("GET", "/undelivered")[1]["undelivered"] == []


@pytest.mark.parametrize("answer", [500, 302, 404, 410, "cut"])
def test_what_fails_is_tried_again_then_put_aside_and_replayed(server, ask, receiver, rollout, answer):
    receiver.answer = answer
    hook(ask, receiver, events=["rollout"], attempts=2)
    rollout("spring")
    aside = wait_until(lambda: ask("GET", "/undelivered")[1]["undelivered"], what="the event to be put aside")[0]
    assert aside["webhook"] == "ci" and aside["attempts"] == 2 and aside["again"] is False
    assert (str(answer) in aside["error"]) == (answer != "cut") and aside["error"]
    assert len(receiver.bodies()) == 2 and receiver.bodies()[0] == receiver.bodies()[1]
    assert receiver.bodies("/elsewhere") == []  # a redirection is not followed
    assert SECRET not in json.dumps(ask("GET", "/undelivered")[1]) + server.process.log
    receiver.answer = 200
    assert ask("POST", f"/undelivered/{aside['id']}/again", {})[0] == 204
    wait_until(lambda: ask("GET", "/undelivered")[1]["undelivered"] == [], what="it to be delivered")
    assert receiver.posts[-1][2] == aside["body"].encode()


@pytest.mark.parametrize("answer, after", [(429, "3"), (503, None)])
def test_a_receiver_that_asks_for_a_pause_has_it(server, ask, receiver, rollout, answer, after):
    receiver.answer = answer
    receiver.headers = {"Retry-After": after or (lambda: email.utils.formatdate(time.time() + 6, usegmt=True))}
    hook(ask, receiver, events=["rollout"])
    rollout("spring")
    wait_until(lambda: len(receiver.times) >= 2, what="the second attempt")
    assert receiver.times[1] - receiver.times[0] > 2.5  # without, it comes after 1 s
    receiver.answer = 204
    wait_until(lambda: len(receiver.times) >= 3, what="the third one")
    assert ask("GET", "/undelivered")[1]["undelivered"] == []


def test_what_was_for_a_hook_that_is_gone_is_not_said_to_be_sent(server, ask, receiver, rollout):
    receiver.answer = 500
    hook(ask, receiver, events=["rollout"], attempts=1)
    rollout("spring")
    aside = wait_until(lambda: ask("GET", "/undelivered")[1]["undelivered"], what="the event to be put aside")[0]
    assert ask("DELETE", "/webhooks/ci")[0] == 204
    status, problem, _ = ask("POST", f"/undelivered/{aside['id']}/again", {})
    assert (status, problem["code"]) == (409, "conflict") and "webhook ci was removed" in problem["detail"]
    assert ask("GET", "/undelivered")[1]["undelivered"][0]["again"] is False
    for method, path, said in (("POST", "/undelivered/7/again", 'no undelivered event "7"'), ("DELETE", "/webhooks/ci", 'no webhook "ci"')):
        status, problem, _ = ask(method, path, {} if method == "POST" else None)
        assert status == 404 and said in problem["detail"], problem
    assert "webhook.again" not in {entry["what"] for entry in server.json("audit", "list")["audit"]}
    receiver.answer = 204
    hook(ask, receiver, events=["rollout"])  # of the same name
    assert ask("POST", f"/undelivered/{aside['id']}/again", {})[0] == 204
    wait_until(lambda: ask("GET", "/undelivered")[1]["undelivered"] == [], what="it to be delivered")


def test_secrets_that_were_taken_away_are_in_no_file(server, ask, receiver, tmp_path):
    key, long = os.urandom(16), f"{receiver.url}/{'x' * 900}"  # with this, its note has a page of its own
    hook(ask, receiver, "short")
    hook(ask, receiver, "long", url=long, secret=SECRET + " and more" * 10)
    psk = tmp_path / "psk"
    psk.write_text(key.hex() + "\n")
    server.kedge("device", "enroll", "boat", "--psk-file", psk)
    assert SECRET.encode() in stored(server) and key in stored(server)
    assert ask("DELETE", "/webhooks/short")[0] == ask("DELETE", "/webhooks/long")[0] == 204
    server.kedge("device", "unenroll", "boat")
    assert server.process.stop() == 0
    left = stored(server)
    assert SECRET.encode() not in left and key not in left


def stored(server) -> bytes:
    return b"".join(file.read_bytes() for file in server.data.rglob("*") if file.is_file())


def test_one_that_stalls_holds_nobody_up_and_goes_on_later(server, ask, rollout, receiver):
    other = Receiver()
    receiver.answer = "stall"
    hook(ask, receiver, "slow", events=["rollout"])
    hook(ask, other, "fast", events=["rollout"])
    for name in ("one", "two", "three"):
        rollout(name)
    wait_until(lambda: len(other.bodies()) == 3, what="the other hook")
    def told():
        return {post["rollout_id"] for post in receiver.bodies()}  # one that stalls for long comes again
    wait_until(told, what="the first post to the one that stalls")
    assert len(told()) == 1
    receiver.go_on.set()
    wait_until(lambda: len(told()) == 3, what="the one that stalled")
    other.close()


def test_what_is_on_its_way_while_hooks_change_is_posted_again(server, ask, rollout, receiver):
    receiver.answer = "stall"
    hook(ask, receiver, "slow", events=["rollout"])
    rollout("spring")
    wait_until(receiver.bodies, what="the post")
    receiver.answer = 204
    hook(ask, receiver, "other", events=["deployment"])  # and nothing happens after it
    wait_until(lambda: len(receiver.bodies()) >= 2, what="the post to come again")
    assert receiver.bodies()[0] == receiver.bodies()[1]


def test_what_was_not_delivered_before_a_crash_is_delivered_after_it(server, ask, receiver, rollout):
    hook(ask, receiver, events=["rollout"], attempts=20)
    first = rollout("first")
    wait_until(lambda: receiver.bodies(), what="the first")
    receiver.answer = 503
    later = [rollout("second"), rollout("third")]
    wait_until(lambda: len(receiver.bodies()) >= 2, what="an attempt")
    server.kill()
    receiver.answer = 200
    server.begin()
    wait_until(lambda: [post["rollout_id"] for post in receiver.bodies()][-2:] == later, what="the others")
    assert [post["rollout_id"] for post in receiver.bodies()][0] == first


def deployments_happen(server, count):
    """That many entries of a device's part in a rollout, while the server is down."""
    with sqlite3.connect(server.data / "kedged.db") as database:
        database.executemany("INSERT INTO history (at_ms, rollout_id, group_index, deployment_id, endpoint, who, from_state, to_state,"
                             " text) VALUES (1, 1, 0, 1, 'swarm-0', '', 'pending', 'pending', ?)", [(str(i),) for i in range(count)])
    database.close()


def test_of_a_flood_of_deployments_the_last_are_posted_and_all_else(server, ask, receiver, rollout):
    few, many = receiver, Receiver()
    few.answer = many.answer = 503
    hook(ask, few, "few", events=["rollout"], attempts=20)
    hook(ask, many, "many", attempts=20)
    number = rollout("spring")
    wait_until(lambda: few.bodies() and many.bodies(), what="attempts")
    server.kill()
    deployments_happen(server, 10_100)
    few.posts.clear(), many.posts.clear()
    few.answer = many.answer = 200
    server.begin()
    wait_until(few.bodies, what="the rollout")
    assert {(post["event"], post["rollout_id"]) for post in few.bodies()} == {("rollout", number)}
    wait_until(lambda: any(post["text"].isdigit() for post in many.bodies()), what="a deployment")
    first = next(post for post in many.bodies() if post["text"].isdigit())
    assert int(first["text"]) == 100 and "rollout" in {post["event"] for post in many.bodies()}
    server.process.wait_for("webhook many: [0-9]+ events were skipped")
    many.close()


def test_a_hook_that_was_removed_is_told_nothing_more(server, ask, receiver, rollout):
    hook(ask, receiver, "gone", events=["rollout"])
    kept = Receiver()
    hook(ask, kept, "kept", events=["rollout"])
    assert ask("DELETE", "/webhooks/gone")[0] == 204
    assert ask("DELETE", "/webhooks/gone")[0] == 404
    rollout("spring")
    wait_until(lambda: kept.bodies(), what="the other hook")
    assert receiver.posts == [] and [h["name"] for h in ask("GET", "/webhooks")[1]["webhooks"]] == ["kept"]
    kept.close()
    told = {entry["what"] for entry in server.json("audit", "list")["audit"]}
    assert {"webhook.create", "webhook.remove"} <= told


@pytest.mark.parametrize("change, field", [
    ({"url": "http://example.com/"}, "url"), ({"url": "ftp://127.0.0.1/"}, "url"), ({"url": "file:///etc/passwd"}, "url"),
    ({"url": "https://user:secret@example.com/"}, "url"), ({"url": "https://"}, "url"), ({"url": "example.com"}, "url"),
    ({"url": "http://127.0.0.1/\r\nX: y"}, "url"), ({"url": "https://example.com/ä"}, "url"),
    ({"url": "http://127.0.0.1.example.com/"}, "url"), ({"secret": "short"}, "secret"), ({"events": ["devices"]}, "events[0]"), ({"name": "a\nb"}, "name"),
    ({"events": ["group", "rollout", "group"]}, "events[2]"), ({"events": []}, "events"), ({"events": ["group"] * 4}, "events"),
    ({"attempts": 0}, "attempts"), ({"attempts": 21}, "attempts")])
def test_a_hook_that_cannot_be_is_refused(ask, change, field):
    body = {"name": "ci", "url": "https://example.com/hook", "secret": SECRET}
    status, problem, _ = ask("POST", "/webhooks", {**body, **change})
    assert (status, problem["field"]) == (400, field)
    assert ask("GET", "/webhooks")[1]["webhooks"] == []


def test_a_name_that_nobody_answers_for_holds_up_no_end(start, tmp_path, keys):
    server = ServerWithResolver(start, tmp_path / "server")
    rollout = maker(server, start, keys, tmp_path)
    body = {"name": "lost", "url": "http://hook.invalid/", "secret": SECRET, "allow_http": True}
    done = run("curl", "--silent", "--fail", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
               "--header", "Content-Type: application/json", "--data", json.dumps(body), server.http_url + "/api/v1/webhooks")
    assert done.returncode == 0, done.stdout
    rollout("spring")
    wait_until(server.asked, what="the name to be asked for")
    assert server.process.stop(timeout=60) == 0  # the name is waited for far longer


def test_the_path_is_told_to_admins_alone(server, ask):
    url = "https://example.com:8443/services/T0/key?token=word"
    assert ask("POST", "/webhooks", {"name": "ci", "url": url, "secret": SECRET})[1]["url"] == url
    entry, = (entry for entry in server.json("audit", "list")["audit"] if entry["what"] == "webhook.create")
    assert entry["after"] == "https://example.com:8443"
    assert "token=word" not in json.dumps(server.json("audit", "list")) + server.process.log


def test_http_beyond_this_machine_is_asked_for_by_name(ask):
    body = {"name": "ci", "url": "http://example.invalid/hook", "secret": SECRET, "allow_http": True}
    assert ask("POST", "/webhooks", body)[0] == 201
    assert ask("POST", "/webhooks", body)[0] == 409


def test_the_command_line_makes_shows_replays_and_removes_them(server, receiver, rollout, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    receiver.answer = 500
    said = server.kedge("webhook", "add", "ci", receiver.url, "--secret-file", secret, "--events", "rollout", "--attempts", "1")
    assert receiver.url in said.stdout
    shown = server.kedge("webhook", "list").stdout.splitlines()
    assert shown[1].split()[:4] == ["ci", receiver.url, "rollout", "1"] and SECRET not in "".join(shown)
    rollout("spring")
    wait_until(lambda: server.json("webhook", "undelivered")["undelivered"], what="the event to be put aside")
    aside = server.kedge("webhook", "undelivered").stdout.splitlines()[1].split()
    assert aside[1] == "ci" and "500" in " ".join(aside)
    receiver.answer = 204
    server.kedge("webhook", "again", aside[0])
    wait_until(lambda: server.json("webhook", "undelivered")["undelivered"] == [], what="it to be delivered")
    server.kedge("webhook", "remove", "ci")
    assert server.json("webhook", "list")["webhooks"] == []


def test_the_command_line_says_what_is_wrong_with_one(server, tmp_path):
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_text("too short\n")
    long.write_text("x" * 300)
    for options, status, words in (((), 2, "needs --secret-file"), (("--secret-file", tmp_path / "none"), 2, "none"),
                                   (("--secret-file", long), 2, "one line of 16 to 128"),
                                   (("--secret-file", short), 1, "secret")):
        done = server.kedge("webhook", "add", "ci", "https://127.0.0.1:1/", *options, check=False)
        assert done.returncode == status and words in done.stderr, done.stderr
    good = tmp_path / "good"
    good.write_text(SECRET + "\n")
    done = server.kedge("webhook", "add", "ci", "https://127.0.0.1:1/", "--secret-file", good, "--events", "weather", check=False)
    assert done.returncode == 1 and "events[0] must be rollout, group or deployment" in done.stderr
    assert server.json("webhook", "list")["webhooks"] == []
