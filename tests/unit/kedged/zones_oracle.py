#!/usr/bin/python3
"""Compares the zones and windows of kedged with Python's zoneinfo: usage: zones_oracle.py PROBE

The rule of a window, read off a clock that zoneinfo reads, second by second where it matters.
"""
import datetime
import random
import subprocess
import sys
import zoneinfo

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Pacific/Chatham", "Africa/Casablanca", "America/St_Johns", "Pacific/Apia", "Asia/Tehran",
         "Antarctica/Troll", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Dublin", "Africa/El_Aaiun", "UTC"]
WEEK = 7 * 86400


def reads(zone: zoneinfo.ZoneInfo, second: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(second, zone)


def offset(zone: zoneinfo.ZoneInfo, second: int) -> int:
    return int(reads(zone, second).utcoffset().total_seconds())


def changes(zone: zoneinfo.ZoneInfo, begin: int, end: int) -> list[int]:
    """The seconds at which the offset becomes another one, found day by day, and then by halving."""
    found = []
    for day in range(begin, end, 86400):
        low, high = day, day + 86400
        if offset(zone, low) == offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(zone, middle) == offset(zone, low) else (low, middle)
        found.append(high)
    return found


def is_open(zone: zoneinfo.ZoneInfo, days: set[int], start: int, length: int, second: int) -> bool:
    now = reads(zone, second)
    of_week = now.weekday() * 86400 + now.hour * 3600 + now.minute * 60 + now.second
    return any((of_week - day * 86400 - start) % WEEK < length for day in days)


def ask(probe: str, lines: list[str]) -> list[str]:
    done = subprocess.run([probe], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def check_offsets(probe: str) -> int:
    questions, expected = [], []
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        # Beyond 2037 the rule at the end of the file counts, which GLib 2.74 takes wrongly for Dublin: there
        # it is winter time that is the exception.
        late = () if name == "Europe/Dublin" else (2038, 2039, 2051)
        for year in (2007, 2011, 2025, 2026, 2027, 2030, 2036, 2037, *late):
            begin = int(datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
            for change in changes(zone, begin, begin + 366 * 86400):
                for second in (change - 1, change):
                    questions.append(f"{second} {name} ?")
                    expected.append((offset(zone, second), change if second < change else None))
    assert len(questions) > 300, f"only {len(questions)} questions: is there no tzdata?"
    for question, answer, (seconds, until) in zip(questions, ask(probe, questions), expected, strict=True):
        told = [int(part) for part in answer.split()]
        assert told[0] == seconds and told[1] > int(question.split()[0]), (question, answer, seconds)
        assert until is None or told[1] <= until, (question, answer, until)
    return len(questions)


def check_windows(probe: str, rng: random.Random) -> int:
    cases = []
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        begin = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
        points = changes(zone, begin, begin + 366 * 86400) + [begin + rng.randrange(366 * 86400) for _ in range(2)]
        for point in points:
            for _ in range(5):
                days = set(rng.sample(range(7), rng.randint(1, 7)))
                now = reads(zone, point)
                # About the time that is skipped or read twice, as often as not.
                around = (now.hour * 60 + now.minute + rng.randint(-150, 60)) % 1440
                start = 60 * (around if rng.random() < 0.7 else rng.randrange(1440))
                length = 60 * rng.choice([1, 15, 30, 60, 90, 360, 1440, 3600, rng.randint(1, 10080)])
                second = point + rng.randint(-9000, 9000)
                text = ",".join(DAYS[day] for day in sorted(days))
                text += f" {start // 3600:02}:{start // 60 % 60:02}+{length // 3600}h{length // 60 % 60}m"
                own = rng.random() < 0.5
                window = f"{text} Asia/Tokyo" if own else f"{text} {name}"
                cases.append((f"{second} {name if own else '-'} {window}", zone, days, start, length, second))
    for (line, zone, days, start, length, second), answer in zip(cases, ask(probe, [c[0] for c in cases]),
                                                               strict=True):
        told, until = answer.split(maxsplit=1)
        now = is_open(zone, days, start, length, second)
        assert told == str(int(now)), (line, answer, now)
        if until == "never":
            # Only what goes on without a gap: a week in one piece, or days that touch.
            assert all(is_open(zone, days, start, length, second + s) for s in range(0, 8 * 86400, 60)), line
            continue
        edge = int(until)
        assert edge > second, (line, answer)
        assert is_open(zone, days, start, length, edge) != now, (line, answer, "no change there")
        # Minutes are what edges lie on, whatever the zone (none has odd seconds nowadays).
        first = second + (-second) % 60
        for at in [*range(first, edge, 60), edge - 1]:
            assert is_open(zone, days, start, length, at) == now, (line, answer, at)
    return len(cases)


def check_names(probe: str) -> None:
    bad = ["Europe/Atlantis", "Europe/Berlin1", "Foo/Bar-1", "Etc/GMT-99x", "AAA5/BBB", "Etc/../Etc/UTC", "Berlin"]
    for answer in ask(probe, [f"0 {name} ?" for name in bad]):
        assert answer == "none", answer
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    assert len(names) > 300
    for name, answer in zip(names, ask(probe, [f"1790000000 {name} ?" for name in names]), strict=True):
        assert answer != "none", name
        assert int(answer.split()[0]) == offset(zoneinfo.ZoneInfo(name), 1790000000), (name, answer)


def main() -> None:
    probe = sys.argv[1]
    check_names(probe)
    offsets = check_offsets(probe)
    windows = check_windows(probe, random.Random(20261126))
    print(f"{offsets} offsets and {windows} windows as zoneinfo has them")


if __name__ == "__main__":
    main()
