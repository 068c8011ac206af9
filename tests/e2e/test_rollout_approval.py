"""Rollouts that a second person has to approve, with tokens of their own."""
import pytest

from conftest import program, run, wait_until
from test_rollout_groups import prepare, show
from test_swarm import swarm  # noqa: F401 (a fixture)


@pytest.fixture
def people(server, tmp_path):
    """kedge as one of them: people("bob", "rollout", "list")."""
    for name, role in (("alice", "author"), ("bob", "approver"), ("oscar", "operator"), ("zoe", "admin")):
        server.kedge("token", "create", name, "--role", role, "--output", tmp_path / name)
    return lambda name, *args: run(program("kedge"), "--server", server.http_url, "--token-file", tmp_path / name, *args)


def test_a_second_person_lets_a_rollout_begin_and_go_on_behind_each_gate(server, keys, tmp_path, swarm,
                                                                        people):  # noqa: F811
    swarm(server.coap_uri, 10, "--reboot-time", 0.2)
    package = prepare(server, keys, tmp_path, 10)
    made = people("alice", "rollout", "create", "--name", "staged", "--package", package, "--all", "--group", "2",
                  "--group", "rest", "--approval", "groups")
    assert made.returncode == 0 and "somebody else approves it: kedge rollout approve 1" in made.stdout
    assert show(server)["state"] == "waiting_for_approval"
    refused = people("alice", "rollout", "start", "1")
    assert refused.returncode == 1 and "waiting_for_approval" in refused.stderr
    for name in ("alice", "oscar"):
        assert people(name, "rollout", "approve", "1").returncode == 1
    assert people("bob", "rollout", "approve", "1").returncode == 0
    assert people("bob", "rollout", "start", "1").returncode == 1, "an approver steers nothing"
    assert people("alice", "rollout", "start", "1").returncode == 0

    wait_until(lambda: show(server)["groups"][0]["state"] == "waiting_for_gate", what="the gate to wait")
    shown = show(server)
    assert shown["counts"]["succeeded"] == 2 and shown["counts"]["pending"] == 8
    assert "somebody other than alice must approve that group 2 begins" in shown["explanation"]
    server.kill()
    server.begin()
    assert show(server)["groups"][0]["state"] == "waiting_for_gate", "a restart approves nothing"
    assert people("zoe", "rollout", "approve", "1").returncode == 0
    server.kedge("rollout", "watch", "1")
    shown = show(server)
    assert (shown["author"], shown["approver"], shown["groups"][0]["approver"]) == ("alice", "bob", "zoe")
    assert shown["counts"]["succeeded"] == 10
    audit = server.json("audit", "list")["audit"]
    assert [a["who"] for a in audit if a["what"] == "rollout.approve"] == ["bob", "zoe"]


def test_nobody_approves_a_rollout_of_their_own_not_even_an_admin(server, keys, tmp_path, swarm, people):  # noqa: F811
    swarm(server.coap_uri, 1)
    package = prepare(server, keys, tmp_path, 1)
    begin = ("rollout", "create", "--name", "n", "--package", package, "--all", "--approval", "start")
    done = people("zoe", *begin, "--start")
    assert done.returncode == 1 and "after that only" in done.stderr
    assert people("zoe", *begin).returncode == 0
    done = people("zoe", "rollout", "approve", "1")
    assert done.returncode == 1 and "zoe made rollout 1: somebody else must approve it" in done.stderr
    assert show(server)["state"] == "waiting_for_approval"
    assert people("zoe", "rollout", "abort", "1").returncode == 0
    assert show(server)["state"] == "aborted"
