"""Filters as people use them: held to an oracle over random devices and filters, page by page, and told where they go
wrong."""
import contextlib
import fnmatch
import json
import random
import re
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import CLASS, VENDOR, make_package

VENDORS, CLASSES = ("acme.example", "other.example"), ("board-a", "board-b", "")
VERSIONS = ("1.9.0", "1.10.0", "1.10.0-rc.1", "1.10.0-rc.1.1", "2.0.0+b7", "factory", "1.4", "")
TAGS = {"eu": ("", "1"), "site": ("hamburg", "bremen"), "my ring": ("0", "eu")}
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def store_rows(server, statement, rows):
    """Writes them as if they had been here: a server that starts knows what it stored."""
    server.process.stop()
    with contextlib.closing(sqlite3.connect(server.data / "kedged.db")) as database, database:
        database.executemany(statement, rows)
    server.begin()


def store_devices(server, devices):
    store_rows(server,
               "INSERT INTO devices (endpoint, vendor, class, version, hardware, lwm2m_version, binding, lifetime_s,"
               " address, location, registered, first_seen_ms, last_seen_ms, tags)"
               " VALUES (?, ?, ?, ?, ?, '1.1', 'U', 300, '', '', 0, 1, ?, ?)",
               ((d["endpoint"], d["vendor"], d["class"], d["version"], d["hardware"], d["last_seen_ms"],
                 json.dumps(d["tags"])) for d in devices))


def random_devices(count, seed=3):
    draw = random.Random(seed)
    return [{"endpoint": f"dev-{i:04}", "vendor": draw.choice(VENDORS), "class": draw.choice(CLASSES),
             "version": draw.choice(VERSIONS), "hardware": draw.choice("AB"), "last_seen_ms": 1,
             "tags": {name: draw.choice(values) for name, values in TAGS.items() if draw.random() < 0.5}}
            for i in range(count)]


# ---- the oracle: a filter is its text and what it means ----

def version_key(text):
    """How a version is ordered by SemVer; None when it is none."""
    parsed = SEMVER.fullmatch(text)
    if parsed is None:
        return None
    numbers, pre = tuple(int(n) for n in parsed.groups()[:3]), parsed.group(4)
    if pre is None:
        return numbers, 1, ()
    return numbers, 0, tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split("."))


def ordered(operator, a, b):
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def names(device):
    return set(device["tags"]) | {f"{name}={value}" for name, value in device["tags"].items()}


def equals(attribute, wanted):
    if attribute == "tag":
        return lambda d: wanted in names(d)
    if attribute == "version":
        key = version_key(wanted)
        return lambda d: d["version"] == wanted or (key is not None and version_key(d["version"]) == key)
    if attribute.startswith("tag."):
        return lambda d: d["tags"].get(attribute[4:].strip('"')) == wanted
    return lambda d: d[attribute] == wanted


def either(tests):
    return lambda d: any(test(d) for test in tests)


def negation(test):
    return lambda d: not test(d)


WANTED = {"vendor": VENDORS, "class": CLASSES, "hardware": ("A", "B", "C"), "version": VERSIONS,
          "tag": ("eu", "site", "site=bremen", "my ring", "lab"), "tag.site": ("hamburg", "bremen", ""),
          'tag."my ring"': ("0", "eu"), "endpoint": ("dev-0001", "dev-0002", "dev-9999")}


