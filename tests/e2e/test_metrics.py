"""What /metrics says: in Prometheus's format by its own check, as documented, and true."""
import json
import re
import subprocess

import pytest
from bootstrap_device import BootstrapServer
from conftest import ROOT, VENDOR, Server, make_package, run, wait_until
from test_swarm import swarm  # noqa: F401 (a fixture)

LINE = re.compile(r'(?P<name>[a-z][a-z0-9_]*)(?:\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+)\})? (?P<value>[0-9.e+-]+|\+Inf)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')


class Metrics:
    """A scrape, read by nothing of Kedge's."""

    def __init__(self, server: Server):
        done = run("curl", "--silent", "--fail", "--noproxy", "*", "--header", f"Authorization: Bearer {server.token}",
                   server.http_url + "/metrics")
        assert done.returncode == 0, done.stderr
        self.text, self.types, self.samples = done.stdout, {}, {}
        name = None
        for line in self.text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                assert name not in self.types, f"{name} twice"
            elif line.startswith("# TYPE "):
                assert line.split()[2] == name
                self.types[name] = line.split()[3]
            else:
                at = LINE.fullmatch(line)
                assert at and at["name"].startswith(name), line
                labels = tuple(sorted(LABEL.findall(at["labels"] or "")))
                assert (at["name"], labels) not in self.samples, line
                self.samples[at["name"], labels] = float(at["value"])

    def __call__(self, name: str, **labels) -> float:
        """The sum of the samples of the name that have these labels."""
        return sum(value for (other, all_labels), value in self.samples.items()
                   if other == name and set(labels.items()) <= set(all_labels))


def whole(server: Server) -> Metrics:
    """A scrape with what the network threads say, which is left out of one that they have no time for."""
    def look():
        seen = Metrics(server)
        bootstraps = "kedge_bootstrap_sessions" in seen.types
        return seen if seen("kedge_network_answers") == 1 and bootstraps == isinstance(server, BootstrapServer) else None
    return wait_until(look, 60, "the network threads to answer")


def documented() -> dict[str, str]:
    return dict(re.findall(r"^\| `([a-z][a-z0-9_]+)` \| (counter|gauge|histogram) \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))


@pytest.fixture
def fleet(server, swarm):  # noqa: F811
    return swarm(server.coap_uri, 10, "--linger", 600)


@pytest.fixture
def busy(server, fleet, keys, tmp_path) -> Server:
    """One whose rollout over ten devices has finished."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))["id"]
    wait_until(lambda: Metrics(server)("kedge_lwm2m_registrations") == 10, 60, "the devices")
    wait_until(lambda: len([d for d in server.json("device", "list")["devices"] if d["version"]]) == 10, 60, "their versions")
    server.kedge("rollout", "create", "--name", "spring", "--package", package, "--all", "--soak", "0", "--group", "50%", "--group", "rest", "--start")
    wait_until(lambda: server.json("rollout", "show", "1")["state"] == "finished", 120, "the rollout")
    wait_until(lambda: Metrics(server)("kedge_devices", version="1.1.0", registered="true") == 10, 60, "their new versions")
    return server


def test_what_a_rollout_did_is_in_the_figures(busy, fleet):
    wait_until(lambda: Metrics(busy)("kedge_devices", version="1.1.0", registered="true") == 10, 60, "what the devices run")
    wait_until(lambda: Metrics(busy)("kedge_lwm2m_jobs") == 0, 60, "the jobs to end")
    metrics = whole(busy)
    assert metrics("kedge_devices", version="1.1.0", registered="true") == metrics("kedge_devices", vendor=VENDOR) == 10
    assert metrics("kedge_rollouts", state="finished") == metrics("kedge_rollouts") == 1
    assert metrics("kedge_deployments", state="succeeded") == metrics("kedge_deployments") == 10
    assert metrics("kedge_gate_decisions_total", decision="passed") == metrics("kedge_gate_decisions_total") == 2
    assert metrics("kedge_lwm2m_registers_total") == fleet.end()["registers"] >= 20, "each restarted once"
    assert metrics("kedge_lwm2m_jobs") == 0 and metrics("kedge_network_answers") == 1
    for direction in ("received", "sent"):
        datagrams, size = (metrics(f"kedge_coap_{direction}_{what}_total", network="devices") for what in ("datagrams", "bytes"))
        assert datagrams > 100 and 4 * datagrams < size < 1500 * datagrams
    assert metrics("kedge_store_failures_total") == 0
    assert metrics("kedge_store_commit_duration_seconds_count") > 10
    assert 0 < metrics("kedge_store_commit_duration_seconds_sum") < 600
    assert metrics("process_cpu_seconds_total") > 0 and metrics("process_resident_memory_bytes") > 1 << 20


def test_requests_are_counted_by_route_and_status(server):
    token = f"Authorization: Bearer {server.token}"

    def ask(path, *options):
        return run("curl", "--silent", "--noproxy", "*", *options, server.http_url + path)
    for _ in range(3):
        ask("/api/v1/devices", "--header", token)
    ask("/api/v1/devices/%22evil%0A", "--header", token)
    ask("/no/such", "--header", token)
    ask("/metrics")
    metrics = Metrics(server)
    assert metrics("kedge_http_requests_total", method="GET", route="/api/v1/devices", code="200") == 3
    assert metrics("kedge_http_requests_total", route="/api/v1/devices/{}", code="404") == 1
    assert metrics("kedge_http_requests_total", route="", code="404") == 1
    assert metrics("kedge_http_requests_total", route="/metrics", code="401") == 1
    assert metrics("kedge_http_request_duration_seconds_count", route="/api/v1/devices") == 3
    assert metrics("kedge_http_request_duration_seconds_bucket", route="/api/v1/devices", le="+Inf") == 3
    assert "evil" not in metrics.text, "names from outside are no labels here"


def test_bytes_that_went_out_by_http_are_counted(server, keys, tmp_path):
    server.kedge("trust", "add", "--name", "release", keys.public)
    file = make_package(tmp_path, keys, "1.1.0", 2)
    package = server.json("package", "upload", file)
    done = run("curl", "--silent", "--fail", "--noproxy", "*", "--output", tmp_path / "got", f"{server.http_url}/fw/{package['device_digest']}")
    assert done.returncode == 0
    size = (tmp_path / "got").stat().st_size
    wait_until(lambda: Metrics(server)("kedge_http_downloaded_bytes_total") == size, 60, "the bytes")


def test_each_family_is_documented_with_its_type_and_none_is_missing(busy, start, tmp_path):
    seen = whole(busy).types
    assert seen.items() <= documented().items()
    assert seen | whole(BootstrapServer(start, tmp_path / "bootstrapping")).types == documented()


def test_promtool_finds_nothing_to_complain_of(busy):
    promtool = ROOT / "build" / "tools" / "promtool"
    if not promtool.exists():
        pytest.skip("promtool is not there: scripts/setup could not fetch it")
    done = subprocess.run([promtool, "check", "metrics"], input=Metrics(busy).text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_panel_of_the_grafana_dashboard_asks_for_what_is_there():
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text())
    names = {name for name, kind in documented().items() if kind != "histogram"} | {
        name + suffix for name, kind in documented().items() if kind == "histogram" for suffix in ("_bucket", "_sum", "_count")}
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(asked) > 10
    for expression in asked:
        used = set(re.findall(r"\b(?:kedge|process)_[a-z0-9_]+", expression))
        assert used and used <= names, expression
