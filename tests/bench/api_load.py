"""What people and programs may send to the API that is no use to anybody: for the bench and a test.

Each kind is a class over one server: made, it holds what it holds; run() sends until it is told to
end, and returns how many answers of each status came back.
"""
import collections
import json
import socket
import time

V1 = "/api/v1"
NESTING = 20_000
IDLE = 1_000
SLOW = 100
STREAMS = 20
SENDERS = 8


def bodies(broken):
    """A request to make a rollout with a body that no rollout can have."""
    def make(token):
        return [f"POST {V1}/rollouts HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\nContent-Type: "
                f"application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in broken]
    return make


def paths(names):
    def make(token):
        return [f"GET {name} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\r\n".encode() for name in names]
    return make


REQUESTS = {
    "broken JSON": bodies([b'{"name":', b'{"name":"a",}', b"\xff\xfe{}", b"[" * 50 + b"{", b'{"a":1}}', b"nul", b'{"name":"\\ud800"}']),
    "wrong types": bodies([json.dumps(one).encode() for one in
                           ([], 7, "text", None, {"name": []}, {"name": 7, "package_id": {}}, {"name": "a", "policy": []},
                            {"name": "a", "package_id": "0" * 64, "endpoints": [{}]}, {"name": "a", "all_devices": "yes"})]),
    "huge numbers": bodies([b'{"name":"a","package_id":"%s","all_devices":true,"policy":{"in_flight_max":%s}}' % (b"0" * 64, number)
                            for number in (b"9" * 4000, b"1e400", b"-1", b"18446744073709551616", b"1e-400", b"4294967296")]),
    "deep nesting": bodies([b"[" * NESTING, b'{"a":' * NESTING, b"[" * NESTING + b"]" * NESTING]),
    "path traversal": paths(["/fw/../admin.token", "/fw/%2e%2e%2fadmin.token", "/../../etc/passwd", f"{V1}/devices/../../kedged.db/x",
                             "/fw/" + "../" * 300 + "etc/passwd", "/assets/..%2f..%2fkedged.db", f"{V1}/rollouts/%00", "/fw/" + "a" * 64]),
}


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(60)
    return connection


def read_answer(stream):
    """The status of one answer, whose body is read to its end."""
    line = stream.readline()
    if not line:
        return None
    size = 0
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    stream.read(size)
    return int(line.split()[1])


class Requests:
    """The requests of a kind, one after the other on each of a few connections."""

    def __init__(self, port, token, kind):
        self.port, self.requests = port, REQUESTS[kind](token)
        self.connections = [connect(port) for _ in range(SENDERS)]
        self.streams = [connection.makefile("rb") for connection in self.connections]

    def run(self, going_on):
        """Once at least: who has the lowest priority may have its first turn when all is over."""
        statuses = collections.Counter()
        turn = 0
        while turn == 0 or going_on():
            for i, connection in enumerate(self.connections):
                connection.sendall(self.requests[(turn + i) % len(self.requests)])
            turn += 1
            for i in range(SENDERS):
                status = read_answer(self.streams[i])
                statuses[status] += 1
                if status is None or status == 413:  # the server has closed it
                    self.replace(i)
        return statuses

    def replace(self, i):
        self.streams[i].close()
        self.connections[i].close()
        self.connections[i] = connect(self.port)
        self.streams[i] = self.connections[i].makefile("rb")

    def close(self):
        for one in self.streams + self.connections:
            one.close()


class Held:
    """Connections on which little or nothing happens."""

    def __init__(self, port, count, begin=b"", dribble=b""):
        self.connections = [connect(port) for _ in range(count)]
        self.dribble = dribble
        for connection in self.connections:
            connection.sendall(begin)

    def run(self, going_on):
        while going_on():
            if self.dribble:
                for connection in self.connections:
                    try:
                        connection.sendall(self.dribble)
                    except OSError:
                        pass  # the server has lost its patience, as it may
            time.sleep(0.1)
        return collections.Counter()

    def close(self):
        for connection in self.connections:
            connection.close()


def make(port, token, kind):
    """The load of that kind, with what it holds open."""
    authorization = f"Host: here\r\nAuthorization: Bearer {token}\r\n"
    held = {
        "idle connections": (IDLE,),
        "slow headers": (SLOW, b"GET /healthz HTTP/1.1\r\nX-Slow: ", b"a"),
        "slow bodies": (SLOW, f"POST {V1}/rollouts HTTP/1.1\r\n{authorization}Content-Type: application/json\r\n"
                              "Content-Length: 100000\r\n\r\n".encode(), b" "),
        "event streams": (STREAMS, f"GET {V1}/events HTTP/1.1\r\n{authorization}\r\n".encode()),
    }
    return Held(port, *held[kind]) if kind in held else Requests(port, token, kind)


KINDS = (*REQUESTS, "idle connections", "slow headers", "slow bodies", "event streams")
