"""The server program's log: as text, as JSON lines, as the journal reads it."""
import json
import os
import re
import socket
import subprocess

import pytest

from conftest import free_port, program, run, wait_until


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


def test_a_server_that_listens_to_no_device_does_not_complain_of_a_buffer_for_them(start, tmp_path):
    server = start(program("kedged"), "--data", tmp_path / "data", "--http", "127.0.0.1:0")
    server.wait_for("ready: ")
    assert "no device can reach this server" in server.log and "datagrams" not in server.log


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
