"""The dashboard of a server with a long past, in many tabs: lists of thousands, charts of all that was, and what it loads for them."""
import json
import time

import pytest

from browser_kit import browser, person  # noqa: F401 (fixtures)
from conftest import wait_until
from long_past import give_long_past
from test_dashboard import LOADED_MAX
from test_dashboard_meanwhile import admin, package, swarm  # noqa: F401 (fixtures)

ROLLOUTS, AUDIT_ROWS = 10_000, 100_000
TABS = 8  # a browser has six connections to a server for all of them
# What was loaded first of each address, in bytes as they came: the page asks again for what may have changed.
LOADED = """[...new Map(performance.getEntries().filter((one) => one.transferSize !== undefined).reverse()
  .map(({ name, transferSize, decodedBodySize }) => [new URL(name).pathname, [transferSize, decodedBodySize]]))]"""
COUNTING_REQUESTS = """window.asked = [];
window.fetch = ((fetch) => (path, ...more) => { window.asked.push(path.split("?")[0]); return fetch(path, ...more); })(window.fetch);"""


@pytest.fixture
def old(server):
    """A server that has seen much."""
    server.process.stop()
    give_long_past(server.data / "kedged.db", ROLLOUTS, AUDIT_ROWS)
    server.begin()
    return server


def test_the_first_page_is_small_however_long_the_past_is(old, person):
    somebody = person("somebody")
    somebody.logs_in(old.token)
    somebody.see(css="[aria-label=Rollouts] tbody tr")
    loaded = wait_until(lambda: "/api/v1/fleet/samples" in (seen := dict(somebody.run(script=LOADED))) and seen, what="what is drawn over time")
    assert {"/", "/assets/main.js", "/assets/uplot.js", "/api/v1/fleet", "/api/v1/rollouts"} <= set(loaded), loaded
    assert loaded["/api/v1/fleet/samples"][1] > LOADED_MAX, "the past is not long enough to tell"
    assert sum(size for size, _ in loaded.values()) < LOADED_MAX, loaded


def test_long_lists_are_read_page_by_page(old, person):
    somebody = person("somebody")
    somebody.logs_in(old.token)

    def rows(table: str, first: str, last: str, count: int):
        def stand():
            cells = somebody.texts(css=f"[aria-label='{table}'] tbody td:first-child")
            return (len(cells), *cells[:1], *cells[-1:]) == (count, first, last)
        wait_until(stand, what=f"{table} from {first} to {last}")
    somebody.goes_to("#/rollouts", "Rollouts")
    rows("Rollouts", "spring 10000", "spring 9951", 50)
    somebody.click(role="link", name="Older")
    rows("Rollouts", "spring 9950", "spring 9901", 50)
    assert somebody.run(script="document.activeElement.tagName") == "H1", "the link is gone that had the focus"
    somebody.go(hash="#/rollouts?cursor=11")
    rows("Rollouts", "spring 10", "spring 1", 10)
    assert somebody.texts(css="main > .actions > a") == ["Newest"]
    somebody.click(role="link", name="Newest")
    rows("Rollouts", "spring 10000", "spring 9951", 50)
    last = json.loads(old.kedge("--json", "audit", "verify").stdout)["rows"]
    assert last >= AUDIT_ROWS
    somebody.goes_to("#/audit", "Audit")
    rows("Audit log", str(last), str(last - 99), 100)
    somebody.click(role="link", name="Older")
    rows("Audit log", str(last - 100), str(last - 199), 100)
    somebody.click(role="link", name="Newest")
    rows("Audit log", str(last), str(last - 99), 100)
    somebody.fill(label="Of", value="device-500")
    somebody.press(key="Enter")
    rows("Audit log", "99500", "500", 100)  # one in a thousand
    assert somebody.run(script="document.activeElement.id") == "subject"
    somebody.go(hash="#/audit?cursor=3")
    rows("Audit log", "2", "1", 2)


def test_any_number_of_tabs_can_be_open(server, person):
    somebody = person("somebody")
    somebody.logs_in(server.token)
    for _ in range(TABS):
        somebody.tab(url=f"{server.http_url}/#/audit")
        somebody.see(css="[aria-label='Audit log'] tbody tr")


def test_what_was_noted_is_not_asked_for_at_each_event(server, admin):
    begun = time.monotonic()
    admin.run(script=COUNTING_REQUESTS)
    admin.goes_to("#/", "Fleet")
    for change, state in (("pause", "paused"), ("resume", "running")) * 4:
        server.kedge("rollout", change, "1")
        admin.see(css=f"[aria-label=Rollouts] .state.{state}")
    asked = admin.run(script="window.asked")
    assert asked.count("/api/v1/rollouts") >= 8
    assert 1 <= asked.count("/api/v1/fleet/samples") <= 1 + (time.monotonic() - begun) / 60, "it is noted once a minute"
