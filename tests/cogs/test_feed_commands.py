"""/feed remove, move, list, pause, resume, preview, refresh, packs."""

from __future__ import annotations

import pytest

from bot.core.preferences import FilterMode, PostLook
from bot.feeds import outlet_directory
from bot.feeds.parsing import opml
from bot.text import urls
from cogs.feeds import starter_packs
from tests.cogs.helpers import START, card, components, follow, hide, labels, last, menu, said, text, three
from tests.discord_world import World
from tests.feed_server import item, rss
from tests.shown import title

COMMANDS = ("remove", "pause", "resume", "preview", "refresh")


async def first(world: World) -> str:
    """The id of the server's first subscription, as the autocomplete gives it."""
    return str((await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].id)


async def test_the_options_offer_the_servers_subscriptions_by_feed_and_channel(telex, feed_server):
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/deux", title="Les Échos du Net")
    for command in (*COMMANDS, "move"):
        offered = await telex.editor.autocomplete(telex.news, f"feed {command}", "feed", "ECHOS")
        assert [choice["name"] for choice in offered] == ["Les Échos du Net — #news"]


async def test_a_choice_that_was_typed_is_understood_when_only_one_has_it(telex, feed_server):
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/deux", title="Les Échos du Net")
    paused = await telex.editor.slash(telex.news, "feed pause", feed="échos")
    assert "Paused **Les Échos du Net**" in said(paused)
    vague = await telex.editor.slash(telex.news, "feed pause", feed="e")
    assert "Pick a feed" in said(vague)


async def test_without_subscriptions_the_next_step_is_told(telex):
    for command in COMMANDS:
        assert "/feed add" in said(await telex.editor.slash(telex.news, f"feed {command}", feed="1"))


