"""A refusal of a new rollout names the field at fault, whoever finds it: the API, the store's side or the engine."""
import pytest

from conftest import make_package
from test_api import V1, curl, json_body  # noqa: F401 (a fixture)
from test_dashboard_browser import fleet_of, trusted

HALF = {"groups": [{"percent": 20}, {"percent": 20}]}
FAULTS = [("windows", {"windows": ["Mon 22:00-25:00"]}), ("gate_windows", {"gate_windows": ["never"]}),
          ("package_id", {"package_id": "0" * 64}), ("revert_package_id", {"revert_package_id": "0" * 64}),
          ("revert_package_id", {"policy": {"error_action": "roll_back"}}), ("groups", HALF),
          ("intermediate_package_ids", {"intermediate_package_ids": ["0" * 64]}),
          ("filter", {"all_devices": False, "filter": 'endpoint == "nobody"'}),
          ("devices", {"all_devices": False, "devices": ["nobody"]}),
          ("dynamic", {"all_devices": False, "devices": ["edge-1"], "dynamic": True}),
          ("start_at", {"start_at": "2020-01-01T00:00:00Z"}), ("download_in_window", {"download_in_window": True}),
          ("policy.offers_per_minute_max", {"policy": {"offers_per_minute_max": 5}})]


@pytest.fixture
def asked(server, device, keys, tmp_path, curl):
    """asked(route, changes): what the route answers to a good body with these changes."""
    trusted(server, keys)
    fleet_of(server, device, keys, tmp_path, 2)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    good = {"name": "spring", "package_id": package["id"], "all_devices": True}
    return lambda route, changes: curl("POST", f"{V1}/{route}", *json_body({**good, **changes}))


def test_each_is_named(asked):
    for field, changes in FAULTS:
        for route in ("rollouts/plan", "rollouts"):
            answer = asked(route, changes)
            assert answer.status >= 400 and answer.json.get("field") == field, (route, field, answer.body)
    assert asked("rollouts", {}).status == 201
