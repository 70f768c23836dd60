from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import i18n
from bot.core.models import Article, Feed
from bot.core.preferences import PostLook, Style
from bot.posting.rendering import buttons, messages, posts
from bot.posting.rendering.layout import outlet_branding
from bot.text import discord_text
from tests.shown import TEXT, flat

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


def parts(message: messages.Message) -> list[dict[str, Any]]:
    """All components, those within others too."""
    view = message.send_kwargs()["view"]
    return flat(view.to_components()) if view is not None else []


def components(message: messages.Message) -> list[dict[str, Any]]:
    """The buttons and menus."""
    return [one for one in parts(message) if one["type"] in {2, 3}]


def said(message: messages.Message) -> str:
    return "\n".join(one["content"] for one in parts(message) if one["type"] == TEXT)


def shown(message: messages.Message) -> list[str]:
    """The addresses of the pictures."""
    found = [one["media"] for one in parts(message) if "media" in one]
    found += [item["media"] for one in parts(message) for item in one.get("items", ())]
    return [media["url"] for media in found]


def within_limits(message: messages.Message) -> None:
    embed = fields(message) if message.embed is not None else {}
    lengths = {
        "title": (embed.get("title", ""), 256),
        "description": (embed.get("description", ""), 4096),
        "author": (embed.get("author", {}).get("name", ""), 256),
    }
    for name, (text, limit) in lengths.items():
        assert discord_text.utf16_length(text) <= limit, name
    assert sum(discord_text.utf16_length(text) for text, _limit in lengths.values()) <= 6000
    assert discord_text.utf16_length(said(message)) <= 4000
    assert len(parts(message)) <= 40
    assert 1 <= discord_text.utf16_length(message.name) <= 100
    for component in components(message):
        assert discord_text.utf16_length(component.get("label") or "") <= 80
        assert discord_text.utf16_length(component.get("custom_id", "")) <= 100
        assert discord_text.utf16_length(component.get("url", "")) <= 512
        options = component.get("options", [])
        assert len(options) <= 25
        for option in options:
            assert 1 <= discord_text.utf16_length(option["label"]) <= 100
            assert discord_text.utf16_length(option.get("description", "")) <= 100


async def test_a_post_shows_outlet_title_excerpt_picture_time_and_buttons():
    message = posts.render_post(ARTICLE, FEED, language="en")
    (card,) = message.send_kwargs()["view"].to_components()
    assert card["accent_color"] == outlet_branding.colour(FEED.id, "Example News")
    byline, story, gallery, row = card["components"]
    assert byline["content"].endswith(f" **Example News** · <t:{ARTICLE.published}:R>")
    assert story["content"] == f"### [{ARTICLE.title}]({ARTICLE.url})\n{ARTICLE.summary}"
    (item,) = gallery["items"]
    assert (item["media"]["url"], item["description"]) == (ARTICLE.image, ARTICLE.title)
    save, read, more = row["components"]
    assert (save["custom_id"], save["label"]) == (f"telex:save:{ARTICLE.key}", "Save")
    assert (read["url"], read["label"]) == (ARTICLE.url, "Read")
    assert (more["custom_id"], more["label"]) == (f"telex:more:{ARTICLE.key}", "More")


async def test_a_post_names_what_joined_it_and_its_button_says_which_they_are():
    others = [
        ARTICLE._replace(key=f"{number:020x}", outlet=f"Outlet {number}", url=f"https://{number}.example/")
        for number in range(1 << 70, (1 << 70) + 12)
    ]
    message = posts.render_post(ARTICLE, FEED, language="en", joined=others)
    within_limits(message)
    *_rest, last = said(message).splitlines()
    assert last.startswith(f"-# Also: [Outlet {1 << 70}](https://{1 << 70}.example/) · [Outlet")
    assert last.endswith(" · 4 more")
    save = components(message)[0]["custom_id"]
    assert save == buttons.save_id(ARTICLE.key, others)
    found = re.fullmatch(buttons.SAVE_TEMPLATE, save)
    assert found["key"] == ARTICLE.key


