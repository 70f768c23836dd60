"""Looks of posts: styles, templates and role mentions."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simcord.builders import RoleHandle

from bot.core.preferences import PostLook, Style, Template
from bot.posting.rendering import buttons, messages, post_templates, posts
from bot.posting.wording import look_labels
from bot.text import discord_text
from tests.posting.test_messages import (
    ARTICLE,
    FEED,
    HOSTILE,
    assert_within_limits,
    get_embed,
    list_controls,
    list_picture_urls,
    read_text,
)
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.message_texts import find_title

COMPACT = PostLook(style=Style.COMPACT)
HEADLINE = PostLook(style=Style.HEADLINE)
LONG = ARTICLE._replace(summary="A word after the other. " * 100)


async def test_thumbnail_style_puts_picture_beside_text():
    message = posts.render_post(ARTICLE, FEED, language="en", look=PostLook(style=Style.THUMBNAIL))
    (card,) = message.send_kwargs()["view"].to_components()
    section, _row = card["components"]
    assert section["accessory"]["media"]["url"] == ARTICLE.image_url
    assert section["accessory"]["description"] == ARTICLE.title
    assert [component["content"][:4] for component in section["components"]][1] == "### "


async def test_compact_post_has_three_lines_and_thumbnail():
    message = posts.render_post(
        LONG, FEED, language="en", look=COMPACT, joined_articles=[ARTICLE._replace(outlet="Other")]
    )
    title, lead, last = read_text(message).splitlines()
    assert title == f"**[{ARTICLE.title}]({ARTICLE.url})**"
    assert discord_text.count_utf16_units(lead) <= posts.COMPACT_EXCERPT_LENGTH
    assert last.endswith(f"**Example News** · <t:{ARTICLE.published}:R> · [+1 outlet]({ARTICLE.url})")
    assert list_picture_urls(message) == [ARTICLE.image_url]
    assert [component.get("label") for component in list_controls(message)] == [None, "⋯", "Story so far"]


async def test_headline_is_linked_title_with_save_button():
    message = posts.render_post(ARTICLE, FEED, language="en", look=HEADLINE)
    title, last = read_text(message).splitlines()
    assert title == f"**[{ARTICLE.title}]({ARTICLE.url})**"
    assert "Example News" in last
    assert not list_picture_urls(message)
    assert [component["custom_id"] for component in list_controls(message)] == [buttons.save_button_id(ARTICLE.key)]
    for look in (HEADLINE, replace(COMPACT, shows_image=False)):
        story = posts.render_post(ARTICLE, FEED, language="en", look=look, joined_articles=[LONG])
        assert [component.get("label") for component in list_controls(story)] == [None, "⋯", "Story so far"]


@check_cases("style", list(Style))
async def test_every_style_applies_prefix_and_colour_and_hides_picture(style):
    look = PostLook(style=style, shows_image=False, excerpt_length=0, colour=0x123456, prefix="🔒 Security ·")
    message = posts.render_post(ARTICLE, FEED, language="en", look=look)
    card = get_embed(message) if message.embed is not None else message.send_kwargs()["view"].to_components()[0]
    if style in {Style.FULL, Style.THUMBNAIL, Style.CLASSIC}:
        assert (card.get("color") or card.get("accent_color")) == 0x123456
    assert f"🔒 Security · {ARTICLE.title}" in str(card)
    assert str(ARTICLE.image_url) not in str(card)
    assert "The city votes" not in str(card)


@pytest.mark.parametrize("length", [1, 40, 1000])
@pytest.mark.parametrize("style", [Style.FULL, Style.COMPACT])
async def test_excerpt_has_chosen_length(length, style):
    message = posts.render_post(LONG, FEED, language="en", look=PostLook(style=style, excerpt_length=length))
    lead = read_text(message).splitlines()[2 if style is Style.FULL else 1]
    assert discord_text.count_utf16_units(lead) <= length + 1


async def test_second_variant_omits_picture():
    for style in (Style.COMPACT, Style.THUMBNAIL):
        first, without_picture, *_barer_attempts = posts.render_post(
            ARTICLE, FEED, language="en", look=PostLook(style=style)
        ).iter_variants()
        assert list_picture_urls(first)
        assert not list_picture_urls(without_picture)
        assert ARTICLE.title in read_text(without_picture)


@check_cases(("style", "small"), [(Style.FULL, False), (Style.COMPACT, True)])
async def test_role_mention_renders_embed(style, small):
    message = posts.render_post(
        LONG, FEED, language="en", look=PostLook(style=style, role_id=7), mentioned_role_ids=[7]
    )
    embed = get_embed(message)
    assert (message.content, embed["title"], embed["url"]) == ("<@&7>", ARTICLE.title, ARTICLE.url)
    assert ("thumbnail" in embed, "image" in embed) == (small, not small)
    assert embed["footer" if small else "author"][("text" if small else "name")] == "Example News"
    silent = posts.render_post(LONG, FEED, language="en", look=PostLook(style=style, role_id=7))
    assert silent.embed is not None  # an edit cannot make one of the other


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(title=HOSTILE, summary=HOSTILE, outlet=HOSTILE, prefix=HOSTILE, style=st.sampled_from(list(Style)))
async def test_any_text_is_within_limits_in_every_style(title, summary, outlet, prefix, style):
    article = ARTICLE._replace(title=title, summary=summary, outlet=outlet)
    look = PostLook(
        style=style, excerpt_length=1000, prefix=discord_text.to_plain_line(prefix, messages.MAX_PREFIX_LENGTH)
    )
    message = posts.render_post(article, FEED, language="en", look=look)
    assert_within_limits(message)
    assert message.content is None


async def test_feed_text_cannot_break_link_or_mention():
    article = ARTICLE._replace(title="a](https://evil.example) **@everyone** <@&1>", outlet="**x** [y](z)")
    message = posts.render_post(
        article, FEED, language="en", look=replace(HEADLINE, role_id=77), mentioned_role_ids=[77]
    )
    line = get_embed(message)["description"] + read_text(posts.render_post(article, FEED, language="en", look=HEADLINE))
    assert "](https://evil" not in line.replace("\\]", "")
    assert "**x**" not in line.replace("\\*", "")
    assert message.content == "<@&77>"
    allowed = dict(message.allowed_mentions.to_dict())
    assert allowed == {"parse": [], "roles": [77]}


async def test_no_mentions_are_allowed_without_role():
    allowed = posts.render_post(ARTICLE, FEED, language="en").allowed_mentions.to_dict()
    assert allowed["parse"] == []
    assert not allowed.get("roles")


def test_look_summary_escapes_markup():
    look = PostLook(style=Style.COMPACT, shows_image=False, excerpt_length=0, colour=0xFF, prefix="**x**", role_id=5)
    assert look_labels.look_summary_text(look) == "compact, no picture, no excerpt, “\\*\\*x\\*\\*”, #0000ff, <@&5>"
    assert look_labels.look_summary_text(PostLook()) == "card"


# Templates


@check_cases("style", list(Style))
async def test_template_is_applied_in_every_style(style):
    template = Template("**{title}**", "{excerpt}\nBy {author}\n{{as written}}", "-# {outlet}, {time} · {link}")
    other_article = ARTICLE._replace(outlet="Other", url="https://other.example/1")
    look = PostLook(style=style, template=template, prefix="New:")
    message = posts.render_post(ARTICLE, FEED, language="en", look=look, joined_articles=[other_article])
    post_text = read_text(message) if message.embed is None else get_embed(message)["description"]
    assert f"**New\\: {ARTICLE.title}**" in post_text
    assert "By" not in post_text  # nobody is named
    assert "{as written}" in post_text
    assert f"<t:{ARTICLE.published}:R> · {ARTICLE.url}" in post_text
    assert "Also: [Other](https://other.example/1)" in post_text  # other outlets of the story are always named
    assert_within_limits(message)
    assert buttons.save_button_id(ARTICLE.key) in str(list_controls(message))
    assert PostLook.from_json(str(look)) == look


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(title=HOSTILE, outlet=HOSTILE, author=HOSTILE, tag=HOSTILE, url=st.sampled_from(["", "x", ARTICLE.url]))
async def test_template_values_are_escaped(title, outlet, author, tag, url):
    article = ARTICLE._replace(title=title, outlet=outlet, author=author, tags=(tag,), url=url, summary="")
    template = Template("[{title}]({link})", "{author} {tags}", "{outlet}")
    message = posts.render_post(article, FEED, language="en", look=PostLook(template=template))
    assert_within_limits(message)
    post_text = read_text(message)
    unescaped = re.sub(r"\\.", "", post_text.replace(f"({ARTICLE.url})", ""))
    assert "]()" not in unescaped
    assert not re.search(r"[*_~`|<>@#]", unescaped), post_text
    assert unescaped.count("[") == unescaped.count("]") == (url == ARTICLE.url)


@check_cases(
    ("template", "message_part"),
    [
        (Template("{title"), "unmatched brace"),
        (Template("{title} }"), "unmatched brace"),
        (Template("{titel}"), "`{titel}`"),
        (Template("{title.__class__}"), "don’t know"),
        (Template("{title[0]}"), "don’t know"),
        (Template("{title!r:>99999999}"), "don’t know"),
        (Template("{}{title}"), "don’t know"),
        (Template("News", "from {outlet}"), "look the same"),
        (Template(), "look the same"),
        (post_templates.DEFAULT_TEMPLATE, None),
        (Template("", "{excerpt}"), None),
    ],
)
def test_template_error_is_explained(template, message_part):
    mistake = post_templates.find_template_error(template)
    assert (message_part in (mistake or "")) if message_part is not None else mistake is None


# In a channel


async def set_subscription_look(world: World, look: PostLook) -> None:
    (pair,) = await world.store.subscriptions.list_with_feeds(world.guild.id)
    await world.store.subscriptions.set_look(pair[0].id, look, user_id=world.editor.id)


def read_newest_post(world: World) -> tuple[str, list[int], bool]:
    """Read the newest post's text, its allowed roles and whether other mentions are allowed."""
    stored = world.env.backend.get_message(world.news.id, world.posts()[-1].id)
    allowed = stored.allowed_mentions
    assert allowed.roles is not None  # which would be all
    return stored.content, list(allowed.roles), allowed.everyone or allowed.users != frozenset()


