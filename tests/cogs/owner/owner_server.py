"""The operator's own server, in which /owner exists."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, GuildHandle
from simcord.results import InteractionResult

from tests.support.discord_world import World
from tests.support.interactions import get_button_custom_id, get_last_reply

OWNER_SERVER_ID = 1_234_567_890_123_456_789
"""Value of the setting `owner_server` in tests of /owner."""


@dataclass
class OwnerServer:
    """The operator's server: a channel, the operator and an ordinary member."""

    world: World
    guild: GuildHandle
    channel: ChannelHandle
    operator: MemberActor
    visitor: MemberActor

    async def click(self, answer: InteractionResult, label: str) -> InteractionResult:
        """Press the button with this label as the operator."""
        message = get_last_reply(answer)
        return await self.operator.click(message, custom_id=get_button_custom_id(message, label))


async def create_owner_server(world: World, monkeypatch: pytest.MonkeyPatch) -> OwnerServer:
    """Create the operator's server."""
    guild = world.env.create_guild("Office", id=OWNER_SERVER_ID)
    channel = guild.create_text_channel("desk")
    operator = guild.add_member(world.env.create_user("operator"))
    visitor = guild.add_member(world.env.create_user("visitor"))
    await world.env.settle()

    async def application_info() -> Any:
        return SimpleNamespace(team=None, owner=operator.user)

    monkeypatch.setattr(world.bot, "application_info", application_info)
    return OwnerServer(world, guild, channel, operator, visitor)
