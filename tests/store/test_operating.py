"""Servers as an operator sees them, and the log of what operators decide."""

from __future__ import annotations

from bot.store.records.operating_records import ServerOrder


async def test_servers_are_listed_in_each_order(store):
    for server_id in (11, 12, 13):
        await store.servers.mark_joined(server_id)
    await store.servers.mark_left(12)
    for order in ServerOrder:
        overviews = await store.server_directory.list_overviews(order=order, limit=5)
        assert [overview.id for overview in overviews] == [11, 13]
    assert [overview.id for overview in await store.server_directory.list_overviews(limit=1, offset=1)] == [13]
    assert await store.audit_log.list_entries(server_id=11) == await store.audit_log.list_entries() == []
    assert await store.audit_log.get_last_entry_id() == 0
