"""Repository of proposals: feeds that members would like a server to follow, and what managers decided.

The message to the managers and the notices to the proposers go through the outbox. A proposal is stored first; its
message is enqueued as soon as the server has a channel for alerts (`server.alerts` is the id of that channel).
"""

from collections.abc import Collection, Mapping
from typing import Any

from bot.core.models import DispatchKind, DispatchState, Subscription
from bot.core.preferences import SettingKind
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import RequestRejected
from bot.store.connection import Connection, Row
from bot.store.outbox import outbox_writes, transitions
from bot.store.processes import ShardedRepository
from bot.store.records.people_records import (
    Proposal,
    ProposalDecision,
    ProposalDraft,
    ProposalRejection,
    Proposer,
)
from bot.store.repository import read_transaction, write_transaction
from bot.store.row_mapping import from_row
from bot.store.settings import setting_changes, subscriptions
from bot.store.settings.filters import MakeMatcher, make_no_matcher
from bot.store.settings.parent_rows import ensure_channel
from bot.store.url_encryption import decrypt_url, encrypt_url


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


MAX_OPEN_PER_USER = 3
"""Maximum number of feeds that a user proposes in a server at a time."""
MAX_OPEN_PER_SERVER = 50
"""Maximum number of proposed feeds in a server at a time, so that its managers can read about them all."""
MAX_PROPOSERS = 10
"""Maximum number of users who can propose one feed together in a server."""
OPEN_SECONDS = 14 * 86_400
"""Seconds after which the proposal of a feed closes if nobody has decided on it."""

_AWAITING_MESSAGE_SQL = f"""
    alert_channel.id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM dispatch JOIN channel ON channel.id = dispatch.channel_id
        WHERE dispatch.proposal_id = proposal.id AND dispatch.proposer_id IS NULL
          AND coalesce(channel.problem, '') <> '{SendProblem.CHANNEL_GONE}')
"""
"""SQL condition that managers have no message about a proposed feed yet, although there is a channel for it."""
_OPEN_PROPOSALS_SQL = f"""
    FROM proposal
    JOIN server ON server.id = proposal.server_id AND server.left_at IS NULL
    LEFT JOIN channel AS alert_channel ON alert_channel.id = server.alerts
        AND coalesce(alert_channel.problem, '') <> '{SendProblem.CHANNEL_GONE}'
    WHERE proposal.decision IS NULL
"""
"""FROM and WHERE clauses for open proposals of feeds, in servers that the bot is in, with the channels for alerts."""


