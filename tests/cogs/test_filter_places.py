"""/feed filter for a channel or the whole server, with or without an end."""

from __future__ import annotations

import discord
import pytest
from simcord.backend.errors import SetupError

from bot.client.background_tasks import BackgroundTasks
from bot.core.models import Feed
from bot.core.preferences import Filter, FilterPlace, FilterScope
from cogs.running.server_events import GuildEventsCog
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    press_button,
    read_reply_text,
)
from tests.support.scenario import (
    START,
    follow_feed,
    get_first_subscription_id,
    get_newest_article,
    list_posted_titles,
    make_three_rss_items,
    publish_items,
    run_why,
)

DAY = 86_400


async def describe_server_filters(world: World) -> list[str]:
    return [str(query_filter) for query_filter in await list_server_filters(world)]


async def list_server_filters(world: World) -> list[Filter]:
    return await world.store.filters.list_by_place(FilterPlace(world.guild.id, FilterScope.SERVER))


async def save_filter(world: World, place: str, **options: str) -> str:
    trial = await world.run_as_editor("feed filter", feed=place, **options)
    assert list_button_labels(get_last_reply(trial)) == ["Save this filter", "Cancel"], read_reply_text(trial)
    return read_reply_text(await press_button(world.editor, trial, "Save this filter"))


async def test_feed_option_offers_server_and_channels(telex, feed, feed_server):
    await follow_feed(telex, feed_server, path="/2", title="Other", channel=telex.guild.create_text_channel("tech"))

    async def list_choices(text: str) -> list[str]:
        choices = await telex.editor.autocomplete(telex.news, "feed filter", "feed", text)
        return [choice["name"] for choice in choices]

    assert await list_choices("") == [
        "Everything in this server",
        "Everything in #news",
        "Example News — #news",
        "Other — #tech",
        "Everything in #tech",
    ]
    assert await list_choices("#tech") == ["Everything in #tech", "Other — #tech"]
    telex.locales[telex.editor.id] = "fr"
    assert (await list_choices("tout"))[:2] == ["Tout le serveur", "Tout le salon #news"]


async def test_server_filter_with_end_is_tried_saved_and_ends(telex, feed, feed_server):
    trial = await telex.run_as_editor("feed filter", feed="server", never="chips", until="in 3 days")
    trial_text = read_reply_text(trial)
    ends_at = telex.clock.now() + 3 * DAY
    assert "Would have kept out 1 of the last 3 articles" in trial_text
    assert "Everything in this server" in trial_text
    assert f"never `chips` (until <t:{ends_at - 1}:D>)" in trial_text
    assert "🚫 [Chips get smaller]" in trial_text
    assert await describe_server_filters(telex) == []
    save_reply = await press_button(telex.editor, trial, "Save this filter")
    assert read_reply_text(save_reply).startswith("Saved. Everything in this server: never `chips`")
    post_count = len(telex.posts())
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, title="More chips", published=START - 1), *make_three_rss_items()
    )
    assert len(telex.posts()) == post_count
    link = (await get_newest_article(telex, feed)).url
    assert "filtered out by: never `chips` (whole server)" in await run_why(telex, link)
    telex.locales[telex.reader.id] = "fr"
    assert "jamais `chips` (tout le serveur)" in await run_why(telex, link)
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert f"**Filter**: none → never `chips` (until <t:{ends_at - 1}:D>)" in history
    await telex.advance(3 * DAY)
    await publish_items(
        telex, feed_server, feed, make_rss_item(5, title="Chips again", published=START - 1), *make_three_rss_items()
    )
    assert list_posted_titles(telex)[-1] == "Chips again"


async def test_feed_trial_shows_channel_and_server_filters(telex, feed):
    await save_filter(telex, "server", never="browser")
    await save_filter(telex, f"channel:{telex.news.id}", never="chips")
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="vote")
    assert "Would have posted 0 of the last 3 articles" in read_reply_text(trial)
    assert "-# never `browser` (whole server)" in read_reply_text(trial)
    assert "-# never `chips` (whole channel)" in read_reply_text(trial)
    feed_list = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex))
    assert "- never `browser` (whole server)\n- never `chips` (whole channel)" in read_reply_text(feed_list)
    assert list_button_labels(get_last_reply(feed_list)) == ["Add…"]
    channel_list = await telex.run_as_editor("feed filter", feed=f"channel:{telex.news.id}")
    assert "1. never `chips`\n- never `browser` (whole server)" in read_reply_text(channel_list)
    assert "Filters let 1 of the last 3 articles through" in read_reply_text(channel_list)


