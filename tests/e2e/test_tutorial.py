"""docs/tutorial.md: its commands are run as they stand there, but for the build and for free ports."""
import os
import re
import socket

from conftest import BUILD, ROOT, free_port, wait_until
from document_kit import commands_of, follow


def test_the_tutorial_works_as_written(start, tmp_path):
    text = (ROOT / "docs" / "tutorial.md").read_text()
    coap, http = free_port(), free_port(socket.SOCK_STREAM)
    for old, new in (("127.0.0.1:5683", f"127.0.0.1:{coap}"), ("127.0.0.1:8080", f"127.0.0.1:{http}"),
                     ("--data server", f"--data server --http 127.0.0.1:{http}")):
        text = text.replace(old, new)
    build, sign, serve, lamps, pumps, devices, upload, staged, stopped, why, audit = commands_of(text)
    assert "scripts/setup --build" in build
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "KEDGE_TOKEN_FILE": f"{tmp_path}/server/admin.token",
                   "KEDGE_SERVER": f"http://127.0.0.1:{http}"}

    def sh(commands: str) -> str:
        return follow(commands, tmp_path, environment)

    sh(sign)
    server = start("sh", "-c", "exec " + serve, env=environment, cwd=tmp_path)
    server.wait_for("ready: ")
    for fleet in (lamps, pumps):
        start("sh", "-c", "exec " + fleet, env=environment, cwd=tmp_path)

    def known():
        listed = sh("kedge device list --filter 'version == 1.0.0'")
        return listed.count("lamp-") == 200 and listed.count("pump-") == 60
    wait_until(known, 120, "the devices")
    assert "bench" in sh(devices)
    assert sh(upload).count("1.1.0") >= 2
    told = sh(staged)
    assert "bench" in told and "canary" in told and "finished" in told
    told = sh(stopped)
    assert "stopped" in told and "paused" in told and re.search(r"^rest +scheduled ", told, re.MULTILINE), told
    assert "failed" in sh(why)
    assert "the audit log is whole" in sh(audit)