async def test_another_servers_subscription_cannot_be_chosen(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    channel = elsewhere.create_text_channel("there")
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/two", title="Theirs", channel=channel)
    theirs = (await telex.store.subscriptions.list_with_feeds(elsewhere.id))[0][0].id
    answer = await telex.editor.slash(telex.news, "feed pause", feed=str(theirs))
    assert "Pick a feed" in said(answer)
    assert (await telex.store.subscriptions.list_with_feeds(elsewhere.id))[0][0].paused_at is None


async def test_removing_asks_and_what_was_removed_comes_back_as_it_was(telex, feed_server):
    await follow(telex, feed_server)
    ((before, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    person = telex.editor.id
    await telex.store.filters.add(before.id, [(FilterMode.EXCLUDE, "chips")], person_id=person, limit=9)
    await telex.store.subscriptions.set_look(before.id, PostLook(prefix="📰"), person_id=person)
    await telex.store.subscriptions.pause(before.id)
    asked = await telex.editor.slash(telex.news, "feed remove", feed=await first(telex))
    assert labels(last(asked)) == ["Stop following", "Keep following"]
    kept = await telex.editor.click(last(asked), label="Keep following")
    assert "Still following" in said(kept)
    assert await telex.store.subscriptions.count(telex.guild.id) == 1
    asked = await telex.editor.slash(telex.news, "feed remove", feed=await first(telex))
    gone = await telex.editor.click(last(asked), label="Stop following")
    assert "Stopped following" in said(gone)
    assert await telex.store.subscriptions.count(telex.guild.id) == 0
    assert "again" in said(await telex.editor.click(last(gone), label="Undo"))
    ((after, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert after.look == PostLook(prefix="📰")
    assert after.paused is not None
    assert [one.query for one in await telex.store.filters.by_subscription_id(after.id)] == ["chips"]
    await telex.deliver()
    assert len(telex.posts()) == 1


async def test_removing_is_undone_only_where_that_changes_what_nobody_chose_since(telex, feed_server):
    feed = await follow(telex, feed_server)
    ((before, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.store.subscriptions.set_look(before.id, PostLook(prefix="📰"), person_id=telex.editor.id)
    asked = await telex.editor.slash(telex.news, "feed remove", feed=await first(telex))
    gone = await telex.editor.click(last(asked), label="Stop following")
    assert "Articles still waiting there" in said(gone)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        feed_id=feed.id,
        first_article_id=None,
        person_id=1,
    )
    await telex.editor.click(last(gone), label="Undo")
    ((after, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert after.look is None


async def test_removing_from_a_channel_that_is_gone_is_not_undone(telex, feed_server):
    other = telex.guild.create_text_channel("other")
    await follow(telex, feed_server, channel=other)
    asked = await telex.editor.slash(telex.news, "feed remove", feed=await first(telex))
    gone = await telex.editor.click(last(asked), label="Stop following")
    telex.env.backend.delete_channel(other.id)
    assert "no longer exists" in said(await telex.editor.click(last(gone), label="Undo"))
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_a_subscription_that_ended_meanwhile_is_told(telex, feed_server):
    feed = await follow(telex, feed_server)
    asked = await telex.editor.slash(telex.news, "feed remove", feed=await first(telex))
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    done = await telex.editor.click(last(asked), label="Stop following")
    assert "isn’t followed there anymore" in said(done)


async def test_a_subscription_of_a_deleted_channel_can_be_removed(telex, feed_server):
    gone = telex.guild.create_text_channel("gone")
    await follow(telex, feed_server, channel=gone)
    telex.env.backend.delete_channel(gone.id)
    offered = await telex.editor.autocomplete(telex.news, "feed remove", "feed", "")
    assert "deleted" in offered[0]["name"]
    asked = await telex.editor.slash(telex.news, "feed remove", feed=offered[0]["value"])
    await telex.editor.click(last(asked), label="Stop following")
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_moving_posts_new_articles_in_the_other_channel(telex, feed_server):
    feed = await follow(telex, feed_server)
    other = telex.guild.create_text_channel("other")
    moved = await telex.editor.slash(telex.news, "feed move", feed=await first(telex), channel=other)
    assert f"to {other.mention}" in said(moved)
    feed_server.serve("/rss", rss(item(4, title="After the move", published=START), *three()))
    await telex.poll_and_deliver(feed)
    assert [title(post) for post in telex.posts(other)] == ["After the move"]
    assert len(telex.posts()) == 1
    again = await telex.editor.slash(telex.news, "feed move", feed=await first(telex), channel=other)
    assert "already" in said(again)


async def test_moving_where_the_bot_may_not_post_is_refused(telex, feed_server):
    await follow(telex, feed_server)
    other = telex.guild.create_text_channel("other")
    await telex.set_permissions(other, embed_links=False)
    moved = await telex.editor.slash(telex.news, "feed move", feed=await first(telex), channel=other)
    assert "**Embed Links**" in said(moved)
    assert await telex.store.subscriptions.channels(telex.guild.id) == {telex.news.id}


async def test_the_list_tells_health_last_article_and_next_poll(telex, feed_server):
    feed = await follow(telex, feed_server)
    listed = await telex.editor.slash(telex.news, "feed list")
    assert last(listed).ephemeral
    assert said(listed).startswith("### 1 feed, healthy\n")
    assert f"<#{telex.news.id}>\n" in said(listed)
    assert f" Example News · <t:{feed.last_article}:R>" in said(listed)
    opened = await card(telex)
    assert "🟢 healthy" in said(opened)
    assert f"last article <t:{feed.last_article}:R> · next check <t:{feed.next_poll}:R>" in said(opened)


async def test_the_list_tells_what_is_wrong_and_mends_it(telex, feed_server):
    broken = await follow(telex, feed_server)
    gone = await follow(telex, feed_server, path="/gone", title="Gone News")
    paused = await follow(telex, feed_server, path="/paused", title="Paused News")
    await follow(telex, feed_server, path="/well", title="Well")
    feed_server.serve("/rss", status=503)
    feed_server.serve("/gone", status=410)
    await telex.poll(broken)
    await telex.poll(gone)
    subscription = await telex.store.subscriptions.find(telex.news.id, paused.id)
    await telex.store.subscriptions.pause(subscription.id)
    shown = last(await telex.editor.slash(telex.news, "feed list"))
    listed = text(shown)
    assert listed.startswith("### 4 feeds · 2 need attention\n-# 1 healthy, 1 paused, 1 failing, 1 gone\n")
    assert "🔴 **Example News**\nThe site is having problems" in listed
    assert f"first failed <t:{START}:R>" in listed
    assert "⚫ **Gone News**\nThe publisher has shut this feed down" in listed
    assert f"paused <t:{START}:R>" in listed
    looked = await telex.editor.click(shown, label="Find new address")
    assert "I can’t reach that site" in said(looked)  # the feed says that it is of news.example
    shown = last(await telex.editor.click(shown, label="Resume"))
    assert "-# 2 healthy, 1 failing, 1 gone" in text(shown)
    feed_server.serve("/rss", rss(*three()))
    await telex.advance(120)
    shown = last(await telex.editor.click(shown, label="Check now"))
    assert "**Example News** has no new articles." in text(shown)
    assert "4 feeds · 1 needs attention" in text(shown)
    shown = last(await telex.editor.click(shown, label="Pause all"))
    assert "-# 3 paused, 1 gone" in text(shown)
    shown = last(await telex.editor.click(shown, label="Resume all"))
    assert "-# 3 healthy, 1 gone" in text(shown)


async def test_the_list_tells_that_posting_fails(telex, feed_server):
    await follow(telex, feed_server)
    await telex.store.dispatches.block_channel(telex.news.id, "forbidden embed_links", None)
    listed = await telex.editor.slash(telex.news, "feed list")
    told = "🟠 **Example News**\nI’m missing permissions in this channel: Embed Links."
    assert told in said(listed)
    again = await telex.editor.click(last(listed), label="Try again")
    assert "need attention" not in said(again)


async def test_an_empty_list_tells_how_to_begin(telex):
    listed = await telex.editor.slash(telex.news, "feed list")
    assert "/feed packs" in said(listed)
    assert labels(last(listed)) == ["Get started", "Add"]


async def test_a_long_list_has_pages_and_a_card_for_each(telex, feed_server):
    for number in range(26):
        await telex.follow(feed_server.serve(f"/{number}", rss(title=f"Feed {number}")))
    listed = await telex.editor.slash(telex.news, "feed list")
    assert "1 / 2" in labels(last(listed))
    buttons = [one for one in components(last(listed)) if one["type"] == 2]
    second = await telex.editor.click(last(listed), custom_id=buttons[2]["custom_id"])
    assert "2 / 2" in labels(last(second))
    assert said(second).count("· not read yet") == 2
    custom_id, options = menu(last(second))
    opened = last(await telex.editor.select(last(second), [options[0]["value"]], custom_id=custom_id))
    assert "paused" in text(last(await telex.editor.click(opened, label="Pause")))


async def test_the_list_leaves_out_channels_that_the_editor_cannot_see(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, title="Secret News", channel=secret)
    hide(telex, secret, telex.editor)
    assert "Secret News" not in said(await telex.editor.slash(telex.news, "feed list"))
    assert await telex.editor.autocomplete(telex.news, "feed remove", "feed", "") == []


async def test_a_pause_withholds_what_comes_and_resuming_goes_on(telex, feed_server):
    feed = await follow(telex, feed_server)
    await telex.editor.slash(telex.news, "feed pause", feed=await first(telex))
    again = await telex.editor.slash(telex.news, "feed pause", feed=await first(telex))
    assert "already paused" in said(again)
    feed_server.serve("/rss", rss(item(4, title="During", published=START), *three()))
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == 1
    await telex.advance(60)
    resumed = await telex.editor.slash(telex.news, "feed resume", feed=await first(telex))
    assert "Resumed" in said(resumed)
    await telex.advance(60)
    again = await telex.editor.slash(telex.news, "feed resume", feed=await first(telex))
    assert "isn’t paused" in said(again)
    after = item(5, title="After", published=START + 60)
    feed_server.serve("/rss", rss(after, item(4, title="During"), *three()))
    await telex.poll_and_deliver(feed)
    assert [title(post) for post in telex.posts()][1:] == ["After"]


async def test_a_preview_shows_the_newest_article_to_the_asker_alone(telex, feed_server):
    await telex.follow(feed_server.origin + "/rss")
    unread = await telex.editor.slash(telex.news, "feed preview", feed=await first(telex))
    assert "/feed refresh" in said(unread)
    await follow(telex, feed_server)
    shown = await telex.editor.slash(telex.news, "feed preview", feed=await first(telex))
    assert last(shown).ephemeral
    assert title(last(shown)) == "Cities ban facial recognition"
    assert len(telex.posts()) == 1


async def test_a_refresh_polls_at_once_and_again_only_after_a_minute(telex, feed_server):
    await follow(telex, feed_server)
    feed_server.serve("/rss", rss(item(4, title="Just out", published=START), *three()))
    refused = await telex.editor.slash(telex.news, "feed refresh", feed=await first(telex))
    assert "I just checked" in said(refused)
    assert feed_server.count("/rss") == 1
    await telex.advance(61)
    refreshed = await telex.editor.slash(telex.news, "feed refresh", feed=await first(telex))
    assert "has 1 new article" in said(refreshed)
    await telex.deliver()
    assert [title(post) for post in telex.posts()][1:] == ["Just out"]
    feed_server.serve("/rss", status=404)
    await telex.advance(61)
    failed = await telex.editor.slash(telex.news, "feed refresh", feed=await first(telex))
    assert "No feed found at that address" in said(failed)


async def test_a_pack_follows_its_feeds_and_reports_on_each(telex, feed_server, monkeypatch):
    outlines = tuple(
        opml.Outline(title, feed_server.origin + path, None, "en")
        for title, path in (("One", "/1"), ("Two", "/2"), ("Broken", "/3"))
    )
    feed_server.serve("/1", rss(*three(), title="One"))
    feed_server.serve("/2", rss(item(9, title="Of two"), title="Two"))
    monkeypatch.setattr(starter_packs, "outlines", lambda _pack: outlines)
    answer = await telex.editor.slash(telex.news, "feed packs", pack="security")
    assert "✅ **One**" in said(answer)
    assert "❌ **Broken**: No feed found at that address" in said(answer)
    await telex.deliver()
    assert {title(post) for post in telex.posts()} == {"Cities ban facial recognition", "Of two"}
    again = await telex.editor.slash(telex.news, "feed packs", pack="security")
    assert "☑️ **Two** was already followed" in said(again)


async def test_a_pack_is_refused_where_the_bot_may_not_post(telex):
    await telex.set_permissions(telex.news, send_messages=False)
    answer = await telex.editor.slash(telex.news, "feed packs", pack="ai")
    assert "**Send Messages**" in said(answer)


@pytest.mark.parametrize("pack", starter_packs.PACKS)
def test_every_pack_has_feeds_over_https_without_doubles(pack):
    outlines = starter_packs.outlines(pack)
    assert 6 <= len(outlines) <= 10
    assert all(outline.url.startswith("https://") for outline in outlines)
    assert all(outline.title and outline.language for outline in outlines)
    assert len({urls.canonicalize(outline.url) for outline in outlines}) == len(outlines)


def test_every_list_of_the_directory_is_offered():
    assert {pack for outlet in outlet_directory.outlets() for pack in outlet.packs} == set(
        starter_packs.PACKS
    )
