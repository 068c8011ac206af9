"""README.md: the first update by hand, its commands run as they stand there, but for free ports and folders."""
import os
import re
import socket

from conftest import BUILD, ROOT, free_port, wait_until
from document_kit import commands_of, follow


def test_the_first_update_works_as_written(start, tmp_path):
    section = (ROOT / "README.md").read_text().split("## A first update by hand\n")[1].split("\n## ")[0]
    coaps, http = free_port(), free_port(socket.SOCK_STREAM)
    for old, new in (("127.0.0.1:5684", f"127.0.0.1:{coaps}"), ("127.0.0.1:8080", f"127.0.0.1:{http}"), ("/var/lib", str(tmp_path))):
        section = section.replace(old, new)
    sign, serve, enroll, device, update = commands_of(section)
    factory, boot = device.split("kedge-boot ")
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "KEDGE_SERVER": f"http://127.0.0.1:{http}",
                   "KEDGE_TOKEN_FILE": f"{tmp_path}/kedge/admin.token"}

    def sh(commands: str) -> str:
        return follow(commands, tmp_path, environment)

    for version in ("1.0.0", "1.1.0"):
        (tmp_path / f"firmware-{version}.bin").write_bytes(f"firmware {version} ".encode() * 3000)
    sh(sign)
    start("sh", "-c", "exec " + serve, env=environment, cwd=tmp_path).wait_for("ready: ")
    sh(enroll + factory)
    board = start("sh", "-c", "exec kedge-boot " + boot, env=environment, cwd=tmp_path)
    wait_until(lambda: re.search(r"device-1 .*1\.0\.0", sh("kedge device list")), 120, f"the device to be listed; {board.log}")
    assert "finished: 1 succeeded" in sh(update)
    wait_until(lambda: re.search(r"device-1 .*1\.1\.0", sh("kedge device list")), what="the record of the device")
