"""The manual page of kedge and what completes its command line: made from the table of commands, and they work."""
import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
from conftest import BUILD, program, run

PAGE = BUILD / "man" / "man1" / "kedge.1"
COMPLETIONS = BUILD / "completions"


def commands() -> list[str]:
    listed = run(program("kedge"), "--help").stdout.split("\n\n")[1]
    return re.findall(r"^  (\S+ \S+)", listed, re.MULTILINE)


def options(command: str) -> list[str]:
    return re.findall(r"^  --([a-z0-9-]+)", run(program("kedge"), *command.split(), "--help").stdout, re.MULTILINE)


def test_the_page_has_every_command_with_its_options():
    page = PAGE.read_text().replace("\\-", "-")
    assert len(commands()) > 40
    for command in commands():
        text = re.search(rf'^\.SS "{command}"$(.*?)(?=^\.S[SH] |\Z)', page, re.MULTILINE | re.DOTALL)[1]
        assert re.findall(r"^\.B --([a-z0-9-]+)", text, re.MULTILINE) == options(command), command


def test_the_page_says_how_a_command_is_used_in_one_line_and_nothing_twice():
    page = PAGE.read_text().replace("\\-", "-")
    assert "\n.B kedge device show \\fIENDPOINT\\fR\n" in page
    assert "\n.B kedge device list \\fR[\\fIOPTION\\fR]...\n" in page
    assert not re.search(r"may be repeated[^.]*\. May be repeated", page)
    assert not re.search(r"^ ", page, re.MULTILINE)  # which roff takes for a line of its own


def completed(*words: str, cwd=None) -> list[str]:
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in ("kedge", *words))
    done = subprocess.run(["bash", "--norc", "-c", f". {COMPLETIONS / 'kedge'}; COMP_WORDS=({quoted}); "
                           f"COMP_CWORD={len(words)}; _kedge; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                          capture_output=True, text=True, cwd=cwd, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_bash_completes_nouns_verbs_and_options(tmp_path):
    nouns = list(dict.fromkeys(command.split()[0] for command in commands()))
    assert completed("") == nouns
    assert completed("ro") == ["rollout"]
    for noun in nouns:
        assert completed(noun, "") == [command.split()[1] for command in commands() if command.split()[0] == noun]
    for command in commands():
        offered = completed(*command.split(), "--")
        assert [f"--{option}" for option in options(command)] == offered[:len(options(command))], command
        assert "--json" in offered and "--help" in offered
    assert completed("--token-file", "x", "--json", "device", "sh") == ["show"]
    assert completed("rollout", "create", "--name", "") == []  # anybody's
    (tmp_path / "release.pem").touch()
    assert completed("--token-file", "rel", cwd=tmp_path) == ["release.pem"]
    assert completed("trust", "add", "rel", cwd=tmp_path) == ["release.pem"]


def typed(text: str, folder) -> str:
    """What stands in the line of a bash on a terminal when `text` was typed there, up to a TAB at its end."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "PS1": "> ", "TERM": "dumb", "HISTFILE": "/dev/null"})
    said = ""

    def until(pattern):
        nonlocal said
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, said)):
            assert select.select([master], [], [], max(0, deadline - time.monotonic()))[0], said
            said += os.read(master, 65536).decode(errors="replace")
        said = said[found.end():]
        return found[1]
    try:
        os.write(master, f"bind 'set enable-bracketed-paste off'; . {COMPLETIONS / 'kedge'} && echo rea''dy\n".encode())
        until(r"(ready)\r\n> ")
        os.write(master, text.encode() + b"\t.")  # the full stop is shown behind what the TAB made of it
        return until(r"(kedge [^\r\n]*)\.")
    finally:
        os.write(master, b"\x15exit\n")
        with contextlib.suppress(OSError):  # the end of a terminal is EIO
            while os.read(master, 65536):
                pass
        os.close(master)
        os.waitpid(pid, 0)


def test_bash_takes_no_word_of_a_command_for_a_folder_of_that_name(tmp_path):
    for name in ("device", "list", "my keys"):
        (tmp_path / name).mkdir()
    assert typed("kedge dev", tmp_path) == "kedge device "
    assert typed("kedge device li", tmp_path) == "kedge device list "
    assert typed("kedge trust add my", tmp_path) == "kedge trust add my\\ keys/"


def test_zsh_takes_its_own(tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    # Its own functions, as they are called inside of a completion, replaced by such as tell what they were asked.
    script = (f"_describe() {{ eval print -l \\${{$2}} }}; _arguments() {{ print -l -- $@ }}; compdef() {{ :; }}\n"
              f"complete() {{ words=(kedge \"$@\") CURRENT=$#words; . {COMPLETIONS / '_kedge'} }}\n")
    done = subprocess.run(["zsh", "-f", "-c", script + "complete ''; print; complete device ''; print; complete device list ''"],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    nouns, verbs, rest = done.stdout.split("\n\n")
    assert nouns.split() == list(dict.fromkeys(command.split()[0] for command in commands()))
    assert [line.split(":")[0] for line in verbs.splitlines()] == [
        command.split()[1] for command in commands() if command.startswith("device ")]
    assert [re.match(r"\*?--([a-z-]+)", line)[1] for line in rest.splitlines() if line.startswith(("-", "*-"))][:3] == options("device list")
    # Options that go before the command, and what they take.
    for before in ("--to", "device --to", "--token-file ''", "device --token-file ''"):
        done = subprocess.run(["zsh", "-f", "-c", f"{script}complete {before}"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        offered = [line for line in done.stdout.splitlines() if line.startswith("--")]
        assert len(offered) > 5 and any(line.startswith("--token-file[") and line.endswith(":_files") for line in offered), before
