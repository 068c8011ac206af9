"""The scenarios that docs/agent.md accounts for: all that firmware_scenarios.py names, each once, played by a test that
there is or with a reason why not."""
import pathlib
import re

from firmware_scenarios import SUITES

HERE = pathlib.Path(__file__).parent
PLAYED = re.compile(r"^\| ([A-Za-z0-9_, ]+) \| `(test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)` \|$")
NOT_PLAYED = re.compile(r"^\| ([A-Za-z0-9_, ]+) \| ([^|`]{20,}) \|$")


def rows(heading: str, shape: re.Pattern) -> list:
    """The rows of the table of that section whose head begins so."""
    section = (HERE.parents[1] / "docs" / "agent.md").read_text().split("## Scenarios of firmware update\n")[1]
    lines = section.split("\n## ")[0].splitlines()
    begin = lines.index(heading) + 2
    end = next((at for at in range(begin, len(lines)) if not lines[at].startswith("|")), len(lines))
    matches = [shape.match(line) for line in lines[begin:end]]
    assert matches and all(matches), [line for line, match in zip(lines[begin:end], matches) if not match]
    return [match.groups() for match in matches]


def played() -> list:
    return rows("| scenario | test |", PLAYED)


def test_each_scenario_that_is_known_is_listed_once():
    listed = [name for row in played() + rows("| scenario | why not |", NOT_PLAYED) for name in row[0].split(", ")]
    known = {name for names in SUITES.values() for name in names}
    assert sorted(listed) == sorted(known)
    assert len(known) > 150


def test_each_is_played_by_a_test_that_there_is():
    missing = [f"{file}::{name}" for _, file, name in played()
               if not (HERE / file).exists() or f"\ndef {name}(" not in (HERE / file).read_text()]
    assert not missing
