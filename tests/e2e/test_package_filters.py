"""Packages as they are searched for: by the API, held to an oracle, page by page."""
import hashlib
import json
import urllib.error

import pytest

from conftest import CLASS, VENDOR
from test_filters import ask, pages, store_rows


def package_of(number: int, **what) -> dict:
    """A package that was uploaded as the number-th one."""
    return {"id": hashlib.sha256(str(number).encode()).hexdigest(), "version": f"1.{number}.0", "sequence": number + 1, "vendor": VENDOR,
            "class": CLASS, "hardware": "", "uploader": "admin", "uploaded_at_ms": 1_700_000_000_000 + number, **what}


def store_packages(server, packages):
    """Writes their records alone: thousands of files would only take time."""
    store_rows(server,
               "INSERT INTO packages (id, sequence, version, vendor_id, class_id, vendor, class, envelope_size, image_size, device_size,"
               " image_digest, device_digest, deliver_payload, signers, uploaded_at_ms, uploader, hardware)"
               " VALUES (?, ?, ?, zeroblob(16), zeroblob(16), ?, ?, 9, 9, 9, zeroblob(32), ?, 0, zeroblob(32), ?, ?, ?)",
               ((p["id"], p["sequence"], p["version"], p["vendor"], p["class"], p["id"], p["uploaded_at_ms"], p["uploader"], p["hardware"])
                for p in packages))


def ask_packages(server, query: dict) -> dict:
    return ask(server, query, "packages")


def ids(server, text: str, limit: int) -> list[str]:
    return pages(server, text, limit, "packages", "id")


def mixed_packages() -> list[dict]:
    """Of two classes, two vendors, three uploaders and revisions of hardware that one, both or all are for."""
    return [package_of(number, **{"class": ("board-a", "board-b")[number % 2], "vendor": ("acme.example", "other.example")[number % 3 == 0],
                                  "uploader": ("rita", "ci", "admin")[number % 3], "hardware": ("", "C", "C\nD", "D")[number % 4]})
            for number in range(200)]


@pytest.mark.parametrize("text, test", [
    ('class == "board-a" and version < 1.9.0', lambda n, p: p["class"] == "board-a" and n < 9),
    ('version like "1.1*" and vendor == "other.example"', lambda n, p: str(n).startswith("1") and n % 3 == 0),
    ('class ilike "BOARD-A" and vendor not ilike "O*"', lambda n, p: p["class"] == "board-a" and n % 3 != 0),
    ('hardware == "C"', lambda n, p: "C" in p["hardware"]),
    ('hardware in ("", "D") and uploader != "ci"', lambda n, p: (p["hardware"] == "" or "D" in p["hardware"]) and n % 3 != 1),
    ("version in (1.7.0, 1.150.0)", lambda n, p: n in (7, 150)),
    ('uploaded < "2023-11-14T22:13:20Z"', lambda n, p: False),  # when the first one was
    ("uploaded >= 2023-11-14 and uploaded < now", lambda n, p: True),
])
def test_a_filter_means_what_it_says(server, text, test):
    packages = mixed_packages()
    store_packages(server, packages)
    expected = [one["id"] for number, one in reversed(list(enumerate(packages))) if test(number, one)]  # newest first
    for limit in (7, 500):
        assert ids(server, text, limit) == expected


def test_one_is_found_by_the_start_of_its_id(server):
    packages = mixed_packages()
    store_packages(server, packages)
    assert ids(server, f'id like "{packages[3]["id"][:12]}*"', 100) == [packages[3]["id"]]


@pytest.mark.parametrize("text, says", [
    ("registered", "line 1, column 1: this is no attribute of a package: there are vendor, class, version, id, uploader, hardware and uploaded"),
    ('version == "1.0.0" and tag.site == "a"', "line 1, column 24: this is no attribute of a package"),
    ("version < 1.4", "line 1, column 11: "), ("", "line 1, column 1: "), ("sequence > 4", "no attribute of a package"),
    ("uploaded == now", "only by one of < <= > >="), ("x" * 2049, "too long")])
def test_the_api_says_where_a_filter_goes_wrong(server, text, says):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask_packages(server, {"filter": text})
    problem = json.load(refused.value)
    assert (refused.value.code, problem["field"]) == (400, "filter") and says in problem["detail"]


def test_no_request_looks_at_more_than_so_many(server):
    """However many do not match: the next page goes on from there."""
    store_packages(server, (package_of(number) for number in range(100_001)))
    oldest = package_of(0)["id"]
    first = ask_packages(server, {"filter": f'uploader == "nobody" or id == "{oldest}"'})
    assert first["packages"] == [] and first["next"]
    second = ask_packages(server, {"filter": f'uploader == "nobody" or id == "{oldest}"', "cursor": first["next"]})
    assert [one["id"] for one in second["packages"]] == [oldest] and second["next"] is None


def test_the_command_line_lists_the_packages_that_a_filter_means(server):
    packages = mixed_packages()
    packages += [package_of(number, vendor="third.example") for number in range(200, 1300)]
    store_packages(server, packages)
    listed = server.json("package", "list", "--filter", "class == 'board-b' and hardware == 'C' and version >= 1.190.0")["packages"]
    assert [one["version"] for one in listed] == ["1.197.0", "1.193.0"]
    assert len(server.json("package", "list", "--filter", "vendor == 'third.example'")["packages"]) == 1100  # of three pages
    words = server.kedge("package", "list", "--filter", f"id like '{packages[5]['id'][:10]}*'").stdout
    assert "1.5.0" in words and len(words.splitlines()) == 2


def test_the_command_line_points_at_where_a_filter_of_packages_goes_wrong(server):
    done = server.kedge("package", "list", "--filter", "version < 2.0.0 and\nregistered", check=False)
    assert done.returncode == 2
    assert "line 2, column 1: this is no attribute of a package" in done.stderr and "kedge:   registered\nkedge:   ^\n" in done.stderr
