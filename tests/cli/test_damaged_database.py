"""Commands on a damaged database."""

from __future__ import annotations

import base64
import re

import pytest

from tests.support.telex_command import TelexCommand
from tests.support.wire.disks import corrupt_schema

COMMANDS = (["check"], ["feeds"], ["migrate"], ["backup", "copy.db"], ["poll"], ["run"])
TOKEN = f"{base64.b64encode(b'123456789012345678').decode()}.GstAnd.{'x' * 38}"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_damaged_database_is_explained_by_every_command(telex: TelexCommand, empty_database, command):
    path = telex.folder / "news.db"
    path.write_bytes(empty_database.read_bytes())
    corrupt_schema(path)
    telex.environment["DISCORD_TOKEN"] = TOKEN
    done = telex(*command, status=1)
    text = done.stdout + done.stderr
    words = re.sub(r"[\s│]", "", text)  # which a table breaks anywhere
    assert f"{path}isdamaged:malformeddatabaseschema(idx_" in words
    assert "restoreabackup" in words
    assert "Traceback" not in text
    assert "\x1b" not in text