class Proposals(ShardedRepository):
    """Repository of feeds that members proposed, of these members, and of members who may propose none.

    Methods raise StoreError.
    """

    @write_transaction
    def add(self, db: Connection, draft: ProposalDraft) -> tuple[Proposal, bool]:
        """Store a user's proposal of a feed, or add the user to the feed's open one; return it, and whether it is new.

        The managers' message about the feed, if there is one, is edited. Raises RequestRejected if the user is blocked
        or has proposed the feed, or a limit is reached.
        """
        open_proposals = _list_open(db, draft.server_id)
        same_proposal = next((proposal for proposal in open_proposals if proposal.url == draft.url), None)
        if same_proposal is not None:
            _require_may_join(same_proposal, draft.user_id)
        _require_may_propose(db, open_proposals, draft.server_id, draft.user_id)
        proposal_id = same_proposal.id if same_proposal else _insert_proposal(db, draft, len(open_proposals))
        db.execute(
            "INSERT INTO proposer (proposal_id, user_id, reason, language, channel_id, message_id, proposed_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                proposal_id,
                draft.user_id,
                draft.reason,
                draft.language,
                draft.channel_id,
                draft.message_id,
                db.now,
            ),
        )
        if draft.dm_channel_id is not None:
            ensure_channel(db, draft.dm_channel_id, dm_user_id=draft.user_id)
        schedule_message_edits(db, [proposal_id])
        return _get_existing(db, proposal_id), same_proposal is None

    @read_transaction
    def require_may_propose(self, db: Connection, server_id: int, user_id: int) -> None:
        """Raise RequestRejected if a user's proposals are blocked in a server or they have too many open ones."""
        _require_may_propose(db, _list_open(db, server_id), server_id, user_id)

    @read_transaction
    def require_may_join(self, db: Connection, url: str, server_id: int, user_id: int) -> None:
        """Raise RequestRejected if a user has proposed a feed already, or if as many users as can have proposed it."""
        for proposal in _list_open(db, server_id):
            if proposal.url == url:
                _require_may_join(proposal, user_id)

    @read_transaction
    def get(self, db: Connection, proposal_id: int) -> Proposal | None:
        """Return the proposal of a feed with an id, or None if there is none."""
        return next(iter(_list_proposals(db, "id = :id", {"id": proposal_id})), None)

    @read_transaction
    def get_open(self, db: Connection, proposal_id: int, server_id: int) -> Proposal:
        """Return an open proposal of a feed in a server. Raises RequestRejected if there is none or it was decided."""
        return _require_open(db, proposal_id, server_id)

    @read_transaction
    def list_by_user(self, db: Connection, user_id: int) -> list[Proposal]:
        """List the proposals of feeds that a user made or decided on, oldest first."""
        return _list_proposals(
            db,
            "decided_by = :user OR id IN (SELECT proposal_id FROM proposer WHERE user_id = :user)",
            {"user": user_id},
        )

    @read_transaction
    def list_open(self, db: Connection, server_id: int) -> list[Proposal]:
        """List the open proposals of feeds in a server, oldest first."""
        return _list_open(db, server_id)

    @write_transaction
    def set_channel(self, db: Connection, proposal_id: int, channel_id: int, *, server_id: int) -> None:
        """Set the channel for which a feed is proposed, and have the managers' message edited.

        Raises RequestRejected unless the proposal is open.
        """
        _require_open(db, proposal_id, server_id)
        ensure_channel(db, channel_id, server_id=server_id)
        db.execute("UPDATE proposal SET channel_id = ? WHERE id = ?", (channel_id, proposal_id))
        schedule_message_edits(db, [proposal_id])

    @write_transaction
    def schedule_message_edit(self, db: Connection, proposal_id: int) -> None:
        """Schedule an edit of the managers' message about a proposed feed, so that it shows the proposal as stored."""
        schedule_message_edits(db, [proposal_id])

    @write_transaction
    def approve(
        self,
        db: Connection,
        proposal_id: int,
        *,
        server_id: int,
        channel_id: int,
        feed_id: int,
        first_article_id: int | None,
        user_id: int | None,
        max_feeds: int | None = None,
        make_matcher: MakeMatcher = make_no_matcher,
    ) -> tuple[Subscription, bool]:
        """Approve the proposal of a feed in the name of the manager `user_id` and follow the feed, in one transaction.

        Those who proposed the feed are notified, and the managers' message is edited.
        Return the subscription, and whether it is new: then the article `first_article_id` is posted, if any. Raises
        RequestRejected if the proposal is gone or was decided before, if the server would follow more than
        `max_feeds` feeds, or if an operator blocks the source of the feed.
        """
        proposal = _require_open(db, proposal_id, server_id)
        db.execute("UPDATE proposal SET channel_id = ? WHERE id = ?", (channel_id, proposal_id))
        _decide(db, proposal, ProposalDecision.APPROVED, user_id)
        return subscriptions.follow_feed(
            db,
            server_id=server_id,
            channel_id=channel_id,
            feed_id=feed_id,
            first_article_id=first_article_id,
            user_id=user_id,
            max_feeds=max_feeds,
            make_matcher=make_matcher,
        )

    @write_transaction
    def decline(self, db: Connection, proposal_id: int, *, server_id: int, user_id: int, reason: str = "") -> None:
        """Decline the proposal of a feed in the name of a manager, with a reason for those who proposed it, or "".

        Those who proposed the feed are notified, the managers' message is edited, and the decision recorded in the
        change history. Raises RequestRejected if it is gone or was decided before.
        """
        _decline(db, _require_open(db, proposal_id, server_id), user_id, reason)

    @write_transaction
    def withdraw(self, db: Connection, proposal_id: int, *, server_id: int, user_id: int) -> None:
        """Remove a user from an open proposal of a feed, which closes if nobody else makes it.

        The managers' message is edited. Raises RequestRejected unless the proposal is open.
        """
        _require_open(db, proposal_id, server_id)
        db.execute("DELETE FROM proposer WHERE proposal_id = ? AND user_id = ?", (proposal_id, user_id))
        _close_without_proposers(db, [proposal_id])
        schedule_message_edits(db, [proposal_id])

    @write_transaction
    def block_user(self, db: Connection, blocked_user_id: int, *, server_id: int, user_id: int) -> None:
        """Keep a user from proposing feeds in a server, in the name of the manager `user_id`.

        Proposals of the blocked user alone are declined; those that others make, too, remain without them.
        """
        db.execute(
            "INSERT INTO blocked_proposer (server_id, user_id, blocked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (server_id, blocked_user_id, db.now),
        )
        for proposal in _list_open(db, server_id):
            if _get_proposer_user_ids(proposal) == {blocked_user_id}:
                _decline(db, proposal, user_id)
            elif blocked_user_id in _get_proposer_user_ids(proposal):
                db.execute("DELETE FROM proposer WHERE proposal_id = ? AND user_id = ?", (proposal.id, blocked_user_id))
                schedule_message_edits(db, [proposal.id])

    @write_transaction
    def unblock_user(self, db: Connection, blocked_user_id: int, *, server_id: int) -> None:
        """Let a user propose feeds in a server again."""
        db.execute("DELETE FROM blocked_proposer WHERE server_id = ? AND user_id = ?", (server_id, blocked_user_id))

    async def list_blocked_user_ids(self, server_id: int) -> list[int]:
        """List the ids of users who are kept from proposing feeds in a server, the last one blocked first."""
        return await self._fetch_column(
            "SELECT user_id FROM blocked_proposer WHERE server_id = ? ORDER BY blocked_at DESC, user_id", (server_id,)
        )

    async def list_blocking_server_ids(self, user_id: int) -> list[int]:
        """List the ids of the servers in which a user is kept from proposing feeds."""
        return await self._fetch_column(
            "SELECT server_id FROM blocked_proposer WHERE user_id = ? ORDER BY server_id", (user_id,)
        )

    async def get_next_due_at(self) -> int | None:
        """Return when the next proposal of a feed closes, 0 if one has no message to managers yet, or None without one.

        The time is Unix time in seconds. Only servers that this process serves count.
        """
        return await self._fetch_value(
            f"SELECT min(CASE WHEN {_AWAITING_MESSAGE_SQL} THEN 0 ELSE proposal.closes_at END) {_OPEN_PROPOSALS_SQL} "
            f"AND {self._shards.build_served_condition('proposal.server_id')}"
        )

    @write_transaction
    def process_due(self, db: Connection) -> None:
        """Close the proposals of feeds whose time is over, and enqueue the missing messages to managers about others.

        Those who proposed a feed are notified when its proposal closes. Only proposals in servers that this process
        serves are processed.
        """
        served_sql = self._shards.build_served_condition("proposal.server_id")
        due_sql = f"SELECT proposal.id {_OPEN_PROPOSALS_SQL} AND {served_sql} AND proposal.closes_at <= :now"
        for proposal in _list_proposals(db, f"id IN ({due_sql})", {"now": db.now}):
            _decide(db, proposal, ProposalDecision.EXPIRED, None)
        rows = db.fetch_rows(
            f"SELECT proposal.id, alert_channel.id AS channel_id {_OPEN_PROPOSALS_SQL} "
            f"AND {served_sql} AND {_AWAITING_MESSAGE_SQL} ORDER BY proposal.id"
        )
        for row in rows:
            enqueue_message(db, row["channel_id"], row["id"])

    @write_transaction
    def move_notice_to_channel(self, db: Connection, dispatch_id: int) -> None:
        """Replace a direct message about the decision on a proposed feed by a message where the feed was proposed."""
        self._shards.require_served(db, dispatch_id)
        row = db.fetch_row("SELECT proposal_id, proposer_id FROM dispatch WHERE id = ?", (dispatch_id,))
        if row is not None:
            enqueue_channel_notice(db, row["proposal_id"], row["proposer_id"])
            transitions.delete_dispatches(db, [dispatch_id], origins={DispatchState.CLAIMED})

    @write_transaction
    def forget_alert_channel(self, db: Connection, channel_id: int) -> None:
        """Unset a deleted channel as a server's channel for alerts; proposals of feeds shown there await a new message.

        A message that is being sent there keeps its proposal until the attempt has failed.
        """
        db.execute("UPDATE server SET alerts = NULL WHERE alerts = ?", (channel_id,))
        dispatch_ids = db.fetch_column(
            "SELECT id FROM dispatch WHERE channel_id = ? AND proposal_id IS NOT NULL AND proposer_id IS NULL",
            (channel_id,),
        )
        transitions.delete_dispatches(db, dispatch_ids)
        sent_states = {DispatchState.SENT, DispatchState.UNCERTAIN, DispatchState.FAILED}
        transitions.change_dispatches(db, dispatch_ids, states=sent_states, proposal_id=None, edit_due_at=None)

    @write_transaction
    def purge(self, db: Connection, before: int) -> None:
        """Delete the proposals of feeds that were decided before a Unix time in seconds."""
        db.execute("DELETE FROM proposal WHERE decided_at < ?", (before,))


