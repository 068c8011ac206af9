"""The dashboard as people use it, in Debian's Chromium, with real agents behind it."""
import json
import re

from browser_kit import browser, fills, person, plans, takes, unfolds  # noqa: F401 (fixtures)
from conftest import make_package, wait_until
from test_api import register

SCRIPTS = ["<script>window.broken=1</script>", "\"><img src=x onerror=window.broken=1>", "'-window.broken=1-'",
           "javascript:window.broken=1", "{{7*7}}${7*7}", "../../etc/passwd", "日本語 ελληνικά שלום 🚢"]


def trusted(server, keys):
    server.kedge("trust", "add", "--name", "release key", keys.public)


def fleet_of(server, device, keys, tmp_path, count: int, **options):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    for number in range(count):
        device(f"edge-{number + 1}", keys, factory, server.coap_uri, **options)
    wait_until(lambda: [one["version"] for one in server.json("device", "list")["devices"]] == ["1.0.0"] * count)


def uploads(somebody, package, version: str):
    somebody.goes_to("#/packages", "Packages")
    somebody.attach(label="Upload a signed package", file=str(package))
    somebody.click(role="button", name="Upload")
    somebody.see(role="link", name=version)


def creates(somebody, name: str, version: str, **fields):
    somebody.click(role="link", name=version)
    somebody.see(role="heading", name=f"Package {version}")
    somebody.click(role="link", name="Roll it out")
    fills(somebody, name=name, **fields)


def test_a_package_goes_from_its_upload_to_every_device(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 3)
    approver = server.kedge("token", "create", "paula", "--role", "approver").stdout.strip()
    admin, paula = person("admin"), person("paula")
    admin.logs_in(server.token)
    admin.see(css=".figure >> text=online")
    notes = tmp_path / "notes.md"
    notes.write_text("Mends <b>everything</b>.\n")
    uploads(admin, make_package(tmp_path, keys, "1.1.0", 2, None, "--attach", f"notes={notes}"), "1.1.0")
    admin.see(css="table >> text=release key")
    creates(admin, "spring", "1.1.0", **{"groups[0].name": "canary"})
    takes(admin, 0, "count", "1")
    unfolds(admin, "How fast")
    fills(admin, **{"policy.in_flight_max": 2})
    admin.choose(css="[name='policy.approval']", value="start")
    plans(admin, "It would take 3 devices to 1.1.0")
    admin.shows("rollout-plan")
    admin.click(role="button", name="Create")
    admin.see(css=".where .waiting_for_approval")
    assert "Start" not in admin.texts(css="header.page > .actions > button") and "canary" in admin.text(css=".stages")

    paula.logs_in(approver)
    paula.goes_to("#/rollouts", "Rollouts")
    paula.click(role="link", name="spring")
    assert "3 devices may be moved to 1.1.0" in paula.confirms("Approve")
    paula.see(css=".where .ready")

    admin.see(css=".where .ready")  # by the server's event, without a click
    assert "first group (canary)" in admin.confirms("Start")
    admin.see(css=".where .finished")  # a page that is asked for late may never have shown it running
    wait_until(lambda: "3 devices succeeded" in admin.text(css=".legend"))
    shown = json.loads(server.kedge("--json", "rollout", "show", "1").stdout)
    assert shown["state"] == "finished" and shown["approver"] == "paula" and shown["counts"]["succeeded"] == 3
    admin.goes_to("#/devices/edge-1", "edge-1")
    wait_until(lambda: admin.texts(css=".figure .value") == ["1.1.0", "1.0.0, the way back"], what="its slots")
    admin.goes_to("#/", "Fleet")
    admin.see(css="table >> text=1.1.0")
    admin.shows("fleet")
    admin.click(role="link", name="1.1.0")
    admin.see(role="heading", name="Devices")
    admin.see(role="link", name="edge-1")
    assert admin.run(script="document.querySelector('#filter').value") == 'version == "1.1.0"'
    admin.goes_to(f"#/packages/{shown['package_id']}", "Package 1.1.0")
    admin.see(text="Mends <b>everything</b>.")
    admin.goes_to("#/audit", "Audit")
    assert "paula" in admin.text(css="table")


