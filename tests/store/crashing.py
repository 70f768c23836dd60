"""Writes that are killed: before a statement since the database was opened, or at the end.

`python -m tests.store.crashing WHAT NOW DATABASE STATEMENT…` does WHAT to the copy of the database for each
statement. A process of its own because it forks: what it does is imported once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.core.models import Validators
from bot.store import Store
from bot.store.database import Database
from bot.store.records.source_records import ChangedArticle, IntakeResult, PollWrite
from bot.store.sqlite.sqlite_connection import SqliteConnection
from bot.store.sqlite.sqlite_engine import SqliteEngine
from bot.watches.watch_matching import WatchMatcher
from tests.support.clocks import ManualClock
from tests.support.samples import CHANNEL, SERVER, make_new_article

CHECKOUT = Path(__file__).resolve().parents[2]
END = 10_000
"""More statements than any write has: the process is killed after the write."""


async def record_poll(store: Store) -> None:
    feed = await store.feeds.get(1)
    assert feed is not None
    await store.polls.record(
        PollWrite(
            replace(feed, validators=Validators(etag="second"), last_success_at=store.clock.now()),
            IntakeResult(
                [make_new_article(feed, f"new-{number}", published=number) for number in range(6)],
                changed_articles=[ChangedArticle(1, make_new_article(feed, "old", title="Changed"))],
                aliases=[(b"alias", 1)],
            ),
            max_pending_posts=3,
            is_first_poll=False,
        )
    )


async def replace_digest(store: Store) -> None:
    (digest,) = await store.digests.list_due(store.clock.now())
    await store.digests.withdraw_pending_dispatches(digest.id)
    gathered = await store.digests.gather_candidates(digest, [], since=0, until=store.clock.now())
    article_ids = [candidate.article_id for candidate in gathered.candidates]
    await store.digests.enqueue_due(
        digest,
        "{}",
        until=store.clock.now(),
        reserved_article_ids=gathered.reserved_article_ids,
        listed_article_ids=article_ids,
    )


async def enqueue_watch_notifications(store: Store) -> None:
    await WatchMatcher(store).process_next_batch()


async def approve_proposal(store: Store) -> None:
    await store.proposals.approve(
        1, server_id=SERVER, channel_id=CHANNEL, feed_id=1, first_article_id=None, user_id=9_000
    )


WRITES = {
    write.__name__: write for write in (record_poll, replace_digest, enqueue_watch_notifications, approve_proposal)
}


def crash_before_statements(
    path: Path, write_name: str, now: int, statements: Sequence[int]
) -> Iterator[tuple[int, Path]]:
    """Kill a process before each of the statements, and yield the statement's number and the copy it left."""
    for statement in statements:
        shutil.copy(path, _copy(path, statement))
    command = [sys.executable, "-m", "tests.store.crashing", write_name, str(now), str(path)]
    subprocess.run([*command, *map(str, statements)], cwd=CHECKOUT, check=True, timeout=60)
    for statement in statements:
        yield statement, _copy(path, statement)


def _copy(path: Path, statement: int) -> Path:
    return path.with_name(f"killed-{statement}.db")


async def _write_and_die(write_name: str, now: int, path: Path, last: int) -> None:
    numbers = itertools.count(1)

    def kill_at_last(_statement: str) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    class CountingEngine(SqliteEngine):
        def prepare(self, db: SqliteConnection, *, create: bool) -> bool:
            is_new = super().prepare(db, create=create)
            db.set_trace_callback(kill_at_last)
            return is_new

    clock = ManualClock(now)
    await WRITES[write_name](Store(await Database.open(CountingEngine(path), clock)))
    os.kill(os.getpid(), signal.SIGKILL)


def main(write_name: str, now: int, path: Path, statements: Sequence[int]) -> None:
    for statement in statements:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(_write_and_die(write_name, now, _copy(path, statement), statement))
            finally:
                os._exit(1)
        _pid, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), [int(number) for number in sys.argv[4:]])
