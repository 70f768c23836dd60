"""Functions that enqueue articles in channels and set their delivery statuses.

An article's web page has one status per channel. If the page has a dispatch (message), the state of the dispatch is
the status; statuses without a dispatch are stored with their reason.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, count

from bot.core.models import DispatchKind, DispatchState
from bot.core.outbox.gathering import PendingDispatch, plan_queue
from bot.core.outbox.routing import (
    ChannelRouting,
    DigestRoute,
    HoldRoute,
    PendingArticle,
    PostRoute,
    Route,
    choose_route,
)
from bot.core.outbox.states import PageStatus
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import transitions

UNLIMITED_POSTS = 2**31
"""Limit of pending posts so large that posts are never merged into a catch-up (message for many articles)."""

_HAS_FINAL_STATUS_SQL = "coalesce(status, '') <> 'filtered'"
"""SQL condition that a page's delivery status is final; a filtered page may still come through another feed."""
_NEVER_ATTEMPTED_SQL = "state = 'waiting' AND attempts = 0"
"""SQL condition that a message can still be changed; a message that was tried may have been sent."""


def enqueue_articles(
    db: Connection, channel_id: int, articles: Iterable[PendingArticle], *, max_pending_posts: int
) -> bool:
    """Enqueue the articles whose web page has no delivery status in the channel; return whether any was enqueued.

    A page that was filtered there counts as one without a status. If more than `max_pending_posts` posts are pending,
    the oldest that were never tried are merged into the channel's catch-up, one message for many articles. A channel
    that gets only digests reserves the articles, a channel with a minimum of outlets or a selection of top stories
    holds their posts; both return False.
    """
    new_articles = select_articles_without_status(db, channel_id, articles)
    if not new_articles:
        return False
    match load_route(db, channel_id):
        case DigestRoute():
            reserve_for_digest(db, channel_id, new_articles)
            return False
        case HoldRoute(held_until):
            _insert_held_posts(db, channel_id, new_articles, held_until)
            return False
        case PostRoute():
            _enqueue_posts(db, channel_id, new_articles, max_pending_posts)
    return True


def enforce_pending_limit(db: Connection, channel_id: int, *, max_pending_posts: int) -> None:
    """Merge a channel's oldest pending posts beyond `max_pending_posts` into its catch-up, one message for all.

    Posts that were tried already stay.
    """
    _enqueue_posts(db, channel_id, [], max_pending_posts)


def _enqueue_posts(
    db: Connection, channel_id: int, new_articles: Sequence[PendingArticle], max_pending_posts: int
) -> None:
    post_rows = db.fetch_rows(
        "SELECT id, kind, position, due_at, attempts FROM dispatch "
        "WHERE channel_id = :channel AND kind = 'post' AND state = 'waiting'",
        {"channel": channel_id},
    )
    gathering_plan = plan_queue(
        [PendingDispatch(*row) for row in post_rows], new_articles, max_single_posts=max_pending_posts
    )
    merge_into_catch_up(db, channel_id, gathering_plan.merged_articles, post_ids=gathering_plan.merged_post_ids)
    for article in gathering_plan.single_articles:
        _insert_post(db, channel_id, article)


