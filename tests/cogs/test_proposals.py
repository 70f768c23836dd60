"""Feeds that members propose and managers accept or decline."""

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
from bot.store.records.people_records import ProposalDraft
from tests.cogs.requesters import FOREIGNER, MEMBER, create_requesters
from tests.support import message_texts
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    forge_click,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    press_button,
    read_reply_text,
    select_option,
)
from tests.support.scenario import START, list_posted_texts, make_three_rss_items

MENU = "Follow this source"


@pytest.fixture
async def alerts(telex: World) -> ChannelHandle:
    """The alert channel of a server in which everyone may propose feeds."""
    channel = telex.guild.create_text_channel("alerts")
    await telex.env.settle()
    await telex.set_preference(Preference.ALERT_CHANNEL, channel.id)
    await telex.set_preference(Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE)
    return channel


async def propose(
    world: World,
    url: str,
    reason: str = "",
    *,
    proposer: MemberActor | None = None,
    channel: ChannelHandle | None = None,
) -> str:
    """Propose the feed at an address with /propose, deliver the message to the managers and return the reply's text."""
    person = proposer or world.reader
    card = await person.slash(channel or world.news, "propose", url=url)
    if "Propose" not in list_button_labels(get_last_reply(card)):
        return read_reply_text(card)
    modal = await press_button(person, card, "Propose")
    answer = await person.submit_modal(modal, {"line": reason})
    await world.deliver()
    return read_reply_text(answer)


async def decide(world: World, channel: ChannelHandle, label: str, number: int = -1) -> InteractionResult:
    """Press a button of a proposal's message as the editor and deliver what follows."""
    reply = await world.editor.click(world.posts(channel)[number], label=label)
    await world.deliver()
    return reply


async def list_subscriptions(world: World) -> list[tuple[int, str]]:
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    return [(subscription.channel_id, feed.title) for subscription, feed in pairs]


def list_direct_message_texts(world: World) -> list[str]:
    """List the texts of the bot's direct messages to the reader."""
    channel = world.reader.user.dm_channel
    return [] if channel is None else list_posted_texts(world, channel)


def refuse_direct_message(world: World) -> None:
    """Let Discord refuse the next direct message to the reader."""
    path = f"/channels/{world.reader.user.dm_channel.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50007, message="Cannot send messages to this user")


def serve_feed(feed_server: FeedServer, name: str) -> str:
    return feed_server.serve(f"/{name}", make_rss(*make_three_rss_items(), title=name))


async def test_proposal_from_message_is_approved_and_proposer_notified(telex, feed_server, alerts):
    url = serve_feed(feed_server, "Cables")
    message = await telex.reader.send(telex.news, f"Read this: {url}")
    card = await telex.reader.context_menu(telex.news, MENU, message)
    assert get_last_reply(card).ephemeral
    assert list_button_labels(get_last_reply(card)) == ["Propose", "Cancel"]
    modal = await press_button(telex.reader, card, "Propose")
    answer = await telex.reader.submit_modal(modal, {"line": "the only ones who talk to *crews*"})
    assert read_reply_text(answer) == "Proposed **Cables**. You’ll hear what the managers decide."
    await telex.deliver()
    (post,) = telex.posts(alerts)
    text = message_texts.read_message_text(post)
    assert f"### Follow Cables?\n{telex.reader.mention} proposes it for {telex.news.mention}: “the only ones" in text
    assert r"\*crews\*" in text
    assert "Cities ban facial recognition" in text
    assert "A new browser engine" in text
    assert "Chips get smaller" not in text
    assert f"/{telex.guild.id}/{telex.news.id}/{message.id})" in text
    assert f"closes <t:{START + OPEN_SECONDS}:R>" in text
    assert telex.env.backend.get_message(alerts.id, post.id).ping_user_ids == []
    assert await list_subscriptions(telex) == []
    await telex.restart()
    confirmation = await decide(telex, alerts, "Follow")
    assert get_last_reply(confirmation).ephemeral
    assert "Now following **Cables**" in read_reply_text(confirmation)
    assert await list_subscriptions(telex) == [(telex.news.id, "Cables")]
    (post,) = telex.posts(alerts)
    assert list_controls(post) == []
    assert message_texts.read_message_text(post).splitlines() == [
        f"**Cables** is followed in {telex.news.mention}.",
        f"-# Proposed by {telex.reader.mention}, accepted by {telex.editor.mention} <t:{START}:R>",
    ]
    assert list_direct_message_texts(telex) == [
        f"Your proposal for **Newsroom** was accepted. **Cables** is now followed in {telex.news.mention}."
    ]
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Feed**: not followed → followed" in history
    await telex.deliver()
    assert len(list_direct_message_texts(telex)) == len(telex.posts(alerts)) == 1


