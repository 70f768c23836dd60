"""/watch: what is told to whom, once, and to nobody who may not read it."""

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
from tests.support.interactions import choose, hide_channel, last_reply, message_text, text
from tests.support.message_texts import title
from tests.support.scenario import START, follow, posted_texts
from tests.support.store_probe import OutboxRow


@dataclass
class WatchedFeed:
    """A feed that `news` follows, and what is told of it."""

    world: World
    server: FeedServer
    feed: Feed
    items: list[str] = field(default_factory=list)
    path: str = "/rss"

    async def publish(self, *titles: str, start: int = 100, body: str = "") -> None:
        """Let articles of these titles come, and deliver what they cause."""
        await self.add_articles(*titles, start=start, body=body)
        await self.world.deliver()

    async def add_articles(self, *titles: str, start: int = 100, body: str = "") -> None:
        """Let articles of these titles come."""
        now = self.world.clock.now()
        new_items = [
            make_rss_item(start + number, title=title, body=body, published=now - 600 + number)
            for number, title in enumerate(titles)
        ]
        self.items = [*reversed(new_items), *self.items]
        self.server.serve(self.path, make_rss(*self.items))
        await self.world.poll(self.feed)

    def find_notices(self, channel: ChannelHandle | None = None) -> list[discord.Message]:
        """The notices in the reader's direct messages, or in a channel."""
        place = channel or self.world.reader.user.dm_channel
        return [message for message in self.world.posts(place) if is_notice(message)]


def is_notice(message: discord.Message) -> bool:
    return any(component_id.startswith("telex:stop:") for component_id in message_contents.list_custom_ids(message))


@pytest.fixture
async def watched_feed(telex, feed_server) -> WatchedFeed:
    feed = await follow(telex, feed_server)
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


async def test_a_match_is_told_by_direct_message_once(telex, watched_feed):
    answer = await add_watch(telex, "facial recognition")
    assert last_reply(answer).ephemeral
    assert "I’ll DM you new articles matching **facial recognition**" in message_text(answer)
    assert title(last_reply(answer)) == "Cities ban facial recognition"
    await watched_feed.publish("Facial recognition at airports", "Nothing of interest")
    (notice,) = watched_feed.find_notices()
    assert notice.embeds[0].title == "New for “facial recognition”"
    assert "Facial recognition at airports" in (notice.embeds[0].description or "")
    assert notice.embeds[0].footer.text == "From feeds in Newsroom"
    await telex.poll_and_deliver(watched_feed.feed)
    assert len(watched_feed.find_notices()) == 1


async def test_the_first_watch_is_said_where_it_will_be_told_and_later_ones_are_not(telex, watched_feed):
    await add_watch(telex, "browser")
    await add_watch(telex, "engine")
    messages = posted_texts(telex, telex.reader.user.dm_channel)
    assert messages == ["I’ll send new articles matching **browser** here. Manage your watches with /watch list."]


async def test_nothing_is_said_of_a_watch_that_could_not_be_saved(telex, watched_feed, monkeypatch):
    async def full(**_options: Any) -> None:
        raise DatabaseFault("The database cannot be written: the disk is full.")

    monkeypatch.setattr(telex.store.watches, "add", full)
    for where in ({}, {"where": telex.news}):
        answer = message_text(await add_watch(telex, "browser", **where))
        assert "I tell" not in answer
        assert answer
    assert telex.posts(telex.reader.user.dm_channel) == []
    telex.ignore_past_errors()


async def test_who_takes_no_direct_messages_has_no_watch_afterwards(telex, watched_feed, monkeypatch):
    refuse_direct_message(telex)
    assert "I can’t DM you." in message_text(await add_watch(telex, "browser"))
    assert await telex.store.watches.list_by_user(telex.reader.id) == []
    telex.env.inject_error("POST", "/channels/*/messages", status=400, code=50035, message="Invalid")
    assert "I’ll DM you" not in message_text(await add_watch(telex, "browser"))
    assert await telex.store.watches.list_by_user(telex.reader.id) == []
    telex.ignore_past_errors()
    assert "I’ll DM you" in message_text(await add_watch(telex, "browser"))


