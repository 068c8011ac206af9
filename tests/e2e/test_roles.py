"""Who may do what: tokens with a role and an end, each route asked by each role, failures held down."""
import json
import re
import stat

import pytest

from conftest import ROOT, program, run, wait_until
from test_api import V1, Answer, json_body

ROLES = ["viewer", "operator", "release", "author", "approver", "admin"]


@pytest.fixture
def ask(server):
    """ask(token, method, path, *options) by curl."""
    def by(token, method, path, *options) -> Answer:
        authorization = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
        done = run("curl", "--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "60", "--request",
                   method, *authorization, *options, server.http_url + path)
        assert done.returncode == 0, done.stderr
        return Answer(done.stdout)
    return by


@pytest.fixture
def token_of(server):
    """token_of(role) makes a token of that role, called after it."""
    return lambda role, *options: server.kedge("token", "create", role, "--role", role, *options).stdout.strip()


def documented_routes() -> list[tuple[str, str, set[str]]]:
    """Method, a path that fits, and who may, as the OpenAPI document says."""
    document = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())
    routes = []
    for pattern, item in document["paths"].items():
        path = pattern.replace("{id}", "1").replace("{endpoint}", "x").replace("{name}", "x")
        path = path.replace("/events", "/events?kinds=none")  # a stream would have no end
        for method, operation in item.items():
            allowed = set(operation["x-kedge-roles"])
            assert allowed <= set(ROLES), (method, path, allowed)
            if allowed:
                routes.append((method.upper(), path, allowed))
    return routes


def test_each_route_lets_through_the_roles_that_are_documented_and_no_other(server, ask, token_of):
    tokens = {role: token_of(role) if role != "admin" else server.token for role in ROLES}
    routes = documented_routes()
    assert len(routes) > 30
    for method, path, allowed in routes:
        for role in ROLES:
            answer = ask(tokens[role], method, path)
            if role in allowed:
                assert answer.status not in (401, 403, 429), (method, path, role, answer.body)
                continue
            assert answer.status == 403, (method, path, role, answer.body)
            assert answer.json["code"] == "role"
            told = re.search(r'has the role (\w+); this takes the role (.*)$', answer.json["detail"])
            assert told.group(1) == role and set(told.group(2).split(" or ")) == allowed, answer.json
    # Nothing came of what was refused, and nothing of what was let through without a body.
    assert {entry["who"] for entry in server.json("audit", "list")["audit"]} <= {"server", "admin"}


def test_an_operator_reads_from_a_device_and_does_not_write_to_it(ask, token_of):
    token = token_of("operator")
    for operation in ("write", "write_partial", "write_attributes", "execute", "create", "delete", "write_composite"):
        answer = ask(token, "POST", f"{V1}/devices/x/operations",
                     *json_body({"operation": operation, "path": "/3/0/13"}))
        assert answer.status == 403, (operation, answer.body)
    for operation in ("read", "discover", "observe"):
        answer = ask(token, "POST", f"{V1}/devices/x/operations",
                     *json_body({"operation": operation, "path": "/3/0/13"}))
        assert answer.status == 404, (operation, answer.body)


def test_a_token_is_told_once_and_stands_nowhere(server, ask, tmp_path):
    file = tmp_path / "token"
    made = server.json("token", "create", "release robot", "--role", "release", "--output", file)
    token = file.read_text().strip()
    assert re.fullmatch(r"kedge_[0-9a-f]{64}", token) and "token" not in made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made["name"] == "release robot" and made["role"] == "release" and made["creator"] == "admin"
    assert made["expires_at_ms"] - made["created_at_ms"] == 90 * 86400 * 1000
    assert json.loads(ask(token, "GET", f"{V1}/token").body) == made
    ask(token[:-1] + "x", "GET", f"{V1}/devices")
    server.process.stop()
    secret = token.removeprefix("kedge_")
    for path in server.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret.encode() not in content and bytes.fromhex(secret) not in content, path
    assert secret not in server.process.log


def test_a_token_goes_to_a_new_file_or_is_not_made(server, tmp_path):
    file = tmp_path / "there"
    file.write_text("mine\n")
    for path, word in ((file, "name a file that is not there"), (tmp_path / "no" / "file", "No such file")):
        done = server.kedge("token", "create", "a", "--role", "viewer", "--output", path, check=False)
        assert done.returncode == 2 and word in done.stderr
    assert file.read_text() == "mine\n"
    done = server.kedge("token", "create", "a", "--role", "king", "--output", tmp_path / "new", check=False)
    assert done.returncode == 1 and "role" in done.stderr and not (tmp_path / "new").exists()
    assert [one["name"] for one in server.json("token", "list")["tokens"]] == ["admin"]


