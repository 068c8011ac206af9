"""The dashboard's form for a new rollout: it has all that the API takes, plans first, and says beside a field what is wrong."""
import datetime
import re

import pytest

from browser_kit import browser, control, fills, person, plans, takes, unfolds  # noqa: F401 (fixtures)
from conftest import make_package, wait_until
from test_api import curl  # noqa: F401 (a fixture)
from test_dashboard_browser import creates, fleet_of, trusted

FOLDED = ("When", "How fast", "Which devices, in which order", "Intermediate packages",
          "Errors by kind, and further attempts", "Time limits, and what devices are told")
NOT_ASKED = {"all_devices", "show", "policy", "groups"}  # follows from the others; how much a plan shows; have fields within


@pytest.fixture
def form(server, keys, tmp_path, person):
    """Somebody before the form, with one package on the server and nobody to bring it to."""
    trusted(server, keys)
    server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/create", "New rollout")
    admin.see(**control("name"))
    return admin


def names_of(somebody) -> set[str]:
    return set(somebody.run(script="[...document.querySelector('form.create').elements].map((one) => one.name).filter(Boolean)"))


def value_of(somebody, name: str) -> str:
    return somebody.run(script=f"document.querySelector(\"[name='{name}']\").value")


def test_the_form_asks_for_all_that_the_api_takes(curl, form):
    schemas = curl("GET", "/openapi.json", token=None).json["components"]["schemas"]
    asked = set(schemas["RolloutAsk"]["properties"]) - NOT_ASKED
    sizes = {"percent", "count", "filter", "rest"}
    wanted = asked | {f"policy.{name}" for name in schemas["PolicyAsk"]["properties"]}
    wanted |= {f"groups[0].{name}" for name in set(schemas["GroupAsk"]["properties"]) - sizes}
    assert wanted - names_of(form) == set()
    assert set(form.run(script="[...document.querySelector(\"[name='groups[0].takes']\").options].map((one) => one.value)")) == sizes
    for name, schema in schemas["PolicyAsk"]["properties"].items():
        shown = value_of(form, f"policy.{name}")
        in_seconds = re.sub(r"^(\d+)m$", lambda found: str(int(found[1]) * 60), shown)
        assert in_seconds == str(schema.get("default", "")), name


def test_what_is_not_touched_is_as_the_command_line_has_it(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "by hand", "--package", package["id"], "--all", "--group", "10%", "--group", "rest")
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to(f"#/create?package={package['id']}", "New rollout")
    fills(admin, name="by form")
    plans(admin, "It would take 2 devices to 1.1.0")
    admin.click(role="button", name="Create")
    admin.see(css=".where .ready")
    by_hand, by_form = (server.json("rollout", "show", number) for number in ("1", "2"))
    own = {"id", "name", "created_at_ms", "seed", "explanation", "groups", "etag"}
    assert {name: value for name, value in by_form.items() if name not in own} == \
        {name: value for name, value in by_hand.items() if name not in own}
    assert [one["counts"]["pending"] for one in by_form["groups"]] == [one["counts"]["pending"] for one in by_hand["groups"]]


