"""What the tests named after OMA's enabler tests share: a registration, and what an operator asks."""
import json
import threading

import cbor2
from lwm2m_client import leaves, look, operate, slashed
from lwm2m_peer import CONTENT_FORMAT, LINK, LOCATION_PATH, POST, uint

REGISTERED = ["ep=client", "lt=300", "b=U"]


def joins(wire, *queries, links=b"</1/0>,</3/0>,</5/0>"):
    answer = wire.ask(POST, "rd", [*queries], [(CONTENT_FORMAT, uint(LINK))], links)
    return answer.code_text, "/".join(part.decode() for part in answer.all(LOCATION_PATH))


def shown(server):
    return json.loads(server.kedge("--json", "device", "show", "client", check=False).stdout or "{}")


def read(server, path, **more):
    status, answer = operate(server, {"operation": "read", "path": path, **more})
    assert status == 200
    return answer


def write(server, path, value):
    assert operate(server, {"operation": "write", "path": path, "values": [{"path": path, "value": value}]})[1]["code"] == "2.04"


def observe(server, count, **body):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(operate(server, {"count": count, "timeout_s": 60, **body})))
    asking.start()

    def result():
        asking.join(90)
        return answers[0][1]
    return result


def composite(objects, *paths):
    """What a device says of these paths, in SenML CBOR; what it does not have is left out."""
    leaf = [(ids, value) for path in paths if (there := look(path, objects)) is not None
            for ids, value in leaves(tuple(int(p) for p in path.split("/") if p), there)]
    return cbor2.dumps([{0: slashed(ids), 3 if isinstance(value, str) else 2: value} for ids, value in leaf])
