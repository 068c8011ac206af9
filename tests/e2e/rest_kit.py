"""The REST API of a server, asked by Python's own HTTP client, so that nothing here rests on ours."""
import json
import pathlib
import urllib.error
import urllib.request


def call(server, method, path, body=None, token=None):
    """One request of the REST API: its status and its JSON."""
    headers = {"Authorization": f"Bearer {token or server.token}"}
    if isinstance(body, (bytes, bytearray)):
        headers["Content-Type"] = "application/octet-stream"
    elif body is not None:
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(server.http_url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            data = response.read()
            return response.status, json.loads(data) if data else None
    except urllib.error.HTTPError as error:
        data = error.read()
        return error.code, json.loads(data) if data else None


def trust(server, keys, name="release"):
    return call(server, "POST", "/api/v1/trust", {"name": name, "pem": keys.public.read_text()})


def upload(server, package):
    return call(server, "POST", "/api/v1/packages", package.read_bytes())


def listing(server, what):
    status, body = call(server, "GET", f"/api/v1/{what}?limit=500")
    assert status == 200
    return body[what]


def files_below(folder: pathlib.Path):
    """The files of packages, by their names."""
    return sorted(f.name for sub in ("packages", "fw") if (folder / sub).exists() for f in (folder / sub).iterdir())


def uploads_below(folder: pathlib.Path):
    """What is being received; it goes a moment after the answer."""
    return sorted(f.name for f in (folder / "uploads").iterdir())
