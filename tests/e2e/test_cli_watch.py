"""kedge's watches against a server that plays what it is told: a rollout, a device, all rollouts."""
import contextlib
import json
import re
import signal
import subprocess
import threading
import time

import pytest

from cli_kit import TOKEN, Script, columns, kedge, screens, script, terminal  # noqa: F401 (fixtures)
from conftest import program, run, wait_until


def entry(number, to, endpoint="", text="", before="running"):
    return {"id": number, "at_ms": 1000, "rollout_id": 7, "group_index": 0 if endpoint else None,
            "deployment_id": 1 if endpoint else None, "endpoint": endpoint, "who": "server", "from": before, "to": to,
            "text": text}


class Rollout:
    """A rollout that takes one step of `states` with each look."""

    def __init__(self, script, states, history=()):
        self.states, self.history = list(states), list(history)
        self.groups = []
        script.answers["/api/v1/rollouts/7/history"] = self.list_history
        script.answers["/api/v1/rollouts/7/deployments"] = (200, {"deployments": [], "next": None})
        script.answers["/api/v1/rollouts/7/groups"] = lambda _: (200, {"groups": self.groups, "next": None})
        script.answers["/api/v1/rollouts/7"] = self.show  # last: who looks already asks for the others next

    def show(self, _):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, {"id": 7, "name": "haul", "state": state, "explanation": f"it is {state}",
                     "counts": {"succeeded": 1, "failed": 1, "pending": 0}}

    def list_history(self, request):
        after = int(request.query["cursor"])
        left = [e for e in self.history if e["id"] > after]
        page = left[:2]
        return 200, {"history": page, "next": str(page[-1]["id"]) if len(left) > 2 else None}


# ---- the watch ----

@pytest.mark.parametrize("end, status", [("finished", 0), ("paused", 1), ("aborted", 1), ("rolled_back", 1)])
def test_watch_ends_with_the_rollout_and_tells_how_by_its_exit_status(script, kedge, end, status):
    Rollout(script, ["running", "running", end])
    done = kedge("rollout", "watch", "7")
    assert done.returncode == status
    assert f"haul\" {end}: 1 succeeded, 1 failed" in done.stdout
    assert (f"it is {end}" in done.stdout) == (status != 0)


def test_watch_prints_each_change_once_and_in_order_when_it_is_no_terminal(script, kedge):
    changes = [entry(n, "installing", f"boat-{n}", before="downloaded") for n in range(3, 10)]
    Rollout(script, ["running", "running", "running", "finished"], changes)
    lines = kedge("rollout", "watch", "7").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines[:-1]] == [
        f"boat-{n}: downloaded -> installing" for n in range(3, 10)]


def test_watch_as_json_is_a_line_for_each_change_and_one_for_the_end(script, kedge):
    Rollout(script, ["running", "finished"], [entry(1, "running", before="draft")])
    lines = [json.loads(line) for line in kedge("--json", "rollout", "watch", "7").stdout.splitlines()]
    assert [line.get("to") for line in lines] == ["running", None]
    assert lines[-1]["state"] == "finished"


