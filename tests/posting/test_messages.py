from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import locale
from bot.core.models import Article, Feed
from bot.posting.rendering import buttons, messages
from bot.text import safe

ARTICLE = Article(
    id=1,
    key="0123456789abcdef0123",
    feed_id=1,
    page="p",
    url="https://news.example/articles/1",
    title="San Francisco bans facial recognition",
    summary="The city votes against the technology. Police may not use it.",
    text="",
    body="",
    author=None,
    outlet="Example News",
    language="en",
    tags=(),
    image="https://news.example/picture.jpg",
    published=1_780_000_000,
    found=1_780_000_000,
)
FEED = Feed(id=1, url="https://news.example/feed", outlet="Example", icon="https://news.example/icon.png")
HOSTILE = (
    st.text(max_size=400)
    | st.sampled_from(
        ["🏳️‍🌈" * 200, "مرحبا\u202e" * 100, "\u200b" * 5000, "**" * 300, "@everyone " * 50, "x" * 5000]
    )
    | st.text(alphabet="*_`|[]()<>@#:~\\ a\n", max_size=600)
)


def fields(message: messages.Message) -> dict[str, Any]:
    return dict(message.embed.to_dict())


def components(message: messages.Message) -> list[dict[str, Any]]:
    assert message.view is not None
    return [child for row in message.view.to_components() for child in row["components"]]


def within_limits(message: messages.Message) -> None:
    embed = fields(message)
    lengths = {
        "title": (embed.get("title", ""), 256),
        "description": (embed.get("description", ""), 4096),
        "author": (embed.get("author", {}).get("name", ""), 256),
    }
    for name, (text, limit) in lengths.items():
        assert safe.length(text) <= limit, name
    assert sum(safe.length(text) for text, _limit in lengths.values()) <= 6000
    assert 1 <= safe.length(message.name) <= 100
    for component in components(message) if message.view is not None else []:
        assert safe.length(component.get("label", "")) <= 80
        assert safe.length(component.get("custom_id", "")) <= 100
        assert safe.length(component.get("url", "")) <= 512
        options = component.get("options", [])
        assert len(options) <= 25
        for option in options:
            assert 1 <= safe.length(option["label"]) <= 100
            assert safe.length(option.get("description", "")) <= 100


async def test_a_post_shows_outlet_title_excerpt_picture_time_and_buttons() -> None:
    message = messages.post(ARTICLE, FEED, language="en")
    embed = fields(message)
    assert embed["title"] == ARTICLE.title
    assert embed["url"] == ARTICLE.url
    assert embed["author"] == {"name": "Example News", "icon_url": FEED.icon}
    assert embed["description"] == ARTICLE.summary
    assert embed["image"] == {"url": ARTICLE.image}
    assert embed["timestamp"] == "2026-05-28T20:26:40+00:00"
    save, read = components(message)
    assert (save["custom_id"], save["label"]) == (f"telex:save:{ARTICLE.key}", "Save")
    assert (read["url"], read["label"]) == (ARTICLE.url, "Read")


async def test_labels_are_in_the_language_asked_for_and_the_task_keeps_its_own() -> None:
    save, read = components(messages.post(ARTICLE, FEED, language="fr"))
    french = locale.catalogue("fr")
    assert (save["label"], read["label"]) == (french.gettext("Save"), french.gettext("Read"))
    save, _read = components(messages.post(ARTICLE, FEED, language="en"))
    assert save["label"] == "Save"


async def test_markup_and_mentions_of_a_feed_are_shown_and_not_obeyed() -> None:
    article = ARTICLE._replace(
        title="**Free** [money](https://evil.example) @everyone", summary="`rm` <@123> ||x|| # Big"
    )
    embed = fields(messages.post(article, FEED, language="en"))
    assert not re.search(r"(?<!\\)[*_~`|\[\]<>@#]", embed["title"] + embed["description"])
    assert embed["title"].replace("\\", "") == article.title


