"""The server program: starting, being killed, what lasts, ending.

Spoken to by Python's own HTTP client and over raw sockets, so that nothing here rests on ours."""
import hashlib
import json
import os
import re
import signal
import socket
import stat

import pytest

from conftest import CLASS, VENDOR, Keys, make_package, needs_ipv6, program, run, wait_until
from lwm2m_peer import BLOCK2, GET, POST, uint
from rest_kit import call, files_below, listing, trust, upload, uploads_below
from wire import Wire


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


def test_what_is_no_package_is_refused_as_that(server, tmp_path):
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(b"\x7fELF" + bytes(5000))
    status, body = upload(server, firmware)
    assert status == 422 and "this is no package" in body["detail"]
    assert files_below(server.data) == []


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


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_port_0_takes_a_free_one_and_says_which(start, tmp_path, address):
    host = f"[{address}]" if ":" in address else address
    process = start(program("kedged"), "--data", tmp_path / "data", "--coap", "127.0.0.1:0", "--http", f"{host}:0")
    ready = process.wait_for(rf"ready.*coap://127\.0\.0\.1:(\d+).*http://{re.escape(host)}:(\d+)")
    assert int(ready[1]) > 0 and int(ready[2]) > 0
    with socket.create_connection((address, int(ready[2]))):
        pass
    assert process.stop() == 0



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
    package = uploaded(server, keys, tmp_path, "1.1.0", 2, os.urandom(250_000))
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
