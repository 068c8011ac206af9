"""The REST API of a running kedged, asked by curl, a client that is not ours, and by bare sockets."""
import contextlib
import itertools
import json
import re
import socket
import sqlite3
import time
import urllib.parse

import pytest

from conftest import ROOT, make_package, run, wait_until
from lwm2m_peer import CON, CONTENT_FORMAT, LINK, POST, URI_PATH, URI_QUERY, Message, uint

V1 = "/api/v1"


class Answer:
    def __init__(self, output: str):
        head, _, self.body = output.partition("\n\n")  # run() reads text, in which CR LF is LF
        while re.match(r"HTTP/1\.1 1\d\d", head):  # 100 Continue comes before the answer
            head, _, self.body = self.body.partition("\n\n")
        lines = head.split("\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}

    @property
    def json(self):
        return json.loads(self.body)


@pytest.fixture
def curl(server):
    """curl(method, path, *options) asks with the admin's token."""
    def ask(method, path, *options, token=True):
        authorization = ["--header", f"Authorization: Bearer {server.token}"] if token is True else (
            ["--header", f"Authorization: {token}"] if token else [])
        done = run("curl", "--silent", "--show-error", "--include", "--noproxy", "*", "--path-as-is", "--max-time", "60",
                   "--request", method, *authorization, *options, server.http_url + path)
        assert done.returncode == 0, done.stderr
        return Answer(done.stdout)
    return ask


def says_it_is_ready(health: "Answer") -> bool:
    """Of an answer of /healthz. It is 503 while the network thread has done nothing for a second, be it that the machine is busy."""
    assert (health.status, health.json["status"]) in ((200, "ready"), (503, "not_ready"))
    return health.status == 200


def wait_until_ready(ask):
    """`ask` gets /healthz: whatever holds the server up has an end, and soon."""
    wait_until(lambda: says_it_is_ready(ask()), 20, "the server to be ready")


def json_body(value) -> list:
    return ["--header", "Content-Type: application/json", "--data-binary", json.dumps(value)]


def file_body(file, kind="application/octet-stream") -> list:
    return ["--header", f"Content-Type: {kind}", "--data-binary", f"@{file}"]


numbers = itertools.count(1)


def register(server, endpoint: str):
    """Registers a device that answers nothing else."""
    number = next(numbers)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.settimeout(60)
        device.connect(("127.0.0.1", server.coap_port))
        query = [f"ep={endpoint}", "lt=300", "lwm2m=1.1", "b=U"]
        device.send(Message(CON, POST, number, b"t", [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK))] +
                            [(URI_QUERY, text.encode()) for text in query], b"</1/0>,</3/0>,</5/0>").encode())
        assert device.recv(1500)[1] == 0x41


@pytest.fixture
def package(server, curl, keys, tmp_path):
    """The id of an accepted package of version 1.1.0."""
    trusted = curl("POST", f"{V1}/trust", *json_body({"name": "release", "pem": keys.public.read_text()}))
    assert trusted.status == 201
    file = make_package(tmp_path, keys, "1.1.0", 2)
    uploaded = curl("POST", f"{V1}/packages", *file_body(file))
    assert uploaded.status == 201
    return uploaded.json["id"]


LOG_IN = ("POST", "/session")  # which is where a token is shown
ROUTES = [("GET", "/fleet"), ("GET", "/fleet/samples"), ("GET", "/rollouts/1/samples"), ("DELETE", "/session"), ("GET", "/devices/x/deployments"), ("GET", "/packages/x/attachments"), ("GET", "/packages/x/sbom"), ("GET", "/packages/x/prov"), ("GET", "/packages/x/notes"), ("GET", "/devices/x/history"), ("GET", "/devices"), ("GET", "/devices/x"), ("PATCH", "/devices/x"),
          ("POST", "/devices/x/operations"), ("GET", "/credentials"),
          ("POST", "/credentials"), ("DELETE", "/credentials/x"), ("GET", "/bootstrap"),
          ("POST", "/bootstrap"), ("POST", "/import"), ("DELETE", "/bootstrap/x"), ("GET", "/packages"),
          ("POST", "/packages"), ("GET", "/packages/x"), ("DELETE", "/packages/x"), ("GET", "/classes"), ("POST", "/classes"), ("DELETE", "/classes/x"), ("GET", "/trust"),
          ("POST", "/trust"), ("DELETE", "/trust/x"), ("GET", "/rollouts"), ("POST", "/rollouts"), ("POST", "/rollouts/plan"),
          ("POST", "/rollouts/1/approve"), ("POST", "/rollouts/1/close"), ("POST", "/rollouts/1/retry"),
          ("POST", "/rollouts/1/roll-back"),
          ("GET", "/rollouts/1"), ("POST", "/rollouts/1/start"), ("POST", "/rollouts/1/pause"),
          ("POST", "/rollouts/1/resume"), ("POST", "/rollouts/1/abort"), ("GET", "/rollouts/1/groups"),
          ("GET", "/rollouts/1/deployments"), ("GET", "/rollouts/1/history"), ("GET", "/tokens"),
          ("POST", "/tokens"), ("DELETE", "/tokens/x"), ("GET", "/token"), ("GET", "/audit"),
          ("GET", "/webhooks"), ("POST", "/webhooks"), ("DELETE", "/webhooks/x"), ("GET", "/undelivered"),
          ("POST", "/undelivered/x/again"), ("GET", "/events")]


