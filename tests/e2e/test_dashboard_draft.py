"""What was typed into the dashboard's form outlives the session, for whoever typed it; and what was made is not made twice."""
import pytest

from browser_kit import browser, control, fills, person, plans, takes, unfolds  # noqa: F401 (fixtures)
from conftest import CLASS, VENDOR, make_package, program, wait_until
from test_dashboard_browser import trusted

SHOWN = """JSON.stringify([[...document.querySelector("form.create").elements].map((one) => [one.id, one.type === "checkbox" ? one.checked : one.value]),
  [...document.querySelectorAll("form.create details")].map((one) => one.open)])"""
NAMED = "document.querySelector(\"[name='name']\")?.value"
# What another tab of this browser does, which has the same cookie; this one looks again when it is looked at.
ELSEWHERE = "fetch('/api/v1/session', {}).then(() => document.dispatchEvent(new Event('visibilitychange')))"
LOGGED_OUT_ELSEWHERE = ELSEWHERE.replace("{}", "{ method: 'DELETE' }")
# The first answer to what makes a rollout gets lost on its way: the server has made it.
LOSING_AN_ANSWER = """(() => {
  const ask = window.fetch;
  let lost = false;
  window.fetch = async (to, options) => {
    const answer = await ask(to, options);
    if (lost || options?.method !== "POST" || !/rollouts(\\/\\d+\\/retry)?$/.test(to)) return answer;
    lost = true;
    throw new TypeError("lost");
  };
})()"""


@pytest.fixture
def admin(server, keys, tmp_path, person, start):
    """Somebody before the form, with two packages on the server and a device that they are for."""
    trusted(server, keys)
    for number in (1, 2):
        server.json("package", "upload", make_package(tmp_path, keys, f"1.{number}.0", number + 1))
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "3", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0")
    wait_until(lambda: len(server.json("device", "list", "--class", CLASS)["devices"]) == 3, what="the devices")
    somebody = person("admin")
    somebody.logs_in(server.token)
    somebody.goes_to("#/create", "New rollout")
    somebody.see(**control("name"))
    return somebody


def types(somebody):
    """Something into controls of every kind, in the open parts and in a folded one, with groups that were not there."""
    fills(somebody, name="spring", filter='version < "2.0.0"')
    somebody.click(label="Devices that come to match later join it")
    somebody.click(role="button", name="Add a group")
    takes(somebody, 0, "count", "1")
    takes(somebody, 1, "filter", 'endpoint like "*1"')
    fills(somebody, **{"groups[1].name": "wide"})
    somebody.run(script="(({ options, form }) => { document.querySelector('#package_id').selectedIndex = options.length - 1; "
                        "form.dispatchEvent(new Event('input', { bubbles: true })); })(document.querySelector('#package_id'))")
    unfolds(somebody, "When")
    fills(somebody, windows="daily 00:00-24:00 UTC", start_at="2999-01-02T03:04:05")
    somebody.choose(**control("policy.approval"), value="start")


def logs_in_again(somebody, token: str):
    somebody.see(label="Token")
    somebody.fill(label="Token", value=token)
    somebody.click(role="button", name="Log in")
    somebody.see(**control("name"))


def test_a_form_stands_as_it_was_after_its_session_has_ended(server, admin):
    types(admin)
    before = admin.run(script=SHOWN)
    admin.run(script=LOGGED_OUT_ELSEWHERE)
    admin.see(text="What was typed into the form is kept")
    logs_in_again(admin, server.token)
    assert admin.run(script=SHOWN) == before
    assert admin.run(script="localStorage.length + sessionStorage.length") == 0
    fills(admin, name="summer", start_at="")
    plans(admin, "It would take 3 devices to 1.1.0")
    planned, before = admin.text(css=".plan"), admin.run(script=SHOWN)
    server.kill()
    server.begin()  # sessions end with it
    logs_in_again(admin, server.token)
    assert admin.run(script=SHOWN) == before and admin.text(css=".plan") == planned
    admin.click(role="button", name="Create")
    admin.see(css=".where .waiting_for_approval")
    assert server.json("rollout", "show", "1")["name"] == "summer"
    admin.goes_to("#/create", "New rollout")
    admin.see(**control("name"))
    assert admin.run(script=NAMED) == ""
    admin.forget()  # by the browser, of a server that was away


def test_nobody_else_finds_what_was_typed(server, admin):
    vera = server.kedge("token", "create", "vera", "--role", "author").stdout.strip()
    empty = admin.run(script=SHOWN)
    types(admin)
    admin.run(script=LOGGED_OUT_ELSEWHERE)
    logs_in_again(admin, vera)
    assert admin.run(script=SHOWN) == empty
    admin.run(script=LOGGED_OUT_ELSEWHERE)
    logs_in_again(admin, server.token)
    assert admin.run(script=SHOWN) == empty
    types(admin)
    # Another tab logs in as somebody else, and this one was not logged out in between.
    admin.run(script=ELSEWHERE.replace("{}", f"{{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: '{{\"token\":\"{vera}\"}}' }}"))
    admin.see(css=".me >> text=vera")
    admin.see(**control("name"))
    assert admin.run(script=SHOWN) == empty


def test_who_leaves_the_form_or_logs_out_leaves_nothing(server, admin):
    types(admin)
    admin.goes_to("#/rollouts", "Rollouts")
    admin.goes_to("#/create", "New rollout")
    admin.see(**control("name"))
    assert admin.run(script=NAMED) == ""
    types(admin)
    admin.click(role="button", name="Log out")
    logs_in_again(admin, server.token)
    assert admin.run(script=NAMED) == ""


def test_what_was_made_is_not_made_again_when_its_answer_got_lost(server, admin):
    fills(admin, name="spring")
    plans(admin, "It would take 3 devices to 1.2.0")
    admin.run(script=LOSING_AN_ANSWER)
    admin.click(role="button", name="Create")
    admin.see(css=".refusal >> text=the server does not answer")
    assert [one["name"] for one in server.json("rollout", "list")["rollouts"]] == ["spring"]
    admin.click(role="button", name="Create")  # the plan still stands
    admin.see(css=".where .ready")
    assert len(server.json("rollout", "list")["rollouts"]) == 1


def test_who_cannot_be_logged_out_is_told(server, admin):
    server.kill()
    admin.click(role="button", name="Log out")
    admin.see(css=".me >> text=Still logged in: the server does not answer")
    server.begin()
    admin.click(role="button", name="Log out")
    admin.see(label="Token")  # the session has ended with the server
    admin.forget()  # by the browser, of a server that was away
