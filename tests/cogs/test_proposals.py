"""Members propose feeds, managers decide: who may, what they see, and what happens at the same moment."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.results import InteractionResult

from bot.core.preferences import PROPOSALS_FROM_EVERYONE, Preference
from bot.core.reasons import Reason, SendProblem
from bot.posting.rendering import buttons
from bot.store.people.proposals import MAX_OPEN_PER_SERVER, MAX_PROPOSERS, OPEN_SECONDS
from bot.store.records.proposal_records import ProposalDraft
from tests.cogs.people import FOREIGNER, MEMBER, create_crowd
from tests.support import message_texts
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    button_labels,
    choose,
    components,
    forge_click,
    hide_channel,
    last_reply,
    message_text,
)
from tests.support.scenario import START, posted_texts, three_items

MENU = "Follow this source"


@pytest.fixture
async def alerts(telex: World) -> ChannelHandle:
    """A channel for alerts in a server where everyone may propose feeds."""
    channel = telex.guild.create_text_channel("alerts")
    await telex.env.settle()
    await telex.set_preference(Preference.ALERT_CHANNEL, channel.id)
    await telex.set_preference(Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE)
    return channel


async def propose(
    world: World, url: str, reason: str = "", *, who: MemberActor | None = None, channel: ChannelHandle | None = None
) -> str:
    """Propose the feed at an address with the command; return the answer, once the managers have the message."""
    person = who or world.reader
    card = await person.slash(channel or world.news, "propose", url=url)
    if "Propose" not in button_labels(last_reply(card)):
        return message_text(card)
    modal = await person.click(last_reply(card), label="Propose")
    answer = await person.submit_modal(modal, {"line": reason})
    await world.deliver()
    return message_text(answer)


async def decide(world: World, channel: ChannelHandle, label: str, number: int = -1) -> InteractionResult:
    """Press a button of a proposal's message as the editor."""
    reply = await world.editor.click(world.posts(channel)[number], label=label)
    await world.deliver()
    return reply


async def subscriptions(world: World) -> list[tuple[int, str]]:
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    return [(subscription.channel_id, feed.title) for subscription, feed in pairs]


def direct_messages(world: World) -> list[str]:
    """What the bot wrote to the reader directly."""
    channel = world.reader.user.dm_channel
    return [] if channel is None else posted_texts(world, channel)


def refuse_direct_message(world: World) -> None:
    """Let Discord refuse the next direct message to the reader."""
    path = f"/channels/{world.reader.user.dm_channel.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50007, message="Cannot send messages to this user")


def serve(feed_server: FeedServer, name: str) -> str:
    return feed_server.serve(f"/{name}", make_rss(*three_items(), title=name))


async def test_a_proposal_from_a_message_is_approved_and_its_proposer_hears_of_it(telex, feed_server, alerts):
    url = serve(feed_server, "Cables")
    message = await telex.reader.send(telex.news, f"Read this: {url}")
    card = await telex.reader.context_menu(telex.news, MENU, message)
    assert last_reply(card).ephemeral
    assert button_labels(last_reply(card)) == ["Propose", "Cancel"]
    modal = await telex.reader.click(last_reply(card), label="Propose")
    answer = await telex.reader.submit_modal(modal, {"line": "the only ones who talk to *crews*"})
    assert message_text(answer) == "Proposed **Cables**. You’ll hear what the managers decide."
    await telex.deliver()
    (post,) = telex.posts(alerts)
    text = message_texts.text(post)
    assert f"### Follow Cables?\n{telex.reader.mention} proposes it for {telex.news.mention}: “the only ones" in text
    assert r"\*crews\*" in text
    assert "Cities ban facial recognition" in text
    assert "A new browser engine" in text
    assert "Chips get smaller" not in text
    assert f"/{telex.guild.id}/{telex.news.id}/{message.id})" in text
    assert f"closes <t:{START + OPEN_SECONDS}:R>" in text
    assert telex.env.backend.get_message(alerts.id, post.id).ping_user_ids == []
    assert await subscriptions(telex) == []
    await telex.restart()
    confirmation = await decide(telex, alerts, "Follow")
    assert last_reply(confirmation).ephemeral
    assert "Now following **Cables**" in message_text(confirmation)
    assert await subscriptions(telex) == [(telex.news.id, "Cables")]
    (post,) = telex.posts(alerts)
    assert components(post) == []
    assert message_texts.text(post).splitlines() == [
        f"**Cables** is followed in {telex.news.mention}.",
        f"-# Proposed by {telex.reader.mention}, accepted by {telex.editor.mention} <t:{START}:R>",
    ]
    assert direct_messages(telex) == [
        f"Your proposal for **Newsroom** was accepted. **Cables** is now followed in {telex.news.mention}."
    ]
    history = message_text(await telex.editor.slash(telex.news, "settings history"))
    assert "**Feed**: not followed → followed" in history
    await telex.deliver()
    assert len(direct_messages(telex)) == len(telex.posts(alerts)) == 1


