"""Functions that enqueue messages about proposed feeds: one on which managers decide, and notices of the outcome."""

from collections.abc import Collection

from bot.core.models import DispatchKind, DispatchState
from bot.store.connection import Connection
from bot.store.outbox import outbox_writes, transitions
from bot.store.settings.parent_rows import ensure_channel


def enqueue_message(db: Connection, channel_id: int, proposal_id: int) -> None:
    """Enqueue the message on which managers decide about a proposed feed, in the server's channel for alerts."""
    # The key is taken if the channel was forgotten as deleted, and is chosen again.
    dedupe_key = outbox_writes.make_unique_dedupe_key(db, channel_id, f"proposal:{proposal_id}", separator=".")
    _enqueue(db, channel_id, proposal_id, dedupe_key)


def enqueue_channel_notice(db: Connection, proposal_id: int, proposer_id: int) -> None:
    """Enqueue the notice of what was decided about a proposed feed, for the channel in which the user proposed it."""
    server_id, channel_id = db.fetch_row(
        "SELECT proposal.server_id, proposer.channel_id FROM proposer "
        "JOIN proposal ON proposal.id = proposer.proposal_id WHERE proposer.id = ?",
        (proposer_id,),
    )
    ensure_channel(db, channel_id, server_id=server_id)
    enqueue_notice(db, channel_id, proposal_id, proposer_id)


def enqueue_notice(db: Connection, channel_id: int, proposal_id: int, proposer_id: int) -> None:
    """Enqueue the notice of what was decided about a proposed feed to a user who proposed it, at most once."""
    _enqueue(db, channel_id, proposal_id, f"proposal:{proposal_id}:{proposer_id}", proposer_id=proposer_id)


def _enqueue(db: Connection, channel_id: int, proposal_id: int, dedupe_key: str, **columns: int) -> None:
    transitions.insert_dispatch(
        db,
        DispatchState.PENDING,
        channel_id,
        DispatchKind.FEED_ALERT,
        dedupe_key,
        position=db.now,
        due_at=db.now,
        proposal_id=proposal_id,
        **columns,
    )


def schedule_message_edits(db: Connection, proposal_ids: Collection[int]) -> None:
    """Schedule edits of managers' messages about proposed feeds, unless one is scheduled that has not begun."""
    dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE proposal_id IN (:ids) AND proposer_id IS NULL "
        "AND coalesce(edit_due_at, 0) <= :now",
        {"ids": proposal_ids, "now": db.now},
    )
    transitions.schedule_edits(db, dispatch_ids, earliest_at=db.now)
