"""What the body of a request says that it is: taken, or refused with what to say instead, before anything of it is."""
import gzip
import json
import re
import shlex

import pytest

from conftest import make_package
from test_api import V1, curl, file_body, json_body  # noqa: F401 (a fixture)
from test_api_load import Stored
from test_openapi import OPERATIONS, codes_of, complaint, DOCUMENT

WITH_BODY = [(method.upper(), path, list(operation["requestBody"]["content"])) for method, path, operation in OPERATIONS
             if "requestBody" in operation]
KEY = {"name": "release"}  # a trusted key, but for its PEM


def target(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def refused(answer, code: str, field: str) -> str:
    """Holds the answer to the document; what it says to people."""
    assert answer.status == 415, answer.body
    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert complaint(DOCUMENT["components"]["schemas"]["Problem"], problem) is None
    assert (problem["code"], problem["field"]) == (code, field)
    assert code in codes_of({"$ref": "#/components/responses/Problem415"})
    return problem["detail"]


def test_every_route_with_a_body_takes_what_the_document_says_and_nothing_else(server, curl, tmp_path):
    before, file = Stored(server), tmp_path / "body"
    file.write_text("{}")
    assert len(WITH_BODY) > 20
    for method, path, kinds in WITH_BODY:
        for wrong in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json5",
                      "application/merge-patch+json", "application", "*/*"):
            answer = curl(method, target(path), *file_body(file, wrong))
            detail = refused(answer, "media_type", "Content-Type")
            assert answer.headers["accept"].split(", ") == kinds and "accept-encoding" not in answer.headers, (method, path)
            assert wrong in detail and f"-H 'Content-Type: {kinds[0]}'" in detail
        for coding in ("gzip", "identity, gzip", "br"):
            answer = curl(method, target(path), *file_body(file, kinds[0]), "--header", f"Content-Encoding: {coding}")
            assert coding in refused(answer, "content_encoding", "Content-Encoding")
            assert answer.headers["accept-encoding"] == "identity" and "accept" not in answer.headers, (method, path)
    before.assert_unchanged()
    for method, path, kinds in WITH_BODY:
        for kind in kinds:
            for said in (kind, f"{kind.title()};charset=utf-8", f"{kind} ; charset=utf-8"):
                answer = curl(method, target(path), *file_body(file, said), "--header", "Content-Encoding: Identity")
                assert answer.status != 415, (method, path, said, answer.body)
        assert curl(method, target(path), *file_body(file)[2:], "--header", "Content-Type:").status != 415


def test_each_of_several_lines_counts(curl, tmp_path):
    file = tmp_path / "body"
    file.write_text("{}")
    kind, form = "Content-Type: application/json", "Content-Type: text/html"
    for lines in ((kind, form), (form, kind)):
        answer = curl("POST", f"{V1}/trust", "--data-binary", f"@{file}", *[word for line in lines for word in ("--header", line)])
        refused(answer, "media_type", "Content-Type")
    codings = ("--header", "Content-Encoding: identity", "--header", "Content-Encoding: gzip")
    for order in (codings, codings[2:] + codings[:2]):
        refused(curl("POST", f"{V1}/trust", *file_body(file, "application/json"), *order), "content_encoding", "Content-Encoding")


def test_who_uses_curl_is_told_what_helps(server, curl, keys):
    """`curl -d` calls all that it sends a form."""
    body = json.dumps({**KEY, "pem": keys.public.read_text()})
    detail = refused(curl("POST", f"{V1}/trust", "-d", body), "media_type", "Content-Type")
    assert server.json("trust", "list")["trust"] == []
    said = re.search(r"curl: (-H '[^']+')", detail).group(1)
    assert curl("POST", f"{V1}/trust", *shlex.split(said), "-d", body).status == 201


def test_a_compressed_body_is_refused_and_nothing_of_it_is_kept(server, curl, keys, tmp_path):
    curl("POST", f"{V1}/trust", *json_body({**KEY, "pem": keys.public.read_text()}))
    package = make_package(tmp_path, keys, "1.1.0", 2)
    before, packed = Stored(server), tmp_path / "packed"
    packed.write_bytes(gzip.compress(package.read_bytes()))
    for more in ([], ["--header", "Transfer-Encoding: chunked"], ["--header", "Expect: 100-continue"]):
        answer = curl("POST", f"{V1}/packages", *file_body(packed), "--header", "Content-Encoding: gzip", *more)
        refused(answer, "content_encoding", "Content-Encoding")
    before.assert_unchanged()
    assert not list((server.data / "uploads").iterdir())
    assert curl("POST", f"{V1}/packages", *file_body(package)).status == 201
    counted = [line for line in curl("GET", "/metrics").body.splitlines() if line.startswith("kedge_http_requests_total{")
               and 'method="POST"' in line and f'route="{V1}/packages"' in line and 'code="415"' in line]
    assert [line.rsplit(" ", 1)[1] for line in counted] == ["3"]


@pytest.mark.parametrize("options", [["-d", ""], ["--header", "Content-Type: text/html"]], ids=["empty form", "no body"])
def test_what_is_empty_is_of_no_kind(curl, options):
    assert curl("POST", f"{V1}/rollouts/1/start", *options).status == 404
    assert curl("GET", f"{V1}/rollouts", "--header", "Content-Type: text/html").status == 200


def test_who_may_not_ask_is_not_told_what_to_send(curl):
    assert curl("POST", f"{V1}/trust", "-d", "{}", token=None).status == 401
