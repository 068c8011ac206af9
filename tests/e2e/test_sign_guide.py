"""The worked example of docs/signing.md does what it says, command by command."""
import json
import os
import pathlib

import suit_oracle
from conftest import BUILD, ROOT, program
from document_kit import commands_of, follow

HEADING = "## A pipeline with an offline key"


def test_the_pipeline_with_an_offline_key_works_as_written(tmp_path):
    program("kedge-sign")
    section = (ROOT / "docs" / "signing.md").read_text().split(HEADING)[1].split("\n## ")[0]
    blocks = commands_of(section)
    assert len(blocks) == 4
    (tmp_path / "firmware.bin").write_bytes(b"firmware " * 9000)
    (tmp_path / "firmware.cdx.json").write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5"}))
    for name in ("alice", "bob"):
        (tmp_path / f"{name}.pin").write_text(f"{name}'s secret\n")
    environment = {**os.environ, "CI_KEY_PIN": "from the build system", "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"}
    follow("".join(blocks), tmp_path, environment)

    keys = [suit_oracle.load_public(tmp_path / f"{name}.pub.pem") for name in ("ci", "alice", "bob")]
    package = suit_oracle.check((tmp_path / "board-a-1.4.0.suit").read_bytes(), keys)
    assert package.signed_by == keys[:2] and list(package.attachments) == ["#sbom"]
    for ledger in ("ci.pem.ledger", "offline.ledger"):
        assert len((tmp_path / ledger).read_text().splitlines()) == 1
    assert not [file for file in pathlib.Path(tmp_path).iterdir() if file.name.startswith(".")]
