"""The server program refuses to start, by what it was given, and says why: options, its file, its folder."""
import socket

import pytest

from conftest import program, run
from rest_kit import call


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