def test_a_rollout_is_made_with_all_that_the_form_has(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 3)
    server.kedge("device", "tag", "edge-1", "site=north, by the sea")
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 4))
    step = server.json("package", "upload", make_package(tmp_path, keys, "1.0.5", 3))
    back = server.json("package", "upload", make_package(tmp_path, keys, "1.0.1", 5))
    server.kedge("rollout", "create", "--name", "earlier", "--package", package["id"], "--all", "--priority", "80", "--start",
                 "--group", "first=1,soak=3600", "--group", "rest")
    wait_until(lambda: server.json("rollout", "show", "1")["counts"]["succeeded"] == 1, what="the first of the earlier one")
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/packages", "Packages")
    creates(admin, "summer", "1.1.0", filter='endpoint like "edge-*"')
    admin.click(label="Devices that come to match later join it")
    admin.click(role="button", name="Add a group")
    takes(admin, 0, "filter", 'tag.site in ("north, by the sea", "south")')
    takes(admin, 1, "count", "1")
    fills(admin, **{"groups[0].name": "pilot", "groups[1].name": "first"})
    admin.click(css=".groups > li:first-child summary")
    fills(admin, **{"groups[0].success_threshold_percent": 100, "groups[0].error_threshold_percent": 0,
                    "groups[0].error_minimum_sample": 1, "groups[0].group_soak_s": "2h"})
    admin.choose(**control("groups[0].approval"), value="yes")
    admin.choose(**control("revert_package_id"), value=back["id"])
    unfolds(admin, *FOLDED)
    soon = datetime.datetime.now().replace(second=0, microsecond=0) + datetime.timedelta(days=3)  # by this machine's clock, as the browser's
    said_of_start = f"{soon.day} {soon:%b %Y}"
    fills(admin, start_at=f"{soon:%Y-%m-%dT%H:%M}", windows="daily 00:00-24:00\nSun 02:00-03:00",
          gate_windows="Mon-Fri 09:00-17:00 Europe/Berlin", spread_by="site", seed="7",
          **{"policy.priority": 20, "policy.group_soak_s": "1h", "policy.retry_failed": 2, "policy.deadline_s": "7d",
             "policy.timed_out_threshold_percent": 50, "policy.max_defer_s": "30m"})
    admin.choose(**control("policy.severity"), value="mandatory")
    admin.click(css="[name='download_in_window']")
    admin.choose(css="#intermediate_package_ids-0", value=step["id"])
    plans(admin, "It would take 3 devices to 1.1.0")
    plan = admin.text(css=".plan")
    assert "pilot" in plan and "100 % must succeed" in plan and "soak 2 h" in plan and "somebody else approves the next one" in plan
    assert re.search(r"2 devices \(edge-\d\) wait for rollout 1, earlier, of priority 80", plan)
    assert "windows daily 00:00-24:00 UTC" in plan and "Mon-Fri 09:00-17:00 Europe/Berlin" in plan and f"starts by itself at {said_of_start}" in plan
    fills(admin, **{"policy.priority": 21})
    wait_until(lambda: admin.texts(css=".plan") == [], what="that a changed form has no plan")
    plans(admin, "It would take 3 devices to 1.1.0")
    admin.click(role="button", name="Create")
    admin.see(css=".where .ready")
    made = server.json("rollout", "show", "2")
    assert made["dynamic"] and made["filter"] == 'endpoint like "edge-*"' and made["seed"] == 7 and made["spread_by"] == "site"
    assert made["windows"] == ["daily 00:00-24:00 UTC", "Sun 02:00-03:00 UTC"] and made["download_in_window"]
    assert made["gate_windows"] == ["Mon-Fri 09:00-17:00 Europe/Berlin"] and made["start_at_ms"] == soon.timestamp() * 1000
    assert made["revert_version"] == "1.0.1" and [one["version"] for one in made["intermediates"]] == ["1.0.5"]
    policy = made["policy"]
    assert (policy["priority"], policy["group_soak_s"], policy["retry_failed"], policy["deadline_s"]) == (21, 3600, 2, 604800)
    assert (policy["timed_out_threshold_percent"], policy["max_defer_s"], policy["severity"]) == (50, 1800, "mandatory")
    pilot, first = made["groups"][:2]
    assert (pilot["name"], pilot["filter"]) == ("pilot", 'tag.site in ("north, by the sea", "south")') and first["name"] == "first"
    assert (pilot["success_threshold_percent"], pilot["error_threshold_percent"], pilot["error_minimum_sample"],
            pilot["group_soak_s"], pilot["approval"]) == (100, 0, 1, 7200, True)
    gates = admin.texts(css="[aria-label=Gates] tbody tr")
    assert "must be 100 %" in gates[0] and "over 0 %" in gates[0] and "must be 80 %" in gates[1]  # by the rules of each
    facts = admin.text(css=".facts")
    assert "by devices that come to match" in facts and "Sun 02:00-03:00" in facts and "21" in facts
    assert "Mon-Fri 09:00-17:00 Europe/Berlin" in facts and "1.0.5" in facts and said_of_start in facts
    assert "no more devices join" in admin.confirms("Close")
    wait_until(lambda: "closed" in admin.text(css=".facts"), what="that it is closed")
    assert "Close" not in admin.texts(css="header.page > .actions > button")


def test_who_was_planned_for_a_group_is_in_it(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 4)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to(f"#/create?package={package['id']}", "New rollout")
    fills(admin, name="spring")
    takes(admin, 0, "percent", "50")
    for number in range(1, 4):  # another seed each time: by luck alone a second order would not hold three times
        plans(admin, "It would take 4 devices to 1.1.0")
        planned = [set(row.replace(" ", "").split(",")) for row in admin.texts(css=".plan td:nth-child(3)")]
        admin.click(role="button", name="Create")
        admin.see(css=".where .ready")
        parts = server.json("rollout", "show", str(number), "--devices")["deployments"]
        assert [{one["endpoint"] for one in parts if one["group_index"] == index} for index in (0, 1)] == planned
        admin.goes_to(f"#/create?package={package['id']}", "New rollout")
        fills(admin, name="spring")
        takes(admin, 0, "percent", "50")


def wrong_at(somebody, name: str) -> str:
    """Plans, and what stands beside the field then; the focus is there, and whatever it is folded in is open."""
    somebody.click(role="button", name="Plan")
    somebody.see(css=f".wrong[data-of='{name}']:not(:empty)")
    focused = "(({ activeElement: one }) => one.name || one.dataset.of)(document)"
    wait_until(lambda: somebody.run(script=focused) == name, what=f"the focus at {name}")
    assert somebody.texts(css=".wrong:not(:empty)") == [somebody.text(css=f".wrong[data-of='{name}']")]  # nowhere else
    return somebody.text(css=f".wrong[data-of='{name}']")


