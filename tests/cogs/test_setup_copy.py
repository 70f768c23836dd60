"""/settings copy: copying a channel's settings to other channels, with preview and undo."""

from __future__ import annotations

from typing import Any

from simcord.builders import ChannelHandle, RoleHandle
from simcord.results import InteractionResult, ResponseMessage

from bot.core import setting_registry
from bot.core.preferences import (
    DigestPlan,
    FilterMode,
    FilterPlace,
    FilterScope,
    MentionRule,
    PostLook,
    SettingKind,
    Style,
)
from bot.watches.subscription_filters import MAX_FILTERS_PER_PLACE
from cogs.settings.setup_copy import select_channel_part
from tests.operating.test_blocked_sources import change_block
from tests.posting.test_forums import TAGS, add_tag_rule, create_forum_with_tags
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer
from tests.support.interactions import (
    NEXT,
    get_last_reply,
    hide_channel,
    list_controls,
    press_button,
    press_icon_button,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed


async def choose_targets(world: World, panel: InteractionResult, *targets: ChannelHandle) -> ResponseMessage:
    """Choose channels to copy to and return the preview."""
    menu = next(
        part for part in list_controls(get_last_reply(panel)) if str(part.get("placeholder")).startswith("Copy to")
    )
    return get_last_reply(await world.editor.select(get_last_reply(panel), targets, custom_id=menu["custom_id"]))


async def load_part(world: World, channel: ChannelHandle) -> dict[Any, str]:
    """Load all settings of a channel, by keys without the channel."""
    part = select_channel_part(await world.store.setups.read(world.guild.id), channel.id)
    return {key._replace(channel_id=None): text for key, text in part.items()}


async def set_up_news(world: World, feed_server: FeedServer) -> RoleHandle:
    """Give #news two feeds, one with a look that mentions a role and a filter, and some of all other settings."""
    news, store = world.news, world.store
    role = world.guild.create_role("AI", mentionable=True)
    feed = await follow_feed(world, feed_server)
    await follow_feed(world, feed_server, path="/2", title="Second")
    place = {"server_id": world.guild.id, "channel_id": news.id, "user_id": 1}
    subscription = await store.subscriptions.find(news.id, feed.id)
    await store.subscriptions.set_look(subscription.id, PostLook(style=Style.COMPACT, role_id=role.id), user_id=1)
    await store.filters.add(FilterPlace(subscription.id), [(FilterMode.INCLUDE, "chips")], user_id=1, limit=9)
    channel_place = FilterPlace(news.id, FilterScope.CHANNEL)
    await store.filters.add(channel_place, [(FilterMode.EXCLUDE, "crypto")], user_id=1, limit=9)
    await store.mention_rules.save(MentionRule(role.id, "openai", 5), **place, limit=9)
    await store.digests.save(DigestPlan(weekday=0, minute=480), **place, limit=9)
    await store.watches.add(
        server_id=world.guild.id, channel_id=news.id, user_id=None, query="robots", language="en", limit=9
    )
    await world.set_channel_setting(setting_registry.QUIET_HOURS, "22:00-07:00", news)
    await world.set_channel_setting(setting_registry.DAILY_THREAD, value=True, channel=news)
    return role


async def test_copy_adds_all_settings_and_undo_restores_channels(telex, feed_server):
    await set_up_news(telex, feed_server)
    tech, forum = telex.guild.create_text_channel("tech"), telex.guild.create_forum_channel("forum")
    own_feed = await follow_feed(telex, feed_server, path="/own", title="Own", channel=tech)
    tech_place = FilterPlace(tech.id, FilterScope.CHANNEL)
    await telex.store.filters.add(
        tech_place, [(FilterMode.EXCLUDE, "crypto"), (FilterMode.EXCLUDE, "own")], user_id=1, limit=9
    )
    await telex.set_channel_setting(setting_registry.MAX_POSTS_PER_HOUR, 3, tech)
    setup = await telex.store.setups.read(telex.guild.id)

    panel = await telex.run_as_editor("settings copy")
    preview = await choose_targets(telex, panel, tech, forum, telex.news)
    tech_text, _mention, forum_text = read_message_text(preview).partition(f"<#{forum.id}>")
    for line in (
        "**2 feeds**: Second, Example News",
        "**1 filter**: only `chips`",
        "**Look of 1 feed**: Example News",
        "**Quiet hours**: none → 22:00\u202f–\u202f07:00",
        "**Hourly limit**: 3 posts an hour → no limit",
        "**Digest**: none → every Monday at 08:00",
        "**Channel watch**: none → robots",
        "up to 5 mentions a day",
    ):
        assert line in tech_text, (line, tech_text)
    assert "Can’t be copied: Daily thread" in forum_text
    assert "Daily thread**" in tech_text
    assert "never `crypto` (whole channel)" in forum_text
    assert await telex.store.setups.read(telex.guild.id) == setup, "nothing changes before Copy"

    report = await telex.editor.click(preview, label="Copy")
    assert f"✅ <#{tech.id}>\n✅ <#{forum.id}>" in read_reply_text(report)
    news_part, tech_part, forum_part = [await load_part(telex, channel) for channel in (telex.news, tech, forum)]
    own_keys = {key for key in tech_part if key.detail == "never own" or (key.feed and key.feed.url == own_feed.url)}
    assert len(own_keys) == 2
    assert {key: text for key, text in tech_part.items() if key not in own_keys} == news_part
    assert forum_part == news_part | {key: "0" for key in news_part if key.setting == "daily_thread"}
    assert {change.user_id for change in await telex.store.preferences.list_changes(telex.guild.id, limit=9)} == {
        telex.editor.id
    }
    undo_reply = await press_button(telex.editor, report, "Undo the change")
    assert f"↩️ <#{tech.id}>\n↩️ <#{forum.id}>" in read_reply_text(undo_reply)
    assert await load_part(telex, forum) == await load_part(telex, telex.guild.create_text_channel("empty"))
    assert {key: text for key, text in (await telex.store.setups.read(telex.guild.id)).items() if key in setup} == setup
    assert SettingKind.DIGEST not in {key.setting for key in await load_part(telex, tech)}


async def test_copy_names_settings_that_cannot_be_copied(telex, feed_server):
    role = await set_up_news(telex, feed_server)
    telex.env.backend.edit_role(telex.guild.id, role.id, {"mentionable": False})
    tech, hidden_channel = telex.guild.create_text_channel("tech"), telex.guild.create_text_channel("hidden")
    hide_channel(telex, hidden_channel, telex.editor)
    await telex.env.settle()
    await change_block(telex.newsroom, "127.0.0.1/2")
    panel = await telex.run_as_editor("settings copy")
    preview = await choose_targets(telex, panel, tech)
    assert "**1 feed**: Example News" in read_message_text(preview)
    assert f"Can’t be copied: 1 blocked feed, mentions of <@&{role.id}>" in read_message_text(preview)
    await telex.editor.click(preview, label="Copy")
    tech_part = await load_part(telex, tech)
    assert SettingKind.MENTION_RULE not in {key.setting for key in tech_part}
    (look_text,) = (look for key, look in tech_part.items() if key.setting == SettingKind.LOOK)
    assert PostLook.from_json(look_text) == PostLook(style=Style.COMPACT)

    forum = await create_forum_with_tags(telex)
    other_forum = telex.guild.create_forum_channel("other")
    tag = {"id": "601", "name": "sécurité", "moderated": False, "emoji_id": None, "emoji_name": None}
    telex.env.backend.edit_channel(other_forum.id, {"available_tags": [tag]})
    await telex.env.settle()
    for name in ("AI", "Sécurité"):
        await add_tag_rule(telex, forum, name, "robots")
    panel = await telex.run_as_editor("settings copy", channel=forum)
    preview = await choose_targets(telex, panel, other_forum, tech)
    assert "**Post tag**: none → sécurité (robots)" in read_message_text(preview)
    copied_text, _mention, tech_text = read_message_text(preview).partition(f"<#{tech.id}>")
    assert copied_text.endswith("Can’t be copied: tag AI\n")
    assert "Can’t be copied: tag AI, tag Sécurité" in tech_text
    await telex.editor.click(preview, label="Copy")
    assert [rule.tag_id for rule in await telex.store.forum_tags.list_by_channel(other_forum.id)] == [601]
    assert TAGS["Sécurité"] != 601


async def test_copy_is_previewed_again_and_skips_full_channel(telex, feed_server):
    await set_up_news(telex, feed_server)
    tech, full_channel = telex.guild.create_text_channel("tech"), telex.guild.create_text_channel("full")
    await telex.store.filters.add(
        FilterPlace(telex.news.id, FilterScope.CHANNEL), [(FilterMode.EXCLUDE, "later")], user_id=1, limit=9
    )
    await telex.set_channel_setting(setting_registry.SILENT_POSTS, value=False, channel=full_channel)
    rules = [(FilterMode.EXCLUDE, f"word{n}") for n in range(MAX_FILTERS_PER_PLACE)]
    assert await telex.store.filters.add(FilterPlace(full_channel.id, FilterScope.CHANNEL), rules, user_id=1, limit=10)
    full_part = await load_part(telex, full_channel)

    preview = await choose_targets(telex, await telex.run_as_editor("settings copy"), tech, full_channel)
    await telex.set_channel_setting(setting_registry.MIN_OUTLETS, 3, telex.news)
    second_preview = await telex.editor.click(preview, label="Copy")
    assert "Something changed meanwhile" in read_reply_text(second_preview)
    assert await load_part(telex, tech) == await load_part(telex, telex.guild.create_text_channel("empty"))
    report = read_reply_text(report_reply := await press_button(telex.editor, second_preview, "Copy"))
    assert f"✅ <#{tech.id}>\n❌ <#{full_channel.id}>: Too many filters in one place: the limit is 10." in report
    assert await load_part(telex, full_channel) == full_part
    assert await load_part(telex, tech) == await load_part(telex, telex.news)

    await telex.set_channel_setting(setting_registry.MIN_OUTLETS, 4, tech)
    undo_reply = await press_button(telex.editor, report_reply, "Undo the change")
    assert "changed since" in read_reply_text(undo_reply)
    assert (await load_part(telex, tech)).keys() == (await load_part(telex, telex.news)).keys()


async def test_copy_is_atomic(telex, feed_server, monkeypatch):
    await set_up_news(telex, feed_server)
    targets = [telex.guild.create_text_channel(name) for name in ("one", "two")]
    preview = await choose_targets(telex, await telex.run_as_editor("settings copy"), *targets)
    apply = telex.store.setups.apply

    async def apply_after_another_manager(*args: Any, **kwargs: Any) -> None:
        await telex.set_channel_setting(setting_registry.QUIET_HOURS, "01:00-02:00", targets[1])
        await apply(*args, **kwargs)

    monkeypatch.setattr(telex.store.setups, "apply", apply_after_another_manager)
    answer = await telex.editor.click(preview, label="Copy")
    assert "Someone changed these settings meanwhile" in read_reply_text(answer)
    assert await load_part(telex, targets[0]) == await load_part(telex, telex.guild.create_text_channel("empty"))


async def test_copy_of_thread_omits_filters_of_its_channel(telex, feed_server):
    await set_up_news(telex, feed_server)
    thread = telex.env.backend.create_thread(telex.news.id, "thread", telex.editor.id)
    place = next(post for post in telex.news.threads if post.id == thread.id)
    await follow_feed(telex, feed_server, path="/thread", title="Threaded", channel=place)
    targets = [telex.guild.create_text_channel(f"channel-{n}") for n in range(4)]
    panel = await telex.run_as_editor("settings copy", channel=place)
    first_page = await choose_targets(telex, panel, *targets, telex.news)
    label = f"Can’t be copied: 1 filter of <#{telex.news.id}>, which the thread shares"
    assert [f"<#{target.id}>" in read_message_text(first_page) for target in targets] == [True, True, True, False]
    assert read_message_text(first_page).count(label) == 3
    second_page = get_last_reply(await press_icon_button(telex.editor, first_page, NEXT))
    news_text = read_message_text(second_page).partition(f"<#{telex.news.id}>\n")[2]
    assert "**1 feed**: Threaded" in news_text
    assert label not in news_text
    await telex.editor.click(second_page, label="Copy")
    assert [await load_part(telex, target) for target in targets] == [await load_part(telex, place)] * 4


async def test_copy_buttons_expire_after_restart(telex, feed):
    tech = telex.guild.create_text_channel("tech")
    preview = await choose_targets(telex, await telex.run_as_editor("settings copy"), tech)
    await telex.restart()
    answer = await telex.editor.click(preview, label="Copy")
    assert "expired" in read_reply_text(answer)
    assert await telex.store.subscriptions.load_channel_ids(telex.guild.id) == {telex.news.id}
