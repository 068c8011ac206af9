"""The scenarios that docs/agent.md lists: each once, and played by a test that there is."""
import pathlib
import re

HERE = pathlib.Path(__file__).parent
ROW = re.compile(r"^\| ([A-Za-z0-9, ]+) \| `(test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)` \|$")


def rows() -> list:
    section = (HERE.parents[1] / "docs" / "agent.md").read_text().split("## Scenarios of firmware update\n")[1]
    table = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")][2:]
    assert len(table) > 40
    matches = [ROW.match(line) for line in table]
    assert all(matches), [line for line, match in zip(table, matches) if not match]
    return [match.groups() for match in matches]


def test_each_scenario_is_listed_once():
    names = [name for listed, _, _ in rows() for name in listed.split(", ")]
    assert sorted(names) == sorted(set(names))


def test_each_is_played_by_a_test_that_there_is():
    missing = [f"{file}::{name}" for _, file, name in rows()
               if not (HERE / file).exists() or f"\ndef {name}(" not in (HERE / file).read_text()]
    assert not missing
