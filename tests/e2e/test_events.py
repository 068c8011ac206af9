"""Server-sent events of a running kedged, read by curl: a rollout is followed to its end, over a restart too."""
import json
import subprocess
import threading

import pytest

from conftest import make_package, wait_until


class Stream:
    """Events as they come, as (id, name, data); curl is a client that is not ours."""

    def __init__(self, server, query: str = "", last_id: str | None = None):
        resume = ["--header", f"Last-Event-ID: {last_id}"] if last_id else []
        self.events: list[tuple[str, str, dict]] = []
        self.process = subprocess.Popen(
            ["curl", "--silent", "--no-buffer", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
             *resume, f"{server.http_url}/api/v1/events{query}"], stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        fields: dict[str, str] = {}
        for line in self.process.stdout:
            name, _, value = line.rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                fields[name] = value
            elif not line.strip() and "event" in fields:
                self.events.append((fields["id"], fields["event"], json.loads(fields["data"])))
                fields = {}

    def wait_for(self, name: str, timeout: float = 60, **values) -> dict:
        def find():
            return [data for _, event, data in list(self.events)
                    if event == name and all(data.get(key) == value for key, value in values.items())]
        return wait_until(find, timeout, f"{name} {values}")[-1]

    def of(self, name: str) -> list[dict]:
        return [data for _, event, data in list(self.events) if event == name]

    def close(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture
def follow(server):
    streams = []

    def begin(*args, **keywords):
        streams.append(Stream(server, *args, **keywords))
        streams[-1].wait_for("ready")
        return streams[-1]
    yield begin
    for stream in streams:
        stream.close()


def test_a_rollout_is_followed_from_its_creation_to_its_end(server, device, keys, tmp_path, follow):
    server.kedge("trust", "add", "--name", "release", keys.public)
    stream = follow()
    agent = device("boat-1", keys, make_package(tmp_path, keys, "1.0.0", 1), server.coap_uri)
    assert agent.endpoint == "boat-1"
    assert stream.wait_for("device", endpoint="boat-1", version="1.0.0")["registered"] is True
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    made = server.json("rollout", "create", "--name", "spring", "--package", package["id"], "--all", "--start")
    stream.wait_for("rollout", 180, id=made["id"], state="finished")
    assert stream.wait_for("deployment", rollout_id=made["id"], state="succeeded")
    assert stream.wait_for("group", rollout_id=made["id"], state="succeeded")["counts"]["succeeded"] == 1
    finished = stream.wait_for("rollout", id=made["id"], state="finished")
    assert finished["counts"]["succeeded"] == 1
    assert stream.wait_for("device", endpoint="boat-1", version="1.1.0")
    ids = [tuple(map(int, number.split("-"))) for number, _, _ in stream.events]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)


def test_a_restart_ends_a_stream_and_is_told_to_who_comes_again(server, follow):
    stream = follow()
    last = stream.events[-1][0]
    assert server.process.stop() == 0
    assert stream.wait_for("end")["reason"] == "ending"
    assert stream.process.wait(30) == 0  # the stream was ended, not cut off
    server.begin()
    again = Stream(server, last_id=last)
    assert again.wait_for("reset")["reason"] == "restarted"
    assert tuple(map(int, again.events[0][0].split("-"))) > tuple(map(int, last.split("-")))
    again.close()
