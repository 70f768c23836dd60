"""Events between processes that share a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.processes.cluster_events import ClusterEvents
from bot.processes.supervision import Supervisor


class ReconnectedStore:
    """A store that reports a reconnection, after which any event may have been missed."""

    async def listen(self, on_notification: Callable[[str], None]) -> None:
        on_notification("")
        await asyncio.Event().wait()


async def test_reconnection_calls_all_subscribers_though_one_announces_event(clock, caplog):
    events = ClusterEvents(ReconnectedStore(), Supervisor(clock))  # type: ignore[arg-type]  # it needs no more
    called = asyncio.Event()
    events.subscribe("feeds", lambda: events.announce("outbox"))
    events.subscribe("leases", called.set)
    events.start()
    await asyncio.wait_for(called.wait(), 60)
    await events.close()
    assert not caplog.records
