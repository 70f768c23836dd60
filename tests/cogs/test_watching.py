"""/watch: notifications of new articles that match a query."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle
from simcord.enums import OverwriteType

from bot.core.limits import Limit
from bot.core.models import Feed
from bot.posting.recovery import message_contents
from bot.posting.rendering import buttons
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.store import DatabaseFault
from bot.store.outbox import watch_notifications
from bot.text.source_patterns import SourcePattern
from bot.watches import watch_matching
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    press_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import find_title
from tests.support.scenario import START, follow_feed, list_posted_texts
from tests.support.store_probe import OutboxRow


@dataclass
class WatchedFeed:
    """A followed feed and the notifications about it."""

    world: World
    server: FeedServer
    feed: Feed
    items: list[str] = field(default_factory=list)
    path: str = "/rss"

    async def publish(self, *titles: str, start: int = 100, body: str = "") -> None:
        """Publish articles with these titles, poll the feed and deliver the notifications."""
        await self.add_articles(*titles, start=start, body=body)
        await self.world.deliver()

    async def add_articles(self, *titles: str, start: int = 100, body: str = "") -> None:
        """Publish articles with these titles and poll the feed."""
        now = self.world.clock.now()
        new_items = [
            make_rss_item(start + number, title=title, body=body, published=now - 600 + number)
            for number, title in enumerate(titles)
        ]
        self.items = [*reversed(new_items), *self.items]
        self.server.serve(self.path, make_rss(*self.items))
        await self.world.poll(self.feed)

    def find_notifications(self, channel: ChannelHandle | None = None) -> list[discord.Message]:
        """List the notifications in the reader's direct messages, or in a channel."""
        place = channel or self.world.reader.user.dm_channel
        return [message for message in self.world.posts(place) if is_notification(message)]


def is_notification(message: discord.Message) -> bool:
    return any(component_id.startswith("telex:stop:") for component_id in message_contents.list_custom_ids(message))


@pytest.fixture
async def watched_feed(telex, feed_server) -> WatchedFeed:
    feed = await follow_feed(telex, feed_server)
    new_watched_feed = WatchedFeed(telex, feed_server, feed)
    new_watched_feed.items = [make_rss_item(1, title="Chips get smaller", published=START - 7200)]
    return new_watched_feed


def refuse_direct_message(world: World) -> None:
    """Let Discord refuse the next direct message to the reader."""
    path = f"/channels/{world.reader.user.dm_channel.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50007, message="Cannot send messages to this user")


async def add_watch(world: World, query: str, **options: Any) -> Any:
    actor = world.editor if options else world.reader
    return await actor.slash(world.news, "watch add", query=query, **options)


async def test_match_is_notified_once_by_direct_message(telex, watched_feed):
    answer = await add_watch(telex, "facial recognition")
    assert get_last_reply(answer).ephemeral
    assert "I’ll DM you new articles matching **facial recognition**" in read_reply_text(answer)
    assert find_title(get_last_reply(answer)) == "Cities ban facial recognition"
    await watched_feed.publish("Facial recognition at airports", "Nothing of interest")
    (notification,) = watched_feed.find_notifications()
    assert notification.embeds[0].title == "New for “facial recognition”"
    assert "Facial recognition at airports" in (notification.embeds[0].description or "")
    assert notification.embeds[0].footer.text == "From feeds in Newsroom"
    await telex.poll_and_deliver(watched_feed.feed)
    assert len(watched_feed.find_notifications()) == 1


async def test_only_first_watch_is_announced_by_direct_message(telex, watched_feed):
    await add_watch(telex, "browser")
    await add_watch(telex, "engine")
    messages = list_posted_texts(telex, telex.reader.user.dm_channel)
    assert messages == ["I’ll send new articles matching **browser** here. Manage your watches with /watch list."]


async def test_failed_watch_is_not_confirmed(telex, watched_feed, monkeypatch):
    async def fail_to_add(**_options: Any) -> None:
        raise DatabaseFault("The database cannot be written: the disk is full.")

    monkeypatch.setattr(telex.store.watches, "add", fail_to_add)
    for options in ({}, {"where": telex.news}):
        answer = read_reply_text(await add_watch(telex, "browser", **options))
        assert "I tell" not in answer
        assert answer
    assert telex.posts(telex.reader.user.dm_channel) == []
    telex.ignore_past_errors()


