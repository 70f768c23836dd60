"""Takes pictures of what the demo's page does not show: `python -m tools.pictures.watch_pictures [FOLDER]`.

Direct messages: a notice of a watch and `/watch list`, in English and in French.
"""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from simcord.actors import MemberActor
from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.demo.demo_server import DemoServer, build_demo_server, follow_feed, sync_clock
from bot.demo.page_pictures import install_bot_avatar
from bot.demo.sample_feeds import SamplePublisher
from tools.pictures.page_camera import run_command
from tools.pictures.picture_stage import open_preview_page, run_staged, shoot_last

STORIES = 12
WATCH_QUERIES = {"": ("apple OR linux OR windows", "rekognition"), "-fr": ("reconnaissance faciale", "CNIL")}


def shoot_watch(address: str, folder: Path, ending: str) -> None:
    """The newest notice, and the list."""
    with open_preview_page(address) as page:
        shoot_last(page, folder / f"watch{ending}.png", {}, number=0)
        run_command(page, "watch list")
        shoot_last(page, folder / f"watches{ending}.png", {})


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Let two people watch, let stories come, and take the pictures of what each was told."""
    stage: DemoServer = await build_demo_server(env)
    feeds = [await follow_feed(newsroom, publisher.get_feed_url(outlet), stage) for outlet in publisher.outlets]
    people: dict[str, MemberActor] = {"": stage.ada, "-fr": stage.camille}
    for ending, person in people.items():
        for query in WATCH_QUERIES[ending]:
            await person.slash(stage.news_channel, "watch add", query=query)
    publisher.published_stories += itertools.islice(publisher.new_stories, STORIES)
    for feed in feeds:
        current = await newsroom.store.feeds.get(feed.id)
        assert current is not None
        await newsroom.poller.poll(current, wait_for_host=False)
    assert isinstance(env.bot, TelexBot)
    await env.bot.outbox_relay.run_until_idle()
    pictures = {
        publisher.get_picture_url(story): (f"{story.slug}.png", publisher.draw_picture(story))
        for story in publisher.new_stories
    }
    sync_clock(env, newsroom.clock)
    for ending, person in people.items():
        preview = await env.preview(
            person.user.dm_channel,
            viewers=(person.user,),
            layout="channel",
            assets=pictures | install_bot_avatar(env),
            locale="fr" if ending else "en-US",
        ).__aenter__()
        await asyncio.to_thread(shoot_watch, preview.url, folder, ending)
        await preview.close()


if __name__ == "__main__":
    run_staged(take_pictures)
