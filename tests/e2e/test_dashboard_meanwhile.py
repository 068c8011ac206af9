"""The dashboard's questions and buttons while others act, while the server is away, and beside a clock that goes wrong."""
import datetime

import pytest

from browser_kit import browser, person  # noqa: F401 (fixtures)
from conftest import CLASS, VENDOR, make_package, program, wait_until
from test_dashboard_browser import trusted
from test_dashboard_draft import LOSING_AN_ANSWER

FAST_CLOCK = "(() => { const now = Date.now; Date.now = () => now() + 2 * 3600 * 1000; })()"


@pytest.fixture
def package(server, keys, tmp_path):
    trusted(server, keys)
    return server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]


@pytest.fixture
def swarm(server, start):
    """swarm(...): a device that a package is for."""
    def begin(*options):
        start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "1", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0", *options)
        wait_until(lambda: server.json("device", "list", "--class", CLASS)["devices"], what="the device")
    return begin


@pytest.fixture
def admin(server, package, swarm, person):
    """Somebody before a rollout that runs, that devices may join, and that offers nothing for days."""
    swarm()
    window = f"{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3):%a} 00:00-00:01"
    server.kedge("rollout", "create", "--name", "spring", "--package", package, "--all", "--dynamic", "--window", window, "--start")
    somebody = person("admin")
    somebody.logs_in(server.token)
    somebody.goes_to("#/rollouts/1", "spring")
    somebody.see(css=".where .running")
    return somebody


def state_of(server) -> str:
    return server.json("rollout", "show", "1")["state"]


def asks(somebody, action: str):
    somebody.click(css=f"header.page > .actions > button >> text='{action}'")
    somebody.see(css="dialog[open] p")


def goes(somebody):
    somebody.click(css="dialog[open] .actions button:last-child")


def test_a_question_says_that_others_have_ended_it(server, admin):
    asks(admin, "Pause")
    server.kedge("rollout", "abort", "1")
    admin.see(css="dialog[open] >> text=That cannot be done any more. The rollout is aborted")
    assert admin.texts(css="dialog[open] .actions button") == ["Leave it"]
    admin.click(role="button", name="Leave it")
    wait_until(lambda: admin.texts(css="header.page > .actions > button") == [], what="that there is nothing to do any more")
    wait_until(lambda: admin.run(script="document.activeElement.tagName") == "H1", what="the focus, whose button is gone")


def test_a_question_is_read_out_with_what_it_will_do(admin):
    asks(admin, "Pause")
    said = admin.run(script="document.getElementById(document.querySelector('dialog[open]').getAttribute('aria-describedby')).textContent")
    assert said.startswith("Offers nothing more until somebody resumes it.")
    assert admin.run(script="document.activeElement.textContent") == "Leave it"  # Enter does no harm
    admin.press(key="Escape")
    wait_until(lambda: admin.run(script="document.activeElement.textContent") == "Pause", what="the focus where it was")


def test_what_was_changed_since_is_looked_at_again(server, admin):
    server.kedge("rollout", "pause", "1")
    admin.see(css=".where .paused")
    asks(admin, "Resume")
    server.kedge("rollout", "close", "1")
    goes(admin)
    admin.see(css="dialog[open] .refusal >> text=it was changed since")
    assert state_of(server) == "paused"
    wait_until(lambda: "Close" not in admin.texts(css="header.page > .actions > button"), what="the page as it is now")
    goes(admin)
    admin.see(css=".where .running")


def test_what_stops_a_rollout_is_not_held_up_by_what_has_changed(server, admin):
    asks(admin, "Abort")
    server.kedge("rollout", "close", "1")
    goes(admin)
    admin.see(css=".where .aborted")


def test_a_button_pressed_while_the_server_is_away_does_nothing_and_says_so(server, admin):
    asks(admin, "Pause")
    server.kill()
    goes(admin)
    admin.see(css="dialog[open] .refusal >> text=the server does not answer")
    server.begin()
    admin.see(label="Token")  # sessions end with the server
    assert state_of(server) == "running"
    admin.fill(label="Token", value=server.token)
    admin.click(role="button", name="Log in")
    admin.see(css=".where .running")
    admin.confirms("Pause")
    admin.see(css=".where .paused")
    admin.forget()  # by the browser, of a server that was away


def test_a_retry_whose_answer_got_lost_is_not_made_twice(server, package, swarm, person):
    swarm("--fail-rate", "1")
    server.kedge("rollout", "create", "--name", "spring", "--package", package, "--all", "--start", "--error-threshold", "100")
    wait_until(lambda: state_of(server) == "finished", 180, "that it fails")
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/rollouts/1", "spring")
    admin.see(css=".where .finished")
    admin.run(script=LOSING_AN_ANSWER)
    asks(admin, "Retry")
    goes(admin)
    admin.see(css="dialog[open] .refusal >> text=the server does not answer")
    assert len(server.json("rollout", "list")["rollouts"]) == 2
    goes(admin)
    wait_until(lambda: admin.texts(css="dialog[open]") == [], what="that it was answered")
    assert len(server.json("rollout", "list")["rollouts"]) == 2


def test_times_are_by_the_servers_clock(server, admin):
    admin.run(script=FAST_CLOCK)
    admin.goes_to("#/devices", "Devices")
    admin.see(css="tbody tr")
    assert "hour" not in admin.text(css="tbody tr"), "the browser's clock is two hours fast"