async def test_labels_are_in_the_language_asked_for_and_the_task_keeps_its_own():
    save, read, more = components(posts.render_post(ARTICLE, FEED, language="fr"))
    french = i18n.load_catalogue("fr")
    assert [save["label"], read["label"], more["label"]] == [
        french.gettext(word) for word in ("Save", "Read", "More")
    ]
    save, *_rest = components(posts.render_post(ARTICLE, FEED, language="en"))
    assert save["label"] == "Save"


async def test_markup_and_mentions_of_a_feed_are_shown_and_not_obeyed():
    article = ARTICLE._replace(
        title="**Free** [money](https://evil.example) @everyone", summary="`rm` <@123> ||x|| # Big"
    )
    _byline, title, text = said(posts.render_post(article, FEED, language="en")).splitlines()
    title = title.removeprefix("### [").removesuffix(f"]({ARTICLE.url})")
    assert not re.search(r"(?<!\\)[*_~`|\[\]<>@#]", title + text)
    assert title.replace("\\", "") == article.title


async def test_an_excerpt_is_two_sentences_and_one_of_a_chosen_length_ends_with_a_sentence():
    article = ARTICLE._replace(summary="One sentence that is here. " * 30)
    *_rest, text = said(posts.render_post(article, FEED, language="en")).splitlines()
    assert text == "One sentence that is here. One sentence that is here."
    *_rest, text = said(
        posts.render_post(article, FEED, language="en", look=PostLook(excerpt=200))
    ).splitlines()
    assert text.endswith("is here.")
    assert 100 < discord_text.utf16_length(text) <= 200


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"title": "", "summary": "First words of it."}, "First words of it."),
        ({"title": " \u200b ", "summary": "", "body": "Words of the body"}, "Words of the body"),
        ({"title": "", "summary": "", "body": "", "url": ""}, "…"),
        ({"title": "", "summary": "", "body": ""}, "https\\://news.example/articles/1"),
    ],
)
async def test_an_article_without_title_gets_one(change, title):
    text = said(posts.render_post(ARTICLE._replace(**change), FEED, language="en"))
    assert f"### {title}" in text or f"### [{title}](" in text


async def test_a_summary_that_repeats_the_title_is_not_shown_twice():
    article = ARTICLE._replace(summary=ARTICLE.title + "…", body="")
    assert len(said(posts.render_post(article, FEED, language="en")).splitlines()) == 2


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.example/", "https://", "not a url", ""])
async def test_an_address_that_is_not_of_the_web_is_no_link(url):
    feed = replace(FEED, icon=url)
    message = posts.render_post(ARTICLE._replace(url=url, image=url), feed, language="en")
    assert "](" not in said(message)
    assert not shown(message)
    assert len(components(message)) == 2
    look = PostLook(style=Style.CLASSIC)
    embed = fields(posts.render_post(ARTICLE._replace(url=url, image=url), feed, language="en", look=look))
    assert not {"url", "image"} & embed.keys()
    assert "icon_url" not in embed["author"]


@pytest.mark.parametrize("style", Style)
async def test_an_episode_can_be_listened_to_and_says_how_long_it_is(style):
    player = "https://pod.example/7.mp3?x=1"
    episode = ARTICLE._replace(audio=player, duration=2_530)
    message = posts.render_post(episode, None, language="fr", look=PostLook(style=style))
    labels = {one["url"]: one["label"] for one in components(message) if "url" in one}
    own = {} if style in {Style.COMPACT, Style.HEADLINE} else {episode.url: "Lire"}  # their title leads there
    assert labels == own | {player: "Écouter · 42\u00a0min"}
    alone = posts.render_post(episode._replace(url=player, duration=None), None, language="en")
    assert [one["label"] for one in components(alone) if "url" in one] == ["Listen"]


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://www.youtube.com/watch?v=x", "Watch video"),
        ("https://youtu.be/x", "Watch video"),
        ("https://vimeo.com/123", "Watch video"),
        ("https://www.youtube.com/@ada", "Read"),
        ("https://news.example/watch?v=x", "Read"),
    ],
)
async def test_a_video_can_be_watched(url, label):
    message = posts.render_post(ARTICLE._replace(url=url), FEED, language="en")
    assert [one["label"] for one in components(message) if one.get("url") == url] == [label]