async def test_saved_filter_can_be_undone(telex, feed):
    await save_filter(telex, "server", never="cup", until="2030-07-20")
    (old_filter,) = await describe_server_filters(telex)
    trial = await telex.run_as_editor("feed filter", feed="server", never="cup")
    save_reply = await press_button(telex.editor, trial, "Save this filter")
    assert await describe_server_filters(telex) == ["never cup"]
    undo_reply = await press_button(telex.editor, save_reply, "Undo the change")
    assert "Undone: never `cup`" in read_reply_text(undo_reply)
    assert await describe_server_filters(telex) == [old_filter]
    repeated_reply = await telex.run_as_editor("feed filter", feed="server", never="cup", until="20 July 2030")
    assert "already there" in read_reply_text(repeated_reply)


async def test_ended_filter_is_listed_for_a_week(telex, feed):
    await save_filter(telex, "server", never="cup", until="tomorrow")
    ends_at = (await list_server_filters(telex))[0].ends_at
    await telex.advance(3 * DAY)
    filter_list = await telex.run_as_editor("feed filter", feed="server")
    assert f"-# never `cup` · ended <t:{ends_at}:R>" in read_reply_text(filter_list)
    assert "No filters: every article is posted." in read_reply_text(filter_list)
    assert list_button_labels(get_last_reply(filter_list)) == ["Add…"]
    await telex.advance(7 * DAY)
    await BackgroundTasks(telex.newsroom).purge_expired()
    filter_list = await telex.run_as_editor("feed filter", feed="server")
    assert "cup" not in read_reply_text(filter_list)


@pytest.fixture
async def followed_feed(telex, feed_server) -> Feed:
    return await follow_feed(telex, feed_server)


@check_cases(
    ("options", "refusal"),
    [
        ({"never": "cup", "until": "20 July 2020"}, "is in the past"),
        ({"never": "cup", "until": "yesterday"}, "is in the past"),
        ({"never": "cup", "until": "soonish"}, "I can’t read “soonish” as a date"),
        ({"never": "cup", "until": "**x** @everyone"}, "as a date"),
        ({"until": "tomorrow"}, "An end date needs a filter"),
        ({"only": "cup"}, "“Only” works for one feed"),
        ({"never": "chips since:7d"}, "Remove the date"),
    ],
)
async def test_invalid_filter_options_are_refused(telex, followed_feed, options, refusal):
    answer = await telex.run_as_editor("feed filter", feed="server", **options)
    assert refusal in read_reply_text(answer)
    assert "**x** @everyone" not in read_reply_text(answer)
    assert list_button_labels(get_last_reply(answer)) == []
    assert await describe_server_filters(telex) == []


async def test_filter_form_limits_length_of_fields(telex, feed):
    filter_list = await telex.run_as_editor("feed filter", feed="server")
    for texts in ({"never": "a " * 5_000, "until": ""}, {"never": "cup", "until": "20 July " * 1_250}):
        form = await press_button(telex.editor, filter_list, "Add…")
        with pytest.raises(SetupError, match="exceeds max_length"):  # as Discord's
            await telex.editor.submit_modal(form, texts)
    assert await describe_server_filters(telex) == []


async def test_filter_with_end_is_added_from_list(telex, feed):
    telex.locales[telex.editor.id] = "fr"
    filter_list = await telex.run_as_editor("feed filter", feed=f"channel:{telex.news.id}")
    form = await press_button(telex.editor, filter_list, "Ajouter…")
    trial = await telex.editor.submit_modal(form, {"never": "chips", "until": "jusqu’au 20 juillet 2030"})
    assert "Articles écartés : 1 sur les 3 derniers" in read_reply_text(trial)
    save_reply = await press_button(telex.editor, trial, "Enregistrer ce filtre")
    assert "jamais `chips` (jusqu’au <t:" in read_reply_text(save_reply)
    assert [component["label"] for component in list_controls(get_last_reply(save_reply))] == [
        "Annuler la modification"
    ]


