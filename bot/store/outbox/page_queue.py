"""Pages to be read.

A poll writes down which of its new articles have a page to be read. Reading it ends in the transaction that
keeps its text; a crash before leaves it to be read, one after finds it done.
"""

from collections.abc import Sequence

from bot.core.models import Feed
from bot.store.connection import Connection
from bot.store.outbox import corrections, watch_notices
from bot.store.records.content_records import PageEnd
from bot.store.rows import listed
from bot.text import furniture, urls
from bot.text.host_slots import slot_of
from bot.text.teasers import is_teaser

OF_BACKLOG = 5
"""Pages of a feed that are read when it is new: of its newest articles."""
A_DAY = 100
"""Pages of a feed that are read within a day."""
DAY = 86_400


def want(db: Connection, feed: Feed, article_ids: Sequence[int], *, first: bool) -> None:
    """Write down which new articles of a feed have a page to be read, and why the others' are not.

    Only where the feed gives a teaser; never for a feed or an address with secrets; of a backlog (`first`)
    the newest few, and at most so many a day.
    """
    rows = db.rows(
        "SELECT id, url, page, summary, coalesce(body, text) AS given FROM article "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY published DESC, id DESC",
        (listed(article_ids),),
    )
    taken = db.value(
        "SELECT count(*) FROM reading WHERE feed_id = ? AND wanted > ? AND outcome IS NOT ?",
        (feed.id, db.now - DAY, PageEnd.BACKLOG),
    )
    private = feed.server_id is not None or urls.has_credentials(feed.url)
    wanted: list[tuple[int, int, int, bool, int | None, str | None, int | None, int]] = []
    for row in rows:
        if not is_teaser(row["given"] or row["summary"]):
            continue
        outcome = None
        if private or urls.has_credentials(row["url"]):
            outcome = PageEnd.PRIVATE
        elif row["page"] != urls.page(row["url"]):
            outcome = PageEnd.SHARED
        elif first and taken >= OF_BACKLOG:
            outcome = PageEnd.BACKLOG
        elif taken >= A_DAY:
            outcome = PageEnd.TOO_MANY
        else:
            taken += 1
        due, ended = (db.now, None) if outcome is None else (None, db.now)
        wanted.append((row["id"], feed.id, db.now, not first, due, outcome, ended, slot_of(row["url"])))
    db.executemany(
        "INSERT INTO reading (article_id, feed_id, wanted, news, due, outcome, ended, slot) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        wanted,
    )


def keep(db: Connection, article_id: int, text: str, *, edit: bool) -> bool:
    """Keep the text of a page, and end its reading: search, answers and excerpts read it from now on.

    Watches are held against the article once more, unless it is of a backlog: they are told of a page once.
    With `edit`, posts that had nothing but a title to show are edited. False when the article is gone.
    """
    stored = db.row(
        "SELECT id, feed_id, title, page_text, summary, coalesce(body, text) AS given, "
        "(SELECT news FROM reading WHERE article_id = article.id AND due IS NOT NULL) AS news "
        "FROM article WHERE id = ?",
        (article_id,),
    )
    if stored is None or stored["news"] is None:
        return False
    db.execute("UPDATE article SET page_text = ? WHERE id = ?", (text, article_id))
    end(db, article_id, PageEnd.READ)
    if stored["news"]:
        watch_notices.arrived(db, stored["feed_id"], [article_id])
    if edit and not (stored["summary"] or furniture.body(stored["given"])):
        corrections.edit(db, "SELECT :article", {"article": article_id})
    return True


def end(db: Connection, article_id: int, outcome: str, due: int | None = None) -> None:
    """Write how an attempt ended without a text: for good, or to be tried again when it is `due`."""
    db.execute(
        "UPDATE reading SET outcome = ?, due = ?, ended = ? WHERE article_id = ?",
        (outcome, due, db.now, article_id),
    )


def forget(db: Connection, article_id: int) -> None:
    """The texts of an article were deleted, and its page is not read any more."""
    db.execute(
        "UPDATE reading SET outcome = ?, due = NULL, ended = ? WHERE article_id = ? AND due IS NOT NULL",
        (PageEnd.FORGOTTEN, db.now, article_id),
    )
