"""Devices that end in error and are tried again: when, how often, and what counts."""
from conftest import wait_until
from test_rollout_groups import create, prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)


def deployments(server):
    return server.json("rollout", "show", 1, "--devices")["deployments"]


def attempts(server, endpoint):
    """The offers of a device, and the ends of its attempts, as the history has them."""
    history = server.json("rollout", "show", 1, "--device", endpoint)["history"]
    offers = [entry["at_ms"] for entry in history if (entry["from"], entry["to"]) == ("pending", "offered")]
    again = [entry for entry in history if entry["to"] == "pending" and "more after that follows" in entry["text"]]
    return offers, again


def test_devices_that_fail_have_another_attempt_and_that_one_counts(server, keys, tmp_path, swarm):  # noqa: F811
    """Each device of this swarm fails once at most: at a threshold of 0, one failure that counted would stop it all."""
    swarm(server.coap_uri, 20, "--seed", 5, "--fail-rate", 0.4, "--fail-result", 8, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 20)
    create(server, package, "--retry", "failed=1", "--retry-after", "3s", "--success-threshold", 100,
           "--error-threshold", 0, "--error-sample", 0, "--start")
    wait_until(lambda: any(d["failed_retries"] for d in deployments(server)), what="a device that has another attempt")
    waiting = next(d for d in deployments(server) if d["failed_retries"])
    if waiting["state"] == "pending" and "is due in" in waiting["explanation"]:  # it may have had its turn already
        assert waiting["explanation"].startswith("pending: waits for its next attempt; attempt 2 is due in ")
        assert "(attempt 1 failed, and 1 of 1 more after that follows in 3 s: " in waiting["explanation"]
    server.kedge("rollout", "watch", "1")
    shown = show(server)
    assert shown["state"] == "finished" and shown["errors"] == 0 and shown["counts"]["succeeded"] == 20
    again_at_all = [d for d in deployments(server) if d["failed_retries"]]
    assert len(again_at_all) > 0
    for device in again_at_all:
        assert device["failed_retries"] == 1 and device["retry_at_ms"] is None
        offers, again = attempts(server, device["endpoint"])
        assert len(offers) == 2 and len(again) == 1
        assert offers[1] - again[0]["at_ms"] >= 3000


def test_a_server_that_is_killed_remembers_who_is_to_be_tried_again(server, keys, tmp_path, swarm):  # noqa: F811
    swarm(server.coap_uri, 6, "--fail-rate", 1, "--fail-result", 8, "--reboot-time", 0.2, "--lifetime", 60)
    package = prepare(server, keys, tmp_path, 6)
    create(server, package, "--retry", "failed=1", "--retry-after", 5, "--error-threshold", 0, "--start")
    wait_until(lambda: all(d["failed_retries"] for d in deployments(server)), what="all to wait for their attempts")
    server.kill()
    server.begin()
    assert [d["failed_retries"] for d in deployments(server)] == [1] * 6
    server.kedge("rollout", "watch", "1")
    for device in deployments(server):
        assert device["state"] == "succeeded" and device["failed_retries"] == 1
        offers, again = attempts(server, device["endpoint"])
        assert len(offers) == 2 and len(again) == 1
        assert offers[1] - again[0]["at_ms"] >= 5000, "not before it was due"
