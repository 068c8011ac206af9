"""The server program: starting, refusing to start, being killed, a full disk, ending.

Spoken to by Python's own HTTP client and over raw sockets, so that nothing here rests on ours."""
import errno
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import CLASS, VENDOR, Keys, Server, free_port, make_package, program, run, wait_until
from lwm2m_peer import BLOCK2, GET, POST, uint
from wire import Wire


def call(server, method, path, body=None, token=None):
    """One request of the REST API: its status and its JSON."""
    headers = {"Authorization": f"Bearer {token or server.token}"}
    if isinstance(body, (bytes, bytearray)):
        headers["Content-Type"] = "application/octet-stream"
    elif body is not None:
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(server.http_url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            data = response.read()
            return response.status, json.loads(data) if data else None
    except urllib.error.HTTPError as error:
        data = error.read()
        return error.code, json.loads(data) if data else None


def trust(server, keys, name="release"):
    return call(server, "POST", "/api/v1/trust", {"name": name, "pem": keys.public.read_text()})


def upload(server, package):
    return call(server, "POST", "/api/v1/packages", package.read_bytes())


def listing(server, what):
    status, body = call(server, "GET", f"/api/v1/{what}?limit=500")
    assert status == 200
    return body[what]


def files_below(folder: pathlib.Path):
    """The files of packages, by their names."""
    return sorted(f.name for sub in ("packages", "fw") if (folder / sub).exists() for f in (folder / sub).iterdir())


def uploads_below(folder: pathlib.Path):
    """What is being received; it goes a moment after the answer."""
    return sorted(f.name for f in (folder / "uploads").iterdir())


# ---- starting and ending ----

def test_the_first_start_makes_folder_and_token_for_the_owner_alone(server):
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((server.data / "kedged.db").stat().st_mode) == 0o600
    assert re.fullmatch("kedge_[0-9a-f]{64}", server.token)
    assert [a["what"] for a in listing(server, "audit")] == ["token.create"]


def test_the_token_is_nowhere_but_in_its_file(server, keys):
    trust(server, keys)
    token = server.token
    assert server.process.stop() == 0
    assert token not in server.process.log
    for file in server.data.rglob("*"):
        if file.is_file() and file.name != "admin.token":
            assert token.encode() not in file.read_bytes(), file
            assert bytes.fromhex(token.removeprefix("kedge_")) not in file.read_bytes(), file


def test_another_token_is_refused_and_the_same_one_works_after_a_restart(server):
    assert call(server, "GET", "/api/v1/devices", token="0" * 64)[0] == 401
    before = server.token
    assert server.process.stop() == 0
    server.begin()
    assert server.token == before
    assert call(server, "GET", "/api/v1/devices")[0] == 200


def test_a_token_file_that_is_gone_is_replaced_and_the_old_token_is_worth_nothing(server):
    old = server.token
    assert server.process.stop() == 0
    server.token_file.unlink()
    server.begin()
    assert server.token != old
    assert call(server, "GET", "/api/v1/devices")[0] == 200
    assert call(server, "GET", "/api/v1/devices", token=old)[0] == 401
    assert [a["what"] for a in listing(server, "audit")] == ["token.create"] * 2


def test_a_database_that_was_moved_away_begins_anew_with_a_token_that_works(server):
    old = server.token
    assert server.process.stop() == 0
    for file in server.data.glob("kedged.db*"):
        file.rename(file.with_name("away-" + file.name))
    server.begin()
    assert server.token != old
    assert call(server, "GET", "/api/v1/devices")[0] == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_it_is_asked_to(server, how):
    assert server.process.stop(how) == 0
    assert "ending, as asked by" in server.process.log


def test_it_ends_cleanly_with_connections_open(server):
    with socket.create_connection(("127.0.0.1", int(server.http_url.rsplit(":", 1)[1]))) as idle:
        idle.sendall(b"POST /api/v1/packages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                     server.token.encode() + b"\r\nContent-Length: 100000\r\n"
                     b"Content-Type: application/octet-stream\r\n\r\nhalf of it")
        wait_until(lambda: uploads_below(server.data), 60, "the upload to begin")
        assert server.process.stop() == 0
    assert files_below(server.data) == uploads_below(server.data) == []


def test_port_0_takes_a_free_one_and_says_which(start, tmp_path):
    process = start(program("kedged"), "--data", tmp_path / "data", "--coap", "127.0.0.1:0",
                    "--http", "[::1]:0")
    ready = process.wait_for(r"ready.*coap://127\.0\.0\.1:(\d+).*http://\[::1\]:(\d+)")
    assert int(ready[1]) > 0 and int(ready[2]) > 0
    with socket.create_connection(("::1", int(ready[2]))):
        pass
    assert process.stop() == 0


# ---- refusing to start ----

def refused(*args, status: int):
    done = run(program("kedged"), *args)
    assert done.returncode == status, done.stderr
    assert done.stderr.strip()
    return done.stderr


def test_a_second_server_on_the_same_folder_is_refused(server):
    words = refused("--data", server.data, "--coap", "127.0.0.1:0", "--http", "127.0.0.1:0", status=1)
    assert "another kedged is running" in words and str(server.data) in words
    assert call(server, "GET", "/api/v1/devices")[0] == 200


@pytest.mark.parametrize("which", ["--coap", "--http"])
def test_a_port_that_is_in_use_is_named(tmp_path, which):
    kind = socket.SOCK_DGRAM if which == "--coap" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        ports = {"--coap": "127.0.0.1:0", "--http": "127.0.0.1:0", which: f"127.0.0.1:{port}"}
        words = refused("--data", tmp_path / "data", *[w for pair in ports.items() for w in pair], status=1)
    assert f"127.0.0.1:{port}" in words or f"port {port}" in words
    assert "in use" in words


@pytest.mark.parametrize("arguments, words", [
    ([], "--data"),
    (["--data", "DATA", "--nonsense"], "kedged: --nonsense is not an option; see kedged --help"),
    (["--data", "DATA", "--coap"], "kedged: --coap needs a value; see kedged --help"),
    (["--data", "DATA", "--coap", "5683"], "ADDR:PORT"),
    (["--data", "DATA", "--coap", "127.0.0.1:70000"], "ADDR:PORT"),
    (["--data", "DATA", "--coap", "localhost:5683"], "ADDR:PORT"),
    (["--data", "DATA", "--coap", "::1:5683"], "ADDR:PORT"),
    (["--data", "DATA", "--coap", "127.0.0.1:0,[::1]"], "--coap [::1]: write it as ADDR:PORT"),
    (["--data", "DATA", "--coaps", "127.0.0.1:0,,[::1]:0"], "--coaps 127.0.0.1:0,,[::1]:0: one address between"),
    (["--data", "DATA", "--coaps", "127.0.0.1:0,"], "--coaps 127.0.0.1:0,: one address between two commas"),
    (["--data", "DATA", "--coap", ",".join(5 * ["127.0.0.1:0"])], "more than 4 addresses"),
    (["--data", "DATA", "--log-level", "loud"], "loud"),
    (["--data", "DATA", "--log-format", "verse"], "one of text, json, journal"),
    (["--data", "DATA", "extra"], "extra"),
    (["--data", "DATA", "--http", "0.0.0.0:8080"], "--insecure-http"),
    (["--data", "DATA", "--http", ":8080"], "--insecure-http"),
    (["--data", "DATA", "--http", "[::]:8080"], "--insecure-http"),
    (["--data", "DATA", "--http", "192.0.2.1:8080"], "--insecure-http"),
    (["--data", "", "--coap", "127.0.0.1:0"], "--data"),
    (["--data", "DATA", "--unproven-rate", "0"], "--unproven-rate 0: a number from 1 to 1000000"),
    (["--data", "DATA", "--unproven-max", "many"], "--unproven-max many: a number from 1 to 1000000"),
    (["--data", "DATA", "--push-rate", "64K"], "--push-rate 64K: a number from 1 to 1000000000"),
    (["--data", "DATA", "--download-rate", "9999"], "--download-rate 9999: a number from 10000 to 1000000000, or 0"),
    (["--data", "DATA", "--history-days", "36501"], "--history-days 36501: a number from 1 to 36500"),
    (["--data", "DATA", "--unproven-stored", "1000001"], "--unproven-stored 1000001: a number from 1 to 1000000"),
    (["--data", "DATA", "--require", "2", "--require=1"], "--require is given twice: leave one of them out"),
    (["--data", "DATA", "--coap", "127.0.0.1:0", "--coap", "[::1]:0"], "--coap is given twice: put all of them into one"),
    (["--data", "DATA", "--config", "/dev/null", "--config", "/dev/null"], "--config is given twice"),
    (["--data", "DATA", "--check-config", "--check-config"], "--check-config is given twice"),
])
def test_bad_options_are_refused_before_anything_is_made(tmp_path, arguments, words):
    data = tmp_path / "data"
    given = [str(data) if a == "DATA" else a for a in arguments]
    assert words in refused(*given, status=2)
    assert not data.exists()


@pytest.mark.parametrize("text, words", [
    ("data = DATA\ncoop = 127.0.0.1:0\n", ":2: coop: is no option of the file"),
    ("data = DATA\nthis is no pair\n", ":2: "),
    ("insecure-http = perhaps\n", ":1: insecure-http: takes true or false"),
    ("check-config = true\n", ":1: check-config: is no option of the file"),
    ("[section]\ndata = DATA\n", ":2: data: stands below a [section]"),
    ("require = 2\n# once more\nrequire = 1\n", ":3: require: given twice: leave one of them out"),
    ("insecure-http = true\ninsecure-http = false\n", ":2: insecure-http: given twice"),
    ("coap = 127.0.0.1:0\ncoap = [::1]:0\n", ":2: coap: given twice: put all of them into one, with commas between them"),
])
def test_a_bad_configuration_file_is_refused_with_its_line(tmp_path, text, words):
    file = tmp_path / "kedged.conf"
    file.write_text(text.replace("DATA", str(tmp_path / "data")))
    message = refused("--config", file, "--data", tmp_path / "data", status=2)
    assert f"{file}{words}" in message
    assert not (tmp_path / "data").exists()


def test_a_configuration_file_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "none.conf") in refused("--config", tmp_path / "none.conf", "--data",
                                                   tmp_path / "data", status=2)


