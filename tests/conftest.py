"""Fixtures for all tests: clock, feed server, settings, store, services and the simulated Discord."""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.remote import Producer

from bot.client.services import Services, open_services
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from bot.search.searching import Searcher
from bot.store import Store, database
from bot.store.sqlite import sqlite_engine
from bot.store.sqlite.sqlite_engine import WRITER_PRAGMAS
from tests.support import postgres_server
from tests.support.clocks import ManualClock
from tests.support.discord_world import World, open_world
from tests.support.feed_server import FeedServer
from tests.support.leaks import record_leaks
from tests.support.scheduling import GroupScheduling, spread_waiting_tests
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher
from tests.support.wire.bot_process import Launcher
from tests.support.workers.reused_workers import IDLE_WORKERS, ReusedWorkers

hypothesis_settings.register_profile(  # a slow machine is no failure; each run tries others
    "any machine", max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return two more workers than processors, as many tests wait for processes, sockets and clocks."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {node_id: place for place, node_id in enumerate(spread_waiting_tests([item.nodeid for item in items]))}
    items.sort(key=lambda item: places[item.nodeid])


gc.disable()  # until all tests are collected: what is imported and collected stays


def pytest_collection_finish() -> None:
    """Freeze modules and tests for the garbage collector: a run has many collections, each of half a second."""
    gc.collect()
    gc.freeze()
    gc.enable()


_FOLDER_NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory, request) -> Path:
    """A temporary folder, made in half the time of pytest's own because it has no link to the last one."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{next(_FOLDER_NUMBERS)}-{name}", numbered=False)


@pytest.fixture(autouse=True)
def _remove_outside_settings(monkeypatch, tmp_path) -> None:
    """Remove settings in the environment and in a developer's `.env` file."""
    for name in [name for name in os.environ if name.startswith("TELEX_") or name == "DISCORD_TOKEN"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TELEX_SEMANTIC", "false")  # a test that needs the encoder says so
    monkeypatch.setenv("TELEX_FULL_TEXT", "never")  # and so does one that reads pages
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _check_log_for_secrets() -> Iterator[None]:
    """Check that the bot's log lines hold none of the secrets that tests use."""
    with record_leaks() as recorder:
        yield
    assert not recorder.leaks


@pytest.fixture(scope="session")
def _idle_workers() -> Iterator[None]:
    yield
    IDLE_WORKERS.close()


@pytest.fixture(autouse=True)
def _reuse_workers(monkeypatch, _idle_workers) -> None:
    """Reuse the worker processes of earlier tests."""
    for module in ("client.services", "search.semantic.semantic_index"):
        monkeypatch.setattr(f"bot.{module}.WorkerPool", ReusedWorkers)


@pytest.fixture(autouse=True)
def _quick_databases(monkeypatch) -> None:
    """Open databases with one reading connection, and without waiting for the disk.

    Three connections and their threads cost a fifth of what a simulated world costs, the disk as much.
    """
    monkeypatch.setattr(database, "READER_COUNT", 1)
    monkeypatch.setattr(sqlite_engine, "WRITER_PRAGMAS", ("PRAGMA synchronous = OFF", *WRITER_PRAGMAS[1:]))


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """A launcher of `telex` processes."""
    process_launcher = Launcher()
    yield process_launcher
    process_launcher.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def feed_server() -> AsyncIterator[FeedServer]:
    server = await FeedServer().start()
    yield server
    await server.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="run all tests with a database on PostgreSQL")


@pytest.fixture
def database_engine(request) -> str:
    """The engine of the test's database; `tests/store` runs its tests on both engines."""
    return "postgres" if request.config.getoption("--postgres") else "sqlite"


@pytest.fixture(scope="session")
def server_databases(tmp_path_factory, worker_id) -> Iterator[postgres_server.ServerDatabases]:
    postgres_server.require_postgres()
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    databases = postgres_server.ServerDatabases(postgres_server.acquire_server(folder), f"telex_test_{worker_id}")
    yield databases
    databases.close()
    postgres_server.release_server(folder)


@functools.cache
def _read_default_settings() -> Settings:
    """Read and check the default settings once."""
    return replace(read_settings(), allow_private_addresses=(ip_network("127.0.0.0/8"),))


@pytest.fixture
def settings(tmp_path, database_engine, request) -> Settings:
    """Settings with a database of the test's own and feeds on loopback allowed."""
    on_server = database_engine == "postgres"
    database = request.getfixturevalue("server_databases").empty() if on_server else tmp_path / "telex.db"
    return replace(_read_default_settings(), database=database, index=tmp_path / "telex.db-index")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """An empty database; a copy takes a tenth of the time of all migrations."""

    async def make(path: Path) -> None:
        store = await Store.open(path, ManualClock())
        await store.close()

    path = tmp_path_factory.mktemp("empty") / "telex.db"
    asyncio.run(make(path))
    return path


def _copy_empty_database(settings: Settings, empty: Path) -> None:
    if isinstance(settings.database, Path):
        shutil.copy(empty, settings.database)


@pytest.fixture
async def store(settings, clock, empty_database) -> AsyncIterator[Store]:
    _copy_empty_database(settings, empty_database)
    open_store = await Store.open(settings.database, clock)
    yield open_store
    await open_store.close()


@pytest.fixture
async def library(store) -> Library:
    return await Library(store).open()


@pytest.fixture
def searcher(store) -> Searcher:
    return build_searcher(store)


@pytest.fixture
async def newsroom(settings, clock, empty_database) -> AsyncIterator[Services]:
    _copy_empty_database(settings, empty_database)
    async with open_services(settings, clock) as running_newsroom:
        yield running_newsroom


@pytest.fixture
async def telex(newsroom, clock) -> AsyncIterator[World]:
    """The whole bot in a simulated Discord."""
    async with open_world(newsroom, clock) as world:
        yield world