def erase_proposals(db: Connection, user_id: int) -> int:
    """Remove a user from proposals of feeds, decisions on them and the blocked users; return from how many proposals.

    Open proposals that nobody else makes are withdrawn, and the messages about all these proposals are edited.
    """
    proposal_ids = db.fetch_column("SELECT proposal_id FROM proposer WHERE user_id = ?", (user_id,))
    decided_ids = db.fetch_column("SELECT id FROM proposal WHERE decided_by = ?", (user_id,))
    db.execute("UPDATE proposal SET decided_by = NULL, decision_reason = '' WHERE decided_by = ?", (user_id,))
    db.execute("DELETE FROM proposer WHERE user_id = ?", (user_id,))
    db.execute("DELETE FROM blocked_proposer WHERE user_id = ?", (user_id,))
    _close_without_proposers(db, proposal_ids)
    schedule_message_edits(db, {*proposal_ids, *decided_ids})
    return len(proposal_ids)


def _close_without_proposers(db: Connection, proposal_ids: Collection[int]) -> None:
    """Withdraw the open ones of some proposals that nobody makes any more."""
    db.execute(
        "UPDATE proposal SET decision = :decision, decided_at = :now WHERE id IN (:ids) AND decision IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM proposer WHERE proposer.proposal_id = proposal.id)",
        {"decision": ProposalDecision.WITHDRAWN, "now": db.now, "ids": proposal_ids},
    )


