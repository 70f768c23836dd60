"""Functions that enqueue articles in channels and set their delivery statuses.

A page has one status per channel. If the page has a dispatch, the state of the dispatch is the status;
statuses without a dispatch are stored with their reason.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import NamedTuple

from bot.core.preferences import MIN_OUTLETS_DEADLINE_SECONDS, TOP_STORY_WINDOW_SECONDS
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.row_mapping import to_json_array

UNLIMITED_POSTS = 2**31
"""Limit of pending posts so large that posts are never merged into a catch-up."""

_NEVER_ATTEMPTED_SQL = "state = 'waiting' AND attempts = 0"
"""SQL condition that a dispatch can still be changed; a dispatch that was tried may have been sent."""


class PendingArticle(NamedTuple):
    """An article to be enqueued in a channel. `published_at` is Unix time in seconds."""

    article_id: int
    key: str
    page_key: str
    published_at: int


def enqueue(db: Connection, channel_id: int, articles: Iterable[PendingArticle], *, limit: int) -> bool:
    """Enqueue the articles whose page has no status in the channel; return whether any was enqueued.

    If more than `limit` posts are pending, the oldest of all pending posts are merged into the channel's
    catch-up, one message for many articles. A channel that gets only digests reserves the articles, a channel
    that waits for stories holds them; both return False.
    """
    new_articles = select_without_status(db, channel_id, articles)
    if not new_articles:
        return False
    if is_digest_only(db, channel_id):
        reserve_for_digest(db, channel_id, new_articles)
        return False
    if (held_until := get_hold_deadline(db, channel_id)) is not None:
        _insert_held_posts(db, channel_id, new_articles, held_until)
        return False
    _enqueue_posts(db, channel_id, new_articles, limit)
    return True


def enforce_pending_limit(db: Connection, channel_id: int, *, limit: int) -> None:
    """Merge a channel's oldest pending posts beyond `limit` into its catch-up, one message for all."""
    _enqueue_posts(db, channel_id, [], limit)


def _enqueue_posts(db: Connection, channel_id: int, new_articles: Sequence[PendingArticle], limit: int) -> None:
    post_rows = db.fetch_rows(
        "SELECT id, attempts, position, what FROM dispatch "
        "WHERE channel_id = ? AND kind = 'post' AND state = 'waiting'",
        (channel_id,),
    )
    free_place_count = max(limit - sum(1 for attempted_row in post_rows if attempted_row["attempts"]), 0)
    queue_entries: list[tuple[int, int, PendingArticle | None]] = [
        (untried_row["position"], untried_row["id"], None) for untried_row in post_rows if not untried_row["attempts"]
    ]
    newest_id = max((post_row["id"] for post_row in post_rows), default=0)
    queue_entries += [
        (new_article.published_at, newest_id + 1 + index, new_article) for index, new_article in enumerate(new_articles)
    ]
    queue_entries.sort(key=lambda entry: entry[:2])
    excess_count = max(len(queue_entries) - free_place_count, 0)
    merge_into_catch_up(
        db,
        channel_id,
        [excess_article for _, _, excess_article in queue_entries[:excess_count] if excess_article],
        post_ids=[post_id for _, post_id, entry_article in queue_entries[:excess_count] if not entry_article],
    )
    for _, _, article in queue_entries[excess_count:]:
        if article:
            _insert_post(db, channel_id, article)