async def test_a_channel_is_told_of_what_everybody_sees_and_managers_alone_end_that(telex, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    answer = await add_watch(telex, "quantum", where=alerts)
    assert "I’ll post new articles matching **quantum** in <#" in message_text(answer)
    assert "No matches yet." in message_text(answer)
    await watched_feed.publish("Quantum leaps")
    (notice,) = watched_feed.find_notices(alerts)
    assert "Quantum leaps" in text(notice)
    assert notice.embeds[0].footer.text is None
    assert watched_feed.find_notices() == []
    refusal = await telex.reader.click(notice, label="Stop this watch")
    assert "Manage Server" in message_text(refusal)
    stop_reply = await telex.editor.click(notice, label="Stop this watch")
    assert "Stopped watching" in message_text(stop_reply)


async def test_a_channel_is_not_told_of_what_not_all_its_readers_may_see(telex, feed_server, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    secret = telex.guild.create_text_channel("secret")
    hide_from_all(telex, secret)
    feed = await follow(telex, feed_server, path="/secret", title="Secret News", channel=secret)
    hidden = WatchedFeed(telex, feed_server, feed, path="/secret")
    await add_watch(telex, "quantum", where=alerts)
    await hidden.publish("Quantum secrets", start=500)
    assert watched_feed.find_notices(alerts) == []
    await watched_feed.publish("Quantum leaps")
    assert ["Quantum leaps" in text(message) for message in watched_feed.find_notices(alerts)] == [True]


async def test_a_channel_is_not_told_of_a_channel_that_is_closed_to_one_of_its_readers(telex, watched_feed):
    alerts = telex.guild.create_text_channel("alerts")
    await add_watch(telex, "quantum", where=alerts)
    hide_channel(telex, telex.news, telex.reader)  # who still reads the other channel
    await watched_feed.publish("Quantum secrets")
    assert watched_feed.find_notices(alerts) == []


def hide_from_all(world: World, channel: ChannelHandle) -> None:
    """Close a channel to everybody but the bot and the editor."""
    view = discord.Permissions(view_channel=True).value
    backend = world.env.backend
    backend.set_overwrite(channel.id, Overwrite(target_id=world.guild.id, type=OverwriteType.ROLE, allow=0, deny=view))
    for person in (backend.bot_user.id, world.editor.id):
        backend.set_overwrite(channel.id, Overwrite(target_id=person, type=OverwriteType.MEMBER, allow=view, deny=0))


async def test_rights_taken_after_the_match_are_looked_at_when_it_is_told(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")
    hide_channel(telex, telex.news, telex.reader)
    await telex.deliver()
    assert watched_feed.find_notices() == []
    (dispatch,) = await watch_dispatch_rows(telex)
    assert (dispatch.state, dispatch.last_error) == ("failed", "hidden")


async def test_what_waits_of_a_source_that_is_blocked_is_not_told(telex, feed_server, watched_feed):
    """Not even a match that is found afterwards; a page that another feed has, too, is told from there."""
    feed = await follow(telex, feed_server, path="/other", title="Other News")
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps", "Quantum dots", start=500)
    other_watched_feed = WatchedFeed(telex, feed_server, feed, path="/other")
    await other_watched_feed.add_articles("Quantum leaps", start=500)
    pattern = SourcePattern.parse("127.0.0.1/rss")
    texts = build_source_block_texts(str(pattern), telex.bot.services.settings, is_blocked=True)
    await telex.store.blocked_sources.block(pattern, texts, user_id=None)
    await telex.deliver()
    (notice,) = watched_feed.find_notices()
    assert ("Quantum leaps" in text(notice), "Quantum dots" in text(notice)) == (True, False)
    assert "Other News" in text(notice)


async def test_what_was_hidden_when_it_was_to_be_told_is_told_when_it_matches_again(telex, watched_feed, caplog):
    """As an article does whose page was read meanwhile; its notice has a name that was used already."""
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
    store_probe.insert(telex.database, "arrival", [{"article_id": article.id}])
    await telex.advance(601)
    await telex.deliver()
    assert not [record.getMessage() for record in caplog.records if not record.name.startswith("bot.search")]
    (notice,) = watched_feed.find_notices()
    assert "Quantum leaps" in str(notice.embeds[0].description)


async def test_a_page_that_a_person_may_read_in_another_feed_is_told_all_the_same(telex, feed_server, watched_feed):
    """The feed that had it first is hidden from them; a page is told once, and not never."""
    secret = telex.guild.create_text_channel("secret")
    feed = await follow(telex, feed_server, path="/secret", title="Secret News", channel=secret)
    hidden = WatchedFeed(telex, feed_server, feed, path="/secret")
    await add_watch(telex, "quantum")
    hide_channel(telex, secret, telex.reader)
    await hidden.publish("Quantum leaps", start=500)
    assert watched_feed.find_notices() == []
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum leaps", start=500)
    (notice,) = watched_feed.find_notices()
    assert "Example News" in text(notice)


async def test_a_page_of_several_feeds_is_told_once(telex, feed_server, watched_feed):
    feed = await follow(telex, feed_server, path="/other", title="Other News")
    other_watched_feed = WatchedFeed(telex, feed_server, feed, path="/other")
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps", start=500)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await other_watched_feed.publish("Quantum leaps", start=500)
    assert len(watched_feed.find_notices()) == 1


async def test_who_left_the_server_is_told_nothing_until_they_are_back(telex, watched_feed):
    await add_watch(telex, "quantum")
    telex.env.backend.remove_member(telex.guild.id, telex.reader.id)
    await telex.env.settle()
    await watched_feed.publish("Quantum leaps")
    assert watched_feed.find_notices() == []
    list_reply = await telex.reader.user.slash("watch list")
    assert "paused, because you left the server" in message_text(list_reply)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum rests", start=200)
    assert len(await watch_dispatch_rows(telex)) == 1  # nothing more is asked of Discord for them
    back = telex.guild.add_member(telex.reader.user)
    await back.slash(telex.news, "watch list")
    await watched_feed.publish("Quantum returns", start=300)
    assert ["Quantum returns" in text(message) for message in watched_feed.find_notices()] == [True]


async def test_a_watch_for_a_misspelt_word_is_told_what_may_be_meant(telex, watched_feed):
    answer = message_text(await add_watch(telex, "recogniton"))
    assert "No matches yet." in answer
    assert "Did you mean **recognition**?" in answer
    assert "Did you mean" not in message_text(await add_watch(telex, "-quantum facial"))
    answer = message_text(await add_watch(telex, "source:example news facial")).replace("\\", "")
    assert 'Did you mean **source:"Example News" facial**?' in answer


async def test_a_query_of_many_mistakes_is_watched_for_and_answered(telex, watched_feed):
    """Each is told, and Discord takes so much in a message and no more."""
    telex.locales[telex.reader.id] = "fr"
    answer = message_text(
        await add_watch(telex, " ".join(f"{letter * 8}:__**__{letter}" for letter in "bcdfghjklmnpqrstvwxz"))
    )
    assert "Je vous enverrai en MP" in answer
    assert "n’est pas un filtre" in answer
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_several_matches_that_wait_share_one_notice(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish(*(f"Quantum {number}" for number in range(14)))
    (notice,) = watched_feed.find_notices()
    lines = (notice.embeds[0].description or "").split("\n")
    assert len(lines) == 11
    assert "Quantum 13" in lines[0]
    assert re.fullmatch(r"\+4 more in </search:\d+>", lines[-1])


async def test_what_comes_soon_after_a_notice_waits_for_the_next(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum 1")
    await watched_feed.publish("Quantum 2", start=200)
    await watched_feed.publish("Quantum 3", start=300)
    assert len(watched_feed.find_notices()) == 1
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await telex.deliver()
    _first, second = watched_feed.find_notices()
    assert "Quantum 2" in text(second)
    assert "Quantum 3" in text(second)


async def test_a_backlog_and_what_was_there_before_are_not_told(telex, feed_server, watched_feed):
    await watched_feed.add_articles("Quantum before the watch")
    await add_watch(telex, "quantum")
    await telex.deliver()
    await follow(telex, feed_server, make_rss_item(900, title="Quantum backlog"), path="/new", title="New feed")
    await telex.deliver()
    assert watched_feed.find_notices() == []


async def test_an_edited_article_is_not_told_again(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps", body="First words")
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    del watched_feed.items[0]
    await watched_feed.publish("Quantum leaps", body="Other words")
    assert len(watched_feed.find_notices()) == 1


async def test_a_stop_before_matching_loses_nothing(telex, watched_feed, monkeypatch):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")

    async def stop(*_: Any, **__: Any) -> None:
        delivery.cancel()
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(telex.store.watches, "enqueue_notifications", stop)
        delivery = asyncio.create_task(telex.deliver())
        with pytest.raises(asyncio.CancelledError):
            await delivery
    assert watched_feed.find_notices() == []
    await telex.restart()
    await telex.deliver()
    assert len(watched_feed.find_notices()) == 1


async def test_direct_messages_closed_later_rest_the_watch_and_lose_no_notice(telex, watched_feed):
    await add_watch(telex, "quantum")
    refuse_direct_message(telex)
    await watched_feed.publish("Quantum leaps")
    await watched_feed.publish("Quantum rests", start=200)  # while it rests nothing piles up
    await telex.restart()  # they are open again, which nobody tells the bot
    await telex.deliver()
    assert watched_feed.find_notices() == []
    list_reply = await telex.reader.slash(telex.news, "watch list")
    assert "Discord won’t let me send you direct messages." in message_text(list_reply)
    second_reply = await telex.reader.click(last_reply(list_reply), label="Try direct messages again")
    assert "Discord won’t let me" not in message_text(second_reply)
    await telex.deliver()
    (notice,) = watched_feed.find_notices()
    assert "Quantum leaps" in text(notice)


async def test_the_stop_button_ends_a_watch_after_a_restart_too(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    await telex.restart()
    (notice,) = watched_feed.find_notices()
    stop_reply = await telex.reader.user.click(notice, label="Stop this watch")
    assert message_text(stop_reply) == "Stopped watching **quantum**."
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum returns", start=200)
    assert len(watched_feed.find_notices()) == 1
    second_reply = await telex.reader.user.click(notice, label="Stop this watch")
    assert message_text(second_reply) == "This watch has already ended."
    save_reply = await telex.reader.user.click(notice, label="Save")
    assert message_text(save_reply) == "Saved to your bookmarks."
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert (bookmark.article.title, bookmark.server_id) == ("Quantum leaps", telex.guild.id)


async def test_a_forged_stop_button_ends_no_watch_of_another_person(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    (notice,) = watched_feed.find_notices()
    (custom_id,) = (
        component_id
        for component_id in message_contents.list_custom_ids(notice)
        if component_id.startswith("telex:stop:")
    )
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    stop = buttons.STOP_WATCH_BUTTON(custom_id.removeprefix("telex:stop:"))
    forged_message = await channel.send("forged", view=buttons.view_of_items(stop))
    await telex.env.settle()
    answer = await telex.editor.click(forged_message, label="Stop this watch")
    assert message_text(answer) == "This watch has already ended."
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_a_notice_of_several_has_a_menu_to_save_them(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum 1", "Quantum 2")
    (notice,) = watched_feed.find_notices()
    row = notice.components[0]
    assert isinstance(row, discord.ActionRow)
    select = row.children[0]
    assert isinstance(select, discord.SelectMenu)
    article_keys = [option.value for option in select.options]
    save_reply = await telex.reader.user.select(notice, article_keys, custom_id=select.custom_id)
    assert message_text(save_reply) == "Saved 2 articles to your bookmarks."


async def test_somebody_who_may_not_manage_the_server_cannot_watch_for_a_channel(telex, watched_feed):
    answer = await telex.reader.slash(telex.news, "watch add", query="quantum", where=telex.news)
    assert "Manage Server" in message_text(answer)
    assert await telex.store.watches.list_channel_watches(telex.guild.id) == []


async def test_what_makes_no_watch_is_refused_in_words(telex, watched_feed):
    for query, words in (
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
        assert words in message_text(await add_watch(telex, query)), query
    assert await telex.store.watches.list_by_user(telex.reader.id) == []


async def test_a_word_that_nearly_every_article_has_is_refused(telex, watched_feed, monkeypatch):
    await watched_feed.publish(*(f"Gadget {number}" for number in range(20)))
    assert "I’ll DM you" in message_text(await add_watch(telex, "gadget"))
    monkeypatch.setattr(watch_matching, "_MATCH_SHARE_SAMPLE_SIZE", 20)
    assert "Too many articles" in message_text(await add_watch(telex, "gadgets"))
    assert "I’ll DM you" in message_text(await add_watch(telex, "source:example"))


async def test_limits_are_said_and_the_same_watch_twice_is_one(telex, watched_feed, monkeypatch):
    await add_watch(telex, "one")
    assert "You’re already watching this." in message_text(await add_watch(telex, "  one "))
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.WATCHES_PER_USER, 1)
    await telex.store.server_limits.set_limits(telex.guild.id, {Limit.WATCHES_PER_SERVER: 1}, user_id=None)
    assert "the limit of 1 watch, set by whoever runs this bot" in message_text(await add_watch(telex, "two"))
    await add_watch(telex, "one", where=telex.news)
    assert "its limit of 1 watch in its channels" in message_text(await add_watch(telex, "two", where=telex.news))


async def test_in_a_direct_message_watches_are_listed_and_removed_but_not_made(telex, watched_feed):
    await add_watch(telex, "quantum")
    await add_watch(telex, "chips")
    person = telex.reader.user
    assert "Run this in the server" in message_text(await person.slash("watch add", query="quantum"))
    full_list_reply = await person.slash("watch list")
    assert "**quantum**\n-# direct messages · Newsroom" in message_text(full_list_reply)
    (choice,) = await person.autocomplete("watch remove", "watch", "quan")
    assert choice["name"] == "quantum · Newsroom"
    removal_reply = await person.slash("watch remove", watch=choice["value"])
    assert message_text(removal_reply) == "Stopped watching **quantum**."
    list_reply = await person.slash("watch list")
    assert "quantum" not in message_text(list_reply)


async def test_watches_are_removed_from_the_list(telex, watched_feed):
    await add_watch(telex, "quantum")
    await add_watch(telex, "chips", where=telex.news)
    list_reply = await telex.reader.slash(telex.news, "watch list")
    assert "chips" not in message_text(list_reply)
    emptied = await choose(telex.reader, last_reply(list_reply), "quantum", "Remove")
    assert "No watches yet." in message_text(emptied)
    managed = await telex.editor.slash(telex.news, "watch list")
    assert "**chips**" in message_text(managed)
    assert "quantum" not in message_text(managed)


async def test_somebodys_watch_cannot_be_removed_by_another(telex, watched_feed):
    await add_watch(telex, "quantum")
    (watch,) = await telex.store.watches.list_by_user(telex.reader.id)
    answer = await telex.editor.slash(telex.news, "watch remove", watch=str(watch.id))
    assert "There’s no such watch" in message_text(answer)
    assert len(await telex.store.watches.list_by_user(telex.reader.id)) == 1


async def test_watches_speak_french(telex, watched_feed):
    telex.locales[telex.reader.id] = "fr"
    answer = await add_watch(telex, "quantique")
    assert "Je vous enverrai en MP" in message_text(answer)
    await watched_feed.publish("Un calcul quantique", "Encore un saut quantique")
    (notice,) = watched_feed.find_notices()
    assert notice.embeds[0].title == "Du nouveau pour «\u00a0quantique\u00a0»"
    list_reply = await telex.reader.slash(telex.news, "watch list")
    assert "messages privés" in message_text(list_reply)
    assert (await telex.reader.user.click(notice, label="Arrêter cette veille")).response


async def test_privacy_exports_and_deletes_watches(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.publish("Quantum leaps")
    privacy_reply = await telex.reader.slash(telex.news, "privacy")
    assert "1 watch, kept 30 days" in message_text(privacy_reply)
    export_reply = await telex.reader.click(last_reply(privacy_reply), label="Export")
    stored = telex.env.backend.cdn.get(last_reply(export_reply).attachments[0].url)
    assert stored is not None
    document = json.loads(stored)
    assert [watch["query"] for watch in document["watches"]] == ["quantum"]
    assert [notified_article["url"] for notified_article in document["told"]] == ["https://news.example/articles/100"]
    confirmation = await telex.reader.click(last_reply(privacy_reply), label="Delete everything")
    deleted = await telex.reader.click(last_reply(confirmation), label="Delete permanently")
    assert "1 watch" in message_text(deleted)
    assert await watch_dispatch_rows(telex) == []
    assert {row["id"] for row in store_probe.load_rows(telex.database, "channel")} == {telex.news.id}


async def test_a_server_that_sent_the_bot_away_is_told_nothing_of_that_time(telex, watched_feed):
    await add_watch(telex, "quantum")
    await watched_feed.add_articles("Quantum leaps")
    await telex.store.servers.mark_left(telex.guild.id)
    await telex.deliver()
    assert watched_feed.find_notices() == []
    await telex.store.servers.mark_joined(telex.guild.id)
    await telex.advance(watch_notifications.NOTIFICATION_COOLDOWN_SECONDS)
    await watched_feed.publish("Quantum returns", start=300)
    assert ["Quantum returns" in text(message) for message in watched_feed.find_notices()] == [True]


async def test_a_hostile_query_pings_nobody_and_links_nowhere(telex, watched_feed):
    answer = await add_watch(telex, "quantum @everyone **bold** https://evil.example")
    assert "\\@everyone \\*\\*bold\\*\\* https\\://evil.example" in message_text(answer)
    await watched_feed.publish("Quantum @everyone bold https://evil.example")
    (notice,) = watched_feed.find_notices()
    assert "\\@everyone" in (notice.embeds[0].title or "")


async def watch_dispatch_rows(world: World) -> list[OutboxRow]:
    """The rows of the dispatches of watches."""
    return [row for row in store_probe.load_outbox(world.database) if row.kind == "watch"]
