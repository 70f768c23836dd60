"""Server directory, server access and the audit log."""

from __future__ import annotations

from bot.core.limits import Limit
from bot.core.preferences import OPERATOR_USER_ID, ServerPolicy
from bot.posting.wording.audit_sentences import describe_audit_entry
from bot.store.records.operating_records import ServerOrder, ServerProfile
from tests.store import sql


async def test_servers_are_listed_in_every_order(store):
    for server_id in (11, 12, 13):
        await store.servers.mark_joined(server_id)
    await store.servers.mark_left(12)
    for order in ServerOrder:
        overviews = await store.server_directory.list_overviews(order=order, limit=5)
        assert [overview.id for overview in overviews] == [11, 13]
    assert [overview.id for overview in await store.server_directory.list_overviews(limit=1, offset=1)] == [13]
    assert await store.audit_log.list_entries(server_id=11) == await store.audit_log.list_entries() == []
    assert await store.audit_log.get_last_entry_id() == 0


async def test_denied_servers_are_to_be_left(store):
    access, owner_server = store.server_access, 14
    for server_id in (11, 12, 13, owner_server):
        await store.servers.mark_joined(server_id)
    await store.servers.record_profiles({11: ServerProfile("Écran", 5), 12: ServerProfile("écran 2", None)})
    assert await access.change(12, is_allowed=False, user_id=7)
    assert not await access.change(12, is_allowed=False, user_id=7)
    assert await access.request_leave(13, user_id=7)
    assert not await access.request_leave(13, user_id=7)
    assert not await access.request_leave(99, user_id=7)
    await access.change(owner_server, is_allowed=False, user_id=7)
    assert await access.load_denied_server_ids(ServerPolicy.ALL, owner_server) == {12, 13}
    store.shards.reset(1, owner_id=None)  # which serves no shard yet
    assert await access.load_denied_server_ids(ServerPolicy.ALL, owner_server) == set()
    store.shards.set_served({0})
    assert await access.change(13, is_allowed=True, user_id=7)
    assert await access.load_denied_server_ids(ServerPolicy.ALLOWED, owner_server) == {12}
    await store.servers.mark_joined(15)
    await store.server_data.request_erasure(11, user_id=7)
    assert await access.load_denied_server_ids(ServerPolicy.ALLOWED, owner_server) == {11, 12, 15}
    await access.change(11, is_allowed=True, user_id=7)
    leaving = await store.server_directory.get_overview(11)
    assert leaving is not None
    assert leaving.is_leaving
    names = {text: await store.server_directory.find_servers(text, in_names=True) for text in ("ÉCRAN", "cran ", "99")}
    assert names == {"ÉCRAN": [(11, "Écran")], "cran ": [(11, "Écran"), (12, "écran 2")], "99": []}
    actions = [entry.action for entry in await store.audit_log.list_entries(user_id=7, limit=4, offset=1)]
    assert actions == ["server-allow", "server-block", "server-leave", "server-block"]
    await store.erase_user(7)
    assert {entry.user_id for entry in await store.audit_log.list_entries()} == {None, OPERATOR_USER_ID}


async def test_rows_of_newer_version_are_tolerated(store, settings):
    await store.server_limits.set_limits(11, {Limit.FEEDS_PER_SERVER: 3}, user_id=7)
    for statement in (
        "INSERT INTO audit_entry (recorded_at, action, details) VALUES (1, 'server-paint', '{\"hue\": 1}')",
        "INSERT INTO server_limit (server_id, name, maximum) VALUES (11, 'paints_per_server', 1)",
    ):
        sql.run(settings.database, statement)
    entries = await store.audit_log.list_entries()
    assert list(map(describe_audit_entry, entries)) == ["server-paint", "set limits of the server: feeds=3"]
    assert await store.server_limits.load_by_server(11) == {Limit.FEEDS_PER_SERVER: 3}