def comparison(draw):
    """A random one, and what it means."""
    attribute = draw.choice(sorted(WANTED))
    kind = draw.choice(("==", "!=", "in", "not in", "like", "ilike") + (("order",) * 3 if attribute == "version" else ()))
    wanted = WANTED[attribute]
    if kind == "order":
        operator, version = draw.choice(("<", "<=", ">", ">=")), draw.choice(VERSIONS[:5])
        key = version_key(version)
        return f"version {operator} {version}", lambda d: (version_key(d["version"]) is not None and
                                                           ordered(operator, version_key(d["version"]), key))
    if kind == "like" and attribute == "endpoint":
        pattern = draw.choice(("dev-00*", "*1", "dev-???0", "*0*2*", "d?"))
        return f'endpoint like "{pattern}"', lambda d: fnmatch.fnmatchcase(d["endpoint"], pattern)
    if kind == "ilike" and attribute in ("endpoint", "class", "version"):
        pattern = draw.choice(("DEV-00*", "*1", "BOARD-?", "*Beta*", "*A*"))
        return f'{attribute} ilike "{pattern}"', lambda d: fnmatch.fnmatchcase(d[attribute].lower(), pattern.lower())
    if kind in ("in", "not in"):
        chosen = draw.choices(wanted, k=draw.randint(1, 3))
        test = either([equals(attribute, text) for text in chosen])
        listed = ", ".join(f'"{text}"' for text in chosen)
        return f"{attribute} {kind} ({listed})", test if kind == "in" else negation(test)
    text = draw.choice(wanted)
    test = equals(attribute, text)
    return (f'{attribute} != "{text}"', negation(test)) if kind == "!=" else (f"{attribute} == '{text}'", test)


def random_filter(draw, binds=0, deep=4):
    """`binds`: what it stands in, 0 "or", 1 "and", 2 "not"; parentheses stand only where they must."""
    kind = draw.choice(("or", "and", "not", "one") if deep > 0 else ("one",))
    if kind == "one":
        return comparison(draw)
    level = ("or", "and", "not").index(kind)
    parts = [random_filter(draw, level, deep - 1) for _ in range(1 if kind == "not" else draw.randint(2, 3))]
    tests = [test for _, test in parts]
    if kind == "not":
        text, test = f"not {parts[0][0]}", negation(tests[0])
    elif kind == "and":
        text, test = " and ".join(part[0] for part in parts), lambda d: all(t(d) for t in tests)
    else:
        text, test = " or ".join(part[0] for part in parts), either(tests)
    return (f"({text})" if level < binds else text), test


def ask(server, query, what="devices"):
    request = urllib.request.Request(f"{server.http_url}/api/v1/{what}?{urllib.parse.urlencode(query)}",
                                     headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def pages(server, text, limit, what="devices", key="endpoint"):
    found, cursor = [], ""
    while cursor is not None:
        page = ask(server, {"filter": text, "limit": limit, "cursor": cursor}, what)
        assert len(page[what]) <= limit
        found += [one[key] for one in page[what]]
        cursor = page["next"]
    return found


def test_random_filters_over_random_devices_mean_what_the_oracle_says(server):
    devices = random_devices(120)
    store_devices(server, devices)
    draw = random.Random(11)
    shares = []
    while len(shares) < 300:
        text, test = random_filter(draw)
        if len(text) > 2000 or text.count("not ") + text.count("(") > 16:
            continue  # near the limits, which have tests of their own
        expected = [d["endpoint"] for d in devices if test(d)]
        assert pages(server, text, draw.randint(20, 500)) == expected, text
        shares.append(len(expected) / len(devices))
    assert sum(0 < share < 1 for share in shares) > 150  # most of them tell devices apart


def test_the_command_line_lists_the_devices_that_a_filter_means(server):
    devices = random_devices(1200)
    store_devices(server, devices)
    listed = server.json("device", "list", "--filter", "tag == 'site=bremen' and version < 1.10.0 and not tag == \"eu\"")
    assert [d["endpoint"] for d in listed["devices"]] == [
        d["endpoint"] for d in devices if d["tags"].get("site") == "bremen" and "eu" not in d["tags"] and
        d["version"] in ("1.9.0", "1.10.0-rc.1", "1.10.0-rc.1.1")]
    narrowed = server.json("device", "list", "--filter", "hardware == 'A'", "--class", "board-b")["devices"]
    assert {(d["hardware"], d["class"]) for d in narrowed} == {("A", "board-b")}
    long_one = " or ".join(f"endpoint == 'dev-{i:04}'" for i in range(64))
    assert len(server.json("device", "list", "--filter", long_one)["devices"]) == 64


def test_the_command_line_points_at_where_a_filter_goes_wrong(server):
    done = server.kedge("device", "list", "--filter", "class == \"a\" and\ncolor == \"red\"", check=False)
    assert done.returncode == 2
    assert "line 2, column 1: this is no attribute of a device" in done.stderr
    assert "kedge:   color == \"red\"\nkedge:   ^\n" in done.stderr
    done = server.kedge("device", "list", "--filter", "class = \"a\"", check=False)
    assert "kedge:   class = \"a\"\nkedge:         ^\n" in done.stderr


@pytest.mark.parametrize("text, says", [("version < 1.4", "line 1, column 11: "), ("", "line 1, column 1: "),
                                        ("(" * 17 + "registered" + ")" * 17, "at most 16 times"),
                                        ("tag == 'ä' tag", "line 1, column 12: ")])
def test_the_api_says_where_a_filter_goes_wrong(server, text, says):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, {"filter": text})
    problem = json.load(refused.value)
    assert (refused.value.code, problem["code"], problem["field"]) == (400, "filter", "filter")
    assert says in problem["detail"]


