"""Answers, buttons and menus as tests of commands use them, and clicks that no client would send."""

from __future__ import annotations

from typing import Any

import discord
import simcord
from simcord.actors import MemberActor, _dispatch_actor_interaction
from simcord.backend import serializers
from simcord.builders import ChannelHandle
from simcord.enums import InteractionType, OverwriteType
from simcord.results import InteractionResult, ResponseMessage

from tests.support import message_texts
from tests.support.discord_world import World


def read_reply_text(interaction: InteractionResult) -> str:
    """Everything that an answer says, its buttons and menus too."""
    return read_message_text(get_last_reply(interaction))


def get_last_reply(interaction: InteractionResult) -> ResponseMessage:
    """The last message of an answer."""
    if interaction.followups:
        return interaction.followups[-1]
    assert interaction.response is not None
    return interaction.response


read_message_text, list_components = message_texts.read_message_text, message_texts.list_components


def list_controls(message: ResponseMessage | discord.Message) -> list[dict[str, Any]]:
    """The buttons and menus of a message, wherever they stand."""
    return [component for component in list_components(message) if "custom_id" in component or "url" in component]


def list_button_labels(message: ResponseMessage) -> list[str]:
    """What its buttons say."""
    return [
        component["label"]
        for component in list_controls(message)
        if component["type"] == discord.ComponentType.button.value and component.get("label")
    ]


def get_button_custom_id(message: ResponseMessage, label: str) -> str:
    """The custom id of its button with this label."""
    return next(str(component["custom_id"]) for component in list_controls(message) if component.get("label") == label)


def find_accessory_id(message: ResponseMessage, setting: str) -> str:
    """The custom id of the button beside a setting."""
    for part in list_components(message):
        if part.get("accessory") and setting in str(part.get("components")):
            return str(part["accessory"]["custom_id"])
    raise AssertionError(setting)


async def press_button(actor: MemberActor, answer: InteractionResult, label: str) -> InteractionResult:
    """Press the button with this label under the last message of an answer."""
    return await actor.click(get_last_reply(answer), label=label)


NEXT, BACK = "▶️", "◀️"
"""What the buttons that turn pages show."""


async def press_icon_button(actor: MemberActor, message: ResponseMessage, icon: str) -> InteractionResult:
    """Press the button that shows this emoji alone."""
    return await actor.click(message, custom_id=str(find_icon_button(message, icon)["custom_id"]))


def find_icon_button(message: ResponseMessage, icon: str) -> dict[str, Any]:
    """The button that shows this emoji alone."""
    return next(
        component
        for component in list_controls(message)
        if not component.get("label") and component.get("emoji", {}).get("name") == icon
    )


def find_menu(message: ResponseMessage | discord.Message, start: str = "") -> tuple[str, list[dict[str, Any]]]:
    """The custom id and the options of its menu whose placeholder begins so."""
    for component in list_controls(message):
        if component["type"] == discord.ComponentType.select.value and component.get("placeholder", "").startswith(
            start
        ):
            return component["custom_id"], component["options"]
    raise AssertionError(f"no menu {start!r}")


def list_selected_labels(message: ResponseMessage | discord.Message, start: str = "") -> list[str]:
    """What the menu whose placeholder begins so shows as chosen."""
    return [option["label"] for option in find_menu(message, start)[1] if option.get("default")]


async def select_option(actor: MemberActor, message: ResponseMessage, title: str, start: str = "") -> InteractionResult:
    """Choose the option with this label."""
    custom_id, options = find_menu(message, start)
    option_value = next(option["value"] for option in options if option["label"].startswith(title))
    return await actor.select(message, [option_value], custom_id=custom_id)


async def open_feed_card(world: World, title: str = "Example News") -> InteractionResult:
    """The card of a feed that /feed list opens."""
    return await select_option(world.editor, get_last_reply(await world.run_as_editor("feed list")), title)


async def forge_click(
    actor: MemberActor,
    channel: ChannelHandle,
    message: Any,
    custom_id: str,
    *,
    values: list[str] | None = None,
    component_type: int | None = None,
    resolved: dict[str, Any] | None = None,
) -> InteractionResult:
    """Send a click that no client would: on any message, with any id, seen or not."""
    backend = actor._env.backend  # noqa: SLF001 - simcord’s
    channel_id = message.channel_id if isinstance(message, ResponseMessage) else message.channel.id
    stored = backend.get_message(channel_id, message.id)
    component_type = component_type or (2 if values is None else 3)
    interaction_data: dict[str, Any] = {"custom_id": custom_id, "component_type": component_type}
    if values is not None:
        interaction_data["values"] = values
    if resolved is not None:
        interaction_data["resolved"] = resolved
    return await _dispatch_actor_interaction(
        actor,
        InteractionType.MESSAGE_COMPONENT,
        channel,
        interaction_data,
        extra={"message": dict(serializers.message_payload(backend, stored))},
        source_message_id=stored.id,
    )


def hide_channel(world: World, channel: ChannelHandle, member: MemberActor) -> None:
    """Take a person's view of a channel."""
    _set_channel_visibility(world, channel, member.id, OverwriteType.MEMBER, is_visible=False)


async def restrict_to_editors(world: World, channel: ChannelHandle) -> None:
    """Let only editors, and the bot, see a channel."""
    _set_channel_visibility(world, channel, world.guild.default_role.id, OverwriteType.ROLE, is_visible=False)
    _set_channel_visibility(world, channel, world.guild.roles["Editors"].id, OverwriteType.ROLE, is_visible=True)
    await world.set_permissions(channel, view_channel=True)


def _set_channel_visibility(
    world: World, channel: ChannelHandle, target_id: int, target_type: OverwriteType, *, is_visible: bool
) -> None:
    view = discord.Permissions(view_channel=True).value
    allow, deny = (view, 0) if is_visible else (0, view)
    overwrite = simcord.backend.models.Overwrite(target_id=target_id, type=target_type, allow=allow, deny=deny)
    world.env.backend.set_overwrite(channel.id, overwrite)
