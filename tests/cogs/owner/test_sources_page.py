"""Sources that the operator blocks in /owner, and limits of a server."""

from __future__ import annotations

from simcord.results import InteractionResult

from tests.cogs.owner.owner_server import OwnerServer
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_last_reply, read_reply_text, select_option
from tests.support.scenario import follow_feed, list_posted_texts


async def submit_block_form(office: OwnerServer, page: InteractionResult, source: str) -> InteractionResult:
    return await office.operator.submit_modal(await office.click(page, "Block…"), {"source": source})


async def test_operator_blocks_and_unblocks_source(office, feed_server):
    telex, operator = office.world, office.operator
    feed = await follow_feed(telex, feed_server)
    await telex.follow(feed.url, office.guild.create_text_channel("own"))
    panel = await operator.slash(office.channel, "owner")
    page = await select_option(operator, get_last_reply(panel), "Blocked sources", "Page")
    assert "None." in read_reply_text(page)
    assert "Enter a domain such as news.example" in read_reply_text(await submit_block_form(office, page, "com"))
    assert "co.uk holds the sites of many publishers." in read_reply_text(
        await submit_block_form(office, page, "www.co.uk")
    )
    question = await submit_block_form(office, page, feed.url)
    assert "Block **127.0.0.1/rss**?" in read_reply_text(question)
    effect = "This stops 1 feed in 2 servers. An alert tells each server. Your own server is one of them."
    assert effect in read_reply_text(question)
    blocked_page = await office.click(question, "Block")
    assert "**127.0.0.1/rss** · <t:" in read_reply_text(blocked_page)
    second_page = await office.click(await submit_block_form(office, blocked_page, "127.0.0.1/RSS"), "Block")
    assert "127.0.0.1/RSS is blocked already." in read_reply_text(second_page)
    await telex.deliver()
    assert "Whoever runs this bot has blocked 127.0.0.1/rss." in list_posted_texts(telex)[-1]

    feed_list = read_reply_text(await telex.run_as_editor("feed list"))
    assert "⛔" in feed_list
    assert "Whoever runs this bot has blocked this site." in feed_list
    telex.locales[telex.reader.id] = "fr"
    why = read_reply_text(await telex.run_as_reader("why", link="https://news.example/articles/1"))
    assert "⛔ bloqué par la personne qui gère ce bot (<t:" in why
    refusal = await telex.run_as_editor("feed add", url=f"{feed.url}/other")
    assert read_reply_text(refusal) == "Whoever runs this bot has blocked this site."
    save_reply = await telex.run_as_reader("save", link=feed.url)
    assert read_reply_text(save_reply) == "La personne qui gère ce bot a bloqué ce site."

    unblocked_page = await select_option(operator, get_last_reply(blocked_page), "127.0.0.1/rss", "Unblock")
    assert "None." in read_reply_text(unblocked_page)
    feed_server.serve("/rss", make_rss(make_rss_item(9, published=telex.clock.now())))
    await telex.poll_and_deliver(feed)
    assert "Article 9" in "\n".join(list_posted_texts(telex)[-2:])


async def test_operator_changes_limits_of_server(office, feed_server):
    telex, operator = office.world, office.operator
    await follow_feed(telex, feed_server)
    panel = await operator.slash(office.channel, "owner")
    server_page = await select_option(operator, get_last_reply(panel), "Newsroom", "Open")
    page = await office.click(server_page, "Limits…")
    assert "Feeds — **1 of 200**" in read_reply_text(page)
    texts = {"feeds": "1", "watches": "", "digests": ""}
    changed_page = await operator.submit_modal(await office.click(page, "Change…"), texts)
    assert "Feeds — **1 of 1** · only for this server" in read_reply_text(changed_page)
    refusal = await telex.run_as_editor("feed add", url=feed_server.serve("/two", make_rss(make_rss_item(2))))
    assert "its limit of 1 feed, set by whoever runs this bot" in read_reply_text(refusal)
    invalid_reply = await operator.submit_modal(await office.click(changed_page, "Change…"), texts | {"digests": "-1"})
    assert read_reply_text(invalid_reply) == "Enter whole numbers up to 100,000."
    (entry,) = await telex.store.audit_log.list_entries()
    assert (entry.user_id, entry.server_id, entry.details) == (operator.id, telex.guild.id, {"limits": "feeds=1"})
