"""scripts/bench fleet measures what it says: its rows, with few devices."""
import importlib.util

import pytest

from conftest import BUILD, ROOT


@pytest.fixture
def bench_fleet(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("bench_fleet", ROOT / "tests" / "bench" / "bench_fleet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"FLEETS": (20, 40), "SECURE_FLEETS": (10, 20), "UPDATES": 400, "HANDSHAKES": 10, "BLOCKS": 400, "SECURE_UPDATES": 20,
                        "RUNS": 1, "AT_ONCE": 10, "PUSH_SIZE": 65_536}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return module


def test_each_row_has_its_columns_and_what_was_measured_of_both(bench_fleet):
    rows = {row["name"]: row for row in bench_fleet.measure(BUILD)}
    for row in rows.values():
        assert set(row) == {"name", "value", "unit", "floor", "ratio", "target", "met", "notes"}
        assert row["met"] == (None if row["target"] is None else row["value"] <= row["target"])
        if row["floor"] and row["value"] is not None:
            assert row["ratio"] == pytest.approx(row["value"] / row["floor"])
    compared = [f"registration update, {n} registered" for n in (20, 40)] + [
        f"DTLS handshake with a pre-shared key, {n} registered" for n in (10, 20)] + [
        "block of 1 KiB served, 10 at once", "block of 1 KiB pushed, 10 at once", "complete update of 64 KiB, 20 devices"]
    for name in compared:
        assert rows[name]["value"] > 0 and rows[name]["floor"] > 0, rows[name]
    assert rows["complete updates a minute by the clock, 20 devices"]["value"] > 0
    for n in (10, 20):
        assert f"memory of a registered device with DTLS, of {n}" in rows
    updates = [rows[f"registration update, {n} registered"] for n in (20, 40)]
    growth = rows["growth of a registration update, 20 to 40 registered"]
    assert growth["value"] == pytest.approx(updates[1]["value"] / updates[0]["value"])
    assert growth["floor"] == pytest.approx(updates[1]["floor"] / updates[0]["floor"])
    assert "growth of a DTLS handshake, 10 to 20 registered" in rows


def test_complete_updates_of_larger_fleets_are_measured_when_asked_for(bench_fleet, monkeypatch):
    monkeypatch.setenv("KEDGE_BENCH_LONG", "1")
    rows = {row["name"]: row for row in bench_fleet.measure(BUILD)}
    for n in (20, 40):
        assert rows[f"complete update of 64 KiB, {n} devices"]["value"] > 0
        assert rows[f"complete updates a minute by the clock, {n} devices"]["value"] > 0
    for name in ("complete update of 64 KiB by DTLS", "complete updates a minute by DTLS by the clock"):
        assert rows[f"{name}, 20 devices"]["value"] > 0
    assert rows["growth of a complete update, 20 to 40 devices"]["value"] > 0
