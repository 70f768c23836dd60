"""/feed remove, move, list, pause, resume, preview, refresh and packs."""

from __future__ import annotations

from bot.core.preferences import FilterMode, FilterPlace, PostLook
from bot.core.reasons import Reason, SendProblem
from bot.feeds import outlet_directory
from bot.feeds.parsing import opml
from bot.text import urls
from cogs.feeds import starter_packs
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    open_feed_card,
    press_button,
    read_message_text,
    read_reply_text,
)
from tests.support.message_texts import find_title
from tests.support.scenario import (
    START,
    follow_feed,
    get_first_subscription_id,
    list_posted_titles,
    make_three_rss_items,
    publish_items,
)

COMMANDS = ("remove", "pause", "resume", "preview", "refresh")


async def test_feed_option_offers_subscriptions_of_server(telex, feed, feed_server):
    await follow_feed(telex, feed_server, path="/deux", title="Les Échos du Net")
    for command in (*COMMANDS, "move"):
        choices = await telex.editor.autocomplete(telex.news, f"feed {command}", "feed", "ECHOS")
        assert [choice["name"] for choice in choices] == ["Les Échos du Net — #news"]


async def test_typed_feed_name_is_accepted_only_if_unambiguous(telex, feed, feed_server):
    await follow_feed(telex, feed_server, path="/deux", title="Les Échos du Net")
    pause_reply = await telex.run_as_editor("feed pause", feed="échos")
    assert "Paused **Les Échos du Net**" in read_reply_text(pause_reply)
    vague = await telex.run_as_editor("feed pause", feed="e")
    assert "Pick a feed" in read_reply_text(vague)


async def test_commands_without_subscriptions_suggest_feed_add(telex):
    for command in COMMANDS:
        assert "/feed add" in read_reply_text(await telex.run_as_editor(f"feed {command}", feed="1"))


