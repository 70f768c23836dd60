"""The log: masked secrets, escaped text, formats and levels."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.client import logs
from bot.client.logs import JsonFormatter, RedactingFormatter
from bot.core.configuration.settings import Settings
from bot.polling.intake import Intake
from bot.store import StoreError
from bot.store.sources.polls import Polls
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_button_custom_id, get_last_reply, open_feed_card, read_reply_text
from tests.support.leaks import SECRETS, record_leaks
from tests.support.scenario import list_posted_texts, make_three_rss_items, run_why

FORMAT = "%(levelname)s %(name)s: %(message)s"
ADDRESSES = (
    "https://me:hunter2@news.example/feed",
    "http://news.example/feed?token=0123456789abcdef",
    "https://news.example/private/s3cr3tt0ken99/feed",
)


def format_record(message: str, *arguments: object, error: Exception | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("bot", logging.INFO, "x.py", 1, message, arguments, exc_info)
    return RedactingFormatter(FORMAT).format(record)


@check_cases("url", ADDRESSES)
def test_url_secrets_are_masked_in_messages_and_tracebacks(url):
    try:
        int(f"{url!r} (<{url}>)")
    except ValueError as error:
        log_text = format_record("asked %s", url, error=error)
    assert "Traceback" in log_text
    assert "news.example" in log_text or "***" in log_text
    assert not any(secret in log_text for secret in SECRETS)


@given(st.text())
def test_logged_text_has_no_line_breaks_or_control_characters(text):
    log_text = format_record("%s", text + "\n2026 ERROR bot: the server is on fire\r\x1b[2J\u2028\x85")
    assert len(log_text.splitlines()) == 1
    assert not any((character < " " and character != "\t") or "\x7f" <= character <= "\x9f" for character in log_text)


@given(st.text())
def test_json_event_is_one_line_without_secrets(text):
    try:
        int(f"{text}?\n{ADDRESSES[0]}")
    except ValueError:
        record = logging.LogRecord(
            "bot.x", logging.ERROR, "x.py", 1, "asked %s\n%s", (ADDRESSES[1], text), sys.exc_info()
        )
    log_line = JsonFormatter().format(record)
    assert log_line.isascii()
    assert len(log_line.splitlines()) == 1
    event = json.loads(log_line)
    assert event.keys() == {"time", "level", "logger", "message", "traceback"}
    assert (event["level"], event["logger"]) == ("error", "bot.x")
    assert event["message"].startswith("asked http")
    assert "ValueError" in event["traceback"]
    assert not any(secret in log_line for secret in SECRETS)


def test_log_format_is_a_setting(monkeypatch):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    try:
        logs.configure_logging(Settings(log_level="debug", log_format="json"))
        logging.getLogger("bot").info("started %d", 1)
        assert json.loads(stderr.getvalue())["message"] == "started 1"
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


class LateInteraction(Exception):
    code = 10062  # an interaction that Discord knows no more


@pytest.mark.parametrize("level", ["info", "debug"])
def test_library_loggers_do_not_log_payloads(monkeypatch, level):
    root = logging.getLogger()
    tree = "discord.app_commands.tree"
    names = ("discord", "discord.client", "discord.state", "discord.gateway", tree, "aiosqlite", "asyncio")
    levels_before = {name: logging.getLogger(name).level for name in names}
    handlers, root_level = root.handlers[:], root.level
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    try:
        logs.configure_logging(Settings(log_level=level))
        logging.getLogger("aiosqlite").debug("executing %s", "INSERT … hunter2")
        logging.getLogger("discord.gateway").debug("event hunter2")
        logging.getLogger("discord.http").debug("POST hunter2")
        logging.getLogger("bot").info("started")
        assert "started" in stderr.getvalue()
        assert "hunter2" not in stderr.getvalue()
        logging.getLogger(tree).error("words that come too late", exc_info=LateInteraction())
        logging.getLogger(tree).error("no words", exc_info=ValueError())
        assert ("too late" in stderr.getvalue()) is (level == "debug")
        assert "no words" in stderr.getvalue()
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        for name, previous_level in levels_before.items():
            logging.getLogger(name).setLevel(previous_level)
            logging.getLogger(name).filters.clear()


def test_leak_recorder_detects_secret():
    with record_leaks() as recorder:
        logging.getLogger("bot.any").debug("the password is hunter2")
        leaks = list(recorder.leaks)
        recorder.leaks.clear()
    assert leaks
    for handler in logging.getLogger("bot").handlers:
        getattr(handler, "leaks", []).clear()


async def test_secret_of_feed_url_is_masked_in_every_failure(telex, feed_server, monkeypatch):
    """Secrets in the log are checked at the end of every test."""
    url = feed_server.serve("/private/s3cr3tt0ken99/rss", make_rss(*make_three_rss_items(), title=""))
    url = url.replace("http://", "http://me:hunter2@") + "?token=0123456789abcdef"
    shown_texts: list[str] = []
    preview = await telex.run_as_editor("feed add", url=url)
    shown_texts.append(read_reply_text(preview))
    confirmation = await telex.editor.click(
        get_last_reply(preview), custom_id=get_button_custom_id(get_last_reply(preview), "Follow")
    )
    shown_texts.append(read_reply_text(confirmation))
    ((subscription, feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert all(secret in feed.url for secret in SECRETS)

    async def fail_to_write(*_: object, **__: object) -> None:
        raise StoreError("cannot write")

    async def fail_to_parse(*_: object, **__: object) -> None:
        raise ValueError(feed.url)

    async def answer_with_password(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, reason="me:*** again")

    for failure in (
        {"status": 500},
        {"status": 404},
        {"status": 401},
        {"body": "<html></html>"},
        {"body": b"<rss><channel>", "headers": {"Content-Encoding": "gzip"}},
        {"status": 301, "headers": {"Location": "/private/s3cr3tt0ken99/rss?token=0123456789abcdef"}},
        {"status": 301, "headers": {"Location": "file:///hunter2"}},
        {"status": 301, "headers": {"Location": "http://me:hunter2@10.0.0.1/"}},
        {"status": 410},
    ):
        feed_server.serve("/private/s3cr3tt0ken99/rss", **failure)
        await telex.advance(61)
        shown_texts.append(read_reply_text(await telex.run_as_editor("feed refresh", feed=str(subscription.id))))
        shown_texts.append(read_reply_text(await telex.run_as_editor("feed list")))
        shown_texts.append(await run_why(telex, "https://127.0.0.1/x"))
    feed_server.handle("/private/s3cr3tt0ken99/rss", answer_with_password)
    errors: list[StoreError] = []
    for number, (patched_class, name, replacement) in enumerate(
        ((Polls, "record", fail_to_write), (Polls, "record_unchanged", fail_to_write), (Intake, "parse", fail_to_parse))
    ):
        with monkeypatch.context() as patched:
            patched.setattr(patched_class, name, replacement)
            feed_server.serve("/private/s3cr3tt0ken99/rss", make_rss(make_rss_item(9 + number), title=name))
            try:
                await telex.poll(feed)
            except StoreError as error:
                errors.append(error)
    assert len(errors) == 1
    await telex.deliver()
    shown_texts += list_posted_texts(telex)
    shown_texts.append(read_reply_text(await open_feed_card(telex, "")))
    for command in ("feed preview", "feed pause", "feed resume", "feed remove"):
        shown_texts.append(read_reply_text(await telex.run_as_editor(command, feed=str(subscription.id))))
    completions = await telex.editor.autocomplete(telex.news, "feed pause", "feed", "")
    shown_texts.append(str(completions))
    for shown_text in shown_texts:
        assert not any(secret in shown_text for secret in SECRETS), shown_text
    assert any("***" in masked_text for masked_text in shown_texts)