def test_check_config_says_what_it_thinks_and_makes_nothing(tmp_path):
    file = tmp_path / "kedged.conf"
    file.write_text(f"data = {tmp_path / 'data'}\ncoap = 127.0.0.1:0\nhttp = 127.0.0.1:0\n")
    done = run(program("kedged"), "--config", file, "--check-config")
    assert done.returncode == 0 and "good" in done.stdout
    assert not (tmp_path / "data").exists()
    assert run(program("kedged"), "--config", file, "--coap", "nowhere", "--check-config").returncode == 2


def test_the_configuration_file_serves_and_the_command_line_wins(start, tmp_path):
    file = tmp_path / "kedged.conf"
    file.write_text(f"data = {tmp_path / 'of-the-file'}\ncoap = 127.0.0.1:0\nhttp = 127.0.0.1:0\n")
    process = start(program("kedged"), "--config", file, "--data", tmp_path / "of-the-line")
    process.wait_for("ready")
    assert (tmp_path / "of-the-line" / "admin.token").exists()
    assert not (tmp_path / "of-the-file").exists()
    assert process.stop() == 0


def test_insecure_http_is_served_when_it_is_asked_for_by_name(start, tmp_path):
    process = start(program("kedged"), "--data", tmp_path / "data", "--http", ":0", "--insecure-http")
    process.wait_for(r"ready: .*http://0\.0\.0\.0:\d+$")
    assert process.stop() == 0


