"""Scores of feeds: how much of what they post is saved or liked, counting only what may be shown to managers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import median

from bot.store.records.people_records import FeedReactionCounts
from bot.stories.preference_model import MIN_USERS_TO_SHOW

NEW_FEED_SECONDS = 30 * 86_400
"""Seconds for which a channel must have followed a feed before the feed is judged."""
MAX_POSTS_WITHOUT_DECISION = 20
"""Maximum number of posts of a feed up to which its share of kept posts (saved or liked) is not judged."""
MAX_SHARE_OF_MEDIAN = 0.2
"""Share of kept posts (saved or liked), relative to the median of feeds, below which a manager should act."""
MIN_MUTERS_TO_DECIDE = 3
"""Number of people who muted stories of a feed from which on a manager should act on the feed."""


class Verdict(Enum):
    """Judgement on a feed: whether a manager should act on it, leave it alone, or wait."""

    DECIDE = auto()
    EARNS_PLACE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class VisibleCount:
    """Number of reactions as managers may see it: None if some, but fewer than `MIN_USERS_TO_SHOW` people reacted."""

    count: int | None

    @classmethod
    def of(cls, count: int, person_count: int) -> "VisibleCount":
        """Return the visible form of a number of reactions by `person_count` people; 0 is always shown."""
        return cls(count if person_count >= MIN_USERS_TO_SHOW or not count else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedScore:
    """Score of a feed in a channel, of the reactions whose numbers managers may see.

    `kept_count` is the number of posts that were saved or liked, as far as that may be seen; each post counts once.
    `has_hidden_keeps` is whether the number of saves or of likes is hidden. `muters` is a number of people.
    """

    post_count: int
    saves: VisibleCount
    likes: VisibleCount
    dislikes: VisibleCount
    muters: VisibleCount
    kept_count: int
    has_hidden_keeps: bool

    @property
    def kept_share(self) -> float:
        """Return the share of posts that were saved or liked, from 0 to 1."""
        return self.kept_count / self.post_count if self.post_count else 0.0


EMPTY_SCORE = FeedScore(
    post_count=0,
    saves=VisibleCount(0),
    likes=VisibleCount(0),
    dislikes=VisibleCount(0),
    muters=VisibleCount(0),
    kept_count=0,
    has_hidden_keeps=False,
)
"""Score of a feed that posted nothing."""


def score_feed(counts: FeedReactionCounts) -> FeedScore:
    """Return the score of a feed in a channel, without the numbers that few people are behind."""
    saves, likes, dislikes = (
        VisibleCount.of(reactions.reaction_count, reactions.person_count)
        for reactions in (counts.saves, counts.likes, counts.dislikes)
    )
    # A post that was saved and liked must not show in the sum if one of the two numbers is hidden.
    if saves.count is None or likes.count is None:
        visible_kept_count = (0 if saves.count is None else counts.saves.post_count) + (
            0 if likes.count is None else counts.likes.post_count
        )
    else:
        visible_kept_count = counts.kept_count
    return FeedScore(
        post_count=counts.post_count,
        saves=saves,
        likes=likes,
        dislikes=dislikes,
        muters=VisibleCount.of(counts.muter_count, counts.muter_count),
        kept_count=visible_kept_count,
        has_hidden_keeps=saves.count is None or likes.count is None,
    )


def compute_median_share(scores: Sequence[FeedScore]) -> float:
    """Return the median share of kept posts of feeds that posted; 0 if none did."""
    return median([score.kept_share for score in scores if score.post_count] or [0.0])


def judge_feed(score: FeedScore, median_share: float, *, is_new: bool, is_paused: bool) -> Verdict:
    """Return the judgement on a feed, given the median share of kept posts of the feeds that are not new."""
    if is_new or is_paused:
        return Verdict.UNKNOWN
    has_many_muters = (score.muters.count or 0) >= MIN_MUTERS_TO_DECIDE
    is_rarely_kept = (
        score.post_count > MAX_POSTS_WITHOUT_DECISION and score.kept_share < median_share * MAX_SHARE_OF_MEDIAN
    )
    if has_many_muters or is_rarely_kept:
        return Verdict.DECIDE
    return Verdict.EARNS_PLACE if score.kept_count else Verdict.UNKNOWN
