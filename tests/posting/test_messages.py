from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import discord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import i18n
from bot.core.models import Article, Feed
from bot.core.preferences import PostLook, Style
from bot.drill.discord_stand_in.message_text import TEXT_DISPLAY_TYPE, flatten_components
from bot.posting.rendering import buttons, messages, posts
from bot.posting.rendering.layout import outlet_branding
from bot.text import discord_text
from tests.support.cases import check_cases

ARTICLE = Article(
    id=1,
    key="0123456789abcdef0123",
    feed_id=1,
    page_key="p",
    url="https://news.example/articles/1",
    title="San Francisco bans facial recognition",
    summary="The city votes against the technology. Police may not use it.",
    text="",
    body="",
    author=None,
    outlet="Example News",
    language="en",
    tags=(),
    image_url="https://news.example/picture.jpg",
    published=1_780_000_000,
    found_at=1_780_000_000,
)
FEED = Feed(id=1, url="https://news.example/feed", outlet="Example", icon_url="https://news.example/icon.png")
HOSTILE = (
    st.text(max_size=400)
    | st.sampled_from(["🏳️‍🌈" * 200, "مرحبا\u202e" * 100, "\u200b" * 5000, "**" * 300, "@everyone " * 50, "x" * 5000])
    | st.text(alphabet="*_`|[]()<>@#:~\\ a\n", max_size=600)
)


def get_embed(message: messages.Message) -> dict[str, Any]:
    return dict(message.embed.to_dict())


def list_all_components(message: messages.Message) -> list[dict[str, Any]]:
    """List all components, nested ones too."""
    view = message.send_kwargs()["view"]
    return flatten_components(view.to_components()) if view is not None else []


def list_controls(message: messages.Message) -> list[dict[str, Any]]:
    """List the buttons and menus."""
    return [component for component in list_all_components(message) if component["type"] in {2, 3}]


def read_text(message: messages.Message) -> str:
    return "\n".join(part["content"] for part in list_all_components(message) if part["type"] == TEXT_DISPLAY_TYPE)


def list_picture_urls(message: messages.Message) -> list[str]:
    """List the URLs of the pictures."""
    media_objects = [component["media"] for component in list_all_components(message) if "media" in component]
    media_objects += [
        gallery_item["media"] for gallery in list_all_components(message) for gallery_item in gallery.get("items", ())
    ]
    return [media["url"] for media in media_objects]


def assert_within_limits(message: messages.Message) -> None:
    embed = get_embed(message) if message.embed is not None else {}
    lengths = {
        "title": (embed.get("title", ""), 256),
        "description": (embed.get("description", ""), 4096),
        "author": (embed.get("author", {}).get("name", ""), 256),
    }
    for name, (text, limit) in lengths.items():
        assert discord_text.count_utf16_units(text) <= limit, name
    assert sum(discord_text.count_utf16_units(text) for text, _limit in lengths.values()) <= 6000
    assert discord_text.count_utf16_units(read_text(message)) <= 4000
    assert len(list_all_components(message)) <= 40
    assert 1 <= discord_text.count_utf16_units(message.name) <= 100
    for component in list_controls(message):
        assert discord_text.count_utf16_units(component.get("label") or "") <= 80
        assert discord_text.count_utf16_units(component.get("custom_id", "")) <= 100
        assert discord_text.count_utf16_units(component.get("url", "")) <= 512
        options = component.get("options", [])
        assert len(options) <= 25
        for option in options:
            assert 1 <= discord_text.count_utf16_units(option["label"]) <= 100
            assert discord_text.count_utf16_units(option.get("description", "")) <= 100


async def test_post_has_byline_title_excerpt_picture_and_buttons():
    message = posts.render_post(ARTICLE, FEED, language="en")
    (card,) = message.send_kwargs()["view"].to_components()
    assert card["accent_color"] == outlet_branding.outlet_colour(FEED.id, "Example News")
    byline, story, gallery, row = card["components"]
    assert byline["content"].endswith(f" **Example News** · <t:{ARTICLE.published}:R>")
    assert story["content"] == f"### [{ARTICLE.title}]({ARTICLE.url})\n{ARTICLE.summary}"
    (gallery_item,) = gallery["items"]
    assert (gallery_item["media"]["url"], gallery_item["description"]) == (ARTICLE.image_url, ARTICLE.title)
    save_button, read_button, more_button = row["components"]
    assert (save_button["custom_id"], save_button["label"]) == (f"telex:save:{ARTICLE.key}", "Save")
    assert (read_button["url"], read_button["label"]) == (ARTICLE.url, "Read")
    assert (more_button["custom_id"], more_button["label"]) == (f"telex:more:{ARTICLE.key}", "More")