def test_help_and_version():
    helped = run(program("kedged"), "--help")
    assert helped.returncode == 0
    for option in ("--data", "--config", "--coap", "--http", "--insecure-http", "--check-config", "SIGTERM"):
        assert option in helped.stdout
    version = run(program("kedged"), "--version")
    assert version.returncode == 0 and version.stdout.startswith("kedged ")


@pytest.mark.parametrize("content", [b"this is no database at all, only some words" * 100, b"SQLite format 3\0" + b"\xff" * 8192])
def test_a_damaged_database_is_refused_and_left_alone(tmp_path, content):
    data = tmp_path / "data"
    data.mkdir()
    (data / "kedged.db").write_bytes(content)
    words = refused("--data", data, "--http", "127.0.0.1:0", status=1)
    assert "kedged.db" in words and "backup" in words
    assert (data / "kedged.db").read_bytes() == content


def test_a_data_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused("--data", tmp_path / "file", "--http", "127.0.0.1:0", status=1)
    assert "none" in refused("--data", tmp_path / "none" / "data", "--http", "127.0.0.1:0", status=1)


# ---- what lasts ----

def test_kill_9_and_a_restart_keep_all(server, keys, tmp_path):
    package = make_package(tmp_path, keys, "1.1.0", 2)
    assert trust(server, keys)[0] == 201
    assert upload(server, package)[0] == 201
    kept = ("packages", "trust", "audit", "devices", "rollouts")
    before = [listing(server, what) for what in kept]
    files = files_below(server.data)
    assert len(before[0]) == 1 and len(files) == 2
    server.kill()
    server.begin()
    assert [listing(server, what) for what in kept] == before
    assert files_below(server.data) == files


