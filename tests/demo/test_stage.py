"""The demo: its script of stories and what a visitor's page shows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from simcord.env import Env
from simcord.preview import Preview, _commands

import cogs
from bot.client.discord_client import TelexBot
from bot.client.services import Services, open_services
from bot.core import i18n
from bot.core.models import Feed
from bot.demo import demo_server, simcord_patches
from bot.demo.demo_clock import SPEED_FACTOR, START_OFFSET_SECONDS, ReplayClock
from bot.demo.page_pictures import register_emoji
from bot.demo.preview_places import DemoPlaces
from bot.demo.sample_feeds import SamplePublisher, compute_publication_offsets, load_stories
from bot.demo.visitor_actions import VisitorActions
from bot.digests.trend_detection import TrendPeriod, detect_trends
from bot.posting.rendering.layout import icons, outlet_branding
from bot.store.records.content_records import TitleSample
from tests.demo.visitor import Visitor
from tests.support.clocks import ManualClock
from tests.support.discord_world import LOOP_COGS
from tests.support.interactions import get_last_reply, press_button, read_reply_text
from tests.support.message_texts import find_title, list_components, read_message_text

WITHOUT_LOOPS = tuple(cog for cog in cogs.ALL_COGS if cog not in LOOP_COGS)


def attach_actions(env: Env, preview: Preview, scene: demo_server.DemoServer) -> VisitorActions:
    return VisitorActions(env, preview, DemoPlaces(env, scene.guild, {scene.ada: "en-US", scene.camille: "fr"}))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_trends_have_rows_at_any_time_of_script(share):
    _outlets, backlog, stories = load_stories()
    now = 2_000_000_000
    titles = [
        TitleSample(now - int(story.age_hours * 3600) - 60, story.outlet, story.slug, story.title)
        for story in (*backlog, *stories[: int(share * len(stories))])
    ]
    assert len(detect_trends(now, TrendPeriod.WEEK, 1, titles).rising_rows) >= 3


async def test_refusal_is_not_reported_as_error(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        refused = await scene.ada.slash(scene.news_channel, "feed pause", feed="none")
        assert "/feed add" in read_reply_text(refused)
        assert not env.errors


async def test_error_is_reported(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        await newsroom.store.close()
        await scene.ada.slash(scene.news_channel, "latest")
        assert env.errors


async def test_click_during_refresh_is_handled(newsroom, monkeypatch):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        async with env.preview(scene.news_channel, viewers=(scene.ada,), layout="channel") as preview:
            turn = attach_actions(env, preview, scene).page_lock
            busy, settled = asyncio.Event(), asyncio.Event()
            settle = env._settle_internal  # noqa: SLF001 - simcord’s

            async def settle_late(**options: Any) -> None:
                busy.set()
                await settled.wait()
                await settle(**options)

            async def refresh() -> None:
                async with turn:
                    await preview.refresh()

            visitor = Visitor(env, preview, scene.ada)
            monkeypatch.setattr(env, "_settle_internal", settle_late)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(refresh())
                await busy.wait()
                answer = tasks.create_task(visitor.act("refresh"))
                await asyncio.sleep(0)
                settled.set()
            assert answer.result()["requestId"] == "refresh"


async def test_action_on_outdated_page_is_handled(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        async with env.preview(scene.news_channel, viewers=(scene.ada,), layout="channel") as preview:
            attach_actions(env, preview, scene)
            visitor = Visitor(env, preview, scene.ada)
            page_revision = visitor.page.revision
            await preview.refresh()
            assert page_revision != visitor.page.revision
            answer = await visitor.run("about", published_revision=page_revision)
            assert not answer["rejected"], answer


async def test_welcome_fits_and_names_existing_commands(newsroom):
    assert len(demo_server.WELCOME_TEXT) <= 2000  # as many as Discord takes
    bot = TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)
    async with demo_server.open_simulated_discord(bot):
        list_command_names = {f"/{command.qualified_name}" for command in bot.tree.walk_commands()}
        with i18n.language_scope("fr"):
            list_command_names |= {i18n.localized_command(name) for name in list_command_names}
    assert set(re.findall(r"`(/[^`]+)`", demo_server.WELCOME_TEXT)) <= list_command_names


async def test_reset_menus_show_no_earlier_choice(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        async with env.preview(scene.news_channel, viewers=(scene.ada,), layout="channel") as preview:
            visitor = Visitor(env, preview, scene.ada)

            def list_menus() -> list[dict[str, Any]]:
                (card,) = visitor.page.snapshot["messages"][str(get_last_reply(interaction).id)]["components"]
                rows = [row for row in card["components"] if row["type"] == 1]
                return [component for row in rows for component in row["components"] if component["type"] == 3]

            interaction = await scene.ada.slash(scene.news_channel, "settings schedule")
            await preview.refresh()
            last_menu = list_menus()[-1]
            answer = await visitor.act(
                "select",
                target_id=str(get_last_reply(interaction).id),
                control_key=last_menu["control_key"],
                values=[last_menu["options"][-1]["value"]],
            )
            assert not answer["rejected"], answer
            assert [option["default"] for option in list_menus()[-1]["options"] if option.get("default")] == [True]
            # The page keeps what was chosen by this key: another menu, another key.
            keys = {menu["control_key"] for menu in list_menus()}
            assert last_menu["control_key"] not in keys
            await press_button(scene.ada, interaction, "Turn everything off")
            await preview.refresh()
            assert keys.isdisjoint(menu["control_key"] for menu in list_menus())


async def test_message_menu_uses_language_of_viewer(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        message = await scene.ada.send(scene.news_channel, "No article")
        async with env.preview(scene.news_channel, viewers=(scene.camille,), layout="channel") as preview:
            attach_actions(env, preview, scene)
            visitor = Visitor(env, preview, scene.camille)
            opened = await visitor.act("message_menu", message=str(message.id))
            assert {"name": "Bookmark", "label": "Ajouter aux favoris"} in opened["entries"]
            assert not (await visitor.act("message_menu", message=str(message.id), name="Bookmark"))["entries"]
            assert "article" in visitor.list_texts()[-1]
            menu_answer = await visitor.act("message_menu", message="1", name="Bookmark")
            assert not menu_answer["entries"]
            async with (
                aiohttp.ClientSession() as browser,
                browser.get(urljoin(preview.url, "/app.js")) as page,
            ):
                assert "message_menu" in await page.text()  # what opens the menu


async def test_typed_bot_name_becomes_mention(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        async with env.preview(scene.news_channel, viewers=(scene.ada,), layout="channel") as preview:
            attach_actions(env, preview, scene)
            visitor = Visitor(env, preview, scene.ada)
            answer = await visitor.act("send_message", content="@telex what is new? Not mail@telex.example")
            assert not answer["rejected"], answer
            question_message, answer_message = scene.news_channel.history()
            assert question_message.content == f"<@{env.backend.bot_user.id}> what is new? Not mail@telex.example"
            assert answer_message.author.id == env.backend.bot_user.id


async def test_commands_are_listed_in_language_of_viewer(newsroom, monkeypatch):
    monkeypatch.setattr("simcord.preview._commands.build_catalog", _commands.build_catalog)  # put back after
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        simcord_patches.localize_commands(scene.camille)
        people = (scene.ada, scene.camille)
        async with env.preview(scene.news_channel, viewers=people, layout="channel") as preview:
            descriptions_by_command = [
                {entry["invocation"]: entry["description"] for entry in page.command_catalog["entries"]}
                for page in (Visitor(env, preview, person).page for person in people)
            ]
            assert "bookmarks" in descriptions_by_command[0]
            assert descriptions_by_command[1]["favoris"].endswith("vos favoris")
            assert not {"bookmarks", "search", "help"} & descriptions_by_command[1].keys()
            french = Visitor(env, preview, scene.camille).page.command_catalog["entries"]
            search = next(entry for entry in french if entry["invocation"] == "rechercher")
            languages = next(option for option in search["options"] if option["name"] == "language")["choices"]
            assert languages == [{"name": "anglais", "value": "en"}, {"name": "français", "value": "fr"}]


async def test_every_outlet_is_polled_and_first_story_posted(newsroom, settings):
    async with (
        SamplePublisher() as publisher,
        demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env,
    ):
        scene = await demo_server.build_demo_server(env)
        feeds = {
            outlet.name: await demo_server.follow_feed(newsroom, publisher.get_feed_url(outlet), scene)
            for outlet in publisher.outlets
        }
        story = await anext(publisher.run_script())
        feed = await newsroom.store.feeds.get(feeds[story.outlet].id)
        assert feed.error is None
        assert (await newsroom.poller.poll(feed, wait_for_host=False)).new_count == 1
        assert isinstance(env.bot, TelexBot)
        await env.bot.outbox_relay.run_until_idle()
        await env.settle()
        assert [find_title(message) for message in scene.news_channel.history()] == [story.title]


@dataclass
class DemoRun:
    """A run of the demo's script on its own clock."""

    newsroom: Services
    clock: ManualClock
    publisher: SamplePublisher
    env: Env
    scene: demo_server.DemoServer
    feeds: dict[str, Feed]
    passed: float = 0

    async def play_until(self, moment: float) -> None:
        """Play the script up to a time in seconds after its start."""
        for act in self.publisher.build_script():
            if self.passed <= act.offset_seconds < moment:
                self._advance_clock(act.offset_seconds)
                act.action(act.story)
                await self.poll(act.story.outlet)
        self._advance_clock(moment)

    async def poll(self, outlet: str) -> None:
        feed = await self.newsroom.store.feeds.get(self.feeds[outlet].id)
        assert feed is not None
        assert (await self.newsroom.poller.poll(feed, wait_for_host=False)).error_code is None
        await self.deliver()

    async def deliver(self) -> None:
        demo_server.sync_clock(self.env, self.clock)
        assert isinstance(self.env.bot, TelexBot)
        await self.env.bot.outbox_relay.run_until_idle()
        await self.env.settle()

    def list_last_lines(self, expected_title: str) -> list[str]:
        """List the last line of each post with this title."""
        return [
            read_message_text(message).splitlines()[-1]
            for message in self.scene.news_channel.history()
            if find_title(message) == expected_title
        ]

    def _advance_clock(self, moment: float) -> None:
        ahead = START_OFFSET_SECONDS + moment  # what would be the present
        self.clock.advance(
            min(moment * SPEED_FACTOR, ahead) - min(self.passed * SPEED_FACTOR, START_OFFSET_SECONDS + self.passed)
        )
        self.passed = moment