async def test_declined_proposal_notifies_proposer_and_is_in_history(telex, feed_server, alerts):
    telex.locales[telex.reader.id] = "fr"
    card = await telex.run_as_reader("propose", url=serve_feed(feed_server, "Cables"))
    modal = await press_button(telex.reader, card, "Proposer")
    await telex.reader.submit_modal(modal, {"line": ""})
    await telex.deliver()
    assert f"{telex.reader.mention} proposes it for {telex.news.mention}." in list_posted_texts(telex, alerts)[0]
    assert read_reply_text(await decide(telex, alerts, "Decline")) == "Declined **Cables**."
    assert await list_subscriptions(telex) == []
    assert list_direct_message_texts(telex) == [
        "Votre proposition de suivre **Cables** sur **Newsroom** a été refusée."
    ]
    (text,) = list_posted_texts(telex, alerts)
    assert text.splitlines()[0] == "**Cables** isn’t followed."
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Proposal**: Cables → declined" in history


@pytest.mark.parametrize("database_engine", ["sqlite", "postgres"])
async def test_proposal_is_declined_with_reason(telex, feed_server, alerts, database_engine):
    await propose(telex, serve_feed(feed_server, "Cables"))
    await telex.restart()
    form = await telex.editor.click(telex.posts(alerts)[0], label="Decline with a reason")
    reply = await telex.editor.submit_modal(form, {"reason": "We have *two* cable feeds"})
    assert read_reply_text(reply) == "Declined **Cables**."
    await telex.deliver()
    assert list_direct_message_texts(telex) == [
        "Your proposal of **Cables** for **Newsroom** was declined.\nReason: “We have \\*two\\* cable feeds”"
    ]
    (text,) = list_posted_texts(telex, alerts)
    assert text.splitlines()[:2] == ["**Cables** isn’t followed.", "Reason: “We have \\*two\\* cable feeds”"]


