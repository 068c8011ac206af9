"""Tokens, keys and secrets that were given to the server stand in no answer, no list, no error and no line of a log."""
import http.client
import json
import secrets

import pytest

from conftest import ROOT, wait_until
from test_identity import assert_silent
from test_webhooks import SECRET, Receiver, maker

V1 = "/api/v1"
SHORT = "sixteen-bytes-ok"


class Asker:
    """Asks, and keeps all that was answered, its header too."""

    def __init__(self, server):
        self.server, self.said = server, []

    def __call__(self, method, path, body=None, token=None, **fields):
        connection = http.client.HTTPConnection(self.server.http_url.removeprefix("http://"), timeout=60)
        content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token or self.server.token}",
                   **{name.replace("_", "-"): value for name, value in fields.items()}}
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        told = answer.read().decode("utf-8", "replace")
        connection.close()
        self.said.append(f"{method} {path[:60]} {answer.status} {answer.getheaders()} {told}")
        return answer.status, told


@pytest.fixture
def asker(server):
    return Asker(server)


def everything_that_is_shown(asker):
    """Each resource that can be read, by what is there; the stream of events alone has no end."""
    document = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())
    for pattern, item in document["paths"].items():
        if "get" in item and not pattern.endswith("/events"):
            path = pattern.replace("{id}", "1").replace("{endpoint}", "boat").replace("{name}", "eve")
            asker("GET", path)


def wrong_ways(asker, key: str, token: str):
    """Requests that are refused, with a secret in each place that an error could repeat."""
    row = {"endpoint": "boat", "identity": "boat", "key": key}
    for body in ({"credentials": [{**row, "key": key + "zz"}]}, {"credentials": [{**row, "key": key * 9}]},
                 {"credentials": [{**row, "key": [key]}]},
                 {"credentials": [row, {**row, "key": "0" + key}]}):
        assert asker("POST", f"{V1}/credentials", body)[0] == 400
        assert asker("POST", f"{V1}/bootstrap", {"devices": body["credentials"]})[0] == 400
    text = json.dumps({"credentials": [row]})
    for broken in (text[:-1], text[:-3], text + "x", text.replace('"boat"', '"boat\\udcff"', 1),
                   text.replace(f'"{key}"', f'"{key}\n"'), text.replace(f'"{key}"', f'{key}'), text.replace(f'"{key}"', f'"{key}\\u0000"'),
                   text.replace(f'"{key}"', f'"{key}", "key": "{key}"')):
        assert asker("POST", f"{V1}/credentials", broken.encode())[0] == 400, broken
        assert asker("POST", f"{V1}/import", broken.encode())[0] in (400, 422), broken
    csv = f"endpoint,identity,key\nboat,boat,{key}zz\nship,ship,{key},{key}\n".encode()
    assert asker("POST", f"{V1}/import", csv)[0] in (400, 422)
    hook = {"name": "ci", "url": "https://example.com/", "secret": SECRET}
    for change in ({"secret": SECRET * 9}, {"url": "ftp://x/"}, {"secret": [SECRET]}, {"attempts": 0}):
        assert asker("POST", f"{V1}/webhooks", {**hook, **change})[0] == 400
    assert asker("POST", f"{V1}/webhooks", json.dumps(hook)[:-1].replace('"ci"', "ci").encode())[0] == 400
    for broken in ('{"name": "ci", "secret" "%s"}', '{"name": "ci" "%s"}', '{"name": "ci", %s}', '{"secret": "%s" "x"}'):
        assert asker("POST", f"{V1}/webhooks", (broken % SHORT).encode())[0] == 400
        assert asker("POST", f"{V1}/import", ("[" + broken % SHORT).encode())[0] in (400, 422)
    for wrong in (token[:-1], token + "0", "kedge_" + token):
        assert asker("GET", f"{V1}/devices", token=wrong)[0] in (401, 429)
    assert asker("POST", f"{V1}/session", {"token": token + "0"})[0] in (400, 401, 403, 429)
    assert asker("POST", f"{V1}/session", {"token": token}, Origin="http://evil.example")[0] in (400, 401, 403)


def test_no_secret_that_the_server_has_been_given_comes_out_of_it(server, asker, start, keys, tmp_path):
    key, handed_out = secrets.token_hex(16), secrets.token_hex(16)
    token = server.kedge("token", "create", "eve", "--role", "admin").stdout.strip()
    rollout = maker(server, start, keys, tmp_path)
    receiver = Receiver()
    receiver.answer = 500
    row = {"endpoint": "boat", "identity": "boat", "key": key}
    assert asker("POST", f"{V1}/credentials", {"credentials": [row]})[0] == 200
    assert asker("POST", f"{V1}/bootstrap", {"devices": [{**row, "key": handed_out}]})[0] == 200
    assert asker("POST", f"{V1}/webhooks", {"name": "ci", "url": receiver.url, "secret": SECRET, "attempts": 1},
                 Idempotency_Key="once")[0] == 201
    assert asker("POST", f"{V1}/webhooks", {"name": "ci", "url": receiver.url, "secret": SECRET, "attempts": 1},
                 Idempotency_Key="once")[0] == 201
    rollout("spring", "--start")
    wait_until(lambda: '"webhook"' in asker("GET", f"{V1}/undelivered")[1], what="an event put aside")
    wrong_ways(asker, key, token)
    everything_that_is_shown(asker)
    server.process.stop()
    hashed = [server.token, token, token.removeprefix("kedge_")]
    everything = "\n".join(asker.said) + server.process.log
    for secret in (SECRET, SHORT, key, handed_out, *hashed):
        assert secret not in everything, next(line for line in everything.splitlines() if secret in line)[:400]
    assert_silent(server.process.log, bytes.fromhex(key), bytes.fromhex(handed_out))
    for path in (one for one in server.data.rglob("*") if one.is_file() and one.name != "admin.token"):
        assert not [secret for secret in hashed if secret.encode() in path.read_bytes()], path
    receiver.close()
