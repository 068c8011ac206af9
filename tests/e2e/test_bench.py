"""scripts/bench measures what it says: its rows, on sizes that take no time."""
import importlib.util
import subprocess

import pytest
from conftest import BUILD, ROOT

COLUMNS = {"name", "value", "unit", "floor", "ratio", "target", "met", "notes"}


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "bench" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench_sign(monkeypatch, tmp_path):
    module = load("bench_sign")
    monkeypatch.setattr(module, "SIZES_MIB", (1, 2))
    monkeypatch.setattr(module, "TARGET_FROM_MIB", 2)
    monkeypatch.setattr(module, "RUNS", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return module


def test_each_row_has_its_columns_and_a_ratio_to_the_floor_of_the_same_run(bench_sign, tmp_path):
    rows = list(bench_sign.measure(BUILD))
    assert all(set(row) == COLUMNS for row in rows)
    by_name = {row["name"]: row for row in rows}
    for name in ("sign create 2 MiB", "sign verify 2 MiB"):
        row = by_name[name]
        assert row["value"] > 0 and row["ratio"] == row["value"] / row["floor"]
        assert row["met"] is (row["ratio"] <= row["target"]) and row["target"] == 1.15
    assert by_name["sign create 1 MiB"]["target"] is None and by_name["sign create 1 MiB"]["met"] is None
    assert by_name["openssl dgst -sign 2 MiB (no copy, no fsync)"]["value"] > 0
    assert any(name.startswith("rauc bundle") for name in by_name)
    assert all((row["met"] is None) is (row["target"] is None) for row in rows)
    assert by_name["sign create, peak memory, flat in the size"]["met"] is True
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_the_agents_rows_stand_beside_a_bare_program_and_the_clients_of_its_libraries(monkeypatch, tmp_path):
    bench = load("bench_agent")
    monkeypatch.setattr(bench, "IMAGE_SIZE", 1 << 20)
    monkeypatch.setattr(bench, "RUNS", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = list(bench.measure(BUILD))
    assert all(set(row) == COLUMNS for row in rows)
    by_name = {row["name"]: row for row in rows}
    for name, target in (("agent, anonymous memory at rest", 2048), ("agent, anonymous memory at work by CoAP", 4096),
                         ("agent, anonymous memory at work by HTTP", 4096)):
        row = by_name[name]
        # An agent at rest is about what its libraries are.
        assert 0 < row["floor"] < 2 * row["value"] and row["target"] == target and row["met"] is (row["value"] <= target)
    for scheme in ("CoAP", "HTTP"):
        assert by_name[f"agent, 1 MiB by {scheme}"]["value"] > 0 and by_name[f"agent, 1 MiB by {scheme}"]["floor"] > 0
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_bootstraps_stand_beside_a_bare_server_that_sends_the_same(monkeypatch, tmp_path):
    bench = load("bench_bootstrap")
    # So many that what a busy machine adds to either is little beside them.
    for name, value in {"DEVICES": 50, "BOOTSTRAPS": 250, "WINDOWS": (4, 20), "MEMORY_MAX_KIB": 10_000}.items():
        monkeypatch.setattr(bench, name, value)
    monkeypatch.setattr(bench.fleet, "RUNS", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = list(bench.measure(BUILD))
    assert all(set(row) == COLUMNS for row in rows)
    for row, window in zip(rows[:2], (4, 20), strict=True):
        assert row["name"].endswith(f", {window} at once") and 0 < row["floor"] < row["value"]
    assert rows[2]["value"] >= 0 and rows[2]["met"] is True
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_the_dashboards_first_page_is_measured_with_and_without_a_fleet(monkeypatch):
    bench = load("bench_dashboard")
    if bench.missing():
        pytest.skip(bench.missing())
    for name, value in (("DEVICES", 40), ("ROLLOUTS", 60), ("AUDIT_ROWS", 120), ("RUNS", 1)):
        monkeypatch.setattr(bench, name, value)
    rows = list(bench.measure(BUILD))
    assert [row["unit"] for row in rows] == ["ms"] * 15 and all(row["value"] > 0 and row["floor"] > 0 for row in rows)
    assert all(row["target"] == 1000 for row in rows)


def test_a_bench_that_does_not_exist_is_a_usage_error(tmp_path):
    done = subprocess.run([ROOT / "scripts" / "bench", "nothing", "--json", tmp_path / "x"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "nothing" in done.stderr and not (tmp_path / "x").exists()


def test_without_a_build_it_says_how_to_make_one(tmp_path):
    done = subprocess.run([ROOT / "scripts" / "bench", "fleet", "--build", tmp_path], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (f"bench: nothing is built in {tmp_path}: "
                           "cmake --preset release && cmake --build --preset release\n")


def test_a_rollout_is_measured_step_by_step(monkeypatch, tmp_path):
    bench = load("bench_rollout")
    for name, value in {"DEVICES": 3000, "IN_FLIGHT": 1500}.items():
        monkeypatch.setattr(bench, name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = list(bench.measure(BUILD))
    assert all(set(row) == COLUMNS for row in rows)
    by_name = {row["name"]: row for row in rows}
    for name in ("creating a rollout over 3000 devices, until it is durable", "status counts of 3000 deployments",
                 "a report with 1500 in flight, its group judged", "database, for each deployment with its history",
                 "last success that was needed to the first offer of the next group, 1500 devices"):
        assert by_name[name]["value"] > 0 and by_name[name]["floor"] > 0, name
        assert by_name[name]["ratio"] == by_name[name]["value"] / by_name[name]["floor"]
    steps = [row for row in rows if row["name"].startswith("longest step, ")]
    assert len(steps) == 4 and all(row["value"] > 0 and row["target"] == bench.STALL_MS for row in steps)
    for what in ("each device", "each deployment as it is created"):
        assert 50 < by_name[f"database, for {what}"]["value"] < 1000, "a row is there, and is no page"
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_a_devices_updates_are_measured_beside_each_kind_of_load_and_idle(monkeypatch, tmp_path):
    bench = load("bench_api")
    monkeypatch.setattr(bench, "UPDATES", 50)
    monkeypatch.setattr(bench, "TURNS", 1)
    monkeypatch.setattr(bench.api_load, "KINDS", ("broken JSON", "slow headers"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = list(bench.measure(BUILD))
    assert [row["name"].removeprefix("p99 of an update beside ") for row in rows] == [
        "broken JSON", "slow headers", "all of it at once"]
    assert all(set(row) == COLUMNS and row["value"] > 0 and row["floor"] > 0 and row["target"] == 2 for row in rows)
    assert all(row["met"] is (row["ratio"] <= 2) for row in rows)
    assert int(rows[0]["notes"][0].split("; ")[1].split()[0]) > 0, "the load was refused, not left out"
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"
