"""The demo's stage: what a visitor's page shows of the bot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cogs
from bot.app import Telex
from bot.demo import stage
from bot.demo.publisher import Publisher, load, pauses
from bot.news.newsroom import Newsroom
from bot.settings import Settings
from tests.cogs.helpers import said
from tests.discord_world import LOOPS

WITHOUT_LOOPS = tuple(cog for cog in cogs.ALL if cog.__name__ not in LOOPS)


async def test_a_refusal_is_not_shown_as_a_broken_command(newsroom: Newsroom) -> None:
    async with stage.simulated_discord(Telex(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await stage.build(env)
        refused = await scene.ada.slash(scene.news, "feed pause", feed="none")
        assert "/feed add" in said(refused)
        assert not env.errors


async def test_a_fault_is_still_shown(newsroom: Newsroom) -> None:
    async with stage.simulated_discord(Telex(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await stage.build(env)
        await newsroom.store.close()
        await scene.ada.slash(scene.news, "latest")
        assert env.errors


async def test_a_click_while_the_page_is_refreshed_does_not_break_the_page(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.simulated_discord(Telex(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await stage.build(env)
        async with env.preview(scene.news, viewers=(scene.ada,), layout="channel") as preview:
            turn = stage.take_turns(preview)
            busy, settled = asyncio.Event(), asyncio.Event()
            settle = env._settle_internal

            async def settle_late(**options: Any) -> None:
                busy.set()
                await settled.wait()
                await settle(**options)

            async def refresh() -> None:
                async with turn:
                    await preview.refresh()

            page = preview._open_page(str(scene.ada.id), None)
            click = {
                "protocol_version": 3,
                "sequence": page.last_sequence + 1,
                "request_id": "click",
                "generation": page.generation,
                "bot_generation": env._generation,
                "published_revision": page.revision,
                "kind": "refresh",
            }
            monkeypatch.setattr(env, "_settle_internal", settle_late)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(refresh())
                await busy.wait()
                answer = tasks.create_task(preview._action(page.id, click))
                await asyncio.sleep(0)
                settled.set()
            assert answer.result()["requestId"] == "click"


async def test_every_outlet_is_read_and_its_first_story_is_news(
    newsroom: Newsroom, settings: Settings
) -> None:
    async with (
        Publisher() as publisher,
        stage.simulated_discord(Telex(newsroom, WITHOUT_LOOPS, shard_count=1)) as env,
    ):
        scene = await stage.build(env)
        feeds = {
            outlet.name: await stage.follow(newsroom, publisher.feed_url(outlet), scene)
            for outlet in publisher.outlets
        }
        story = await anext(publisher.publish())
        feed = await newsroom.store.feeds.get(feeds[story.outlet].id)
        assert feed is not None
        assert feed.error is None
        assert (await newsroom.poller.poll(feed, polite=False)).new == 1
        assert isinstance(env.bot, Telex)
        await env.bot.courier.settle()
        await env.settle()
        assert [message.embeds[0].title for message in scene.news.history()] == [story.title]


def test_the_stories_come_at_once_then_ever_more_slowly_for_ten_minutes() -> None:
    _outlets, stories = load()
    waits = pauses(len(stories))
    assert waits[0] == 0
    assert waits[1:] == sorted(waits[1:])
    assert round(sum(waits)) == 600


def test_the_stories_are_in_both_languages_and_have_the_moratorium_of_june_2020() -> None:
    outlets, stories = load()
    languages = {outlet.name: outlet.language for outlet in outlets}
    told = [languages[story.outlet] for story in stories]
    assert len(stories) >= 30
    assert min(told.count("en"), told.count("fr")) >= 10
    moratorium = {languages[one.outlet] for one in stories if one.published.startswith("2020-06")}
    assert moratorium == {"en", "fr"}