async def test_post_names_joined_outlets_in_text_and_save_button():
    joined_articles = [
        ARTICLE._replace(key=f"{number:020x}", outlet=f"Outlet {number}", url=f"https://{number}.example/")
        for number in range(1 << 70, (1 << 70) + 12)
    ]
    message = posts.render_post(ARTICLE, FEED, language="en", joined_articles=joined_articles)
    assert_within_limits(message)
    *_other_lines, last = read_text(message).splitlines()
    assert last.startswith(f"-# Also: [Outlet {1 << 70}](https://{1 << 70}.example/) · [Outlet")
    assert last.endswith(" · 4 more")
    save = list_controls(message)[0]["custom_id"]
    assert save == buttons.save_button_id(ARTICLE.key, joined_articles)
    template_match = re.fullmatch(buttons.SAVE_ID_PATTERN, save)
    assert template_match["key"] == ARTICLE.key


async def test_labels_use_given_language():
    save_button, read_button, more_button = list_controls(posts.render_post(ARTICLE, FEED, language="fr"))
    french = i18n.load_catalogue("fr")
    assert [save_button["label"], read_button["label"], more_button["label"]] == [
        french.gettext(word) for word in ("Save", "Read", "More")
    ]
    save_button, *_other_buttons = list_controls(posts.render_post(ARTICLE, FEED, language="en"))
    assert save_button["label"] == "Save"


async def test_feed_markup_and_mentions_are_escaped():
    article = ARTICLE._replace(
        title="**Free** [money](https://evil.example) @everyone", summary="`rm` <@123> ||x|| # Big"
    )
    _byline, title, text = read_text(posts.render_post(article, FEED, language="en")).splitlines()
    title = title.removeprefix("### [").removesuffix(f"]({ARTICLE.url})")
    assert not re.search(r"(?<!\\)[*_~`|\[\]<>@#]", title + text)
    assert title.replace("\\", "") == article.title


async def test_excerpt_ends_with_sentence():
    article = ARTICLE._replace(summary="One sentence that is here. " * 30)
    *_other_lines, text = read_text(posts.render_post(article, FEED, language="en")).splitlines()
    assert text == "One sentence that is here. One sentence that is here."
    *_other_lines, text = read_text(
        posts.render_post(article, FEED, language="en", look=PostLook(excerpt_length=200))
    ).splitlines()
    assert text.endswith("is here.")
    assert 100 < discord_text.count_utf16_units(text) <= 200


@check_cases(
    ("change", "title"),
    [
        ({"title": "", "summary": "First words of it."}, "First words of it."),
        ({"title": " \u200b ", "summary": "", "body": "Words of the body"}, "Words of the body"),
        ({"title": "", "summary": "", "body": "", "url": ""}, "…"),
        ({"title": "", "summary": "", "body": ""}, "https\\://news.example/articles/1"),
    ],
)
async def test_article_without_title_gets_fallback_title(change, title):
    text = read_text(posts.render_post(ARTICLE._replace(**change), FEED, language="en"))
    assert f"### {title}" in text or f"### [{title}](" in text


async def test_summary_that_repeats_title_is_omitted():
    article = ARTICLE._replace(summary=ARTICLE.title + "…", body="")
    assert len(read_text(posts.render_post(article, FEED, language="en")).splitlines()) == 2


@check_cases("url", ["javascript:alert(1)", "ftp://x.example/", "https://", "not a url", ""])
async def test_invalid_url_is_not_linked(url):
    feed = replace(FEED, icon_url=url)
    message = posts.render_post(ARTICLE._replace(url=url, image_url=url), feed, language="en")
    assert "](" not in read_text(message)
    assert not list_picture_urls(message)
    assert len(list_controls(message)) == 2
    look = PostLook(style=Style.CLASSIC)
    embed = get_embed(posts.render_post(ARTICLE._replace(url=url, image_url=url), feed, language="en", look=look))
    assert not {"url", "image"} & embed.keys()
    assert "icon_url" not in embed["author"]


@check_cases("style", Style)
async def test_episode_has_listen_button_with_duration(style):
    player = "https://pod.example/7.mp3?x=1"
    episode = ARTICLE._replace(audio_url=player, duration_seconds=2_530)
    message = posts.render_post(episode, None, language="fr", look=PostLook(style=style))
    labels = {component["url"]: component["label"] for component in list_controls(message) if "url" in component}
    read_labels = {} if style in {Style.COMPACT, Style.HEADLINE} else {episode.url: "Lire"}  # their title leads there
    assert labels == read_labels | {player: "Écouter · 42\u00a0min"}
    audio_only = posts.render_post(episode._replace(url=player, duration_seconds=None), None, language="en")
    assert [
        listen_component["label"] for listen_component in list_controls(audio_only) if "url" in listen_component
    ] == ["Listen"]


