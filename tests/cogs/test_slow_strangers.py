"""Strangers at the bot's HTTP server who send half a request, too many connections or no HTTP."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
from pathlib import Path

import aiohttp
import pytest

from bot.client import open_files
from bot.client.logs import AcceptFailureFilter
from bot.client.web import connection_limits
from cogs.running.health_monitor import HealthCog
from tests.support.wire.waiting import PATIENCE

HALF_HEADER = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: "


async def start_http_server(telex) -> int:
    health_cog = telex.bot.get_cog("HealthCog")
    assert isinstance(health_cog, HealthCog)
    return await health_cog.start_http_server("127.0.0.1", 0)


async def get_page(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_half_header_is_closed_at_its_time_limit(telex, monkeypatch):
    monkeypatch.setattr(connection_limits, "HEADER_TIMEOUT_SECONDS", 0.01)
    port = await start_http_server(telex)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HALF_HEADER)
    assert await read_to_end(reader) == b""
    writer.close()
    assert 'telex_connections_closed_total{reason="slow"} 1.0' in (await get_page(port, "/metrics"))[1]


async def test_second_request_of_connection_is_closed_at_its_time_limit(telex, monkeypatch):
    monkeypatch.setattr(connection_limits, "IDLE_TIMEOUT_SECONDS", 0.01)
    port = await start_http_server(telex)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + HALF_HEADER)
    assert (await read_to_end(reader)).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_connections_beyond_bound_give_way_to_newer_ones(telex, monkeypatch):
    monkeypatch.setattr(connection_limits, "MAX_CONNECTIONS", 3)
    port = await start_http_server(telex)
    connections = []
    for _number in range(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_HEADER)
        connections.append((reader, writer))
    assert (await get_page(port, "/healthz"))[0] == 200
    for reader, _writer in connections[:8]:
        assert await read_to_end(reader) == b""
    for _reader, writer in connections:
        writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x16\x03\x01\x00\xa5", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n",
     b"GET /feeds/secret-token" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"],
)  # fmt: skip
async def test_malformed_request_is_one_debug_line_without_its_text(telex, caplog, request_bytes):
    port = await start_http_server(telex)
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        assert (await read_to_end(reader)).startswith(b"HTTP/1.")
        writer.close()
        metrics_text = (await get_page(port, "/metrics"))[1]
    assert "telex_malformed_requests_total 1.0" in metrics_text
    records = [record for record in caplog.records if record.levelno >= logging.INFO and "listening" not in record.msg]
    assert [record for record in records if record.name.startswith(("bot.client.web", "aiohttp"))] == []
    assert "secret-token" not in caplog.text
    assert caplog.text.count("request malformed error=") == 1


async def test_stranger_who_hangs_up_before_continue_is_no_error(telex, caplog):
    port = await start_http_server(telex)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    writer.write_eof()
    await read_to_end(reader)
    writer.close()
    assert (await get_page(port, "/healthz"))[0] == 200
    assert [record for record in caplog.records if record.exc_info] == []


async def test_error_of_handler_is_logged_with_traceback(telex, caplog, monkeypatch):
    async def fail() -> bytes:
        raise ZeroDivisionError("not a stranger's fault")

    monkeypatch.setattr(telex.bot.store.articles, "count", fail, raising=False)
    port = await start_http_server(telex)
    assert (await get_page(port, "/metrics"))[0] == 500
    assert "not a stranger's fault" in caplog.text


def test_failed_accepts_are_logged_once_a_minute():
    accept_filter = AcceptFailureFilter()
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    lines = []
    for second in (0, 0, 1, 59, 61, 100, 122):
        record = logging.LogRecord(
            "asyncio", logging.ERROR, "", 0, "socket.accept() out of system resource\nsocket: <x>", None,
            (OSError, error, None),
        )  # fmt: skip
        record.created = float(second)
        if accept_filter.filter(record):
            lines.append(logging.Formatter().format(record))
    assert lines == ["connections not accepted error=[Errno 24] Too many open files"] * 3


def test_soft_limit_of_open_files_is_raised_and_never_lowered(monkeypatch):
    limits: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, pair: limits.update(set=pair))
    for current, raised in (
        ((1024, 4096), (4096, 4096)), ((1024, 2**20), (65_536, 2**20)), ((4096, 4096), None),
        ((2**18, 2**20), None), ((256, resource.RLIM_INFINITY), (65_536, resource.RLIM_INFINITY)),
    ):  # fmt: skip
        limits.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _kind, current=current: current)
        open_files.raise_open_file_limit()
        assert limits.get("set") == raised


def test_service_unit_sets_limit_of_open_files():
    unit = (Path(__file__).parents[2] / "data/telex.service").read_text("utf-8")
    assert f"LimitNOFILE={open_files.MAX_OPEN_FILES}\n" in unit
