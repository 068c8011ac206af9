"""Start times and windows: devices download at any time, and install when their window is open, by their own clocks."""
import contextlib
import datetime
import sqlite3
import time

from conftest import wait_until
from test_rollout_groups import create, prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)

DEVICES = 4


def deployments(server):
    found = server.json("rollout", "show", 1, "--devices")["deployments"]
    return {deployment["endpoint"]: deployment for deployment in found}


def in_two_hours() -> str:
    """A window that is shut in UTC for an hour and more, and open two hours to the east for as long."""
    hour = datetime.datetime.now(datetime.timezone.utc).hour + 2
    return f"daily {hour % 24:02}:00+2h UTC"


def waits(deployment) -> bool:
    return deployment["state"] == "downloaded" and "waits for its window, which opens 2" in deployment["explanation"]


def tag_east(server, endpoint):
    server.kedge("device", "tag", endpoint, "tz=Etc/GMT-2")  # whose sign is the other way round


def test_devices_wait_for_their_window_and_their_own_time_zone_counts(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, DEVICES, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, DEVICES)
    east = server.json("device", "list")["devices"][0]["endpoint"]
    tag_east(server, east)
    create(server, package, "--window", in_two_hours(), "--in-flight", 1, "--start")
    wait_until(lambda: deployments(server)[east]["state"] == "succeeded" and
               all(waits(d) for name, d in deployments(server).items() if name != east),
               what="one that is updated, and the others to wait for their windows")
    assert f"{DEVICES - 1} of them wait for their window" in show(server)["explanation"]
    assert show(server)["windows"][0].startswith("daily ")
    server.kill()
    server.begin()
    for name in [name for name in deployments(server) if name != east]:
        assert deployments(server)[name]["state"] == "downloaded"
        tag_east(server, name)
    server.kedge("rollout", "watch", "1")
    assert show(server)["state"] == "finished" and show(server)["counts"]["succeeded"] == DEVICES
    texts = [entry["text"] for entry in server.json("rollout", "show", 1, "--device", name)["history"]]
    allowed = next(i for i, text in enumerate(texts) if text.startswith("may install: its window is open until 2"))
    assert "Execute /5/0/2 is sent" in texts[allowed + 1:] and "Execute /5/0/2 is sent" not in texts[:allowed]


def test_downloads_kept_in_the_window_wait_as_well_and_the_deadline_ends_them(server, keys, tmp_path,
                                                                              swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    refused = create(server, package, "--window", in_two_hours(), "--deadline", 600, check=False)
    assert refused.returncode != 0 and "the windows never open before the deadline: first at 2" in refused.stderr
    create(server, package, "--window", in_two_hours(), "--download-in-window", "--start")
    waiting = next(iter(deployments(server).values()))
    assert waiting["state"] == "pending" and "waits for its window, which opens 2" in waiting["explanation"]
    server.kedge("rollout", "abort", "1")


def test_a_rollout_starts_by_itself_at_its_time(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 1)
    at = time.time() + 15  # it is made before that, however busy the machine is
    stamp = datetime.datetime.fromtimestamp(int(at), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = create(server, package, "--start-at", stamp)
    assert f"it starts by itself at {stamp}, in " in made.stdout
    server.kedge("rollout", "watch", "1")
    shown = show(server)
    assert shown["state"] == "finished" and shown["start_at_ms"] == int(at) * 1000
    assert shown["start_at_ms"] <= shown["started_at_ms"] < shown["start_at_ms"] + 30_000
    passed = create(server, package, "--start-at", stamp, check=False)
    assert passed.returncode != 0 and f"the start time, {stamp}, has passed" in passed.stderr


def missed_starts(server):
    return [row for row in server.json("audit", "list", "--subject", "1")["audit"] if row["what"] == "rollout.start_missed"]


def test_a_start_time_that_passed_while_the_server_was_down_is_missed(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    opens = datetime.datetime.now(datetime.timezone.utc).replace(minute=30, second=0) + datetime.timedelta(hours=2)
    create(server, package, "--window", f"daily {opens:%H}:00+2h UTC", "--deadline", 600,
           "--start-at", f"{opens:%Y-%m-%dT%H:%M:%SZ}")
    server.process.stop()
    with contextlib.closing(sqlite3.connect(server.data / "kedged.db")) as database, database:
        database.execute("UPDATE rollouts SET start_at_ms = ?", (int(time.time() * 1000) - 60_000,))  # as if time had passed
    server.begin()
    wait_until(lambda: show(server)["start_at_ms"] is None, what="the start time to be given up")
    missed = show(server)
    assert missed["state"] == "ready"
    assert "not started at its start time, 2" in missed["explanation"]
    assert "the windows never open before the deadline: first at 2" in missed["explanation"]
    [row] = missed_starts(server)
    assert (row["who"], row["subject"], row["before"]) == ("server", "1", "ready")
    server.kill()
    server.begin()  # that is durable, and said once
    assert show(server)["explanation"] == missed["explanation"]
    assert missed_starts(server) == [row]
    refused = server.kedge("rollout", "start", "1", check=False)
    assert refused.returncode != 0 and "the windows never open before the deadline" in refused.stderr
    server.kedge("rollout", "abort", "1")
    assert show(server)["state"] == "aborted"


def test_windows_that_are_none_are_refused_with_the_place(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    for window, words in {
        "Mon-Fri 22:00-04:00 Europe/Atlantis": 'window 2, column 21: there is no time zone "Europe/Atlantis"',
        "Mon 22:00-22:00": "window 2, column 10: the window ends when it begins, so it never opens",
        "Mom 22:00-04:00": 'window 2, column 1: "Mom" stands where a day',
    }.items():
        for verb in ("create", "plan"):
            options = ("--name", "w") if verb == "create" else ()
            refused = server.kedge("rollout", verb, *options, "--package", package, "--all", "--window",
                                   "daily 00:00-24:00", "--window", window, check=False)
            assert refused.returncode != 0 and words in refused.stderr, refused.stderr
    plan = server.json("rollout", "plan", "--package", package, "--all", "--window", "Sat,Sun 08:00+4h Europe/Berlin")
    assert plan["windows"] == ["Sat,Sun 08:00-12:00 Europe/Berlin"]
    assert plan["window_changes_at_ms"] > time.time() * 1000 - 60_000
