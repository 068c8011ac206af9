"""A factory's file of devices: all of it or nothing, and everything that is wrong with it by its line."""
import base64
import json
import secrets
import urllib.error
import urllib.request

import pytest
from bootstrap_device import BootstrapServer, SecureDevice, registers
from conftest import wait_until
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from wire import Wire

HEADER = "endpoint,serial,hardware,batch,identity,key,tags\n"


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def enrolled(server) -> dict:
    request = urllib.request.Request(server.http_url + "/api/v1/bootstrap?limit=500",
                                     headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {d["endpoint"]: d for d in json.load(answer)["devices"]}


def devices(server) -> dict:
    return {d["endpoint"]: d for d in server.json("device", "list")["devices"]}


def written(folder, text, name="devices.csv"):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refused(server, file, *expected):
    """Imports a file that is wrong: each complaint begins with the file's name and holds these words."""
    done = server.kedge("device", "import", file, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line.split(f"{file}", 1)[1] for line in done.stderr.splitlines()]
    assert lines[-1] == ": nothing was imported"
    assert len(lines) == len(expected) + 1, lines
    for line, (place, words) in zip(lines, expected, strict=False):
        assert line.startswith(f"{place}: ") and words in line, (line, place, words)
    assert enrolled(server) == {}


def public_key():
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def in_pem(key) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def in_base64(key) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def test_a_csv_file_brings_devices_with_all_that_is_known_of_them(server, tmp_path):
    key = secrets.token_bytes(16)
    rows = ["\ufeffendpoint, serial,hardware,batch,identity,key,public_key,certificate_name,tags",
            f'dev-1,"S ""1""",rev-a,B-7,factory-1,{key.hex()},,,place=harbour;owner=x',
            "", f"dev-2,,,,,{secrets.token_hex(32)},,,", f'dev-3,,,,,,"{in_pem(public_key())}",,',
            f"dev-4,,,,,,{in_base64(public_key())},,", "dev-5,S5,,,,,,cn-of-5,place=quay"]
    file = written(tmp_path, "\r\n".join(rows) + "\r\n")
    assert "5 devices could be imported" in server.kedge("device", "import", "--dry-run", file).stdout
    assert enrolled(server) == {} and devices(server) == {}
    assert "5 devices imported, 0 of them known before" in server.kedge("device", "import", file).stdout
    known = enrolled(server)
    assert [(d["kind"], d["identity"]) for d in known.values()][:2] == [("psk", "factory-1"), ("psk", "dev-2")]
    assert [d["kind"] for d in known.values()] == ["psk", "psk", "rpk", "rpk", "x509"]
    assert known["dev-5"]["identity"] == "cn-of-5"
    assert [known["dev-1"][name] for name in ("serial", "hardware", "batch")] == ['S "1"', "rev-a", "B-7"]
    there = devices(server)
    assert there["dev-1"]["tags"] == {"place": "harbour", "owner": "x"} and there["dev-2"]["tags"] == {}
    assert (there["dev-1"]["registered"], there["dev-1"]["hardware"], there["dev-1"]["first_seen_ms"]) == (False, "rev-a", None)
    factory = server.json("device", "show", "dev-1")["factory"]
    assert [factory[name] for name in ("serial", "batch", "kind", "identity")] == ['S "1"', "B-7", "psk", "factory-1"]
    registers(server, SecureDevice(server, "dev-1", ("factory-1", key)).bootstrap(), "dev-1")
    wait_until(lambda: devices(server)["dev-1"]["registered"], 60, "the registration")
    assert devices(server)["dev-1"]["first_seen_ms"] > 0 and devices(server)["dev-1"]["tags"]["owner"] == "x"


@pytest.mark.parametrize("shape", ["list", "object"])
def test_a_json_file_does_the_same(server, tmp_path, shape):
    key = secrets.token_bytes(16)
    items = [{"endpoint": "dev-1", "serial": "S1", "hardware": "rev-a", "batch": "B", "identity": "f1", "key": key.hex(),
              "tags": {"place": "harbour"}}, {"endpoint": "dev-2", "public_key": in_pem(public_key()), "serial": None}]
    file = written(tmp_path, json.dumps(items if shape == "list" else {"devices": items}), "devices.json")
    assert json.loads(server.kedge("--json", "device", "import", file).stdout) == {
        "imported": True, "devices": 2, "replaced": 0, "error_count": 0, "errors": []}
    assert enrolled(server)["dev-1"]["batch"] == "B" and devices(server)["dev-1"]["tags"] == {"place": "harbour"}
    SecureDevice(server, "dev-1", ("f1", key)).bootstrap()


def test_every_line_that_is_wrong_is_named_and_nothing_is_imported(server, tmp_path):
    good = secrets.token_hex(16)
    rows = [f"good,,,,,{good},", f",,,,,{good},", "no-key,,,,,,", "short,,,,,0011,", f"odd,,,,,{good}0,", f"hex,,,,,{'zz' * 16},",
            f"few,,,,{good}", f"many,,,,,{good},,", f"tags,,,,,{good},harbour", f'quote,,"a"b,,,{good},',
            f"{'e' * 129},,,,,{good},", f"serial,{'s' * 64},,,,{good},", f"esc\x1b,,,,,{good},", f"ok-too,,,,,{good},"]
    refused(server, written(tmp_path, HEADER + "\n".join(rows) + "\n"),
            (":3", "endpoint is missing"), (":4", "identity is missing"), (":5", "key must have"), (":6", "key must be hex"),
            (":7", "key must be hex"), (":8", "has 5 values"), (":9", "has 8 values"), (":10", "tags are NAME=VALUE"),
            (":11", "behind quotes"), (":12", "endpoint is too long"), (":13", "serial is too long"),
            (":14", "endpoint must have no control characters"))
    assert devices(server) == {}


def test_lines_are_counted_over_values_that_have_line_breaks(server, tmp_path):
    text = f'endpoint,key,public_key\na,,"{in_pem(public_key())}"\n\nb,00,\n'
    refused(server, written(tmp_path, text), (f":{2 + in_pem(public_key()).count(chr(10)) + 2}", "key must have"))


def test_every_device_that_is_wrong_in_json_is_named(server, tmp_path):
    good = secrets.token_hex(16)
    items = [{"endpoint": "good", "key": good}, 7, {"endpoint": "a", "key": good, "kee": "x"}, {"endpoint": "b", "key": 7},
             {"endpoint": "c", "key": good, "tags": {"x": 7}}, {"endpoint": "d", "key": good, "public_key": "no"}, {"key": good}]
    refused(server, written(tmp_path, json.dumps(items), "devices.json"),
            (": device 2", "must be an object"), (": device 3", "kee is nothing"), (": device 4", "key must be a string"),
            (": device 5", "tags must be strings"), (": device 6", "public_key does not go"), (": device 7", "endpoint is missing"))


def test_what_is_there_twice_is_named_with_the_other(server, tmp_path):
    keys = [secrets.token_hex(16) for _ in range(4)]
    text = HEADER + f"a,,,,i,{keys[0]},\nb,,,,i,{keys[1]},\na,,,,k,{keys[2]},\nc,,,,l,{keys[3]},\n"
    refused(server, written(tmp_path, text), (":4", "endpoint is that of line 2 too"), (":3", "identity is that of line 2 too"))


@pytest.mark.parametrize("text, place, words", [
    ("", ":1", "nothing in the file"), ("endpoint,key\n", ":1", "no device in the file"), ("serial,key\na,b\n", ":1", "endpoint is missing"),
    ("endpoint,kee\na,b\n", ":1", 'no column "kee"'), ("endpoint,key,key\na,b,c\n", ":1", "key is there twice"),
    ('endpoint,key\n"a,b\n', ":2", "ends within quotes"), ("endpoint,key\na\0,b\n", ":2", "has a NUL"),
    ("endpoint,key\n" + "x" * 9000 + ",b\n", ":2", "is too long"), ("[1,", ":1", "not JSON"), ("{}", ":1", "a list of objects"),
    ("[]", ": device 1", "nothing in the file"), ('{"devices": [], "more": 1}', ":1", "a list of objects")])
def test_what_is_no_such_file_is_refused(server, tmp_path, text, place, words):
    refused(server, written(tmp_path, text), (place, words))


def test_an_identity_of_another_device_is_named_and_a_device_that_is_known_is_replaced(server, tmp_path):
    first, second = secrets.token_bytes(16), secrets.token_bytes(16)
    server.kedge("device", "import", written(tmp_path, HEADER + f"a,S1,,,i,{first.hex()},x=1\n"))
    other = written(tmp_path, HEADER + f"c,,,,k,{second.hex()},\nb,,,,i,{second.hex()},\n", "other.csv")
    done = server.kedge("device", "import", other, check=False)
    assert done.returncode == 1 and f"{other}:3: identity is that of the device a" in done.stderr
    assert list(enrolled(server)) == ["a"]
    again = written(tmp_path, HEADER + f"a,S2,,,k,{second.hex()},\n", "again.csv")
    assert "1 device imported, 1 of them known before" in server.kedge("device", "import", again).stdout
    assert enrolled(server)["a"]["serial"] == "S2" and devices(server)["a"]["tags"] == {"x": "1"}
    SecureDevice(server, "a", ("k", second)).bootstrap()


def test_a_device_that_is_registered_keeps_what_it_has_said(server, tmp_path):
    wire = Wire(server)
    wire.registered("dev")
    wire.serve_until(lambda: devices(server).get("dev", {}).get("version") == "1.0.0", "the device", 60)
    server.kedge("device", "import", written(tmp_path, HEADER + f"dev,,rev-z,,,{secrets.token_hex(16)},\n"))
    assert (devices(server)["dev"]["version"], devices(server)["dev"]["hardware"]) == ("1.0.0", "rev-a")
    assert devices(server)["dev"]["registered"]


def test_20000_devices_are_imported_at_once_and_more_are_not(server, tmp_path):
    rows = [f"dev-{i:05},S{i},rev-a,B-1,,{secrets.token_hex(16)},batch=B-1" for i in range(20001)]
    refused(server, written(tmp_path, HEADER + "\n".join(rows)), (":20002", "is beyond the 20000 devices"))
    file = written(tmp_path, HEADER + "\n".join(rows[:-1]))
    assert "20000 devices imported" in server.kedge("device", "import", file, timeout=120).stdout
    server.kill()
    server.begin()
    assert "20000 of them known before" in server.kedge("device", "import", "--dry-run", file, timeout=120).stdout


def test_the_api_refuses_a_file_that_is_wrong_and_says_where(server):
    def post(query, body):
        request = urllib.request.Request(server.http_url + "/api/v1/import" + query, body, method="POST",
                                         headers={"Authorization": f"Bearer {server.token}", "Content-Type": "text/csv"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
    status, problem = post("", b"endpoint,key\na,00\n")
    assert status == 400 and "the first in line 2: key must have" in problem["detail"]
    assert post("?dry_run=maybe", b"")[0] == 400
    status, report = post("?dry_run=true", b"endpoint,key\na,00\nb,zz\n")
    assert (status, report["imported"], [e["line"] for e in report["errors"]]) == (200, False, [2, 3])
    hundred = post("?dry_run=true", b"endpoint,key\n" + b"a,00\n" * 150)[1]
    assert (len(hundred["errors"]), hundred["error_count"]) == (100, 150)


def test_no_key_of_a_file_is_in_a_log(server, tmp_path):
    key = secrets.token_hex(16)
    server.kedge("device", "import", written(tmp_path, HEADER + f"a,,,,,{key},\n"))
    server.kedge("device", "import", written(tmp_path, HEADER + f"b,,,,a,{key},\n"), check=False)
    assert key not in server.process.log + server.kedge("--json", "audit", "list").stdout