async def test_a_link_too_long_for_a_button_has_none():
    message = posts.render_post(
        ARTICLE._replace(url="https://news.example/" + "x" * 600), FEED, language="en"
    )
    assert len(components(message)) == 2
    assert "x" * 600 in said(message)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(title=HOSTILE, summary=HOSTILE, body=HOSTILE, outlet=HOSTILE)
async def test_no_text_breaks_discords_limits(title, summary, body, outlet):
    article = ARTICLE._replace(title=title, summary=summary, body=body, outlet=outlet)
    post = posts.render_post(article, FEED, language="en")
    within_limits(post)
    assert "### " in said(post)
    within_limits(messages.catch_up("catch-up:x", [article] * 60, language="fr"))
    within_limits(messages.notice(discord_text.to_plain_line(title) or "x"))


async def test_a_catch_up_lists_what_fits_and_counts_the_rest():
    articles = [
        ARTICLE._replace(id=n, key=f"key{n}", title=f"Article {n}", url=f"https://news.example/{n}")
        for n in range(200)
    ]
    message = messages.catch_up("catch-up:key0", articles, language="en")
    within_limits(message)
    title, *lines = said(message).splitlines()
    assert title == "### 200 articles arrived in the meantime"
    assert lines[0] == "• [Article 199](https://news.example/199) · Example News"
    assert lines[-1] == f"and {200 - len(lines) + 1} older ones"
    menu, button = components(message)
    assert menu["custom_id"] == "telex:pick:catch-up:key0"
    assert button["custom_id"] == "telex:all:catch-up:key0"
    assert [option["value"] for option in menu["options"]] == [f"key{n}" for n in range(199, 174, -1)]


async def test_a_title_cannot_end_the_link_around_it():
    article = ARTICLE._replace(title="a](https://evil.example) [b", url="https://news.example/(x) y")
    *_rest, line = said(messages.catch_up("w", [article], language="en")).splitlines()
    assert "](https://evil" not in line.replace("\\]", "")
    assert line.endswith("(https://news.example/%28x%29%20y) · Example News") or "[" not in line.replace(
        "\\[", ""
    )


async def test_barer_attempts_leave_pictures_out_first_and_links_last():
    full, bare, unlinked = posts.render_post(ARTICLE, FEED, language="en").fallbacks()
    assert shown(full) == [ARTICLE.image]
    assert not shown(bare)
    assert [one.get("url") for one in components(bare)] == [None, ARTICLE.url, None]
    assert [one["custom_id"] for one in components(unlinked)] == [
        buttons.save_id(ARTICLE.key),
        f"telex:more:{ARTICLE.key}",
    ]
    full, bare, unlinked = posts.render_post(
        ARTICLE, FEED, language="en", look=PostLook(style=Style.CLASSIC)
    ).fallbacks()
    assert "image" in fields(full)
    assert "image" not in fields(bare)
    assert fields(bare)["author"] == {"name": "Example News"}
    assert "url" in fields(bare)
    assert "url" not in fields(unlinked)
    assert list(messages.notice("x").fallbacks())[1:] == []


@pytest.mark.parametrize("style", [Style.FULL, Style.CLASSIC])
async def test_discord_py_keeps_no_view_of_a_post(style):
    view = posts.render_post(ARTICLE, FEED, language="en", look=PostLook(style=style)).send_kwargs()["view"]
    assert isinstance(view, discord.ui.View | discord.ui.LayoutView)
    assert view.is_finished()
