"""Months of posts of several feeds until yesterday, and how people reacted, written into the tables at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.models import Feed
from bot.store import Store
from tests.support import store_probe
from tests.support.store_probe import Column

HOUR = 3_600


@dataclass
class PostHistory:
    """The posts of a server’s feeds, and the ids that were given out so far."""

    store: Store
    server_id: int
    last_id: int = 1_000_000
    article_ids_by_feed: dict[int, list[int]] = field(default_factory=dict)

    @property
    def yesterday(self) -> int:
        """Now, a day ago: reports cover whole days."""
        return self.store.clock.now() - 24 * HOUR

    async def add_feed(
        self,
        name: str,
        channel_id: int,
        titles: Sequence[str],
        *,
        followed_days: int = 200,
        span_days: float = 28,
        url: str | None = None,
    ) -> Feed:
        """A feed that a channel has followed for some days, and a post for each title, evenly over the last days."""
        place, now = store_probe.locate_database(self.store), self.yesterday
        feed = await self.store.feeds.add(
            url or f"https://{name.lower().replace(' ', '-')}.example/feed", title=name, outlet=name
        )
        subscription, _is_new = await self.store.subscriptions.follow(
            server_id=self.server_id, channel_id=channel_id, feed_id=feed.id, first_article_id=None
        )
        followed_at = self.store.clock.now() - followed_days * 24 * HOUR
        store_probe.set_column(place, store_probe.Column.SUBSCRIPTION_ADDED_AT, followed_at, row_ids=[subscription.id])
        article_ids = [self.last_id + number for number in range(1, len(titles) + 1)]
        self.last_id += len(titles)
        self.article_ids_by_feed.setdefault(feed.id, []).extend(article_ids)
        times = [now - HOUR - int(span_days * 24 * HOUR * n / max(1, len(titles))) for n in range(len(titles))]
        if not titles:
            return feed
        store_probe.insert_rows(
            place,
            "article",
            (
                {
                    "id": article_id, "key": f"key-{article_id}", "feed_id": feed.id, "page_key": f"page-{article_id}",
                    "url": f"https://news.example/{article_id}", "fingerprint": b"0" * 16, "title": title,
                    "summary": "", "text": f"About: {title}.", "outlet": name, "language": "en", "published": at,
                    "found_at": at,
                }
                for article_id, title, at in zip(article_ids, titles, times, strict=True)
            ),
        )  # fmt: skip
        store_probe.insert_rows(
            place,
            "dispatch",
            (
                {
                    "id": article_id, "channel_id": channel_id, "kind": "post", "dedupe_key": f"key-{article_id}",
                    "state": "sent", "created_at": at, "position": at, "due_at": at, "sent_at": at,
                    "message_id": article_id, "is_finalized": 1,
                }
                for article_id, at in zip(article_ids, times, strict=True)
            ),
        )  # fmt: skip
        store_probe.insert_rows(
            place,
            "delivery_status",
            (
                {
                    "channel_id": channel_id, "page_key": f"page-{article_id}", "article_id": article_id,
                    "dispatch_id": article_id, "decided_at": at,
                }
                for article_id, at in zip(article_ids, times, strict=True)
            ),
        )  # fmt: skip
        return feed

    def react(self, feed: Feed, kind: str, people_by_post: Sequence[Sequence[int]]) -> None:
        """Let people save, like or dislike the newest posts of a feed; those of the first one come first."""
        place, now = store_probe.locate_database(self.store), self.yesterday
        pairs = [
            (person, article_id)
            for people, article_id in zip(people_by_post, self.article_ids_by_feed[feed.id], strict=False)
            for person in people
        ]
        if kind == "saved":
            rows: list[dict[str, object]] = [
                {"user_id": person, "article_id": article_id, "created_at": now, "server_id": self.server_id}
                for person, article_id in pairs
            ]
            store_probe.insert_rows(place, "bookmark", rows)
        else:
            rows = [
                {
                    "server_id": self.server_id, "user_id": person, "article_id": article_id, "opinion": kind,
                    "given_at": now,
                }
                for person, article_id in pairs
            ]  # fmt: skip
            store_probe.insert_rows(place, "opinion", rows)

    async def mute(self, feed: Feed, people: Sequence[int]) -> None:
        """Let people mute the story of the newest post of a feed for themselves."""
        for person in people:
            await self.store.muted_stories.mute(
                self.article_ids_by_feed[feed.id][0],
                channel_id=5_000_000 + person,
                server_id=self.server_id,
                user_id=person,
                is_personal=True,
                feed_ids=[feed.id],
                muted_until=None,
                lead_length=50,
                limit=10,
            )
        store_probe.set_column(store_probe.locate_database(self.store), Column.MUTE_CREATED_AT, self.yesterday)
