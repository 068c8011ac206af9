"""Debian's Chromium, driven by playwright-core: people in front of the dashboard."""
import os
import pathlib

import pytest

from browser.driver import Browser, missing

SHOTS = os.environ.get("KEDGE_SCREENSHOTS")  # where pictures for the documents go; scripts/screenshots sets it


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
    if missing():
        pytest.skip(missing())
    with Browser() as driven:
        yield driven


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


# ---- the form of a new rollout: its fields have the names that the API gives them ----

def control(name: str) -> dict:
    return {"css": f"[name='{name}']"}


def fills(somebody: Person, **fields):
    for name, value in fields.items():
        somebody.fill(**control(name), value=str(value))


def takes(somebody: Person, group: int, what: str, size: str):
    """What a group, from 0, takes: percent, count, filter or rest."""
    somebody.choose(**control(f"groups[{group}].takes"), value=what)
    if what != "rest":
        fills(somebody, **{f"groups[{group}].size": size})


def unfolds(somebody: Person, *titles: str):
    for title in titles:
        somebody.click(css=f"summary >> text='{title}'")


def plans(somebody: Person, heading: str):
    somebody.click(role="button", name="Plan")
    somebody.see(css=".plan h2, .refusal, .wrong:not(:empty)")
    shown = somebody.texts(css=".plan h2, .refusal, .wrong:not(:empty)")
    assert shown == [heading], shown