def test_a_revoked_token_is_unknown_at_once_and_after_a_restart(server, ask, token_of):
    token = token_of("viewer")
    assert ask(token, "GET", f"{V1}/devices").status == 200
    server.kedge("token", "revoke", "viewer")
    assert ask(token, "GET", f"{V1}/devices").status == 401
    server.kill()
    server.begin()
    assert ask(token, "GET", f"{V1}/devices").status == 401
    told = [(entry["who"], entry["what"], entry["subject"]) for entry in server.json("audit", "list")["audit"]]
    assert told[-2:] == [("admin", "token.create", "viewer"), ("admin", "token.revoke", "viewer")]


def test_a_token_that_has_expired_is_refused_and_says_so(server, ask):
    answer = ask(server.token, "POST", f"{V1}/tokens", *json_body({"name": "brief", "role": "viewer", "lifetime_s": 1}))
    assert answer.status == 201, answer.body
    token = answer.json["token"]
    wait_until(lambda: ask(token, "GET", f"{V1}/devices").status != 200)
    refused = ask(token, "GET", f"{V1}/devices")
    assert refused.status in (401, 429), refused.body
    assert refused.status == 429 or "expired" in refused.json["detail"]
    # Its name is free again, as it could not be while it was known.
    assert ask(server.token, "POST", f"{V1}/tokens", *json_body({"name": "brief", "role": "viewer"})).status == 201
    again = ask(server.token, "POST", f"{V1}/tokens", *json_body({"name": "brief", "role": "admin"}))
    assert again.status == 409 and again.json["field"] == "name"


def test_the_last_admin_that_never_expires_cannot_be_revoked(server, ask):
    done = server.kedge("token", "revoke", "admin", check=False)
    assert done.returncode == 1 and "the last token of an admin" in done.stderr
    brief = server.kedge("token", "create", "deputy", "--role", "admin", "--days", "1").stdout.strip()
    assert ask(brief, "DELETE", f"{V1}/tokens/admin").status == 409
    server.kedge("token", "create", "second", "--role", "admin", "--days", "0")
    assert ask(brief, "DELETE", f"{V1}/tokens/admin").status == 204
    assert ask(server.token, "GET", f"{V1}/devices").status == 401


def test_unknown_tokens_are_held_down_by_address_and_known_ones_are_not(server, ask):
    statuses = []

    def held_down() -> bool:
        """Asks 40 times over one connection, which takes a moment on the busiest machine."""
        urls = [f"{server.http_url}{V1}/devices"] * 40
        told = run("curl", "--silent", "--noproxy", "*", "--header", "Authorization: Bearer kedge_" + "0" * 64, "--write-out",
                   "\n%{http_code}\n", *urls).stdout
        statuses.extend(int(line) for line in told.splitlines() if re.fullmatch(r"\d{3}", line))
        return 429 in statuses
    wait_until(held_down, what="unknown tokens to be held down")
    assert statuses.index(429) >= 20 and set(statuses[:statuses.index(429)]) == {401}
    held = ask(None, "GET", f"{V1}/devices")
    if held.status == 429:  # else the window was over meanwhile
        assert 1 <= int(held.headers["retry-after"]) <= 10 and "too many" in held.json["detail"]
    assert ask(server.token, "GET", f"{V1}/devices").status == 200
    assert ask("x", "GET", f"{V1}/devices", "--interface", "127.0.0.77").status == 401
    server.process.wait_for("warning api: more than 20 unknown tokens within 10 seconds from 127.0.0.1")


def test_names_that_histories_use_for_others_are_refused(server, ask):
    for name in ("server", "device", "", "x" * 65):
        answer = ask(server.token, "POST", f"{V1}/tokens", *json_body({"name": name, "role": "viewer"}))
        assert answer.status == 400 and answer.json["field"] == "name", name


def test_no_command_takes_a_token_on_its_line():
    for command in ([], ["token"], ["token", "create"], ["device", "list"]):
        usage = run(program("kedge"), *command, "--help").stdout
        assert not re.search(r"--token[ =]", usage), command