async def test_proposer_sees_and_withdraws_open_proposal(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    await propose(telex, serve_feed(feed_server, "Ships"))
    listing = await telex.run_as_reader("feeds")
    assert "**Your open proposals**\n• **Cables**: closes <t:" in read_reply_text(listing)
    assert "Your open proposals" not in read_reply_text(await telex.run_as_editor("feeds"))
    listing = await select_option(telex.reader, get_last_reply(listing), "Cables", "Withdraw")
    assert "Saved" in read_reply_text(listing)
    assert "Cables" not in read_reply_text(listing)
    assert "Ships" in read_reply_text(listing)
    await telex.advance(1)
    await telex.deliver()
    assert list_posted_texts(telex, alerts)[0].splitlines()[0] == "**Cables**: the proposal was withdrawn."
    assert list_direct_message_texts(telex) == []


async def test_withdrawal_leaves_proposal_of_others(telex, feed_server, alerts):
    url = serve_feed(feed_server, "Cables")
    other_member = telex.guild.add_member(telex.env.create_user("ben"))
    await propose(telex, url)
    await propose(telex, url, proposer=other_member)
    listing = await telex.run_as_reader("feeds")
    await select_option(telex.reader, get_last_reply(listing), "Cables", "Withdraw")
    await telex.advance(1)
    await telex.deliver()
    (text,) = list_posted_texts(telex, alerts)
    assert f"{other_member.mention} proposes it for" in text
    assert telex.reader.mention not in text


async def test_own_proposal_is_refused_before_form(telex, feed_server, alerts):
    url = serve_feed(feed_server, "Cables")
    await propose(telex, url)
    card = await telex.run_as_reader("propose", url=url)
    assert read_reply_text(card) == "You’ve proposed this already. You’ll hear what the managers decide."
    assert "Propose" not in list_button_labels(get_last_reply(card))


async def test_feed_of_two_channels_is_counted_once(telex, feed_server):
    feed = await telex.follow(serve_feed(feed_server, "Cables"))
    await telex.follow(feed.url, telex.guild.create_text_channel("talk"))
    await telex.env.settle()
    assert "### 1 feed you can read" in read_reply_text(await telex.run_as_reader("feeds"))


async def test_channel_for_alerts_is_chosen_in_panel_of_proposals(telex, feed_server):
    panel = await telex.run_as_editor("settings proposals")
    menu_id = next(part["custom_id"] for part in list_controls(get_last_reply(panel)) if part["type"] == 8)
    panel = await telex.editor.select(get_last_reply(panel), [telex.news], custom_id=menu_id)
    assert await telex.store.servers.get_alert_channel_id(telex.guild.id) == telex.news.id
    panel = await telex.run_as_editor("settings proposals")
    assert f"{telex.news.mention}" in read_reply_text(panel)


async def test_form_is_named_after_its_button(telex, alerts):
    for person, label in ((telex.reader, "Propose a feed"), (telex.editor, "Follow a feed")):
        form = await person.click(get_last_reply(await person.slash(telex.news, "feeds")), label=label)
        assert form.modal["title"] == label


async def test_decision_is_posted_in_channel_if_direct_messages_closed(telex, feed_server, alerts):
    talk = telex.guild.create_text_channel("talk")
    await propose(telex, serve_feed(feed_server, "Cables"), channel=talk)
    refuse_direct_message(telex)
    await decide(telex, alerts, "Decline")
    (notice,) = telex.posts(talk)
    assert notice.content == telex.reader.mention
    assert telex.env.backend.get_message(talk.id, notice.id).ping_user_ids == [telex.reader.id]
    assert "was declined" in message_texts.read_message_text(notice)
    await propose(
        telex, serve_feed(feed_server, "Ships"), channel=talk
    )  # the bot knows by now that direct messages are closed
    await decide(telex, alerts, "Decline")
    assert [message_texts.read_message_text(message).count("declined") for message in telex.posts(talk)] == [1, 1]
    assert list_direct_message_texts(telex) == []


async def test_decision_is_not_posted_for_proposer_who_left(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    refuse_direct_message(telex)
    telex.guild.remove_member(telex.reader)
    confirmation = await decide(telex, alerts, "Follow")
    assert "Now following **Cables**" in read_reply_text(confirmation)
    await telex.deliver()
    assert not any("Your proposal" in text for text in list_posted_texts(telex))


async def test_proposals_are_off_by_default_and_can_require_role(telex, feed_server):
    url = serve_feed(feed_server, "Cables")
    assert "Members can’t propose feeds here." in await propose(telex, url)
    message = await telex.reader.send(telex.news, url)
    refusal = read_reply_text(await telex.reader.context_menu(telex.news, MENU, message))
    assert refusal.startswith("You need the Manage Server permission for this. Members can’t propose feeds here.")
    panel = await telex.run_as_editor("settings proposals")
    assert "Choose a channel for alerts first" in read_reply_text(panel)
    role = telex.guild.create_role("Scouts")
    role_menu_id = next(part["custom_id"] for part in list_controls(get_last_reply(panel)) if part["type"] == 6)
    panel = await telex.editor.select(get_last_reply(panel), [role], custom_id=role_menu_id)
    assert f"members with {role.mention}" in read_reply_text(panel)
    assert await propose(telex, url) == "Only members with the role **Scouts** can propose feeds here."
    telex.env.backend.add_member_role(telex.guild.id, telex.reader.id, role.id)
    assert "Proposed **Cables**" in await propose(telex, url)
    panel = await select_option(telex.editor, get_last_reply(panel), "Nobody")
    assert "Members can’t propose feeds here." in await propose(telex, serve_feed(feed_server, "Ships"))
    assert "**Who can propose feeds**" in read_reply_text(await telex.run_as_editor("settings history"))


async def test_propose_command_follows_feed_for_managers(telex, feed_server, alerts):
    card = await telex.run_as_editor("propose", url=serve_feed(feed_server, "Cables"))
    assert list_button_labels(get_last_reply(card)) == ["Follow", "Cancel"]


async def test_proposal_waits_for_alert_channel(telex, feed_server):
    await telex.set_preference(Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE)
    answer = await propose(telex, serve_feed(feed_server, "Cables"))
    assert "It waits until a manager chooses a channel for alerts: /feed alerts" in answer
    assert telex.posts() == []
    panel = read_reply_text(await telex.run_as_editor("settings proposals"))
    assert "1 open proposal" in panel
    await telex.run_as_editor("feed alerts", channel=telex.news)
    await telex.deliver()
    assert "### Follow Cables?" in list_posted_texts(telex)[0]


@pytest.mark.parametrize("is_online", [True, False])
async def test_proposal_survives_deletion_of_alert_channel(telex, feed_server, alerts, is_online):
    await propose(telex, serve_feed(feed_server, "Cables"))
    if is_online:
        telex.env.backend.delete_channel(alerts.id)
        await telex.env.settle()
    else:
        await telex.store.dispatches.block_channel(alerts.id, Reason(SendProblem.CHANNEL_GONE), None)
    new_alerts = telex.guild.create_text_channel("alerts-again")
    await telex.run_as_editor("feed alerts", channel=new_alerts)
    await telex.deliver()
    assert "### Follow Cables?" in list_posted_texts(telex, new_alerts)[0]
    await decide(telex, new_alerts, "Follow")
    assert await list_subscriptions(telex) == [(telex.news.id, "Cables")]
    telex.ignore_past_errors()


async def test_second_proposer_joins_proposal_of_same_feed(telex, feed_server, alerts):
    url = serve_feed(feed_server, "Cables")
    await propose(telex, url, "crews")
    assert await propose(telex, url) == "You’ve proposed this already. You’ll hear what the managers decide."
    other_member = telex.guild.add_member(telex.env.create_user("other"))
    assert "2 people want **Cables** now." in await propose(telex, url, "maps", proposer=other_member)
    (text,) = list_posted_texts(telex, alerts)
    assert f"2 people want it in {telex.news.mention}:\n• {telex.reader.mention}: “crews”" in text
    assert f"• {other_member.mention}: “maps”" in text
    await decide(telex, alerts, "Decline")
    assert len(list_direct_message_texts(telex)) == 1
    assert len(list_posted_texts(telex, other_member.user.dm_channel)) == 1


async def test_open_proposals_per_user_are_limited(telex, feed_server, alerts):
    for number in range(3):
        assert "Proposed" in await propose(telex, serve_feed(feed_server, f"Paper{number}"))
    refusal = "3 of your proposals are open here, the maximum. Wait until the managers decide."
    assert await propose(telex, serve_feed(feed_server, "Paper4")) == refusal
    await decide(telex, alerts, "Decline", 0)
    assert "Proposed" in await propose(telex, serve_feed(feed_server, "Paper4"))


async def test_blocked_proposer_is_refused_until_unblocked(telex, feed_server, alerts):
    other_member = telex.guild.add_member(telex.env.create_user("other"))
    shared_url, url = serve_feed(feed_server, "Shared"), serve_feed(feed_server, "Cables")
    await propose(telex, shared_url, proposer=other_member)
    await propose(telex, shared_url)
    await propose(telex, url)
    reply = await decide(telex, alerts, "Block this person’s proposals")
    assert f"{telex.reader.mention} can’t propose feeds here anymore." in read_reply_text(reply)
    shared_text, text = list_posted_texts(telex, alerts)
    assert f"{other_member.mention} proposes it" in shared_text
    assert telex.reader.mention not in shared_text
    assert text.startswith("**Cables** isn’t followed.")
    assert await propose(telex, url) == "A manager of this server has blocked your proposals."
    panel = await telex.run_as_editor("settings proposals")
    assert telex.reader.mention in read_reply_text(panel)
    panel = await select_option(telex.editor, get_last_reply(panel), "reader", "Unblock")
    assert telex.reader.mention not in read_reply_text(panel)
    assert "Proposed" in await propose(telex, url)


async def test_block_button_offers_choice_of_proposers(telex, feed_server, alerts):
    url = serve_feed(feed_server, "Cables")
    other_member = telex.guild.add_member(telex.env.create_user("other"))
    await propose(telex, url)
    await propose(telex, url, proposer=other_member)
    menu = await decide(telex, alerts, "Block this person’s proposals")
    reply = await select_option(telex.editor, get_last_reply(menu), "other")
    assert f"{other_member.mention} can’t propose feeds here anymore." in read_reply_text(reply)
    assert await telex.store.proposals.list_blocked_user_ids(telex.guild.id) == [other_member.id]


async def test_undecided_proposal_expires(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    telex.clock.advance(OPEN_SECONDS - 1)
    await telex.deliver()
    assert list_controls(telex.posts(alerts)[0]) != []
    telex.clock.advance(1)
    await telex.deliver()
    (post,) = telex.posts(alerts)
    assert list_controls(post) == []
    assert message_texts.read_message_text(post).startswith("**Cables**: nobody decided in time.\n-# Proposed by")
    assert list_direct_message_texts(telex) == [
        "Nobody in **Newsroom** decided on **Cables** in 14 days. You can propose it again."
    ]
    assert "Proposed" in await propose(telex, serve_feed(feed_server, "Cables"))


async def test_second_decision_reports_first_decision(telex, feed_server, alerts):
    second_manager = telex.guild.add_member(telex.env.create_user("second"), roles=[telex.guild.roles["Editors"]])
    for label, decision in (("Follow", "accepted"), ("Decline", "declined")):
        await propose(telex, serve_feed(feed_server, label))
        post = telex.posts(alerts)[-1]
        await telex.editor.click(post, label=label)
        for second_label in ("Decline", "Follow", "Block this person’s proposals"):  # before the message is edited
            reply = await second_manager.click(post, label=second_label)
            assert read_reply_text(reply) == f"{telex.editor.mention} has {decision} this proposal already."
        await telex.deliver()
    assert await list_subscriptions(telex) == [(telex.news.id, "Follow")]
    assert len(list_direct_message_texts(telex)) == 2


async def test_decline_during_fetch_prevents_approval(telex, feed_server, alerts, monkeypatch):
    await propose(telex, serve_feed(feed_server, "Cables"))
    (proposal,) = await telex.store.proposals.list_open(telex.guild.id)
    resolve = telex.newsroom.follow_service.resolve

    async def decline_meanwhile(*args: Any, **kwargs: Any) -> Any:
        await telex.store.proposals.decline(proposal.id, server_id=telex.guild.id, user_id=telex.reader.id)
        return await resolve(*args, **kwargs)

    monkeypatch.setattr(telex.newsroom.follow_service, "resolve", decline_meanwhile)
    reply = await decide(telex, alerts, "Follow")
    assert read_reply_text(reply) == f"{telex.reader.mention} has declined this proposal already."
    assert await list_subscriptions(telex) == []


async def test_decision_requires_permission(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    (post,) = telex.posts(alerts)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    for person in (telex.reader, telex.editor):
        for label in ("Follow", "Decline", "Block this person’s proposals"):
            assert "You need the Manage Server permission" in read_reply_text(await person.click(post, label=label))
    menu_id = next(part["custom_id"] for part in list_controls(post) if part["type"] == 8)
    assert "You need" in read_reply_text(await telex.reader.select(post, [alerts], custom_id=menu_id))
    assert await list_subscriptions(telex) == []
    (proposal,) = await telex.store.proposals.list_open(telex.guild.id)
    assert proposal.target_channel_id == telex.news.id


async def test_proposal_of_other_server_is_not_found(telex, feed_server):
    people = await create_requesters(telex, feed_server)
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


async def test_approved_feed_is_followed_in_chosen_channel(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    technology, hidden_channel = (telex.guild.create_text_channel(name) for name in ("technology", "hidden"))
    hide_channel(telex, hidden_channel, telex.editor)
    (post,) = telex.posts(alerts)
    menu_id = next(part["custom_id"] for part in list_controls(post) if part["type"] == 8)
    resolved = {
        "channels": {
            str(hidden_channel.id): {"id": str(hidden_channel.id), "type": 0, "name": "hidden", "permissions": "0"}
        }
    }
    refusal = await forge_click(
        telex.editor, alerts, post, menu_id, values=[str(hidden_channel.id)], component_type=8, resolved=resolved
    )
    assert "You can’t choose a channel you can’t see." in read_reply_text(refusal)
    await telex.editor.select(post, [technology], custom_id=menu_id)
    assert f"proposes it for {technology.mention}" in list_posted_texts(telex, alerts)[0], "not shown at once"
    await telex.advance(1)  # The first edit is due in this second.
    await telex.deliver()
    assert f"proposes it for {technology.mention}" in list_posted_texts(telex, alerts)[0]
    await decide(telex, alerts, "Follow")
    assert await list_subscriptions(telex) == [(technology.id, "Cables")]


async def test_proposal_stays_open_when_feed_is_gone(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"))
    feed_server.serve("/Cables", "gone", status=410)
    reply = read_reply_text(await decide(telex, alerts, "Follow"))
    assert "I can’t read **Cables** anymore. The proposal stays open" in reply
    feed_server.serve("/other", make_rss(make_rss_item(5), title="Another feed"))
    head = "<html><head><link rel=alternate type=application/rss+xml href=/other></head></html>"
    feed_server.serve("/Cables", head, content_type="text/html")
    assert "I can’t read **Cables** anymore" in read_reply_text(await decide(telex, alerts, "Follow"))
    assert await list_subscriptions(telex) == []
    assert "### Follow Cables?" in list_posted_texts(telex, alerts)[0]
    serve_feed(feed_server, "Cables")
    assert "Now following **Cables**" in read_reply_text(await decide(telex, alerts, "Follow"))


async def test_private_address_and_site_without_feed_are_refused(telex, feed_server, alerts):
    assert "private" in await propose(telex, "http://10.0.0.1/feed")
    feed_server.serve("/", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    page = feed_server.serve("/only", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    assert "I found no feed at 127.0.0.1" in await propose(telex, page)
    assert "I don’t know an outlet called" in await propose(telex, "no such outlet anywhere")


async def test_page_list_can_be_proposed(telex, feed_server, alerts):
    entries = "".join(f"<li><h2><a href=/news/{number}>Headline number {number}</a></h2></li>" for number in range(9))
    page = feed_server.serve("/", f"<html><body><ul>{entries}</ul></body></html>", content_type="text/html")
    assert "Proposed" in await propose(telex, page)
    await decide(telex, alerts, "Follow")
    assert len(await list_subscriptions(telex)) == 1


async def test_secret_in_proposed_url_is_masked(telex, feed_server, alerts):
    secret_item = make_rss_item(1).replace("articles/1<", "articles/1?token=hunter2<")
    feed_server.serve("/rss", make_rss(secret_item, title="Private paper"))
    await propose(telex, f"{feed_server.origin}/rss?token=hunter2")
    (text,) = list_posted_texts(telex, alerts)
    assert "token" in text
    assert "hunter2" not in text
    await decide(telex, alerts, "Follow")
    feeds = read_reply_text(await telex.run_as_reader("feeds"))
    assert "**Private paper**" in feeds
    assert "token" in feeds
    assert "hunter2" not in feeds
    assert "hunter2" not in " ".join((*list_direct_message_texts(telex), *list_posted_texts(telex, alerts)))


async def test_feeds_command_lists_only_visible_channels(telex, feed_server):
    empty = await telex.run_as_reader("feeds")
    assert read_reply_text(empty) == "### No feed posts in a channel that you can see."
    hidden_channel, deleted_channel = (telex.guild.create_text_channel(name) for name in ("hidden", "deleted"))
    await telex.follow(serve_feed(feed_server, "Cables"))
    for name, channel in (("Hidden", hidden_channel), ("Deleted", deleted_channel)):
        feed = await telex.follow(serve_feed(feed_server, name), channel)
        await telex.poll(feed)
    hide_channel(telex, hidden_channel, telex.reader)
    telex.env.backend.delete_channel(deleted_channel.id)
    await telex.env.settle()
    reply = await telex.run_as_reader("feeds")
    assert get_last_reply(reply).ephemeral
    assert "### 1 feed you can read" in read_reply_text(reply)
    assert "Hidden" not in read_reply_text(reply)
    assert "Deleted" not in read_reply_text(reply)
    assert list_button_labels(get_last_reply(reply)) == []
    assert "Hidden" in read_reply_text(await telex.run_as_editor("feeds"))


async def test_feeds_command_offers_to_propose_or_follow(telex, feed_server, alerts):
    telex.locales[telex.reader.id] = "fr"
    listing = await telex.run_as_reader("feeds")
    modal = await press_button(telex.reader, listing, "Proposer un flux")
    card = await telex.reader.submit_modal(modal, {"line": serve_feed(feed_server, "Cables")})
    assert "Proposer" in list_button_labels(get_last_reply(card))
    listing = await telex.run_as_editor("feeds")
    assert list_button_labels(get_last_reply(listing)) == ["Follow a feed"]


async def test_followed_feed_can_be_proposed_only_if_hidden(telex, feed_server, alerts):
    feed = await telex.follow(serve_feed(feed_server, "Cables"))
    await telex.poll(feed)
    assert f"is in {telex.news.mention} already." in await propose(telex, feed.url)
    hidden_channel = telex.guild.create_text_channel("hidden")
    await telex.follow(serve_feed(feed_server, "Hidden"), hidden_channel)
    hide_channel(telex, hidden_channel, telex.reader)
    assert "Proposed **Hidden**" in await propose(telex, serve_feed(feed_server, "Hidden"))


async def test_proposals_are_exported_and_deleted_with_user_data(telex, feed_server, alerts):
    await propose(telex, serve_feed(feed_server, "Cables"), "crews")
    panel = await telex.run_as_reader("privacy")
    assert "1 proposal of a feed" in read_reply_text(panel)
    export = await press_button(telex.reader, panel, "Export")
    export_bytes = telex.env.backend.cdn.get(get_last_reply(export).attachments[0].url)
    (exported_proposal,) = json.loads(export_bytes.decode())["proposals"]
    assert (exported_proposal["feed"], exported_proposal["reason"], exported_proposal["decision"]) == (
        "Cables",
        "crews",
        None,
    )
    confirmation = await press_button(telex.reader, panel, "Delete everything")
    deletion_reply = await press_button(telex.reader, confirmation, "Delete permanently")
    assert "1 proposal" in read_reply_text(deletion_reply)
    await telex.deliver()
    (text,) = list_posted_texts(telex, alerts)
    assert text.splitlines()[0] == "**Cables**: the proposal was withdrawn."
    assert telex.reader.mention not in text
    assert list_controls(telex.posts(alerts)[0]) == []


async def test_open_proposals_per_server_are_limited(telex, feed_server, alerts):
    drafts = [make_draft(telex, alerts, number) for number in range(MAX_OPEN_PER_SERVER + 50)]
    outcomes = await asyncio.gather(*map(telex.store.proposals.add, drafts), return_exceptions=True)
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == MAX_OPEN_PER_SERVER
    joining_drafts = [make_draft(telex, alerts, 0, user_id=5_000 + number) for number in range(50)]
    outcomes = await asyncio.gather(*map(telex.store.proposals.add, joining_drafts), return_exceptions=True)
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == MAX_PROPOSERS - 1
    await telex.deliver()
    assert len(telex.posts(alerts)) == MAX_OPEN_PER_SERVER
    reply = await telex.run_as_editor("feed add", url=serve_feed(feed_server, "Cables"))
    assert "Follow **Cables**" in read_reply_text(reply)


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
