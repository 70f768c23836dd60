"""/feed alerts: where a server is told of feeds in trouble."""

from __future__ import annotations

from bot.core.setting_registry import LANGUAGE
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss
from tests.support.interactions import button_labels, last_reply, message_text, text
from tests.support.scenario import follow, three_items


async def fail_feed(world: World, feed_server: FeedServer, *, status: int = 410) -> None:
    """A followed feed is found gone, and what is owed because of it is sent."""
    feed = await follow(world, feed_server)
    feed_server.serve("/rss", status=status)
    await world.poll_and_deliver(feed)


async def test_alerts_go_to_the_chosen_channel_and_back_to_the_feeds_own(telex, feed_server):
    desk = telex.guild.create_text_channel("desk")
    answer = await telex.editor.slash(telex.news, "feed alerts", channel=desk)
    assert last_reply(answer).ephemeral
    assert f"Alerts now go to {desk.mention}" in message_text(answer)
    await fail_feed(telex, feed_server)
    (alert,) = telex.posts(desk)
    assert "The feed “Example News” is gone." in text(alert)
    assert len(telex.posts()) == 1
    current_reply = await telex.editor.slash(telex.news, "feed alerts")
    assert f"Alerts go to {desk.mention}" in message_text(current_reply)
    reset = await telex.editor.click(last_reply(current_reply), label=button_labels(last_reply(current_reply))[0])
    assert "each feed’s own channel" in message_text(reset)
    assert await telex.store.servers.get_alert_channel_id(telex.guild.id) is None
    feed_server.serve("/rss", make_rss(*three_items(), title="Example News"))
    (_, feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.poll_and_deliver(feed)
    assert "is back" in text(telex.posts(desk)[-1])  # where the trouble was told
    assert "each feed’s own channel" in message_text(await telex.editor.slash(telex.news, "feed alerts"))


async def test_a_channel_where_the_bot_may_not_post_or_a_forum_is_refused(telex):
    desk = telex.guild.create_text_channel("desk")
    await telex.set_permissions(desk, send_messages=False)
    assert "**Send Messages**" in message_text(await telex.editor.slash(telex.news, "feed alerts", channel=desk))
    forum = telex.guild.create_forum_channel("forum")
    assert "In a forum" in message_text(await telex.editor.slash(telex.news, "feed alerts", channel=forum))
    assert await telex.store.servers.get_alert_channel_id(telex.guild.id) is None


async def test_a_chosen_channel_that_was_closed_and_opened_again_is_used_again(telex, feed_server):
    desk = telex.guild.create_text_channel("desk")
    await telex.editor.slash(telex.news, "feed alerts", channel=desk)
    await telex.set_permissions(desk, send_messages=False)
    await fail_feed(telex, feed_server)
    assert await telex.store.dispatches.get_problem(desk.id) is not None
    await telex.set_permissions(desk)
    await telex.deliver()
    assert "is gone" in text(telex.posts(desk)[-1])


async def test_alerts_speak_the_language_of_their_channel(telex, feed_server):
    """What was chosen for the channel, not what Discord says of the server."""
    await telex.store.preferences.change_channel(
        LANGUAGE, "fr", server_id=telex.guild.id, channel_id=telex.news.id, user_id=telex.editor.id
    )
    await fail_feed(telex, feed_server)
    assert "a disparu." in text(telex.posts()[-1])
    feed_server.serve("/rss", make_rss(*three_items(), title="Example News"))
    (_, feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.poll_and_deliver(feed)
    assert "est rétabli" in text(telex.posts()[-1])