def test_nothing_but_healthz_is_open_without_the_token(server, curl):
    for number, (method, path) in enumerate(ROUTES):
        for token in (None, "Bearer " + "0" * 64, f"Basic {server.token}", f"Bearer {server.token}0",
                      f"Bearer {server.token[:-1]}"):
            # From one address, the 21st within ten seconds would be told to come again later.
            answer = curl(method, V1 + path, "--interface", f"127.0.1.{number + 1}", token=token)
            assert answer.status == 401, (method, path, token)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
    wait_until_ready(lambda: curl("GET", "/healthz", token=None))


@pytest.mark.parametrize("blanks", [" ", "\t", " \t  "])
def test_blanks_behind_a_token_are_no_part_of_it(server, blanks):
    with socket.create_connection(("127.0.0.1", int(server.http_url.rsplit(":", 1)[1])), timeout=60) as client:
        client.sendall(f"GET {V1}/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       f"Authorization: Bearer {server.token}{blanks}\r\n\r\n".encode())
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 ")


def test_a_method_that_a_resource_has_not_is_405_with_those_that_it_has(curl):
    for path in sorted({path for _, path in ROUTES}):
        allowed = {method for method, other in [LOG_IN, *ROUTES] if other == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
            answer = curl(method, V1 + path)
            assert answer.status == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == allowed


def test_every_route_answers_with_json_that_names_what_is_wrong(curl):
    for method, path in ROUTES:
        answer = curl(method, V1 + (path if path != "/events" else "/events?kinds=none"))  # a stream has no end
        if answer.status < 400:
            assert isinstance(answer.json, dict)
            continue
        problem = answer.json
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status and problem["title"] and problem["detail"] and problem["code"]


@pytest.mark.parametrize("body, field", [
    (b"", "name"), (b"{", None), (b"[]", None), (b"null", None), (b'{"name":"a","name":"a","pem":"b"}', None),
    (b'{"name":"a","pem":"b","extra":1}', "extra"), (b'{"name":{"a":1},"pem":"b"}', "name"),
    (b'{"name":"a","pem":"' + b"x" * 5000 + b'"}', "pem"), (b"\xff\xfe{}", None), (b"[" * 100000, None),
], ids=["empty", "cut", "list", "null", "duplicate", "unknown", "object", "long", "not-utf-8", "deep"])
def test_bad_json_is_refused_by_the_field_at_fault(curl, tmp_path, body, field):
    file = tmp_path / "body"
    file.write_bytes(body)
    answer = curl("POST", f"{V1}/trust", *file_body(file, "application/json"))
    assert answer.status == 400
    assert answer.json.get("field") == field
    assert curl("GET", f"{V1}/trust").json == {"trust": [], "next": None}


def test_an_overlong_body_is_refused(curl, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(b" " * (2 << 20))
    for options in ([], ["--header", "Expect:"], ["--header", "Transfer-Encoding: chunked"]):
        assert curl("POST", f"{V1}/rollouts", *file_body(file, "application/json"), *options).status == 413


def test_an_upload_cut_in_half_leaves_nothing_and_disturbs_nobody(server, curl, keys, tmp_path):
    file = make_package(tmp_path, keys, "1.1.0", 2)
    content = file.read_bytes()
    curl("POST", f"{V1}/trust", *json_body({"name": "release", "pem": keys.public.read_text()}))
    port = int(server.http_url.rsplit(":", 1)[1])
    for head in (f"Content-Length: {len(content)}\r\n\r\n", f"Transfer-Encoding: chunked\r\n\r\n{len(content):x}\r\n"):
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(f"POST {V1}/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n{head}"
                           .encode() + content[:len(content) // 2])
            wait_until(lambda: list((server.data / "uploads").iterdir()), what="the upload to begin")
        wait_until(lambda: not list((server.data / "uploads").iterdir()), what="the cut upload to go")
    assert curl("GET", f"{V1}/packages").json["packages"] == []
    file.write_bytes(content[:len(content) // 2])
    half = curl("POST", f"{V1}/packages", *file_body(file))
    assert half.status == 422
    assert curl("GET", f"{V1}/packages").json["packages"] == []
    file.write_bytes(content)
    assert curl("POST", f"{V1}/packages", *file_body(file)).status == 201


def test_slow_and_silent_connections_do_not_keep_others_out(server, curl):
    port = int(server.http_url.rsplit(":", 1)[1])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for connection in idle:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
    begun = time.monotonic()
    assert curl("GET", f"{V1}/devices").status == 200
    assert time.monotonic() - begun < 30  # those are cut off after 60
    for connection in idle:
        connection.close()


def test_devices_come_page_by_page_each_once(server, curl):
    names = [f"page/{i:02}?&é" for i in range(7)]
    for name in names:
        register(server, name)
    wait_until(lambda: len(curl("GET", f"{V1}/devices").json["devices"]) == 7, what="the devices to be stored")
    seen, cursor = [], ""
    for _ in range(4):
        page = curl("GET", f"{V1}/devices?limit=3&cursor={cursor}").json
        seen += [d["endpoint"] for d in page["devices"]]
        if page["next"] is None:
            break
        cursor = urllib.parse.quote(page["next"], safe="")
    assert seen == names
    assert curl("GET", f"{V1}/devices?limit=3&cursor=&vendor=nobody").json["devices"] == []
    one = curl("GET", f"{V1}/devices/page%2F03%3F%26%C3%A9")
    assert one.status == 200
    assert one.json["endpoint"] == names[3] and one.json["registered"] is True and one.json["lifetime_s"] == 300


def test_a_long_list_is_packed_for_who_takes_it_so(curl):
    for number in range(12):
        assert curl("POST", f"{V1}/tokens", *json_body({"name": f"token-{number}", "role": "viewer"})).status == 201
    plain, packed = curl("GET", f"{V1}/audit"), curl("GET", f"{V1}/audit", "--compressed")
    assert packed.json == plain.json and len(plain.json["audit"]) > 12
    assert packed.headers["content-encoding"] == "gzip" and int(packed.headers["content-length"]) < len(plain.body) / 2
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    for query, coding in (("", "identity"), ("", "br, x-gzip"), ("", "gzip;q=0"), ("", "br, gzip ;q=0"), ("?limit=2", "gzip"), ("?limit=0", "gzip")):
        assert "content-encoding" not in curl("GET", f"{V1}/audit{query}", "--header", f"Accept-Encoding: {coding}").headers, (query, coding)
    told = curl("GET", f"{V1}/audit", "--header", "Accept-Encoding: br,GZIP , x", "--head")
    assert told.headers["content-encoding"] == "gzip"


def test_tags_stay_through_kill_9(server, curl):
    register(server, "tagged")
    wait_until(lambda: curl("GET", f"{V1}/devices/tagged").status == 200, what="the device to be stored")
    assert curl("PATCH", f"{V1}/devices/tagged", *json_body({"tags": {"place": "harbour", "crew": "2"}})).status == 200
    assert curl("PATCH", f"{V1}/devices/tagged", *json_body({"tags": {"crew": None}})).json["tags"] == {
        "place": "harbour"}
    server.kill()
    server.begin()
    assert curl("GET", f"{V1}/devices/tagged").json["tags"] == {"place": "harbour"}
    register(server, "tagged")
    assert curl("GET", f"{V1}/devices/tagged").json["tags"] == {"place": "harbour"}


def test_a_rollout_from_creation_to_end_by_the_api_alone(server, curl, package, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    device("boat", keys, factory, server.coap_uri, health="true")
    wait_until(lambda: [d for d in curl("GET", f"{V1}/devices").json["devices"] if d["version"] == "1.0.0"],
               what="the device to be known")
    made = curl("POST", f"{V1}/rollouts", *json_body({
        "name": "by curl", "package_id": package, "devices": ["boat"], "policy": {"deployment_soak_s": 1}}))
    assert made.status == 201
    assert made.headers["location"] == f"{V1}/rollouts/{made.json['id']}"
    path = made.headers["location"]
    assert made.json["state"] == "ready" and made.json["policy"]["deployment_soak_s"] == 1
    documented = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())["components"]["schemas"]["PolicyAsk"]
    told = {name: part.get("default") for name, part in documented["properties"].items()}
    assert {**told, "deployment_soak_s": 1} == made.json["policy"]
    assert curl("DELETE", f"{V1}/packages/{package}").status == 409
    assert curl("POST", f"{path}/resume").status == 409
    assert curl("POST", f"{path}/start").json["state"] == "running"
    assert curl("POST", f"{path}/start").status == 409
    wait_until(lambda: curl("GET", path).json["state"] == "finished", 120, "the rollout to finish")
    done = curl("GET", path).json
    assert done["counts"]["succeeded"] == 1 and sum(done["counts"].values()) == 1
    deployment, = curl("GET", f"{path}/deployments?state=succeeded&endpoint=boat").json["deployments"]
    assert deployment["version_before"] == "1.0.0" and deployment["update_result"] == 1
    group, = curl("GET", f"{path}/groups").json["groups"]
    assert group["state"] == "succeeded"
    steps = [(e["from"], e["to"]) for e in curl("GET", f"{path}/history?limit=500").json["history"]
             if e["endpoint"] == "boat"]
    assert steps[-1][1] == "succeeded"
    assert all(before[1] == after[0] for before, after in zip(steps, steps[1:]))
    audited = [(a["who"], a["what"]) for a in curl("GET", f"{V1}/audit").json["audit"]]
    assert ("admin", "rollout.create") in audited and ("admin", "rollout.start") in audited


def test_a_rollout_that_cannot_be_is_refused_and_not_made(curl, package):
    for body, field in [
        ({"name": "a", "package_id": package}, "devices"),
        ({"name": "a", "package_id": package, "devices": ["x"], "all_devices": True}, "devices"),
        ({"name": "a", "package_id": package, "all_devices": True, "policy": {"in_flight_max": 0}},
         "policy.in_flight_max"),
        ({"name": "", "package_id": package, "all_devices": True}, "name"),
        ({"name": "a", "package_id": "no", "all_devices": True}, "package_id"),
    ]:
        answer = curl("POST", f"{V1}/rollouts", *json_body(body))
        assert answer.status == 400 and answer.json["field"] == field
    for body in ({"name": "a", "package_id": "0" * 64, "all_devices": True},
                 {"name": "a", "package_id": package, "devices": ["nobody"]},
                 {"name": "a", "package_id": package, "all_devices": True}):
        answer = curl("POST", f"{V1}/rollouts", *json_body(body))
        assert answer.status == 422, answer.body
        assert answer.json["detail"]
    assert curl("GET", f"{V1}/rollouts").json["rollouts"] == []


@pytest.mark.parametrize("more, field", [
    ({"devices": ["x", 5]}, "devices[1]"), ({"devices": ["x", "x"]}, "devices"), ({"devices": ["nobody"]}, "devices"),
    ({"groups": [{"rest": True}, 5]}, "groups[1]"), ({"groups": [{"count": 1}, {"percent": "x"}]}, "groups[1].percent"),
    ({"windows": ["daily 22:00-04:00", "bad"]}, "windows"), ({"windows": [5]}, "windows[0]"), ({"gate_windows": ["bad"]}, "gate_windows"),
    ({"filter": 'class == "none"'}, "filter"), ({"policy": {"soak": 1}}, "policy.soak"),
], ids=str)
def test_a_refused_rollout_names_the_field_at_fault(curl, package, more, field):
    who = {} if "devices" in more or "filter" in more else {"all_devices": True}
    answer = curl("POST", f"{V1}/rollouts", *json_body({"name": "a", "package_id": package, **who, **more}))
    assert answer.status in (400, 422) and answer.json.get("field") == field, answer.body
    assert curl("GET", f"{V1}/rollouts").json["rollouts"] == []


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "a\u0085b", "a\u202eb", " admin", "admin ", "admin\u200b", "ad\u200dmin", "\ufeffadmin",
                                  "\u2693\ufe0f", "re\u0301gie", "a\u00a0b", "a  b"], ids=ascii)
def test_a_name_that_does_not_look_like_what_it_is_is_refused(server, curl, package, keys, name):
    register(server, "boat")
    wait_until(lambda: curl("GET", f"{V1}/devices/boat").status == 200, what="the device to be stored")
    rollout = {"name": "a", "package_id": package, "all_devices": True}
    for method, path, body, field in (
            ("POST", "tokens", {"name": name, "role": "viewer"}, "name"),
            ("POST", "trust", {"name": name, "pem": keys.public.read_text()}, "name"),
            ("POST", "webhooks", {"name": name, "url": "https://x/", "secret": "s" * 16}, "name"),
            ("POST", "rollouts", {**rollout, "name": name}, "name"),
            ("POST", "rollouts", {**rollout, "groups": [{"name": name, "rest": True}]}, "groups[0].name"),
            ("POST", "rollouts", {**rollout, "spread_by": name}, "spread_by"),
            ("POST", "classes", {"class": name}, "class"), ("POST", "classes", {"class": "board", "vendor": name}, "vendor"),
            ("POST", "credentials", {"credentials": [{"endpoint": name, "identity": "boat", "key": "00" * 16}]}, "credentials[0].endpoint"),
            ("POST", "bootstrap", {"devices": [{"endpoint": name, "identity": "boat", "key": "00" * 16}]}, "devices[0].endpoint"),
            ("PATCH", "devices/boat", {"tags": {name: "x"}}, "tags")):
        answer = curl(method, f"{V1}/{path}", *json_body(body))
        assert answer.status == 400 and answer.json.get("field") == field, (path, answer.body)
    if name.split() == [name]:  # the value of a tag may have spaces of its own
        value = curl("PATCH", f"{V1}/devices/boat", *json_body({"tags": {"site": name}}))
        assert value.status == 400 and value.json["field"] == "tags.site"
    assert curl("PATCH", f"{V1}/devices/boat", *json_body({"tags": {name: None}})).status == 200  # one of former days may go
    assert {row["what"] for row in server.json("audit", "list")["audit"]} <= {"token.create", "trust.add", "package.upload", "device.tag"}


@pytest.mark.parametrize("name", ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0915\u094d\u200d\u0937", "r\u00e9gie", "\u30e9\u30f3\u30d7 1", "\u2693"],
                         ids=["Persian", "Hindi", "French", "Japanese", "anchor"])
def test_a_name_in_any_script_that_is_what_it_looks_like_is_taken(server, curl, name):
    register(server, "boat")
    wait_until(lambda: curl("GET", f"{V1}/devices/boat").status == 200, what="the device to be stored")
    assert curl("POST", f"{V1}/tokens", *json_body({"name": name, "role": "viewer"})).status == 201
    assert curl("PATCH", f"{V1}/devices/boat", *json_body({"tags": {name: name}})).json["tags"] == {name: name}
    assert name in [token["name"] for token in curl("GET", f"{V1}/tokens").json["tokens"]]


def test_a_name_of_former_days_is_still_shown_and_its_thing_can_go(server, curl, package):
    key = curl("GET", f"{V1}/trust").json["trust"][0]
    assert curl("POST", f"{V1}/tokens", *json_body({"name": "old", "role": "viewer"})).status == 201
    server.process.stop()
    with contextlib.closing(sqlite3.connect(server.data / "kedged.db")) as database, database:
        for table in ("tokens", "trust"):
            database.execute(f"UPDATE {table} SET name = 'ol' || char(8203) || 'd' WHERE name IN ('old', 'release')")
    server.begin()
    assert "ol\u200bd" in [token["name"] for token in curl("GET", f"{V1}/tokens").json["tokens"]]
    assert curl("GET", f"{V1}/trust").json["trust"] == [{**key, "name": "ol\u200bd"}]
    assert curl("DELETE", f"{V1}/tokens/ol%E2%80%8Bd").status == 204
    assert curl("DELETE", f"{V1}/trust/{key['id']}").status == 204


@pytest.mark.parametrize("path, member", [("credentials", "credentials"), ("bootstrap", "devices")])
@pytest.mark.parametrize("changes, at", [
    ({1: {"endpoint": "d2"}}, "[2].endpoint"), ({3: {"endpoint": "d0", "public_key": True}}, "[3].endpoint"),
    ({3: {"identity": "i1"}}, "[3].identity"), ({1: {"public_key": True}, 2: {"public_key": True}}, "[2].public_key"),
    ({3: {"endpoint": "d1"}, 2: {"identity": "i0"}}, "[2].identity")], ids=lambda value: value if isinstance(value, str) else "")
def test_a_device_that_is_in_one_request_twice_is_refused(server, curl, keys, path, member, changes, at):
    rows = [{"endpoint": f"d{i}", "identity": f"i{i}", "key": f"{i:032x}"} for i in range(4)]
    for index, change in changes.items():
        if "public_key" in change:
            rows[index] = {"endpoint": rows[index]["endpoint"], **change, "public_key": keys.public.read_text()}
        rows[index].update({key: value for key, value in change.items() if key != "public_key"})
    before = server.json("audit", "list")
    answer = curl("POST", f"{V1}/{path}", *json_body({member: rows}))
    assert answer.status == 400 and answer.json["field"] == member + at and "too" in answer.json["detail"], answer.body
    assert curl("GET", f"{V1}/{path}").json[member] == [] and server.json("audit", "list") == before


def test_an_intermediate_package_or_a_setting_of_a_class_that_cannot_be_is_named(server, curl, package):
    answer = curl("POST", f"{V1}/rollouts", *json_body({"name": "a", "package_id": package, "all_devices": True,
                                                        "intermediate_package_ids": [package]}))
    assert answer.status == 400 and answer.json.get("field") == "intermediate_package_ids", answer.body
    answer = curl("POST", f"{V1}/classes", *json_body({"class": "c", "version_path": "/3/0"}))
    assert answer.status == 400 and answer.json.get("field") == "version_path", answer.body
    register(server, "boat")
    wait_until(lambda: curl("GET", f"{V1}/devices/boat").status == 200, what="the device to be stored")
    answer = curl("PATCH", f"{V1}/devices/boat", *json_body({"tags": {"site": 5}}))
    assert answer.status == 400 and answer.json.get("field") == "tags.site", answer.body


def test_the_routes_asked_here_are_those_that_there_are():
    served = re.findall(r'\{"(\w+)", V1 "([^"]+)"', (ROOT / "updater" / "api" / "routes.c").read_text())
    assert {(method, path.replace("/rollouts/{}", "/rollouts/1").replace("{}", "x")) for method, path in served} == {LOG_IN, *ROUTES}


def test_keys_are_trusted_and_removed(curl, package, keys):
    key, = curl("GET", f"{V1}/trust").json["trust"]
    assert key["name"] == "release" and key["algorithm"] == "ed25519" and key["development"] is False
    again = curl("POST", f"{V1}/trust", *json_body({"name": "other", "pem": keys.public.read_text()}))
    assert again.status == 409
    assert curl("DELETE", f"{V1}/trust/{key['id']}").status == 204
    assert curl("DELETE", f"{V1}/trust/{key['id']}").status == 404
    assert curl("GET", f"{V1}/trust").json["trust"] == []
    assert curl("GET", f"{V1}/packages/{package}").status == 200


@pytest.mark.parametrize("framing", [["Content-Length: 2", "Content-Length: 37"], ["Content-Length: 37", "Content-Length: 2"],
                                     ["Transfer-Encoding: chunked", "Content-Length: 2"],
                                     ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"], ["Transfer-Encoding: gzip, chunked"],
                                     ["Content-Length : 37", "Content-Length: 2"], ["Content-Length : 37"], ["Content-Length\t: 37"],
                                     ["Transfer-Encoding : chunked", "Content-Length: 2"], ["Host: y", "Content-Length: 2"],
                                     [" X-First: of all", "Content-Length: 2"], ["X: y\rContent-Length: 37", "Content-Length: 2"]])
def test_a_request_that_may_end_in_two_places_is_refused_and_nothing_behind_it_is_read(server, framing):
    port = int(server.http_url.rsplit(":", 1)[1])
    head = "\r\n".join([f"POST {V1}/rollouts/plan HTTP/1.1", *framing, "Host: x", f"Authorization: Bearer {server.token}"])
    behind = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as proxy:
        proxy.sendall(f"{head}\r\n\r\n".encode() + b"{}" + behind)
        answers = proxy.makefile("rb").read()
    assert answers.startswith(b"HTTP/1.1 400 ") and answers.count(b"HTTP/1.1 ") == 1, answers
    assert json.loads(answers.partition(b"\r\n\r\n")[2])["code"] == "malformed"