async def test_declining_says_only_the_outcome_and_leaves_a_line_in_the_history(telex, feed_server, alerts):
    telex.locales[telex.reader.id] = "fr"
    card = await telex.reader.slash(telex.news, "propose", url=serve(feed_server, "Cables"))
    modal = await telex.reader.click(last_reply(card), label="Proposer")
    await telex.reader.submit_modal(modal, {"line": ""})
    await telex.deliver()
    assert f"{telex.reader.mention} proposes it for {telex.news.mention}." in posted_texts(telex, alerts)[0]
    assert message_text(await decide(telex, alerts, "Decline")) == "Declined **Cables**."
    assert await subscriptions(telex) == []
    assert direct_messages(telex) == ["Votre proposition de suivre **Cables** sur **Newsroom** a été refusée."]
    (text,) = posted_texts(telex, alerts)
    assert text.splitlines()[0] == "**Cables** isn’t followed."
    history = message_text(await telex.editor.slash(telex.news, "settings history"))
    assert "**Proposal**: Cables → declined" in history


async def test_where_direct_messages_are_closed_the_outcome_is_told_in_the_channel(telex, feed_server, alerts):
    talk = telex.guild.create_text_channel("talk")
    await propose(telex, serve(feed_server, "Cables"), channel=talk)
    refuse_direct_message(telex)
    await decide(telex, alerts, "Decline")
    (notice,) = telex.posts(talk)
    assert notice.content == telex.reader.mention
    assert telex.env.backend.get_message(talk.id, notice.id).ping_user_ids == [telex.reader.id]
    assert "was declined" in message_texts.text(notice)
    await propose(telex, serve(feed_server, "Ships"), channel=talk)  # now it is known that they are closed
    await decide(telex, alerts, "Decline")
    assert [message_texts.text(message).count("declined") for message in telex.posts(talk)] == [1, 1]
    assert direct_messages(telex) == []