async def test_watch_asks_to_try_again_if_discord_does_not_answer(telex, watched_feed, monkeypatch):
    async def time_out(_user: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(telex.bot, "create_dm", time_out)
    assert "Discord didn’t answer." in read_reply_text(await add_watch(telex, "browser"))
    assert await telex.store.watches.list_by_user(telex.reader.id) == []


async def test_watch_requires_open_direct_messages(telex, watched_feed, monkeypatch):
    refuse_direct_message(telex)
    assert "I can’t DM you." in read_reply_text(await add_watch(telex, "browser"))
    assert await telex.store.watches.list_by_user(telex.reader.id) == []
    telex.env.inject_error("POST", "/channels/*/messages", status=400, code=50035, message="Invalid")
    assert "I’ll DM you" not in read_reply_text(await add_watch(telex, "browser"))
    assert await telex.store.watches.list_by_user(telex.reader.id) == []
    telex.ignore_past_errors()
    assert "I’ll DM you" in read_reply_text(await add_watch(telex, "browser"))


async def test_channel_watch_is_notified_and_stopped_by_managers(telex, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    answer = await add_watch(telex, "quantum", where=alerts)
    assert "I’ll post new articles matching **quantum** in <#" in read_reply_text(answer)
    assert "No matches yet." in read_reply_text(answer)
    await watched_feed.publish("Quantum leaps")
    (notification,) = watched_feed.find_notifications(alerts)
    assert "Quantum leaps" in read_message_text(notification)
    assert notification.embeds[0].footer.text is None
    assert watched_feed.find_notifications() == []
    refusal = await telex.reader.click(notification, label="Stop this watch")
    assert "Manage Server" in read_reply_text(refusal)
    stop_reply = await telex.editor.click(notification, label="Stop this watch")
    assert "Stopped watching" in read_reply_text(stop_reply)


async def test_channel_watch_omits_feed_hidden_from_readers(telex, feed_server, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    secret = telex.guild.create_text_channel("secret")
    restrict_to_bot_and_editor(telex, secret)
    feed = await follow_feed(telex, feed_server, path="/secret", title="Secret News", channel=secret)
    hidden_feed = WatchedFeed(telex, feed_server, feed, path="/secret")
    await add_watch(telex, "quantum", where=alerts)
    await hidden_feed.publish("Quantum secrets", start=500)
    assert watched_feed.find_notifications(alerts) == []
    await watched_feed.publish("Quantum leaps")
    assert ["Quantum leaps" in read_message_text(message) for message in watched_feed.find_notifications(alerts)] == [
        True
    ]


async def test_channel_watch_omits_channel_hidden_from_one_reader(telex, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    await add_watch(telex, "quantum", where=alerts)
    hide_channel(telex, telex.news, telex.reader)  # who still reads the other channel
    await watched_feed.publish("Quantum secrets")
    assert watched_feed.find_notifications(alerts) == []


def restrict_to_bot_and_editor(world: World, channel: ChannelHandle) -> None:
    """Close a channel to everybody but the bot and the editor."""
    view = discord.Permissions(view_channel=True).value
    backend = world.env.backend
    backend.set_overwrite(channel.id, Overwrite(target_id=world.guild.id, type=OverwriteType.ROLE, allow=0, deny=view))
    for person in (backend.bot_user.id, world.editor.id):
        backend.set_overwrite(channel.id, Overwrite(target_id=person, type=OverwriteType.MEMBER, allow=view, deny=0))


async def test_access_is_checked_when_notification_is_sent(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")
    hide_channel(telex, telex.news, telex.reader)
    await telex.deliver()
    assert watched_feed.find_notifications() == []
    (dispatch,) = await load_watch_dispatches(telex)
    assert (dispatch.state, dispatch.last_error) == ("failed", "hidden")


async def test_pending_notification_of_blocked_source_is_dropped(telex, feed_server, watched_feed):
    """A page that another feed has too is notified from there."""
    feed = await follow_feed(telex, feed_server, path="/other", title="Other News")
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps", "Quantum dots", start=500)
    other_watched_feed = WatchedFeed(telex, feed_server, feed, path="/other")
    await other_watched_feed.add_articles("Quantum leaps", start=500)
    pattern = SourcePattern.parse("127.0.0.1/rss")
    texts = build_source_block_texts(str(pattern), telex.bot.services.settings, is_blocked=True)
    await telex.store.blocked_sources.block(pattern, texts, user_id=None)
    await telex.deliver()
    (notification,) = watched_feed.find_notifications()
    assert ("Quantum leaps" in read_message_text(notification), "Quantum dots" in read_message_text(notification)) == (
        True,
        False,
    )
    assert "Other News" in read_message_text(notification)


async def test_hidden_match_is_notified_when_it_matches_again(telex, watched_feed, caplog):
    """The article matches again when its page is fetched; the dedupe key has been used already."""
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")
    hide_channel(telex, telex.news, telex.reader)
    await telex.deliver()
    telex.env.backend.set_overwrite(
        telex.news.id, Overwrite(target_id=telex.reader.id, type=OverwriteType.MEMBER, allow=0, deny=0)
    )
    (article,) = [
        candidate for candidate in await telex.store.articles.list_newest(None, limit=9) if "Quantum" in candidate.title
    ]
    store_probe.insert_rows(telex.database, "arrival", [{"article_id": article.id}])
    await telex.advance(601)
    await telex.deliver()
    assert not [record.getMessage() for record in caplog.records if not record.name.startswith("bot.search")]
    (notification,) = watched_feed.find_notifications()
    assert "Quantum leaps" in str(notification.embeds[0].description)


async def test_page_of_hidden_feed_is_notified_from_visible_feed(telex, feed_server, watched_feed):
    """The first feed with the page is hidden from the user."""
    secret = telex.guild.create_text_channel("secret")
    feed = await follow_feed(telex, feed_server, path="/secret", title="Secret News", channel=secret)
    hidden_feed = WatchedFeed(telex, feed_server, feed, path="/secret")
    await add_watch(telex, "quantum")
    hide_channel(telex, secret, telex.reader)
    await hidden_feed.publish("Quantum leaps", start=500)
    assert watched_feed.find_notifications() == []
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum leaps", start=500)
    (notification,) = watched_feed.find_notifications()
    assert "Example News" in read_message_text(notification)


async def test_page_of_several_feeds_is_notified_once(telex, feed_server, watched_feed):
    feed = await follow_feed(telex, feed_server, path="/other", title="Other News")
    other_watched_feed = WatchedFeed(telex, feed_server, feed, path="/other")
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps", start=500)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await other_watched_feed.publish("Quantum leaps", start=500)
    assert len(watched_feed.find_notifications()) == 1


async def test_watch_is_paused_while_user_is_not_member(telex, watched_feed):
    await add_watch(telex, "quantum")
    telex.env.backend.remove_member(telex.guild.id, telex.reader.id)
    await telex.env.settle()
    await watched_feed.publish("Quantum leaps")
    assert watched_feed.find_notifications() == []
    list_reply = await telex.reader.user.slash("watch list")
    assert "paused, because you left the server" in read_reply_text(list_reply)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum rests", start=200)
    assert len(await load_watch_dispatches(telex)) == 1  # nothing more is enqueued for them
    returned_member = telex.guild.add_member(telex.reader.user)
    await returned_member.slash(telex.news, "watch list")
    await watched_feed.publish("Quantum returns", start=300)
    assert ["Quantum returns" in read_message_text(message) for message in watched_feed.find_notifications()] == [True]


async def test_watch_for_misspelt_word_gets_suggestion(telex, watched_feed):
    answer = read_reply_text(await add_watch(telex, "recogniton"))
    assert "No matches yet." in answer
    assert "Did you mean **recognition**?" in answer
    assert "Did you mean" not in read_reply_text(await add_watch(telex, "-quantum facial"))
    answer = read_reply_text(await add_watch(telex, "source:example news facial")).replace("\\", "")
    assert 'Did you mean **source:"Example News" facial**?' in answer


async def test_watch_query_with_many_mistakes_fits_reply(telex, watched_feed):
    """All mistakes are explained, within the limit of a message."""
    telex.locales[telex.reader.id] = "fr"
    answer = read_reply_text(
        await add_watch(telex, " ".join(f"{letter * 8}:__**__{letter}" for letter in "bcdfghjklmnpqrstvwxz"))
    )
    assert "Je vous enverrai en MP" in answer
    assert "n’est pas un filtre" in answer
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_pending_matches_share_one_notification(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish(*(f"Quantum {number}" for number in range(14)))
    (notification,) = watched_feed.find_notifications()
    lines = (notification.embeds[0].description or "").split("\n")
    assert len(lines) == 11
    assert "Quantum 13" in lines[0]
    assert re.fullmatch(r"\+4 more in </search:\d+>", lines[-1])


async def test_matches_within_cooldown_wait_for_next_notification(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum 1")
    await watched_feed.publish("Quantum 2", start=200)
    await watched_feed.publish("Quantum 3", start=300)
    assert len(watched_feed.find_notifications()) == 1
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await telex.deliver()
    _first, second_notification = watched_feed.find_notifications()
    assert "Quantum 2" in read_message_text(second_notification)
    assert "Quantum 3" in read_message_text(second_notification)


async def test_backlog_and_older_articles_are_not_notified(telex, feed_server, watched_feed):
    await watched_feed.add_articles("Quantum before the watch")
    await add_watch(telex, "quantum")
    await telex.deliver()
    await follow_feed(telex, feed_server, make_rss_item(900, title="Quantum backlog"), path="/new", title="New feed")
    await telex.deliver()
    assert watched_feed.find_notifications() == []


async def test_edited_article_is_not_notified_again(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps", body="First words")
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    del watched_feed.items[0]
    await watched_feed.publish("Quantum leaps", body="Other words")
    assert len(watched_feed.find_notifications()) == 1


async def test_match_survives_interrupted_matching(telex, watched_feed, monkeypatch):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")

    async def cancel_delivery(*_: Any, **__: Any) -> None:
        delivery.cancel()
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(telex.store.watches, "enqueue_notifications", cancel_delivery)
        delivery = asyncio.create_task(telex.deliver())
        with pytest.raises(asyncio.CancelledError):
            await delivery
    assert watched_feed.find_notifications() == []
    await telex.restart()
    await telex.deliver()
    assert len(watched_feed.find_notifications()) == 1


async def test_closed_direct_messages_pause_watch_without_loss(telex, watched_feed):
    await add_watch(telex, "quantum")
    refuse_direct_message(telex)
    await watched_feed.publish("Quantum leaps")
    await watched_feed.publish("Quantum rests", start=200)  # a paused watch collects no matches
    await telex.restart()  # direct messages are open again, but the bot gets no event
    await telex.deliver()
    assert watched_feed.find_notifications() == []
    list_reply = await telex.run_as_reader("watch list")
    assert "Discord won’t let me send you direct messages." in read_reply_text(list_reply)
    second_reply = await press_button(telex.reader, list_reply, "Try direct messages again")
    assert "Discord won’t let me" not in read_reply_text(second_reply)
    await telex.deliver()
    (notification,) = watched_feed.find_notifications()
    assert "Quantum leaps" in read_message_text(notification)


async def test_stop_button_ends_watch_after_restart(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    await telex.restart()
    (notification,) = watched_feed.find_notifications()
    stop_reply = await telex.reader.user.click(notification, label="Stop this watch")
    assert read_reply_text(stop_reply) == "Stopped watching **quantum**."
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum returns", start=200)
    assert len(watched_feed.find_notifications()) == 1
    second_reply = await telex.reader.user.click(notification, label="Stop this watch")
    assert read_reply_text(second_reply) == "This watch has already ended."
    save_reply = await telex.reader.user.click(notification, label="Save")
    assert read_reply_text(save_reply) == "Saved to your bookmarks."
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert (bookmark.article.title, bookmark.server_id) == ("Quantum leaps", telex.guild.id)


async def test_forged_stop_button_is_refused(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    (notification,) = watched_feed.find_notifications()
    (custom_id,) = (
        component_id
        for component_id in message_contents.list_custom_ids(notification)
        if component_id.startswith("telex:stop:")
    )
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    stop_button = buttons.STOP_WATCH_BUTTON(custom_id.removeprefix("telex:stop:"))
    forged_message = await channel.send("forged", view=buttons.view_of_items(stop_button))
    await telex.env.settle()
    answer = await telex.editor.click(forged_message, label="Stop this watch")
    assert read_reply_text(answer) == "This watch has already ended."
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_notification_of_several_articles_has_save_menu(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum 1", "Quantum 2")
    (notification,) = watched_feed.find_notifications()
    row = notification.components[0]
    assert isinstance(row, discord.ActionRow)
    select = row.children[0]
    assert isinstance(select, discord.SelectMenu)
    article_keys = [option.value for option in select.options]
    save_reply = await telex.reader.user.select(notification, article_keys, custom_id=select.custom_id)
    assert read_reply_text(save_reply) == "Saved 2 articles to your bookmarks."


async def test_channel_watch_requires_permission(telex, watched_feed):
    answer = await telex.run_as_reader("watch add", query="quantum", where=telex.news)
    assert "Manage Server" in read_reply_text(answer)
    assert await telex.store.watches.list_channel_watches(telex.guild.id) == []


async def test_invalid_watch_query_is_refused(telex, watched_feed):
    for query, refusal in (
        ("-apple", "only excludes words"),
        ('apple OR -"quantum chips"', "One of the alternatives is in nearly every article"),
        ("the of and", "Nearly every article has these words"),
        ("lang:en", "Too many articles"),
        ("has:image OR lang:fr", "One of the alternatives is in nearly every article"),
        ("quantum since:7d", "Remove the date"),
        ("quantum OR (chips -before:2020)", "Remove the date"),
        ("quantum is:bookmarked", "is:bookmarked"),
        ("()", "What should I watch for"),
    ):
        telex.clock.advance(10)  # nobody is too quick
        assert refusal in read_reply_text(await add_watch(telex, query)), query
    assert await telex.store.watches.list_by_user(telex.reader.id) == []


async def test_watch_for_common_word_is_refused(telex, watched_feed, monkeypatch):
    await watched_feed.publish(*(f"Gadget {number}" for number in range(20)))
    assert "I’ll DM you" in read_reply_text(await add_watch(telex, "gadget"))
    monkeypatch.setattr(watch_matching, "_MATCH_SHARE_SAMPLE_SIZE", 20)
    assert "Too many articles" in read_reply_text(await add_watch(telex, "gadgets"))
    assert "I’ll DM you" in read_reply_text(await add_watch(telex, "source:example"))


async def test_watch_limits_and_duplicate_watch(telex, watched_feed, monkeypatch):
    await add_watch(telex, "one")
    assert "You’re already watching this." in read_reply_text(await add_watch(telex, "  one "))
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.WATCHES_PER_USER, 1)
    await telex.store.server_limits.set_limits(telex.guild.id, {Limit.WATCHES_PER_SERVER: 1}, user_id=None)
    assert "the limit of 1 watch, set by whoever runs this bot" in read_reply_text(await add_watch(telex, "two"))
    await add_watch(telex, "one", where=telex.news)
    assert "its limit of 1 watch in its channels" in read_reply_text(await add_watch(telex, "two", where=telex.news))


async def test_watches_are_listed_and_removed_in_direct_message(telex, watched_feed):
    await add_watch(telex, "quantum")
    await add_watch(telex, "chips")
    person = telex.reader.user
    assert "Run this in the server" in read_reply_text(await person.slash("watch add", query="quantum"))
    full_list_reply = await person.slash("watch list")
    assert "**quantum**\n-# direct messages · Newsroom" in read_reply_text(full_list_reply)
    (choice,) = await person.autocomplete("watch remove", "watch", "quan")
    assert choice["name"] == "quantum · Newsroom"
    removal_reply = await person.slash("watch remove", watch=choice["value"])
    assert read_reply_text(removal_reply) == "Stopped watching **quantum**."
    list_reply = await person.slash("watch list")
    assert "quantum" not in read_reply_text(list_reply)


async def test_watch_is_removed_from_list(telex, watched_feed):
    await add_watch(telex, "quantum")
    await add_watch(telex, "chips", where=telex.news)
    list_reply = await telex.run_as_reader("watch list")
    assert "chips" not in read_reply_text(list_reply)
    emptied_list = await select_option(telex.reader, get_last_reply(list_reply), "quantum", "Remove")
    assert "No watches yet." in read_reply_text(emptied_list)
    channel_watch_list = await telex.run_as_editor("watch list")
    assert "**chips**" in read_reply_text(channel_watch_list)
    assert "quantum" not in read_reply_text(channel_watch_list)


async def test_watch_of_other_user_cannot_be_removed(telex, watched_feed):
    await add_watch(telex, "quantum")
    (watch,) = await telex.store.watches.list_by_user(telex.reader.id)
    answer = await telex.run_as_editor("watch remove", watch=str(watch.id))
    assert "There’s no such watch" in read_reply_text(answer)
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_watch_in_french(telex, watched_feed):
    telex.locales[telex.reader.id] = "fr"
    answer = await add_watch(telex, "quantique")
    assert "Je vous enverrai en MP" in read_reply_text(answer)
    await watched_feed.publish("Un calcul quantique", "Encore un saut quantique")
    (notification,) = watched_feed.find_notifications()
    assert notification.embeds[0].title == "Du nouveau pour «\u00a0quantique\u00a0»"
    list_reply = await telex.run_as_reader("watch list")
    assert "messages privés" in read_reply_text(list_reply)
    assert (await telex.reader.user.click(notification, label="Arrêter cette veille")).response


async def test_privacy_exports_and_deletes_watches(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    privacy_reply = await telex.run_as_reader("privacy")
    assert "1 watch, kept 30 days" in read_reply_text(privacy_reply)
    export_reply = await press_button(telex.reader, privacy_reply, "Export")
    export_bytes = telex.env.backend.cdn.get(get_last_reply(export_reply).attachments[0].url)
    assert export_bytes is not None
    document = json.loads(export_bytes)
    assert [watch["query"] for watch in document["watches"]] == ["quantum"]
    assert [notified_article["url"] for notified_article in document["told"]] == ["https://news.example/articles/100"]
    confirmation = await press_button(telex.reader, privacy_reply, "Delete everything")
    deletion_reply = await press_button(telex.reader, confirmation, "Delete permanently")
    assert "1 watch" in read_reply_text(deletion_reply)
    assert await load_watch_dispatches(telex) == []
    assert {row["id"] for row in store_probe.load_rows(telex.database, "channel")} == {telex.news.id}


async def test_matches_while_bot_was_absent_are_dropped(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")
    await telex.store.servers.mark_left(telex.guild.id)
    await telex.deliver()
    assert watched_feed.find_notifications() == []
    await telex.store.servers.mark_joined(telex.guild.id)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum returns", start=300)
    assert ["Quantum returns" in read_message_text(message) for message in watched_feed.find_notifications()] == [True]


async def test_watch_query_is_escaped(telex, watched_feed):
    answer = await add_watch(telex, "quantum @everyone **bold** https://evil.example")
    assert "\\@everyone \\*\\*bold\\*\\* https\\://evil.example" in read_reply_text(answer)
    await watched_feed.publish("Quantum @everyone bold https://evil.example")
    (notification,) = watched_feed.find_notifications()
    assert "\\@everyone" in (notification.embeds[0].title or "")


async def load_watch_dispatches(world: World) -> list[OutboxRow]:
    """Load the outbox rows of watch notifications."""
    return [row for row in store_probe.load_outbox(world.database) if row.kind == "watch"]
