"""The dashboard's files and sessions, asked by curl and by hand; test_dashboard_browser.py uses it as people do."""
import gzip
import hashlib
import json
import re
import socket
import subprocess

import pytest

from conftest import make_package, run, wait_until
from test_api import V1, curl, json_body, register, wait_until_ready  # noqa: F401 (a fixture)
from test_tls import secured  # noqa: F401 (a fixture)

LOADED_MAX = 200_000  # bytes that a browser loads until the dashboard stands


@pytest.fixture
def page(server, curl):
    """page(path, *options): a file of the dashboard, asked without a token."""
    return lambda path, *options: curl("GET", path, *options, token=None)


def names_in(text: str) -> set[str]:
    """The files that a page or module of ours loads."""
    return set(re.findall(r'(?:/assets/|from ?"\./)([\w.-]+\.(?:js|css|svg))', text))


def everything(page) -> dict[str, str]:
    """All files that the page leads to, by name."""
    found, wanted = {}, {""}
    while wanted:
        name = wanted.pop()
        answer = page(f"/assets/{name}" if name else "/")
        assert answer.status == 200, name
        found[name] = answer.body
        wanted |= names_in(answer.body) - set(found)
    return found


def size_of(server, name: str, *options) -> int:
    done = run("curl", "--silent", "--noproxy", "*", *options, "--output", "/dev/null", "--write-out", "%{size_download}",
               server.http_url + (f"/assets/{name}" if name else "/"))
    return int(done.stdout)


def test_all_of_it_is_in_the_program_and_is_small(server, page):
    files = everything(page)
    # None is found only when another one was read.
    told = set(re.findall(r'(?:modulepreload" href|src)="/assets/([\w-]+\.js)"', files[""]))
    assert told == {name for name in files if name.endswith(".js")}
    assert {"preact.js", "hooks.js", "htm.js", "uplot.js", "main.js", "style.css"} <= set(files)
    assert sum(size_of(server, name) for name in files) < LOADED_MAX
    packed = sum(size_of(server, name, "--header", "Accept-Encoding: gzip, br") for name in files)
    assert packed < LOADED_MAX / 2
    # Nothing from elsewhere: an address of another host stands in comments and namespaces alone.
    for name, text in files.items():
        assert not re.search(r'(?:src|href|from|import|url)\s*[=(]?\s*["\']?(?:https?:)?//', text), name
    assert "Copyright" in page("/assets/licenses.txt").body


def test_files_have_their_type_and_a_policy_that_lets_nothing_else_in(page):
    types = {"": "text/html", "main.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml",
             "licenses.txt": "text/plain"}
    for name, kind in types.items():
        answer = page(f"/assets/{name}" if name else "/")
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|style=", page("/").body)


def test_a_file_that_a_browser_has_is_not_sent_again(page):
    plain = page("/assets/main.js")
    packed = page("/assets/main.js", "--header", "Accept-Encoding: gzip", "--output", "-", "--head")
    tag = plain.headers["etag"]
    assert packed.headers["content-encoding"] == "gzip" and packed.headers["etag"] != tag
    assert plain.headers["vary"] == "Accept-Encoding" and "content-encoding" not in plain.headers
    for tags in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = page("/assets/main.js", "--header", f"If-None-Match: {tags}")
        assert again.status == 304 and again.body == "" and again.headers["etag"] == tag
    assert page("/assets/main.js", "--header", 'If-None-Match: "x"').status == 200


def test_what_is_packed_is_the_same(server, page):
    done = run("curl", "--silent", "--noproxy", "*", "--header", "Accept-Encoding: gzip", "--output", server.data / "packed",
               f"{server.http_url}/assets/main.js")
    assert done.returncode == 0
    assert gzip.decompress((server.data / "packed").read_bytes()).decode() == page("/assets/main.js").body


def test_no_path_leads_out(page):
    for path in ("/assets/", "/assets/..%2f..%2fetc%2fpasswd", "/assets/../kedged.db", "/assets/..", "/assets/%00",
                 "/assets/main.js/", "/assets/MAIN.JS", "//", "/index.html"):
        assert page(path).status == 404, path


