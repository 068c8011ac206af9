"""The dashboard where lists are long, names are, the session ends, the server restarts, and others may more."""
import datetime

import pytest

from browser_kit import browser, person  # noqa: F401 (fixtures)
from conftest import make_package, wait_until
from test_api import V1, curl, register  # noqa: F401 (a fixture)
from test_dashboard_browser import fleet_of, trusted

# Streams that are opened from now on and answered.
COUNTING_STREAMS = """window.opened = 0;
window.EventSource = class extends EventSource {
  constructor(...given) { super(...given); this.addEventListener("open", () => { window.opened += 1; }); }
}"""


@pytest.fixture
def paused(server, device, keys, tmp_path):
    """A rollout that was paused and resumed so often that its history has several pages; it is paused."""
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 1)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    window = f"{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3):%a} 00:00-00:01"  # not soon: nobody is offered it
    server.kedge("rollout", "create", "--name", "spring", "--package", package["id"], "--all", "--window", window, "--start")
    server.kedge("rollout", "pause", "1")
    for _ in range(60):
        server.kedge("rollout", "resume", "1")
        server.kedge("rollout", "pause", "1")


def test_a_long_history_begins_with_what_happened_last(server, paused, person):
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/rollouts/1", "spring")

    def rows():
        return admin.texts(css="[aria-label=History] tbody tr")  # none while they are fetched
    wait_until(lambda: len(rows()) == 100, what="the first page of the history")
    assert "paused by admin" in rows()[0]
    server.kedge("rollout", "resume", "1")
    wait_until(lambda: any("resumed by admin" in row for row in rows()[:1]), what="what happened while the page was open")
    admin.click(role="button", name="Older entries")
    wait_until(lambda: any("ready" in row for row in rows()[-1:]), what="how it began")
    assert admin.run(script="document.activeElement.textContent") == "History"
    admin.click(role="button", name="Newest entries")
    wait_until(lambda: any("resumed by admin" in row for row in rows()[:1]), what="the newest again")


def test_both_orders_are_the_same_backwards(server, device, keys, tmp_path, curl):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 1)
    for number in (2, 3):
        package = server.json("package", "upload", make_package(tmp_path, keys, f"1.{number}.0", number))
        server.kedge("rollout", "create", "--name", "one", "--package", package["id"], "--all", "--start")
        server.kedge("rollout", "watch", str(number - 1), timeout=120)

    def all_of(path: str, name: str, order: str) -> list[int]:
        found, cursor = [], ""
        while True:
            answer = curl("GET", f"{V1}/{path}?order={order}&limit=2&cursor={cursor}").json
            found += [one["id"] for one in answer[name]]
            cursor = answer["next"]
            if not cursor:
                return found
    for path, name in (("devices/edge-1/history", "history"), ("devices/edge-1/deployments", "deployments"), ("rollouts/1/history", "history")):
        oldest = all_of(path, name, "oldest")
        assert len(oldest) > 1 and oldest == sorted(oldest) and all_of(path, name, "newest") == oldest[::-1], path
        assert curl("GET", f"{V1}/{path}?order=any").json["field"] == "order"


def test_old_packages_are_found_and_rolled_out(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 1)
    for number in range(2, 104):
        server.kedge("package", "upload", make_package(tmp_path, keys, f"1.{number}.0", number, b"x" * 100))
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/packages", "Packages")
    wait_until(lambda: len(admin.texts(css="tbody tr")) == 100, what="the newest packages")
    admin.click(role="link", name="Older")
    admin.click(role="link", name="1.2.0")
    admin.click(role="link", name="Roll it out")
    admin.see(css="[name=package_id]")
    assert "1.2.0" in admin.run(script="document.querySelector('[name=package_id]').selectedOptions[0].text")


def test_who_may_only_look_is_told_who_may_do_what(server, paused, person):
    vera = person("vera")
    vera.logs_in(server.kedge("token", "create", "vera", "--role", "viewer").stdout.strip())
    vera.goes_to("#/rollouts/1", "spring")
    vera.see(css=".others")
    assert vera.texts(css="header.page > .actions > button") == []
    assert "Resume (author)" in vera.text(css=".others") and "Abort (author)" in vera.text(css=".others")
    otto = person("otto")
    otto.logs_in(server.kedge("token", "create", "otto", "--role", "operator").stdout.strip())
    server.kedge("rollout", "resume", "1")
    otto.goes_to("#/rollouts/1", "spring")
    wait_until(lambda: otto.texts(css="header.page > .actions > button") == ["Pause"], what="what an operator may")
    assert "Pause" not in otto.text(css=".others")