def merge_into_catch_up(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, post_ids: Sequence[int] = ()
) -> None:
    """Merge articles, and pending or held posts, into the channel's pending catch-up (message for many), or a new one.

    `post_ids` are ids in the outbox; articles that were added to these posts are merged, too. The web pages of
    `articles` must have no delivery status in the channel.
    """
    if not articles and not post_ids:
        return
    post_rows = db.fetch_rows("SELECT position, dedupe_key AS key FROM dispatch WHERE id IN (:ids)", {"ids": post_ids})
    oldest_position, article_key = min(
        [(article.published_at, article.key) for article in articles] + [(row[0], row[1]) for row in post_rows]
    )
    row = db.fetch_row(
        f"SELECT id, position FROM dispatch "
        f"WHERE channel_id = :channel AND kind = 'catch-up' AND {_NEVER_ATTEMPTED_SQL} ORDER BY id",
        {"channel": channel_id},
    )
    if row is None:
        dedupe_key = make_unique_dedupe_key(db, channel_id, f"catch-up:{article_key}")
        dispatch_id = transitions.insert_dispatch(
            db,
            DispatchState.PENDING,
            channel_id,
            DispatchKind.CATCH_UP,
            dedupe_key,
            position=oldest_position,
            due_at=db.now,
        )
    else:
        dispatch_id, oldest_position = row["id"], min(oldest_position, row["position"])
        transitions.change_dispatches(db, [dispatch_id], position=oldest_position)
    transitions.move_pages(
        db,
        "dispatch_id IN (:posts) OR joined_dispatch_id IN (:posts)",
        {"posts": post_ids},
        PageStatus.ENQUEUED,
        origins=transitions.MEMBER_STATUSES,
        dispatch_id=dispatch_id,
    )
    transitions.delete_dispatches(db, post_ids)
    # Older posts of the same second contain newer articles than the catch-up, so they must follow it.
    same_second_post_ids = db.fetch_column(
        f"SELECT id FROM dispatch WHERE channel_id = :channel AND kind = 'post' AND {_NEVER_ATTEMPTED_SQL} "
        "AND id < :catch_up AND position = :position",
        {"channel": channel_id, "catch_up": dispatch_id, "position": oldest_position},
    )
    transitions.change_dispatches(db, same_second_post_ids, position=oldest_position + 1)
    transitions.add_pages(db, channel_id, articles, PageStatus.ENQUEUED, dispatch_id=dispatch_id)