# ---- sessions ----

def log_in(ask, url: str, token: str, *options):
    return ask("POST", f"{V1}/session", *json_body({"token": token}), "--header", f"Origin: {url}", *options, token=None)


def cookie_of(answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def by_cookie(cookie: str, *options) -> list:
    return ["--header", f"Cookie: {cookie}", *options]


def test_a_token_becomes_a_cookie_that_is_kept_close(server, curl):
    answer = log_in(curl, server.http_url, server.token)
    assert answer.status == 201 and answer.json["name"] == "admin" and answer.json["role"] == "admin"
    cookie, *rules = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert re.fullmatch(r"__Host-kedge=[0-9a-f]{64}", cookie)
    assert set(rules) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=43200"}
    assert server.token not in answer.headers["set-cookie"] + answer.body
    assert curl("GET", f"{V1}/token", *by_cookie(cookie), token=None).json["name"] == "admin"
    out = curl("DELETE", f"{V1}/session", *by_cookie(cookie, "--header", f"Origin: {server.http_url}"), token=None)
    assert out.status == 204 and "Max-Age=0" in out.headers["set-cookie"]
    assert curl("GET", f"{V1}/token", *by_cookie(cookie), token=None).status == 401
    assert cookie.partition("=")[2] not in server.process.log


def test_who_logs_out_is_told_of_nothing_more(server, curl):
    cookies = [cookie_of(log_in(curl, server.http_url, server.token)) for _ in "ab"]
    # A stream that does not end by itself ends after a minute, without the word for it.
    streams = [subprocess.Popen(["curl", "--silent", "--no-buffer", "--max-time", "60", "--noproxy", "*", "--header", f"Cookie: {cookie}",
                                 f"{server.http_url}{V1}/events"], stdout=subprocess.PIPE, text=True) for cookie in cookies]
    try:
        for stream in streams:
            assert "event: ready\n" in iter(stream.stdout.readline, "")
        out = curl("DELETE", f"{V1}/session", *by_cookie(cookies[0], "--header", f"Origin: {server.http_url}"), token=None)
        assert out.status == 204
        told = streams[0].stdout.read()  # to its end
        assert told.endswith('event: end\ndata: {"reason":"session"}\n\n')
        # The other session, of the same token, hears of what comes.
        register(server, "boat")
        assert 'event: device\n' in iter(streams[1].stdout.readline, "")
    finally:
        for stream in streams:
            stream.terminate()
            stream.wait(60)


def test_what_is_not_a_token_logs_nobody_in(server, curl):
    for body in ({"token": "x"}, {"token": server.token[:-1]}, {"token": ""}, {"token": 5}, {}, {"token": "a" * 1000},
                 {"token": server.token, "more": 1}):
        answer = curl("POST", f"{V1}/session", *json_body(body), "--header", f"Origin: {server.http_url}", token=None)
        assert answer.status in (400, 401), body
        assert "set-cookie" not in answer.headers


def test_a_session_has_its_tokens_role_and_end(server, curl):
    token = server.kedge("token", "create", "looker", "--role", "viewer").stdout.strip()
    cookie = cookie_of(log_in(curl, server.http_url, token))
    own = ["--header", f"Origin: {server.http_url}"]
    assert curl("GET", f"{V1}/devices", *by_cookie(cookie), token=None).status == 200
    assert curl("GET", f"{V1}/tokens", *by_cookie(cookie), token=None).status == 403
    assert curl("POST", f"{V1}/rollouts", *by_cookie(cookie, *own), *json_body({}), token=None).json["code"] == "role"
    server.kedge("token", "revoke", "looker")
    assert curl("GET", f"{V1}/devices", *by_cookie(cookie), token=None).status == 401


def test_a_change_from_another_page_is_refused_and_changes_nothing(server, curl, keys):
    cookie = cookie_of(log_in(curl, server.http_url, server.token))
    body = json_body({"name": "release", "pem": keys.public.read_text()})
    port = server.http_url.rsplit(":", 1)[1]
    others = [[], ["--header", "Origin: null"], ["--header", "Origin: https://evil.example"],
              ["--header", f"Origin: {server.http_url}.evil.example"], ["--header", "Origin: http://127.0.0.1:1"],
              ["--header", f"Origin: http://localhost:{port}"]]
    for origin in others:
        answer = curl("POST", f"{V1}/trust", *by_cookie(cookie, *origin), *body, token=None)
        assert answer.status == 403 and answer.json["code"] == "origin", (origin, answer.body)
        refused = curl("POST", f"{V1}/session", *json_body({"token": server.token}), *origin, token=None)
        assert refused.status == 403 and "set-cookie" not in refused.headers
    assert curl("GET", f"{V1}/trust", *by_cookie(cookie), token=None).json["trust"] == []
    own = ["--header", f"Origin: {server.http_url}"]
    assert curl("POST", f"{V1}/trust", *by_cookie(cookie, *own), *body, token=None).status == 201
    # A token that is shown proves by itself who asks, and says nothing of pages.
    assert curl("GET", f"{V1}/trust", "--header", "Origin: https://evil.example").status == 200


def test_logging_in_over_plain_http_from_elsewhere_is_refused_with_the_reason(server, curl):
    answer = curl("POST", f"{V1}/session", *json_body({"token": server.token}), "--header", "Host: fleet.example",
                  "--header", "Origin: http://fleet.example", token=None)
    assert answer.status == 403 and answer.json["code"] == "insecure" and "HTTPS" in answer.json["detail"]
    assert "set-cookie" not in answer.headers
    # Behind a proxy that takes HTTPS, the page says so.
    proxied = curl("POST", f"{V1}/session", *json_body({"token": server.token}), "--header", "Host: fleet.example",
                   "--header", "Origin: https://fleet.example", token=None)
    assert proxied.status == 201


def test_a_session_over_https(secured):
    origin = secured.https_url

    def ask(method, path, *options):
        return run("curl", "--silent", "--include", "--noproxy", "*", "--cacert", secured.certificate, "--request", method,
                   *options, origin + path).stdout
    done = ask("POST", f"{V1}/session", *json_body({"token": secured.token}), "--header", f"Origin: {origin}")
    cookie = re.search(r"(?i)set-cookie: (__Host-kedge=\w+)", done)[1]
    assert '"admin"' in ask("GET", f"{V1}/token", *by_cookie(cookie))
    plain = origin.replace("https", "http")
    for refused in (plain, "https://evil.example"):
        assert '"origin"' in ask("DELETE", f"{V1}/session", *by_cookie(cookie, "--header", f"Origin: {refused}"))
    assert " 204" in ask("DELETE", f"{V1}/session", *by_cookie(cookie, "--header", f"Origin: {origin}")).split("\n")[0]


@pytest.mark.parametrize("cookie", [
    "__Host-kedge=", "__Host-kedge=x", "__Host-kedge=" + "0" * 64, "__Host-kedge=" + "0" * 65, "__Host-kedge=" + "f" * 5000,
    "__Host-kedge=\"" + "0" * 64 + "\"", "a=b; __Host-kedge=" + "a" * 64, "__host-kedge=" + "0" * 64, "=; ;;=",
    "__Host-kedge=%00" + "0" * 61, "\x01\x02", "__Host-kedge=" + "\xff" * 64])
def test_a_cookie_that_is_none_is_refused(server, curl, cookie):
    assert curl("GET", f"{V1}/token", "--header", f"Cookie: {cookie}", token=None).status in (400, 401)
    wait_until_ready(lambda: curl("GET", "/healthz", token=None))


@pytest.mark.parametrize("line", ["Origin: https://a\rSet-Cookie: x=y", "Origin: https://a\x00b", "Origin: " + "a" * 20000,
                                  "Host: a\rX: y", "If-None-Match: \"\r\""])
def test_a_header_that_would_be_two_reaches_no_answer(server, line):
    address = ("127.0.0.1", int(server.http_url.rsplit(":", 1)[1]))
    body = json.dumps({"token": server.token})
    text = (f"POST {V1}/session HTTP/1.1\r\nHost: 127.0.0.1:{address[1]}\r\n{line}\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}")
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(text.encode("latin-1"))
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    assert b"x=y" not in answer and b"__Host-kedge=" not in answer
    assert answer == b"" or re.match(rb"HTTP/1\.1 4\d\d ", answer), answer


# ---- numbers ----

def test_the_fleet_in_numbers_is_that_of_its_devices_and_is_noted(server, curl):
    assert curl("GET", f"{V1}/fleet").json == {"devices": 0, "registered": 0, "versions": [], "versions_count": 0}
    register(server, "one")
    fleet = wait_until(lambda: (now := curl("GET", f"{V1}/fleet").json)["devices"] and now)
    assert fleet["devices"] == fleet["registered"] == 1
    assert fleet["versions"] == [{"vendor": "", "class": "", "version": "", "devices": 1, "registered": 1}]
    samples = wait_until(lambda: curl("GET", f"{V1}/fleet/samples").json["samples"], 150, "what is noted once a minute")
    assert samples[0]["at_ms"] > 0 and set(samples[0]) == {"at_ms", "devices", "registered", "versions"}
    assert curl("GET", f"{V1}/rollouts/1/samples").status == 404


def test_what_a_package_carries_for_people_is_given_as_files_alone(server, curl, keys, tmp_path):
    sbom, notes = tmp_path / "bom.json", tmp_path / "notes.md"
    sbom.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.5"}')
    notes.write_text("<script>window.broken=1</script> \u00fc\n")
    server.kedge("trust", "add", "--name", "release", keys.public)
    with_all = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2, None, "--attach", f"sbom={sbom}",
                                                             "--attach", f"notes={notes}"))["id"]
    bare = server.json("package", "upload", make_package(tmp_path, keys, "1.2.0", 3))["id"]
    carried = {one["name"]: one for one in curl("GET", f"{V1}/packages/{with_all}/attachments").json["attachments"]}
    assert set(carried) == {"sbom", "notes"} and carried["sbom"]["text"] is None
    assert carried["notes"]["text"] == notes.read_text()
    assert carried["sbom"]["sha256"] == hashlib.sha256(sbom.read_bytes()).hexdigest()
    for name, file in (("sbom", sbom), ("notes", notes)):
        answer = curl("GET", f"{V1}/packages/{with_all}/{name}")
        assert answer.status == 200 and answer.body == file.read_text()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-security-policy"] == "sandbox"
        tag = answer.headers["etag"]
        assert tag == '"%s"' % hashlib.sha256(file.read_bytes()).hexdigest()
        again = curl("GET", f"{V1}/packages/{with_all}/{name}", "--header", f'If-None-Match: "other", {tag}')
        assert (again.status, again.body, again.headers["etag"]) == (304, "", tag)
        assert again.headers["cache-control"] == "private, no-cache"
        assert curl("GET", f"{V1}/packages/{with_all}/{name}", "--header", 'If-None-Match: "other"').body == file.read_text()
        assert curl("GET", f"{V1}/packages/{with_all}/{name}", "--header", 'If-Match: "other"').status == 412
    assert curl("GET", f"{V1}/packages/{with_all}/prov").status == 404
    assert curl("GET", f"{V1}/packages/{bare}/attachments").json["attachments"] == []
    assert curl("GET", f"{V1}/packages/{'0' * 64}/attachments").status == 404
    assert curl("GET", f"{V1}/packages/{with_all}/prov", "--header", "If-None-Match: *").status == 404
    # The signed digest is asked each time: a file that rots on the disk is not handed out. Who has it
    # already needs none of its bytes, and neither does who asks for another file.
    kept = server.data / "packages" / f"{with_all}.suit"
    kept.write_bytes(kept.read_bytes().replace(b"window.broken", b"window.brokem"))
    assert curl("GET", f"{V1}/packages/{with_all}/notes").status == 500
    assert curl("GET", f"{V1}/packages/{with_all}/attachments").status == 500
    assert curl("GET", f"{V1}/packages/{with_all}/notes", "--header", f"If-None-Match: {tag}").status == 304
    assert curl("GET", f"{V1}/packages/{with_all}/sbom").body == sbom.read_text()
