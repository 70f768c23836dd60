"""Notices to all servers: written and sent in /owner, posted in alert channels, opted out of by managers."""

from __future__ import annotations

from simcord.results import InteractionResult

from bot.core.preferences import NOTICES_OFF, Preference
from bot.operating.notice_texts import MAX_NOTICE_LENGTH
from bot.posting.scheduled_task import NOTICE_BATCH_SECONDS, NOTICE_BATCH_SIZE
from tests.cogs.owner.owner_server import OwnerServer
from tests.support import message_texts
from tests.support.interactions import get_last_reply, list_button_labels, press_button, read_reply_text, select_option
from tests.support.scenario import list_posted_texts, run_why

ESCAPED = r"\@everyone \<\@&5\> \<\#7\> \*\*now\*\* \[click\](https://evil.example) https://telex.example/a_b \`x\`"
TEXT = "@everyone <@&5> <#7> **now** [click](https://evil.example) https://telex.example/a_b `x`"


async def open_page(office: OwnerServer) -> InteractionResult:
    panel = await office.operator.slash(office.channel, "owner")
    return await select_option(office.operator, get_last_reply(panel), "Notices", "Page")


async def write_notice(office: OwnerServer, page: InteractionResult, **texts: str) -> InteractionResult:
    """Write a notice and return the page with its preview."""
    modal = await press_button(office.operator, page, "Write a notice…")
    return await office.operator.submit_modal(modal, {"en": "", "fr": "", **texts})


async def test_notice_is_previewed_and_posted_once_in_alert_channel(office):
    world = office.world
    alerts = world.guild.create_text_channel("alerts")
    await world.env.settle()
    await world.set_preference(Preference.ALERT_CHANNEL, alerts.id)
    await world.set_preference(Preference.LANGUAGE, "fr")
    post_counts_before = {channel.id: len(world.posts(channel)) for channel in (alerts, world.news, office.channel)}
    page = await open_page(office)
    refusal = await write_notice(office, page)
    assert read_reply_text(refusal) == "The notice is empty."
    preview = await write_notice(office, page, en=TEXT, fr="Telex déménage.\n\n\n\nÀ ce soir !")
    text = read_reply_text(preview)
    assert "1 server gets it · no channel for alerts: 1" in text
    assert ESCAPED in text
    assert "### Avis de la personne qui gère Telex\nTelex déménage.\n\nÀ ce soir !" in text
    assert len(world.posts(alerts)) == post_counts_before[alerts.id]
    sent_page = await press_button(office.operator, preview, "Send")
    assert "waiting: 1 · no channel for alerts: 1" in read_reply_text(sent_page)
    for _ in range(2):
        await world.deliver()
        world.clock.advance(NOTICE_BATCH_SECONDS)
    (notice,) = world.posts(alerts)[post_counts_before[alerts.id] :]
    assert message_texts.read_message_text(notice).startswith("### Avis de la personne qui gère Telex\nTelex déménage.")
    assert world.env.backend.get_message(alerts.id, notice.id).ping_user_ids == []
    assert [len(world.posts(channel)) for channel in (world.news, office.channel)] == list(post_counts_before.values())[
        1:
    ]
    assert list_posted_texts(world, world.editor.user.dm_channel) == []
    assert "posted: 1 · no channel for alerts: 1" in read_reply_text(await open_page(office))
    assert "A notice from whoever runs Telex." in await run_why(world, notice.jump_url, person=world.editor)

    await world.restart()
    denial = await world.reader.click(notice, label="Ne plus recevoir d’avis")
    assert "Manage Server" in read_reply_text(denial)
    assert "received" not in read_reply_text(await world.run_as_editor("settings history"))
    answer = await world.editor.click(notice, label="Ne plus recevoir d’avis")
    assert read_reply_text(answer).startswith("No more of these notices here.")
    assert (await world.store.preferences.get_by_server(world.guild.id)).wants_notices is False
    history = read_reply_text(await world.run_as_editor("settings history"))
    assert "**Notices from whoever runs Telex**: received → not received" in history
    settings = await world.run_as_editor("settings server")
    assert "**Notices from whoever runs Telex**\n-# not received" in read_reply_text(settings)


async def test_notice_in_one_language_and_longest_notice_are_posted(office):
    world = office.world
    alerts = world.guild.create_text_channel("alerts")
    await world.env.settle()
    await world.set_preference(Preference.ALERT_CHANNEL, alerts.id)
    count = len(world.posts(alerts))
    for notice_text in ("Seulement en français", "*" * MAX_NOTICE_LENGTH):
        preview = await write_notice(office, await open_page(office), fr=notice_text)
        await press_button(office.operator, preview, "Send")
        await world.deliver()
        world.clock.advance(NOTICE_BATCH_SECONDS)
        await world.deliver()
    texts = list_posted_texts(world, alerts)[count:]
    assert "### Notice from whoever runs Telex\nSeulement en français" in texts[0]
    assert texts[1].count(r"\*") == MAX_NOTICE_LENGTH


async def test_notice_is_sent_in_batches_and_can_be_cancelled(office):
    world = office.world
    store = world.store
    alerts = world.guild.create_text_channel("alerts")
    await world.env.settle()
    further_servers = range(world.guild.id + 1, world.guild.id + 1 + 2 * NOTICE_BATCH_SIZE)
    for server in further_servers:
        await store.servers.mark_joined(server)
        await store.preferences.change(Preference.ALERT_CHANNEL, server * 2, server_id=server, user_id=1)
    await world.set_preference(Preference.ALERT_CHANNEL, alerts.id)
    count = len(world.posts(alerts))
    preview = await write_notice(office, await open_page(office), en="Telex moves.")
    await press_button(office.operator, preview, "Send")
    await world.deliver()
    page = await open_page(office)
    (notice,) = await store.notices.list_all()
    enqueued_count = notice.progress.posted + sum(
        waiting_count for state, waiting_count, _oldest in await store.dispatches.count_by_state() if state == "waiting"
    )
    assert enqueued_count <= NOTICE_BATCH_SIZE
    question = await press_button(office.operator, page, "Cancel…")
    assert list_button_labels(get_last_reply(question)) == [
        "Don’t post it anywhere else",
        "Go on posting",
        "Write a notice…",
    ]
    cancelled_page = await press_button(office.operator, question, "Don’t post it anywhere else")
    assert "cancelled" in read_reply_text(cancelled_page)
    world.clock.advance(10 * NOTICE_BATCH_SECONDS)
    await world.deliver()
    assert len(world.posts(alerts)) - count == (await store.notices.list_all())[0].progress.posted
    assert (await store.notices.list_all())[0].progress.waiting == 0
    preview = await write_notice(office, await open_page(office), en="Telex has moved.")
    for server in (world.guild.id, *further_servers):
        await store.preferences.change(Preference.OPERATOR_NOTICES, NOTICES_OFF, server_id=server, user_id=1)
    refusal = await press_button(office.operator, preview, "Send")
    assert read_reply_text(refusal).startswith("No server would get the notice: each has opted out")
    preview = await office.operator.submit_modal(
        await press_button(office.operator, preview, "Change…"), {"en": "Telex has moved.", "fr": ""}
    )
    assert "opted out: 51" in read_reply_text(preview)
    await press_button(office.operator, preview, "Discard")
    assert len(await store.notices.list_all()) == 1