@pytest.fixture
def role(telex) -> RoleHandle:
    return telex.guild.create_role("Readers", mentionable=True)


async def test_post_mentions_only_its_role(telex, publisher, role):
    await publisher.begin()
    await set_subscription_look(telex, PostLook(role_id=role.id))
    await publisher.post(make_rss_item(1, title="Hello @everyone"))
    assert read_newest_post(telex) == (f"<@&{role.id}>", [role.id], False)


@pytest.mark.parametrize("why", ["gone", "not mentionable", "everyone"])
async def test_unmentionable_role_is_omitted(telex, publisher, role, why):
    await publisher.begin()
    await set_subscription_look(telex, PostLook(role_id=telex.guild.id if why == "everyone" else role.id))
    if why == "gone":
        telex.env.backend.delete_role(telex.guild.id, role.id)
    elif why == "not mentionable":
        telex.env.backend.edit_role(telex.guild.id, role.id, {"mentionable": False})
    await telex.env.settle()
    await publisher.post(make_rss_item(1))
    assert len(telex.posts()) == 2
    assert read_newest_post(telex) == ("", [], False)


async def test_bot_permission_allows_mention_of_any_role(telex, publisher, role):
    telex.env.backend.edit_role(telex.guild.id, role.id, {"mentionable": False})
    await telex.set_permissions(telex.news, mention_everyone=True)
    await publisher.begin()
    await set_subscription_look(telex, PostLook(role_id=role.id))
    await publisher.post(make_rss_item(1))
    assert read_newest_post(telex) == (f"<@&{role.id}>", [role.id], False)


