"""Servers that the bot joins or leaves, and changes in them, also during an outage."""

from __future__ import annotations

import discord
import pytest

from bot.core.models import DeliveryStatus
from bot.core.preferences import MentionRule, Preference
from bot.core.reasons import Reason, WithheldReason
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.feed_server import make_rss_item
from tests.support.posting_publisher import FeedPublisher
from tests.support.scenario import list_posted_titles


@pytest.fixture
def publisher(telex, feed_server) -> FeedPublisher:
    return FeedPublisher(telex, feed_server)


async def test_locale_of_server_is_stored_on_join_and_change(telex):
    guild = telex.env.create_guild("Autre", preferred_locale="fr")
    await telex.env.settle()
    assert await telex.store.servers.get_locale(guild.id) == "fr"
    telex.env.backend.edit_guild(guild.id, {"preferred_locale": "en-GB"})
    await telex.env.settle()
    assert await telex.store.servers.get_locale(guild.id) == "en-GB"


async def test_removal_during_outage_is_noticed_on_restart(telex, publisher):
    other_server = telex.env.create_guild("Other")
    channel = other_server.create_text_channel("news")
    await telex.env.settle()
    await publisher.begin(telex.news, channel)
    telex.env.backend.guilds.pop(other_server.id)
    await telex.restart()
    await publisher.post(make_rss_item(1))
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]
    article = (await telex.store.articles.list_newest(None, limit=1))[0]
    status_by_channel = {
        row.channel_id: row for row in await telex.store.delivery_statuses.list_by_page_key(article.page_key)
    }
    assert (status_by_channel[channel.id].status, status_by_channel[channel.id].reason) == (
        DeliveryStatus.WITHHELD,
        Reason(WithheldReason.BOT_ABSENT),
    )


async def test_settings_of_deleted_channels_are_removed_on_restart(telex, publisher):
    """Like a deleted channel, an archived thread is not listed at the start, but its settings must stay."""
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


async def test_leaving_server_withholds_pending_posts(telex, publisher):
    await publisher.begin()
    await publisher.publish(make_rss_item(1))
    telex.env.backend.remove_guild(telex.guild.id)
    await telex.env.settle()
    await telex.deliver()
    article = (await telex.store.articles.list_newest(None, limit=1))[0]
    (delivery_status,) = await telex.store.delivery_statuses.list_by_page_key(article.page_key)
    assert (delivery_status.status, delivery_status.reason) == (
        DeliveryStatus.WITHHELD,
        Reason(WithheldReason.BOT_ABSENT),
    )


async def test_restored_role_permissions_unblock_channel(telex, publisher):
    await publisher.begin()
    role = telex.guild.roles[telex.env.backend.bot_user.name]
    reduced_permissions = INVITE_PERMISSIONS.value & ~INVITE_PERMISSIONS.__class__(embed_links=True).value
    telex.env.backend.edit_role(telex.guild.id, role.id, {"permissions": reduced_permissions})
    await telex.env.settle()
    await publisher.post(make_rss_item(1))
    assert await telex.store.dispatches.get_problem(telex.news.id) is not None
    telex.env.backend.edit_role(telex.guild.id, role.id, {"permissions": INVITE_PERMISSIONS.value})
    await telex.env.settle()
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_irrelevant_permission_change_keeps_channel_blocked(telex, publisher):
    await publisher.begin()
    await telex.set_permissions(telex.news, send_messages=False)
    await publisher.post(make_rss_item(1))
    problem_before = await telex.store.dispatches.get_problem(telex.news.id)
    await telex.set_permissions(telex.news, send_messages=False, add_reactions=False)
    assert await telex.store.dispatches.get_problem(telex.news.id) == problem_before