def test_what_a_crash_left_of_uploads_is_swept_up_and_nothing_else(server, keys, tmp_path):
    trust(server, keys)
    upload(server, make_package(tmp_path, keys, "1.1.0", 2))
    kept = files_below(server.data)
    server.kill()
    (server.data / "packages" / ".new-abcdef").write_bytes(b"half")
    (server.data / "packages" / ("0" * 64 + ".suit")).write_bytes(b"without a record")
    (server.data / "fw" / ("0" * 64)).write_bytes(b"without a record")
    (server.data / "fw" / "README").write_bytes(b"somebody's own")
    (server.data / "uploads" / "upload-abcdef").write_bytes(b"half")
    server.begin()
    assert files_below(server.data) == sorted([*kept, "README"])
    assert uploads_below(server.data) == []


def test_a_package_that_is_there_already_changes_nothing(server, keys, tmp_path):
    package = make_package(tmp_path, keys, "1.1.0", 2)
    trust(server, keys)
    assert upload(server, package)[0] == 201
    before = (listing(server, "packages"), listing(server, "audit"), files_below(server.data))
    assert upload(server, package)[0] == 200
    assert (listing(server, "packages"), listing(server, "audit"), files_below(server.data)) == before


def test_a_deleted_package_is_gone_with_its_files(server, keys, tmp_path):
    trust(server, keys)
    upload(server, make_package(tmp_path, keys, "1.1.0", 2))
    package = listing(server, "packages")[0]["id"]
    assert call(server, "DELETE", f"/api/v1/packages/{package}")[0] == 204
    assert listing(server, "packages") == [] and files_below(server.data) == []
    assert call(server, "DELETE", f"/api/v1/packages/{package}")[0] == 404


def test_trust_is_refused_with_words(server, keys, tmp_path):
    assert trust(server, keys)[0] == 201
    status, body = trust(server, keys, "again")
    assert status == 409 and "release" in body["detail"]
    other = Keys(tmp_path, "other")
    status, body = trust(server, other)
    assert status == 409 and "release" in body["detail"]
    status, body = trust(server, Keys(tmp_path, "toy", "ed25519", "--development"), "toy")
    assert status == 422 and "--allow-development-keys" in body["detail"]
    status, body = call(server, "POST", "/api/v1/trust", {"name": "x", "pem": "no key"})
    assert status in (400, 422) and "public key" in body["detail"]
    assert len(listing(server, "trust")) == 1
    assert [a["what"] for a in listing(server, "audit")] == ["token.create", "trust.add"]
    key_id = listing(server, "trust")[0]["id"]
    assert call(server, "DELETE", f"/api/v1/trust/{key_id}")[0] == 204
    assert listing(server, "trust") == []
    assert call(server, "DELETE", f"/api/v1/trust/{key_id}")[0] == 404


