"""/feed alerts: the channel that gets alerts about failing feeds."""

from __future__ import annotations

from bot.core.setting_registry import LANGUAGE
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss
from tests.support.interactions import get_last_reply, list_button_labels, read_message_text, read_reply_text
from tests.support.scenario import follow_feed, make_three_rss_items


async def fail_feed(world: World, feed_server: FeedServer, *, status: int = 410) -> None:
    """Follow a feed, then poll it while it fails and deliver the alert."""
    feed = await follow_feed(world, feed_server)
    feed_server.serve("/rss", status=status)
    await world.poll_and_deliver(feed)


async def test_alerts_go_to_chosen_channel_until_reset(telex, feed_server):
    desk = telex.guild.create_text_channel("desk")
    answer = await telex.run_as_editor("feed alerts", channel=desk)
    assert get_last_reply(answer).ephemeral
    assert f"Alerts now go to {desk.mention}" in read_reply_text(answer)
    await fail_feed(telex, feed_server)
    (alert,) = telex.posts(desk)
    assert "The feed “Example News” is gone." in read_message_text(alert)
    assert len(telex.posts()) == 1
    current_reply = await telex.run_as_editor("feed alerts")
    assert f"Alerts go to {desk.mention}" in read_reply_text(current_reply)
    reset = await telex.editor.click(
        get_last_reply(current_reply), label=list_button_labels(get_last_reply(current_reply))[0]
    )
    assert "each feed’s own channel" in read_reply_text(reset)
    assert await telex.store.servers.get_alert_channel_id(telex.guild.id) is None
    feed_server.serve("/rss", make_rss(*make_three_rss_items(), title="Example News"))
    (_, feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.poll_and_deliver(feed)
    assert "is back" in read_message_text(telex.posts(desk)[-1])  # in the channel of the first alert
    assert "each feed’s own channel" in read_reply_text(await telex.run_as_editor("feed alerts"))


async def test_alert_channel_must_be_postable_and_no_forum(telex):
    desk = telex.guild.create_text_channel("desk")
    await telex.set_permissions(desk, send_messages=False)
    assert "**Send Messages**" in read_reply_text(await telex.run_as_editor("feed alerts", channel=desk))
    forum = telex.guild.create_forum_channel("forum")
    assert "In a forum" in read_reply_text(await telex.run_as_editor("feed alerts", channel=forum))
    assert await telex.store.servers.get_alert_channel_id(telex.guild.id) is None


async def test_alert_channel_is_used_again_once_postable(telex, feed_server):
    desk = telex.guild.create_text_channel("desk")
    await telex.run_as_editor("feed alerts", channel=desk)
    await telex.set_permissions(desk, send_messages=False)
    await fail_feed(telex, feed_server)
    assert await telex.store.dispatches.get_problem(desk.id) is not None
    await telex.set_permissions(desk)
    await telex.deliver()
    assert "is gone" in read_message_text(telex.posts(desk)[-1])


async def test_alerts_use_language_of_channel(telex, feed_server):
    """The channel's own language setting takes precedence over the server's locale."""
    await telex.store.preferences.change_channel(
        LANGUAGE, "fr", server_id=telex.guild.id, channel_id=telex.news.id, user_id=telex.editor.id
    )
    await fail_feed(telex, feed_server)
    assert "a disparu." in read_message_text(telex.posts()[-1])
    feed_server.serve("/rss", make_rss(*make_three_rss_items(), title="Example News"))
    (_, feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.poll_and_deliver(feed)
    assert "est rétabli" in read_message_text(telex.posts()[-1])
