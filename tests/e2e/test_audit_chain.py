"""The audit log is followed row by row: whole, altered, with rows removed or put in, and against a head."""
import json
import re
import sqlite3

import pytest

from conftest import Keys, program, run


@pytest.fixture
def log(server):
    """A server whose log has rows of all kinds of text, and its head."""
    for name in ("a", "Jörg", "c", "x" * 64):
        server.kedge("token", "create", name, "--role", "viewer")
        server.kedge("token", "revoke", name)
    whole = json.loads(server.kedge("--json", "audit", "verify").stdout)
    assert whole["whole"] is True and whole["rows"] == 9 and whole["problem"] is None and re.fullmatch(r"9:[0-9a-f]{64}", whole["head"])
    return server, whole["head"]


def meddle(server, *statements):
    """Somebody who can write to the database does so while the server is down."""
    server.process.stop()
    with sqlite3.connect(server.data / "kedged.db") as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    server.begin()


def verify(server, *args):
    done = server.kedge("audit", "verify", *args, check=False)
    return done.returncode, done.stderr


def test_a_whole_log_is_whole_and_says_its_head(log):
    server, head = log
    done = server.kedge("audit", "verify")
    assert done.stdout == f"the audit log is whole: 9 rows\nhead: {head}\n"
    server.kedge("token", "create", "later", "--role", "viewer")
    assert verify(server, "--head", head) == (0, "")


@pytest.mark.parametrize("statement, found", [
    ("UPDATE audit SET who = 'mallory' WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET at_ms = at_ms + 1 WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET after = 'admin, for ever' WHERE sequence = 2", "row 2 was altered"),
    ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 9", "row 9 was altered"),
    ("DELETE FROM audit WHERE sequence = 4", "row 4 is missing"),
    ("DELETE FROM audit WHERE sequence = 1", "row 1 is missing"),
    ("INSERT INTO audit SELECT 10, at_ms, who, what, subject, before, after, hash FROM audit WHERE sequence = 9",
     "row 10 was altered"),
    ("UPDATE audit SET hash = x'00' WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET at_ms = -1 WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET who = CAST(x'ff' AS TEXT) WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET after = after || CAST(x'00' AS TEXT) || 'and more' WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET after = hex(zeroblob(50000)) WHERE sequence = 4", "row 4 was altered"),
    ("UPDATE audit SET sequence = -4 WHERE sequence = 4", "a row 0 was put in"),
], ids=["who", "when", "what", "hash", "removed", "first-removed", "put-in", "half-a-hash", "before-all-time", "no-text",
        "two-texts", "endless-text", "before-the-first"])
def test_the_first_row_that_was_meddled_with_is_named(log, statement, found):
    server, _ = log
    meddle(server, statement)
    status, error = verify(server)
    assert status == 1 and found in error, error
    assert len(server.json("audit", "list")["audit"]) >= 8  # the rest can be read


def test_a_log_without_a_row_is_not_whole(log, tmp_path):
    """The first start of a server makes one."""
    server, _ = log
    meddle(server, "DELETE FROM audit")
    file = tmp_path / "empty.jsonl"
    file.touch()
    for which in ([], [file]):
        status, error = verify(server, *which)
        assert status == 1 and "row 1 is missing" in error, error


