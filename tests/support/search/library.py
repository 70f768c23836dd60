"""A store with a few articles to search, put there by their titles and texts."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path
from typing import Any

from bot.core.models import Feed
from bot.store import Store
from tests.support.samples import make_new_article

DAY = 86_400

_numbers = itertools.count()


class Library:
    """Puts articles into a store and names them by their titles."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.feed: Feed

    async def open(self) -> Library:
        self.feed = await self.new_feed("Gazette")
        return self

    async def new_feed(self, outlet: str) -> Feed:
        return await self.store.feeds.add(f"https://feed{next(_numbers)}.example/", title=outlet, outlet=outlet)

    async def add(
        self,
        title: str,
        text: str = "",
        *,
        language: str = "en",
        days: float = 1,
        feed: Feed | None = None,
        **fields: Any,
    ) -> int:
        """Keep an article published so many days ago; its id."""
        feed = feed or self.feed
        new = make_new_article(
            feed,
            f"article{next(_numbers)}",
            title=title,
            text=text,
            language=language,
            published=self.store.clock.now() - int(days * DAY),
            **fields,
        )
        await self.store.articles.import_batch([(feed.id, new)])
        article = await self.store.articles.get_by_key(new.key)
        return article.id


def list_modes(folder: Path) -> set[str]:
    """The modes of a folder and all that is in it, as `ls` shows them."""
    return {stat.filemode(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