def test_other_signatures_over_the_same_manifest_replace_nothing(server, keys, tmp_path):
    other = Keys(tmp_path, "other")
    trust(server, keys)
    trust(server, other, "other")
    image = b"the same bytes" * 1000
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = make_package(tmp_path / "a", keys, "1.1.0", 2, image)
    second = make_package(tmp_path / "b", other, "1.1.0", 2, image)
    assert first.read_bytes() != second.read_bytes()
    assert upload(server, first)[0] == 201
    before = (listing(server, "packages"), files_below(server.data))
    assert upload(server, second)[0] == 200
    assert (listing(server, "packages"), files_below(server.data)) == before
    kept = server.data / "packages" / f"{before[0][0]['id']}.suit"
    assert kept.read_bytes() == first.read_bytes()


def test_bare_images_are_served_as_they_are_and_shared_by_the_packages_that_have_them(server, keys, tmp_path):
    trust(server, keys)
    image = os.urandom(70000)
    for sequence in (2, 3):
        package = make_package(tmp_path, keys, "1.1.0", sequence, image, "--deliver", "payload")
        assert upload(server, package)[0] == 201
    packages = listing(server, "packages")
    served = list((server.data / "fw").iterdir())
    assert [f.name for f in served] == [hashlib.sha256(image).hexdigest()]
    assert served[0].read_bytes() == image
    for package, left in zip(packages, ([served[0].name], [])):
        assert call(server, "DELETE", f"/api/v1/packages/{package['id']}")[0] == 204
        assert [f.name for f in (server.data / "fw").iterdir()] == left
    assert files_below(server.data) == []


# ---- devices ----

def test_a_registration_outlives_kill_9_and_a_restart(server):
    wire = Wire(server)
    place = wire.registered("lasting")
    wire.serve_until(lambda: [d for d in listing(server, "devices") if d["version"] == "1.0.0"], "the device")
    before = listing(server, "devices")[0]
    assert before["endpoint"] == "lasting" and before["registered"] is True
    assert (before["vendor"], before["class"]) == (VENDOR, CLASS)
    server.kill()
    server.begin()
    after = listing(server, "devices")[0]
    assert (after["endpoint"], after["registered"], after["version"]) == ("lasting", True, "1.0.0")
    # An Update finds the registration where it was.
    assert wire.ask(POST, place).code_text == "2.04"


# ---- rollouts ----

def known_device(server, endpoint):
    """A device that has said who it is."""
    wire = Wire(server)
    wire.registered(endpoint)
    wire.serve_until(lambda: [d for d in listing(server, "devices") if d["endpoint"] == endpoint and d["version"]],
                     endpoint)
    return wire


def uploaded(server, keys, tmp_path, *arguments, **keywords):
    trust(server, keys)
    assert upload(server, make_package(tmp_path, keys, *arguments, **keywords))[0] in (200, 201)
    return listing(server, "packages")[0]["id"]


def create(server, package, **fields):
    return call(server, "POST", "/api/v1/rollouts", {"name": "July", "package_id": package, **fields})


def test_a_rollout_that_cannot_be_is_refused_with_words_and_leaves_nothing(server, keys, tmp_path):
    package = uploaded(server, keys, tmp_path, "1.1.0", 2)
    status, body = create(server, package, all_devices=True)
    assert status == 422 and VENDOR in body["detail"] and CLASS in body["detail"]
    known_device(server, "known")
    status, body = create(server, "0" * 64, all_devices=True)
    assert status == 422 and "0" * 64 in body["detail"]
    status, body = create(server, package, devices=["known", "stranger"])
    assert status == 422 and "stranger is not known" in body["detail"]
    status, body = create(server, package, devices=["known", "known"])
    assert status == 400 and "twice" in body["detail"]
    status, body = create(server, package, all_devices=True, policy={"error_action": "roll_back"})
    assert status in (400, 422) and "revert package" in body["detail"]
    other = uploaded(server, keys, tmp_path, "1.1.0", 2, class_name="board-b", name="other.suit")
    status, body = create(server, other, devices=["known"])
    assert status == 422 and "class" in body["detail"]
    assert listing(server, "rollouts") == []
    assert [a for a in listing(server, "audit") if a["what"].startswith("rollout")] == []