def enqueue_as_catch_up(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Enqueue the articles that have no delivery status in a channel as one message (catch-up).

    A page that was filtered there counts as one without a status. If the channel gets only digests or holds posts,
    reserve or hold the articles instead.
    """
    new_articles = select_articles_without_status(db, channel_id, articles)
    match load_route(db, channel_id):
        case DigestRoute():
            reserve_for_digest(db, channel_id, new_articles)
        case HoldRoute(held_until):
            _insert_held_posts(db, channel_id, new_articles, held_until)
        case PostRoute():
            merge_into_catch_up(db, channel_id, new_articles)


def reserve_for_digest(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Reserve articles for the next digest of a channel that gets only digests."""
    transitions.add_pages(db, channel_id, articles, PageStatus.RESERVED)


def release_digest_reserve(db: Connection, channel_id: int) -> None:
    """Enqueue the articles reserved for a channel's digest, which has ended, in one catch-up message."""
    rows = db.fetch_rows(
        "SELECT article.id, article.key, delivery_status.page_key, article.published FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "WHERE delivery_status.channel_id = :channel AND delivery_status.status = 'digested' "
        "ORDER BY article.published, article.id",
        {"channel": channel_id},
    )
    transitions.delete_pages(db, "channel_id = :channel", {"channel": channel_id}, origins={PageStatus.RESERVED})
    merge_into_catch_up(db, channel_id, [PendingArticle(*row) for row in rows])


def withhold_articles(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, reason: WithheldReason
) -> None:
    """Mark articles that have no delivery status in the channel as withheld: they are not posted, for `reason`."""
    reason_by_article_id = {article.article_id: Reason(reason).encode() for article in articles}
    transitions.add_pages(db, channel_id, articles, PageStatus.WITHHELD, reasons=reason_by_article_id)


def record_filtered_articles(
    db: Connection, channel_id: int, articles_with_reasons: Sequence[tuple[PendingArticle, Reason]]
) -> None:
    """Mark articles that have no delivery status in the channel as filtered, each with the filters as reason.

    The status is provisional: the page may reach the channel through another feed whose filters it passes. If another
    article of the page has decided the status already, it is recorded that filters block this one.
    """
    articles = [article for article, _reason in articles_with_reasons]
    reason_by_article_id = {article.article_id: reason.encode() for article, reason in articles_with_reasons}
    transitions.add_pages(db, channel_id, articles, PageStatus.FILTERED, reasons=reason_by_article_id)
    db.executemany(
        "INSERT INTO blocked_article (channel_id, article_id) SELECT channel_id, :article FROM delivery_status "
        f"WHERE channel_id = :channel AND page_key = :page AND {_HAS_FINAL_STATUS_SQL} AND article_id <> :article "
        "ON CONFLICT DO NOTHING",
        [{"channel": channel_id, "page": article.page_key, "article": article.article_id} for article in articles],
    )


def load_filtered_page_keys(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> set[str]:
    """Return the page keys (hashes of canonical URLs) of those articles that filters block in the channel."""
    return set(
        db.fetch_column(
            "SELECT page_key FROM delivery_status WHERE channel_id = :channel AND status = 'filtered' AND page_key "
            "IN (:pages)",
            {"channel": channel_id, "pages": [article.page_key for article in articles]},
        )
    )


def select_articles_without_status(
    db: Connection, channel_id: int, articles: Iterable[PendingArticle]
) -> list[PendingArticle]:
    """Return the articles, one per web page, whose page has no delivery status in the channel or was filtered there."""
    article_by_page_key: dict[str, PendingArticle] = {}
    for article in articles:
        article_by_page_key.setdefault(article.page_key, article)
    rows = db.execute(
        f"SELECT page_key FROM delivery_status WHERE channel_id = :channel AND {_HAS_FINAL_STATUS_SQL} AND page_key "
        "IN (:pages)",
        {"channel": channel_id, "pages": article_by_page_key.keys()},
    )
    for (page_key,) in rows:
        del article_by_page_key[page_key]
    return list(article_by_page_key.values())


def load_route(db: Connection, channel_id: int) -> Route:
    """Return where new articles of a channel go: into posts, held posts or its digest."""
    row = db.fetch_row(
        "SELECT EXISTS (SELECT 1 FROM digest WHERE channel_id = channel.id AND alone = 1), least_outlets, best_a_day "
        "FROM channel WHERE id = :channel",
        {"channel": channel_id},
    )
    return choose_route(ChannelRouting(*row), db.now)


def add_post(db: Connection, channel_id: int, article: PendingArticle, *, held_until: int | None = None) -> int:
    """Insert a post of an article, unless the channel has a message with its key; return the stored one's id.

    A new post is pending, or held until it expires at `held_until` (Unix time in seconds).
    """
    return transitions.insert_dispatch(
        db,
        DispatchState.PENDING if held_until is None else DispatchState.HELD,
        channel_id,
        DispatchKind.POST,
        article.key,
        position=article.published_at,
        due_at=db.now if held_until is None else held_until,
    )


def _insert_held_posts(db: Connection, channel_id: int, articles: Iterable[PendingArticle], held_until: int) -> None:
    for article in articles:
        _insert_post(db, channel_id, article, held_until=held_until)


def _insert_post(db: Connection, channel_id: int, article: PendingArticle, *, held_until: int | None = None) -> None:
    dispatch_id = add_post(db, channel_id, article, held_until=held_until)
    transitions.add_pages(db, channel_id, [article], PageStatus.ENQUEUED, dispatch_id=dispatch_id)


def make_unique_dedupe_key(db: Connection, channel_id: int, prefix: str, *, separator: str = ":") -> str:
    """Return a dedupe key that no message of the channel has: `prefix`, with a number if that is taken.

    A key may be taken because an article can be enqueued again after it was withdrawn. `separator` stands
    before the number.
    """
    rows = db.fetch_rows(
        "SELECT dedupe_key FROM dispatch WHERE channel_id = :channel AND dedupe_key >= :prefix "
        "AND dedupe_key < :prefix || ';'",
        {"channel": channel_id, "prefix": prefix},
    )
    existing_keys = {row["dedupe_key"] for row in rows}
    return next(
        candidate_key
        for candidate_key in chain([prefix], (f"{prefix}{separator}{suffix_number}" for suffix_number in count(2)))
        if candidate_key not in existing_keys
    )