async def test_edited_post_keeps_look_and_mention(telex, publisher, role):
    await publisher.begin()
    await set_subscription_look(telex, PostLook(style=Style.COMPACT, prefix="Old ·", role_id=role.id))
    await publisher.post(make_rss_item(1, title="Befor", body="A text."))
    await set_subscription_look(telex, PostLook(style=Style.HEADLINE, prefix="New ·"))
    publisher.items.pop(0)
    await publisher.publish(make_rss_item(1, title="Before", body="A text, corrected."))
    await telex.advance(3600)
    await telex.deliver()
    post = telex.posts()[-1]
    assert find_title(post) == "Old · Before"
    assert post.content == f"<@&{role.id}>"


async def test_catch_up_has_no_mention_and_no_look(telex, publisher, role):
    await publisher.begin()
    await set_subscription_look(telex, PostLook(style=Style.HEADLINE, role_id=role.id))
    catch_up_limit = telex.newsroom.settings.catch_up_after
    await publisher.post(*(make_rss_item(number) for number in range(1, catch_up_limit + 4)))
    sent_posts = telex.posts()[1:]
    assert [post.content for post in sent_posts] == ["", *[f"<@&{role.id}>"] * catch_up_limit]
    assert "articles arrived in" in (find_title(sent_posts[0]) or "")