def merge_into_catch_up(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, post_ids: Sequence[int] = ()
) -> None:
    """Merge articles and pending posts into the channel's pending catch-up message, or into a new one.

    `posts` are ids of dispatches. The pages of `articles` must have no status in the channel.
    """
    if not articles and not post_ids:
        return
    post_rows = db.fetch_rows(
        "SELECT position, what AS key FROM dispatch WHERE id IN (SELECT value FROM json_each(?))",
        (to_json_array(post_ids),),
    )
    oldest_position, article_key = min(
        [(article.published_at, article.key) for article in articles] + [(row[0], row[1]) for row in post_rows]
    )
    row = db.fetch_row(
        f"SELECT id FROM dispatch WHERE channel_id = ? AND kind = 'catch-up' AND {_NEVER_ATTEMPTED_SQL} ORDER BY id",
        (channel_id,),
    )
    if row is None:
        dedupe_key = make_unique_dedupe_key(db, channel_id, f"catch-up:{article_key}")
        dispatch_id = add_dispatch(db, channel_id, "catch-up", dedupe_key, oldest_position)
    else:
        dispatch_id = row["id"]
        db.execute("UPDATE dispatch SET position = min(position, ?) WHERE id = ?", (oldest_position, dispatch_id))
    db.execute(
        "UPDATE fate SET dispatch_id = ?1, fate = NULL, joined_id = NULL "
        "WHERE dispatch_id IN (SELECT value FROM json_each(?2)) "
        "OR joined_id IN (SELECT value FROM json_each(?2))",
        (dispatch_id, to_json_array(post_ids)),
    )
    db.execute("DELETE FROM dispatch WHERE id IN (SELECT value FROM json_each(?))", (to_json_array(post_ids),))
    # Older posts of the same second contain newer articles than the catch-up, so they must follow it.
    db.execute(
        f"UPDATE dispatch SET position = position + 1 "
        f"WHERE channel_id = ?1 AND kind = 'post' AND {_NEVER_ATTEMPTED_SQL} AND id < ?2 "
        "AND position = (SELECT position FROM dispatch WHERE id = ?2)",
        (channel_id, dispatch_id),
    )
    set_status(db, channel_id, articles, dispatch_id=dispatch_id)


