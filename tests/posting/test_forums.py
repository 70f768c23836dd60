"""Tags of forum posts, from rules and from the feed's categories."""

from __future__ import annotations

from simcord.builders import ChannelHandle
from simcord.results import InteractionResult

from bot.core.preferences import ForumTagRule
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    find_accessory_id,
    find_menu,
    get_last_reply,
    hide_channel,
    read_reply_text,
    select_option,
)

TAGS = {"AI": 501, "Sécurité": 502, "Staff": 503, "Everything": 504}


async def create_forum_with_tags(world: World) -> ChannelHandle:
    forum = world.guild.create_forum_channel("forum")
    tags = [
        {"id": str(id_), "name": name, "moderated": name == "Staff", "emoji_id": None, "emoji_name": None}
        for name, id_ in TAGS.items()
    ]
    world.env.backend.edit_channel(forum.id, {"available_tags": tags})
    await world.env.settle()
    return forum


async def add_tag_rule(world: World, forum: ChannelHandle, name: str, query: str) -> None:
    await world.store.forum_tags.add(
        ForumTagRule(TAGS[name], query),
        name,
        server_id=world.guild.id,
        channel_id=forum.id,
        user_id=world.editor.id,
        max_rules=20,
    )


def list_tag_ids(world: World, forum: ChannelHandle, title: str) -> list[int]:
    thread = next(thread for thread in forum.threads if thread.name == title)
    return [int(tag) for tag in world.env.backend.get_channel(thread.id).applied_tags]


def make_item_with_categories(number: int, *categories: str) -> str:
    tags = "".join(f"<category>{category}</category>" for category in categories)
    return make_rss_item(number).replace("</item>", f"{tags}</item>")


async def test_post_gets_tags_of_matching_rules(telex, publisher):
    forum = await create_forum_with_tags(telex)
    await add_tag_rule(telex, forum, "AI", "article OR robots")
    await add_tag_rule(telex, forum, "Sécurité", "faille")
    await publisher.begin(forum)
    await publisher.post(make_rss_item(1, title="Une faille dans le noyau", body="Des correctifs."))
    assert list_tag_ids(telex, forum, "Article 0") == [TAGS["AI"]]
    assert list_tag_ids(telex, forum, "Une faille dans le noyau") == [TAGS["Sécurité"]]


async def test_feed_category_applies_tag_of_same_name(telex, publisher):
    forum = await create_forum_with_tags(telex)
    await publisher.begin(forum)
    await publisher.post(make_item_with_categories(1, "securite", "ai", "Sport"))
    assert list_tag_ids(telex, forum, "Article 0") == []
    assert list_tag_ids(telex, forum, "Article 1") == [TAGS["AI"], TAGS["Sécurité"]]


async def test_rule_for_every_post_applies_tag(telex, publisher):
    forum = await create_forum_with_tags(telex)
    await add_tag_rule(telex, forum, "Everything", "")
    await publisher.begin(forum)
    assert list_tag_ids(telex, forum, "Article 0") == [TAGS["Everything"]]


async def test_missing_or_moderated_tag_is_skipped(telex, publisher):
    forum = await create_forum_with_tags(telex)
    await add_tag_rule(telex, forum, "Staff", "")
    await telex.store.forum_tags.add(
        ForumTagRule(999, ""),
        "gone",
        server_id=telex.guild.id,
        channel_id=forum.id,
        user_id=telex.editor.id,
        max_rules=20,
    )
    await publisher.begin(forum)
    assert list_tag_ids(telex, forum, "Article 0") == []


async def open_tag_panel(telex: World, forum: ChannelHandle) -> InteractionResult:
    reply = await telex.run_as_editor("settings channel", channel=forum)
    return await telex.editor.click(
        get_last_reply(reply), custom_id=find_accessory_id(get_last_reply(reply), "Post tags")
    )


async def test_tag_rules_are_edited_in_settings_and_logged(telex):
    forum = await create_forum_with_tags(telex)
    panel = await open_tag_panel(telex, forum)
    assert [option["label"] for option in find_menu(get_last_reply(panel), "Add a tag")[1]] == [
        "AI",
        "Sécurité",
        "Everything",
    ]
    form = await select_option(telex.editor, get_last_reply(panel), "AI", "Add a tag")
    panel = await telex.editor.submit_modal(form, {"line": "robots `x`"})
    assert "**AI**: posts that match `robots 'x'`" in read_reply_text(panel)
    form = await select_option(telex.editor, get_last_reply(panel), "Everything", "Add a tag")
    panel = await telex.editor.submit_modal(form, {"line": ""})
    assert "**Everything**: every post" in read_reply_text(panel)
    panel = await select_option(telex.editor, get_last_reply(panel), "AI", "Remove")
    assert "robots" not in read_reply_text(panel)
    assert await telex.store.forum_tags.list_by_channel(forum.id) == [ForumTagRule(TAGS["Everything"], "")]
    history = await telex.run_as_editor("settings history")
    assert read_reply_text(history).count("Post tag") == 3
    assert "none → AI (robots" in read_reply_text(history)
    assert "none → Everything\n" in read_reply_text(history)


async def test_query_with_date_is_rejected(telex):
    forum = await create_forum_with_tags(telex)
    form = await select_option(telex.editor, get_last_reply(await open_tag_panel(telex, forum)), "AI", "Add a tag")
    answer = await telex.editor.submit_modal(form, {"line": "since:7d robots"})
    assert "Remove the date" in read_reply_text(answer)
    assert await telex.store.forum_tags.list_by_channel(forum.id) == []


async def test_member_without_access_to_forum_cannot_add_rule(telex):
    forum = await create_forum_with_tags(telex)
    form = await select_option(telex.editor, get_last_reply(await open_tag_panel(telex, forum)), "AI", "Add a tag")
    hide_channel(telex, forum, telex.editor)
    await telex.env.settle()
    answer = await telex.editor.submit_modal(form, {"line": "robots"})
    assert "a channel you can’t see" in read_reply_text(answer)
    assert await telex.store.forum_tags.list_by_channel(forum.id) == []
