"""/feed report: the scorecard of feeds, and remedies with confirmation and undo."""

from __future__ import annotations

from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.results import ResponseMessage

from bot.core.models import Feed
from bot.core.preferences import FilterMode, FilterPlace, Style
from bot.core.setting_registry import TOP_STORIES_PER_DAY
from bot.posting.rendering.discord_limits import MAX_CHOICES
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.interactions import (
    find_menu,
    forge_click,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.posted_feeds import PostHistory
from tests.support.store_probe import Column

PEOPLE = (91, 92, 93)
CHANNEL_MENU = 8  # https://discord.com/developers/docs/components/reference#component-object-component-types
NOISY_TITLES = [f"Great deal number {number}" for number in range(40)] + [f"Report {number}" for number in range(30)]


@pytest.fixture
async def history(telex) -> PostHistory:
    """A feed without reactions, two with many and a new one."""
    history = PostHistory(telex.store, telex.guild.id)
    noisy = await history.add_feed("Daily Socket", telex.news.id, NOISY_TITLES)
    history.react(noisy, "saved", [[], *[[]] * 39, PEOPLE])
    history.react(noisy, "liked", [[PEOPLE[0]]])
    for name, kept_count in (("Kernel", 10), ("Circuit", 5)):
        feed = await history.add_feed(name, telex.news.id, [f"{name} {number}" for number in range(20)])
        history.react(feed, "saved", [PEOPLE] * kept_count)
        history.react(feed, "liked", [PEOPLE] * 3)
    await history.add_feed("Newcomer", telex.news.id, ["First words"], followed_days=5)
    return history


async def open_report(telex: World, person: MemberActor | None = None) -> ResponseMessage:
    return get_last_reply(await (person or telex.editor).slash(telex.news, "feed report"))


async def open_remedy(telex: World, label: str) -> ResponseMessage:
    return get_last_reply(await select_option(telex.editor, await open_report(telex), label))


async def confirm_remedy(telex: World, remedy: ResponseMessage) -> tuple[str, ResponseMessage]:
    """Carry out a remedy; return the text of the confirmation and its message with Undo."""
    confirmation = get_last_reply(await telex.editor.click(remedy, label="Do it"))
    assert list_button_labels(confirmation) == ["Undo"]
    return read_message_text(confirmation) or "", confirmation


async def load_subscription(telex: World, name: str):
    pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    return next(subscription for subscription, feed in pairs if feed.title == name)


async def test_report_sorts_feeds_into_three_groups(telex, history):
    report = await open_report(telex)
    assert report.ephemeral
    report_text = read_message_text(report) or ""
    to_decide, earning, too_early = (
        report_text.index(heading) for heading in ("1 TO DECIDE ON", "THESE EARN IT", "TOO EARLY TO TELL")
    )
    assert (
        to_decide
        < report_text.index("**Daily Socket**")
        < earning
        < report_text.index("**Kernel**")
        < report_text.index("**Circuit**")
    )
    assert report_text.index("**Circuit**") < too_early < report_text.index("**Newcomer**")
    assert "· 111 posts ·" in report_text
    assert (
        f"**1 of 100 kept** · 70 posts in <#{telex.news.id}>, 6 in 10 of all · 3 saves · hardly any likes"
        in report_text
    ), report_text
    assert "**50 of 100 kept** · 20 posts · 30 saves · 9 likes" in report_text
    assert "▰▰▰▰▰▰▰" in report_text
    assert "followed since" in report_text


async def test_reactions_of_fewer_than_three_people_are_hidden(telex, history):
    feed = await history.add_feed("Quiet", telex.news.id, [f"Quiet {number}" for number in range(21)])
    history.react(feed, "saved", [[PEOPLE[0], PEOPLE[1]]] * 15)
    history.react(feed, "disliked", [[], [PEOPLE[0]]])
    await history.mute(feed, PEOPLE[:2])
    await history.add_feed("Silent", telex.news.id, [f"Silent {number}" for number in range(21)])
    report_text = read_message_text(await open_report(telex)) or ""
    rows = [report_text[report_text.index(f"**{name}**") :].split("\n")[1] for name in ("Quiet", "Silent")]
    # That nobody did anything looks as if two people had.
    assert rows == [f"-# **hardly any kept** · 21 posts in <#{telex.news.id}>"] * 2


async def test_feed_with_three_mutes_needs_decision(telex, history):
    feed = await history.add_feed("Loud", telex.news.id, [f"Loud {number}" for number in range(4)])
    history.react(feed, "liked", [PEOPLE] * 4)
    await history.mute(feed, PEOPLE)
    report_text = read_message_text(await open_report(telex)) or ""
    assert "2 TO DECIDE ON" in report_text
    assert "3 mutes of its stories" in report_text


async def test_mutes_are_shown_without_recent_posts(telex):
    history = PostHistory(telex.store, telex.guild.id)
    feed = await history.add_feed("Loud", telex.news.id, ["Loud"], span_days=28)
    await history.mute(feed, PEOPLE)
    store_probe.shift_column(telex.newsroom.settings.database, Column.SENT_AT, -40 * 86_400)
    report_text = read_message_text(await open_report(telex)) or ""
    assert "1 TO DECIDE ON" in report_text
    assert "**Loud**\n-# no posts" in report_text


async def test_report_switches_to_ninety_days(telex, history):
    await history.add_feed("Old", telex.news.id, ["Past"] * 10, span_days=89)
    report = await open_report(telex)
    text_of_month = read_message_text(report) or ""
    text_of_ninety_days = read_message_text(get_last_reply(await telex.editor.click(report, label="90 days"))) or ""
    assert "115 posts" in text_of_month
    assert "121 posts" in text_of_ninety_days


async def test_pause_remedy_is_previewed_and_undone(telex, history):
    remedy = await open_remedy(telex, "Daily Socket: pause")
    assert "70 posts fewer; its articles stay in" in (read_message_text(remedy) or "")
    assert (await load_subscription(telex, "Daily Socket")).paused_at is None
    sentence, confirmation = await confirm_remedy(telex, remedy)
    assert "Paused **Daily Socket**" in sentence
    assert (await load_subscription(telex, "Daily Socket")).paused_at is not None
    assert "Daily Socket" not in str([option["label"] for option in find_menu_options(await open_report(telex))])
    await telex.editor.click(confirmation, label="Undo")
    assert (await load_subscription(telex, "Daily Socket")).paused_at is None


def find_menu_options(report: ResponseMessage) -> list[dict[str, Any]]:
    return next((component["options"] for component in list_controls(report) if component["type"] == 3), [])


async def test_filter_remedy_spares_saved_articles_and_is_undone(telex, history):
    options = find_menu_options(await open_report(telex))
    assert options[0]["label"].startswith("Daily Socket: never post “")
    assert options[0]["description"] == "Of the last 70 posts, 30 would have come; the saved ones stay"
    remedy = get_last_reply(await select_option(telex.editor, await open_report(telex), "Daily Socket: never post"))
    _sentence, confirmation = await confirm_remedy(telex, remedy)
    place = FilterPlace((await load_subscription(telex, "Daily Socket")).id)
    (saved_filter,) = await telex.store.filters.list_by_place(place)
    assert saved_filter.mode is FilterMode.EXCLUDE
    assert saved_filter.query in {"great", "deal", "number"}
    await telex.editor.click(confirmation, label="Undo")
    assert await telex.store.filters.list_by_place(place) == []


async def test_headline_remedy_is_undone(telex, history):
    _sentence, confirmation = await confirm_remedy(telex, await open_remedy(telex, "Daily Socket: headlines only"))
    look = (await load_subscription(telex, "Daily Socket")).look
    assert look is not None
    assert look.style is Style.HEADLINE
    await telex.editor.click(confirmation, label="Undo")
    assert (await load_subscription(telex, "Daily Socket")).look is None


async def test_move_remedy_asks_for_channel_and_is_undone(telex, history):
    deals = telex.guild.create_text_channel("deals")
    remedy = await open_remedy(telex, "Daily Socket: move")
    assert "1 a day instead of 4 posts" in (read_message_text(remedy) or "")
    assert next(part for part in list_controls(remedy) if part.get("label") == "Do it")["disabled"]
    remedy = get_last_reply(await choose_channel(telex, remedy, deals))
    sentence, confirmation = await confirm_remedy(telex, remedy)
    assert f"Moved **Daily Socket** to <#{deals.id}>" in sentence
    assert (await load_subscription(telex, "Daily Socket")).channel_id == deals.id
    await telex.editor.click(confirmation, label="Undo")
    assert (await load_subscription(telex, "Daily Socket")).channel_id == telex.news.id


async def choose_channel(telex: World, remedy: ResponseMessage, channel):
    menu = next(part for part in list_controls(remedy) if part["type"] == CHANNEL_MENU)
    return await telex.editor.select(remedy, [channel], custom_id=menu["custom_id"])


async def test_move_remedy_refuses_following_or_hidden_channel(telex, history):
    other_channel = telex.guild.create_text_channel("other")
    hidden_channel = telex.guild.create_text_channel("hidden")
    hide_channel(telex, hidden_channel, telex.editor)
    url = "https://daily-socket.example/feed"
    await history.add_feed("Daily Socket", other_channel.id, [], url=url)
    remedy = await open_remedy(telex, "Daily Socket: move")
    assert "is already followed in" in read_reply_text(await choose_channel(telex, remedy, other_channel))
    menu = next(part for part in list_controls(remedy) if part["type"] == CHANNEL_MENU)
    resolved = {
        "channels": {
            str(hidden_channel.id): {"id": str(hidden_channel.id), "type": 0, "name": "hidden", "permissions": "0"}
        }
    }
    refusal = await forge_click(
        telex.editor,
        telex.news,
        remedy,
        menu["custom_id"],
        values=[str(hidden_channel.id)],
        component_type=CHANNEL_MENU,
        resolved=resolved,
    )
    assert "You can’t choose a channel you can’t see." in read_reply_text(refusal)
    assert (await load_subscription(telex, "Daily Socket")).channel_id in {telex.news.id, other_channel.id}


async def test_best_of_day_remedy_is_previewed_and_undone(telex, history):
    await history.add_feed("Burst", telex.news.id, [f"Burst {number}" for number in range(60)], span_days=1)
    remedy = await open_remedy(telex, "#news: only the best of the day")
    assert "4 a day instead of 6 posts; nearly all kept ones stay" in (read_message_text(remedy) or "")
    _sentence, confirmation = await confirm_remedy(telex, remedy)
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[TOP_STORIES_PER_DAY] == 5
    await telex.editor.click(confirmation, label="Undo")
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[TOP_STORIES_PER_DAY] is None


async def test_cancelled_remedy_changes_nothing(telex, history):
    remedy = await open_remedy(telex, "Daily Socket: pause")
    assert "Nothing changed." in read_reply_text(await telex.editor.click(remedy, label="Cancel"))
    assert (await load_subscription(telex, "Daily Socket")).paused_at is None


async def test_report_requires_permission_at_each_press(telex, history):
    refusal = await telex.run_as_reader("feed report")
    assert "You need the Manage Server permission" in read_reply_text(refusal)
    report = await open_report(telex)
    remedy = get_last_reply(await select_option(telex.editor, report, "Daily Socket: pause"))
    confirmation = get_last_reply(
        await telex.editor.click(await open_remedy(telex, "Daily Socket: pause"), label="Do it")
    )
    telex.env.backend.edit_member(telex.guild.id, telex.editor.id, {"role_ids": []})
    for message, label in ((report, "90 days"), (remedy, "Do it"), (confirmation, "Undo")):
        assert "You need the Manage Server permission" in read_reply_text(
            await telex.editor.click(message, label=label)
        )
    assert (await load_subscription(telex, "Daily Socket")).paused_at is not None


async def test_report_refuses_unfollowed_feed_and_forged_choice(telex, history):
    report = await open_report(telex)
    remedy = get_last_reply(await select_option(telex.editor, report, "Daily Socket: pause"))
    custom_id, _options = find_menu(report)
    subscription = await load_subscription(telex, "Daily Socket")
    for forged_value in ("99", "-1", str(subscription.id + 500), "x"):
        answer = await forge_click(telex.editor, telex.news, report, custom_id, values=[forged_value])
        assert "expired" in read_reply_text(answer)
    await telex.store.subscriptions.unfollow(telex.news.id, subscription.feed_id, user_id=telex.editor.id)
    assert "isn’t followed there anymore" in read_reply_text(await telex.editor.click(remedy, label="Do it"))
    remedy_of_unfollowed = await select_option(telex.editor, report, "Daily Socket: headlines")
    assert "isn’t followed there anymore" in read_reply_text(
        await press_button(telex.editor, remedy_of_unfollowed, "Do it")
    )


async def test_report_omits_hidden_channels(telex, history):
    secret = telex.guild.create_text_channel("secret")
    feed = await history.add_feed("Secret", secret.id, [f"Secret {number}" for number in range(50)])
    history.react(feed, "saved", [PEOPLE] * 3)
    hide_channel(telex, secret, telex.editor)
    report_text = read_message_text(await open_report(telex)) or ""
    assert "Secret" not in report_text
    assert "111 posts" in report_text


async def test_report_without_feeds_suggests_next_step(telex):
    assert "No feeds yet" in read_reply_text(await telex.run_as_editor("feed report"))


async def test_report_opens_from_feed_list_in_french(telex, history):
    telex.locales[telex.editor.id] = "fr"
    feed_list = get_last_reply(await telex.run_as_editor("feed list"))
    report = get_last_reply(await telex.editor.click(feed_list, label="Bilan"))
    report_text = read_message_text(report) or ""
    for words in ("Quels flux méritent leur place", "1 À TRANCHER", "CEUX-CI LA MÉRITENT", "TROP TÔT POUR LE DIRE"):
        assert words in report_text
    assert "**1 gardée sur 100**" in report_text
    assert find_menu_options(report)[0]["label"].startswith("Daily Socket : ")


async def test_report_of_many_feeds_has_pages(telex, history):
    feeds: list[Feed] = []
    for number in range(30):
        titles = [f"Item {number} {post}" for post in range(22)] if number < 14 else [f"Item {number}"]
        feeds.append(await history.add_feed(f"Feed {number}", telex.news.id, titles))
    for feed in feeds[14:]:
        history.react(feed, "saved", [PEOPLE])
    report = await open_report(telex)
    assert "15 TO DECIDE ON" in (read_message_text(report) or "")
    assert "1 / 3" in list_button_labels(report)
    assert len(find_menu_options(report)) <= MAX_CHOICES
    assert sum("pause" in option["label"] for option in find_menu_options(report)) == 12
    assert len(list_controls(report)) <= 40
    for _page in range(2):
        next_page = [part for part in list_controls(report) if part["type"] == 2][-4]
        report = get_last_reply(await telex.editor.click(report, custom_id=next_page["custom_id"]))
        telex.clock.advance(20)
    assert "3 / 3" in list_button_labels(report)