def test_a_package_without_names_is_for_the_devices_that_its_uuids_say(server, keys, tmp_path):
    trust(server, keys)
    image, package = tmp_path / "image", tmp_path / "nameless.suit"
    image.write_bytes(b"x" * 1000)
    done = run(program("kedge-sign"), "create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version",
               "1.1.0", "--sequence", "2", "--key", keys.private, "--output", package)
    assert done.returncode == 0, done.stderr
    assert upload(server, package)[0] == 201
    known_device(server, "fits")
    status, rollout = create(server, listing(server, "packages")[0]["id"], all_devices=True)
    assert status == 201
    assert (rollout["vendor"], rollout["class"]) == (VENDOR, CLASS)


def test_a_package_that_a_rollout_names_is_kept(server, keys, tmp_path):
    package = uploaded(server, keys, tmp_path, "1.1.0", 2)
    known_device(server, "known")
    assert create(server, package, all_devices=True)[0] == 201
    files = files_below(server.data)
    status, body = call(server, "DELETE", f"/api/v1/packages/{package}")
    assert status == 409 and "rollout" in body["detail"]
    assert files_below(server.data) == files and len(listing(server, "packages")) == 1


def test_a_rollout_is_where_it_was_after_kill_9_and_each_step_has_its_reason(server, keys, tmp_path):
    package = uploaded(server, keys, tmp_path, "1.1.0", 2)
    known_device(server, "silent")
    status, rollout = create(server, package, all_devices=True, policy={"offer_limit_s": 3600})
    assert status == 201 and rollout["state"] == "ready"
    assert call(server, "POST", "/api/v1/rollouts/1/resume")[0] == 409
    assert call(server, "POST", "/api/v1/rollouts/1/start")[0] == 200
    _, deployments = call(server, "GET", "/api/v1/rollouts/1/deployments")
    assert [d["state"] for d in deployments["deployments"]] == ["offered"]
    _, history = call(server, "GET", "/api/v1/rollouts/1/history")
    server.kill()
    server.begin()
    _, deployments = call(server, "GET", "/api/v1/rollouts/1/deployments")
    assert [d["state"] for d in deployments["deployments"]] == ["offered"]
    assert "restarted" in deployments["deployments"][0]["explanation"]
    _, again = call(server, "GET", "/api/v1/rollouts/1/history")
    assert again["history"][:len(history["history"])] == history["history"]
    assert call(server, "POST", "/api/v1/rollouts/1/pause")[0] == 200
    assert call(server, "POST", "/api/v1/rollouts/1/abort")[0] == 200
    status, rollout = call(server, "GET", "/api/v1/rollouts/1")
    assert (status, rollout["state"]) == (200, "aborted")
    whats = [a["what"] for a in listing(server, "audit") if a["what"].startswith("rollout")]
    assert whats == ["rollout.create", "rollout.start", "rollout.pause", "rollout.abort", "rollout.drained"]


def test_a_deployment_shows_how_far_the_download_is(server, keys, tmp_path):
    package = uploaded(server, keys, tmp_path, "1.1.0", 2, os.urandom(50000))
    wire = known_device(server, "slow")
    wire.writable.add("/5/0/1")
    assert create(server, package, all_devices=True, start=True)[0] == 201

    def deployment():
        return call(server, "GET", "/api/v1/rollouts/1/deployments")[1]["deployments"][0]
    wire.serve_until(lambda: wire.written.get("/5/0/1"), "the Package URI")
    wire.values["/5/0/3"] = b"1"
    uri = wire.written["/5/0/1"].decode()
    assert uri.startswith(f"coap://127.0.0.1:{server.coap_port}/fw/")
    size = len((server.data / "fw" / uri.rsplit("/", 1)[1]).read_bytes())
    shown, number = set(), 0
    while len(shown) < 2:  # progress is told once a second
        answer = wire.ask(GET, uri.split("/", 3)[3], options=[(BLOCK2, uint(number << 4 | 6))])
        assert answer.code_text == "2.05" and len(answer.payload) == 1024, "it was told too late"
        number += 1
        wire.receive(0.1)
        seen = deployment()
        assert seen["bytes_done"] <= number * 1024
        if seen["bytes_done"] > 0:
            assert (seen["state"], seen["bytes_total"]) == ("downloading", size)
            assert f"{seen['bytes_done']} of {size} bytes" in seen["explanation"]
            shown.add(seen["bytes_done"])