def test_what_is_not_whole_is_said_to_programs_too(log):
    server, _ = log
    meddle(server, "DELETE FROM audit WHERE sequence = 4")
    done = server.kedge("--json", "audit", "verify", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and "row 4 is missing" in done.stderr
    assert told == {"whole": False, "rows": 3, "head": None, "problem": "row 4 is missing"}


def test_rows_that_are_gone_at_the_end_show_by_the_head_alone(log):
    server, head = log
    meddle(server, "DELETE FROM audit WHERE sequence > 7")
    assert verify(server) == (0, "")
    status, error = verify(server, "--head", head)
    assert status == 1 and "the log ends at row 7" in error
    # The server goes on behind row 7; the head stays another one.
    for name in ("d", "e", "f"):
        server.kedge("token", "create", name, "--role", "viewer")
    assert verify(server)[0] == 0
    status, error = verify(server, "--head", head)
    assert status == 1 and "row 9 is not the one of --head" in error


def test_an_exported_log_can_be_verified_without_the_server(log, tmp_path):
    server, head = log
    file = tmp_path / "audit.jsonl"
    assert server.kedge("audit", "export", "--output", file).stdout == f"9 rows in {file}\n"
    assert server.kedge("audit", "export").stdout == file.read_text()
    assert json.loads(server.kedge("--json", "audit", "verify", file).stdout)["head"] == head
    done = server.kedge("audit", "export", "--output", file, check=False)
    assert done.returncode == 2 and "not there yet" in done.stderr
    rows = file.read_text().splitlines(keepends=True)
    assert [json.loads(row)["subject"] for row in rows[1:5:2]] == ["a", "Jörg"]
    for meddled, found in ((rows[:3] + rows[4:], "row 4 is missing"), (rows[:4] + rows[3:], "a row 4 was put in"),
                           (rows[:3] + [rows[3].replace("Jörg", "Jorg")] + rows[4:], "row 4 was altered"),
                           (rows[:3] + ["{}\n"], "behind row 3"), (rows[:3] + ["not json\n"], "behind row 3"),
                           (rows[:3] + [rows[3][:-1].replace('"who"', '"who":"x","who"') + "\n"], "behind row 3"),
                           (rows[:3] + [rows[3][:-2] + ',"note":"Bob agreed"}\n'] + rows[4:], "row 4 has a field that no row"),
                           (rows[:3] + ["x" * 40000], "behind row 3")):
        file.write_text("".join(meddled))
        status, error = verify(server, file)
        assert status == 1 and found in error, error


def test_a_head_that_is_none_is_refused(log):
    server, head = log
    for wrong in ("", "9", "9:", head[:-1], head + "0", "0" + head[1:], "x" + head[1:], "-1:" + head[2:]):
        status, error = verify(server, "--head", wrong)
        assert status == 2 and "--head" in error, wrong
    assert verify(server, "/nonexistent")[0] == 2


def test_the_log_is_read_by_who_by_what_and_from_its_end(server, tmp_path):
    for name in ("first", "second"):
        server.kedge("trust", "add", "--name", name, Keys(tmp_path, name).public)
    robot = tmp_path / "robot"
    server.kedge("token", "create", "robot", "--role", "admin", "--output", robot)
    done = run(program("kedge"), "--server", server.http_url, "--token-file", robot, "trust", "remove", "first")
    assert done.returncode == 0, done.stderr

    def told(*options):
        return [(entry["who"], entry["what"]) for entry in server.json("audit", "list", *options)["audit"]]
    everything = told()
    assert told("--newest") == everything[::-1]
    assert told("--who", "robot") == [("robot", "trust.remove")]
    assert told("--what", "trust.add") == [("admin", "trust.add")] * 2
    assert told("--what", "trust.") == [("admin", "trust.add")] * 2 + [("robot", "trust.remove")]
    assert told("--what", "trust.", "--who", "admin", "--newest", "--subject", "nobody") == [] == told("--what", "trust")
    bad = run("curl", "--silent", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
              f"{server.http_url}/api/v1/audit?order=none")
    assert json.loads(bad.stdout)["field"] == "order"
    # A page goes on where the one before it ended, from the end too.
    page = json.loads(run("curl", "--silent", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
                          f"{server.http_url}/api/v1/audit?order=newest&limit=2").stdout)
    more = json.loads(run("curl", "--silent", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
                          f"{server.http_url}/api/v1/audit?order=newest&limit=2&cursor={page['next']}").stdout)
    assert [(entry["who"], entry["what"]) for entry in page["audit"] + more["audit"]] == everything[::-1][:4]
