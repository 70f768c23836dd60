"""The bot invited, sent away, invited back; and what changes in a server meanwhile."""

from __future__ import annotations

import discord
import pytest

from bot.core.models import DeliveryStatus
from bot.core.preferences import MentionRule, Preference
from bot.core.reasons import Reason, WithheldReason
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.feed_server import make_rss_item
from tests.support.posting_publisher import Publisher
from tests.support.scenario import posted_titles


@pytest.fixture
def publisher(telex, feed_server) -> Publisher:
    return Publisher(telex, feed_server)


async def test_a_server_is_known_with_its_language_when_the_bot_joins(telex):
    guild = telex.env.create_guild("Autre", preferred_locale="fr")
    await telex.env.settle()
    assert await telex.store.servers.get_locale(guild.id) == "fr"
    telex.env.backend.edit_guild(guild.id, {"preferred_locale": "en-GB"})
    await telex.env.settle()
    assert await telex.store.servers.get_locale(guild.id) == "en-GB"


async def test_a_bot_sent_away_while_it_was_down_learns_it_at_the_start(telex, publisher):
    other_server = telex.env.create_guild("Other")
    channel = other_server.create_text_channel("news")
    await telex.env.settle()
    await publisher.begin(telex.news, channel)
    telex.env.backend.guilds.pop(other_server.id)
    await telex.restart()
    await publisher.post(make_rss_item(1))
    assert posted_titles(telex) == ["Article 0", "Article 1"]
    article = (await telex.store.articles.list_newest(None, limit=1))[0]
    fates = {row.channel_id: row for row in await telex.store.delivery_statuses.list_by_page_key(article.page_key)}
    assert (fates[channel.id].status, fates[channel.id].reason) == (
        DeliveryStatus.WITHHELD,
        Reason(WithheldReason.BOT_ABSENT),
    )


async def test_what_was_deleted_while_the_bot_was_down_is_forgotten_at_the_start(telex, publisher):
    """A thread that is archived is listed no more than a channel that was deleted, but stays."""
    store, server_id, rule = telex.store, telex.guild.id, MentionRule(telex.guild.create_role("Tech").id, "ai", 1)
    channels = [telex.guild.create_text_channel(name) for name in ("news-feed", "alerts", "old-topics")]
    await telex.set_permissions(telex.news, manage_channels=True, manage_threads=True)
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    thread = await parent.create_thread(name="old", type=discord.ChannelType.public_thread)
    await thread.edit(archived=True)
    await telex.env.settle()
    for channel_id in (channels[0].id, thread.id):
        await store.channel_feeds.create_token(server_id=server_id, channel_id=channel_id, user_id=1)
    await telex.set_preference(Preference.ALERT_CHANNEL, channels[1].id)
    for channel_id, role_id in ((channels[2].id, rule.role_id), (thread.id, rule.role_id), (telex.news.id, 77)):
        ids = {"server_id": server_id, "channel_id": channel_id, "user_id": 1}
        await store.mention_rules.save(rule._replace(role_id=role_id), limit=5, **ids)
    backend = telex.env.backend
    backend.get_guild(server_id).thread_ids.remove(thread.id)
    for channel in channels:
        backend.get_guild(server_id).channel_ids.remove(channel.id)
        del backend.channels[channel.id]
    await telex.restart()
    assert await store.channel_feeds.get_by_channel(channels[0].id) is None
    assert await store.channel_feeds.get_by_channel(thread.id) is not None
    assert await store.servers.get_alert_channel_id(server_id) is None
    place_ids = (channels[2].id, telex.news.id, thread.id)
    assert [await store.mention_rules.list_by_channel(place_id) for place_id in place_ids] == [[], [], [rule]]


async def test_a_leave_withholds_what_waits(telex, publisher):
    await publisher.begin()
    await publisher.publish(make_rss_item(1))
    telex.env.backend.remove_guild(telex.guild.id)
    await telex.env.settle()
    await telex.deliver()
    article = (await telex.store.articles.list_newest(None, limit=1))[0]
    (fate,) = await telex.store.delivery_statuses.list_by_page_key(article.page_key)
    assert (fate.status, fate.reason) == (DeliveryStatus.WITHHELD, Reason(WithheldReason.BOT_ABSENT))


async def test_permissions_given_to_a_role_open_the_channel_again(telex, publisher):
    await publisher.begin()
    role = telex.guild.roles[telex.env.backend.bot_user.name]
    lacking = INVITE_PERMISSIONS.value & ~INVITE_PERMISSIONS.__class__(embed_links=True).value
    telex.env.backend.edit_role(telex.guild.id, role.id, {"permissions": lacking})
    await telex.env.settle()
    await publisher.post(make_rss_item(1))
    assert await telex.store.dispatches.get_problem(telex.news.id) is not None
    telex.env.backend.edit_role(telex.guild.id, role.id, {"permissions": INVITE_PERMISSIONS.value})
    await telex.env.settle()
    await telex.deliver()
    assert posted_titles(telex) == ["Article 0", "Article 1"]


async def test_a_change_that_gives_nothing_does_not_make_the_bot_knock_again(telex, publisher):
    await publisher.begin()
    await telex.set_permissions(telex.news, send_messages=False)
    await publisher.post(make_rss_item(1))
    problem_before = await telex.store.dispatches.get_problem(telex.news.id)
    await telex.set_permissions(telex.news, send_messages=False, add_reactions=False)
    assert await telex.store.dispatches.get_problem(telex.news.id) == problem_before