async def test_who_left_is_told_nothing_where_others_read_it(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"))
    refuse_direct_message(telex)
    telex.guild.remove_member(telex.reader)
    confirmation = await decide(telex, alerts, "Follow")
    assert "Now following **Cables**" in message_text(confirmation)
    await telex.deliver()
    assert not any("Your proposal" in text for text in posted_texts(telex))


async def test_it_is_off_until_a_manager_allows_it_and_may_be_for_a_role(telex, feed_server):
    url = serve(feed_server, "Cables")
    assert "Members can’t propose feeds here." in await propose(telex, url)
    message = await telex.reader.send(telex.news, url)
    refusal = message_text(await telex.reader.context_menu(telex.news, MENU, message))
    assert refusal.startswith("You need the Manage Server permission for this. Members can’t propose feeds here.")
    panel = await telex.editor.slash(telex.news, "settings proposals")
    assert "Choose a channel for alerts first" in message_text(panel)
    role = telex.guild.create_role("Scouts")
    role_menu_id = next(part["custom_id"] for part in components(last_reply(panel)) if part["type"] == 6)
    panel = await telex.editor.select(last_reply(panel), [role], custom_id=role_menu_id)
    assert f"members with {role.mention}" in message_text(panel)
    assert await propose(telex, url) == "Only members with the role **Scouts** can propose feeds here."
    telex.env.backend.add_member_role(telex.guild.id, telex.reader.id, role.id)
    assert "Proposed **Cables**" in await propose(telex, url)
    panel = await choose(telex.editor, last_reply(panel), "Nobody")
    assert "Members can’t propose feeds here." in await propose(telex, serve(feed_server, "Ships"))
    assert "**Who can propose feeds**" in message_text(await telex.editor.slash(telex.news, "settings history"))


async def test_who_may_manage_feeds_follows_with_the_same_command(telex, feed_server, alerts):
    card = await telex.editor.slash(telex.news, "propose", url=serve(feed_server, "Cables"))
    assert button_labels(last_reply(card)) == ["Follow", "Cancel"]


async def test_without_a_channel_for_alerts_the_proposal_waits_for_one(telex, feed_server):
    await telex.set_preference(Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE)
    answer = await propose(telex, serve(feed_server, "Cables"))
    assert "It waits until a manager chooses a channel for alerts: /feed alerts" in answer
    assert telex.posts() == []
    panel = message_text(await telex.editor.slash(telex.news, "settings proposals"))
    assert "1 open proposal" in panel
    await telex.editor.slash(telex.news, "feed alerts", channel=telex.news)
    await telex.deliver()
    assert "### Follow Cables?" in posted_texts(telex)[0]


@pytest.mark.parametrize("is_online", [True, False])
async def test_a_deleted_channel_for_alerts_loses_no_proposal(telex, feed_server, alerts, is_online):
    await propose(telex, serve(feed_server, "Cables"))
    if is_online:
        telex.env.backend.delete_channel(alerts.id)
        await telex.env.settle()
    else:
        await telex.store.dispatches.block_channel(alerts.id, Reason(SendProblem.CHANNEL_GONE), None)
    new_alerts = telex.guild.create_text_channel("alerts-again")
    await telex.editor.slash(telex.news, "feed alerts", channel=new_alerts)
    await telex.deliver()
    assert "### Follow Cables?" in posted_texts(telex, new_alerts)[0]
    await decide(telex, new_alerts, "Follow")
    assert await subscriptions(telex) == [(telex.news.id, "Cables")]
    telex.ignore_past_errors()


async def test_the_same_feed_joins_the_first_proposal_and_all_hear_of_it(telex, feed_server, alerts):
    url = serve(feed_server, "Cables")
    await propose(telex, url, "crews")
    assert await propose(telex, url) == "You’ve proposed this already. You’ll hear what the managers decide."
    other = telex.guild.add_member(telex.env.create_user("other"))
    assert "2 people want **Cables** now." in await propose(telex, url, "maps", who=other)
    (text,) = posted_texts(telex, alerts)
    assert f"2 people want it in {telex.news.mention}:\n• {telex.reader.mention}: “crews”" in text
    assert f"• {other.mention}: “maps”" in text
    await decide(telex, alerts, "Decline")
    assert len(direct_messages(telex)) == 1
    assert len(posted_texts(telex, other.user.dm_channel)) == 1


async def test_three_proposals_of_a_person_are_open_at_most(telex, feed_server, alerts):
    for number in range(3):
        assert "Proposed" in await propose(telex, serve(feed_server, f"Paper{number}"))
    refusal = "3 of your proposals are open here, the maximum. Wait until the managers decide."
    assert await propose(telex, serve(feed_server, "Paper4")) == refusal
    await decide(telex, alerts, "Decline", 0)
    assert "Proposed" in await propose(telex, serve(feed_server, "Paper4"))


async def test_who_is_blocked_proposes_nothing_until_a_manager_undoes_it(telex, feed_server, alerts):
    other = telex.guild.add_member(telex.env.create_user("other"))
    shared, url = serve(feed_server, "Shared"), serve(feed_server, "Cables")
    await propose(telex, shared, who=other)
    await propose(telex, shared)
    await propose(telex, url)
    reply = await decide(telex, alerts, "Block this person’s proposals")
    assert f"{telex.reader.mention} can’t propose feeds here anymore." in message_text(reply)
    shared_text, text = posted_texts(telex, alerts)
    assert f"{other.mention} proposes it" in shared_text
    assert telex.reader.mention not in shared_text
    assert text.startswith("**Cables** isn’t followed.")
    assert await propose(telex, url) == "A manager of this server has blocked your proposals."
    panel = await telex.editor.slash(telex.news, "settings proposals")
    assert telex.reader.mention in message_text(panel)
    panel = await choose(telex.editor, last_reply(panel), "reader", "Unblock")
    assert telex.reader.mention not in message_text(panel)
    assert "Proposed" in await propose(telex, url)


async def test_of_several_people_the_one_to_block_is_chosen(telex, feed_server, alerts):
    url = serve(feed_server, "Cables")
    other = telex.guild.add_member(telex.env.create_user("other"))
    await propose(telex, url)
    await propose(telex, url, who=other)
    menu = await decide(telex, alerts, "Block this person’s proposals")
    reply = await choose(telex.editor, last_reply(menu), "other")
    assert f"{other.mention} can’t propose feeds here anymore." in message_text(reply)
    assert await telex.store.proposals.list_blocked_user_ids(telex.guild.id) == [other.id]


async def test_nobody_decides_and_it_closes_after_fourteen_days(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"))
    telex.clock.advance(OPEN_SECONDS - 1)
    await telex.deliver()
    assert components(telex.posts(alerts)[0]) != []
    telex.clock.advance(1)
    await telex.deliver()
    (post,) = telex.posts(alerts)
    assert components(post) == []
    assert message_texts.text(post).startswith("**Cables**: nobody decided in time.\n-# Proposed by")
    assert direct_messages(telex) == [
        "Nobody in **Newsroom** decided on **Cables** in 14 days. You can propose it again."
    ]
    assert "Proposed" in await propose(telex, serve(feed_server, "Cables"))


async def test_the_second_manager_is_told_who_decided(telex, feed_server, alerts):
    second = telex.guild.add_member(telex.env.create_user("second"), roles=[telex.guild.roles["Editors"]])
    for label, decision in (("Follow", "accepted"), ("Decline", "declined")):
        await propose(telex, serve(feed_server, label))
        post = telex.posts(alerts)[-1]
        await telex.editor.click(post, label=label)
        for second_label in ("Decline", "Follow", "Block this person’s proposals"):  # before the message is edited
            reply = await second.click(post, label=second_label)
            assert message_text(reply) == f"{telex.editor.mention} has {decision} this proposal already."
        await telex.deliver()
    assert await subscriptions(telex) == [(telex.news.id, "Follow")]
    assert len(direct_messages(telex)) == 2


async def test_a_decision_while_the_feed_is_fetched_is_not_overruled(telex, feed_server, alerts, monkeypatch):
    await propose(telex, serve(feed_server, "Cables"))
    (proposal,) = await telex.store.proposals.list_open(telex.guild.id)
    resolve = telex.newsroom.follow_service.resolve

    async def decline_meanwhile(*args: Any, **kwargs: Any) -> Any:
        await telex.store.proposals.decline(proposal.id, server_id=telex.guild.id, user_id=telex.reader.id)
        return await resolve(*args, **kwargs)

    monkeypatch.setattr(telex.newsroom.follow_service, "resolve", decline_meanwhile)
    reply = await decide(telex, alerts, "Follow")
    assert message_text(reply) == f"{telex.reader.mention} has declined this proposal already."
    assert await subscriptions(telex) == []


async def test_only_who_manages_feeds_at_that_moment_decides(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"))
    (post,) = telex.posts(alerts)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    for person in (telex.reader, telex.editor):
        for label in ("Follow", "Decline", "Block this person’s proposals"):
            assert "You need the Manage Server permission" in message_text(await person.click(post, label=label))
    menu_id = next(part["custom_id"] for part in components(post) if part["type"] == 8)
    assert "You need" in message_text(await telex.reader.select(post, [alerts], custom_id=menu_id))
    assert await subscriptions(telex) == []
    (proposal,) = await telex.store.proposals.list_open(telex.guild.id)
    assert proposal.target_channel_id == telex.news.id


async def test_a_proposal_of_another_server_does_not_exist_here(telex, feed_server):
    people = await create_crowd(telex, feed_server)
    proposal, _is_new = await telex.store.proposals.add(make_draft(telex, telex.news, 1))
    message = telex.posts()[0]
    forgeries: list[tuple[str, list[str] | None]] = [
        (buttons.APPROVE_PROPOSAL_BUTTON.custom_id(proposal.id), None),
        (buttons.DECLINE_PROPOSAL_BUTTON.custom_id(proposal.id), None),
        (buttons.BLOCK_PROPOSER_BUTTON.custom_id(proposal.id), None),
        (f"telex:proposal-channel:{proposal.id}", [str(people.vault.id)]),
    ]
    for custom_id, values in forgeries:
        assert (await people.click(FOREIGNER, message, custom_id, values)).startswith("This proposal no longer exists.")
        assert "You need the" in await people.click(MEMBER, message, custom_id, values)
    assert await telex.store.proposals.list_open(telex.guild.id) == [proposal]


async def test_the_feed_is_followed_in_the_channel_that_the_manager_chose(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"))
    technology, hidden = (telex.guild.create_text_channel(name) for name in ("technology", "hidden"))
    hide_channel(telex, hidden, telex.editor)
    (post,) = telex.posts(alerts)
    menu_id = next(part["custom_id"] for part in components(post) if part["type"] == 8)
    resolved = {"channels": {str(hidden.id): {"id": str(hidden.id), "type": 0, "name": "hidden", "permissions": "0"}}}
    refusal = await forge_click(
        telex.editor, alerts, post, menu_id, values=[str(hidden.id)], component_type=8, resolved=resolved
    )
    assert "You can’t choose a channel you can’t see." in message_text(refusal)
    await telex.editor.select(post, [technology], custom_id=menu_id)
    await telex.advance(1)  # The first edit is due in this second.
    await telex.deliver()
    assert f"proposes it for {technology.mention}" in posted_texts(telex, alerts)[0]
    await decide(telex, alerts, "Follow")
    assert await subscriptions(telex) == [(technology.id, "Cables")]


async def test_a_feed_that_is_gone_when_it_is_approved_stays_proposed(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"))
    feed_server.serve("/Cables", "gone", status=410)
    reply = message_text(await decide(telex, alerts, "Follow"))
    assert "I can’t read **Cables** anymore. The proposal stays open" in reply
    feed_server.serve("/other", make_rss(make_rss_item(5), title="Another feed"))
    head = "<html><head><link rel=alternate type=application/rss+xml href=/other></head></html>"
    feed_server.serve("/Cables", head, content_type="text/html")
    assert "I can’t read **Cables** anymore" in message_text(await decide(telex, alerts, "Follow"))
    assert await subscriptions(telex) == []
    assert "### Follow Cables?" in posted_texts(telex, alerts)[0]
    serve(feed_server, "Cables")
    assert "Now following **Cables**" in message_text(await decide(telex, alerts, "Follow"))


async def test_private_addresses_and_sites_without_a_feed_are_not_proposed(telex, feed_server, alerts):
    assert "private" in await propose(telex, "http://10.0.0.1/feed")
    feed_server.serve("/", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    page = feed_server.serve("/only", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    assert "I found no feed at 127.0.0.1" in await propose(telex, page)
    assert "I don’t know an outlet called" in await propose(telex, "no such outlet anywhere")


async def test_a_list_of_articles_is_proposed_like_a_feed(telex, feed_server, alerts):
    entries = "".join(f"<li><h2><a href=/news/{number}>Headline number {number}</a></h2></li>" for number in range(9))
    page = feed_server.serve("/", f"<html><body><ul>{entries}</ul></body></html>", content_type="text/html")
    assert "Proposed" in await propose(telex, page)
    await decide(telex, alerts, "Follow")
    assert len(await subscriptions(telex)) == 1


async def test_secrets_in_addresses_are_shown_to_nobody(telex, feed_server, alerts):
    secret_item = make_rss_item(1).replace("articles/1<", "articles/1?token=hunter2<")
    feed_server.serve("/rss", make_rss(secret_item, title="Private paper"))
    await propose(telex, f"{feed_server.origin}/rss?token=hunter2")
    (text,) = posted_texts(telex, alerts)
    assert "token" in text
    assert "hunter2" not in text
    await decide(telex, alerts, "Follow")
    feeds = message_text(await telex.reader.slash(telex.news, "feeds"))
    assert "**Private paper**" in feeds
    assert "token" in feeds
    assert "hunter2" not in feeds
    assert "hunter2" not in " ".join((*direct_messages(telex), *posted_texts(telex, alerts)))


async def test_members_list_only_feeds_of_channels_that_they_can_view(telex, feed_server):
    empty = await telex.reader.slash(telex.news, "feeds")
    assert message_text(empty) == "### No feed posts in a channel that you can see."
    hidden, deleted = (telex.guild.create_text_channel(name) for name in ("hidden", "deleted"))
    await telex.follow(serve(feed_server, "Cables"))
    for name, channel in (("Hidden", hidden), ("Deleted", deleted)):
        feed = await telex.follow(serve(feed_server, name), channel)
        await telex.poll(feed)
    hide_channel(telex, hidden, telex.reader)
    telex.env.backend.delete_channel(deleted.id)
    await telex.env.settle()
    reply = await telex.reader.slash(telex.news, "feeds")
    assert last_reply(reply).ephemeral
    assert "### 1 feed you can read" in message_text(reply)
    assert "Hidden" not in message_text(reply)
    assert "Deleted" not in message_text(reply)
    assert button_labels(last_reply(reply)) == []
    assert "Hidden" in message_text(await telex.editor.slash(telex.news, "feeds"))


async def test_the_list_of_feeds_has_a_button_to_propose_another(telex, feed_server, alerts):
    telex.locales[telex.reader.id] = "fr"
    listing = await telex.reader.slash(telex.news, "feeds")
    modal = await telex.reader.click(last_reply(listing), label="Proposer un flux")
    card = await telex.reader.submit_modal(modal, {"line": serve(feed_server, "Cables")})
    assert "Proposer" in button_labels(last_reply(card))
    listing = await telex.editor.slash(telex.news, "feeds")
    assert button_labels(last_reply(listing)) == ["Follow a feed"]


async def test_a_feed_that_members_can_read_is_not_proposed_again(telex, feed_server, alerts):
    feed = await telex.follow(serve(feed_server, "Cables"))
    await telex.poll(feed)
    assert f"is in {telex.news.mention} already." in await propose(telex, feed.url)
    hidden = telex.guild.create_text_channel("hidden")
    await telex.follow(serve(feed_server, "Hidden"), hidden)
    hide_channel(telex, hidden, telex.reader)
    assert "Proposed **Hidden**" in await propose(telex, serve(feed_server, "Hidden"))


async def test_proposals_are_exported_and_go_with_the_deletion(telex, feed_server, alerts):
    await propose(telex, serve(feed_server, "Cables"), "crews")
    panel = await telex.reader.slash(telex.news, "privacy")
    assert "1 proposal of a feed" in message_text(panel)
    export = await telex.reader.click(last_reply(panel), label="Export")
    stored = telex.env.backend.cdn.get(last_reply(export).attachments[0].url)
    (record,) = json.loads(stored.decode())["proposals"]
    assert (record["feed"], record["reason"], record["decision"]) == ("Cables", "crews", None)
    confirmation = await telex.reader.click(last_reply(panel), label="Delete everything")
    done = await telex.reader.click(last_reply(confirmation), label="Delete permanently")
    assert "1 proposal" in message_text(done)
    await telex.deliver()
    (text,) = posted_texts(telex, alerts)
    assert text.splitlines()[0] == "**Cables**: the proposal was withdrawn."
    assert telex.reader.mention not in text
    assert components(telex.posts(alerts)[0]) == []


async def test_a_flood_of_proposals_stops_at_a_limit_and_holds_up_no_manager(telex, feed_server, alerts):
    drafts = [make_draft(telex, alerts, number) for number in range(MAX_OPEN_PER_SERVER + 50)]
    results = await asyncio.gather(*map(telex.store.proposals.add, drafts), return_exceptions=True)
    assert sum(isinstance(result, tuple) for result in results) == MAX_OPEN_PER_SERVER
    joins = [make_draft(telex, alerts, 0, user_id=5_000 + number) for number in range(50)]
    results = await asyncio.gather(*map(telex.store.proposals.add, joins), return_exceptions=True)
    assert sum(isinstance(result, tuple) for result in results) == MAX_PROPOSERS - 1
    await telex.deliver()
    assert len(telex.posts(alerts)) == MAX_OPEN_PER_SERVER
    reply = await telex.editor.slash(telex.news, "feed add", url=serve(feed_server, "Cables"))
    assert "Follow **Cables**" in message_text(reply)


def make_draft(world: World, channel: ChannelHandle, number: int, *, user_id: int | None = None) -> ProposalDraft:
    preview = {
        "title": f"Paper {number}",
        "address": "paper.example",
        "icon_url": None,
        "article_count": 0,
        "articles_per_week": None,
        "articles": [],
    }
    return ProposalDraft(
        server_id=world.guild.id,
        target_channel_id=world.news.id,
        url=f"https://paper.example/{number}",
        title=f"Paper {number}",
        preview=json.dumps(preview),
        user_id=user_id or 1_000 + number,
        reason="",
        language="en",
        channel_id=channel.id,
        message_id=None,
        dm_channel_id=None,
    )