def test_tags_last_and_are_audited(server):
    known_device(server, "tagged")
    assert call(server, "PATCH", "/api/v1/devices/tagged", {"tags": {"site": "pier"}})[0] == 200
    assert call(server, "PATCH", "/api/v1/devices/nobody", {"tags": {}})[0] == 404
    server.kill()
    server.begin()
    device = next(d for d in listing(server, "devices") if d["endpoint"] == "tagged")
    assert device["tags"] == {"site": "pier"}
    entry = next(a for a in listing(server, "audit") if a["what"] == "device.tag")
    assert (entry["subject"], entry["before"], json.loads(entry["after"])) == ("tagged", "{}", {"site": "pier"})


# ---- a full disk ----

class SmallDisk(Server):
    """A server whose data folder is a file system of a few megabytes, which only it can see."""

    def begin(self):
        self.data.mkdir(exist_ok=True)
        self.process = self._start(
            "unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=10m none "$1" && shift && exec "$@"', "sh",
            self.data, program("kedged"), "--data", self.data, "--coap", f"127.0.0.1:{self.coap_port}",
            "--http", self.http_url.removeprefix("http://"), "--log-level", "debug")
        self.process.wait_for("ready")
        self.seen = pathlib.Path(f"/proc/{self.process.process.pid}/root{self.data}")
        self.token_file = self.seen / "admin.token"

    def fill(self, leave: int):
        """Takes the room that is left, but for `leave` bytes."""
        def taken():
            room = os.statvfs(self.seen)
            try:
                return (self.seen / "ballast").write_bytes(bytes(room.f_bavail * room.f_bsize - leave)) is not None
            except OSError as error:  # the server has taken some of it meanwhile
                if error.errno != errno.ENOSPC:
                    raise
                self.make_room()
        wait_until(taken, 60, "the room to be taken")

    def make_room(self):
        (self.seen / "ballast").unlink()


@pytest.fixture
def small_disk(start, tmp_path):
    probe = tmp_path / "probe"
    probe.mkdir()
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", probe], capture_output=True)
    if tried.returncode != 0:
        pytest.skip("mounting a file system is not permitted here")
    return SmallDisk(start, tmp_path / "small")


def test_a_full_disk_refuses_clearly_loses_nothing_and_is_got_over(small_disk, keys, tmp_path):
    server = small_disk
    first = make_package(tmp_path, keys, "1.1.0", 2)
    second = make_package(tmp_path, keys, "1.2.0", 3, os.urandom(2 << 20))
    assert trust(server, keys)[0] == 201
    assert upload(server, first)[0] == 201
    before = (listing(server, "packages"), files_below(server.seen))

    # No room for the package: refused, and nothing of it stays.
    server.fill(2 << 20)
    status, body = upload(server, second)
    assert status == 507, body
    assert "full" in body["detail"] or "space" in body["detail"].lower()
    assert (listing(server, "packages"), files_below(server.seen)) == before
    wait_until(lambda: not uploads_below(server.seen), 60, "the upload to go")
    server.make_room()

    # No room for the database either: changes are refused, reading goes on.
    server.fill(0)
    statuses = set()

    def tag_until_refused():
        status, body = call(server, "PATCH", "/api/v1/devices/nobody", {"tags": {}})
        assert status == 404
        name = os.urandom(4).hex()
        status, body = call(server, "POST", "/api/v1/trust", {"name": name, "pem": other_key(tmp_path, name)})
        statuses.add(status)
        return status != 201 and body
    body = wait_until(tag_until_refused, 60, "the database to run out of room")
    assert statuses <= {201, 503, 507}
    assert body["detail"]
    held = len(listing(server, "trust"))
    assert (listing(server, "packages"), files_below(server.seen)) == before

    # With room again it carries on by itself.
    server.make_room()
    name = "after"
    pem = other_key(tmp_path, name)
    wait_until(lambda: call(server, "POST", "/api/v1/trust", {"name": name, "pem": pem})[0] == 201, 60, "it to go on")
    assert len(listing(server, "trust")) == held + 1
    assert upload(server, second)[0] == 201
    assert server.process.stop() == 0


