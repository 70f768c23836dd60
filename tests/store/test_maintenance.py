"""Maintenance mode in the store."""

from __future__ import annotations

import asyncio

from bot.core.audit_actions import AuditAction
from bot.core.preferences import OPERATOR_USER_ID
from bot.processes.maintenance_mode import MaintenanceMode


async def test_maintenance_keeps_start_when_end_changes_and_is_audited(store, clock):
    assert await store.maintenance.get() is None
    assert not await store.maintenance.turn_off(user_id=None)
    since = clock.now()
    await store.maintenance.turn_on(expected_seconds=None, user_id=None)
    assert await store.maintenance.get() == (since, None)
    clock.advance(60)
    await store.maintenance.turn_on(expected_seconds=600, user_id=7)
    assert await store.maintenance.get() == (since, since + 660)
    assert await store.maintenance.turn_off(user_id=7)
    assert await store.maintenance.get() is None
    actions = [(entry.action, entry.user_id) for entry in await store.audit_log.list_entries()]
    on, off = AuditAction.MAINTENANCE_ON, AuditAction.MAINTENANCE_OFF
    assert actions == [(off, 7), (on, 7), (on, OPERATOR_USER_ID)]


async def test_concurrent_refreshes_notify_listener_once(store):
    maintenance, changes = MaintenanceMode(store), []
    maintenance.add_listener(lambda: changes.append(maintenance.is_on))
    await store.maintenance.turn_on(expected_seconds=None, user_id=7)
    await asyncio.gather(maintenance.refresh(), maintenance.refresh())
    assert changes == [True]
