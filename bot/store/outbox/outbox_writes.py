"""Functions that enqueue articles in channels and set their delivery statuses.

A page has one status per channel. If it has a dispatch, the dispatch's state is the status; other statuses
are stored with their reason.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import NamedTuple

from bot.core.preferences import MIN_OUTLETS_DEADLINE_SECONDS, TOP_STORY_WINDOW_SECONDS
from bot.store.connection import Connection
from bot.store.row_mapping import to_json_array

UNLIMITED = 2**31
"""Limit of pending posts that never merges any into a catch-up."""

_NEVER_ATTEMPTED_SQL = "state = 'waiting' AND attempts = 0"
"""Whether a dispatch can still be changed: one that was tried may have been sent."""


class PendingArticle(NamedTuple):
    """An article to be enqueued in a channel. `published_at` is in seconds of UTC."""

    article_id: int
    key: str
    page: str
    published: int


def enqueue(db: Connection, channel_id: int, articles: Iterable[PendingArticle], *, limit: int) -> bool:
    """Enqueue the articles whose page has no status in the channel; return whether any was enqueued.

    With more than `limit` posts pending, the oldest, including those enqueued before, are merged into the
    channel's catch-up. A digest-only channel reserves them for its digest, one that waits for stories holds
    them; both return False.
    """
    new = without_status(db, channel_id, articles)
    if not new:
        return False
    if is_digest_only(db, channel_id):
        reserve_for_digest(db, channel_id, new)
        return False
    if (until := hold_deadline(db, channel_id)) is not None:
        _insert_held(db, channel_id, new, until)
        return False
    _queue(db, channel_id, new, limit)
    return True


def enforce_pending_limit(db: Connection, channel_id: int, *, limit: int) -> None:
    """Merge a channel's oldest pending posts beyond `limit` into its catch-up."""
    _queue(db, channel_id, [], limit)


def _queue(db: Connection, channel_id: int, new: Sequence[PendingArticle], limit: int) -> None:
    posts = db.rows(
        "SELECT id, attempts, position, what FROM dispatch "
        "WHERE channel_id = ? AND kind = 'post' AND state = 'waiting'",
        (channel_id,),
    )
    room = max(limit - sum(1 for post in posts if post["attempts"]), 0)
    line: list[tuple[int, int, PendingArticle | None]] = [
        (post["position"], post["id"], None) for post in posts if not post["attempts"]
    ]
    newest_id = max((post["id"] for post in posts), default=0)
    line += [(owed.published, newest_id + 1 + order, owed) for order, owed in enumerate(new)]
    line.sort(key=lambda place: place[:2])
    surplus = max(len(line) - room, 0)
    merge_into_catch_up(
        db,
        channel_id,
        [owed for _, _, owed in line[:surplus] if owed],
        posts=[id_ for _, id_, owed in line[:surplus] if not owed],
    )
    for _, _, owed in line[surplus:]:
        if owed:
            _insert_post(db, channel_id, owed)


def merge_into_catch_up(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, posts: Sequence[int] = ()
) -> None:
    """Merge articles and pending posts into the channel's pending catch-up, or into a new one.

    `posts` are ids of dispatches. The pages of `articles` must have no status in the channel.
    """
    if not articles and not posts:
        return
    taken = db.rows(
        "SELECT position, what AS key FROM dispatch WHERE id IN (SELECT value FROM json_each(?))",
        (to_json_array(posts),),
    )
    first, key = min([(owed.published, owed.key) for owed in articles] + [(row[0], row[1]) for row in taken])
    row = db.row(
        f"SELECT id FROM dispatch WHERE channel_id = ? AND kind = 'catch-up' AND "
        f"{_NEVER_ATTEMPTED_SQL} ORDER BY id",
        (channel_id,),
    )
    if row is None:
        name = unique_dedupe_key(db, channel_id, f"catch-up:{key}")
        dispatch_id = add_dispatch(db, channel_id, "catch-up", name, first)
    else:
        dispatch_id = row["id"]
        db.execute("UPDATE dispatch SET position = min(position, ?) WHERE id = ?", (first, dispatch_id))
    db.execute(
        "UPDATE fate SET dispatch_id = ?1, fate = NULL, joined_id = NULL "
        "WHERE dispatch_id IN (SELECT value FROM json_each(?2)) "
        "OR joined_id IN (SELECT value FROM json_each(?2))",
        (dispatch_id, to_json_array(posts)),
    )
    db.execute("DELETE FROM dispatch WHERE id IN (SELECT value FROM json_each(?))", (to_json_array(posts),))
    # Older posts of the same second contain newer articles than the catch-up, so they must follow it.
    db.execute(
        f"UPDATE dispatch SET position = position + 1 "
        f"WHERE channel_id = ?1 AND kind = 'post' AND {_NEVER_ATTEMPTED_SQL} AND id < ?2 "
        "AND position = (SELECT position FROM dispatch WHERE id = ?2)",
        (channel_id, dispatch_id),
    )
    set_status(db, channel_id, articles, dispatch_id=dispatch_id)


