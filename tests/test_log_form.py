"""Log messages have one form: the event in lower case, then `key=value` pairs."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.support.source_trees import parse_module

ROOT = Path(__file__).resolve().parent.parent
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
FORM = re.compile(r"[a-z][a-z -]*[a-z](?:[;:] [a-z ,-]+)?(?: [a-z_]+=\S+)*")
LOGGERS = {"log", "_log", "logger"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


@cache
def list_log_messages() -> list[tuple[str, str]]:
    """List the position and the message of each log call."""
    messages = []
    for path in sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]):
        for node in ast.walk(parse_module(path)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=logger), attr=level),
                    args=[ast.Constant(value=str(message)), *_],
                ) if logger in LOGGERS and level in LEVELS and message != "%s":  # of `log_unless_reported`
                    messages.append((f"{path.relative_to(ROOT)}:{node.lineno}", message))
    return messages


def test_every_message_is_event_with_key_value_pairs():
    assert [(place, message) for place, message in list_log_messages() if not FORM.fullmatch(message)] == []


def test_keys_of_ids_end_with_id():
    keys = {key for _place, message in list_log_messages() for key in re.findall(r" ([a-z_]+)=", message)}
    assert {"channel_id", "feed_id", "server_id"} <= keys
    assert not keys & {"article", "channel", "dispatch", "feed", "guild", "guild_id", "message", "server", "user"}


def test_documented_events_exist():
    (section,) = re.findall(r"^## The log\n(.+)", OPERATING, re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    documented = {event for cell in cells for event in re.findall(r"`([^`]+)`", cell)}
    events = {re.split(r"[;:] | [a-z_]+=", message)[0] for _place, message in list_log_messages()}
    assert documented
    assert documented <= events
