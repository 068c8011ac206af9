"""The OpenAPI document is the truth: held to the table of routes, to the fields in the code and, by requests that are
generated from it, to what a running server takes and answers. Its roles: test_roles.py."""
import copy
import http.client
import json
import re
import socket
import sys
import urllib.parse

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from conftest import CLASS, ROOT, VENDOR, make_package, program, wait_until
from rest_kit import call
from test_api import register

sys.path.insert(0, str(ROOT / "tools"))
import api_reference

DOCUMENT = json.loads((ROOT / "updater/api/openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
ROUTES_C = (ROOT / "updater/api/routes.c").read_text()
PARAMETERS = DOCUMENT["components"]["parameters"]
METHODS = ("get", "post", "patch", "put", "delete")
OPERATIONS = [(method, path, operation) for path, item in DOCUMENT["paths"].items()
              for method, operation in item.items() if method in METHODS]
for _, _, _operation in OPERATIONS:
    _operation["parameters"] = [PARAMETERS[p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p
                                for p in _operation.get("parameters", [])]
NAMES = [f"{method.upper()} {path}" for method, path, _ in OPERATIONS]
EXAMPLES = 10  # of each route: all of them in about 20 seconds


def served() -> dict[tuple[str, str], tuple[str, str]]:
    """What routes.c serves: by method and pattern, the names of its query and its rights."""
    rows = re.findall(r'\{"(\w+)",\s*(V1 )?"([^"]+)",\s*(?:(PAGE)\s*)?("[^"]*")?,\s*BODY_\w+,\s*([\w| ]+),', ROUTES_C)
    return {(method, ("/api/v1" if v1 else "") + path): ((("limit cursor " if page else "") + (query or '""').strip('"')),
                                                         rights) for method, v1, path, page, query, rights in rows}


def pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_the_document_has_the_routes_that_are_served_with_their_queries():
    rows = served()
    assert len(rows) == ROUTES_C.count('{"GET"') + sum(ROUTES_C.count('{"%s"' % m) for m in ("POST", "PATCH", "PUT", "DELETE"))
    documented = {(method.upper(), pattern(path)): {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
                  for method, path, operation in OPERATIONS}
    assert documented == {route: set(query.split()) for route, (query, _) in rows.items()}
    assert len({operation["operationId"] for _, _, operation in OPERATIONS}) == len(OPERATIONS)


def test_a_parameter_without_a_value_is_refused(server):
    """Taken for absent, "?dry_run" would do what it is to try, and "?filter" mean everything."""
    for method, path, operation in OPERATIONS:
        for name in [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]:
            status, problem = call(server, method.upper(), f"{re.sub('{.*?}', '1', path)}?{name}")
            assert (status, problem["code"], problem["field"]) == (400, "argument", name), (method, path, problem)


def examples(schema: dict):
    """The examples within, each with the schema that it is one of."""
    if isinstance(schema, dict):
        for one in schema.get("examples", []) if isinstance(schema.get("examples"), list) else []:
            yield schema, one
        for key, part in schema.items():
            if key != "examples":
                yield from examples(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from examples(part)


def test_every_example_fits_what_it_is_one_of():
    found = list(examples(DOCUMENT))
    assert len(found) > 100
    for schema, one in found:
        wrong = complaint(closed(schema), one)
        assert wrong is None, (schema, one, wrong)


def test_every_example_of_the_reference_fits_its_record():
    made = api_reference.Reference(DOCUMENT)
    for name, schema in CLOSED.items():
        example = made.example(name, schema)
        assert complaint(schema, example) is None, (name, complaint(schema, example), example)
    for method, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None:
                example = made.example("", schema)
                assert complaint(closed(schema), example) is None, (method, path, status, example)


def test_every_field_and_every_parameter_is_described():
    for name, schema in SCHEMAS.items():
        for path, _, part, _ in api_reference.Reference(DOCUMENT).rows(schema):
            assert "description" in part or name == "Counts", (name, path)
    for method, path, operation in OPERATIONS:
        for parameter in operation["parameters"]:
            assert parameter.get("description"), (method, path, parameter)


def names_within(schema) -> set[str]:
    found = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            found |= names_within(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= names_within(value)
    return found


def test_every_field_that_a_body_may_have_is_in_the_document():
    code = "".join(file.read_text() for file in sorted((ROOT / "updater/api").glob("*.[ch]")))
    fields = set(re.findall(r'\.name = "(\w+)",\s*\\?\s*\.kind = FIELD', code))
    asked = names_within([operation.get("requestBody") for _, _, operation in OPERATIONS])
    asked |= names_within([SCHEMAS[name] for name in SCHEMAS if name.endswith("Ask") or name == "Operation"])
    assert len(fields) > 30 and fields <= asked, fields - asked


def test_the_numbers_of_a_policy_have_the_bounds_that_the_rollouts_have():
    header = (ROOT / "updater/rollout/rollout.h").read_text()
    numbers = {name: int(value) for name, value in re.findall(r"#define (KEDGE_\w+) (\d+)u", header)}
    told = {name: (int(least), numbers.get(most) or int(most)) for name, least, most in
            re.findall(r"^    FIELD\((\w+), (\d+), (\w+)\),", (ROOT / "updater/rollout/states.c").read_text(), re.MULTILINE)}
    assert len(told) > 20
    for schema in ("Policy", "PolicyAsk"):
        documented = {name: (part["minimum"], part["maximum"]) for name, part in SCHEMAS[schema]["properties"].items()
                      if part["type"] == "integer" and name != "max_defer_s"}
        assert documented == told, schema


def test_the_document_is_well_formed_and_every_reference_leads_somewhere():
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    used = set(re.findall(r'"#/components/(\w+/\w+)"', (ROOT / "updater/api/openapi.json").read_text()))
    there = {f"{kind}/{name}" for kind, things in DOCUMENT["components"].items() for name in things}
    assert used | {"securitySchemes/token"} == there
    for method, path, operation in OPERATIONS:
        within = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert within == set(re.findall(r"\{(\w+)\}", path)), (method, path)


# ---- requests that are generated ----

def resolve(schema: dict) -> dict:
    return SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


class World:
    """A server with one of each thing, and what of it requests may name."""

    def __init__(self, server, keys, folder):
        self.server, self.port = server, int(server.http_url.rsplit(":", 1)[1])
        server.kedge("trust", "add", "--name", "release", keys.public)
        for name in ("Schiff ä/ü", "船"):
            register(server, name)
        wait_until(lambda: len(server.json("device", "list", "--class", CLASS)["devices"]) == 3, what="the swarm")
        fleet = [device["endpoint"] for device in server.json("device", "list", "--class", CLASS)["devices"]]
        self.package_file = make_package(folder, keys, "1.1.0", 2)
        package = server.json("package", "upload", self.package_file)
        self.spare_file = make_package(folder, keys, "1.2.0", 3)
        spare = server.json("package", "upload", self.spare_file)
        server.kedge("token", "create", "spare", "--role", "viewer")
        self.known = {"package_id": [package["id"]], "id": [package["id"], spare["id"]], "sha256": [package["device_digest"]],
                      "endpoint": [*fleet, "Schiff ä/ü", "船"], "name": ["spare"], "rollout": [1, 2],
                      "pem": [keys.public.read_text()], "filter": ['tag("site") = "north"'], "path": ["/3/0/0"],
                      "file": ["main.js", "icon.svg"]}
        self.seen: set[tuple[str, str, int]] = set()

    def ask(self, method, target, body, content_type, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method.upper(), target, body, {"Authorization": f"Bearer {self.server.token}",
                                                          **({"Content-Type": content_type} if content_type else {}), **dict(headers)})
        answer = connection.getresponse()
        stream = (answer.getheader("Content-Type") or "").startswith("text/event-stream")
        content = b"" if stream else answer.read()
        connection.close()
        return answer.status, answer.getheader("Content-Type"), content, {k.lower() for k, _ in answer.getheaders()}


TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40)


def values(schema: dict, world: World, name: str = "") -> st.SearchStrategy:
    """Values that fit the schema; where the world has such a thing, that one too."""
    schema = resolve(schema)
    known = [st.sampled_from(world.known[name])] if name in world.known else []
    if "enum" in schema:
        return st.sampled_from([value for value in schema["enum"] if value is not None])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.none() | values({**schema, "type": kind[0]}, world, name)
    if kind == "string":
        if "pattern" in schema:
            return st.one_of(*known, st.from_regex(schema["pattern"], fullmatch=True))
        least, most = schema.get("minLength", 0), schema.get("maxLength", 80)
        return st.one_of(*known, st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=least,
                                         max_size=max(least, min(most, least + 20))))
    if kind == "integer":
        return st.one_of(*known, st.integers(schema.get("minimum", -5), min(schema.get("maximum", 1 << 40), 1 << 40)))
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        least = schema.get("minItems", 0)
        return st.lists(values(schema["items"], world, name), min_size=least, max_size=least + 2,
                        unique_by=json.dumps if schema.get("uniqueItems") else None)
    if kind == "object":
        parts = {key: values(part, world, key) for key, part in schema.get("properties", {}).items()}
        required = schema.get("required", [])
        fixed = st.fixed_dictionaries({key: parts[key] for key in required},
                                      optional={key: part for key, part in parts.items() if key not in required})
        more = schema.get("additionalProperties")
        return fixed if not isinstance(more, dict) else st.dictionaries(TEXT.filter(bool), values(more, world), max_size=3)
    return st.one_of(st.integers(-9, 9), TEXT, st.booleans())


WRONG = st.one_of(st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT,
                  st.just([]), st.just({}), st.just([[[[{}]]]]), st.just("x" * 5000))


@st.composite
def spoilt(draw, body):
    """The body with one thing in it that was taken out, put in or made something else."""
    body = copy.deepcopy(draw(body))
    place = body
    while isinstance(place, dict) and place:
        key = draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(WRONG)
        break
    if draw(st.integers(0, 3)) == 0:
        place[draw(TEXT)] = draw(WRONG)
    return body


def closed(schema):
    """As a test reads it: a member that the document does not have must not be there."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


CLOSED = {name: closed(schema) for name, schema in SCHEMAS.items()}


def complaint(schema: dict, value, schemas=CLOSED) -> str | None:
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator({**schema, "components": {"schemas": schemas}}).iter_errors(value))
    return None if error is None else f"{list(error.absolute_path)}: {error.message}"


def codes_of(response: dict) -> list[str]:
    return DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]["x-kedge-codes"]


def check_answer(method, path, operation, got):
    status, content_type, content, headers = got
    assert str(status) in operation["responses"], (method, path, status, content[:500])
    response = operation["responses"][str(status)]
    if "$ref" in response:
        assert json.loads(content)["code"] in codes_of(response), (method, path, status, content[:500])
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    needed = {name.lower() for name, header in response.get("headers", {}).items() if header.get("required", True)}
    assert needed <= headers, (method, path, status, headers)
    if "content" not in response:
        assert content == b"", (method, path, status, content)
        return
    kinds = set(response["content"])
    assert kinds & {content_type, content_type.partition(";")[0], "*/*"}, (method, path, status, content_type)
    if content_type.endswith("json"):
        value = json.loads(content)
        wrong = complaint(closed(response["content"][content_type]["schema"]), value)
        assert wrong is None, (method, path, status, wrong, content[:1000])
        assert status < 400 or "status" not in value or value["status"] in (status, "not_ready")


def target_of(path: str, operation: dict, world: World, draw) -> str:
    target, query = path, []
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        strategy = values(parameter["schema"], world, "rollout" if "/rollouts/" in path and name == "id" else name)
        if parameter["in"] == "path":
            strategy = st.one_of(strategy, st.sampled_from(["..", "%2e%2e", "a\r\nb: c", "💥", "x" * 300]))
            target = target.replace("{%s}" % name, urllib.parse.quote(str(draw(strategy)), safe=""))
        elif parameter["in"] == "query" and draw(st.booleans()):
            strategy = st.one_of(strategy, st.sampled_from(["", "-1", "ä", "99999999999999999999"]))
            query.append((name, str(draw(strategy))))
    if draw(st.integers(0, 15)) == 0:
        query.append((draw(st.sampled_from(["unknown", "limit", ""])), "1"))
    return target + ("?" + urllib.parse.urlencode(query) if query else "")


def send_json(method, path, operation, world, draw):
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    good = values(schema, world)
    body = draw(st.one_of(good, good, spoilt(good)))
    target = target_of(path, operation, world, draw)
    if path.endswith("/operations") and isinstance(body, dict):
        target = f"/api/v1/devices/nobody-{draw(st.integers(0, 9))}/operations"  # who would be waited for
    got = world.ask(method, target, json.dumps(body).encode(), "application/json")
    fits = complaint(schema, body, SCHEMAS) is None
    assert fits or got[0] >= 400, (method, path, body, "is none by the document, and was taken")
    assert not (fits and b"is no field of this request" in got[2]), (method, path, body, got[2])
    return got


def send(method, path, operation, world, draw):
    content = operation.get("requestBody", {}).get("content", {})
    if next(iter(content), None) == "application/json":
        if draw(st.integers(0, 9)) > 0:
            return send_json(method, path, operation, world, draw)
        junk = draw(st.sampled_from([b"{", b"[]", b"nul", b"\xff\xfe{}", b'{"a":1,"a":2}', b'"' + b"x" * 2_000_000 + b'"',
                                     b"[" * 50000, b'{"a":' * 50000, b'{"name":"\\ud800"}', b"1e999999", "{}".encode("utf-16")]))
        got = world.ask(method, target_of(path, operation, world, draw), junk, "application/json")
        assert got[0] >= 400, (method, path, junk[:40], got)
        return got
    body = None
    if content:
        body = draw(st.one_of(st.binary(max_size=200), st.just(world.package_file.read_bytes())))
    return world.ask(method, target_of(path, operation, world, draw), body, next(iter(content), None))


# What only a device that answers, a file of devices or a browser brings about: test_device_operations.py, ...
ELSEWHERE = {("get", "/", 200), ("get", "/", 304), ("get", "/assets/{file}", 200), ("get", "/assets/{file}", 304),
             ("post", "/api/v1/devices/{endpoint}/operations", 200), ("post", "/api/v1/import", 200),
             ("get", "/fw/{sha256}", 206), ("get", "/fw/{sha256}", 304), ("get", "/healthz", 503),
             *(("get", f"/api/v1/packages/{{id}}/{name}", status) for name in ("sbom", "prov", "notes") for status in (200, 304)),
             ("post", "/api/v1/session", 201), ("delete", "/api/v1/session", 204),
             ("post", "/api/v1/undelivered/{id}/again", 204),  # test_webhooks.py
             ("post", "/api/v1/rollouts/{id}/approve", 200), ("post", "/api/v1/rollouts/{id}/roll-back", 200),
             ("post", "/api/v1/rollouts/{id}/retry", 201), ("post", "/api/v1/rollouts/{id}/close", 200)}


@pytest.fixture
def world(server, start, keys, tmp_path) -> World:
    start(program("kedge-swarm"), "--server", server.coap_uri, "--devices", "3", "--vendor", VENDOR, "--class", CLASS,
          "--version", "1.0.0")
    return World(server, keys, tmp_path)


def course_of_a_rollout(world: World) -> list[tuple[str, str, dict, object]]:
    """Requests that are all done as asked, in this order."""
    V1 = "/api/v1"
    package, spare = world.known["id"]
    key = world.server.json("trust", "list")["trust"][0]["id"] if world.server.json("trust", "list")["trust"] else ""
    rollout = {"name": "spring", "package_id": package, "devices": world.known["endpoint"][:1],
               "policy": {"deployment_soak_s": 3600}}  # so that it does not end before it is paused and aborted
    one = {"id": "1"}
    return [
        ("post", f"{V1}/rollouts/plan", {}, {"package_id": package, "all_devices": True}),
        ("post", f"{V1}/rollouts", {}, rollout),
        *[("post", f"{V1}/rollouts/{{id}}/{step}", one, {}) for step in ("start", "pause", "resume", "abort")],
        ("post", f"{V1}/webhooks", {}, {"name": "ci", "url": "http://127.0.0.1:9/", "secret": "x" * 16}),
        ("delete", f"{V1}/webhooks/{{name}}", {"name": "ci"}, None),
        ("delete", f"{V1}/trust/{{id}}", {"id": key}, None),
        ("post", f"{V1}/trust", {}, {"name": "release", "pem": world.known["pem"][0]}),
        ("post", f"{V1}/classes", {}, {"class": "board-a", "success": "both"}),
        ("delete", f"{V1}/classes/{{name}}", {"name": "board-a"}, None),
        ("post", f"{V1}/credentials", {}, {"credentials": [{"endpoint": "e", "identity": "i", "key": "00" * 16}]}),
        ("get", f"{V1}/credentials", {}, None),
        ("delete", f"{V1}/credentials/{{endpoint}}", {"endpoint": "e"}, None),
        ("post", f"{V1}/bootstrap", {}, {"devices": [{"endpoint": "e", "identity": "i", "key": "00" * 16, "serial": "7"}]}),
        ("get", f"{V1}/bootstrap", {}, None),
        ("delete", f"{V1}/bootstrap/{{endpoint}}", {"endpoint": "e"}, None),
        ("patch", f"{V1}/devices/{{endpoint}}", {"endpoint": "船"}, {"tags": {"site": "北", "gone": None}}),
        *[("get", f"{V1}/devices/{{endpoint}}{part}", {"endpoint": "船"}, None) for part in ("", "/deployments", "/history")],
        ("post", f"{V1}/tokens", {}, {"name": "made", "role": "viewer", "lifetime_s": 60}),
        ("delete", f"{V1}/tokens/{{name}}", {"name": "made"}, None),
        ("get", f"{V1}/packages/{{id}}", {"id": spare}, None),
        ("get", f"{V1}/packages/{{id}}/attachments", {"id": spare}, None),
        ("delete", f"{V1}/packages/{{id}}", {"id": spare}, None),
        ("post", f"{V1}/packages", {}, world.spare_file.read_bytes()),
        ("post", f"{V1}/packages", {}, world.spare_file.read_bytes()),
        ("get", "/fw/{sha256}", {"sha256": world.known["sha256"][0]}, None),
    ] + [("get", f"{V1}/rollouts/{{id}}{part}", one, None) for part in ("", "/groups", "/deployments", "/samples", "/history")]


def send_examples(world: World):
    """What stands in the reference as a request's body is well understood by the server."""
    made = api_reference.Reference(DOCUMENT)
    for method, path, operation in OPERATIONS:
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is not None and path != "/api/v1/session":
            target = path.replace("{id}", "999999").replace("{endpoint}", "nobody")
            got = world.ask(method, target, json.dumps(made.example("", schema)).encode(), "application/json")
            check_answer(method, path, operation, got)
            assert got[0] != 400, (method, path, got)


def send_course(world: World):
    for method, path, parameters, body in course_of_a_rollout(world):
        operation = DOCUMENT["paths"].get(path, {}).get(method)
        if operation is None:
            continue
        target = path
        for name, value in parameters.items():
            target = target.replace("{%s}" % name, urllib.parse.quote(value, safe=""))
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        got = world.ask(method, target, content, None)
        check_answer(method, path, operation, got)
        world.seen.add((method, path, got[0]))


def test_generated_requests_are_answered_as_the_document_says(world):
    send_course(world)
    send_examples(world)
    for method, path, operation in OPERATIONS:
        @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck))
        @given(st.data())
        def one_route(data):
            got = send(method, path, operation, world, data.draw)
            check_answer(method, path, operation, got)
            world.seen.add((method, path, got[0]))
        one_route()
    send_course(world)
    good = {(method, path, int(status)) for method, path, operation in OPERATIONS
            for status in operation["responses"] if int(status) < 400 or "$ref" not in operation["responses"][status]}
    assert good - world.seen - ELSEWHERE == set()
    assert world.server.json("token", "show")["name"] == "admin"  # it is well
    assert "Sanitizer" not in world.server.process.log
