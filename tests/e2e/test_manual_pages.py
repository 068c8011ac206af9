"""What `cmake --install` puts where: each program, its manual page with each option that its --help tells, in sound roff."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, run

PAGES = {"kedge": 1, "kedge-sign": 1, "kedge-swarm": 1, "kedged": 8, "kedge-agent": 8, "kedge-boot": 8}
# kedge and kedge-sign have tests of their own for what their many commands take.
AGENT_COMMANDS = ("install-factory", "status", "accept", "defer")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    done = run("cmake", "--install", BUILD, "--prefix", folder)
    assert done.returncode == 0, done.stderr
    return folder


def page_of(installed, name: str):
    return installed / "share" / "man" / f"man{PAGES[name]}" / f"{name}.{PAGES[name]}"


def plain(page: str) -> str:
    return re.sub(r"\\f[IRB]|\\&", "", page).replace("\\-", "-").replace("\\e", "\\")


def section(page: str, title: str) -> str:
    return re.search(rf'^\.S[HS] "?{title}"?$(.*?)(?=^\.S[SH] |\Z)', page, re.MULTILINE | re.DOTALL)[1]


def told(installed, *words: str) -> list[str]:
    """The options of --help, with what stands for their values."""
    done = run(installed / "bin" / words[0], *words[1:], "--help")
    assert (done.returncode, done.stderr) == (0, "")
    return re.findall(r"^  (--[a-z0-9-]+(?: [^ ]*[A-Z|/][^ ]*)?) ", done.stdout, re.MULTILINE)


def listed(text: str) -> list[str]:
    return re.findall(r"^\.TP\n\.B (--.*)$", text, re.MULTILINE)


def test_each_program_is_installed_with_its_page(installed):
    programs = sorted(path.name for path in (BUILD / "bin").iterdir() if path.is_file() and os.access(path, os.X_OK))
    assert sorted(path.name for path in (installed / "bin").iterdir()) == programs == sorted(PAGES)
    pages = sorted(str(path.relative_to(installed)) for path in (installed / "share" / "man").rglob("*.*"))
    assert pages == sorted(str(page_of(installed, name).relative_to(installed)) for name in PAGES)


@pytest.mark.parametrize("name", ["kedge", "kedge-swarm", "kedged", "kedge-agent", "kedge-boot"])
def test_the_page_has_each_option_of_help(installed, name):
    options = told(installed, name)
    assert len(options) > 5 and any(option.startswith("--help") for option in options)
    assert listed(section(plain(page_of(installed, name).read_text()), "OPTIONS")) == options


@pytest.mark.parametrize("words", [("kedge", "rollout", "create"), ("kedge-swarm",), ("kedged",), ("kedge-agent",), ("kedge-boot",),
                                   ("kedge-sign", "create")], ids=" ".join)
def test_help_has_options_in_one_column_and_what_they_do_in_the_next(installed, words):
    lines = run(installed / "bin" / words[0], *words[1:], "--help").stdout.splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("  --")]
    assert len(rows) > 5
    for number in rows:
        beside = lines[number][29:30] == " "  # else it is too long, and its words begin on the line below
        what = lines[number] if beside else lines[number + 1]
        assert what[29] == " " and what[30] != " " and (beside or what[:30].isspace()), lines[number]


@pytest.mark.parametrize("command", AGENT_COMMANDS)
def test_the_page_of_the_agent_has_each_command_with_its_options(installed, command):
    page = plain(page_of(installed, "kedge-agent").read_text())
    usage = run(installed / "bin" / "kedge-agent", command, "--help").stdout
    assert f"kedge-agent {command} " in section(page, "SYNOPSIS") and f"kedge-agent {command} " in usage
    assert listed(section(page, command)) == told(installed, "kedge-agent", command)
    assert re.findall(r'^\.SS "(.*)"$', page, re.MULTILINE) == list(AGENT_COMMANDS)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_sound_roff(installed, name):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    done = run("groff", "-man", "-ww", "-z", page_of(installed, name))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", PAGES)
def test_man_shows_the_page_without_a_warning(installed, name):
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    done = subprocess.run(["man", "--warnings", "-M", installed / "share" / "man", name], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
        assert f"\n{title}\n" in done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_another_one_names_is_there(installed, name):
    others = re.findall(r"^\.BR (kedge\S*) \((\d)\)", plain(page_of(installed, name).read_text()), re.MULTILINE)
    assert others and [(other, number) for other, number in others if PAGES.get(other) != int(number)] == []
