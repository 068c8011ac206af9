"""docs/howto.md: its commands are run as they stand there, but for ports, folders and the hours of a window."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, Keys, Server, free_port, make_package, program, run, wait_until
from document_kit import commands_of, follow
from test_proxies import NGINX, nginx  # noqa: F401 (a fixture)
from test_tls import Authority

TEXT = (ROOT / "docs" / "howto.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


class Recipe:
    """One section, a server of its own and a folder in which its commands are run."""

    def __init__(self, start, folder: pathlib.Path, heading: str):
        self.start, self.folder, self.section = start, folder, SECTIONS[heading]
        self.place = folder / "var"
        self.place.mkdir()
        self.server = Server(start, self.place / "kedge")
        self.environment = {**os.environ, "PATH": f"{folder / 'bin'}:{BUILD / 'bin'}:{os.environ['PATH']}",
                            "KEDGE_SERVER": self.server.http_url, "KEDGE_TOKEN_FILE": str(self.server.token_file)}
        self.changes = [("/var/lib", str(self.place)), ("http://127.0.0.1:8080", self.server.http_url),
                        ("127.0.0.1:8080", self.server.http_url.removeprefix("http://")),
                        ("127.0.0.1:5684", f"127.0.0.1:{free_port()}"), ("0.0.0.0:5684", f"127.0.0.1:{free_port()}")]

    def blocks(self, kind: str = "sh") -> list[str]:
        found = commands_of(self.section, kind)
        for old, new in self.changes:
            found = [block.replace(old, new) for block in found]
        return found

    def sh(self, *blocks: str) -> str:
        """All of them in one shell, so that what one sets another one has. By default all that the section has."""
        return follow("".join(blocks or self.blocks()), self.folder, self.environment)

    def release(self, *versions: str):
        """Packages of these versions on the server, by a key that it trusts, and what they were made from."""
        keys = Keys(self.folder)
        self.server.kedge("trust", "add", "--name", "release", keys.public)
        for name in ("firmware", "firmware-1.3.0"):
            (self.folder / f"{name}.bin").write_bytes(os.urandom(3000))
        for version in versions:
            self.server.kedge("package", "upload", make_package(self.folder, keys, version, int(version.split(".")[1]) + 6,
                                                                os.urandom(3000)))

    def swarm(self, count: int, *extra):
        self.start(program("kedge-swarm"), "--server", self.server.coap_uri, "--devices", str(count), "--vendor", "example.com",
                   "--class", "board-a", "--version", "1.3.0", "--prefix", "edge-", "--reboot-time", "0.2", "--linger", "3600", *extra)
        wait_until(lambda: len(self.server.json("device", "list", "--filter", "version == 1.3.0")["devices"]) == count,
                   what="the devices")


@pytest.fixture
def begin(start, tmp_path):
    """begin(heading) makes what a section needs."""
    return lambda heading: Recipe(start, tmp_path, heading)


def test_every_task_has_a_test_and_stands_in_the_list():
    assert list(SECTIONS) == re.findall(r' = begin\("(.*)"\)$', pathlib.Path(__file__).read_text(), re.MULTILINE)
    listed = re.findall(r"\]\(#([\w-]+)\)", TEXT.split("\n## ")[0])
    assert listed == [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in SECTIONS]
    assert "(docs/howto.md)" in (ROOT / "README.md").read_text()


def test_a_service(begin, tmp_path):
    recipe = begin("Run `kedged` as a service")
    recipe.changes.append(("/etc/kedged", str(tmp_path / "etc")))
    recipe.changes.append((str(recipe.place / "kedge"), str(tmp_path / "another")))
    recipe.sh()
    text = (ROOT / "updater" / "service" / "kedged.service").read_text()
    assert recipe.section.count("updater/service/kedged.service") == 2 and "/etc/kedged/kedged.conf" in text
    # What the unit runs is what was installed, and its page is there.
    prefix, = re.findall(r"^cmake --install \S+ --prefix (\S+)$", recipe.section, re.MULTILINE)
    assert set(re.findall(r"=(\S+/kedged) ", text)) == {f"{prefix}/bin/kedged"}
    page, = re.findall(r"^Documentation=man:(\w+)\((\d)\)$", text, re.MULTILINE)
    assert (BUILD / "man" / f"man{page[1]}" / "{}.{}".format(*page)).exists()
    if shutil.which("systemd-analyze") is None:
        return  # the unit alone cannot be judged
    unit = tmp_path / "kedged.service"
    unit.write_text(text.replace("/usr/bin/kedged", program("kedged")).replace("User=kedge\n", ""))
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and "kedged" not in done.stderr, done.stderr


def test_a_token(begin, tmp_path):
    recipe = begin("Sign a release by a key on a token")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    recipe.environment |= {"SOFTHSM2_CONF": str(tmp_path / "softhsm.conf"), "TOKEN_PIN": "4711-correct"}
    (tmp_path / "firmware.bin").write_bytes(os.urandom(3000))
    recipe.sh("softhsm2-util --init-token --free --label release --pin 4711-correct --so-pin 12345678\n", *recipe.blocks())
    assert [one["version"] for one in recipe.server.json("package", "list")["packages"]] == ["1.4.0"]
    assert len((tmp_path / "releases.ledger").read_text().splitlines()) == 1


def test_enrolling(begin):
    recipe = begin("Enrol devices")
    assert {f"edge-{n}" for n in (2, 3, 4)} <= set(recipe.sh().split())


def test_a_factory(begin):
    recipe = begin("Enrol the devices of a factory")
    told = recipe.sh()
    assert told.count("urn:dev:0001") == 2 and "factory-0002" in told and "SN-4712" in told


def test_steps(begin):
    recipe = begin("Roll out in steps, at night")
    recipe.release("1.4.0")
    recipe.swarm(20)
    recipe.changes += [("Mon-Fri 22:00-04:00 Europe/Berlin", "daily 00:00-24:00 Europe/Berlin"), ("--group-soak 10m", "--group-soak 0")]
    told = recipe.sh()
    assert "canary" in told and "early" in told and "finished" in told
    assert "Mon-Fri 22:00-04:00 Europe/Berlin" in recipe.section


def test_pausing(begin):
    recipe = begin("Pause, read why, and go on")
    recipe.release("1.4.0")
    recipe.swarm(20, "--fail-rate", "0.4", "--seed", "1")
    told = recipe.sh()
    assert "it has stopped" in told and "failed" in told
    assert recipe.server.json("rollout", "show", "2")["name"] == "retry of 1.4.0"


def test_rolling_back(begin):
    recipe = begin("Roll back")
    recipe.release("1.4.0")
    recipe.swarm(8)
    recipe.sh()
    wait_until(lambda: len(recipe.server.json("device", "list", "--filter", "version == 1.3.1")["devices"]) == 8,
               what="the records of the devices")


def test_approving(begin):
    recipe = begin("Have a second person approve")
    recipe.release("1.4.0")
    recipe.swarm(8)
    told = recipe.sh()
    assert "not by its author" in told and "finished" in told
    assert recipe.server.json("rollout", "show", "1")["approver"] == "bob"


def test_the_signing_key(begin):
    recipe = begin("Change the key that signs releases")
    recipe.release("1.4.0")
    told = recipe.sh()
    assert "release 2027" in told
    assert [key["name"] for key in recipe.server.json("trust", "list")["trust"]] == ["release 2027"]
    assert "1.5.0" in recipe.server.kedge("package", "list").stdout


def test_the_key_of_a_device(begin):
    recipe = begin("Replace the key of a device, or lose the device")
    assert recipe.sh().count("edge-1") >= 3


def test_posting(begin, start, tmp_path):
    recipe = begin("Post what happens to a program of one's own")
    recipe.release("1.4.0")
    recipe.swarm(4)
    write, tell = recipe.blocks()
    recipe.sh(write)
    port = free_port(socket.SOCK_STREAM)
    with open(tmp_path / "received", "w", encoding="utf-8") as received:
        receiver = subprocess.Popen([sys.executable, "receiver.py", str(port)], cwd=tmp_path, stdout=received)
    try:
        recipe.sh(tell.replace("127.0.0.1:9000", f"127.0.0.1:{port}"))
        wait_until(lambda: "rollout 1 running -> finished" in (tmp_path / "received").read_text(), what="what was posted")
    finally:
        receiver.terminate()
        receiver.wait(30)


def test_watching(begin, tmp_path):
    recipe = begin("Watch the server with Prometheus and Grafana")
    recipe.swarm(3)
    wait_until(lambda: "kedge_devices{" in recipe.sh("rm -f prometheus.token; kedge token revoke prometheus || true\n",
                                                     *recipe.blocks()), what="the devices in the figures")
    promtool = shutil.which("promtool") or ROOT / "build" / "tools" / "promtool"
    if pathlib.Path(promtool).exists():
        assert run(promtool, "check", "config", tmp_path / "prometheus.yml").returncode == 0


def test_a_proxy(begin, nginx, tmp_path):  # noqa: F811
    recipe = begin("Serve HTTPS behind a proxy")
    recipe.release("1.4.0")
    (tmp_path / "package-1.4.0-10.suit").rename(tmp_path / "board-a-1.4.0.suit")
    recipe.swarm(3)
    authority = Authority(tmp_path)
    certificate, key = authority.issue("proxy")
    locations, = recipe.blocks("nginx")
    url = nginx(f"ssl_certificate {certificate}; ssl_certificate_key {key}; {locations}", tls=True)
    authority.root.rename(tmp_path / "ca.pem")
    recipe.changes.append(("https://fleet.example", url))
    told = recipe.sh()
    assert "edge-" in told and "1.4.0" in told


SYSTEMCTL = """#!/bin/sh -eu
case $1 in
stop) kill {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done ;;
start) : >{started} ;;
esac
"""


def as_a_service(recipe, again):
    """What `systemctl` does to the server: it stops it, and asks for another one, which `again` starts when it is asked."""
    (recipe.folder / "bin").mkdir()
    started = recipe.folder / "started"
    tool = recipe.folder / "bin" / "systemctl"
    tool.write_text(SYSTEMCTL.format(pid=recipe.server.process.process.pid, started=started))
    tool.chmod(0o755)
    shell = subprocess.Popen(["sh", "-eux"], stdin=subprocess.PIPE, text=True, cwd=recipe.folder, env=recipe.environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shell.stdin.write("".join(recipe.blocks()))
    shell.stdin.close()
    # The server's end must be seen by its parent, which this test is.
    wait_until(lambda: recipe.server.process.process.poll() is not None or shell.poll() is not None, what="the stop")
    wait_until(lambda: started.exists() or shell.poll() is not None, what="the start")
    if started.exists():
        again()
    told = shell.stdout.read()
    assert shell.wait(120) == 0, told
    return told


def test_a_backup(begin):
    recipe = begin("Back up and restore the server")
    recipe.release("1.4.0")
    (recipe.folder / "edge-9.psk").write_text("00112233445566778899aabbccddeeff\n")
    recipe.server.kedge("device", "enroll", "--psk-file", recipe.folder / "edge-9.psk", "edge-9")
    told = as_a_service(recipe, recipe.server.begin)
    assert "the audit log is whole" in told
    assert (recipe.place / "kedge.lost" / "kedged.db").exists()
    assert [one["version"] for one in recipe.server.json("package", "list")["packages"]] == ["1.4.0"]
    package, = recipe.server.json("package", "list")["packages"]
    assert run("curl", "--fail", "--silent", "--output", recipe.folder / "downloaded",
               f"{recipe.server.http_url}/fw/{package['device_digest']}").returncode == 0
    assert [one["endpoint"] for one in recipe.server.json("device", "enrolled")["credentials"]] == ["edge-9"]


def test_upgrading(begin):
    recipe = begin("Upgrade `kedged`")
    recipe.release("1.4.0")
    told = as_a_service(recipe, recipe.server.begin)
    assert "the audit log is whole" in told and (recipe.folder / "before-the-upgrade.db").exists()


def test_the_audit_log(begin):
    recipe = begin("Prove that the audit log is whole")
    assert recipe.sh().count("the audit log is whole") == 3
    (recipe.folder / "heads.txt").write_text("1:" + "0" * 64 + "\n")
    done = recipe.server.kedge("audit", "verify", "--head", (recipe.folder / "heads.txt").read_text().strip(), check=False)
    assert done.returncode == 1
