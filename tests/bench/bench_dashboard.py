"""The dashboard's first page, from its address until its figures stand, in Debian's Chromium with nothing of it cached.

With DEVICES devices and a long past beside a server that knows none: what a page costs must not grow with the fleet. Also
the pages of ROLLOUTS rollouts and AUDIT_ROWS rows of the audit log, and the questions that pages ask, by themselves.
"""
import importlib.util
import json
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request

DEVICES = 100_000
VERSIONS = 12
ROLLOUTS, AUDIT_ROWS = 10_000, 100_000
RUNS = 5
TARGET_MS = 1000

_spec = importlib.util.spec_from_file_location("bench_fleet", pathlib.Path(__file__).with_name("bench_fleet.py"))
fleet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fleet)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from browser.driver import Browser, missing  # noqa: E402
from long_past import give_long_past  # noqa: E402

# In the browser: a session, without the page and so with nothing of it in a cache.
LOG_IN = """fetch("/api/v1/session", {{ method: "POST", body: JSON.stringify({{ token: {token} }}),
                                       headers: {{ "Content-Type": "application/json" }} }}).then((answer) => answer.status)"""
# From the beginning of the navigation until what is waited for stands, and with it all that is above it.
UNTIL_IT_STANDS = """new Promise((done) => {
  const look = () => document.querySelector(MARK) ? done(performance.now()) : requestAnimationFrame(look);
  look();
})"""


def fill(database):
    """Devices of some versions, one in ten of them silent; through the server's own triggers."""
    rows = ((f"device-{i:06d}", f"1.{i % VERSIONS}.0", f"k{i:06d}", i % 10 != 0) for i in range(DEVICES))
    with sqlite3.connect(database) as connection:
        connection.executemany("INSERT INTO devices (endpoint, vendor, class, version, hardware, lwm2m_version, binding, lifetime_s,"
                               " address, location, registered, first_seen_ms, last_seen_ms, tags) VALUES (?1,'example.com','board-a',?2,'','1.1','U',86400,"
                               " '127.0.0.1:5683',?3,?4,1,1,'{}')", rows)
    connection.close()


def rest(server):
    """Waits until the server has done what a start with so many devices brings with it."""
    spent = -1
    while (now := fleet.processor_seconds(server.pid)) - spent > 0.01:
        spent = now
        time.sleep(1)


def page_ms(browser, server, who, mark, page=""):
    """Until `mark`, which stands for the page's figures, is there."""
    url = f"http://127.0.0.1:{server.http}"
    token = (server.folder / "admin.token").read_text(encoding="ascii").strip()
    browser.ask(**{"do": "open", "as": who, "url": f"{url}/healthz"})
    status = browser.ask(**{"do": "run", "as": who, "script": LOG_IN.format(token=json.dumps(token))})
    if status != 201:
        raise RuntimeError(f"logging in was answered by {status}")
    browser.ask(**{"do": "open", "as": who, "url": f"{url}/{page}"})
    return browser.ask(**{"do": "run", "as": who, "script": UNTIL_IT_STANDS.replace("MARK", json.dumps(mark))})


def question_ms(server, path):
    token = (server.folder / "admin.token").read_text(encoding="ascii").strip()
    request = urllib.request.Request(f"http://127.0.0.1:{server.http}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
    begun = time.monotonic()
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    return 1000 * (time.monotonic() - begun)


def questions():
    """What pages and programs ask, by what it is; lists at their beginning, far behind it, and narrowed."""
    last = f"device-{DEVICES - 1:06d}"

    def devices(**query):
        return "devices?" + urllib.parse.urlencode({"limit": 100, **query})
    yield "GET /api/v1/fleet", "fleet"
    yield "GET /api/v1/fleet/samples", "fleet/samples"
    yield "devices: the first 100", devices()
    yield "devices: the last ones, by the cursor", devices(cursor=f"device-{DEVICES - 20:06d}")
    yield "devices: 100 of a class", devices(vendor="example.com", **{"class": "board-a"})
    yield "devices: a filter that many fit", devices(filter="version == 1.1.0")
    yield "devices: a filter that one fits, the last", devices(filter=f'endpoint == "{last}"')
    yield "devices: a filter that nobody fits", devices(filter='endpoint like "*nobody*"')


def questions_of_the_past():
    yield f"rollouts: the newest 50 of {ROLLOUTS}", "rollouts?limit=50"
    yield f"rollouts: the oldest 50 of {ROLLOUTS}", "rollouts?limit=50&cursor=51"
    yield f"audit: the newest 100 of {AUDIT_ROWS} rows", "audit?order=newest&limit=100"
    yield f"audit: of one device, of {AUDIT_ROWS} rows", "audit?order=newest&limit=100&subject=device-007"


def median(measure):
    return statistics.median(measure(run) for run in range(RUNS))


def measure(build):
    if missing():
        raise RuntimeError(missing())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with fleet.Kedged(build, folder / "full"):
            pass  # makes the database
        fill(folder / "full" / "kedged.db")
        give_long_past(folder / "full" / "kedged.db", ROLLOUTS, AUDIT_ROWS)
        with fleet.Kedged(build, folder / "full") as full, fleet.Kedged(build, folder / "empty") as empty, \
                Browser() as browser:
            rest(full)
            floor = median(lambda run: page_ms(browser, empty, f"empty {run}", "main h2"))
            value = median(lambda run: page_ms(browser, full, f"full {run}", "main tbody tr"))
            before = fleet.processor_seconds(full.pid)
            page_ms(browser, full, "once more", "main tbody tr")
            spent = 1000 * (fleet.processor_seconds(full.pid) - before)
            yield fleet.row(f"dashboard's first page, {DEVICES} devices", value, "ms", floor, TARGET_MS,
                            [f"median of {RUNS}, from the address until the versions stand; the floor is a fleet of none",
                             f"kedged spent {spent:.0f} ms of processor time for one; the rest is the browser's"])
            for what, page in ((f"{ROLLOUTS} rollouts", "#/rollouts"), (f"{AUDIT_ROWS} rows of the audit log", "#/audit")):
                ends = "main > p.actions"  # stands below a list that was answered
                yield fleet.row(f"dashboard's page of {what}", median(lambda run: page_ms(browser, full, f"{page} {run}", ends, page)), "ms",
                                median(lambda run: page_ms(browser, empty, f"no {page} {run}", ends, page)), TARGET_MS)
            for what, path in [*((f"{what}, {DEVICES} devices", path) for what, path in questions()), *questions_of_the_past()]:
                yield fleet.row(what, median(lambda _: question_ms(full, path)), "ms", median(lambda _: question_ms(empty, path)), TARGET_MS)
