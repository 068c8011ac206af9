"""Every request that changes something leaves its row in the audit log: by whom, what, of what; a refused one leaves none."""
import contextlib
import datetime
import json
import os
import sqlite3
import time

import pytest

from conftest import CLASS, ROOT, VENDOR, Keys, make_package, program, wait_until
from test_preconditions import ask  # noqa: F401 (a fixture)
from test_webhooks import Receiver

# What changes nothing that lasts: a plan, and a browser's session, which ends with the server.
NO_CHANGES = {("post", "/api/v1/rollouts/plan"), ("post", "/api/v1/session"), ("delete", "/api/v1/session")}


def changes() -> set[tuple[str, str]]:
    """Each method and path of the OpenAPI document by which something can change."""
    document = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())
    return {(method, path) for path, item in document["paths"].items() for method in item if method != "get"} - NO_CHANGES


class Log:
    """Asks for changes, and keeps which row each of them has left."""

    def __init__(self, server, ask):
        self.server, self.ask, self.seen = server, ask, {}

    def rows(self) -> list[dict]:
        return self.server.json("audit", "list")["audit"]

    def check(self, method: str, pattern: str, what: str, subject: str, before: int, who: str = "admin"):
        rows = [row for row in self.rows()[before:] if row["who"] == who]
        assert [(row["what"], row["subject"]) for row in rows] == [(what, subject)], (method, pattern, rows)
        assert abs(rows[0]["at_ms"] / 1000 - time.time()) < 120
        self.seen[(method, "/api/v1" + pattern)] = rows[0]

    def change(self, method: str, pattern: str, what: str, subject: str, body=None, token=None, who="admin", **names):
        """Does it, with a token of that name; what it answers."""
        before = len(self.rows())
        status, answer, _ = self.ask(method.upper(), pattern.format(**names), body, **({"token": token} if token else {}))
        assert status < 300, (method, pattern, answer)
        self.check(method, pattern, what, subject or str((answer or {}).get("id")), before, who)
        return answer


@pytest.fixture
def fleet(server, start):
    def begin(count, *options):
        start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", str(count), "--vendor", VENDOR, "--class", CLASS,
              "--version", "1.0.0", "--reboot-time", "0.2", *options)
        wait_until(lambda: len(server.json("device", "list", "--class", CLASS)["devices"]) >= count, what="the fleet")
    return begin


def test_each_request_that_changes_something_leaves_a_row(server, ask, keys, fleet, tmp_path):
    log = Log(server, ask)
    approver = log.change("post", "/tokens", "token.create", "eve", {"name": "eve", "role": "approver"})["token"]
    release_and_packages(log, server, keys, tmp_path)
    devices(log, server, fleet)
    rollouts(log, server, keys, tmp_path, approver)
    webhooks(log, server)
    log.change("delete", "/tokens/{name}", "token.revoke", "eve", name="eve")
    assert set(log.seen) == changes()
    assert all(row["before"] or row["after"] for key, row in log.seen.items()
               if key[1].rpartition("/")[2] != "again"), log.seen
    assert all(row["before"] for (method, path), row in log.seen.items() if method == "delete"), log.seen
    assert json.loads(server.kedge("--json", "audit", "verify").stdout)["whole"]


def release_and_packages(log, server, keys, tmp_path):
    other = Keys(tmp_path, "other")
    log.change("post", "/trust", "trust.add", "", {"name": "other", "pem": other.public.read_text()})
    key, = server.json("trust", "list")["trust"]
    log.change("delete", "/trust/{id}", "trust.remove", key["id"], id=key["id"])
    server.kedge("trust", "add", "--name", "release", keys.public)
    before = len(log.rows())
    package = server.json("package", "upload", make_package(tmp_path, keys, "9.9.9", 99))["id"]
    log.check("post", "/packages", "package.upload", package, before)
    log.change("delete", "/packages/{id}", "package.delete", package, id=package)


def devices(log, server, fleet):
    log.change("post", "/classes", "class.set", f"{CLASS} of {VENDOR}",
               {"class": CLASS, "vendor": VENDOR, "success": "version"})
    log.change("delete", "/classes/{name}", "class.remove", f"{CLASS} of {VENDOR}", name=f"{CLASS}?vendor={VENDOR}")
    fleet(4, "--fail-rate", "1", "--fail-result", "8", "--prefix", "bad-")
    log.change("patch", "/devices/{endpoint}", "device.tag", "bad-0", {"tags": {"site": "north"}}, endpoint="bad-0")
    before = len(log.rows())
    log.ask("POST", "/devices/bad-1/operations",  # whatever the device answers: it was asked
            {"operation": "write", "path": "/1/0/1", "values": [{"path": "/1/0/1", "value": 300}], "timeout_s": 5})
    log.check("post", "/devices/{endpoint}/operations", "device.write", "bad-1", before)
    row = {"endpoint": "boat", "identity": "boat", "key": os.urandom(16).hex()}
    log.change("post", "/credentials", "credentials.put", "boat", {"credentials": [row]})
    log.change("delete", "/credentials/{endpoint}", "credentials.remove", "boat", endpoint="boat")
    log.change("post", "/bootstrap", "bootstrap.put", "boat", {"devices": [row]})
    log.change("delete", "/bootstrap/{endpoint}", "bootstrap.remove", "boat", endpoint="boat")
    log.change("post", "/import", "bootstrap.put", "ship", [{**row, "endpoint": "ship", "identity": "ship"}])