def enqueue_as_catch_up(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Enqueue articles without a status in a catch-up; reserve or hold them if the channel does so."""
    new = without_status(db, channel_id, articles)
    if is_digest_only(db, channel_id):
        reserve_for_digest(db, channel_id, new)
    elif (until := hold_deadline(db, channel_id)) is not None:
        _insert_held(db, channel_id, new, until)
    else:
        merge_into_catch_up(db, channel_id, new)


def reserve_for_digest(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> None:
    """Reserve articles for the next digest of a digest-only channel."""
    set_status(db, channel_id, articles, fate="digested")


def release_digest_reserve(db: Connection, channel_id: int) -> None:
    """Enqueue a channel's reserved articles in a catch-up, after its digest ended."""
    rows = db.rows(
        "SELECT article.id, article.key, fate.page, article.published FROM fate "
        "JOIN article ON article.id = fate.article_id "
        "WHERE fate.channel_id = ? AND fate.fate = 'digested' ORDER BY article.published, article.id",
        (channel_id,),
    )
    db.execute("DELETE FROM fate WHERE channel_id = ? AND fate = 'digested'", (channel_id,))
    merge_into_catch_up(db, channel_id, [PendingArticle(*row) for row in rows])


def withhold(db: Connection, channel_id: int, articles: Iterable[PendingArticle], *, reason: str) -> None:
    """Set the status of articles without one in a channel to withheld."""
    _insert_status(db, channel_id, "withheld", [(owed, reason) for owed in articles])


def record_filtered(db: Connection, channel_id: int, articles: Sequence[tuple[PendingArticle, str]]) -> None:
    """Set the status of articles without one in a channel to filtered, each with its filters.

    The status is provisional: another feed of the channel may bring the page past its own filters.
    """
    _insert_status(db, channel_id, "filtered", articles)
    db.executemany(
        "INSERT INTO kept_out (channel_id, article_id) SELECT channel_id, ?3 FROM fate "
        "WHERE channel_id = ?1 AND page = ?2 AND fate IS NOT 'filtered' AND article_id <> ?3 "
        "ON CONFLICT DO NOTHING",
        [(channel_id, owed.page, owed.article_id) for owed, _reason in articles],
    )


def _insert_status(
    db: Connection, channel_id: int, fate: str, articles: Iterable[tuple[PendingArticle, str]]
) -> None:
    db.executemany(
        "INSERT INTO fate (channel_id, page, article_id, fate, reason, decided) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, page) DO NOTHING",
        [(channel_id, owed.page, owed.article_id, fate, reason, db.now) for owed, reason in articles],
    )


def filtered_page_keys(db: Connection, channel_id: int, articles: Iterable[PendingArticle]) -> set[str]:
    """Return the page keys of these articles that filters block in the channel."""
    return set(
        db.column(
            "SELECT page FROM fate WHERE channel_id = ? AND fate = 'filtered' "
            "AND page IN (SELECT atom FROM json_each(?))",
            (channel_id, to_json_array([owed.page for owed in articles])),
        )
    )


def without_status(
    db: Connection, channel_id: int, articles: Iterable[PendingArticle]
) -> list[PendingArticle]:
    """Return the articles whose page has no status in the channel, or a filtered one; one per page."""
    by_page: dict[str, PendingArticle] = {}
    for owed in articles:
        by_page.setdefault(owed.page, owed)
    rows = db.execute(
        "SELECT page FROM fate WHERE channel_id = ? AND fate IS NOT 'filtered' "
        "AND page IN (SELECT atom FROM json_each(?))",
        (channel_id, to_json_array(by_page)),
    )
    for (page,) in rows:
        del by_page[page]
    return list(by_page.values())


def is_digest_only(db: Connection, channel_id: int) -> bool:
    """Return whether a channel gets a digest and no single posts."""
    return db.row("SELECT 1 FROM digest WHERE channel_id = ? AND alone = 1", (channel_id,)) is not None


def hold_deadline(db: Connection, channel_id: int) -> int | None:
    """Return when a new post held by a channel would expire, in seconds of UTC; None if it holds none."""
    row = db.row("SELECT least_outlets, best_a_day FROM channel WHERE id = ?", (channel_id,))
    if row is None or (row["least_outlets"] is None and row["best_a_day"] is None):
        return None
    return db.now + (
        TOP_STORY_WINDOW_SECONDS if row["least_outlets"] is None else MIN_OUTLETS_DEADLINE_SECONDS
    )


def _insert_held(db: Connection, channel_id: int, articles: Iterable[PendingArticle], until: int) -> None:
    for owed in articles:
        _insert_post(db, channel_id, owed, held_until=until)


def _insert_post(
    db: Connection, channel_id: int, owed: PendingArticle, *, held_until: int | None = None
) -> None:
    dispatch_id = add_dispatch(db, channel_id, "post", owed.key, owed.published, held_until=held_until)
    set_status(db, channel_id, [owed], dispatch_id=dispatch_id)


def unique_dedupe_key(db: Connection, channel_id: int, name: str, *, before: str = ":") -> str:
    """Return a dedupe key that no dispatch of the channel has: `prefix`, or that with a number.

    An article can be enqueued again after it was withdrawn. `separator` stands before the number.
    """
    names = db.rows(
        "SELECT what FROM dispatch WHERE channel_id = ?1 AND what >= ?2 AND what < ?2 || ';'",
        (channel_id, name),
    )
    taken = {row["what"] for row in names}
    return next(one for one in chain([name], (f"{name}{before}{n}" for n in count(2))) if one not in taken)


def add_dispatch(
    db: Connection, channel_id: int, kind: str, what: str, position: int, *, held_until: int | None = None
) -> int:
    """Insert a dispatch unless the dedupe key exists in the channel; return the id of either.

    `position` orders the channel's queue, in seconds of UTC. With `held_until` the dispatch is held and
    expires then.
    """
    state, due = ("waiting", db.now) if held_until is None else ("held", held_until)
    db.execute(
        "INSERT INTO dispatch (channel_id, kind, what, state, created, position, due) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, what) DO NOTHING",
        (channel_id, kind, what, state, db.now, position, due),
    )
    return int(db.value("SELECT id FROM dispatch WHERE channel_id = ? AND what = ?", (channel_id, what)))


def set_status(
    db: Connection,
    channel_id: int,
    articles: Iterable[PendingArticle],
    *,
    fate: str | None = None,
    dispatch_id: int | None = None,
    joined_id: int | None = None,
) -> None:
    """Set the status of articles in a channel, unless their page has one other than filtered."""
    db.executemany(
        "INSERT INTO fate (channel_id, page, article_id, dispatch_id, fate, joined_id, decided) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, page) DO UPDATE SET "
        "article_id = excluded.article_id, dispatch_id = excluded.dispatch_id, fate = excluded.fate, "
        "joined_id = excluded.joined_id, reason = NULL, decided = excluded.decided "
        "WHERE fate.fate = 'filtered'",
        [(channel_id, owed.page, owed.article_id, dispatch_id, fate, joined_id, db.now) for owed in articles],
    )
