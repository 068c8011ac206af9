"""The store of a stopped server is given a long past: rollouts, rows of the audit log, and notes of the fleet."""
import contextlib
import hashlib
import json
import sqlite3
import struct
import time

SAMPLES_MAX = 1000  # of a series (updater/store/figures.h)
VERSIONS = 12  # that a note of the fleet tells apart
GROUPS = (("canary", 1), ("rest", 9))  # of each rollout, and how many devices have succeeded in it
PACKAGE = "5a" * 32
MINUTE_MS, DAY_MS = 60_000, 86_400_000


def _insert(database, table: str, rows):
    """Rows as dictionaries of the same columns; the others have their defaults."""
    rows = list(rows)
    names = list(rows[0])
    database.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})", [tuple(row.values()) for row in rows])


def _package(now_ms: int) -> dict:
    return {"id": PACKAGE, "sequence": 2, "version": "1.1.0", "vendor_id": bytes(16), "class_id": bytes(16), "vendor": "example.com",
            "class": "board-a", "envelope_size": 70_000, "image_size": 65_536, "device_size": 69_000, "image_digest": bytes(32),
            "device_digest": "a5" * 32, "deliver_payload": 0, "signers": bytes(32), "uploaded_at_ms": now_ms, "uploader": "admin"}


def _rollout(number: int, begun_ms: int) -> dict:
    return {"id": number, "state": "finished", "name": f"spring {number}", "package_id": PACKAGE, "vendor": "example.com", "class": "board-a",
            "version": "1.1.0", "sequence": 2, "all_devices": 1, "author": "admin", "in_flight_max": 100, "error_threshold_percent": 20,
            "error_minimum_sample": 10, "error_action": "pause", "success_threshold_percent": 80, "deployment_soak_s": 0, "group_soak_s": 0,
            "deadline_s": 0, "offer_limit_s": 300, "download_limit_s": 600, "install_limit_s": 600, "verify_limit_s": 2400,
            "group_count": len(GROUPS), "device_count": sum(size for _, size in GROUPS), "created_at_ms": begun_ms, "started_at_ms": begun_ms,
            "deadline_at_ms": 0, "ended_at_ms": begun_ms + MINUTE_MS, "reason": "all groups have succeeded"}


def _group(number: int, index: int, begun_ms: int) -> dict:
    name, size = GROUPS[index]
    others = ("pending", "offered", "downloading", "downloaded", "installing", "verifying", "failed", "rejected", "timed_out", "canceled",
              "superseded", "errors", "already", "errors_accepted", "soak_until_ms")
    return {"rollout_id": number, "group_index": index, "state": "succeeded", "name": name, "succeeded": size, "reason": "",
            "started_at_ms": begun_ms, "ended_at_ms": begun_ms + MINUTE_MS, **dict.fromkeys(others, 0)}


def _audit_rows(database, count: int, now_ms: int):
    """Each as the chain wants it (updater/store/audit.h)."""
    sequence, before = database.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone() or (0, bytes(32))
    for number in range(sequence + 1, sequence + count + 1):
        row = {"who": "admin", "what": "device.tag", "subject": f"device-{number % 1000:03d}", "before": "{}", "after": f'{{"site":"hall-{number}"}}'}
        hashed = hashlib.sha256(before + struct.pack(">QQ", number, now_ms))
        for text in row.values():
            hashed.update(struct.pack(">I", len(text)) + text.encode("ascii"))
        before = hashed.digest()
        yield {"sequence": number, "at_ms": now_ms, **row, "hash": before}


def _samples(now_ms: int):
    """A fleet of 100,000 whose devices come and go, so that no two notes are the same."""
    for number in range(1, SAMPLES_MAX):
        versions = [{"version": f"1.{minor}.0", "devices": 8333 - (number * (minor + 7)) % 613} for minor in range(VERSIONS)]
        figures = {"devices": 100_000, "registered": 90_000 - number % 97, "versions": sorted(versions, key=lambda one: -one["devices"])}
        yield {"series": 0, "at_ms": now_ms - (SAMPLES_MAX - number) * MINUTE_MS, "figures": json.dumps(figures, separators=(",", ":"))}


def give_long_past(database: str, rollouts: int, audit_rows: int):
    """In place, of a server that has run once and does not run now. Rollouts have the numbers from 1 on."""
    now_ms = int(time.time() * 1000)
    begun = {number: now_ms - DAY_MS - (rollouts - number) * MINUTE_MS for number in range(1, rollouts + 1)}
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        _insert(connection, "packages", [_package(now_ms)])
        _insert(connection, "rollouts", (_rollout(number, at) for number, at in begun.items()))
        _insert(connection, "groups", (_group(number, index, at) for number, at in begun.items() for index in range(len(GROUPS))))
        _insert(connection, "audit", _audit_rows(connection, audit_rows, now_ms))
        _insert(connection, "samples", _samples(now_ms))
