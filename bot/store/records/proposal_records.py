"""Records of proposals: feeds that members would like a server to follow, on which its managers decide."""

from dataclasses import dataclass
from enum import StrEnum

from bot.core.reasons import ReasonCode


class ProposalDecision(StrEnum):
    """Way in which the proposal of a feed ended."""

    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"  # Nobody decided in time.
    WITHDRAWN = "withdrawn"  # Everybody who proposed it took that back, or had their data deleted.


class ProposalRejection(ReasonCode):
    """Reason why a feed cannot be proposed, or a proposal not be decided on, of which a sentence is made."""

    BLOCKED_BY_MANAGER = "proposals-blocked"
    TOO_MANY_OF_USER = "too-many-own-proposals"  # count
    TOO_MANY_OF_SERVER = "too-many-proposals"  # count
    ALREADY_PROPOSED = "already-proposed"
    ENOUGH_PROPOSERS = "enough-proposers"  # count
    ALREADY_DECIDED = "already-decided"  # decision; user: the id of who decided, 0 for nobody
    GONE = "proposal-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """A user who proposes a feed, with the channel and the message in which they did.

    `message_id` is None if they used a command. `language` is that of their client.
    """

    id: int
    user_id: int
    reason: str
    language: str
    channel_id: int
    message_id: int | None
    proposed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposed feed, for a channel, with everybody who proposes it; open while `decision` is None.

    `target_channel_id` is the channel in which the feed would be posted. `preview` describes the feed for the
    message to managers. `decided_by` is the id of the manager who decided, or None; `decision_reason` is their line to
    the proposers, or "". Times are Unix times in seconds.
    """

    id: int
    server_id: int
    target_channel_id: int
    url: str
    title: str
    preview: str
    created_at: int
    closes_at: int
    decision: ProposalDecision | None
    decided_at: int | None
    decided_by: int | None
    decision_reason: str
    proposers: tuple[Proposer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDraft:
    """A feed that a user is about to propose, for `target_channel_id`, in the channel `channel_id`.

    `message_id` is the message with the link, or None. `dm_channel_id` is the channel of the user's direct
    messages, or None if Discord does not open it.
    """

    server_id: int
    target_channel_id: int
    url: str
    title: str
    preview: str
    user_id: int
    reason: str
    language: str
    channel_id: int
    message_id: int | None
    dm_channel_id: int | None
