"""/why: what happened to an article, in the channels that the user can see."""

from __future__ import annotations

from bot.core.reasons import Reason, SendProblem
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import find_menu, get_last_reply, hide_channel, read_reply_text, select_option
from tests.support.message_texts import read_message_text
from tests.support.scenario import START, follow_feed, make_three_rss_items, publish_items
from tests.support.store_probe import enqueue_notice

LINK = "https://news.example/articles/3"
OLDER_LINK = "https://news.example/articles/2"


async def explain_link(world: World, link: str) -> str:
    """Run /why as the reader and return the text of the reply."""
    answer = await world.run_as_reader("why", link=link)
    assert get_last_reply(answer).ephemeral
    return read_reply_text(answer)


async def test_posted_article_is_explained_with_link_to_post(telex, feed):
    post_link = f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{telex.posts()[0].id}"
    bare_link = LINK.removeprefix("https://")
    for link in (
        LINK,
        f"{LINK}?utm_source=feed&xtor=RSS-3",
        f"{LINK}/",
        f"http://{bare_link}",
        bare_link,
        f"<{LINK}>",
    ):
        reply_text = await explain_link(telex, link)
        assert f"**[Cities ban facial recognition]({LINK})**" in reply_text, link
        assert f"found <t:{START}:f> in **Example News**" in reply_text
        assert f"<#{telex.news.id}>: posted <t:{START}:f> · {post_link}" in reply_text


async def test_link_of_post_explains_its_article(telex, feed):
    post = telex.posts()[0]
    link = f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{post.id}"
    assert await explain_link(telex, link) == await explain_link(telex, LINK)
    elsewhere = f"https://discord.com/channels/{telex.guild.id}/1/{post.id}"
    assert "I haven’t seen this" in await explain_link(telex, elsewhere)
    assert "I haven’t seen this" in await explain_link(telex, link + "9" * 30)


async def test_former_url_leads_to_article(telex, feed, feed_server):
    moved_item = make_rss_item(3, title="Cities ban facial recognition", published=START - 60).replace(
        "/articles/3", "/moved/3"
    )
    await publish_items(telex, feed_server, feed, moved_item, *make_three_rss_items()[1:], delivered=False)
    for link in (LINK, "https://news.example/moved/3"):
        assert "(https://news.example/moved/3)" in await explain_link(telex, link)


async def test_backlog_and_pause_are_explained(telex, feed, feed_server):
    assert "already in the feed when the channel started following it" in await explain_link(telex, OLDER_LINK)
    subscription = await telex.store.subscriptions.find(telex.news.id, feed.id)
    await telex.store.subscriptions.pause(subscription.id)
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, published=START), *make_three_rss_items(), delivered=False
    )
    reply_text = await explain_link(telex, "https://news.example/articles/4")
    assert f"not posted: the feed was paused there (<t:{START}:f>)" in reply_text


async def test_pending_and_failed_post_are_explained(telex, feed, feed_server):
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, published=START), *make_three_rss_items(), delivered=False
    )
    link = "https://news.example/articles/4"
    assert f"waiting to be posted since <t:{START}:f>" in await explain_link(telex, link)
    await telex.set_permissions(telex.news, embed_links=False)
    await telex.deliver()
    reply_text = await explain_link(telex, link)
    assert "waiting to be posted" in reply_text
    assert "I’m missing permissions in this channel\\: Embed Links." in reply_text
    await telex.store.dispatches.unblock_channel(telex.news.id)
    claimed_dispatch = await telex.store.dispatches.claim(telex.news.id)
    await telex.store.dispatches.mark_failed(
        claimed_dispatch.id, Reason(SendProblem.REFUSED, {"text": "400 **bad** @everyone"})
    )
    reply_text = await explain_link(telex, link)
    assert "not posted: sending failed." in reply_text
    assert "\\*\\*bad\\*\\* \\@everyone" in reply_text


async def test_joined_article_is_explained_with_its_post(telex, feed_server):
    first_title = "Amazon **bans** police use of its face recognition"
    second_title = "Amazon bans police use of face recognition"
    feeds = {}
    for path, number in (("/one", 1), ("/two", 2)):
        feeds[path] = await follow_feed(
            telex,
            feed_server,
            make_rss_item(number, title=f"Welcome to {path}", published=START - 9000),
            path=path,
        )
    link = "https://news.example/articles/4"
    for path, title, number in (("/one", first_title, 3), ("/two", second_title, 4)):
        await publish_items(
            telex,
            feed_server,
            feeds[path],
            make_rss_item(number, title=title, published=telex.clock.now() - 60),
            delivered=False,
        )
    reply_text = await explain_link(telex, link)
    escaped_title = "“Amazon \\*\\*bans\\*\\* police use of its face recognition”"
    assert f"<#{telex.news.id}>: grouped with {escaped_title}, which is waiting to be posted (<t:" in reply_text
    await telex.deliver()
    post = telex.posts()[-1]
    reply_text = await explain_link(telex, link)
    assert f"<#{telex.news.id}>: grouped with {escaped_title} (<t:" in reply_text
    assert f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{post.id}" in reply_text
    assert "Also: [Example News]" in read_message_text(post)
    telex.locales[telex.reader.id] = "fr"
    assert "regroupé avec «\u00a0Amazon" in await explain_link(telex, link)


