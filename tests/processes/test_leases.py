"""Leases of host slots and shards, shared between processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, TraceConfig

from bot.core.configuration.database_url import DatabaseUrl
from bot.core.preferences import ProcessRole
from bot.posting.sending.lease_guard import LeaseGuard, current_server_id
from bot.processes.cluster_events import ClusterEvents
from bot.processes.leases import HOST_SLOT_LEASE_KIND, SHARD_LEASE_KIND, STOP_SECONDS, Leases
from bot.processes.supervision import Supervisor
from bot.store import LeaseLost, Store
from bot.store.records.process_records import LeasePool
from tests.support import store_probe
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer
from tests.support.postgres_server import hold_write_lock
from tests.support.store_probe import Column
from tests.support.wire.waiting import wait_until

ALL = frozenset(range(64))


class Member:
    """A process that takes leases."""

    def __init__(self, store: Store, clock: ManualClock, *roles: ProcessRole) -> None:
        self.store, self.clock = store, clock
        supervisor = Supervisor(clock)
        self.leases = Leases(store, roles or tuple(ProcessRole), supervisor)
        self.cluster_events = ClusterEvents(store, supervisor)
        self.cluster_events.subscribe("leases", self.leases.wake)
        self.leases.join_pool(LeasePool(HOST_SLOT_LEASE_KIND, ProcessRole.POLLER, ALL))
        self.leases.join_pool(LeasePool(SHARD_LEASE_KIND, ProcessRole.GATEWAY, frozenset(range(4)), rebalances=False))
        self.lost: set[int] = set()
        self.leases.add_listener(HOST_SLOT_LEASE_KIND, lambda _gained, lost: self.lost.update(lost))

    async def start(self) -> Member:
        await self.leases.start()
        self.cluster_events.start()
        return self

    @property
    def feeds(self) -> frozenset[int]:
        return self.leases.get_owned_numbers(HOST_SLOT_LEASE_KIND)

    async def close(self) -> None:
        await self.cluster_events.close()
        await self.leases.close()


@pytest.fixture
def server(server_databases) -> DatabaseUrl:
    return server_databases.empty()


@pytest.fixture
async def pair(server) -> AsyncIterator[tuple[Member, Member]]:
    """Two processes, started one after the other."""
    stores = [await Store.open(server, ManualClock()) for _ in range(2)]
    members = [Member(store, store.clock) for store in stores]  # type: ignore[arg-type]  # as opened
    yield await members[0].start(), await members[1].start()
    for member, store in zip(members, stores, strict=True):
        await member.close()
        await store.close()


@pytest.mark.parametrize("database_engine", ["sqlite"])
async def test_single_process_of_sqlite_file_owns_all_leases(store, clock):
    dead = await Member(store, clock).start()
    alive = await Member(store, clock).start()  # the lock of the file shows that the other process has ended
    clock.advance(100 * STOP_SECONDS)
    assert alive.feeds == ALL
    assert alive.leases.get_owned_numbers(SHARD_LEASE_KIND) == set(range(4))
    assert alive.leases.build_fence(HOST_SLOT_LEASE_KIND, 3) is None
    await dead.close()
    await alive.close()
    assert await store.processes.list_live() == []


async def test_processes_share_slots_evenly_and_shards_stay_until_transfer(pair):
    first, second = pair
    await wait_until(lambda: len(first.feeds) == len(second.feeds) == 32)
    assert first.feeds | second.feeds == ALL
    assert first.lost == second.feeds
    assert first.leases.get_owned_numbers(SHARD_LEASE_KIND) == set(range(4))
    assert second.leases.get_owned_numbers(SHARD_LEASE_KIND) == set()
    assert await first.leases.transfer(SHARD_LEASE_KIND, 3, second.leases.process.id)
    assert not await first.leases.transfer(SHARD_LEASE_KIND, 2, "nobody")
    await wait_until(lambda: second.leases.get_owned_numbers(SHARD_LEASE_KIND) == {3})
    assert first.leases.get_owned_numbers(SHARD_LEASE_KIND) == {0, 1, 2}
    first_shards, second_shards = first.store.shards, second.store.shards
    assert not (await first_shards.request_identify(0, 2)).wait_seconds
    assert (await second_shards.request_identify(1, 1)).wait_seconds, (
        "one of the last two sessions has been started, which Discord may not count yet"
    )
    permit = await second_shards.request_identify(1, 2)
    assert not permit.wait_seconds
    assert (await first_shards.request_identify(1)).wait_seconds
    replaced_permit = permit._replace(decided_at=permit.decided_at - 1)
    assert not await first_shards.confirm_identify(1, replaced_permit)
    assert await second_shards.confirm_identify(1, permit)
    assert await first.store.processes.load_owner_ids_by_number(HOST_SLOT_LEASE_KIND) == {
        number: member.leases.process.id for member in pair for number in member.feeds
    }
    await first.close()  # a rolling restart: the other process is notified
    await wait_until(lambda: second.feeds == ALL and second.leases.get_owned_numbers(SHARD_LEASE_KIND) == set(range(4)))
    assert second.leases.gained_count_by_kind[SHARD_LEASE_KIND] == 1 + 3


async def test_different_version_of_other_process_is_logged_once(server, monkeypatch, caplog):
    stores = [await Store.open(server, ManualClock()) for _ in range(2)]
    newer = await Member(stores[0], stores[0].clock).start()  # type: ignore[arg-type]  # as opened
    monkeypatch.setattr("bot.processes.leases.__version__", "0.9")
    older = await Member(stores[1], stores[1].clock).start()  # type: ignore[arg-type]  # as opened
    warning = f"process versions differ version={newer.leases.process.version} others=0.9"
    await wait_until(lambda: warning in caplog.messages)
    newer.leases.join_pool(LeasePool("another kind", ProcessRole.POLLER, frozenset({0})))
    await wait_until(lambda: newer.leases.get_owned_numbers("another kind"))
    for member, store in zip((newer, older), stores, strict=True):
        await member.close()
        await store.close()
    assert caplog.messages.count(warning) == 1


async def test_leases_of_dead_process_are_taken_over(pair, server):
    first, second = pair
    await wait_until(lambda: len(second.feeds) == 32)
    await first.store.close()
    store_probe.set_column(server, Column.PROCESS_EXPIRES_AT, 0, row_ids=[first.leases.process.id])
    second.leases.wake()
    await wait_until(lambda: second.feeds == ALL and len(second.leases.get_owned_numbers(SHARD_LEASE_KIND)) == 4)
    assert [process.id for process in await second.store.processes.list_live()] == [second.leases.process.id]


async def test_process_without_database_sends_nothing_after_lease_expiry(pair):
    first, second = pair
    await wait_until(lambda: len(second.feeds) == 32)
    await second.store.close()
    trace = TraceConfig()
    LeaseGuard(lambda _server_id: bool(second.feeds)).attach(trace)
    current_server_id.set(1)
    discord = await FeedServer().start()
    address = discord.serve("/")
    async with ClientSession(trace_configs=[trace]) as session:
        second.clock.advance(STOP_SECONDS - 0.1)
        owned_slots = second.feeds
        await session.post(address)
        second.clock.advance(0.1)
        with pytest.raises(LeaseLost):
            await session.post(address)
    await discord.stop()
    assert (len(owned_slots), len(second.feeds), discord.count("/")) == (32, 0, 1)
    await wait_until(lambda: second.lost >= owned_slots)
    assert len(first.feeds) == 32


async def test_long_write_costs_no_lease(pair, server):
    _first, second = pair
    await wait_until(lambda: len(second.feeds) == 32)
    with hold_write_lock(server):  # nobody redistributes
        for _ in range(4):
            second.clock.advance(STOP_SECONDS / 2)
            await asyncio.sleep(0.1)  # it renews its leases
            assert len(second.feeds) == 32


async def test_roles_take_only_their_leases(server, clock):
    store = await Store.open(server, clock)
    gateway = await Member(store, clock, ProcessRole.GATEWAY).start()
    poller = await Member(store, clock, ProcessRole.POLLER).start()
    assert (len(gateway.feeds), len(poller.feeds)) == (0, 64)
    assert len(gateway.leases.get_owned_numbers(SHARD_LEASE_KIND)) == 4
    assert not poller.leases.get_owned_numbers(SHARD_LEASE_KIND)
    await gateway.close()
    await poller.close()
    await store.close()
