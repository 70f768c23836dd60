"""State transitions of dispatches and pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.core.models import DispatchKind, DispatchState
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import DISPATCH_MOVES, PAGE_MOVES, PageStatus, UndeclaredMove
from bot.store import Store
from bot.store.connection import Connection
from bot.store.outbox import transitions
from tests.support import store_probe
from tests.support.cases import check_cases
from tests.support.samples import CHANNEL, add_followed_feed, make_new_article, write_poll

PAGE_SQL, PAGE = "page_key = :page", {"page": "a page"}


def load_states(store: Store) -> dict[str, str]:
    return {row.dedupe_key: row.state for row in store_probe.load_outbox(store_probe.locate_database(store))}


def load_page_status(store: Store) -> PageStatus | None:
    rows = store_probe.load_rows(store_probe.locate_database(store), "delivery_status")
    statuses = [PageStatus(row["status"] or PageStatus.ENQUEUED) for row in rows if row["page_key"] == PAGE["page"]]
    return statuses[0] if statuses else None


@pytest.fixture
async def article(store) -> PendingArticle:
    """An article of a channel, on a page without a status."""
    feed = await add_followed_feed(store)
    stored = make_new_article(feed, "a")
    await write_poll(store, feed, stored)
    (row,) = store_probe.load_rows(store_probe.locate_database(store), "article")
    return PendingArticle(row["id"], stored.key, PAGE["page"], stored.published)


async def write(store: Store, function: Any, *args: Any, **keywords: Any) -> Any:
    database = store._database  # noqa: SLF001 - for tests alone
    return await database.transact(lambda db: function(db, *args, **keywords))


def clear_page(store: Store) -> None:
    with store_probe.open_connection(store_probe.locate_database(store)) as connection:
        connection.execute("DELETE FROM delivery_status WHERE page_key = ?", (PAGE["page"],))


async def insert_in_state(store: Store, state: DispatchState, key: str = "one") -> int:
    place, now = store_probe.locate_database(store), store.clock.now()
    row = {"channel_id": CHANNEL, "kind": "post", "dedupe_key": key, "state": state, "created_at": now, "position": now}
    store_probe.insert_rows(place, "dispatch", [row | {"due_at": now}])
    return next(row.id for row in store_probe.load_outbox(place) if row.dedupe_key == key)


async def add_page(store: Store, article: PendingArticle, status: PageStatus) -> int:
    """Give the page a status and return the ID of a dispatch that it belongs to or may join."""
    dispatch_id = await insert_in_state(store, DispatchState.PENDING)
    await write(
        store,
        transitions.add_pages,
        CHANNEL,
        [article],
        status,
        dispatch_id=dispatch_id if status is PageStatus.ENQUEUED else None,
        joined_dispatch_id=dispatch_id if status is PageStatus.JOINED else None,
    )
    return dispatch_id


@check_cases("origin", DispatchState)
async def test_dispatch_makes_only_declared_moves(store, article, origin):
    def move(db: Connection, dispatch_id: int, target: DispatchState | None) -> None:
        if target is None:
            transitions.delete_dispatches(db, [dispatch_id], origins=[origin])
        else:
            transitions.move_dispatches(db, [dispatch_id], target, origins=[origin])

    for target in (*DispatchState, None):
        dispatch_id = await insert_in_state(store, origin, f"{origin} to {target}")
        if target in DISPATCH_MOVES[origin]:
            await write(store, move, dispatch_id, target)
            assert load_states(store).get(f"{origin} to {target}") == target
        else:
            with pytest.raises(UndeclaredMove):
                await write(store, move, dispatch_id, target)
            assert load_states(store)[f"{origin} to {target}"] == origin


@check_cases("state", DispatchState)
async def test_dispatch_is_inserted_only_in_declared_states(store, article, state):
    arguments = (state, CHANNEL, DispatchKind.POST, state)
    if state in DISPATCH_MOVES[None]:
        assert await write(store, transitions.insert_dispatch, *arguments, position=1, due_at=1)
        assert load_states(store)[state] == state
    else:
        with pytest.raises(UndeclaredMove):
            await write(store, transitions.insert_dispatch, *arguments, position=1, due_at=1)
        assert state not in load_states(store)


async def test_only_dispatches_in_expected_state_move(store, article):
    ids = [await insert_in_state(store, state, state) for state in DispatchState]
    origins = {DispatchState.HELD}
    assert await write(store, transitions.move_dispatches, ids, DispatchState.PENDING, origins=origins) == 1
    assert await write(store, transitions.move_dispatches, ids, DispatchState.PENDING, origins=origins) == 0
    await write(store, transitions.delete_dispatches, ids, origins={DispatchState.PENDING})
    states = load_states(store)
    assert [states.get(state) for state in DispatchState] == [None, None, "claimed", "sent", "uncertain", "failed"]


@check_cases("origin", PageStatus)
async def test_page_makes_only_declared_moves(store, article, origin):
    def move(db: Connection, dispatch_id: int, target: PageStatus | None) -> None:
        if target is None:
            transitions.delete_pages(db, PAGE_SQL, PAGE, origins=[origin])
        else:
            enqueued_id = dispatch_id if target is PageStatus.ENQUEUED else None
            joined_id = dispatch_id if target is PageStatus.JOINED else None
            transitions.move_pages(
                db, PAGE_SQL, PAGE, target, origins=[origin], dispatch_id=enqueued_id, joined_dispatch_id=joined_id
            )

    for target in (*PageStatus, None):
        clear_page(store)
        dispatch_id = await add_page(store, article, origin)
        if target in PAGE_MOVES[origin]:
            await write(store, move, dispatch_id, target)
            assert load_page_status(store) == target
        else:
            with pytest.raises(UndeclaredMove):
                await write(store, move, dispatch_id, target)
            assert load_page_status(store) == origin


@check_cases("origin", PageStatus)
async def test_page_keeps_status_unless_filtered(store, article, origin):
    for target in PageStatus:
        clear_page(store)
        await add_page(store, article, origin)
        await add_page(store, article, target)
        is_replaced = origin is PageStatus.FILTERED and target in PAGE_MOVES[origin]
        assert load_page_status(store) == (target if is_replaced else origin)


async def test_state_cannot_change_without_move(store, article):
    dispatch_id = await add_page(store, article, PageStatus.ENQUEUED)
    with pytest.raises(UndeclaredMove):
        await write(store, transitions.change_dispatches, [dispatch_id], state=DispatchState.SENT)
    for columns in ({"status": PageStatus.WITHHELD}, {"dispatch_id": None}, {"joined_dispatch_id": dispatch_id}):
        with pytest.raises(UndeclaredMove):
            await write(store, transitions.change_pages, PAGE_SQL, PAGE, **columns)
    assert load_page_status(store) is PageStatus.ENQUEUED


def test_only_transitions_module_changes_outbox():
    statement = re.compile(
        r"\b(?:INSERT INTO|REPLACE INTO|UPDATE|DELETE FROM)\s+\"?(?:dispatch|delivery_status)\b", re.IGNORECASE
    )
    root = Path(bot.__file__).parent
    paths = [*root.rglob("*.py"), *(root.parent / "cogs").rglob("*.py")]
    counts = {path.relative_to(root.parent).as_posix(): len(statement.findall(path.read_text())) for path in paths}
    writers = {path: count for path, count in counts.items() if count}
    assert list(writers) == ["bot/store/outbox/transitions.py"]
    assert writers["bot/store/outbox/transitions.py"] <= 12
