"""Operator notices to all servers, some of them cancelled, while the bot's processes are killed."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import psycopg

from benchmarks.server_members import ALERTS
from bot.core.user_errors import RequestRejected
from bot.store import Store
from bot.store.store_errors import StoreError
from tests.support import store_probe
from tests.support.wire.scene import Scene

NOTICE_INTERVAL_SECONDS = 6.0
CANCEL_SHARE = 0.25
MAX_CANCEL_DELAY_SECONDS = 2.0
RETRY_SECONDS = 0.3


class OperatorNotices:
    """The notices sent to the servers of scenes that share a database, and which of them were cancelled."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes, self._database = scenes, scenes[0].database
        self._sent_count = 0
        self._cancelled_texts: set[str] = set()

    async def send_until(self, kill_task: asyncio.Task[None], chance: random.Random) -> None:
        """Send a notice every few seconds, and cancel some of them soon after, until `kill_task` is done."""
        while not kill_task.done():
            self._sent_count += 1
            text = self._texts[-1]
            await self._retry_until_stored(partial(_create_notice, text=text))
            if chance.random() < CANCEL_SHARE:
                await asyncio.sleep(chance.uniform(0, MAX_CANCEL_DELAY_SECONDS))
                self._cancelled_texts.add(text)
                await self._retry_until_stored(_cancel_newest_notice)
            await asyncio.sleep(NOTICE_INTERVAL_SECONDS)

    @property
    def _texts(self) -> list[str]:
        return [f"Notice {number:04} of the operator" for number in range(1, self._sent_count + 1)]

    async def _retry_until_stored(self, change_store: Callable[[Store], Awaitable[object]]) -> None:
        """Change the store, and retry while the database is down; a change that was already made is rejected."""
        while True:
            try:
                async with self._scenes[0].open_newsroom() as newsroom:
                    await change_store(newsroom.store)
            except RequestRejected:
                return
            except (StoreError, psycopg.Error, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def count_undecided(self) -> int:
        """Return the number of servers that may still get a notice; 1 while the database is down."""
        try:
            rows = store_probe.load_rows(self._database, "notice_recipient")
        except psycopg.Error:
            return 1
        return sum(row["outcome"] is None for row in rows)

    def count_outcomes(self, counts: Counter[str]) -> None:
        """Add the notices of each server to the counts: all, cancelled, lost and repeated ones."""
        for scene in self._scenes:
            message_texts = [message.render_visible_text() for message in scene.list_messages(ALERTS)]
            for text in self._texts:
                count = sum(text in message_text for message_text in message_texts)
                counts["notices"] += 1
                counts["cancelled notices"] += text in self._cancelled_texts
                if count > 1 or (count == 0 and text not in self._cancelled_texts):
                    counts["repeated notices" if count else "lost notices"] += 1
                    sys.stderr.write(f"{text} in server {scene.server.id}: posted {count} times\n")


async def _create_notice(store: Store, *, text: str) -> None:
    await store.notices.create({"en": text}, user_id=None)


async def _cancel_newest_notice(store: Store) -> None:
    (newest,) = await store.notices.list_all(limit=1)
    await store.notices.cancel(newest.id, user_id=None)