def _list_proposals(db: Connection, condition_sql: str, parameters: Mapping[str, Any]) -> list[Proposal]:
    rows = db.fetch_rows(f"SELECT * FROM proposal WHERE {condition_sql} ORDER BY id", parameters)
    proposers_by_proposal_id: dict[int, list[Proposer]] = {}
    for row in db.fetch_rows(
        "SELECT * FROM proposer WHERE proposal_id IN (:ids) ORDER BY id", {"ids": [row["id"] for row in rows]}
    ):
        proposers_by_proposal_id.setdefault(row["proposal_id"], []).append(from_row(Proposer, row))
    return [_proposal_from_row(row, proposers_by_proposal_id.get(row["id"], [])) for row in rows]


def _proposal_from_row(row: Row, proposers: list[Proposer]) -> Proposal:
    return from_row(
        Proposal,
        row,
        target_channel_id=row["channel_id"],
        url=decrypt_url(row["url"]),
        proposers=tuple(proposers),
    )


def _list_open(db: Connection, server_id: int) -> list[Proposal]:
    return _list_proposals(db, "server_id = :server AND decision IS NULL", {"server": server_id})


def _get_existing(db: Connection, proposal_id: int) -> Proposal:
    (proposal,) = _list_proposals(db, "id = :id", {"id": proposal_id})
    return proposal


