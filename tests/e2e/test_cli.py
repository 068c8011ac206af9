"""kedge against a server that plays what it is told: exit statuses, messages, tables, its configuration file."""
import hashlib
import json
import os
import re
import socket
import struct
import urllib.parse

import pytest

from cli_kit import TOKEN, columns, kedge, script, shell_kedge, terminal  # noqa: F401 (fixtures)
from conftest import BUILD, ROOT, free_port, program, run


# ---- exit statuses and messages ----

def test_what_is_refused_is_1_with_the_reason_and_what_to_do(script, kedge, tmp_path):
    package = tmp_path / "p.suit"
    package.write_bytes(b"bytes")
    script.answers["/api/v1/packages"] = (422, {"detail": "no trusted key signed it", "code": "signature"})
    done = kedge("package", "upload", package)
    assert (done.returncode, done.stdout) == (1, "")
    assert "p.suit: refused: no trusted key signed it" in done.stderr
    assert "kedge trust add" in done.stderr
    script.answers["/api/v1/devices"] = (401, {"detail": "this server knows no such token", "code": "token"})
    done = kedge("device", "list")
    assert done.returncode == 1
    assert "KEDGE_TOKEN_FILE" in done.stderr


def test_no_server_is_3_and_said_with_its_address(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    url = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    for command in (["device", "list"], ["package", "upload", str(token)], ["rollout", "watch", "1"]):
        done = run(program("kedge"), "--server", url, "--token-file", token, *command)
        assert done.returncode == 3
        assert url in done.stderr


def test_no_token_is_3_and_says_where_it_is(tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KEDGE_")}
    done = run(program("kedge"), "device", "list", env=clean)
    assert done.returncode == 3
    assert "admin.token" in done.stderr
    done = run(program("kedge"), "--token-file", tmp_path / "none", "device", "list", env=clean)
    assert done.returncode == 3
    assert str(tmp_path / "none") in done.stderr


def test_the_token_goes_into_the_header_and_the_environment_is_enough(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    script.answers["/api/v1/devices"] = (200, {"devices": [], "next": None})
    done = run(program("kedge"), "device", "list",
               env={**os.environ, "KEDGE_SERVER": script.url + "/", "KEDGE_TOKEN_FILE": str(token)})
    assert done.returncode == 0
    assert script.seen[0][1:3] == ("/api/v1/devices?limit=500", f"Bearer {TOKEN}")


def test_what_answers_but_is_no_kedged_is_3(script, kedge):
    script.answers["/api/v1/devices"] = (200, b"<html>hello</html>")
    done = kedge("device", "list")
    assert done.returncode == 3
    assert "no kedged" in done.stderr


def test_usage_is_2_and_asks_nobody(script, kedge):
    for args in (["device"], ["rollout", "create"], ["rollout", "create", "--name", "a", "--package", "b"],
                 ["rollout", "create", "--name", "a", "--package", "b", "--all", "--device", "x"],
                 ["device", "tag", "x", "nonsense"], ["device", "tag", "x", "=y"], ["trust", "add", "x.pem"],
                 ["trust", "add", "--name", "a", "/nonexistent"], ["package", "upload", "/nonexistent"],
                 ["package", "upload", "/"]):
        done = kedge(*args)
        assert done.returncode == 2, args
        assert done.stderr.startswith(("kedge: ", "usage: "))
    assert script.seen == []


@pytest.mark.parametrize("words", [["trust", "add", "--name", "a"], ["device", "enroll", "boat", "--public-key"],
                                   ["device", "enroll", "boat", "--bootstrap", "--public-key"]], ids=["trust", "enroll", "bootstrap"])
def test_a_private_key_is_not_sent(script, kedge, tmp_path, words):
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n-----BEGIN PUBLIC KEY-----\n")
    done = kedge(*words, key)
    assert done.returncode == 2
    assert "private key" in done.stderr
    assert script.seen == []


def test_a_file_without_keys_enrolls_nobody_and_says_so(script, kedge, tmp_path):
    empty = tmp_path / "keys.csv"
    empty.write_text("endpoint,identity,hexkey\n\n")
    for file, said in ((empty, "no line endpoint,identity,hexkey"), (tmp_path, "cannot be read")):
        done = kedge("device", "enroll", "--psk-file", file)
        assert done.returncode == 2 and done.stdout == "" and f"{file}: " in done.stderr and said in done.stderr
    assert script.seen == []


# ---- what is asked, and what is shown ----

def test_a_list_is_fetched_page_by_page(script, kedge):
    pages = {None: ["a", "b"], "b&=": ["c"], "c": []}

    def devices(request):
        cursor = request.query.get("cursor")
        following = {None: "b&=", "b&=": "c", "c": None}[cursor]
        return 200, {"devices": [{"endpoint": e} for e in pages[cursor]], "next": following}

    script.answers["/api/v1/devices"] = devices
    listed = json.loads(kedge("--json", "device", "list", "--vendor", "a b&c", "--class", "d=e").stdout)
    assert [d["endpoint"] for d in listed["devices"]] == ["a", "b", "c"]
    assert all("vendor=a%20b%26c&class=d%3De" in path for _, path, _, _ in script.seen)


def test_names_are_escaped_on_their_way_and_harmless_on_the_terminal(script, kedge):
    name = "urn:dev/1?#é"
    path = "/api/v1/devices/" + urllib.parse.quote(name, safe="")
    script.answers[path] = (200, {"endpoint": "evil\x1b]0;title\x07", "version": "1\n2"})
    done = kedge("device", "show", name)
    assert done.returncode == 0
    assert script.seen[0][1] == path
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout
    assert "evil?]0;title?" in done.stdout


@pytest.mark.parametrize("name", [".", "..", "-rf"])
def test_no_name_is_taken_for_a_way_through_folders_or_for_an_option(script, kedge, name):
    path = "/api/v1/devices/" + name
    script.answers[path] = (200, {"endpoint": name})
    assert kedge("device", "show", "--", name).returncode == 0
    assert script.seen[0][1] == path


def test_help_has_a_gap_between_a_command_and_what_it_does(kedge):
    for line in kedge("--help").stdout.splitlines():
        if line.startswith("  device tag"):
            assert line.endswith("...")
            return
    raise AssertionError("device tag is not in the help")


@pytest.mark.parametrize("columns_there", [60, 80, 132])
def test_help_is_folded_where_the_terminal_ends(kedge, columns_there):
    for command in ([], ["rollout", "create"], ["device", "write"]):
        whole = kedge(*command, "--help").stdout
        status, output = terminal([program("kedge"), *command, "--help"], columns_there)
        lines = output.replace("\r", "").split("\n")
        assert status == 0 and max(map(len, whole.split("\n"))) > 132
        assert all(len(line) <= columns_there for line in lines if not line.startswith("usage: ")), output
        assert output.split() == whole.split()  # no word is cut, and none is lost
        below = [line for line, before in zip(lines[1:], lines, strict=False) if line.startswith(" " * 30) and before.startswith("  --")]
        assert command != ["rollout", "create"] or len(below) > 3


def test_help_does_not_ask_a_plan_for_the_name_that_it_does_not_need(kedge):
    line, = (line for line in kedge("rollout", "plan", "--help").stdout.splitlines() if line.startswith("  --name "))
    assert line.endswith("(needed, but for a plan)")


def test_a_record_for_people_has_units_behind_its_numbers(script, kedge):
    script.answers["/api/v1/devices/boat"] = (200, {"endpoint": "boat", "hardware": "", "lifetime_s": 3600, "first_seen_ms": None,
                                                    "location": "s"})
    shown = dict(line.split(maxsplit=1) for line in kedge("device", "show", "boat").stdout.replace("first seen", "first-seen").splitlines())
    assert shown == {"endpoint": "boat", "hardware": "-", "lifetime": "3600 s", "first-seen": "-", "location": "s"}


def test_the_line_of_a_key_that_is_refused_is_named(script, kedge, tmp_path):
    def credentials(request):
        return (200, {"written": 1000}) if len(script.seen) == 1 else (
            400, {"detail": "credentials[2].key must be hex", "code": "argument", "field": "credentials[2].key"})
    script.answers["/api/v1/credentials"] = credentials
    rows, file = [f"dev-{number},id-{number},00112233445566778899\n" for number in range(1, 1011)], tmp_path / "keys.csv"
    file.write_text("".join(rows[:1001] + ["\n"] + rows[1001:]))
    done = kedge("device", "enroll", "--psk-file", file)
    assert done.returncode == 1 and f"{file}:1004: " in done.stderr
    assert f"{file}: 1000 devices were enrolled before line 1001, none after" in done.stderr
    script.seen.clear()
    file.write_text("".join(rows[:1002]) + "nonsense\n")
    done = kedge("device", "enroll", "--psk-file", file)
    assert done.returncode == 2 and f"{file}:1003: endpoint,identity,hexkey" in done.stderr
    assert f"{file}: 1000 devices were enrolled before line 1001, none after" in done.stderr


@pytest.mark.parametrize("size, said", [(0, "0 bytes (0 B)"), (1, "1 byte (1 B)"), (2048, "2048 bytes (2.0 KiB)")])
def test_one_byte_is_not_bytes(script, kedge, size, said):
    script.answers["/api/v1/packages/ab"] = (200, {"image_size": size})
    assert kedge("package", "show", "ab").stdout.split(maxsplit=2)[2].strip() == said


def test_nothing_that_the_server_says_steers_the_terminal(script, kedge, tmp_path):
    evil = "x\x1b[2J\x9b31m\x07"
    record = {name: evil for name in ("name", "state", "version", "vendor", "class", "explanation", "package_id",
                                      "algorithm", "id", "endpoint")}
    script.answers["/api/v1/rollouts"] = (201, record)
    script.answers["/api/v1/rollouts/7"] = script.answers["/api/v1/rollouts/7/pause"] = (200, record)
    script.answers["/api/v1/rollouts/7/groups"] = (200, {"groups": [record]})
    script.answers["/api/v1/trust"] = (201, record)
    script.answers["/api/v1/packages"] = (422, {"detail": evil, "code": evil})
    script.answers["/api/v1/devices"] = (200, {"devices": [record], "next": None})
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PUBLIC KEY-----\n")
    for args in (["rollout", "create", "--name", "a", "--package", "b", "--all"], ["rollout", "show", "7"],
                 ["rollout", "pause", "7"], ["trust", "add", "--name", "a", key], ["package", "upload", key],
                 ["device", "list"]):
        done = kedge(*args)
        said = done.stdout + done.stderr
        assert "x?[2J?31m?" in said, args
        assert not set(said) & {"\x1b", "\x9b", "\x07"}, args


def test_a_table_fits_the_terminal(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    script.answers["/api/v1/devices"] = (200, {"devices": [
        {"endpoint": "urn:dev:os:32473-" + "1234567890" * 5, "class": "c" * 30, "version": "1.0.0",
         "registered": True, "address": "[2001:db8::1]:5683", "last_seen_ms": 1}], "next": None})
    args = [program("kedge"), "--server", script.url, "--token-file", token, "device", "list"]
    status, output = terminal(args, 80)
    assert status == 0
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "1.0.0" in output
    assert "1234567890" * 5 in run(*args).stdout


def test_create_sends_what_the_options_say(script, kedge):
    script.answers["/api/v1/rollouts"] = (201, {"id": 7, "state": "running", "version": "1", "device_count": 2})
    done = kedge("rollout", "create", "--name", "n", "--package", "p", "--device", "a", "b", "--soak", "1",
                 "--error-threshold", "50", "--error-action", "abort", "--in-flight", "3", "--start")
    assert done.returncode == 0, done.stderr
    assert json.loads(script.seen[0][3]) == {
        "name": "n", "package_id": "p", "devices": ["a", "b"], "start": True,
        "policy": {"deployment_soak_s": 1, "error_threshold_percent": 50, "error_action": "abort",
                   "in_flight_max": 3}}
    kedge("rollout", "create", "--name", "n", "--package", "p", "--all")
    assert json.loads(script.seen[1][3]) == {"name": "n", "package_id": "p", "all_devices": True, "start": False,
                                             "policy": {}}


def test_create_sends_the_groups_as_they_are_said(script, kedge):
    script.answers["/api/v1/rollouts"] = (201, {"id": 7, "state": "ready", "version": "1", "device_count": 2})
    begin = ["rollout", "create", "--name", "n", "--package", "p", "--all", "--revert-package", "q"]
    done = kedge(*begin, "--group", "a=b=10%", "--group=100", "--group", "last=rest", "--spread-by", "site", "--seed", "0")
    assert done.returncode == 0, done.stderr
    body = json.loads(script.seen[0][3])
    assert body["groups"] == [{"name": "a=b", "percent": 10}, {"count": 100}, {"name": "last", "rest": True}]
    assert (body["spread_by"], body["seed"], body["revert_package_id"]) == ("site", 0, "q")
    for wrong in ("", "%", "ten", "10 %", "10%%", "-1", "1.5", "12345678", "canary=", "canary", "rest=x"):
        done = kedge(*begin, f"--group={wrong}")
        assert done.returncode == 2 and "a group is 10% of the devices, 100 devices, rest or filter=FILTER" in done.stderr, wrong
    assert len(script.seen) == 1


def test_tags_are_set_and_removed(script, kedge):
    script.answers["/api/v1/devices/d"] = (200, {"endpoint": "d"})
    assert kedge("device", "tag", "d", "place=harbour=1", "crew-").returncode == 0
    assert script.seen[0][0] == "PATCH"
    assert json.loads(script.seen[0][3]) == {"tags": {"place": "harbour=1", "crew": None}}


def test_a_key_is_removed_by_its_name(script, kedge):
    script.answers["/api/v1/trust"] = (200, {"trust": [{"id": "ab" * 32, "name": "release"},
                                                       {"id": "cd" * 32, "name": "twin"},
                                                       {"id": "ef" * 32, "name": "twin"}], "next": None})
    script.answers["/api/v1/trust/" + "ab" * 32] = (204, b"")
    assert kedge("trust", "remove", "release").returncode == 0
    assert script.seen[-1][:2] == ("DELETE", "/api/v1/trust/" + "ab" * 32)
    assert kedge("trust", "remove", "nobody").returncode == 1
    assert kedge("trust", "remove", "twin").returncode == 1
    assert sum(method == "DELETE" for method, *_ in script.seen) == 1


def test_an_upload_on_a_terminal_shows_how_far_it_is(script, tmp_path):
    token, package = tmp_path / "token", tmp_path / "p.suit"
    token.write_text(TOKEN)
    package.write_bytes(bytes(3 << 20))
    script.answers["/api/v1/packages"] = (201, {"id": "ab", "version": "1.1.0", "class": "c", "sequence": 2})
    status, output = terminal(
        [program("kedge"), "--server", script.url, "--token-file", token, "package", "upload", package], 80)
    assert status == 0
    assert "3.0 MiB of 3.0 MiB sent, being checked" in output
    assert output.rstrip().endswith("package ab")


def test_an_upload_sends_the_file_as_it_is(script, kedge, tmp_path):
    content = bytes(range(256)) * 8192
    package = tmp_path / "p.suit"
    package.write_bytes(content)
    script.answers["/api/v1/packages"] = (201, {"id": "ab", "version": "1.1.0", "class": "c", "sequence": 2,
                                                "image_size": 1024})
    done = kedge("package", "upload", package)
    assert done.returncode == 0, done.stderr
    assert script.seen[0][3] == content
    assert "version 1.1.0" in done.stdout and "package ab" in done.stdout


def test_the_documents_name_every_command_and_every_option(kedge):
    document = (ROOT / "docs" / "api.md").read_text()
    usage = kedge("--help").stdout
    commands = re.findall(r"^  ([a-z]+) ([\w-]+) ", usage, re.MULTILINE)
    assert len(commands) > 50
    for noun, verb in commands:
        assert any(noun in line and verb in line for line in document.splitlines() if line.startswith("| `")), (noun, verb)
        for option in re.findall(r"^  (--[\w-]+)", kedge(noun, verb, "--help").stdout, re.MULTILINE):
            assert f"{option}" in document, (noun, verb, option)


def test_help_and_page_and_documents_say_the_same_of_the_exit_statuses(kedge):
    table = re.findall(r"^\| (\d) \| (.*) \|$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert [number for number, _ in table] == ["0", "1", "2", "3"]
    assert "exit status: " + "; ".join(f"{number} {words}" for number, words in table) in kedge("--help").stdout
    page = (BUILD / "man" / "man1" / "kedge.1").read_text().split(".SH EXIT STATUS")[1]
    assert all(words in page for _, words in table)


# ---- the configuration file ----

def configured(tmp_path, script, **environment):
    """kedge without options, in an environment of its own; the requests that it made."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KEDGE_", "XDG_"))}
    return lambda *args: run(program("kedge"), *args, env={**clean, "HOME": str(tmp_path / "home"), **environment})


def test_a_file_says_where_the_server_is_and_by_which_token_it_is_asked(script, tmp_path):
    script.answers["/api/v1/devices"] = (200, {"devices": [], "next": None})
    token, other = tmp_path / "token", tmp_path / "other"
    token.write_text(TOKEN)
    other.write_text("another")
    text = f"# mine\nserver = {script.url}\ntoken-file = {token}\n"
    user, named, xdg = tmp_path / "home/.config/kedge/kedge.conf", tmp_path / "named.conf", tmp_path / "xdg/kedge/kedge.conf"
    for file, environment in ((user, {}), (named, {"KEDGE_CONFIG": str(named)}), (xdg, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")})):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        done = configured(tmp_path, script, **environment)("device", "list")
        assert done.returncode == 0, done.stderr
        assert script.seen.pop()[2] == f"Bearer {TOKEN}"
        file.unlink()
    user.write_text(text)
    kedge = configured(tmp_path, script, KEDGE_TOKEN_FILE=str(other))
    assert kedge("device", "list").returncode == 0 and script.seen.pop()[2] == "Bearer another"  # the environment counts more
    assert kedge("--token-file", token, "device", "list").returncode == 0 and script.seen.pop()[2] == f"Bearer {TOKEN}"


def test_the_token_of_a_file_goes_to_no_other_server(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    file = tmp_path / "kedge.conf"
    file.write_text(f"server = https://fleet.example\ntoken-file = {token}\n")
    done = configured(tmp_path, script, KEDGE_CONFIG=str(file))("--server", script.url, "device", "list")
    assert done.returncode == 3 and "no token" in done.stderr and script.seen == []


@pytest.mark.parametrize("line, said", [("port = 5", "\"port\" is none of server"), ("server", "name = value"), ("[x]\nserver = a", "none of"),
                                        ("server = " + "x" * 150, None)])
def test_a_file_that_is_wrong_is_said_with_its_line(script, tmp_path, line, said):
    file = tmp_path / "kedge.conf"
    file.write_text(f"# first\n{line}\n")
    done = configured(tmp_path, script, KEDGE_CONFIG=str(file))("device", "list")
    assert done.returncode == (2 if said else 3)
    assert said is None or (f"{file}:" in done.stderr and said in done.stderr)
    done = configured(tmp_path, script, KEDGE_CONFIG=str(tmp_path / "none"))("device", "list")
    assert done.returncode == 2 and "cannot be read" in done.stderr


# ---- the API and the command line ----

# What is for browsers, for devices or for programs alone.
NO_COMMAND = {"/healthz", "/openapi.json", "/metrics", "/fw/{sha256}", "/", "/assets/{file}", "/api/v1/session"}


def test_every_route_of_the_api_is_asked_by_a_command():
    code = "".join(file.read_text() for file in sorted((ROOT / "updater" / "cli").glob("*.c")))
    document = json.loads((ROOT / "updater" / "api" / "openapi.json").read_text())
    for path in set(document["paths"]) - NO_COMMAND:
        first, *rest = [part for part in re.split(r"\{\w+\}", path.removeprefix("/api/v1/")) if part]
        assert f'/api/v1/{first.split("/")[0]}' in code, path
        for part in rest:
            assert part.strip("/") in code, path


ENTRIES = [{"id": number, "at_ms": number, "rollout_id": rollout, "group_index": 0, "deployment_id": 1, "endpoint": "boat", "who": "server",
            "from": "pending", "to": to, "text": "words"} for number, rollout, to in ((1, 7, "offered"), (2, 8, "failed"))]


def test_histories_are_told_page_by_page(script, kedge):
    def pages(request):
        last = "cursor" in request.query
        return 200, {"history": ENTRIES[last:last + 1], "next": None if last else "1"}
    script.answers["/api/v1/devices/boat/history"] = script.answers["/api/v1/rollouts/7/history"] = pages
    lines = kedge("device", "history", "boat").stdout.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == ["rollout 7: boat: pending -> offered: words", "rollout 8: boat: pending -> failed: words"]
    script.seen.clear()
    lines = kedge("rollout", "history", "7", "--device", "a&b", "--newest").stdout.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == ["boat: pending -> offered: words", "boat: pending -> failed: words"]
    assert all("endpoint=a%26b&order=newest" in path for _, path, _, _ in script.seen) and len(script.seen) == 2
    assert json.loads(kedge("--json", "rollout", "history", "7").stdout) == {"history": ENTRIES}
    assert kedge("device", "history", "nobody").returncode == 1


def test_the_deployments_of_a_device_are_a_table(script, kedge):
    script.answers["/api/v1/devices/boat/deployments"] = (200, {"deployments": [
        {"rollout_id": 7, "state": "failed", "update_result": 8, "version_before": "1.0.0", "offered_at_ms": 1, "ended_at_ms": 2, "explanation": "why"},
        {"rollout_id": 8, "state": "pending", "update_result": None, "version_before": "1.0.0", "offered_at_ms": None, "ended_at_ms": None,
         "explanation": ""}], "next": None})
    lines = kedge("device", "deployments", "boat", "--newest").stdout.splitlines()
    assert lines[0].split() == ["ROLLOUT", "STATE", "RESULT", "FROM", "OFFERED", "ENDED", "WHY"]
    assert lines[1].split()[:4] == ["7", "failed", "8", "1.0.0"] and lines[1].endswith("why")
    assert lines[2].split() == ["8", "pending", "1.0.0", "-", "-"]
    assert "order=newest" in script.seen[0][1]
    assert len(json.loads(kedge("--json", "device", "deployments", "boat").stdout)["deployments"]) == 2


def test_what_charts_are_drawn_from_is_a_table_too(script, kedge):
    script.answers["/api/v1/fleet/samples"] = (200, {"next": None, "samples": [
        {"at_ms": 1000, "devices": 12, "registered": 11, "versions": [{"version": "1.1.0", "devices": 9}, {"version": "1.0.0", "devices": 3}]}]})
    script.answers["/api/v1/rollouts/7/samples"] = (200, {"next": None, "samples": [{"at_ms": 1000, "counts": {"pending": 0, "succeeded": 4}}]})
    assert kedge("fleet", "samples").stdout.splitlines()[1].split()[2:] == ["12", "11", "9", "1.1.0,", "3", "1.0.0"]
    assert kedge("rollout", "samples", "7").stdout.splitlines()[1].split()[2:] == ["4", "succeeded"]
    assert json.loads(kedge("--json", "rollout", "samples", "7").stdout)["samples"][0]["counts"]["succeeded"] == 4


def test_a_rollout_is_shown_with_the_devices_that_are_meant(script, kedge):
    script.answers["/api/v1/rollouts/7"] = (200, {"id": 7, "name": "July"})
    script.answers["/api/v1/rollouts/7/groups"] = (200, {"groups": []})
    script.answers["/api/v1/rollouts/7/deployments"] = (200, {"deployments": [{"endpoint": "boat", "state": "failed"}], "next": None})
    done = kedge("rollout", "show", "7", "--state", "failed", "--group", "2")
    assert done.returncode == 0 and "boat" in done.stdout
    assert "/deployments?state=failed&group=1&" in script.seen[-1][1]  # from 0 there, from 1 here
    for wrong in ("0", "x"):
        assert kedge("rollout", "show", "7", "--group", wrong).returncode == 2


def test_a_device_that_has_no_part_in_a_rollout_is_said_to_have_none(script, kedge):
    script.answers["/api/v1/rollouts/7"] = (200, {"id": 7, "name": "July"})
    script.answers["/api/v1/rollouts/7/groups"] = (200, {"groups": []})
    script.answers["/api/v1/rollouts/7/deployments"] = (200, {"deployments": [], "next": None})
    script.answers["/api/v1/rollouts/7/history"] = (200, {"history": [], "next": None})
    done = kedge("rollout", "show", "7", "--device", "nobody")
    assert done.returncode == 1 and done.stdout == "" and 'the device "nobody" has no part in rollout 7' in done.stderr


def test_an_attachment_is_a_file_of_its_own_or_none(script, kedge, tmp_path):
    script.answers["/api/v1/packages/ab/sbom"] = (200, b'{"bomFormat": "CycloneDX"}\0\xff')
    script.answers["/api/v1/packages/ab/attachments"] = (200, {"next": None, "attachments": [
        {"name": "sbom", "size": 28, "sha256": "0" * 64, "text": None}]})
    file = tmp_path / "sbom.json"
    done = kedge("package", "attachment", "ab", "sbom", "--output", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert file.read_bytes() == b'{"bomFormat": "CycloneDX"}\0\xff'
    assert kedge("package", "attachment", "ab", "sbom", "--output", file).returncode == 2  # it is there
    done = kedge("package", "attachment", "ab", "notes", "--output", tmp_path / "notes")
    assert done.returncode == 1 and "not in the script" in done.stderr and not (tmp_path / "notes").exists()
    done = kedge("package", "attachment", "ab", "../tokens")
    assert done.returncode == 2 and "no attachment" in done.stderr
    assert "28 B" in kedge("package", "attachments", "ab").stdout
    assert json.loads(kedge("--json", "package", "attachments", "ab").stdout)["attachments"][0]["name"] == "sbom"


def test_the_fleet_is_a_table_with_all_that_there_are(script, kedge):
    script.answers["/api/v1/fleet"] = (200, {"devices": 12, "registered": 11, "versions_count": 3, "versions": [
        {"vendor": "example.com", "class": "board-a", "version": "1.1.0", "devices": 10, "registered": 9}]})
    lines = kedge("fleet", "show").stdout.splitlines()
    assert lines[0] == "12 devices, 11 of them registered" and lines[-1] == "and 2 versions more"
    assert lines[3].split() == ["example.com", "board-a", "1.1.0", "10", "9"]


LONG = ["urn:dev:" + "x" * 100, "船" * 40, "устройство-" * 8, "جهاز" * 12, "อุปกรณ์" * 10, "a\x1b[2Jb\u202ec"]


@pytest.mark.parametrize("columns_there", [80, 132])
def test_tables_fit_the_terminal_with_long_names_in_every_script(script, tmp_path, columns_there):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    lists = {
        "device list": ("devices", [{"endpoint": name, "class": name, "version": "1.0.0", "registered": True,
                                     "address": "coaps://[2001:db8::1]:41230", "last_seen_ms": 1} for name in LONG]),
        "device enrolled": ("credentials", [{"endpoint": name, "kind": "psk", "identity": name, "changed_at_ms": 1} for name in LONG]),
        "rollout list": ("rollouts", [{"id": 7, "name": name, "state": "waiting_for_approval", "version": "1.0.0", "device_count": 100000,
                                       "counts": {"succeeded": 99000, "failed": 12, "pending": 988}} for name in LONG]),
        "trust list": ("trust", [{"id": "0" * 64, "name": name, "algorithm": "ed25519", "development": False, "added_at_ms": 1} for name in LONG]),
        "token list": ("tokens", [{"name": name, "role": "admin", "creator": name, "created_at_ms": 1, "expires_at_ms": 2} for name in LONG]),
        "audit list": ("audit", [{"sequence": 1, "at_ms": 1, "who": name, "what": "package.upload", "subject": name, "before": name, "after": name,
                                  "hash": "0" * 64} for name in LONG]),
        "package list": ("packages", [{"id": "0" * 64, "version": "1.0.0", "sequence": 2, "vendor": name, "class": name, "image_size": 1 << 20,
                                       "uploaded_at_ms": 1, "deliver": "envelope", "signers": ["0" * 64]} for name in LONG]),
    }
    for command, (name, items) in lists.items():
        place = {"device enrolled": "credentials"}.get(command, name)
        script.answers[f"/api/v1/{place}"] = (200, {name: items, "next": None})
        status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, *command.split()], columns_there)
        lines = output.replace("\r", "").rstrip("\n").split("\n")
        assert status == 0 and len(lines) == len(LONG) + 1, (command, output)
        assert all(columns(line) <= columns_there for line in lines), (command, [columns(line) for line in lines], output)
        assert "\x1b" not in output and "\u202e" not in output
        assert command != "audit list" or all("package.upload" in line for line in lines[1:])


@pytest.mark.parametrize("columns_there", [24, 40])
def test_what_fits_no_table_is_a_line_for_each_cell(script, tmp_path, columns_there):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    script.answers["/api/v1/audit"] = (200, {"audit": [
        {"sequence": number, "at_ms": 1, "who": "alice", "what": "package.upload", "subject": name, "before": "", "after": "1.0.0",
         "hash": "0" * 64} for number, name in enumerate(["0123456789" * 6, "船" * 40], 1)], "next": None})
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "audit", "list"], columns_there)
    lines = output.replace("\r", "").split("\n")
    assert status == 0
    assert all(columns(line) <= columns_there for line in lines), output
    first, second = (block.split("\n") for block in "\n".join(lines).rstrip("\n").split("\n\n"))
    assert first[0].split() == ["NO.", "1"] and second[0].split() == ["NO.", "2"]
    assert [line.split()[0] for line in first if not line.startswith(" ")] == ["NO.", "WHEN", "WHO", "WHAT", "SUBJECT", "AFTER"]
    assert "0123456789" * 6 in "".join(line[9:] for line in first) and "船" * 40 in "".join(line[9:] for line in second)


def test_a_device_with_a_long_name_is_asked_for_by_all_of_it(script, kedge):
    name = "é" * 120
    script.answers["/api/v1/rollouts/7"] = (200, {"id": 7, "name": "July"})
    script.answers["/api/v1/rollouts/7/groups"] = (200, {"groups": []})
    for part in ("deployments", "history"):
        script.answers[f"/api/v1/rollouts/7/{part}"] = (200, {part: [{"endpoint": name}], "next": None})
    assert kedge("--json", "rollout", "show", "7", "--device", name).returncode == 0
    asked = [path for _, path, _, _ in script.seen if "endpoint=" in path]
    assert len(asked) == 2 and all(f"endpoint={'%C3%A9' * 120}&" in path for path in asked), asked


def first_row() -> dict:
    """Of an audit log that is whole."""
    texts = {"who": "server", "what": "token.create", "subject": "admin", "before": "", "after": ""}
    hashed = bytes(32) + struct.pack(">QQ", 1, 1) + b"".join(struct.pack(">I", len(text)) + text.encode() for text in texts.values())
    return {"sequence": 1, "at_ms": 1, **texts, "hash": hashlib.sha256(hashed).hexdigest()}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_what_could_not_be_printed_is_2(script, shell_kedge, json_too):
    script.answers["/api/v1/fleet"] = (200, {"devices": 0, "registered": 0, "versions_count": 0, "versions": []})
    script.answers["/api/v1/audit"] = (200, {"audit": [first_row()], "next": None})
    script.answers["/api/v1/packages/x/notes"] = (200, b"notes\n")
    for command in ("fleet show", "audit list", "audit verify", "package attachment x notes", "--help"):
        for redirection in (">/dev/full", ">&-"):
            done = shell_kedge(redirection, *json_too, *command.split())
            assert done.returncode == 2 and done.stderr.startswith("kedge: standard output: "), (command, redirection, done)
            assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_token_that_could_not_be_told_is_revoked(script, shell_kedge):
    script.answers["/api/v1/tokens"] = (201, {"name": "ci", "role": "viewer", "expires_at_ms": None, "token": "kedge_0"})
    script.answers["/api/v1/tokens/ci"] = (204, None)
    done = shell_kedge(">/dev/full", "token", "create", "ci", "--role", "viewer")
    assert done.returncode == 2 and "the token is revoked again" in done.stderr
    assert [(method, path) for method, path, _, _ in script.seen] == [("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/ci")]