def test_a_package_whose_record_finds_no_room_leaves_no_files(small_disk, keys, tmp_path):
    server = small_disk
    package = make_package(tmp_path, keys, "1.1.0", 2)
    assert len(package.read_bytes()) < 4096
    trust(server, keys)
    details = []
    for pages in range(3, 9):  # one for the upload, two for the files, some for the database
        wait_until(lambda: call(server, "GET", "/healthz")[0] == 200, 60, "the server to be ready")
        server.fill(pages * 4096)
        status, body = upload(server, package)
        server.make_room()
        if status == 201:
            break
        details.append(body["detail"])
        assert status == 507, body
        assert listing(server, "packages") == [] and files_below(server.seen) == []
    assert any("database" in detail for detail in details), details
    wait_until(lambda: upload(server, package)[0] in (200, 201), 60, "it to go on")
    assert len(files_below(server.seen)) == 2
    assert server.process.stop() == 0


def test_a_device_that_comes_while_the_disk_is_full_is_stored_when_there_is_room(small_disk, keys, tmp_path):
    server = small_disk
    server.fill(0)

    def refused():
        name = os.urandom(4).hex()
        return call(server, "POST", "/api/v1/trust", {"name": name, "pem": other_key(tmp_path, name)})[0] == 507
    wait_until(refused, 60, "the database to run out of room")
    wire = Wire(server)
    wire.registered("patient")
    server.process.wait_for("device patient registered")
    assert listing(server, "devices") == []
    server.make_room()
    wire.serve_until(lambda: [d for d in listing(server, "devices") if d["version"] == "1.0.0"], "the device", 60)
    assert server.process.stop() == 0


def other_key(folder, name):
    return Keys(folder, name).public.read_text()


# ---- the log ----

def log_of(tmp_path, *options, **environment) -> list[str]:
    """What a kedged says that is started and ended, into a file."""
    file, ports = tmp_path / "log", [free_port(), free_port(socket.SOCK_STREAM)]
    with file.open("wb") as out:
        status = os.fstat(out.fileno())
        known = {name: value.format(status.st_dev, status.st_ino) for name, value in environment.items()}
        process = subprocess.Popen([program("kedged"), "--data", tmp_path / "data", "--coap", f"127.0.0.1:{ports[0]}", "--http",
                                    f"127.0.0.1:{ports[1]}", *options], stderr=out, env={**os.environ, **known})
        try:
            wait_until(lambda: b"ready: " in file.read_bytes(), 60, "the server")
        finally:
            process.terminate()
            process.wait(60)
    return file.read_text().splitlines()


def test_the_log_is_of_json_lines_when_that_is_asked_for(tmp_path):
    lines = [json.loads(line) for line in log_of(tmp_path, "--log-format", "json")]
    assert len(lines) >= 3 and all(set(line) == {"at", "level", "text"} for line in lines)
    assert {line["level"] for line in lines} == {"info"} and any(line["text"].startswith("ready: ") for line in lines)


def test_the_log_is_as_the_journal_reads_it_where_systemd_does(tmp_path):
    lines = log_of(tmp_path, JOURNAL_STREAM="{}:{}")
    assert len(lines) >= 3 and all(re.match(r"<6>\S", line) for line in lines)
    (tmp_path / "again").mkdir()
    lines = log_of(tmp_path / "again", JOURNAL_STREAM="{}:1{}")  # its parent's, not its own
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+Z info ", line) for line in lines)


@pytest.mark.parametrize("options, line", [
    ((), r"\d{4}-\d\d-\d\dT\S+Z warning (.*)"),
    (("--log-format", "json"), r'\{"at":"[^"]+","level":"warning","text":"(.*)"\}'),
    (("--log-format", "journal"), r"<4>(.*)"),
    (("--log-level", "error"), None),
])
def test_a_warning_of_the_configuration_is_a_line_of_the_log(tmp_path, options, line):
    done = run(program("kedged"), "--data", tmp_path / "data", "--check-config", *options)
    assert done.returncode == 0
    said = [re.fullmatch(line, one)[1] for one in done.stderr.splitlines()] if line else done.stderr.splitlines()
    assert said == (["neither --coaps nor --coap ADDR:PORT: no device can reach this server"] if line else [])
