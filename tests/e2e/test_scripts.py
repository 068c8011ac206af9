"""Each of scripts/ says what it is for when it is asked, and does nothing else then."""
import os

import pytest

from conftest import ROOT, run

SCRIPTS = sorted(file.name for file in (ROOT / "scripts").iterdir() if file.is_file() and os.access(file, os.X_OK))


def test_there_are_scripts():
    assert {"setup", "demo", "test", "bench", "fuzz", "powercut", "screenshots"} <= set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_how_it_is_used(name):
    done = run(ROOT / "scripts" / name, "--help", timeout=120)
    assert done.returncode == 0 and done.stdout.startswith("usage: ") and name in done.stdout.splitlines()[0], done.stdout + done.stderr