def enqueue_as_catch_up(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Enqueue articles without a status in a channel as one catch-up message.

    If the channel gets only digests or holds posts, reserve or hold the articles instead.
    """
    new_articles = select_without_status(db, channel_id, articles)
    if is_digest_only(db, channel_id):
        reserve_for_digest(db, channel_id, new_articles)
    elif (held_until := get_hold_deadline(db, channel_id)) is not None:
        _insert_held_posts(db, channel_id, new_articles, held_until)
    else:
        merge_into_catch_up(db, channel_id, new_articles)


def reserve_for_digest(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Reserve articles for the next digest of a channel that gets only digests."""
    set_status(db, channel_id, articles, status="digested")


def release_digest_reserve(db: Connection, channel_id: int) -> None:
    """Enqueue the articles reserved for a channel's digest, which has ended, in one catch-up message."""
    rows = db.fetch_rows(
        "SELECT article.id, article.key, fate.page, article.published FROM fate "
        "JOIN article ON article.id = fate.article_id "
        "WHERE fate.channel_id = ? AND fate.fate = 'digested' ORDER BY article.published, article.id",
        (channel_id,),
    )
    db.execute("DELETE FROM fate WHERE channel_id = ? AND fate = 'digested'", (channel_id,))
    merge_into_catch_up(db, channel_id, [PendingArticle(*row) for row in rows])


def withhold_articles(
    db: Connection, channel_id: int, articles: Iterable[PendingArticle], *, reason: WithheldReason
) -> None:
    """Mark those of the articles as withheld that have no status in the channel."""
    _insert_statuses(db, channel_id, "withheld", [(article, Reason(reason)) for article in articles])


def record_filtered(
    db: Connection, channel_id: int, articles_with_filters: Sequence[tuple[PendingArticle, Reason]]
) -> None:
    """Mark those of the articles as filtered that have no status in the channel, each with its filters.

    The status is provisional: the page may reach the channel through another feed whose filters it passes.
    """
    _insert_statuses(db, channel_id, "filtered", articles_with_filters)
    db.executemany(
        "INSERT INTO kept_out (channel_id, article_id) SELECT channel_id, ?3 FROM fate "
        "WHERE channel_id = ?1 AND page = ?2 AND fate IS NOT 'filtered' AND article_id <> ?3 "
        "ON CONFLICT DO NOTHING",
        [(channel_id, article.page_key, article.article_id) for article, _reason in articles_with_filters],
    )


def _insert_statuses(
    db: Connection, channel_id: int, status: str, articles_with_reasons: Iterable[tuple[PendingArticle, Reason]]
) -> None:
    db.executemany(
        "INSERT INTO fate (channel_id, page, article_id, fate, reason, decided) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, page) DO NOTHING",
        [
            (channel_id, article.page_key, article.article_id, status, reason.encode(), db.now)
            for article, reason in articles_with_reasons
        ],
    )


def load_filtered_page_keys(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> set[str]:
    """Return the page keys of those articles that filters block in the channel."""
    return set(
        db.fetch_column(
            "SELECT page FROM fate WHERE channel_id = ? AND fate = 'filtered' "
            "AND page IN (SELECT atom FROM json_each(?))",
            (channel_id, to_json_array([article.page_key for article in articles])),
        )
    )


def select_without_status(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> list[PendingArticle]:
    """Return the articles whose page has no status, or a filtered one, in the channel, one per page."""
    article_by_page_key: dict[str, PendingArticle] = {}
    for article in articles:
        article_by_page_key.setdefault(article.page_key, article)
    rows = db.execute(
        "SELECT page FROM fate WHERE channel_id = ? AND fate IS NOT 'filtered' "
        "AND page IN (SELECT atom FROM json_each(?))",
        (channel_id, to_json_array(article_by_page_key)),
    )
    for (page_key,) in rows:
        del article_by_page_key[page_key]
    return list(article_by_page_key.values())


def is_digest_only(db: Connection, channel_id: int) -> bool:
    """Return whether a channel gets a digest and no single posts."""
    return db.fetch_row("SELECT 1 FROM digest WHERE channel_id = ? AND alone = 1", (channel_id,)) is not None


def get_hold_deadline(db: Connection, channel_id: int) -> int | None:
    """Return the Unix time in seconds at which a post held from now on would expire.

    Return None if the channel does not hold posts.
    """
    row = db.fetch_row("SELECT least_outlets, best_a_day FROM channel WHERE id = ?", (channel_id,))
    if row is None or (row["least_outlets"] is None and row["best_a_day"] is None):
        return None
    return db.now + (TOP_STORY_WINDOW_SECONDS if row["least_outlets"] is None else MIN_OUTLETS_DEADLINE_SECONDS)


def _insert_held_posts(db: Connection, channel_id: int, articles: Iterable[PendingArticle], held_until: int) -> None:
    for article in articles:
        _insert_post(db, channel_id, article, held_until=held_until)


def _insert_post(db: Connection, channel_id: int, article: PendingArticle, *, held_until: int | None = None) -> None:
    dispatch_id = add_dispatch(db, channel_id, "post", article.key, article.published_at, held_until=held_until)
    set_status(db, channel_id, [article], dispatch_id=dispatch_id)


def make_unique_dedupe_key(db: Connection, channel_id: int, prefix: str, *, separator: str = ":") -> str:
    """Return a dedupe key that no dispatch of the channel has: `prefix`, with a number if that is taken.

    A key may be taken because an article can be enqueued again after it was withdrawn. `separator` stands
    before the number.
    """
    rows = db.fetch_rows(
        "SELECT what FROM dispatch WHERE channel_id = ?1 AND what >= ?2 AND what < ?2 || ';'",
        (channel_id, prefix),
    )
    existing_keys = {row["what"] for row in rows}
    return next(
        candidate_key
        for candidate_key in chain([prefix], (f"{prefix}{separator}{suffix_number}" for suffix_number in count(2)))
        if candidate_key not in existing_keys
    )


def add_dispatch(
    db: Connection,
    channel_id: int,
    kind: str,
    dedupe_key: str,
    position: int,
    *,
    held_until: int | None = None,
) -> int:
    """Insert a dispatch, unless the channel has one with the dedupe key; return the id of the stored one.

    `position` is the Unix time in seconds by which the channel's queue is ordered. With `held_until`, the
    dispatch is held and expires at that time.
    """
    state, due_at = ("waiting", db.now) if held_until is None else ("held", held_until)
    db.execute(
        "INSERT INTO dispatch (channel_id, kind, what, state, created, position, due) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, what) DO NOTHING",
        (channel_id, kind, dedupe_key, state, db.now, position, due_at),
    )
    return int(db.fetch_value("SELECT id FROM dispatch WHERE channel_id = ? AND what = ?", (channel_id, dedupe_key)))


def set_status(
    db: Connection,
    channel_id: int,
    articles: Iterable[PendingArticle],
    *,
    status: str | None = None,
    dispatch_id: int | None = None,
    joined_id: int | None = None,
) -> None:
    """Set the status of articles in a channel, unless their page has a status other than filtered."""
    db.executemany(
        "INSERT INTO fate (channel_id, page, article_id, dispatch_id, fate, joined_id, decided) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, page) DO UPDATE SET "
        "article_id = excluded.article_id, dispatch_id = excluded.dispatch_id, fate = excluded.fate, "
        "joined_id = excluded.joined_id, reason = NULL, decided = excluded.decided "
        "WHERE fate.fate = 'filtered'",
        [
            (channel_id, article.page_key, article.article_id, dispatch_id, status, joined_id, db.now)
            for article in articles
        ],
    )
