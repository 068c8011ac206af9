#!/usr/bin/python3
"""Whether every include goes down or stays in its room: usage: check_includes.py [FOLDER]

Rooms are folders; each lists the rooms that it may know (docs/architecture.md). The public headers
in include/kedge/ are everybody's who may know core, but in core each module has its own list.
"""
import pathlib
import re
import sys

MAY_KNOW = {
    "core/base": [],
    "core/cbor": ["core/base"],
    "core/crypto": ["core/base", "core/cbor"],
    "core/payload": ["core/base", "core/crypto"],
    "core/suit": ["core/base", "core/cbor", "core/crypto", "core/payload"],
    "core/coap": ["core/base"],
    "core/lwm2m": ["core/base", "core/cbor"],
    "core/boot": ["core/base", "core/cbor", "core/crypto", "core/payload", "core/suit"],
    "signer/cli": ["core"],
    "signer/files": ["core", "signer/cli"],
    "signer/keys": ["core", "signer/cli", "signer/files"],
    "signer/ledger": ["core", "signer/cli", "signer/files", "signer/keys"],
    "signer/package": ["core", "signer/cli", "signer/files", "signer/keys"],
    "signer/commands": ["core", "signer/cli", "signer/files", "signer/keys", "signer/ledger",
                        "signer/package"],
    "signer": ["core", "signer"],  # main() and what stands beside it
    "updater/metrics": ["core"],
    "updater/pace": ["core"],
    "updater/net": ["core", "updater/pace"],
    "updater/lwm2m": ["core", "updater/net", "updater/pace"],
    "updater/rollout": ["core"],
    "updater/store": ["core", "updater/metrics", "updater/rollout"],
    "updater/web": ["core"],
    "updater/api": ["core", "updater/metrics", "updater/pace", "updater/web", "updater/store", "updater/rollout"],
    "updater/cli": ["core", "updater/rollout", "updater/store"],  # the chain of the audit log
    "updater/kedged": ["core", "updater/metrics", "updater/pace", "updater/net", "updater/lwm2m", "updater/rollout", "updater/store", "updater/api"],
    "agent/port": ["core"],
    "agent/fetch": ["core"],
    "agent/install": ["core"],
    "agent/local": ["core"],
    "agent/client": ["core", "agent/port", "agent/fetch", "agent/install", "agent/local"],
    "agent/boot": ["core", "agent/port"],
    "agent/main": ["core", "agent/port", "agent/fetch", "agent/install", "agent/local", "agent/client"],
    "tests/swarm": ["core"],
}
# Which module of core a public header belongs to, where the name does not say it.
HEADER_OF = {"package": "core/suit", "processor": "core/suit", "stream": "core/suit", "lwm2m_records": "core/lwm2m",
             "lwm2m_operation": "core/lwm2m", "selector": "core/boot"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.MULTILINE)


def room_of(path: str) -> str | None:
    """The room that a file of ours is in; None for a system's header."""
    parts = path.split("/")
    if parts[0] == "kedge" and len(parts) == 2:
        module = parts[1].removesuffix(".h")
        return HEADER_OF.get(module, f"core/{module}")
    if parts[0] == "include":
        return room_of("/".join(parts[1:]))
    if parts[0] not in ("core", "signer", "updater", "agent", "tests"):
        return None
    return parts[0] if len(parts) == 2 else "/".join(parts[:2])


def complaints(root: pathlib.Path) -> list[str]:
    """One line for each include that goes up, sideways or by a relative path."""
    found = []
    for top in ("include", "core", "signer", "updater", "agent", "tests/swarm"):
        for file in sorted((root / top).rglob("*.[ch]")):
            name = file.relative_to(root).as_posix()
            room = room_of(name)
            if room not in MAY_KNOW:
                found.append(f"{name}: the room {room} is not in the list of rooms")
                continue
            for header in INCLUDE.findall(file.read_text()):
                other = room_of(header)
                if header.startswith("."):
                    found.append(f"{name}: {header} is a relative path")
                elif other is not None and other != room and not any(
                        other == known or other.startswith(known + "/") for known in MAY_KNOW[room]):
                    found.append(f"{name}: {room} may not know {other} ({header})")
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if len(sys.argv) < 2:
        root = root.parents[2]
    found = complaints(root)
    print("\n".join(found) or "every include goes down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