def _get_proposer_user_ids(proposal: Proposal) -> set[int]:
    return {proposer.user_id for proposer in proposal.proposers}


def _require_may_propose(db: Connection, open_proposals: Collection[Proposal], server_id: int, user_id: int) -> None:
    if db.fetch_row("SELECT 1 FROM blocked_proposer WHERE server_id = ? AND user_id = ?", (server_id, user_id)):
        raise RequestRejected(ProposalRejection.BLOCKED_BY_MANAGER)
    own_count = sum(user_id in _get_proposer_user_ids(proposal) for proposal in open_proposals)
    if own_count >= MAX_OPEN_PER_USER:
        raise RequestRejected(ProposalRejection.TOO_MANY_OF_USER, count=MAX_OPEN_PER_USER)


def _require_may_join(proposal: Proposal, user_id: int) -> None:
    if user_id in _get_proposer_user_ids(proposal):
        raise RequestRejected(ProposalRejection.ALREADY_PROPOSED)
    if len(proposal.proposers) >= MAX_PROPOSERS:
        raise RequestRejected(ProposalRejection.ENOUGH_PROPOSERS, count=MAX_PROPOSERS)


def _require_open(db: Connection, proposal_id: int, server_id: int) -> Proposal:
    proposal = next(iter(_list_proposals(db, "id = :id", {"id": proposal_id})), None)
    if proposal is None or proposal.server_id != server_id:
        raise RequestRejected(ProposalRejection.GONE)
    if proposal.decision is not None:
        raise RequestRejected(
            ProposalRejection.ALREADY_DECIDED, decision=proposal.decision.value, user=proposal.decided_by or 0
        )
    return proposal


def _insert_proposal(db: Connection, draft: ProposalDraft, open_count: int) -> int:
    if open_count >= MAX_OPEN_PER_SERVER:
        raise RequestRejected(ProposalRejection.TOO_MANY_OF_SERVER, count=MAX_OPEN_PER_SERVER)
    ensure_channel(db, draft.target_channel_id, server_id=draft.server_id)
    (proposal_id,) = db.fetch_column(
        "INSERT INTO proposal (server_id, channel_id, url, title, preview, created_at, closes_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            draft.server_id,
            draft.target_channel_id,
            encrypt_url(draft.url, None),
            draft.title,
            draft.preview,
            db.now,
            db.now + OPEN_SECONDS,
        ),
    )
    return int(proposal_id)


def _decide(
    db: Connection, proposal: Proposal, decision: ProposalDecision, user_id: int | None, reason: str = ""
) -> None:
    """Record the decision on a proposed feed, have the managers' message show it, and enqueue notices to proposers."""
    db.execute(
        "UPDATE proposal SET decision = ?, decided_at = ?, decided_by = ?, decision_reason = ? WHERE id = ?",
        (decision, db.now, user_id, reason, proposal.id),
    )
    schedule_message_edits(db, [proposal.id])
    for proposer in proposal.proposers:
        dm_row = db.fetch_row("SELECT id, problem FROM channel WHERE user_id = ?", (proposer.user_id,))
        if dm_row is None or dm_row["problem"] == Reason(SendProblem.DMS_CLOSED).encode():
            enqueue_channel_notice(db, proposal.id, proposer.id)
        else:
            enqueue_notice(db, dm_row["id"], proposal.id, proposer.id)


def _decline(db: Connection, proposal: Proposal, user_id: int, reason: str = "") -> None:
    _decide(db, proposal, ProposalDecision.DECLINED, user_id, reason)
    setting_changes.log_change(
        db, proposal.server_id, user_id, SettingKind.PROPOSAL, proposal.title, ProposalDecision.DECLINED
    )
