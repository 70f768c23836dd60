"""/trends: chart, text, visibility and menu."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from simcord.results import ResponseMessage

from bot.core.concurrency.worker_pool import WorkerPool
from bot.digests import bar_charts
from bot.store.content.articles import TitleSamples
from cogs.reading import trend_commands
from tests.digests.test_trends import make_word
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_components,
    read_reply_text,
    select_option,
)
from tests.support.scenario import follow_feed

DAY = 86_400


def make_two_weeks_of_items(start: int, first: int, now: int, *recent_titles: str) -> list[str]:
    """Make fourteen days of items with unrelated titles, and items of yesterday with the given titles."""
    items = [
        make_rss_item(number, title=make_word(number), published=now - 60 - (number - first) * DAY // 2)
        for number in range(first, first + 27)
    ]
    items += [
        make_rss_item(start + number, title=title, published=now - DAY - DAY // 2 - number * 60)
        for number, title in enumerate(recent_titles)
    ]
    return items


def list_picture_descriptions(message: ResponseMessage) -> list[str]:
    """List the alternative texts of the pictures in a message."""
    return [gallery_item["description"] for part in list_components(message) for gallery_item in part.get("items", ())]


async def publish_trend(world: World, server: FeedServer, name: str = "{number} Starliner") -> None:
    """Follow two outlets that both report a topic since yesterday."""
    for place, outlet in enumerate(("Example News", "Le Fil")):
        titles = [name.format(number=make_word(700 + place * 50 + n)) for n in range(5)]
        await follow_feed(
            world,
            server,
            *make_two_weeks_of_items(5000 + place * 100, 1 + place * 100, world.clock.now(), *titles),
            path=f"/{place}",
            title=outlet,
        )


@pytest.fixture
def requested_charts(monkeypatch) -> list[bar_charts.Chart]:
    """The charts passed to the renderer, which is replaced."""
    drawn_charts: list[bar_charts.Chart] = []

    async def record_charts(workers: WorkerPool, charts: Sequence[bar_charts.Chart]) -> tuple[bytes, ...]:
        drawn_charts.extend(charts)
        return (b"\x89PNG",) * len(charts)

    monkeypatch.setattr(bar_charts, "render_charts", record_charts)
    return drawn_charts


async def test_trends_show_chart_and_same_figures_as_text(telex, feed_server):
    await publish_trend(telex, feed_server)
    answer = await telex.run_as_reader("trends")
    message = get_last_reply(answer)
    assert message.ephemeral
    assert "Rising this week" in read_reply_text(answer)
    assert "**Starliner** leads with 10 articles from 2 outlets, none before." in read_reply_text(answer)
    assert "38 articles · 2 outlets" in read_reply_text(answer)
    (picture,) = message.attachments
    assert picture.filename == "trends.png"
    assert list_picture_descriptions(message) == [
        "Rising, last 7 days. Starliner: 10 articles · 2 outlets · 0 before, new."
    ]
    outlets = get_last_reply(await telex.reader.click(message, label="Outlets"))
    (description,) = list_picture_descriptions(outlets)
    assert description.startswith("Outlets, last 7 days. Example News: 19 articles · 13 before, ×1.5.")


async def test_trend_menu_searches_for_topic(telex, feed_server, requested_charts):
    await publish_trend(telex, feed_server, "Windows 11 {number}")
    answer = await telex.run_as_reader("trends")
    search_reply = await select_option(telex.reader, get_last_reply(answer), "Windows 11", "Articles about")
    assert "**Windows 11**" in read_reply_text(search_reply)
    assert "10 articles" in read_reply_text(search_reply)


async def test_trends_count_only_visible_articles(telex, feed_server, requested_charts):
    secret = telex.guild.create_text_channel("secret")
    now = telex.clock.now()
    await follow_feed(telex, feed_server, *make_two_weeks_of_items(0, 1, now), path="/open")
    for place in (1, 2):
        titles = [f"{make_word(600 + place * 50 + n)} Starliner" for n in range(5)]
        await follow_feed(
            telex,
            feed_server,
            *make_two_weeks_of_items(5000 + place * 100, 100 * place, now, *titles),
            path=f"/{place}",
            title=f"Secret {place}",
            channel=secret,
        )
    hide_channel(telex, secret, telex.reader)
    assert "Starliner" in read_reply_text(await telex.run_as_editor("trends"))
    reader_text = read_reply_text(await telex.run_as_reader("trends"))
    assert "Starliner" not in reader_text
    assert "Secret" not in reader_text
    assert "Nothing stands out" in reader_text
    assert "Starliner" not in str(requested_charts[-1])


async def test_trends_with_few_articles_have_no_chart(telex, feed, requested_charts):
    answer = await telex.run_as_reader("trends", period="day")
    assert "Not enough articles to compare: 3 in this period, 0 in the one before" in read_reply_text(answer)
    assert list_button_labels(get_last_reply(answer)) == ["24 hours", "7 days", "30 days", "Outlets"]
    assert requested_charts == []


async def test_trends_without_feeds_suggest_next_step(telex):
    assert "/feed packs" in read_reply_text(await telex.run_as_editor("trends"))


async def test_trends_in_french(telex, feed_server, requested_charts):
    telex.locales[telex.reader.id] = "fr"
    await publish_trend(telex, feed_server)
    answer = read_reply_text(await telex.run_as_reader("trends"))
    assert "En hausse cette semaine" in answer
    rising, outlets = requested_charts
    assert rising.earlier_label == "avant"
    assert rising.tick_labels[1] == "28 mai"
    assert rising.rows[0].change_label == "nouveau"
    assert (rising.title, outlets.title) == ("En hausse", "Médias")


async def test_topic_is_escaped_in_trends(telex, feed_server, requested_charts):
    await publish_trend(telex, feed_server, "@everyone **boom_boom_boom** {number}")
    answer = read_reply_text(await telex.run_as_reader("trends"))
    assert "@everyone" not in answer.replace("\\@everyone", "")
    assert "boom\\_boom\\_boom" in answer or "**boom" in answer


async def test_trend_report_is_cached_for_ten_minutes(telex, feed_server, requested_charts, monkeypatch):
    await publish_trend(telex, feed_server)
    await telex.run_as_reader("trends")
    await telex.run_as_editor("trends")
    assert len(requested_charts) == 2
    await telex.advance(601)
    await telex.run_as_editor("trends")
    assert len(requested_charts) == 4


async def test_trends_without_chart_show_text(telex, feed_server, monkeypatch):
    async def render_no_charts(_workers: WorkerPool, _charts: Sequence[bar_charts.Chart]) -> tuple[bytes, ...]:
        return ()

    monkeypatch.setattr(bar_charts, "render_charts", render_no_charts)
    await publish_trend(telex, feed_server)
    answer = await telex.run_as_reader("trends")
    assert "**Starliner** · 10 articles" in read_reply_text(answer)
    assert get_last_reply(answer).attachments == []


async def test_titles_are_sampled_when_many(telex, feed_server):
    await publish_trend(telex, feed_server)
    feeds = {feed.id for feed in await telex.store.feeds.list_all()}
    now = telex.clock.now()
    samples: TitleSamples = telex.store.title_samples
    full_sample = await samples.sample(feeds, since=now - 14 * DAY, before=now, max_titles=1_000)
    small_sample = await samples.sample(feeds, since=now - 14 * DAY, before=now, max_titles=20)
    assert full_sample.step == 1
    assert len(full_sample.titles) == 64
    assert small_sample.step == 4
    assert len(small_sample.titles) == 16
    assert (await samples.sample(feeds, since=now, before=now + 1, max_titles=20)).titles == []
    assert (await samples.sample([], since=0, before=now, max_titles=20)).titles == []


async def test_trends_are_rate_limited_per_user(telex, feed_server, requested_charts, monkeypatch):
    monkeypatch.setattr(trend_commands, "_MAX_CACHED_REPORTS", 0)  # every report is made anew
    await publish_trend(telex, feed_server)
    for _ in range(5):
        await telex.run_as_reader("trends")
        await telex.advance(1)
    assert "Try again in" in read_reply_text(await telex.run_as_reader("trends"))
    assert "**Starliner**" in read_reply_text(await telex.run_as_editor("trends"))
