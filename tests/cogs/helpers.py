"""What tests of commands share: a followed feed, forged clicks, another language."""

from __future__ import annotations

from typing import Any

import discord
import simcord
from simcord.actors import MemberActor, _dispatch_actor_interaction
from simcord.backend import serializers
from simcord.builders import ChannelHandle
from simcord.enums import InteractionType, OverwriteType
from simcord.results import InteractionResult, ResponseMessage

from bot.core.models import Article, Feed
from tests import shown
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss

START = 1_780_000_000
"""When the clock of a test starts."""


def said(result: InteractionResult) -> str:
    """Everything that an answer says, its buttons and menus too."""
    return text(last(result))


def last(result: InteractionResult) -> ResponseMessage:
    """The last message of an answer."""
    if result.followups:
        return result.followups[-1]
    assert result.response is not None
    return result.response


text, parts = shown.text, shown.parts


def components(message: ResponseMessage | discord.Message) -> list[dict[str, Any]]:
    """The buttons and menus of a message, wherever they stand."""
    return [one for one in parts(message) if "custom_id" in one or "url" in one]


def labels(message: ResponseMessage) -> list[str]:
    """What its buttons say."""
    return [
        one["label"]
        for one in components(message)
        if one["type"] == discord.ComponentType.button.value and one.get("label")
    ]


def button(message: ResponseMessage, label: str) -> str:
    """The custom id of its button with this label."""
    return next(str(one["custom_id"]) for one in components(message) if one.get("label") == label)


NEXT, BACK = "▶️", "◀️"
"""What the buttons that turn pages show."""


async def press(actor: MemberActor, message: ResponseMessage, icon: str) -> InteractionResult:
    """Press the button that shows this emoji alone."""
    return await actor.click(message, custom_id=str(icon_button(message, icon)["custom_id"]))


def icon_button(message: ResponseMessage, icon: str) -> dict[str, Any]:
    """The button that shows this emoji alone."""
    return next(
        one
        for one in components(message)
        if not one.get("label") and one.get("emoji", {}).get("name") == icon
    )


def menu(message: ResponseMessage | discord.Message, start: str = "") -> tuple[str, list[dict[str, Any]]]:
    """The custom id and the options of its menu whose placeholder begins so."""
    for one in components(message):
        if one["type"] == discord.ComponentType.select.value and one.get("placeholder", "").startswith(start):
            return one["custom_id"], one["options"]
    raise AssertionError(f"no menu {start!r}")


def selected(message: ResponseMessage | discord.Message, start: str = "") -> list[str]:
    """What the menu whose placeholder begins so shows as chosen."""
    return [option["label"] for option in menu(message, start)[1] if option.get("default")]


async def choose(
    actor: MemberActor, message: ResponseMessage, title: str, start: str = ""
) -> InteractionResult:
    """Choose the option with this label."""
    custom_id, options = menu(message, start)
    value = next(option["value"] for option in options if option["label"].startswith(title))
    return await actor.select(message, [value], custom_id=custom_id)


async def card(world: World, title: str = "Example News") -> InteractionResult:
    """The card of a feed that /feed list opens."""
    return await choose(world.editor, last(await world.editor.slash(world.news, "feed list")), title)


async def forge(
    actor: MemberActor,
    channel: ChannelHandle,
    message: Any,
    custom_id: str,
    *,
    values: list[str] | None = None,
    kind: int | None = None,
    resolved: dict[str, Any] | None = None,
) -> InteractionResult:
    """Send a click that no client would: on any message, with any id, seen or not."""
    backend = actor._env.backend  # noqa: SLF001 - simcord’s
    channel_id = message.channel_id if isinstance(message, ResponseMessage) else message.channel.id
    stored = backend.get_message(channel_id, message.id)
    kind = kind or (2 if values is None else 3)
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": kind}
    if values is not None:
        data["values"] = values
    if resolved is not None:
        data["resolved"] = resolved
    return await _dispatch_actor_interaction(
        actor,
        InteractionType.MESSAGE_COMPONENT,
        channel,
        data,
        extra={"message": dict(serializers.message_payload(backend, stored))},
        source_message_id=stored.id,
    )


async def follow(
    world: World,
    server: FeedServer,
    *items: str,
    path: str = "/rss",
    title: str = "Example News",
    language: str = "en",
    channel: ChannelHandle | None = None,
) -> Feed:
    """A feed that a channel follows, read once, with its newest article posted."""
    url = server.serve(path, rss(*(items or three()), title=title, language=language))
    feed = await world.follow(url, channel)
    await world.poll_and_deliver(feed)
    read = await world.store.feeds.get(feed.id)
    assert read is not None
    return read


def three() -> tuple[str, str, str]:
    """Three articles, newest first."""
    told = {
        3: ("Cities ban facial recognition", "A moratorium was voted in June.", 60),
        2: ("A new browser engine", "Written in a safe language.", 3600),
        1: ("Chips get smaller", "Two nanometres at last.", 7200),
    }
    three, two, one = (
        item(number, title=title, body=body, published=START - age)
        for number, (title, body, age) in told.items()
    )
    return three, two, one


async def newest(world: World, feed: Feed) -> Article:
    """The newest article of a feed."""
    return (await world.store.articles.newest([feed.id], limit=1))[0]


def hide(world: World, channel: ChannelHandle, person: MemberActor) -> None:
    """Take a person's view of a channel."""
    _may_see(world, channel, person.id, OverwriteType.MEMBER, sees=False)


async def close(world: World, channel: ChannelHandle) -> None:
    """Let only editors, and the bot, see a channel."""
    _may_see(world, channel, world.guild.default_role.id, OverwriteType.ROLE, sees=False)
    _may_see(world, channel, world.guild.roles["Editors"].id, OverwriteType.ROLE, sees=True)
    await world.set_permissions(channel, view_channel=True)


def _may_see(world: World, channel: ChannelHandle, whose: int, kind: OverwriteType, *, sees: bool) -> None:
    view = discord.Permissions(view_channel=True).value
    allow, deny = (view, 0) if sees else (0, view)
    overwrite = simcord.backend.models.Overwrite(target_id=whose, type=kind, allow=allow, deny=deny)
    world.env.backend.set_overwrite(channel.id, overwrite)