def test_a_filter_that_matches_none_of_many_devices_answers_page_by_page(server):
    """However many do not match, no request looks at more than 100,000 of them."""
    store_devices(server, ({**random_devices(1)[0], "endpoint": f"dev-{i:06}"} for i in range(100_001)))
    first = ask(server, {"filter": "tag == 'nobody' or endpoint == 'dev-100000'"})
    assert first["devices"] == [] and first["next"]
    second = ask(server, {"filter": "tag == 'nobody' or endpoint == 'dev-100000'", "cursor": first["next"]})
    assert [d["endpoint"] for d in second["devices"]] == ["dev-100000"] and second["next"] is None
    assert server.json("device", "list", "--filter", "tag == 'nobody'")["devices"] == []


# ---- rollouts by a filter ----

def upload(server, keys, folder, *extra):
    """The id of a package to 1.1.0 for board of example.com."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(folder, keys, "1.1.0", 2, bytes(4096), *extra))
    return server.json("package", "list")["packages"][0]["id"]


def mixed_devices():
    """100 devices: 10 run 1.1.0 already, 10 are hardware A, 5 another class, 5 another vendor, 5 have said nothing."""
    devices = [{"endpoint": f"dev-{i:03}", "vendor": VENDOR, "class": CLASS, "version": "1.0.0", "hardware": "B",
                "last_seen_ms": 1, "tags": {"pilot": ""} if i < 50 else {}} for i in range(100)]
    for i, change in ((0, {"version": "1.1.0"}), (10, {"hardware": "A"})):
        for device in devices[i:i + 10]:
            device.update(change)
    for i, change in ((20, {"class": "other"}), (25, {"vendor": "other.example"}), (30, {"vendor": "", "class": ""})):
        for device in devices[i:i + 5]:
            device.update(change)
    return devices


WHO = ("--filter", "tag == 'pilot' and version < 2.0.0", "--group", "canary=5", "--group", "rest", "--seed", 7)


def left_out(plan):
    return {reason["reason"]: (reason["device_count"], reason["example"]) for reason in plan["left_out"]}


def test_a_plan_says_who_would_be_taken_and_why_others_are_left_out(server, keys, tmp_path):
    store_devices(server, mixed_devices())
    package = upload(server, keys, tmp_path, "--hardware", "B", "--hardware", "C", "--min-version", "1.0.0",
                     "--max-version", "1.0.9")
    shown = server.json("package", "show", package)
    assert (shown["hardware"], shown["min_version"], shown["max_version"]) == (["B", "C"], "1.0.0", "1.0.9")
    plan = server.json("rollout", "plan", "--package", package, *WHO)
    assert left_out(plan) == {"hardware": (10, "dev-010"), "class": (5, "dev-020"), "vendor": (5, "dev-025"),
                              "not_identified": (5, "dev-030")}
    assert (plan["device_count"], plan["already"], plan["unmatched"]) == (25, 10, 50)
    assert [(group["name"], group["device_count"]) for group in plan["groups"]] == [("canary", 5), ("group 2", 20)]
    assert server.json("rollout", "list")["rollouts"] == []  # nothing was made
    words = server.kedge("rollout", "plan", "--package", package, *WHO).stdout
    assert "for 25 devices; nothing was made" in words and "left out  10, as dev-010: has a hardware" in words
    server.kedge("rollout", "create", "--name", "pilots", "--package", package, *WHO)
    made = server.json("rollout", "show", 1, "--devices")
    assert made["filter"] == WHO[1] and made["device_count"] == 25
    for index, group in enumerate(plan["groups"]):
        assert [d["endpoint"] for d in made["deployments"] if d["group_index"] == index] == group["devices"]


def test_a_version_window_leaves_out_what_it_does_not_replace(server, keys, tmp_path):
    devices = [dict(mixed_devices()[99], endpoint=f"v-{version}", version=version)
               for version in ("0.9.9", "1.0.0-rc.1", "1.0.0", "1.0.9", "1.0.10", "factory", "")]
    store_devices(server, devices)
    package = upload(server, keys, tmp_path, "--min-version", "1.0.0", "--max-version", "1.0.9")
    plan = server.json("rollout", "plan", "--package", package, "--all")
    assert plan["groups"][0]["device_count"] == 2 and set(plan["groups"][0]["devices"]) == {"v-1.0.0", "v-1.0.9"}
    assert left_out(plan) == {"version": (5, "v-")}


def test_a_filter_that_means_nobody_is_refused(server, keys, tmp_path):
    store_devices(server, mixed_devices())
    package = upload(server, keys, tmp_path, "--hardware", "B")
    for command in (("plan",), ("create", "--name", "none")):
        done = server.kedge("rollout", *command, "--package", package, "--filter", "tag == 'nobody'", check=False)
        assert done.returncode == 1 and "the filter means none of the 100 devices" in done.stderr
        done = server.kedge("rollout", *command, "--package", package, "--filter", "hardware == 'A'", check=False)
        assert done.returncode == 1 and "10, as dev-010: has a hardware revision" in done.stderr
        done = server.kedge("rollout", *command, "--package", package, "--device", "dev-099", "dev-010", check=False)
        assert done.returncode == 1 and "dev-010: has a hardware revision that the package is not for" in done.stderr
        done = server.kedge("rollout", *command, "--package", package, "--filter", "version <", check=False)
        assert done.returncode == 2 and "line 1, column 10" in done.stderr
    assert server.json("rollout", "list")["rollouts"] == []


def test_a_plan_refuses_what_creating_would_in_the_same_words(server, keys, tmp_path):
    store_devices(server, mixed_devices())
    older = upload(server, keys, tmp_path)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.2.0", 9, bytes(512)))
    package = next(p["id"] for p in server.json("package", "list")["packages"] if p["version"] == "1.2.0")
    everybody = ("--filter", "tag == 'pilot' and hardware == 'B'")
    for words, *options in (
            ("the error action roll_back needs a revert package", *everybody, "--error-action", "roll_back"),
            ("it must be above that of the package, 9", *everybody, "--revert-package", older),
            ("offers_per_minute_max is 5, it must be at least", *everybody, "--offers-per-minute-max", 5),
            ("device dev-099 is listed twice", "--device", "dev-099", "dev-099"),
            ("not one for a list of them", "--device", "dev-099", "--dynamic"),
            ("the windows of the gates never open before the deadline", *everybody, "--dynamic", "--deadline", 60,
             "--gate-window", next(w for w in ("daily 02:00-03:00", "daily 14:00-15:00")
                                   if abs(int(w[6:8]) - time.gmtime().tm_hour) > 2))):
        refused = [server.kedge("rollout", *command, "--package", package, *options, check=False)
                   for command in (("plan",), ("create", "--name", "none"))]
        assert [done.returncode for done in refused] == [1, 1] and words in refused[0].stderr
        strip = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # a deadline counts from now
        assert strip.sub("", refused[0].stderr) == strip.sub("", refused[1].stderr)
    assert server.json("rollout", "list")["rollouts"] == []


def test_a_package_that_a_rollout_names_stays(server, keys, tmp_path):
    store_devices(server, mixed_devices())
    package = upload(server, keys, tmp_path)
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--filter", "tag == 'pilot'")
    request = urllib.request.Request(f"{server.http_url}/api/v1/packages/{package}", method="DELETE",
                                     headers={"Authorization": f"Bearer {server.token}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 409 and "a rollout names the package" in json.load(refused.value)["detail"]