async def test_unknown_link_of_followed_site_shows_feed_health(telex, feed, feed_server):
    assert "I haven’t seen this" in await explain_link(telex, "https://elsewhere.example/1")
    reply_text = await explain_link(telex, "https://www.news.example/articles/99")
    assert "**Example News**: 🟢 healthy" in reply_text
    feed_server.serve("/rss", status=500)
    await telex.poll(feed)
    reply_text = await explain_link(telex, "https://www.news.example/articles/99")
    assert "**Example News**: 🔴 failing: The site" in reply_text
    assert f"First failed <t:{START}:R>." in await explain_link(telex, LINK)


async def test_feed_of_hidden_channel_is_not_explained(telex, feed_server):
    unknown_text = await explain_link(telex, LINK)
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.reader)
    post = telex.posts(secret)[0]
    assert await explain_link(telex, LINK) == unknown_text
    assert (
        await explain_link(telex, f"https://discord.com/channels/{telex.guild.id}/{secret.id}/{post.id}")
        == unknown_text
    )
    await follow_feed(telex, feed_server, path="/open", title="Open News")
    reply_text = await explain_link(telex, LINK)
    assert "Open News" in reply_text
    assert "Secret" not in reply_text
    assert str(secret.id) not in reply_text


async def test_hidden_channel_is_omitted_for_visible_feed(telex, feed_server):
    """A hidden channel follows a visible feed later, and got a notice."""
    older_item = make_rss_item(2, title="An older one", published=START - 3600)
    feed = await follow_feed(telex, feed_server, make_rss_item(1, published=START), older_item)
    link = "https://news.example/articles/2"
    text_before = await explain_link(telex, link)
    assert "not posted" in text_before
    secret = telex.guild.create_text_channel("secret")
    await telex.follow(feed.url, secret)
    hide_channel(telex, secret, telex.reader)
    assert await explain_link(telex, link) == text_before
    enqueue_notice(telex.store, secret.id, "broken:1:0", "A feed cannot be read.")
    await telex.deliver()
    notice = telex.posts(secret)[-1]
    unknown_text = await explain_link(telex, "https://discord.com/channels/1/2/3")
    reply_text = await explain_link(telex, f"https://discord.com/channels/{telex.guild.id}/{secret.id}/{notice.id}")
    assert reply_text == unknown_text


async def test_channels_of_other_server_are_omitted(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    foreign_channel = elsewhere.create_text_channel("there")
    await follow_feed(telex, feed_server, title="Theirs", channel=foreign_channel)
    post = telex.posts(foreign_channel)[0]
    assert "I haven’t seen this" in await explain_link(telex, LINK)
    link = f"https://discord.com/channels/{elsewhere.id}/{foreign_channel.id}/{post.id}"
    assert "I haven’t seen this" in await explain_link(telex, link)
    await follow_feed(telex, feed_server, path="/ours", title="Ours")
    reply_text = await explain_link(telex, LINK)
    assert "Ours" in reply_text
    assert "Theirs" not in reply_text
    assert str(foreign_channel.id) not in reply_text


async def test_link_of_alert_is_recognized(telex, feed):
    enqueue_notice(telex.store, telex.news.id, "broken:1:0", "A feed cannot be read.")
    await telex.deliver()
    notice = telex.posts()[-1]
    link = f"https://ptb.discord.com/channels/{telex.guild.id}/{telex.news.id}/{notice.id}"
    assert "is about a feed" in await explain_link(telex, link)


async def test_link_of_many_articles_fits_message(telex, feed_server):
    entries = (
        make_rss_item(number, title=f"{'*' * 150} {number}").replace(f"/articles/{number}", "/articles/same")
        for number in range(200)
    )
    await follow_feed(telex, feed_server, *entries)
    reply_text = await explain_link(telex, "https://news.example/articles/same")
    assert "more articles at this address" in reply_text


async def test_why_in_french(telex, feed):
    telex.locales[telex.reader.id] = "fr"
    reply_text = await explain_link(telex, LINK)
    assert f"<#{telex.news.id}>\u00a0: publié le <t:{START}:f>" in reply_text


async def test_why_finds_article_by_words_or_offers_choice(telex, feed, feed_server):
    assert await explain_link(telex, "facial recognition") == await explain_link(telex, LINK)
    assert await explain_link(telex, "Unheard") == "No article in the channels you can see has these words."
    secret = telex.guild.create_text_channel("secret")
    secret_item = make_rss_item(9, title="Facial secrets", published=START)
    await follow_feed(telex, feed_server, secret_item, channel=secret, path="/2")
    hide_channel(telex, secret, telex.reader)
    assert await explain_link(telex, "Facial") == await explain_link(telex, LINK)
    answer = get_last_reply(await telex.run_as_editor("why", link="facial"))
    assert {option["label"] for option in find_menu(answer)[1]} == {
        "Facial secrets",
        "Cities ban facial recognition",
    }
    assert "Facial secrets" in read_reply_text(await select_option(telex.editor, answer, "Facial secrets"))