async def test_hidden_channel_cannot_be_filtered(telex, feed, feed_server):
    lounge = telex.guild.create_text_channel("lounge")
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, path="/secret", title="Secret", channel=secret)
    trial = await telex.editor.slash(lounge, "feed filter", feed=f"channel:{secret.id}", never="chips")
    hide_channel(telex, secret, telex.editor)
    refusal = await press_button(telex.editor, trial, "Save this filter")
    assert "can’t see" in read_reply_text(refusal)
    for place in (f"channel:{secret.id}", "channel:1", f"channel:{telex.guild.id + 5}", "channel:x"):
        answer = await telex.editor.slash(lounge, "feed filter", feed=place, never="chips")
        assert list_button_labels(get_last_reply(answer)) == [], place
    assert await telex.editor.autocomplete(lounge, "feed filter", "feed", "secret") == []
    assert await telex.store.filters.list_by_place(FilterPlace(secret.id, FilterScope.CHANNEL)) == []


async def test_server_filter_blocks_first_article_of_new_feed(telex: World, feed: Feed, feed_server: FeedServer):
    await save_filter(telex, "server", never="facial")
    new_item = make_rss_item(9, title="More facial recognition", published=START)
    url = feed_server.serve("/new", make_rss(new_item, title="New"))
    preview = await telex.run_as_editor("feed add", url=url)
    answer = await press_button(telex.editor, preview, "Follow")
    assert "on its way" not in read_reply_text(answer)
    post_count = len(telex.posts())
    await telex.deliver()
    assert len(telex.posts()) == post_count


@pytest.mark.parametrize("is_forum", [False, True])
async def test_channel_filter_applies_to_threads_and_forum_posts(telex: World, feed_server: FeedServer, is_forum):
    handle = telex.guild.create_forum_channel("talk") if is_forum else telex.guild.create_text_channel("talk")
    parent = telex.bot.get_channel(handle.id)
    assert isinstance(parent, discord.ForumChannel | discord.TextChannel)
    if isinstance(parent, discord.ForumChannel):
        thread = (await parent.create_thread(name="World Cup", content="Follow it here")).thread
    else:
        thread = await parent.create_thread(name="World Cup", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items(), title="Example News"))
    place = next(post for post in handle.threads if post.id == thread.id)
    preview = await telex.run_as_editor("feed add", url=url, channel=place)
    await press_button(telex.editor, preview, "Follow")
    ((subscription, feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert subscription.channel_id == thread.id
    offered = await telex.editor.autocomplete(telex.news, "feed filter", "feed", "everything in #talk")
    assert [choice["value"] for choice in offered] == [f"channel:{handle.id}"]
    trial = await telex.run_as_editor("feed filter", feed=f"channel:{handle.id}", never="chips")
    assert f"Everything in <#{handle.id}> and its threads" in read_reply_text(trial)
    assert "Would have kept out 1 of the last 3 articles" in read_reply_text(trial)
    assert "Saved" in read_reply_text(await press_button(telex.editor, trial, "Save this filter"))
    own_trial = await telex.run_as_editor("feed filter", feed=str(subscription.id), never="vote")
    assert "-# never `chips` (whole channel with its threads)" in read_reply_text(own_trial)
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, title="More chips", published=START - 1), *make_three_rss_items()
    )
    link = (await get_newest_article(telex, feed)).url
    assert "filtered out by: never `chips` (whole channel with its threads)" in await run_why(telex, link)
    telex.locales[telex.reader.id] = "fr"
    assert "jamais `chips` (tout le salon et ses fils)" in await run_why(telex, link)


async def test_following_threads_are_recorded_when_server_is_available(telex, feed_server):
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    await parent.create_thread(name="World Cup", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    (thread,) = telex.news.threads
    await follow_feed(telex, feed_server, channel=thread)
    assert await telex.store.servers.list_thread_ids(telex.news.id) == []
    guild = telex.bot.get_guild(telex.guild.id)
    assert guild is not None
    await GuildEventsCog(telex.bot).on_guild_available(guild)
    assert await telex.store.servers.list_thread_ids(telex.news.id) == [thread.id]