def test_what_is_refused_stands_beside_its_field(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 3))
    older = server.json("package", "upload", make_package(tmp_path, keys, "1.0.9", 2))
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to(f"#/create?package={package['id']}", "New rollout")
    assert "has a name" in wrong_at(admin, "name")
    fills(admin, name="spring", filter="version <")
    assert "column" in wrong_at(admin, "filter") or "expected" in wrong_at(admin, "filter")
    fills(admin, filter='version == "9.9.9"')
    assert "means none" in wrong_at(admin, "filter")
    fills(admin, filter="")
    takes(admin, 0, "percent", "110")
    assert "100" in wrong_at(admin, "groups[0].size")
    takes(admin, 0, "filter", "nonsense ==")
    assert wrong_at(admin, "groups[0].size")
    takes(admin, 0, "percent", "ten")
    assert "no whole number" in wrong_at(admin, "groups[0].size")
    takes(admin, 0, "percent", "20")
    takes(admin, 1, "percent", "20")
    assert "add up to 40 %" in wrong_at(admin, "groups")
    takes(admin, 1, "rest", "")
    admin.choose(**control("policy.error_action"), value="roll_back")
    assert "needs a revert package" in wrong_at(admin, "revert_package_id")
    admin.choose(**control("revert_package_id"), value=older["id"])
    assert "sequence number" in wrong_at(admin, "revert_package_id")
    admin.choose(**control("policy.error_action"), value="pause")
    admin.choose(**control("revert_package_id"), value="")
    unfolds(admin, *FOLDED)
    for name, bad, good, said in (("windows", "Mon 22:00-23:00\nMon 22:00-25:00 Europe/Berlin", "", "window 2, column"),
                                  ("gate_windows", "never", "", "window 1, column"),
                                  ("start_at", "2020-01-01T10:00", "", "has passed"),
                                  ("policy.install_limit_s", "0", "10m", "1 to"), ("policy.verify_limit_s", "soon", "40m", "no span"),
                                  ("policy.offers_per_minute_max", "5", "0", "at least offers_per_minute"),
                                  ("policy.in_flight_max", "99999999999999999999", "100", "no whole number"),
                                  ("policy.priority", "101", "50", "0 to 100"), ("seed", "-1", "", "no whole number")):
        fills(admin, **{name: bad})
        unfolds(admin, *FOLDED)  # all are shut
        assert said in wrong_at(admin, name), name
        assert admin.run(script=f"document.querySelector(\"[name='{name}']\").closest('details').open"), name
        admin.run(script="document.querySelectorAll('form.create > details').forEach((one) => { one.open = true; })")
        fills(admin, **{name: good})
    admin.choose(css="#intermediate_package_ids-0", value=package["id"])
    assert wrong_at(admin, "intermediate_package_ids")
    admin.choose(css="#intermediate_package_ids-0", value="")
    fills(admin, devices="edge-1\nnobody")
    assert "nobody" in wrong_at(admin, "devices")
    fills(admin, devices="")
    plans(admin, "It would take 2 devices to 1.1.0")
    assert admin.texts(css=".wrong:not(:empty)") == [] and admin.texts(css="[aria-invalid]") == []
    assert server.json("rollout", "list")["rollouts"] == []


def test_a_rollout_is_made_by_keyboard_alone(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    admin = person("admin")
    admin.logs_in(server.token)
    admin.goes_to("#/create", "New rollout")
    admin.see(**control("name"))

    def tab_to(script: str, most: int = 60):
        for _ in range(most):
            if admin.run(script=f"Boolean({script})"):
                return
            admin.press(key="Tab")
        raise AssertionError(f"{script} is not reached by Tab")
    tab_to("document.activeElement.name === 'name'")
    for letter in "spring":
        admin.press(key=letter)
    tab_to("document.activeElement.textContent === 'When'")
    admin.press(key="Enter")  # unfolds it
    tab_to("document.activeElement.name === 'windows'")
    for letter in ("d", "a", "i", "l", "y", "Space", *"00:00-24:00"):
        admin.press(key=letter)
    tab_to("document.activeElement.textContent === 'Plan'")
    admin.press(key="Enter")
    admin.see(css=".plan h2")
    wait_until(lambda: admin.run(script="document.activeElement.tagName") == "H2", what="the focus on the plan")
    tab_to("document.activeElement.textContent === 'Create'")
    admin.press(key="Enter")
    admin.see(css=".where .ready")
    assert server.json("rollout", "show", "1")["windows"] == ["daily 00:00-24:00 UTC"]


def test_the_form_fits_a_phone(server, keys, tmp_path, person):
    trusted(server, keys)
    server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    phone = person("phone", viewport={"width": 360, "height": 740}, colorScheme="dark")
    phone.logs_in(server.token)
    phone.goes_to("#/create", "New rollout")
    phone.see(**control("name"))
    phone.run(script="document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert phone.run(script="[document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    hidden = phone.run(script="[...document.querySelectorAll('form.create :is(input, select, textarea, button)')]"
                              ".filter((one) => one.getBoundingClientRect().right > innerWidth || !one.checkVisibility()).map((one) => one.name)")
    assert hidden == []
    unlabelled = phone.run(script="[...document.querySelectorAll('form.create :is(input, select, textarea)')]"
                                  ".filter((one) => one.labels.length === 0).map((one) => one.name)")
    assert unlabelled == []