@asynccontextmanager
async def run_demo(newsroom: Services, clock: ManualClock) -> AsyncIterator[DemoRun]:
    """Start the demo before its first story."""
    async with (
        SamplePublisher(clock) as publisher,
        demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env,
    ):
        scene = await demo_server.build_demo_server(env)
        publisher.publish_backlog()
        feeds = {
            outlet.name: await demo_server.follow_feed(
                newsroom, publisher.get_feed_url(outlet), scene, skip_backlog=True
            )
            for outlet in publisher.outlets
        }
        yield DemoRun(newsroom, clock, publisher, env, scene, feeds)


async def test_outlets_of_same_story_share_post_per_language(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        await demo.play_until(75)
        english, french = (
            next(story.title for story in demo.publisher.new_stories if story.slug == slug)
            for slug in ("nordwave-cable-circuit", "cable-nordwave-fil")
        )
        (also,) = demo.list_last_lines(english)
        assert [outlet.split("]")[0] for outlet in also.split("[")] == [
            "-# Also: ",
            "Kernel & Co.",
            "The Daily Socket",
        ]
        (also,) = demo.list_last_lines(french)
        assert [outlet.split("]")[0] for outlet in also.split("[")] == ["-# Also: ", "Le Paquet libre"]
        cut = [message for message in demo.scene.news_channel.history() if "Nordwave" in str(find_title(message))]
        assert len(cut) == 2


async def test_corrected_article_is_marked_once(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        wrong = next(story for story in demo.publisher.new_stories if story.correction is not None)
        await demo.play_until(75)
        assert len(demo.list_last_lines(wrong.title)) == 1
        await demo.play_until(120)
        assert not demo.list_last_lines(wrong.title)
        (marked,) = demo.list_last_lines(wrong.correction.title)
        assert "Corrected" in marked
        assert sum("Corrected" in read_message_text(message) for message in demo.scene.news_channel.history()) == 1


async def test_withdrawn_article_is_marked_within_three_minutes(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        withdrawn_story = next(story for story in demo.publisher.new_stories if story.withdrawn_after is not None)
        await demo.play_until(60)
        assert "Apparently withdrawn" not in demo.list_last_lines(withdrawn_story.title)[0]
        await demo.play_until(150)
        await demo.poll(withdrawn_story.outlet)  # as by itself every ten minutes, which are half a minute here
        (marked,) = demo.list_last_lines(withdrawn_story.title)
        assert "Apparently withdrawn" in marked
        assert (
            sum("Apparently withdrawn" in read_message_text(message) for message in demo.scene.news_channel.history())
            == 1
        )


async def test_trends_are_drawn_after_ninety_seconds(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        await demo.play_until(90)
        answer = await demo.scene.camille.slash(demo.scene.news_channel, "trends")
        assert answer.response is not None
        (chart,) = (component for part in list_components(answer.response) for component in part.get("items", ()))
        assert all(name in chart["description"] for name in ("Passkeys", "RISC-V", "OpenStreetMap"))


async def test_backlog_is_searchable_but_not_posted(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        await demo.deliver()
        assert not demo.scene.news_channel.history()
        assert "OpenStreetMap" in read_reply_text(
            await demo.scene.ada.slash(demo.scene.news_channel, "search", query="benches")
        )


async def test_replay_clock_catches_up_with_present(monkeypatch):
    passed, slept = 0.0, []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("bot.demo.demo_clock.time.perf_counter", lambda: 1_000 + passed)
    monkeypatch.setattr("bot.demo.demo_clock.time.time", lambda: 1_780_000_000 + passed)
    monkeypatch.setattr("bot.demo.demo_clock.asyncio.sleep", sleep)
    clock = ReplayClock(offset_seconds=2_300, speed_factor=24)
    await clock.sleep(48)
    assert slept.pop() == 48
    clock.start_catching_up()
    started_at = clock.monotonic()
    for passed, now in ((0, -2_300), (1, -2_276), (50, -1_100), (100, 100), (200, 200)):  # noqa: B007
        assert clock.now() == 1_780_000_000 + now
        assert clock.monotonic() - started_at == pytest.approx(now + 2_300)
    passed = 0
    await clock.sleep(48)
    await clock.sleep(2_400 + 60)
    passed = 100
    await clock.sleep(60)
    assert slept == [pytest.approx(2), pytest.approx(160), pytest.approx(60)]


def test_story_intervals_grow_over_ten_minutes():
    *_before, stories = load_stories()
    times = compute_publication_offsets(len(stories))
    waits = [after - before for before, after in pairwise(times)]
    assert times[0] == 0
    assert waits == sorted(waits)
    assert round(times[-1]) == 600


def test_stories_have_unique_slugs_and_known_outlets():
    outlets, backlog, stories = load_stories()
    names = [story.slug for story in (*backlog, *stories)]
    assert len(names) == len(set(names))
    assert {story.outlet for story in (*backlog, *stories)} == {outlet.name for outlet in outlets}
    assert all(story.age_hours > 0 for story in backlog)


def test_stories_cover_both_languages_and_the_moratorium():
    outlets, _backlog, stories = load_stories()
    languages = {outlet.name: outlet.language for outlet in outlets}
    story_languages = [languages[story.outlet] for story in stories]
    assert len(stories) >= 30
    assert min(story_languages.count("en"), story_languages.count("fr")) >= 10
    assert {
        languages[moratorium_story.outlet] for moratorium_story in stories if "Rekognition" in moratorium_story.text
    } == {"en", "fr"}


async def test_welcome_questions_are_answered_in_their_language(newsroom, clock):
    async with run_demo(newsroom, clock) as demo:
        await demo.play_until(0)
        me, scene = demo.env.backend.bot_user.id, demo.scene
        english, french = re.findall(r"`@Telex ([^`]+)`", demo_server.WELCOME_TEXT)
        for person, question, minutes, unsure in (
            (scene.ada, english, "forty minutes", "POSSIBLY RELEVANT"),
            (scene.camille, french, "quarante minutes", "PEUT-ÊTRE UTILE"),
        ):
            await person.send(scene.news_channel, f"<@{me}> {question}")
            await demo.env.settle()
            answer = read_message_text(scene.news_channel.history()[-1])
            assert minutes in answer.replace("**", "")
            assert unsure not in answer


async def test_channel_feed_can_be_fetched(clock, settings, tmp_path):
    settings = demo_server.build_demo_settings(settings, tmp_path, is_live=False)
    async with (
        open_services(settings, clock) as newsroom,
        demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env,
    ):
        scene = await demo_server.build_demo_server(env)
        share_message = get_last_reply(await scene.ada.slash(scene.news_channel, "feed share"))
        shared = read_reply_text(await scene.ada.click(share_message, label="Create address"))
        (address,) = re.findall(r"http://127\S+posts\.atom", shared)
        async with aiohttp.ClientSession() as reader, reader.get(address) as answer:
            assert answer.status == HTTPStatus.OK
            assert "<feed" in await answer.text()


async def test_story_is_polled_as_soon_as_published(newsroom, monkeypatch):
    monkeypatch.setattr("bot.demo.sample_feeds.compute_publication_offsets", lambda count: [0.0] * count)
    async with (
        SamplePublisher() as publisher,
        demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env,
    ):
        publisher.new_stories = publisher.new_stories[:3]
        scene = await demo_server.build_demo_server(env)
        await demo_server.publish_sample_news(newsroom, publisher, scene)
        assert isinstance(env.bot, TelexBot)
        await env.bot.outbox_relay.run_until_idle()
        await env.settle()
        assert [find_title(message) for message in scene.news_channel.history()] == [
            story.title for story in publisher.new_stories
        ]


async def test_page_uses_presentation_time_and_mobile_layout(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        async with (
            env.preview(scene.news_channel, viewers=(scene.ada,), layout="channel") as preview,
            aiohttp.ClientSession() as browser,
        ):
            attach_actions(env, preview, scene)
            pages = {}
            for name in ("/timeline.js", "/preview.css"):
                async with browser.get(urljoin(preview.url, name)) as page:
                    pages[name] = await page.text()
        assert 'state.profile.presentationTime ?? ""' in pages["/timeline.js"]
        assert ".viewer-control { flex: 1;" in pages["/preview.css"]


async def test_every_outlet_has_a_tile(newsroom):
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        try:
            pictures = register_emoji(env)
            for name in ("The Circuit Post", "Zeit Online", "20 Minutes"):
                emoji = outlet_branding.outlet_emoji(1, name)
                assert any(emoji[2:-1].split(":")[1] in address for address in pictures), name
        finally:
            outlet_branding.set_emoji({}, {})
            icons.set_application_emoji({})
