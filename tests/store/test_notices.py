"""Operator notices in the store."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.audit_actions import AuditAction
from bot.core.models import Dispatch
from bot.core.preferences import NOTICES_OFF, Preference
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import RequestRejected
from bot.store import Store
from bot.store.operating.notices import MAX_SECONDS_TO_POST, REPEAT_SECONDS
from bot.store.records.operating_records import NoticeProgress, NoticeReach, NoticeRejection
from tests.support.samples import add_followed_feed, deliver_pending, make_new_article, write_poll

SERVERS = range(10, 16)
TEXTS = {"en": "Telex moves tonight.", "fr": "Telex déménage ce soir."}


def get_alert_channel_id(server: int) -> int:
    return 1_000 + server


async def add_servers(store: Store, *servers: int) -> None:
    """Add servers that the bot is in, each with an alert channel."""
    for server in servers:
        await store.servers.mark_joined(server)
        await store.preferences.change(
            Preference.ALERT_CHANNEL, get_alert_channel_id(server), server_id=server, user_id=1
        )


async def send_all(store: Store, *servers: int) -> dict[int, list[Dispatch]]:
    """Enqueue all due notices and deliver the alert channels, by server."""
    while await store.notices.get_next_due_at() is not None:
        await store.notices.enqueue_next(2)
    return {server: await deliver_pending(store, get_alert_channel_id(server)) for server in servers}


async def load_progress(store: Store, notice_id: int) -> NoticeProgress:
    notice = await store.notices.get(notice_id)
    assert notice is not None
    return notice.progress


async def test_notice_reaches_each_eligible_server_once(store):
    await add_servers(store, *SERVERS)
    declining, without_channel, blocked, gone, newcomer = SERVERS[1:]
    await store.preferences.change(Preference.OPERATOR_NOTICES, NOTICES_OFF, server_id=declining, user_id=1)
    await store.preferences.change(Preference.ALERT_CHANNEL, None, server_id=without_channel, user_id=1)
    await store.dispatches.block_channel(get_alert_channel_id(blocked), Reason(SendProblem.CHANNEL_GONE), None)
    await store.servers.mark_left(newcomer)
    assert await store.notices.measure_reach() == NoticeReach(2, 2, 1)
    notice_id = await store.notices.create(TEXTS, user_id=7)
    await add_servers(store, newcomer)
    await store.servers.mark_left(gone)
    await store.preferences.change(Preference.ALERT_CHANNEL, 1, server_id=without_channel, user_id=1)
    assert await load_progress(store, notice_id) == NoticeProgress(0, 2, 0, without_channel=2, opted_out=1, withdrawn=0)
    sent = await send_all(store, *SERVERS)
    assert [(server, dispatch.notice_id) for server, dispatches in sent.items() for dispatch in dispatches] == [
        (SERVERS[0], notice_id)
    ]
    assert await load_progress(store, notice_id) == NoticeProgress(1, 0, 0, without_channel=3, opted_out=1, withdrawn=0)
    assert not any((await send_all(store, *SERVERS)).values())
    (entry,) = await store.audit_log.list_entries()
    assert (entry.action, entry.user_id, entry.details["servers"]) == (AuditAction.NOTICE_SENT, 7, 2)
    with pytest.raises(RequestRejected) as error:
        await store.notices.cancel(notice_id, user_id=None)
    assert error.value.reason.code is NoticeRejection.GONE


async def test_cancelled_or_old_notice_is_withdrawn_where_not_attempted(store, clock):
    await add_servers(store, *SERVERS)
    first = await store.notices.create(TEXTS, user_id=None)
    await store.notices.enqueue_next(3)
    (sent,) = await deliver_pending(store, get_alert_channel_id(SERVERS[0]))
    in_flight = await store.dispatches.claim(get_alert_channel_id(SERVERS[1]))
    assert in_flight is not None
    assert await store.notices.cancel(first, user_id=7) == len(SERVERS) - 2
    assert await store.notices.get_next_due_at() is None
    await store.dispatches.mark_sent(in_flight.id, message_id=1, thread_id=None, sent_at=clock.now())
    assert await load_progress(store, first) == NoticeProgress(2, 0, 0, 0, 0, withdrawn=len(SERVERS) - 2)
    assert await store.notices.load_texts(first, SERVERS[1]) is None  # A retry has nothing to send.
    second = await store.notices.create(TEXTS, user_id=None)
    assert second != sent.notice_id
    await store.notices.enqueue_next(3)
    declining = SERVERS[1]
    await store.preferences.change(Preference.OPERATOR_NOTICES, NOTICES_OFF, server_id=declining, user_id=1)
    assert await deliver_pending(store, get_alert_channel_id(declining)) == []
    assert await store.notices.load_texts(second, declining) is None
    assert await store.notices.load_texts(second, SERVERS[2]) == TEXTS
    clock.advance(MAX_SECONDS_TO_POST + 1)
    assert await store.notices.load_texts(second, SERVERS[2]) is None
    await store.notices.withdraw_old()
    assert not any((await send_all(store, *SERVERS)).values())
    assert await load_progress(store, second) == NoticeProgress(0, 0, 0, 0, 0, withdrawn=len(SERVERS))
    await store.notices.purge(clock.now())
    assert await store.notices.list_all() == []
    assert await store.dispatches.get(sent.id) is None


async def test_concurrent_notices_arrive_in_order_and_repeat_is_refused(store, clock):
    await add_servers(store, *SERVERS)
    outcomes = await asyncio.gather(
        *(store.notices.create(texts, user_id=None) for texts in (TEXTS, {"en": "Another"}, TEXTS)),
        return_exceptions=True,
    )
    notice_ids = sorted(outcome for outcome in outcomes if isinstance(outcome, int))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RequestRejected", "int", "int"]
    await asyncio.gather(*(store.notices.enqueue_next(4) for _ in range(4)))
    sent = await send_all(store, *SERVERS)
    assert {tuple(dispatch.notice_id for dispatch in dispatches) for dispatches in sent.values()} == {tuple(notice_ids)}
    clock.advance(REPEAT_SECONDS)
    assert await store.notices.create(TEXTS, user_id=None) > notice_ids[1]


async def test_process_enqueues_notices_for_its_shards_in_order(store, clock):
    servers = (1 << 22, 2 << 22)
    await add_servers(store, *servers)
    feed = await add_followed_feed(store, server=servers[0], channel=get_alert_channel_id(servers[0]))
    await write_poll(store, feed, make_new_article(feed, "news", published=clock.now() - 60))
    notice_id = await store.notices.create(TEXTS, user_id=None)
    store.shards.reset(2, owner_id=None)
    store.shards.set_served({1})
    sent = await send_all(store, *servers)
    assert [[dispatch.notice_id for dispatch in dispatches] for dispatches in sent.values()] == [[None, notice_id], []]
    store.shards.set_served({0})
    sent = await send_all(store, *servers)
    assert [len(dispatches) for dispatches in sent.values()] == [0, 1]


async def test_notice_without_recipient_is_refused(store):
    await store.servers.mark_joined(SERVERS[0])
    with pytest.raises(RequestRejected) as error:
        await store.notices.create(TEXTS, user_id=None)
    assert error.value.reason.code is NoticeRejection.NO_RECIPIENT
    assert await store.notices.list_all() == []
    assert await store.audit_log.list_entries() == []