def test_a_rollout_that_fails_stops_and_says_why(server, device, keys, tmp_path, person):
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2, health="false", trial_limit_s=20)
    admin = person("admin")
    admin.logs_in(server.token)
    uploads(admin, make_package(tmp_path, keys, "1.1.0", 2), "1.1.0")
    creates(admin, "bad spring", "1.1.0", **{"policy.error_threshold_percent": 0, "policy.error_minimum_sample": 1})
    takes(admin, 0, "count", "1")
    plans(admin, "It would take 2 devices to 1.1.0")
    admin.click(role="button", name="Create")
    admin.see(css=".where .ready")
    admin.confirms("Start")
    admin.see(css=".where .paused")
    admin.see(css="section >> text=/Result 8|health|rolled back|fell back/i")
    said = admin.text(css=".where")
    assert re.search("error", said) and said.count("paused") == 1, said  # the state, and then why
    admin.see(css="[aria-label=Gates] >> text=1 ended in error")  # the groups are asked for by themselves
    gate = admin.text(css="[aria-label=Gates] tbody tr")
    assert "1 ended in error (more than 0 % would pause" in gate and "come to match" not in gate  # nobody joins this one
    admin.see(css="[aria-label='Devices in error'] >> text=the health check failed")
    errors = admin.text(css="[aria-label='Devices in error']")
    assert "edge-" in errors and "failed" in errors and "8" in errors and "the health check failed" in errors
    assert "failed: State" not in errors  # the state stands beside it
    admin.shows("rollout-paused")
    buttons = admin.texts(css="header.page > .actions > button")
    assert buttons == ["Resume", "Abort"]
    assert "1 device that wait" in admin.confirms("Abort")
    admin.see(css=".where .aborted")


def test_names_in_every_script_stay_names(server, person):
    for name in SCRIPTS:
        register(server, name)
        wait_until(lambda: server.kedge("device", "show", name, check=False).returncode == 0)
        server.kedge("device", "tag", name, f"{name[:20]}={name}")
    token = server.kedge("token", "create", SCRIPTS[0], "--role", "admin").stdout.strip()
    admin = person("admin")
    admin.logs_in(token)
    assert SCRIPTS[0] in admin.text(css=".me")
    admin.goes_to("#/devices", "Devices")
    admin.see(role="link", name=SCRIPTS[0])
    assert sorted(admin.texts(css="td:first-child a")) == sorted(SCRIPTS)
    for name in SCRIPTS:
        admin.click(role="link", name=name)
        admin.see(role="heading", name=name)
        assert name in admin.text(css=".facts")
        admin.goes_to("#/devices", "Devices")
    admin.goes_to("#/audit", "Audit")
    admin.see(css="table")
    admin.goes_to("#/nothing/<img src=x onerror=window.broken=1>", "There is no such page")
    assert admin.run(script="window.broken") is None
    assert admin.run(script="document.querySelectorAll('main img, main script').length") == 0


def test_everything_is_reached_by_keyboard(server, person):
    admin = person("admin")
    admin.open(url=server.http_url + "/")
    admin.see(label="Token")
    wait_until(lambda: admin.run(script="document.activeElement.id") == "token", what="the focus")
    admin.run(script=f"document.activeElement.value = {json.dumps(server.token)}")
    admin.press(key="Enter")
    admin.see(role="heading", name="Fleet")
    admin.run(script="document.activeElement.blur()")
    order = []
    for _ in range(12):
        admin.press(key="Tab")
        order.append(admin.run(script="document.activeElement.textContent.trim()"))
    for name in ("To the content", "Fleet", "Devices", "Packages", "Rollouts", "Audit", "Log out"):
        assert name in order, order
    while admin.run(script="document.activeElement.textContent.trim()") != "Packages":
        admin.press(key="Shift+Tab")
    admin.press(key="Enter")
    admin.see(role="heading", name="Packages")
    wait_until(lambda: admin.run(script="document.activeElement.tagName") == "H1", what="the focus")


def test_it_fits_a_phone_and_the_dark(server, person):
    register(server, "a-device-of-a-rather-long-endpoint-name-" + "x" * 60)
    phone = person("phone", viewport={"width": 375, "height": 740}, colorScheme="dark")
    phone.logs_in(server.token)
    for hash, heading in (("#/", "Fleet"), ("#/devices", "Devices"), ("#/packages", "Packages"), ("#/rollouts", "Rollouts"),
                          ("#/create", "New rollout"), ("#/audit", "Audit")):
        phone.goes_to(hash, heading)
        wait_until(lambda: phone.run(script="!document.body.innerText.includes('\\n…')"))
        assert phone.run(script="document.documentElement.scrollWidth <= innerWidth"), heading
    light = phone.run(script="getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", light)[:3]) < 60
    phone.goes_to("#/devices", "Devices")
    phone.see(css="td")
    phone.shows("phone")


def test_a_session_ends_for_the_page_too(server, person):
    token = server.kedge("token", "create", "vera", "--role", "viewer").stdout.strip()
    vera, admin = person("vera"), person("admin")
    vera.logs_in(token)
    vera.goes_to("#/packages", "Packages")
    assert vera.texts(css="main button") == ["Show"]  # of the search; nothing that a viewer may not do
    server.kedge("token", "revoke", "vera")
    vera.see(label="Token")
    admin.logs_in(server.token)
    assert admin.run(script="document.cookie") == ""
    cookie, = admin.cookies()
    assert cookie["name"] == "__Host-kedge" and cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict"
    admin.click(role="button", name="Log out")
    admin.see(label="Token")
    assert admin.cookies() == []