async def test_an_excerpt_ends_with_a_sentence() -> None:
    summary = "One sentence that is here. " * 30
    embed = fields(messages.post(ARTICLE._replace(summary=summary), FEED, language="en"))
    assert embed["description"].endswith("is here.")
    assert safe.length(embed["description"]) <= messages.EXCERPT


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"title": "", "summary": "First words of it."}, "First words of it."),
        ({"title": " \u200b ", "summary": "", "body": "Words of the body"}, "Words of the body"),
        ({"title": "", "summary": "", "body": "", "url": ""}, "…"),
        ({"title": "", "summary": "", "body": ""}, "https\\://news.example/articles/1"),
    ],
)
async def test_an_article_without_title_gets_one(change: dict[str, Any], title: str) -> None:
    assert fields(messages.post(ARTICLE._replace(**change), FEED, language="en"))["title"] == title


async def test_a_summary_that_repeats_the_title_is_not_shown_twice() -> None:
    article = ARTICLE._replace(summary=ARTICLE.title + "…", body="")
    assert "description" not in fields(messages.post(article, FEED, language="en"))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.example/", "https://", "not a url", ""])
async def test_an_address_that_is_not_of_the_web_is_no_link(url: str) -> None:
    message = messages.post(ARTICLE._replace(url=url, image=url), replace(FEED, icon=url), language="en")
    assert "url" not in fields(message)
    assert "image" not in fields(message)
    assert "icon_url" not in fields(message)["author"]
    assert len(components(message)) == 1


async def test_a_link_too_long_for_a_button_has_none() -> None:
    message = messages.post(ARTICLE._replace(url="https://news.example/" + "x" * 600), FEED, language="en")
    assert len(components(message)) == 1
    assert "url" in fields(message)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(title=HOSTILE, summary=HOSTILE, body=HOSTILE, outlet=HOSTILE)
async def test_no_text_breaks_discords_limits(title: str, summary: str, body: str, outlet: str) -> None:
    article = ARTICLE._replace(title=title, summary=summary, body=body, outlet=outlet)
    post = messages.post(article, FEED, language="en")
    within_limits(post)
    assert fields(post)["title"]
    within_limits(messages.catch_up("catch-up:x", [article] * 60, language="fr"))
    within_limits(messages.notice(safe.plain(title) or "x"))


async def test_a_catch_up_lists_what_fits_and_counts_the_rest() -> None:
    articles = [
        ARTICLE._replace(id=n, key=f"key{n}", title=f"Article {n}", url=f"https://news.example/{n}")
        for n in range(200)
    ]
    message = messages.catch_up("catch-up:key0", articles, language="en")
    within_limits(message)
    embed = fields(message)
    lines = embed["description"].splitlines()
    assert embed["title"] == "200 articles came in meanwhile"
    assert lines[0] == "• [Article 199](https://news.example/199) · Example News"
    assert lines[-1] == f"and {200 - len(lines) + 1} more, older ones"
    menu, button = components(message)
    assert menu["custom_id"] == "telex:pick:catch-up:key0"
    assert button["custom_id"] == "telex:all:catch-up:key0"
    assert [option["value"] for option in menu["options"]] == [f"key{n}" for n in range(199, 174, -1)]


async def test_a_title_cannot_end_the_link_around_it() -> None:
    article = ARTICLE._replace(title="a](https://evil.example) [b", url="https://news.example/(x) y")
    line = fields(messages.catch_up("w", [article], language="en"))["description"]
    assert "](https://evil" not in line.replace("\\]", "")
    assert line.endswith("(https://news.example/%28x%29%20y) · Example News") or "[" not in line.replace(
        "\\[", ""
    )


async def test_barer_attempts_leave_pictures_out_first_and_links_last() -> None:
    full, bare, unlinked = messages.post(ARTICLE, FEED, language="en").attempts()
    assert "image" in fields(full)
    assert "image" not in fields(bare)
    assert fields(bare)["author"] == {"name": "Example News"}
    assert "url" in fields(bare)
    assert "url" not in fields(unlinked)
    assert [component["custom_id"] for component in components(unlinked)] == [buttons.save_id(ARTICLE.key)]
    assert list(messages.notice("x").attempts())[1:] == []


async def test_discord_py_keeps_no_view_of_a_post() -> None:
    view = messages.post(ARTICLE, FEED, language="en").view
    assert isinstance(view, discord.ui.View)
    assert view.is_finished()