def test_an_author_is_told_that_another_approves(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 1)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "spring", "--package", package["id"], "--all", "--approval", "start")
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/rollouts/1", "spring")
    assert "Approve (another approver than its author)" in admin.text(css=".others")
    assert admin.texts(css="header.page > .actions > button") == ["Abort"]


def test_a_page_follows_what_another_tab_does(server, person):
    token = server.kedge("token", "create", "vera", "--role", "viewer").stdout.strip()
    admin = person("admin")
    admin.logs_in(server.token)
    # As another tab of this browser, which has the same cookie.
    admin.run(script=f"fetch('/api/v1/session', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: '{{\"token\":\"{token}\"}}' }})"
                     ".then(() => document.dispatchEvent(new Event('visibilitychange')))")
    wait_until(lambda: "vera (viewer)" in admin.text(css=".me"), what="who is logged in now")
    admin.run(script="fetch('/api/v1/session', { method: 'DELETE' }).then(() => document.dispatchEvent(new Event('visibilitychange')))")
    admin.see(label="Token")
    admin.run(script=f"fetch('/api/v1/session', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: '{{\"token\":\"{token}\"}}' }})"
                     ".then(() => document.dispatchEvent(new Event('visibilitychange')))")
    admin.see(role="heading", name="Fleet")


def test_a_page_survives_a_restart_of_the_server(server, paused, person):
    admin = person("admin")
    admin.open(url=server.http_url + "/#/rollouts/1")
    admin.see(label="Token")
    admin.run(script=COUNTING_STREAMS)
    admin.fill(label="Token", value=server.token)
    admin.click(role="button", name="Log in")
    admin.see(css=".where .paused")
    wait_until(lambda: admin.run(script="window.opened") == 1, what="the stream of events")
    server.kill()
    wait_until(lambda: "the server does not answer" in admin.texts(css=".refusal"), what="that the page says so")
    assert admin.texts(css="h1") == ["spring"] and admin.texts(css=".where .paused") == ["paused"]  # what it knew stays
    server.begin()
    admin.see(label="Token")  # sessions end with the server
    admin.fill(label="Token", value=server.token)
    admin.click(role="button", name="Log in")
    admin.see(role="heading", name="spring")  # where it was
    wait_until(lambda: admin.run(script="window.opened") > 1, what="the stream, by itself or another one")
    server.kedge("rollout", "resume", "1")
    admin.see(css=".where .running")
    wait_until(lambda: admin.texts(css=".refusal") == [], what="the page to say so no more")
    assert all("net::ERR_" in one for one in admin.forget())  # by the browser, of a server that was away


def test_tables_hold_long_names_without_being_pushed_out(server, person):
    names = ["x" * 120, "é" * 20, "مركبة-١٢", "🚢" * 20, "שלום " * 10 + "x"]
    for name in names:
        register(server, name)
        wait_until(lambda: server.kedge("device", "show", name, check=False).returncode == 0)
    server.kedge("device", "tag", "x" * 120, "site=" + "y" * 60, "place=" + "ж" * 60)
    for width in (1100, 360):
        somebody = person(f"at {width}", viewport={"width": width, "height": 740})
        somebody.logs_in(server.token)
        for hash, heading in (("#/devices", "Devices"), ("#/audit", "Audit"), (f"#/devices/{'x' * 120}", "x" * 120)):
            somebody.goes_to(hash, heading)
            wait_until(lambda: somebody.run(script="!document.body.innerText.includes('\\n…')"))
            over = somebody.run(script="[...document.querySelectorAll('.scroll, html')].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel ?? one.tagName)")
            assert over == [], (width, heading)


def test_long_names_of_groups_and_people_cover_nothing(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    names = ["x" * 64, "ж" * 32]
    server.kedge("rollout", "create", "--name", "spring", "--package", package["id"], "--all", "--group", f"{names[0]}=1", "--group", f"{names[1]}=rest")
    for width in (1100, 360):
        somebody = person(f"at {width}", viewport={"width": width, "height": 740})
        somebody.logs_in(server.kedge("token", "create", f"{'y' * 60}{width}", "--role", "viewer").stdout.strip())
        somebody.goes_to("#/rollouts/1", "spring")
        assert somebody.texts(css=".stage b") == names
        over = somebody.run(script="[...document.querySelectorAll('.stages li, header.top')].flatMap((one) => [...one.querySelectorAll('*')].filter((part) => "
                                   "part.getBoundingClientRect().right > one.getBoundingClientRect().right + 1)).map((part) => part.textContent)")
        assert over == [], width
        assert somebody.run(script="document.documentElement.scrollWidth <= innerWidth"), width
