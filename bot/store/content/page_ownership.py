"""Functions that decide which articles of several feeds share one web page, within a poll's transaction.

A link alone proves nothing, because any feed can contain any link. Articles with one link share a page if
their titles match and the newer article has no better claim to the page: an article of a feed on the link's
own site never loses its page to an earlier article of another feed. An article that cannot share the page
gets a page of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.core.models import NewArticle
from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.text import shared_links, urls


class _PageOwner(NamedTuple):
    """An article of another feed that has a web page's key, or had it when a channel posted or withheld the article."""

    page_key: str
    article_id: int
    key: str
    url: str
    title: str
    feed_url: str


def resolve_ownership(db: Connection, feed_id: int, articles: Sequence[NewArticle]) -> list[NewArticle]:
    """Return the articles of a feed, each with the key of a web page that feeds share, or of a page of its own.

    An article with the link of another feed's article shares its page if their titles match. If this feed is on the
    site of the link and the other one is not, the other feed's article loses the page and gets one of its own.
    """
    owners_by_page_key: dict[str, list[_PageOwner]] = {}
    for owner in _list_owners(db, feed_id, {article.page_key for article in articles}):
        owners_by_page_key.setdefault(owner.page_key, []).append(owner)
    if not owners_by_page_key:
        return list(articles)
    feed_url = db.fetch_value("SELECT url FROM feed WHERE id = ?", (feed_id,))
    feed_url = url_encryption.decrypt_url(feed_url)
    return [
        _resolve_article(db, feed_url, article, owners_by_page_key.get(article.page_key, ())) for article in articles
    ]


def _resolve_article(db: Connection, feed_url: str, article: NewArticle, owners: Sequence[_PageOwner]) -> NewArticle:
    is_on_own_site = bool(owners) and shared_links.is_same_site(feed_url, article.url)
    remaining_owners = []
    for owner in owners:
        if owner.key == article.key:
            return article
        if is_on_own_site and not shared_links.is_same_site(owner.feed_url, article.url):
            _evict_owner(db, owner)
        else:
            remaining_owners.append(owner)
    if remaining_owners and not any(
        shared_links.titles_match(article.title, remaining_owner.title) for remaining_owner in remaining_owners
    ):
        return replace(article, page_key=_make_own_page_key(article.url, article.key, article.page_key))
    return article


def _make_own_page_key(url: str, article_key: str, page_key: str) -> str:
    """Return a page key of its own for an article that may not have the key of the web page that it links to."""
    return urls.compute_page_key(url, f"{article_key} {page_key}")


def _list_owners(db: Connection, feed_id: int, page_keys: Collection[str]) -> list[_PageOwner]:
    """List articles of other feeds that have one of these web pages.

    Articles that had it when a channel that follows this feed posted or withheld them are included.
    """
    rows = db.execute(
        """
        SELECT owner.page_key, article.id, article.key, article.url, article.title, feed.url
        FROM (
            SELECT page_key, id FROM article WHERE page_key IN (:pages)
            UNION
            SELECT page_key, article_id FROM delivery_status
            WHERE channel_id IN (SELECT channel_id FROM subscription WHERE feed_id = :feed)
              AND page_key IN (:pages)
        ) AS owner
        JOIN article ON article.id = owner.id
        JOIN feed ON feed.id = article.feed_id
        WHERE article.feed_id <> :feed
        """,
        {"pages": page_keys, "feed": feed_id},
    )
    owners = (_PageOwner(*row) for row in rows)
    return [owner._replace(feed_url=url_encryption.decrypt_url(owner.feed_url)) for owner in owners]


def _evict_owner(db: Connection, owner: _PageOwner) -> None:
    own_page_key = _make_own_page_key(owner.url, owner.key, owner.page_key)
    parameters = {"id": owner.article_id, "page": owner.page_key, "own_page_key": own_page_key}
    db.execute(
        "UPDATE article SET page_key = :own_page_key, has_own_page_key = 1 WHERE id = :id AND page_key = :page",
        parameters,
    )
    transitions.rename_page(db, owner.article_id, owner.page_key, own_page_key)
    watch_ids_of_match_sql = "SELECT watch_id FROM watch_match WHERE article_id = :id AND page_key = :page"
    db.execute(
        f"DELETE FROM watch_match WHERE page_key = :own_page_key AND watch_id IN ({watch_ids_of_match_sql})", parameters
    )
    db.execute(
        "UPDATE watch_match SET page_key = :own_page_key WHERE article_id = :id AND page_key = :page", parameters
    )