@check_cases(
    ("url", "label"),
    [
        ("https://www.youtube.com/watch?v=x", "Watch video"),
        ("https://youtu.be/x", "Watch video"),
        ("https://vimeo.com/123", "Watch video"),
        ("https://www.youtube.com/@ada", "Read"),
        ("https://news.example/watch?v=x", "Read"),
    ],
)
async def test_video_link_has_watch_button(url, label):
    message = posts.render_post(ARTICLE._replace(url=url), FEED, language="en")
    assert [component["label"] for component in list_controls(message) if component.get("url") == url] == [label]


async def test_long_url_gets_no_button():
    message = posts.render_post(ARTICLE._replace(url="https://news.example/" + "x" * 600), FEED, language="en")
    assert len(list_controls(message)) == 2
    assert "x" * 600 in read_text(message)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(title=HOSTILE, summary=HOSTILE, body=HOSTILE, outlet=HOSTILE)
async def test_any_text_is_within_discord_limits(title, summary, body, outlet):
    article = ARTICLE._replace(title=title, summary=summary, body=body, outlet=outlet)
    post = posts.render_post(article, FEED, language="en")
    assert_within_limits(post)
    assert "### " in read_text(post)
    assert_within_limits(messages.catch_up_message("catch-up:x", [article] * 60, language="fr"))
    assert_within_limits(messages.feed_alert_message(discord_text.to_plain_line(title) or "x"))


async def test_catch_up_lists_newest_articles_and_counts_others():
    articles = [
        ARTICLE._replace(id=n, key=f"key{n}", title=f"Article {n}", url=f"https://news.example/{n}") for n in range(200)
    ]
    message = messages.catch_up_message("catch-up:key0", articles, language="en")
    assert_within_limits(message)
    title, *lines = read_text(message).splitlines()
    assert title == "### 200 articles arrived in the meantime"
    assert lines[0] == "• [Article 199](https://news.example/199) · Example News"
    assert lines[-1] == f"and {200 - len(lines) + 1} older ones"
    menu, button = list_controls(message)
    assert menu["custom_id"] == "telex:pick:catch-up:key0"
    assert button["custom_id"] == "telex:all:catch-up:key0"
    assert [option["value"] for option in menu["options"]] == [f"key{n}" for n in range(199, 174, -1)]


async def test_title_cannot_break_link():
    article = ARTICLE._replace(title="a](https://evil.example) [b", url="https://news.example/(x) y")
    *_other_lines, line = read_text(messages.catch_up_message("w", [article], language="en")).splitlines()
    assert "](https://evil" not in line.replace("\\]", "")
    assert line.endswith("(https://news.example/%28x%29%20y) · Example News") or "[" not in line.replace("\\[", "")


async def test_variants_omit_pictures_then_links():
    full_attempt, bare_attempt, unlinked_attempt = posts.render_post(ARTICLE, FEED, language="en").iter_variants()
    assert list_picture_urls(full_attempt) == [ARTICLE.image_url]
    assert not list_picture_urls(bare_attempt)
    assert [component.get("url") for component in list_controls(bare_attempt)] == [None, ARTICLE.url, None]
    assert [unlinked_component["custom_id"] for unlinked_component in list_controls(unlinked_attempt)] == [
        buttons.save_button_id(ARTICLE.key),
        f"telex:more:{ARTICLE.key}",
    ]
    full_attempt, bare_attempt, unlinked_attempt = posts.render_post(
        ARTICLE, FEED, language="en", look=PostLook(style=Style.CLASSIC)
    ).iter_variants()
    assert "image" in get_embed(full_attempt)
    assert "image" not in get_embed(bare_attempt)
    assert get_embed(bare_attempt)["author"] == {"name": "Example News"}
    assert "url" in get_embed(bare_attempt)
    assert "url" not in get_embed(unlinked_attempt)
    assert list(messages.feed_alert_message("x").iter_variants())[1:] == []


@check_cases("style", [Style.FULL, Style.CLASSIC])
async def test_post_view_is_not_stored_by_discord_py(style):
    view = posts.render_post(ARTICLE, FEED, language="en", look=PostLook(style=style)).send_kwargs()["view"]
    assert isinstance(view, discord.ui.View | discord.ui.LayoutView)
    assert view.is_finished()
