"""Entity tags and If-Match: a change is made to what was looked at, or not at all."""
import concurrent.futures
import http.client
import json

import pytest

from conftest import CLASS, VENDOR, make_package, program, wait_until
from test_api import register

V1 = "/api/v1"


@pytest.fixture
def ask(server):
    """ask(method, path, body, **header fields): status, JSON and entity tag."""
    def send(method, path, body=None, token=None, **fields):
        connection = http.client.HTTPConnection(server.http_url.removeprefix("http://"), timeout=60)
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, V1 + path, None if body is None else json.dumps(body),
                           {"Authorization": f"Bearer {token or server.token}", **headers})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content) if content else None, answer.getheader("ETag")
    return send


def put_device(server, ask):
    register(server, "boat-1")
    wait_until(lambda: ask("GET", "/devices/boat-1")[0] == 200, what="the device to be stored")


def test_tags_are_changed_by_who_has_seen_them(server, ask):
    put_device(server, ask)
    _, _, first = ask("GET", "/devices/boat-1")
    assert first.startswith('"') and first.endswith('"')
    status, device, second = ask("PATCH", "/devices/boat-1", {"tags": {"site": "north"}}, If_Match=first)
    assert (status, device["tags"]) == (200, {"site": "north"})
    assert second != first and ask("GET", "/devices/boat-1")[2] == second
    for stale in (first, '"x"', "W/" + second, "", '"', "x"):
        status, problem, _ = ask("PATCH", "/devices/boat-1", {"tags": {"site": "south"}}, If_Match=stale)
        assert (status, problem["code"], problem["field"]) == (412, "precondition", "If-Match"), stale
    assert ask("GET", "/devices/boat-1")[1]["tags"] == {"site": "north"}
    assert ask("PATCH", "/devices/boat-1", {"tags": {"a": "b"}}, If_Match=f'"x", {second}')[0] == 200
    assert ask("PATCH", "/devices/boat-1", {"tags": {"a": "c"}}, If_Match="*")[0] == 200
    assert ask("PATCH", "/devices/nobody", {"tags": {"a": "c"}}, If_Match="*")[0] == 404
    register(server, "boat-1")  # which changes when it was seen, and no tag
    before = ask("GET", "/devices/boat-1")[2]
    register(server, "boat-1")
    assert ask("GET", "/devices/boat-1")[2] == before


def test_the_command_line_changes_what_it_has_shown(server, ask):
    put_device(server, ask)
    seen = server.json("device", "show", "boat-1")["etag"]
    assert f'"{seen}"' == ask("GET", "/devices/boat-1")[2] and seen in server.kedge("device", "show", "boat-1").stdout
    server.kedge("device", "tag", "boat-1", "site=north", "--if-match", seen)
    done = server.kedge("device", "tag", "boat-1", "site=south", "--if-match", seen, check=False)
    assert done.returncode == 1 and "refused: " in done.stderr
    assert ask("GET", "/devices/boat-1")[1]["tags"] == {"site": "north"}
    for wrong in ("", "a b", 'a"b', "a\r\nX-Evil: 1", "x" * 65):
        done = server.kedge("device", "tag", "boat-1", "site=south", "--if-match", wrong, check=False)
        assert done.returncode == 2 and "--if-match must be 1 to 64" in done.stderr, wrong


def test_of_many_who_have_seen_the_same_one_changes_it(server, ask):
    put_device(server, ask)
    for turn in range(5):
        tag = ask("GET", "/devices/boat-1")[2]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda n: ask("PATCH", "/devices/boat-1", {"tags": {"who": f"{turn}-{n}"}}, If_Match=tag)[0],
                                     range(8)))
        assert sorted(statuses) == [200] + [412] * 7


def test_what_has_no_tag_refuses_every_condition(ask):
    for method, path, body in (("DELETE", "/tokens/x", None), ("POST", "/classes", {"class": "c"}),
                               ("POST", "/rollouts", {"name": "n"})):
        assert ask(method, path, body, If_Match="*")[0] == 412, path


def test_a_rollout_is_approved_as_it_was_seen(server, start, keys, tmp_path, ask):
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "2", "--vendor", VENDOR, "--class", CLASS,
          "--version", "1.0.0")
    wait_until(lambda: len(server.json("device", "list", "--class", CLASS)["devices"]) == 2, what="the swarm")
    approver = server.kedge("token", "create", "eve", "--role", "approver").stdout.strip()
    made = ask("POST", "/rollouts", {"name": "spring", "package_id": package, "all_devices": True,
                                     "policy": {"approval": "start"}})
    assert made[0] == 201
    path = f"/rollouts/{made[1]['id']}"
    seen = ask("GET", path)[2]
    status, rollout, approved = ask("POST", path + "/approve", token=approver, If_Match=seen)
    assert (status, rollout["state"]) == (200, "ready") and approved != seen
    assert ask("POST", path + "/start", If_Match=seen)[0] == 412
    assert ask("POST", path + "/start", If_Match=approved)[0] == 200
    wait_until(lambda: ask("GET", path)[1]["state"] == "finished", what="the rollout to end")
    assert ask("POST", path + "/abort", If_Match=ask("GET", path)[2])[0] == 409
    assert ask("DELETE", f"/packages/{package}", If_Match='"0"')[0] == 412
    assert ask("DELETE", f"/packages/{package}", If_Match=ask("GET", f"/packages/{package}")[2])[0] == 409
