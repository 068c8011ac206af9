"""The way from nothing to a first update, as docs/agent.md has it: its commands are run as they stand there.

Only names are others: addresses and ports, and folders of the board's, which is a folder here. What a board has and a test
has not (apt, systemd, ssh, its processor) is played by small programs; the service is started by the very line of its unit.
The step that builds for the board is run where that has been done once, so that it takes a second; scripts/test sees to it.
"""
import os
import pathlib
import re
import shutil
import socket

import pytest

from conftest import BUILD, ROOT, free_port, program, run, wait_until
from document_kit import commands_of, follow

SERVICE = ROOT / "agent" / "service"
EMULATORS = {"arm64": "qemu-aarch64", "armhf": "qemu-arm"}


def commands() -> list:
    section = (ROOT / "docs" / "agent.md").read_text().split("## From nothing to a first update\n")[1].split("\n## ")[0]
    return commands_of(section)


class Guide:
    """Two machines in a folder."""

    def __init__(self, folder: pathlib.Path):
        self.desk, self.board, tools = folder / "desk", folder / "board", folder / "tools"
        for made in (self.desk, self.board / "root", self.board / "usr/bin", self.board / "var/lib", tools):
            made.mkdir(parents=True)
        self.coaps, self.http = free_port(), free_port(socket.SOCK_STREAM)
        self.path = f"{self.board / 'usr/bin'}:{tools}:{BUILD / 'bin'}:{os.environ['PATH']}"
        for name, script in {"apt-get": "exit 0", "hostnamectl": "exit 0", "systemctl": f'echo "$@" >{folder / "asked"}',
                             "scp": f'for last; do :; done; test "$last" = root@board-0001: || exit 1\n'
                                    f'while [ $# -gt 1 ]; do cp "$1" {self.board / "root"} || exit 1; shift; done'}.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        self.systemctl, self.path_of_tools = folder / "asked", tools

    def here(self, text: str) -> str:
        """What stands in the guide, or in a file of the board's, with the names of this test."""
        text = re.sub(r"(?<![\w/])/(etc/(?:kedge-agent|systemd)|usr/bin/|usr/lib/kedge-agent|var/lib/kedge-agent)",
                      rf"{self.board}/\1", text)
        for old, new in (("0.0.0.0:5684", f"127.0.0.1:{self.coaps}"), ("192.0.2.10:5684", f"127.0.0.1:{self.coaps}"),
                         ("127.0.0.1:8080", f"127.0.0.1:{self.http}"), ("--soak 60", "--soak 1"), ("%H", "board-0001")):
            text = text.replace(old, new)
        return text

    def emulate(self, board: str):
        """What is installed on the board is run by an emulator there: `install` puts a word with it in its place."""
        run_it = f"exec {EMULATORS[board]} -L {ROOT / 'build/sysroot' / board}"
        (self.path_of_tools / "install").write_text(f"""#!/bin/sh
/usr/bin/install "$@" || exit
for program in {self.board}/usr/bin/kedge-agent {self.board}/usr/bin/kedge-boot; do
    grep -q ELF "$program" 2>/dev/null || continue
    mv "$program" "$program.board"
    printf '#!/bin/sh\\n{run_it} %s "$@"\\n' "$program.board" >"$program"
    chmod 755 "$program"
done
""")
        (self.path_of_tools / "install").chmod(0o755)

    def environment(self) -> dict:
        return {**os.environ, "PATH": self.path, "KEDGE_SERVER": f"http://127.0.0.1:{self.http}",
                "KEDGE_TOKEN_FILE": "server/admin.token"}

    def run(self, text: str, folder: pathlib.Path) -> str:
        return follow(self.here(text), folder, self.environment())


def test_the_way_from_nothing_to_a_first_update_works_as_written(start, tmp_path):
    guide = Guide(tmp_path)
    for name in ("kedge-agent", "kedge-boot"):
        shutil.copy(program(name), guide.desk)
    for name in ("kedge-agent.conf", "kedge-agent.service"):
        shutil.copy(SERVICE / name, guide.desk)
    go_the_rest_of_the_way(guide, start)


def board_that_is_built_for():
    """The board whose programs these tests run, when they run by emulator."""
    board = BUILD.name.removesuffix("-emulated")
    built = (ROOT / "build" / board / "bin" / "kedge-agent").exists() and (ROOT / "build" / "release" / "bin" / "kedged").exists()
    return board if board in EMULATORS and built and shutil.which(EMULATORS[board]) else None


def test_it_works_as_written_from_the_build_for_a_board_on(start, tmp_path):
    """The first step too; what it has built runs as on the board, by emulator, from where the steps put it."""
    board = board_that_is_built_for()
    if board is None:
        pytest.skip("not run on programs that were built for a board: scripts/test does that")
    guide = Guide(tmp_path)
    guide.emulate(board)
    guide.run(commands()[0].replace("arm64", board).replace(" first", f" {guide.desk}"), ROOT)
    assert b"ELF" == (guide.desk / "kedge-agent").read_bytes()[1:4]
    go_the_rest_of_the_way(guide, start)


def go_the_rest_of_the_way(guide: Guide, start):
    _, sign, serve, enroll, send, set_up, update = commands()
    for name in ("kedge-agent.conf", "kedge-agent.service"):
        (guide.desk / name).write_text(guide.here((guide.desk / name).read_text()))
    for version in ("1.0.0", "1.1.0"):
        (guide.desk / f"firmware-{version}.bin").write_bytes(f"firmware {version} ".encode() * 9000)

    guide.run(sign, guide.desk)
    server = start("sh", "-c", f"cd {guide.desk} && exec {guide.here(serve)}", env=guide.environment())
    server.wait_for("ready: ")
    guide.run(enroll, guide.desk)
    guide.run(send, guide.desk)
    guide.run(set_up, guide.board / "root")
    assert guide.systemctl.read_text() == "enable --now kedge-agent\n"
    assert oct((guide.board / "etc/kedge-agent/device.psk").stat().st_mode & 0o777) == "0o600"
    assert not (guide.board / "root/device.psk").exists() and not (guide.desk / "device.psk").exists()

    unit = (guide.board / "etc/systemd/system/kedge-agent.service").read_text().replace("\\\n", " ")
    line = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1]
    board = start("sh", "-c", f"exec {line}", env=guide.environment())
    wait_until(lambda: re.search(r"board-0001 .*1\.0\.0", guide.run("kedge device list", guide.desk)), 60,
               f"the board to be listed; {board.log}")
    assert "succeeded" in guide.run(update, guide.desk)
    state = run(guide.board / "usr/bin/kedge-agent", "status", "--state", guide.board / "var/lib/kedge-agent")
    assert state.returncode == 0 and "1.1.0" in state.stdout, state.stdout + state.stderr
    print(guide.run("kedge device list", guide.desk), state.stdout, board.log)
