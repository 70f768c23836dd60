"""Takes pictures of looks and filters: `python -m tools.pictures.look_pictures [FOLDER]`.

Posts in each look, the panel of `/feed look` and the trial of `/feed filter`, in English and in French.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.core import setting_registry
from bot.core.preferences import FilterMode, FilterPlace, PostLook, Style
from bot.demo.demo_server import DemoServer, build_demo_server
from bot.demo.page_pictures import install_bot_avatar, register_emoji
from bot.demo.sample_feeds import SamplePublisher, SampleStory
from tools.pictures.page_camera import CHROMIUM, FLAGS, MESSAGE, photograph
from tools.pictures.picture_stage import WIDTHS, run_staged
from tools.pictures.published_pictures import is_wanted

LANGUAGES = {"": "en", "-fr": "fr"}
NEVER = {"": "microsoft OR title:police", "-fr": "données OR CNIL"}
EVENT = {"": "linux", "-fr": "IA"}
END = {"": "20 July", "-fr": "20 juillet"}
ORANGE = 0xD9480F
LOOKS = (
    PostLook(),
    PostLook(style=Style.THUMBNAIL),
    PostLook(style=Style.COMPACT),
    PostLook(style=Style.HEADLINE),
    PostLook(style=Style.CLASSIC),
)
NAMES = (*(f"look-{look.style}" for look in LOOKS), "look-panel", "filter", "filters", "filter-server")
WIDE, NARROW = WIDTHS[""], WIDTHS["-narrow"]
PREFIX = {"": "🔒 Security ·", "-fr": "🔒 Sécurité ·"}


def shoot_messages(address: str, names: list[Path], *, width: int = WIDE) -> None:
    """The last messages of the channel, one a picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": 2400}, device_scale_factor=1.5)
        page.goto(address)
        messages = page.locator(MESSAGE)
        messages.nth(len(names) - 1).wait_for(timeout=60_000)
        page.wait_for_timeout(2500)
        first = messages.count() - len(names)
        for number, name in enumerate(names):
            messages.nth(first + number).scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            photograph(messages.nth(first + number), name)
        browser.close()


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Pictures of a channel in each language."""
    stage: DemoServer = await build_demo_server(env)
    env.backend.add_member_role(stage.guild.id, stage.camille.id, stage.guild.roles["Editors"].id)
    pictures = {
        publisher.get_picture_url(story): (f"{story.slug}.png", publisher.draw_picture(story))
        for story in publisher.new_stories
    }
    pictures |= register_emoji(env, [outlet.title for outlet in publisher.outlets])
    people: dict[str, MemberActor] = {"": stage.ada, "-fr": stage.camille}
    for ending, person in people.items():
        channel = stage.guild.create_text_channel(f"news{ending}")
        names = [folder / f"{name}{ending}.png" for name in NAMES]
        await fill_channel(env, newsroom, publisher, channel, person, ending)
        locale = "fr" if ending else "en-US"
        async with env.preview(
            channel,
            viewers=(person,),
            layout="channel",
            assets=pictures | install_bot_avatar(env),
            locale=locale,
        ) as preview:
            await asyncio.to_thread(shoot_messages, preview.url, names)
            narrow = [path.with_stem(f"{path.stem}-narrow") for path in names]
            if any(map(is_wanted, narrow)):
                await asyncio.to_thread(shoot_messages, preview.url, narrow, width=NARROW)
        if ending:  # the posts of the demo have English buttons
            shutil.copyfile(names[0], folder / f"post{ending}.png")


async def fill_channel(
    env: Env,
    newsroom: Services,
    publisher: SamplePublisher,
    channel: ChannelHandle,
    person: MemberActor,
    ending: str,
) -> None:
    """A post in each look, the panel, a trial and the filters, as `NAMES` says."""
    store, language = newsroom.store, LANGUAGES[ending]
    outlet = next(candidate for candidate in publisher.outlets if candidate.language == language)
    stories = [story for story in publisher.new_stories if story.outlet == outlet.name]
    feed = await store.feeds.add(publisher.get_feed_url(outlet))
    server = person.guild.id
    subscription, _created = await store.subscriptions.follow(
        server_id=server, channel_id=channel.id, feed_id=feed.id, first_article_id=None
    )
    await store.preferences.change_channel(
        setting_registry.LANGUAGE, language, server_id=server, user_id=person.id, channel_id=channel.id
    )

    async def publish(*new_stories: SampleStory, look: PostLook) -> None:
        await store.subscriptions.set_look(subscription.id, look, user_id=person.id)
        publisher.published_stories += new_stories
        await newsroom.poller.poll(await store.feeds.get(feed.id) or feed, wait_for_host=False)

    async def deliver() -> None:
        assert isinstance(env.bot, TelexBot)
        await env.bot.outbox_relay.run_until_idle()
        await env.settle()

    await publish(stories[0], look=PostLook())  # the backlog
    for number, look in enumerate(LOOKS):
        await deliver()
        await publish(stories[number + 1], look=look)
    await deliver()
    await publish(*stories[len(LOOKS) + 1 :], look=PostLook(colour=ORANGE, prefix=PREFIX[ending]))
    feed_option = {"feed": str(subscription.id)}
    await person.slash(channel, "feed look", **feed_option)
    await person.slash(channel, "feed filter", **feed_option, never=NEVER[ending])
    rules = [(FilterMode.EXCLUDE, NEVER[ending]), (FilterMode.INCLUDE, "lang:" + language)]
    await store.filters.add(FilterPlace(subscription.id), rules, user_id=person.id, limit=10)
    await person.slash(channel, "feed filter", **feed_option)
    await person.slash(channel, "feed filter", feed="server", never=EVENT[ending], until=END[ending])


if __name__ == "__main__":
    run_staged(take_pictures)