async def test_subscription_of_other_server_is_refused(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    channel = elsewhere.create_text_channel("there")
    await follow_feed(telex, feed_server)
    await follow_feed(telex, feed_server, path="/two", title="Theirs", channel=channel)
    foreign_subscription_id = (await telex.store.subscriptions.list_with_feeds(elsewhere.id))[0][0].id
    answer = await telex.run_as_editor("feed pause", feed=str(foreign_subscription_id))
    assert "Pick a feed" in read_reply_text(answer)
    assert (await telex.store.subscriptions.list_with_feeds(elsewhere.id))[0][0].paused_at is None


async def test_removal_is_confirmed_and_undo_restores_subscription(telex, feed):
    ((subscription_before, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    person = telex.editor.id
    await telex.store.filters.add(
        FilterPlace(subscription_before.id), [(FilterMode.EXCLUDE, "chips")], user_id=person, limit=9
    )
    await telex.store.subscriptions.set_look(subscription_before.id, PostLook(prefix="📰"), user_id=person)
    await telex.store.subscriptions.pause(subscription_before.id)
    confirmation = await telex.run_as_editor("feed remove", feed=await get_first_subscription_id(telex))
    assert list_button_labels(get_last_reply(confirmation)) == ["Stop following", "Keep following"]
    cancellation = await press_button(telex.editor, confirmation, "Keep following")
    assert "Still following" in read_reply_text(cancellation)
    assert await telex.store.subscriptions.count(telex.guild.id) == 1
    confirmation = await telex.run_as_editor("feed remove", feed=await get_first_subscription_id(telex))
    removal = await press_button(telex.editor, confirmation, "Stop following")
    assert "Stopped following" in read_reply_text(removal)
    assert await telex.store.subscriptions.count(telex.guild.id) == 0
    assert "again" in read_reply_text(await press_button(telex.editor, removal, "Undo"))
    ((restored_subscription, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert restored_subscription.look == PostLook(prefix="📰")
    assert restored_subscription.paused_at is not None
    assert [
        feed_filter.query
        for feed_filter in await telex.store.filters.list_by_place(FilterPlace(restored_subscription.id))
    ] == ["chips"]
    await telex.deliver()
    assert len(telex.posts()) == 1


async def test_undo_does_not_overwrite_new_subscription(telex, feed):
    ((subscription_before, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    await telex.store.subscriptions.set_look(subscription_before.id, PostLook(prefix="📰"), user_id=telex.editor.id)
    confirmation = await telex.run_as_editor("feed remove", feed=await get_first_subscription_id(telex))
    removal = await press_button(telex.editor, confirmation, "Stop following")
    assert "Articles still waiting there" in read_reply_text(removal)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        feed_id=feed.id,
        first_article_id=None,
        user_id=1,
    )
    await press_button(telex.editor, removal, "Undo")
    ((current_subscription, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert current_subscription.look is None


async def test_undo_is_refused_for_deleted_channel(telex, feed_server):
    other_channel = telex.guild.create_text_channel("other")
    await follow_feed(telex, feed_server, channel=other_channel)
    confirmation = await telex.run_as_editor("feed remove", feed=await get_first_subscription_id(telex))
    removal = await press_button(telex.editor, confirmation, "Stop following")
    telex.env.backend.delete_channel(other_channel.id)
    assert "no longer exists" in read_reply_text(await press_button(telex.editor, removal, "Undo"))
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_removal_of_ended_subscription_is_reported(telex, feed):
    confirmation = await telex.run_as_editor("feed remove", feed=await get_first_subscription_id(telex))
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    final_reply = await press_button(telex.editor, confirmation, "Stop following")
    assert "isn’t followed there anymore" in read_reply_text(final_reply)


async def test_subscription_of_deleted_channel_can_be_removed(telex, feed_server):
    deleted_channel = telex.guild.create_text_channel("gone")
    await follow_feed(telex, feed_server, channel=deleted_channel)
    telex.env.backend.delete_channel(deleted_channel.id)
    choices = await telex.editor.autocomplete(telex.news, "feed remove", "feed", "")
    assert "deleted" in choices[0]["name"]
    confirmation = await telex.run_as_editor("feed remove", feed=choices[0]["value"])
    await press_button(telex.editor, confirmation, "Stop following")
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_moved_feed_posts_in_new_channel(telex, feed, feed_server):
    other_channel = telex.guild.create_text_channel("other")
    move_reply = await telex.run_as_editor(
        "feed move", feed=await get_first_subscription_id(telex), channel=other_channel
    )
    assert f"to {other_channel.mention}" in read_reply_text(move_reply)
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, title="After the move", published=START), *make_three_rss_items()
    )
    assert list_posted_titles(telex, other_channel) == ["After the move"]
    assert len(telex.posts()) == 1
    second_reply = await telex.run_as_editor(
        "feed move", feed=await get_first_subscription_id(telex), channel=other_channel
    )
    assert "already" in read_reply_text(second_reply)


async def test_move_to_unpostable_channel_is_refused(telex, feed):
    other_channel = telex.guild.create_text_channel("other")
    await telex.set_permissions(other_channel, embed_links=False)
    move_reply = await telex.run_as_editor(
        "feed move", feed=await get_first_subscription_id(telex), channel=other_channel
    )
    assert "**Embed Links**" in read_reply_text(move_reply)
    assert await telex.store.subscriptions.load_channel_ids(telex.guild.id) == {telex.news.id}


async def test_feed_list_shows_health_last_article_and_next_poll(telex, feed):
    list_reply = await telex.run_as_editor("feed list")
    assert get_last_reply(list_reply).ephemeral
    assert read_reply_text(list_reply).startswith("### 1 feed, healthy\n")
    assert f"<#{telex.news.id}>\n" in read_reply_text(list_reply)
    assert f" Example News · <t:{feed.last_article_at}:R>" in read_reply_text(list_reply)
    opened_reply = await open_feed_card(telex)
    assert "🟢 healthy" in read_reply_text(opened_reply)
    assert f"last article <t:{feed.last_article_at}:R> · next check <t:{feed.next_poll_at}:R>" in read_reply_text(
        opened_reply
    )


async def test_feed_list_shows_problems_and_fixes_them(telex, feed_server):
    broken_feed = await follow_feed(telex, feed_server)
    gone_feed = await follow_feed(telex, feed_server, path="/gone", title="Gone News")
    paused_feed = await follow_feed(telex, feed_server, path="/paused", title="Paused News")
    await follow_feed(telex, feed_server, path="/well", title="Well")
    feed_server.serve("/rss", status=503)
    feed_server.serve("/gone", status=410)
    await telex.poll(broken_feed)
    await telex.poll(gone_feed)
    subscription = await telex.store.subscriptions.find(telex.news.id, paused_feed.id)
    await telex.store.subscriptions.pause(subscription.id)
    list_reply = get_last_reply(await telex.run_as_editor("feed list"))
    list_text = read_message_text(list_reply)
    assert list_text.startswith("### 4 feeds · 2 need attention\n-# 1 healthy, 1 paused, 1 failing, 1 gone\n")
    assert "🔴 **Example News**\nThe site is having problems" in list_text
    assert f"first failed <t:{START}:R>" in list_text
    assert "⚫ **Gone News**\nThe publisher has shut this feed down" in list_text
    assert f"paused <t:{START}:R>" in list_text
    lookup_reply = await telex.editor.click(list_reply, label="Find new address")
    assert "I can’t reach that site" in read_reply_text(lookup_reply)  # the feed says that it is of news.example
    list_reply = get_last_reply(await telex.editor.click(list_reply, label="Resume"))
    assert "-# 2 healthy, 1 failing, 1 gone" in read_message_text(list_reply)
    feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    await telex.advance(120)
    list_reply = get_last_reply(await telex.editor.click(list_reply, label="Check now"))
    assert "**Example News** has no new articles." in read_message_text(list_reply)
    assert "4 feeds · 1 needs attention" in read_message_text(list_reply)
    list_reply = get_last_reply(await telex.editor.click(list_reply, label="Pause all"))
    assert "-# 3 paused, 1 gone" in read_message_text(list_reply)
    list_reply = get_last_reply(await telex.editor.click(list_reply, label="Resume all"))
    assert "-# 3 healthy, 1 gone" in read_message_text(list_reply)


async def test_feed_list_shows_blocked_channel(telex, feed):
    await telex.store.dispatches.block_channel(
        telex.news.id, Reason(SendProblem.FORBIDDEN, {"permissions": ("embed_links",)}), None
    )
    list_reply = await telex.run_as_editor("feed list")
    problem_text = "🟠 **Example News**\nI’m missing permissions in this channel: Embed Links."
    assert problem_text in read_reply_text(list_reply)
    second_reply = await press_button(telex.editor, list_reply, "Try again")
    assert "need attention" not in read_reply_text(second_reply)


async def test_empty_feed_list_suggests_first_steps(telex):
    list_reply = await telex.run_as_editor("feed list")
    assert "/feed packs" in read_reply_text(list_reply)
    assert list_button_labels(get_last_reply(list_reply)) == ["Get started", "Add"]


async def test_long_feed_list_has_pages(telex, feed_server):
    for number in range(26):
        await telex.follow(feed_server.serve(f"/{number}", make_rss(title=f"Feed {number}")))
    list_reply = await telex.run_as_editor("feed list")
    assert "1 / 2" in list_button_labels(get_last_reply(list_reply))
    buttons = [component for component in list_controls(get_last_reply(list_reply)) if component["type"] == 2]
    second_page = await telex.editor.click(get_last_reply(list_reply), custom_id=buttons[2]["custom_id"])
    assert "2 / 2" in list_button_labels(get_last_reply(second_page))
    assert read_reply_text(second_page).count("· not read yet") == 3
    custom_id, options = find_menu(get_last_reply(second_page))
    opened_reply = get_last_reply(
        await telex.editor.select(get_last_reply(second_page), [options[0]["value"]], custom_id=custom_id)
    )
    assert "paused" in read_message_text(get_last_reply(await telex.editor.click(opened_reply, label="Pause")))


async def test_pause_has_same_reply_by_command_card_and_list(telex, feed):
    subscription_id = await get_first_subscription_id(telex)
    pause_reply = read_reply_text(await telex.run_as_editor("feed pause", feed=subscription_id))
    resume_reply = read_reply_text(await telex.run_as_editor("feed resume", feed=subscription_id))
    card_reply = await telex.editor.click(get_last_reply(await open_feed_card(telex)), label="Pause")
    assert pause_reply in read_reply_text(card_reply)
    assert resume_reply in read_reply_text(await press_button(telex.editor, card_reply, "Resume"))
    await telex.run_as_editor("feed pause", feed=subscription_id)
    list_reply = await telex.run_as_editor("feed list")
    assert resume_reply in read_reply_text(await press_button(telex.editor, list_reply, "Resume"))


async def test_pause_button_refuses_paused_or_removed_feed(telex, feed):
    first_card, second_card = [get_last_reply(await open_feed_card(telex)) for _ in range(2)]
    subscription_id = await get_first_subscription_id(telex)
    refusal = "**Example News** is already paused. Resume it with /feed resume."
    await telex.run_as_editor("feed pause", feed=subscription_id)
    card_reply = await telex.editor.click(first_card, label="Pause")
    assert read_reply_text(card_reply) == refusal
    assert "Resume" in list_button_labels(first_card)
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id, user_id=telex.editor.id)
    assert (
        read_reply_text(await telex.editor.click(second_card, label="Pause"))
        == "That feed isn’t followed there anymore."
    )


async def test_feed_list_omits_channels_hidden_from_editor(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.editor)
    assert "Secret News" not in read_reply_text(await telex.run_as_editor("feed list"))
    assert await telex.editor.autocomplete(telex.news, "feed remove", "feed", "") == []


async def test_articles_during_pause_are_not_posted_after_resume(telex, feed, feed_server):
    await telex.run_as_editor("feed pause", feed=await get_first_subscription_id(telex))
    second_reply = await telex.run_as_editor("feed pause", feed=await get_first_subscription_id(telex))
    assert "already paused" in read_reply_text(second_reply)
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, title="During", published=START), *make_three_rss_items()
    )
    assert len(telex.posts()) == 1
    await telex.advance(60)
    resume_reply = await telex.run_as_editor("feed resume", feed=await get_first_subscription_id(telex))
    assert "Resumed" in read_reply_text(resume_reply)
    await telex.advance(60)
    second_reply = await telex.run_as_editor("feed resume", feed=await get_first_subscription_id(telex))
    assert "isn’t paused" in read_reply_text(second_reply)
    after = make_rss_item(5, title="After", published=START + 60)
    await publish_items(telex, feed_server, feed, after, make_rss_item(4, title="During"), *make_three_rss_items())
    assert list_posted_titles(telex)[1:] == ["After"]


async def test_feed_preview_is_ephemeral_and_shows_newest_article(telex, feed_server):
    await telex.follow(feed_server.origin + "/rss")
    unpolled_preview = await telex.run_as_editor("feed preview", feed=await get_first_subscription_id(telex))
    assert "/feed refresh" in read_reply_text(unpolled_preview)
    await follow_feed(telex, feed_server)
    preview = await telex.run_as_editor("feed preview", feed=await get_first_subscription_id(telex))
    assert get_last_reply(preview).ephemeral
    assert find_title(get_last_reply(preview)) == "Cities ban facial recognition"
    assert len(telex.posts()) == 1


async def test_feed_refresh_polls_at_most_once_a_minute(telex, feed, feed_server):
    feed_server.serve("/rss", make_rss(make_rss_item(4, title="Just out", published=START), *make_three_rss_items()))
    refusal = await telex.run_as_editor("feed refresh", feed=await get_first_subscription_id(telex))
    assert "I just checked" in read_reply_text(refusal)
    assert feed_server.count("/rss") == 1
    await telex.advance(61)
    refresh_reply = await telex.run_as_editor("feed refresh", feed=await get_first_subscription_id(telex))
    assert "has 1 new article" in read_reply_text(refresh_reply)
    await telex.deliver()
    assert list_posted_titles(telex)[1:] == ["Just out"]
    feed_server.serve("/rss", status=404)
    await telex.advance(61)
    failure_reply = await telex.run_as_editor("feed refresh", feed=await get_first_subscription_id(telex))
    assert "No feed found at that address" in read_reply_text(failure_reply)


async def test_check_button_polls_once_a_minute_across_cards(telex, feed, feed_server):
    await telex.advance(61)
    first_card, second_card = get_last_reply(await open_feed_card(telex)), get_last_reply(await open_feed_card(telex))
    checked = await telex.editor.click(first_card, label="Check now")
    assert "has no new articles" in read_reply_text(checked)
    refusal = await telex.editor.click(second_card, label="Check now")
    assert "I just checked" in read_reply_text(refusal)
    assert feed_server.count("/rss") == 2


async def test_pack_follows_feeds_and_reports_each(telex, feed_server, monkeypatch):
    outlines = tuple(
        opml.Outline(title, feed_server.origin + path, None, "en")
        for title, path in (("One", "/1"), ("Two", "/2"), ("Broken", "/3"))
    )
    feed_server.serve("/1", make_rss(*make_three_rss_items(), title="One"))
    feed_server.serve("/2", make_rss(make_rss_item(9, title="Of two"), title="Two"))
    monkeypatch.setattr(starter_packs, "list_outlines", lambda _pack: outlines)
    answer = await telex.run_as_editor("feed packs", pack="security")
    assert "✅ **One**" in read_reply_text(answer)
    assert "❌ **Broken**: No feed found at that address" in read_reply_text(answer)
    await telex.deliver()
    assert {find_title(post) for post in telex.posts()} == {"Cities ban facial recognition", "Of two"}
    second_reply = await telex.run_as_editor("feed packs", pack="security")
    assert "☑️ **Two** was already followed" in read_reply_text(second_reply)


async def test_pack_is_refused_in_unpostable_channel(telex):
    await telex.set_permissions(telex.news, send_messages=False)
    answer = await telex.run_as_editor("feed packs", pack="ai")
    assert "**Send Messages**" in read_reply_text(answer)


@check_cases("pack", starter_packs.PACK_TITLES)
def test_packs_have_unique_https_feeds(pack):
    outlines = starter_packs.list_outlines(pack)
    assert 6 <= len(outlines) <= 10
    assert all(outline.url.startswith("https://") for outline in outlines)
    assert all(outline.title and outline.language for outline in outlines)
    assert len({urls.canonicalize(outline.url) for outline in outlines}) == len(outlines)


def test_all_packs_of_outlet_directory_are_offered():
    assert {pack for outlet in outlet_directory.load_outlets() for pack in outlet.packs} == set(
        starter_packs.PACK_TITLES
    )