def rollouts(log, server, keys, tmp_path, approver):
    new, old = (server.json("package", "upload", make_package(tmp_path, keys, version, sequence))["id"]
                for version, sequence in (("1.1.0", 2), ("1.0.1", 3)))
    body = {"package_id": new, "all_devices": True}

    def make(name, **more):
        before = len(log.rows())
        status, made, _ = log.ask("POST", "/rollouts", {**body, "name": name, **more})
        assert status == 201, made
        log.check("post", "/rollouts", "rollout.create", str(made["id"]), before)
        return str(made["id"])

    def step(number, verb, token=None, who="admin", what=None):
        log.change("post", "/rollouts/{id}/" + verb, what or f"rollout.{verb}", number, token=token, who=who, id=number)

    first = make("first", revert_package_id=old, policy={"approval": "start", "offers_per_minute": 1})
    step(first, "approve", approver, "eve")
    step(first, "start")
    step(first, "pause")
    step(first, "resume")
    step(first, "roll-back", what="rollout.roll_back")
    dynamic = make("dynamic", dynamic=True)
    step(dynamic, "start")
    step(dynamic, "close")
    wait_until(lambda: server.json("rollout", "show", dynamic)["counts"]["failed"] > 0, what="a device to fail")
    step(make("to be aborted"), "abort")
    log.ask("POST", f"/rollouts/{dynamic}/abort")  # if it has not ended by itself
    wait_until(lambda: server.json("rollout", "show", dynamic)["state"] in ("finished", "aborted"), what="its end")
    before = len(log.rows())
    status, again, _ = log.ask("POST", f"/rollouts/{dynamic}/retry")
    assert status == 201, again
    log.check("post", "/rollouts/{id}/retry", "rollout.create", str(again["id"]), before)


def webhooks(log, server):
    receiver = Receiver()
    receiver.answer = 500
    log.change("post", "/webhooks", "webhook.create", "ci",
               {"name": "ci", "url": receiver.url, "secret": "a secret of some length", "attempts": 1, "events": ["rollout"]})
    wait_until(lambda: log.ask("GET", "/undelivered")[1]["undelivered"] or make_event(log), what="an event put aside")
    number = log.ask("GET", "/undelivered")[1]["undelivered"][0]["id"]
    log.change("post", "/undelivered/{id}/again", "webhook.again", number, {}, id=number)
    log.change("delete", "/webhooks/{name}", "webhook.remove", "ci", name="ci")
    removed = log.seen[("delete", "/api/v1/webhooks/{name}")]
    assert removed["before"] == log.seen[("post", "/api/v1/webhooks")]["after"] and receiver.url.startswith(removed["before"])
    receiver.close()


def make_event(log):
    status, rollout, _ = log.ask("POST", "/rollouts", {
        "name": "told", "package_id": log.ask("GET", "/packages")[1]["packages"][0]["id"], "all_devices": True})
    assert status == 201, rollout
    return False


def test_a_request_that_is_refused_leaves_none(server, ask):
    before = server.json("audit", "list")
    for method, pattern in sorted(changes()):
        path = pattern.removeprefix("/api/v1").format(id="77", endpoint="nobody", name="nobody")
        status, answer, _ = ask(method.upper(), path, {"no such field": 1})
        assert 400 <= status < 500, (method, path, answer)
    assert server.json("audit", "list") == before


def test_a_row_of_a_token_says_until_when_it_is_good(server, ask):
    for days, life in (("3", {"lifetime_s": 3 * 86400}), ("0", {})):
        status, made, _ = ask("POST", "/tokens", {"name": f"t{days}", "role": "viewer", **life})
        assert status == 201, made
        row = server.json("audit", "list", "--subject", f"t{days}")["audit"][0]
        end = made["expires_at_ms"] and datetime.datetime.fromtimestamp(made["expires_at_ms"] // 1000, datetime.timezone.utc)
        assert row["after"] == ("viewer, for ever" if end is None else f"viewer, until {end:%Y-%m-%dT%H:%M:%SZ}")


def test_a_row_of_new_credentials_says_those_before(server, ask):
    def put(identity):
        rows = [{"endpoint": name, "identity": f"{name}-{identity}", "key": os.urandom(16).hex()} for name in ("boat", "ship")]
        assert ask("POST", "/credentials", {"credentials": rows})[0] == 200
        assert ask("POST", "/bootstrap", {"devices": rows})[0] == 200

    put("old")
    put("new")
    rows = [(row["what"], row["subject"], row["before"], row["after"]) for row in server.json("audit", "list", "--who", "admin")["audit"]]
    assert rows == [(what, name, before and f"{name}-{before}", f"{name}-{after}") for before, after in (("", "old"), ("old", "new"))
                    for what in ("credentials.put", "bootstrap.put") for name in ("boat", "ship")]


@pytest.mark.parametrize("table, path, member", [("credentials", "/credentials", "credentials"), ("bootstrap", "/bootstrap", "devices")])
def test_what_was_before_is_not_passed_over_when_it_cannot_be_read(server, ask, table, path, member):
    row = {"endpoint": "boat", "identity": "boat-1", "key": os.urandom(16).hex()}
    assert ask("POST", path, {member: [row]})[0] == 200
    before = server.json("audit", "list")
    with contextlib.closing(sqlite3.connect(server.data / "kedged.db", timeout=60)) as database, database:
        assert database.execute(f"UPDATE {table} SET kind = 'worn off'").rowcount == 1
    for method, where, body in (("POST", path, {member: [{**row, "identity": "boat-2"}]}), ("DELETE", f"{path}/boat", None)):
        status, answer, _ = ask(method, where, body)
        assert status == 500 and answer["detail"].startswith("the store could not be read: "), (method, answer)
    assert server.json("audit", "list") == before
