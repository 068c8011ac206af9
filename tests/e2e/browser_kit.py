"""Debian's Chromium, driven by playwright-core: people in front of the dashboard."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT

FOLDER = ROOT / "tests" / "e2e" / "browser"
SHOTS = os.environ.get("KEDGE_SCREENSHOTS")  # where pictures for the documents go; scripts/screenshots sets it


class Browser:
    """The browser; `somebody.click(...)` and the others are the actions of drive.mjs."""

    def __init__(self, chromium: str, node: str):
        self.process = subprocess.Popen([node, "drive.mjs", chromium], cwd=FOLDER, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, f"{request}: {answer['error']}"
        return answer["ok"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Person:
    def __init__(self, browser: Browser, server, name: str, **options):
        self._browser, self._server, self._name, self._options = browser, server, f"{name} at {server.http_url}", options

    def __getattr__(self, action):
        return lambda **what: self._browser.ask(**{"do": action, "as": self._name, "options": self._options, **what})

    def logs_in(self, token: str):
        self.open(url=self._server.http_url + "/")
        self.fill(label="Token", value=token)
        self.click(role="button", name="Log in")
        self.see(role="heading", name="Fleet")

    def goes_to(self, hash: str, heading: str):
        self.go(hash=hash)
        self.see(role="heading", name=heading)

    def confirms(self, action: str) -> str:
        """Presses the button, reads what it will do, and does it."""
        self.click(role="button", name=action)
        said = self.text(css="dialog[open] p")
        self.click(css="dialog[open] .actions button:last-child")
        return said

    def shows(self, name: str):
        if SHOTS:
            self.shot(file=str(pathlib.Path(SHOTS) / f"{name}.png"))


@pytest.fixture(scope="module")
def browser():
    chromium, node = shutil.which("chromium"), shutil.which("node") or shutil.which("nodejs")
    if chromium is None or node is None:
        pytest.skip("there is no Chromium or no Node.js here; scripts/setup installs them")
    if not (FOLDER / "node_modules" / "playwright-core").is_dir():
        pytest.skip("playwright-core is not here; scripts/setup fetches it")
    driven = Browser(chromium, node)
    yield driven
    driven.close()


@pytest.fixture
def person(browser, server):
    """person(name) is somebody in front of the dashboard of this test's server, whose pages must not complain."""
    people = []

    def sits_down(name: str, **options) -> Person:
        people.append(Person(browser, server, name, **options))
        return people[-1]
    yield sits_down
    for one in people:
        complaints = one.complaints()
        assert complaints == [], complaints
