"""The monthly scorecard in the alert channel."""

from __future__ import annotations

from datetime import UTC, datetime

import discord
import pytest
from simcord.builders import ChannelHandle

from bot.core.preferences import Preference
from bot.posting.scheduled_task import RETRY_SECONDS
from bot.store.records.outbox_records import DueReport
from tests.support import message_texts
from tests.support.discord_world import World
from tests.support.interactions import find_accessory_id, get_last_reply, hide_channel, press_button, read_reply_text
from tests.support.posted_feeds import PostHistory
from tests.support.scenario import list_posted_texts

PEOPLE = (91, 92, 93)
ZONE = "America/New_York"
DAY = 86_400


@pytest.fixture
async def alerts(telex: World) -> ChannelHandle:
    """The alert channel of a server with a feed in a visible channel and one in a hidden channel, both saved often."""
    channel = telex.guild.create_text_channel("alerts")
    history = PostHistory(telex.store, telex.guild.id)
    for name, place in (("Kernel", telex.news), ("Secret", telex.guild.create_text_channel("secret"))):
        feed = await history.add_feed(name, place.id, [f"{name} {number}" for number in range(20)])
        history.react(feed, "saved", [PEOPLE] * 10)
        if name == "Secret":
            hide_channel(telex, place, telex.reader)
    await telex.store.preferences.change(Preference.TIME_ZONE, ZONE, server_id=telex.guild.id, user_id=telex.editor.id)
    return channel


async def turn_on_monthly_report(world: World, alerts: ChannelHandle) -> str:
    """Set the alert channel, turn the monthly scorecard on and return the text of the panel."""
    await world.run_as_editor("feed alerts", channel=alerts)
    report = await world.run_as_editor("feed report")
    return read_reply_text(await press_button(world.editor, report, "Send it every month"))


async def advance_to(world: World, time: datetime) -> None:
    """Advance the clock to a time and deliver what is due."""
    world.clock.advance(time.timestamp() - world.clock.now())
    await world.deliver()


async def test_monthly_report_requires_alert_channel(telex, alerts):
    report = await telex.run_as_editor("feed report")
    refusal = read_reply_text(await press_button(telex.editor, report, "Send it every month"))
    assert "It goes where alerts go. Choose a channel first" in refusal
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).report_due_at is None


async def test_monthly_report_is_posted_once_on_first_of_month(telex, alerts):
    due = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)  # nine in the morning in New York
    panel_text = await turn_on_monthly_report(telex, alerts)
    assert f"Monthly in <#{alerts.id}>, next <t:{due.timestamp():.0f}:D>" in panel_text
    post_count_before = len(telex.posts(alerts))
    await advance_to(telex, datetime(2026, 6, 1, 12, 59, tzinfo=UTC))
    assert len(telex.posts(alerts)) == post_count_before
    await advance_to(telex, due)
    (post,) = telex.posts(alerts)[post_count_before:]
    report = message_texts.read_message_text(post)
    assert "Which feeds earn their place" in report
    assert "THESE EARN IT" in report
    assert "**Kernel**" in report
    assert "30 saves" in report
    assert "Secret" not in report
    assert "custom_id" not in str(post.components)
    for _ in range(2):
        await telex.deliver()
        telex.clock.advance(3_600)
    assert len(telex.posts(alerts)) == post_count_before + 1
    settings = await telex.run_as_editor("settings server")
    assert "next <t:1782910800:D>" in read_reply_text(settings)  # July 1
    switch_id = find_accessory_id(get_last_reply(settings), "Monthly scorecard")
    panel_text = read_reply_text(await telex.editor.click(get_last_reply(settings), custom_id=switch_id))
    assert "not posted" in panel_text
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Monthly scorecard**: posted → not posted" in history
    await advance_to(telex, datetime(2026, 7, 1, 13, 0, tzinfo=UTC))
    assert len(telex.posts(alerts)) == post_count_before + 1


async def test_monthly_report_is_skipped_without_data_or_channel(telex, alerts):
    await turn_on_monthly_report(telex, alerts)
    count = len(telex.posts(alerts))
    telex.clock.advance(100 * DAY)  # no posts and no reactions for months
    await telex.deliver()
    assert len(telex.posts(alerts)) == count
    assert ((await telex.store.monthly_reports.get_next_due_at()) or 0) > telex.clock.now()
    await telex.store.preferences.change(Preference.ALERT_CHANNEL, None, server_id=telex.guild.id, user_id=1)
    report = read_reply_text(await telex.run_as_editor("feed report"))
    assert "Monthly, but there’s no channel for alerts" in report
    telex.clock.advance(40 * DAY)
    await telex.deliver()
    assert ((await telex.store.monthly_reports.get_next_due_at()) or 0) > telex.clock.now()


async def test_monthly_report_is_postponed_after_timeout(telex, alerts, monkeypatch, caplog):
    await turn_on_monthly_report(telex, alerts)
    post_count_before = len(telex.posts(alerts))

    async def time_out(_guild: discord.Guild, _channel_id: int) -> None:
        raise TimeoutError

    with monkeypatch.context() as outage:
        outage.setattr(discord.Guild, "get_channel_or_thread", lambda *_arguments: None)
        outage.setattr(discord.Guild, "fetch_channel", time_out)
        await advance_to(telex, datetime(2026, 6, 1, 13, 0, tzinfo=UTC))
    assert "monthly report postponed" in caplog.text
    await telex.advance(RETRY_SECONDS)
    await telex.deliver()
    assert len(telex.posts(alerts)) == post_count_before + 1


async def test_error_in_one_server_does_not_delay_other_reports(telex, alerts, monkeypatch):
    await turn_on_monthly_report(telex, alerts)
    post_count_before = len(telex.posts(alerts))
    broken_guild = telex.env.create_guild("Broken")
    reports, reactions = telex.store.monthly_reports, telex.store.feed_reactions
    list_due, add_batches = reports.list_due, reactions.add_batches_until_midnight

    async def list_broken_first(now: int) -> list[DueReport]:
        return [DueReport(broken_guild.id, now, alerts.id), *await list_due(now)]

    async def add_batches_or_fail(server_id: int) -> None:
        if server_id == broken_guild.id:
            raise ZeroDivisionError
        await add_batches(server_id)

    monkeypatch.setattr(reports, "list_due", list_broken_first)
    monkeypatch.setattr(reactions, "add_batches_until_midnight", add_batches_or_fail)
    await advance_to(telex, datetime(2026, 6, 1, 13, 0, tzinfo=UTC))
    assert len(telex.posts(alerts)) == post_count_before + 1


async def test_monthly_report_uses_language_of_channel(telex, alerts):
    await telex.store.preferences.change(Preference.LANGUAGE, "fr", server_id=telex.guild.id, user_id=telex.editor.id)
    await turn_on_monthly_report(telex, alerts)
    await advance_to(telex, datetime(2026, 6, 1, 13, 0, tzinfo=UTC))
    report = list_posted_texts(telex, alerts)[-1]
    assert "Quels flux méritent leur place" in report
    assert "Pour agir, ou arrêter cet envoi" in report
