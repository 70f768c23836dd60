"""The bot invited, sent away, invited back; and what changes in a server meanwhile."""

from __future__ import annotations

import pytest

from bot.core.models import DeliveryStatus
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
