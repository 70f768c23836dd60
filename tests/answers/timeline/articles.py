"""Articles as the store returns them, for tests of timelines."""

from __future__ import annotations

from bot.core.models import Article

START = 1_780_000_000


def make_article(
    number: int, title: str, text: str = "", *, outlet: str = "", hours: float = 0, language: str = "en"
) -> Article:
    """Make an article, by default of its own outlet, published `hours` after `START`."""
    return Article(
        id=number,
        key=f"{number:032x}",
        feed_id=number,
        page_key=f"page {number}",
        url=f"https://news.example/{number}",
        title=title,
        summary="",
        text=text,
        body=text,
        author=None,
        outlet=outlet or f"Outlet {number}",
        language=language,
        tags=(),
        image_url=None,
        published=START + int(hours * 3600),
        found_at=START,
    )
