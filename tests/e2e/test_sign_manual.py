"""man kedge-sign: every command with its options and an example, and the examples work as they stand."""
import json
import os
import re
import shutil
import subprocess

import pytest
import suit_oracle
from conftest import BUILD, program
from signing import DONE, SBOM, sign

PAGE = BUILD / "man" / "man1" / "kedge-sign.1"


def commands():
    listed = sign("--help").stdout.split("\n\n")[2]
    return [re.match(r"  (\S+(?: \S+)?)  ", line)[1] for line in listed.splitlines()]


def section(page, command):
    match = re.search(r'^\.SS "' + re.escape(command) + r'"$(.*?)(?=^\.S[SH] |\Z)', page, re.MULTILINE | re.DOTALL)
    assert match, f"{command} has no section"
    return match[1]


def plain(roff):
    text = re.sub(r"\\f[IRB]", "", roff).replace(r"\&", "").replace(r"\-", "-")
    return text.replace(r"\e", "\\")


def examples():
    page = PAGE.read_text()
    for command in commands():
        match = re.search(r"^Example:\n\.PP\n\.RS\n\.nf\n(.*?)^\.fi", section(page, command), re.MULTILINE | re.DOTALL)
        assert match, f"{command} has no example"
        yield command, plain(match[1])


def test_every_command_has_a_section_with_its_options_and_an_example():
    page = PAGE.read_text()
    assert len(commands()) >= 15
    for command in commands():
        text = plain(section(page, command))
        told = sign(*command.split(), "--help").stdout
        options = re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE)
        assert options[-1] == "--help" and len(options) > 1
        for option in options[:-1]:
            assert f"\n.B {option}" in text, f"{command} {option}"
    assert [command for command, text in examples() if f"kedge-sign {command} " not in text] == []


def test_man_shows_the_page():
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    shown = subprocess.run(["man", "-M", BUILD / "man", "kedge-sign"], capture_output=True, text=True, check=True,
                           env={**os.environ, "MANWIDTH": "120"}).stdout
    assert "kedge-sign create --payload firmware.bin" in shown and "EXIT STATUS" in shown


def test_the_examples_are_one_story_and_work_as_they_stand(tmp_path):
    """Two of three keys: one here, a second one here, a third one elsewhere."""
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "sbom.json").write_bytes(SBOM)
    (tmp_path / "firmware.bin").write_bytes(bytes(range(256)) * 300)
    for name, how in (("second", ["--password-file", "password"]), ("offline", ["--no-password"])):
        done = sign("keygen", "--alg", "ed25519", "--out", f"{name}.pem", "--public", f"{name}.pub.pem", *how, cwd=tmp_path)
        assert done.returncode == DONE, done.stderr
    second = json.loads(sign("pubkey", "--format", "json", "second.pub.pem", cwd=tmp_path).stdout)["key_id"]
    path = f"{os.path.dirname(program('kedge-sign'))}:{os.environ['PATH']}"
    for command, lines in examples():
        if command == "lint":  # the release before
            done = sign("create", "--payload", "firmware.bin", "--vendor", "example.com", "--class", "board-a", "--version",
                        "1.3.0", "--sequence", 11, "--key", "release.pem", "--password-file", "password", "--output",
                        "board-a-1.3.0.suit", cwd=tmp_path)
            assert done.returncode == DONE, done.stderr
        lines = lines.replace("--key-id 0a1b2c3d", f"--key-id {second[:8]}")
        done = subprocess.run(["sh", "-e", "-c", lines], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env={**os.environ, "PATH": path}, check=False)
        assert done.returncode == 0, f"{lines}\n{done.stderr}"
    publics = [suit_oracle.load_public(tmp_path / f"{name}.pub.pem") for name in ("release", "second", "offline")]
    package = suit_oracle.check((tmp_path / "board-a-1.4.0.suit").read_bytes(), publics)
    assert package.signed_by == publics and package.attachments == {"#sbom": SBOM}
    assert suit_oracle.check((tmp_path / "without-second.suit").read_bytes(), publics).signed_by == publics[:1]
    assert (tmp_path / "firmware-1.4.0.bin").read_bytes() == (tmp_path / "firmware.bin").read_bytes()