def test_watch_waits_for_a_server_that_restarts(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    first = Script()
    Rollout(first, ["running"])
    port = first.server_address[1]
    outcome = {}
    watcher = threading.Thread(target=lambda: outcome.update(done=run(
        program("kedge"), "--server", first.url, "--token-file", token, "rollout", "watch", "7")))
    watcher.start()

    def looked_twice(server):  # so that the first look has its answer
        return [path for _, path, _, _ in server.seen].count("/api/v1/rollouts/7") >= 2
    wait_until(lambda: looked_twice(first), what="the first look")
    first.end()
    second = Script(port, {"/api/v1/rollouts/7": (503, {"detail": "starting", "code": "busy"})})
    wait_until(lambda: looked_twice(second), what="a look at the second server")
    Rollout(second, ["finished"])
    watcher.join(120)
    second.end()
    assert outcome["done"].returncode == 0
    assert "waiting for it" in outcome["done"].stderr


def test_watch_of_a_rollout_that_is_not_there_is_refused(kedge):
    done = kedge("rollout", "watch", "7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not in the script" in done.stderr


def test_watch_on_a_terminal_draws_a_bar_and_names_who_did_not_make_it(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    Rollout(script, ["running", "running", "running", "finished"],
            [entry(1, "installing", "fine", before="downloaded"),
             entry(2, "failed", "sick\x1b[2J", "health check", before="verifying")])
    status, output = terminal(
        [program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 70)
    assert status == 0
    assert "[####" in output
    assert "sick?[2J: verifying -> failed: health check" in output
    assert "fine" not in output
    drawn = [part for part in re.split(r"[\r\n]+|\x1b\[\d*[AJ]", output) if part.startswith("[")]
    assert drawn and all(len(line) < 70 for line in drawn)


def group(name, state, **counts):
    return {"name": name, "state": state, "counts": counts}


def test_watch_on_a_terminal_has_a_bar_for_each_group_within_its_width(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    names = ["canary", "группа с длинным именем", "第一組的設備很多很多很多很多", "กลุ่มที่สี่", "rest\x1b[2J"]
    rollout = Rollout(script, ["running"] * 3 + ["finished"])
    rollout.groups = [group(names[0], "succeeded", succeeded=4), group(names[1], "running", downloading=3, succeeded=1),
                      *(group(name, "scheduled", pending=9) for name in names[2:])]
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 80)
    assert status == 0
    drawn = [screen for screen in screens(output) if len(screen) == 6]
    assert drawn
    for screen in drawn:
        assert screen[0].startswith("[") and "running: 1 succeeded, 1 failed" in screen[0]
        assert "[####################] 100 %  succeeded: 4 succeeded" in screen[1] or "] 100 %  succeeded: 4 s" in screen[1]
        assert "running: 3 downloading" in screen[2] and screen[5].startswith("rest?[2J ")
        assert all(columns(line) < 80 for line in screen)
        assert len({columns(line[:line.index(" [") + 1]) for line in screen[1:]}) == 1  # the bars begin in one column


def test_of_many_groups_those_that_run_are_in_sight(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    rollout = Rollout(script, ["running"] * 2 + ["finished"])
    rollout.groups = [group(f"g{n}", "succeeded" if n < 40 else "running" if n == 40 else "scheduled", pending=1) for n in range(64)]
    _, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "rollout", "watch", "7"], 80)
    drawn = [screen for screen in screens(output) if len(screen) > 5]
    assert drawn and all(screen[1].startswith("g39 ") and screen[2].startswith("g40 ") and len(screen) == 22 for screen in drawn)


class Events:
    """The stream of events: after each look at the rollout it tells of a change; or it ends at once."""

    def __init__(self, script, rollout, ends=False):
        self.asked, self.looks, self.ends = 0, 0, ends
        shown = rollout.show

        def show(request):
            self.looks += 1
            return shown(request)
        script.answers["/api/v1/rollouts/7"] = show
        script.streams["/api/v1/events"] = self.stream

    def stream(self, request):
        self.asked += 1
        write = request.wfile.write
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        write(b"id: 1-1\nevent: ready\ndata: {}\n\n")
        told = 0
        with contextlib.suppress(OSError, AssertionError):  # whoever watched has gone
            while not self.ends:
                wait_until(lambda: self.looks > told, what="a look")
                told = self.looks
                write(b"event: rollout\ndata: {}\n\n")


def test_a_watch_looks_when_it_is_told_of_a_change(script, kedge):
    rollout = Rollout(script, ["running"] * 40 + ["finished"])
    events = Events(script, rollout)
    began = time.monotonic()
    assert kedge("rollout", "watch", "7").returncode == 0
    # It would look every two seconds by itself: 80 in all.
    assert time.monotonic() - began < 70
    assert events.asked == 1
    path = next(seen for _, seen, _, _ in script.seen if seen.startswith("/api/v1/events"))
    assert path == "/api/v1/events?kinds=rollout,group&rollout=7"


def test_a_stream_that_ends_is_asked_for_again_and_meanwhile_it_looks(script, kedge):
    rollout = Rollout(script, ["running"])
    events = Events(script, rollout, ends=True)
    done = {}
    watcher = threading.Thread(target=lambda: done.update(status=kedge("rollout", "watch", "7").returncode))
    watcher.start()
    wait_until(lambda: events.asked >= 4, what="the fourth stream")
    assert events.looks > 8  # one before each stream, and some between them: two seconds have gone by each time
    rollout.states = ["finished"]
    watcher.join(60)
    assert done["status"] == 0


def test_events_that_are_refused_are_not_asked_for_again(script, kedge):
    rollout, refused = Rollout(script, ["running"]), []

    def refuse(_):
        if not refused:  # it goes on for longer than a stream that may pass is left alone
            rollout.states = ["running"] * 12 + ["finished"]
        refused.append(True)
        return 403, {"detail": "not for you", "code": "role"}
    script.answers["/api/v1/events"] = refuse
    assert kedge("rollout", "watch", "7").returncode == 0
    assert len([path for _, path, _, _ in script.seen if path.startswith("/api/v1/events")]) == 1


# ---- a device, watched ----

class Deployments:
    """A device's deployments: one that has ended, and from the second look on another one that goes its way."""

    def __init__(self, script, states):
        self.states, self.looks = list(states), 0
        old = {"id": 3, "rollout_id": 1, "state": "failed", "ended_at_ms": 5, "explanation": ""}
        self.old, self.history = old, [{**entry(1, "failed", "boat"), "deployment_id": 3}] + [
            {**entry(10 + number, state, "boat", before=before), "deployment_id": 4}
            for number, (before, state) in enumerate(zip(["pending", *states], states))]
        script.answers["/api/v1/devices/boat/deployments"] = self.list
        script.answers["/api/v1/devices/boat/history"] = self.list_history

    def list(self, _):
        self.looks += 1
        if self.looks == 1:
            return 200, {"deployments": [self.old], "next": None}
        state = self.states[min(self.looks - 2, len(self.states) - 1)]
        ended = 9 if state in ("succeeded", "failed") else None
        new = {"id": 4, "rollout_id": 7, "state": state, "ended_at_ms": ended, "explanation": f"it is {state}",
               "bytes_done": 512 << 10, "bytes_total": 1 << 20}
        return 200, {"deployments": [self.old, new], "next": None}

    def list_history(self, request):
        after = int(request.query.get("cursor", 0))
        shown = self.history[:max(0, self.looks)]
        return 200, {"history": [one for one in shown if one["id"] > after], "next": None}


@pytest.mark.parametrize("end, status", [("succeeded", 0), ("failed", 1)])
def test_a_device_is_watched_through_its_next_deployment(script, kedge, end, status):
    Deployments(script, ["offered", "downloading", "verifying", end])
    done = kedge("device", "watch", "boat")
    assert done.returncode == status
    lines = done.stdout.splitlines()
    assert lines[0] == "boat has no deployment under way: waiting for one"
    assert [line.split("  ")[1] for line in lines[1:-1]] == [
        "boat: pending -> offered", "boat: offered -> downloading", "boat: downloading -> verifying", f"boat: verifying -> {end}"]
    assert lines[-1] == f"boat {end} in rollout 7: it is {end}"


def test_a_device_watched_as_json_is_a_line_for_each_change_and_its_deployment(script, kedge):
    Deployments(script, ["offered", "succeeded"])
    lines = [json.loads(line) for line in kedge("--json", "device", "watch", "boat").stdout.splitlines()]
    assert [line.get("to") for line in lines] == ["offered", "succeeded", None]
    assert (lines[-1]["id"], lines[-1]["state"]) == (4, "succeeded")


def test_a_device_watched_on_a_terminal_has_a_bar(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    Deployments(script, ["offered", "downloading", "downloading", "succeeded"])
    status, output = terminal([program("kedge"), "--server", script.url, "--token-file", token, "device", "watch", "boat"], 100)
    assert status == 0
    assert any("]  32 %  downloading 512.0 KiB of 1.0 MiB: it is downloading" in line for screen in screens(output) for line in screen), output


def test_a_device_that_is_not_there_is_not_watched(kedge):
    done = kedge("device", "watch", "boat")
    assert (done.returncode, done.stdout) == (1, "")


# ---- all rollouts, watched ----

def test_all_rollouts_are_watched_a_line_for_each_change(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    rollouts = {number: {"id": number, "name": f"haul {number}", "state": "running", "counts": {"pending": 2}} for number in (2, 1)}
    looks = []

    def shown(request):
        looks.append(request.path)
        return 200, {"rollouts": list(rollouts.values()), "next": None}
    script.answers["/api/v1/rollouts"] = shown
    for extra, first in (([], "rollout 1 \"haul 1\" running: 2 pending"), (["--json"], '"name":"haul 1"')):
        rollouts[1]["state"] = rollouts[2]["state"] = "running"
        process = subprocess.Popen([program("kedge"), "--server", script.url, "--token-file", token, *extra, "rollout", "list", "--watch"],
                                   stdout=subprocess.PIPE, text=True)
        lines = [process.stdout.readline() for _ in range(2)]
        assert first in lines[0] and "haul 2" in lines[1]
        seen = len(looks)
        wait_until(lambda: len(looks) > seen + 1, what="another look")
        rollouts[2]["state"] = "finished"
        changed = process.stdout.readline()
        assert "haul 2" in changed and "finished" in changed
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM and process.stdout.read() == ""
