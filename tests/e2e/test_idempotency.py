"""Idempotency-Key: what was made once is not made again, whoever asks how often, over a restart and a crash too."""
import concurrent.futures
import hashlib
import http.client
import json
import sqlite3
import time

import pytest

from conftest import CLASS, VENDOR, make_package, program, wait_until

V1 = "/api/v1"


@pytest.fixture
def post(server):
    """post(path, body, key): status, JSON, and the header of the answer."""
    def send(path, body, key=None, token=None):
        connection = http.client.HTTPConnection(server.http_url.removeprefix("http://"), timeout=60)
        headers = {"Authorization": f"Bearer {token or server.token}", **({"Idempotency-Key": key} if key is not None else {})}
        connection.request("POST", V1 + path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content), dict(answer.getheaders())
    return send


@pytest.fixture
def asked(server, start, keys, tmp_path):
    """A rollout's body."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "1", "--vendor", VENDOR, "--class", CLASS,
          "--version", "1.0.0")
    wait_until(lambda: server.json("device", "list", "--class", CLASS)["devices"], what="the device")
    return {"name": "spring", "package_id": package, "all_devices": True}


def rollouts(server) -> list[int]:
    return [rollout["id"] for rollout in server.json("rollout", "list")["rollouts"]]


def test_a_key_makes_one_thing_and_gives_the_same_answer(server, post, asked):
    first = post("/rollouts", asked, "key-1")
    again = post("/rollouts", asked, "key-1")
    assert first[0] == again[0] == 201 and again[1] == first[1]
    assert again[2]["Location"] == first[2]["Location"] and again[2]["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first[2]
    other = post("/rollouts", {**asked, "name": "summer"}, "key-1")
    assert (other[0], other[1]["code"], other[1]["field"]) == (422, "key_used", "Idempotency-Key")
    assert post(f"/rollouts/{first[1]['id']}/retry", asked, "key-1")[0] == 422  # nor for another route
    assert len(rollouts(server)) == 1
    eve = server.kedge("token", "create", "eve", "--role", "author").stdout.strip()
    assert post("/rollouts", asked, "key-1", token=eve)[0] == 201  # whose key that is, is another
    assert len(rollouts(server)) == 2


def test_a_key_of_the_command_line_makes_one_thing(server, keys):
    once = ["--json", "trust", "add", "--name", "release", keys.public, "--idempotency-key", "build-7"]
    assert json.loads(server.kedge(*once).stdout) == json.loads(server.kedge(*once).stdout)
    assert len(server.json("trust", "list")["trust"]) == 1
    assert server.kedge(*once[:-2], check=False).returncode == 1  # without it, the second is one too many


def test_a_key_holds_over_a_restart(server, post, asked):
    first = post("/rollouts", asked, "key-1")
    server.kill()
    server.begin()
    assert post("/rollouts", asked, "key-1")[1] == first[1]
    assert len(rollouts(server)) == 1


def test_a_request_that_was_cut_off_is_not_done_twice(server, post, asked):
    assert post("/rollouts", asked, "key-1")[0] == 201
    server.kill()
    with sqlite3.connect(server.data / "kedged.db") as database:  # as if it had been before the answer was kept
        (content,), = database.execute("SELECT content FROM notes WHERE kind = 'replay'")
        begun = {"request": json.loads(content)["request"]}
        database.execute("UPDATE notes SET content = ? WHERE kind = 'replay'", (json.dumps(begun).encode(),))
    database.close()
    server.begin()
    status, problem, _ = post("/rollouts", asked, "key-1")
    assert (status, problem["code"], problem["field"]) == (409, "state", "Idempotency-Key")
    assert len(rollouts(server)) == 1


def test_of_many_at_once_one_makes_it(server, post, asked):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post("/rollouts", asked, "key-1"), range(8)))
    assert {status for status, _, _ in answers} <= {201, 409}
    assert len({answer["id"] for status, answer, _ in answers if status == 201}) == 1
    assert len(rollouts(server)) == 1


def test_a_refusal_that_made_nothing_may_be_tried_again_by_the_same_key(server, post, asked):
    wrong = {**asked, "package_id": "0" * 64}
    assert post("/rollouts", wrong, "key-1")[0] == 422
    assert post("/rollouts", asked, "key-1")[0] == 201
    assert post("/rollouts", {**asked, "policy": 1}, "key-2")[0] == 400
    assert post("/rollouts", asked, "key-2")[0] == 201
    assert len(rollouts(server)) == 2


def test_a_token_that_uses_many_keys_leaves_the_others_theirs(server, post, asked):
    eve = server.kedge("token", "create", "eve", "--role", "author").stdout.strip()
    first = post("/rollouts", asked, "key-1", token=eve)
    owner = hashlib.sha256(server.token.encode()).hexdigest()
    now_ms = int(time.time() * 1000)
    with sqlite3.connect(server.data / "kedged.db", timeout=60) as database:
        database.executemany("INSERT INTO notes (kind, id, at_ms, content) VALUES ('replay', ?, ?, x'7b7d')",
                             ((f"{owner}:{i}", now_ms - 12_000 + i) for i in range(12_000)))
    database.close()
    assert post("/rollouts", {**asked, "name": "summer"}, "key-2")[0] == 201
    kept = sqlite3.connect(f"file:{server.data}/kedged.db?mode=ro", uri=True).execute(
        "SELECT count(*) FROM notes WHERE kind = 'replay' AND id LIKE ?", (owner + ":%",)).fetchone()[0]
    assert kept == 1000
    again = post("/rollouts", asked, "key-1", token=eve)
    assert again[1] == first[1] and again[2]["Idempotency-Replayed"] == "true"


def test_after_a_day_a_key_is_forgotten(server, post, asked):
    first = post("/rollouts", asked, "key-1")
    server.kill()
    with sqlite3.connect(server.data / "kedged.db") as database:
        database.execute("UPDATE notes SET at_ms = ? WHERE kind = 'replay'", (int((time.time() - 86401) * 1000),))
    database.close()
    server.begin()
    assert post("/rollouts", asked, "key-2")[0] == 201
    server.kill()
    with sqlite3.connect(server.data / "kedged.db") as database:
        assert database.execute("SELECT count(*) FROM notes WHERE kind = 'replay'").fetchone() == (1,)
    database.close()
    server.begin()
    assert post("/rollouts", asked, "key-1")[1]["id"] != first[1]["id"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 65, "ä", "tab\t"])
def test_a_key_that_is_none_is_refused(post, key):
    status, problem, _ = post("/trust", {"name": "x", "pem": "x"}, key.encode("utf-8").decode("latin-1"))
    assert (status, problem["field"]) == (400, "Idempotency-Key") or (status == 400 and key.strip() != key)


def test_a_token_is_told_once_so_no_key_goes_with_it(server, post):
    status, problem, _ = post("/tokens", {"name": "x", "role": "viewer"}, "key-1")
    assert (status, problem["field"]) == (400, "Idempotency-Key")
    assert len(server.json("token", "list")["tokens"]) == 1
