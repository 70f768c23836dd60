"""Functions that gather the candidates of a digest and enqueue it."""

import json
from collections.abc import Collection, Sequence

from bot.core.models import Digest
from bot.core.user_models import PersonalDigest
from bot.store.connection import Connection, Row
from bot.store.records.outbox_records import DigestCandidate, DigestCandidates, SamePageArticle
from bot.store.row_mapping import to_json_array

MAX_CANDIDATES = 3_000
"""Maximum number of articles that a digest is selected from, the newest."""

_DAY = 86_400


def gather_candidates(
    db: Connection, digest: Digest, feed_ids: Collection[int], since: int, until: int
) -> DigestCandidates:
    """Gather the candidates of a channel's digest between two times in seconds of UTC.

    Candidates are articles posted in the channel then and those reserved for the digest; with `plan.wide`
    also articles of `feed_ids` without a status in the channel. Same-page articles come from `feed_ids` only.
    """
    values: dict[str, object] = {
        "channel": digest.channel_id,
        "since": since,
        "until": until,
        "feeds": to_json_array(feed_ids),
        "wide": digest.plan.wide,
        "day": _DAY,
        "server": digest.server_id,
        "most": MAX_CANDIDATES,
    }
    joined = db.value("SELECT joined FROM server WHERE id = ?", (digest.server_id,))
    values["since"] = max(since, joined)  # Nothing from before the bot joined.
    held = db.column("SELECT article_id FROM fate WHERE channel_id = :channel AND fate = 'digested'", values)
    rows = db.rows(
        """
        SELECT DISTINCT article.id, article.feed_id, article.page, substr(article.title, 1, 500) AS title,
               article.outlet, article.tags, article.language, article.published
        FROM (
            SELECT article_id FROM dispatch INDEXED BY dispatch_told
            JOIN fate ON fate.dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND sent >= :since AND sent < :until
              AND kind IN ('post', 'catch-up')
            UNION
            SELECT article_id FROM dispatch INDEXED BY dispatch_told
            JOIN fate ON fate.joined_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND sent >= :since AND sent < :until
            UNION
            SELECT article_id FROM fate WHERE channel_id = :channel AND fate = 'digested'
            UNION
            SELECT id FROM article INDEXED BY article_feed_newest
            WHERE :wide AND feed_id IN (SELECT value FROM json_each(:feeds))
              AND published >= :since - :day AND published < :until AND found >= :since AND found < :until
              AND NOT EXISTS (SELECT 1 FROM fate WHERE channel_id = :channel AND fate.page = article.page)
        ) AS told
        JOIN article ON article.id = told.article_id AND article.retracted IS NULL
        ORDER BY article.published DESC, article.id DESC LIMIT :most
        """,
        values,
    )
    return _to_candidates(db, rows, values, held)


def gather_for_person(
    db: Connection,
    feed_ids: Collection[int],
    chosen: Collection[int] | None,
    wanted: Collection[int],
    since: int,
    until: int,
) -> DigestCandidates:
    """Gather the candidates of a user's digest between two times in seconds of UTC.

    Candidates are the articles of `selected_feed_ids` (None: of all `feed_ids`) and the articles
    `matched_article_ids`, as far as `feed_ids` brought them.
    """
    values: dict[str, object] = {
        "since": since,
        "until": until,
        "feeds": to_json_array(feed_ids),
        "day": _DAY,
        "server": 0,  # Bookmark counts of a server must not leave it.
        "most": MAX_CANDIDATES,
        "all": chosen is None,
        "chosen": to_json_array(chosen or ()),
        "wanted": to_json_array(wanted),
    }
    rows = db.rows(
        """
        SELECT article.id, article.feed_id, article.page, substr(article.title, 1, 500) AS title,
               article.outlet, article.tags, article.language, article.published
        FROM article
        WHERE feed_id IN (SELECT value FROM json_each(:feeds))
          AND published >= :since - :day AND published < :until AND found >= :since AND found < :until
          AND retracted IS NULL
          AND (:all OR feed_id IN (SELECT value FROM json_each(:chosen))
               OR id IN (SELECT value FROM json_each(:wanted)))
        ORDER BY article.published DESC, article.id DESC LIMIT :most
        """,
        values,
    )
    return _to_candidates(db, rows, values, [])


def enqueue_digest(
    db: Connection,
    digest: Digest | PersonalDigest,
    name: str,
    payload: str,
    named: Sequence[int],
    *,
    digest_id: int | None = None,
) -> int:
    """Enqueue the message of a digest with the articles that it lists; return the dispatch's id."""
    dispatch_id = int(
        db.value(
            "INSERT INTO dispatch (channel_id, kind, what, digest_id, created, position, due, payload) "
            "VALUES (?1, 'digest', ?2, ?3, ?4, ?5, ?4, ?6) RETURNING id",
            (
                digest.channel_id,
                f"digest:{name}:{digest.due}:{db.now}",
                digest_id,
                db.now,
                digest.due,
                payload,
            ),
        )
    )
    db.executemany(
        "INSERT INTO digest_article (dispatch_id, article_id) SELECT ?1, id FROM article WHERE id = ?2 "
        "ON CONFLICT DO NOTHING",
        [(dispatch_id, article_id) for article_id in named],
    )
    return dispatch_id


def _to_candidates(
    db: Connection, rows: Sequence[Row], values: dict[str, object], held: list[int]
) -> DigestCandidates:
    others = _same_page_articles(db, rows, values)
    kept = _bookmark_counts(db, rows, others, values["server"])
    found = [
        DigestCandidate(
            row["id"],
            row["feed_id"],
            row["page"],
            row["title"],
            row["outlet"],
            tuple(json.loads(row["tags"])),
            row["language"],
            row["published"],
            tuple(one for one in others.get(row["page"], ()) if one.article_id != row["id"]),
            kept.get(row["page"], 0),
        )
        for row in rows
    ]
    ids = to_json_array([one.article_id for one in found])
    kin = db.rows(
        "SELECT article_id, other_id, likeness FROM kinship "
        "WHERE article_id IN (SELECT value FROM json_each(?1)) "
        "AND other_id IN (SELECT value FROM json_each(?1))",
        (ids,),
    )
    once = list({one.page: one for one in reversed(found)}.values())[::-1]
    return DigestCandidates(once, held, [(row[0], row[1], row[2]) for row in kin])


def _same_page_articles(
    db: Connection, rows: Sequence[Row], values: dict[str, object]
) -> dict[str, list[SamePageArticle]]:
    others: dict[str, list[SamePageArticle]] = {}
    for page, *other in db.execute(
        "SELECT page, id, feed_id, outlet FROM article WHERE page IN (SELECT atom FROM json_each(:pages)) "
        "AND feed_id IN (SELECT value FROM json_each(:feeds)) ORDER BY id",
        values | {"pages": to_json_array({row["page"] for row in rows})},
    ):
        others.setdefault(page, []).append(SamePageArticle(*other))
    return others


def _bookmark_counts(
    db: Connection, rows: Sequence[Row], others: dict[str, list[SamePageArticle]], server_id: object
) -> dict[str, int]:
    """Map pages to how many users bookmarked them in the server."""
    ids = {row["id"] for row in rows} | {one.article_id for those in others.values() for one in those}
    return dict(
        db.rows(
            "SELECT article.page, count(DISTINCT person_id) FROM bookmark "
            "JOIN article ON article.id = bookmark.article_id "
            "WHERE article_id IN (SELECT value FROM json_each(?)) AND removed IS NULL "
            "AND bookmark.server_id = ? GROUP BY article.page",
            (to_json_array(ids), server_id),
        )
    )
