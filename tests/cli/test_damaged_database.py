"""A database that is damaged is said to be, in a sentence, by every command."""

from __future__ import annotations

import base64
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.test_commands import Telex

COMMANDS = (["check"], ["feeds"], ["migrate"], ["backup", "copy.db"], ["poll"], ["run"])
TOKEN = f"{base64.b64encode(b'123456789012345678').decode()}.GstAnd.{'x' * 38}"


@pytest.fixture
def telex(tmp_path, launcher) -> Telex:
    return Telex(tmp_path, launcher)


def spoil_schema(path: Path) -> None:
    """Let the name of an index be bytes that are no UTF-8, and what it is made with no SQL."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = CAST(x'6964785fe9ff1b' AS TEXT), sql = 'CREATE INDEX ?' "
            "WHERE name = (SELECT max(name) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL)"
        )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_message_that_is_no_utf8_is_a_sentence_all_the_same(telex: Telex, empty_database, command):
    path = telex.folder / "news.db"
    path.write_bytes(empty_database.read_bytes())
    spoil_schema(path)
    telex.environment["DISCORD_TOKEN"] = TOKEN
    done = telex(*command, status=1)
    text = done.stdout + done.stderr
    words = re.sub(r"[\s│]", "", text)  # which a table breaks anywhere
    assert f"{path}isdamaged:malformeddatabaseschema(idx_" in words
    assert "restoreabackup" in words
    assert "Traceback" not in text
    assert "\x1b" not in text
