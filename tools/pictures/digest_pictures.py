"""Pictures of a digest, its panel and a channel's schedule: `python -m tools.pictures.digest_pictures [FOLDER]`.

In English and in French, wide and narrow, of the stories of the demo.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.core import setting_registry
from bot.core.preferences import DigestPlan, Preference
from bot.core.setting_registry import ChannelSetting
from bot.demo.sample_feeds import SamplePublisher
from tests.support import store_probe
from tests.support.store_probe import Column
from tools.pictures.picture_stage import build_newsstand, run_staged, shoot_widths

COMMANDS = {"digest-setup": "digest setup"}


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """The digest of a week in each language, the panel that changes it, the schedule of the channel."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    for ending, person in (("", stage.ada), ("-fr", stage.camille)):
        env.backend.add_member_role(stage.guild.id, person.id, stage.guild.roles["Editors"].id)
        channel = stage.guild.create_text_channel(f"weekly{ending}")
        scope = {"server_id": stage.guild.id, "user_id": person.id}
        await newsroom.store.preferences.change(Preference.TIME_ZONE, "Europe/Paris", **scope)
        settings: tuple[tuple[ChannelSetting[Any], str | int], ...] = (
            (setting_registry.LANGUAGE, "fr" if ending else "en"),
            (setting_registry.QUIET_HOURS, "22:00-07:00"),
            (setting_registry.MAX_POSTS_PER_HOUR, 5),
        )
        for setting, choice in settings:
            await newsroom.store.preferences.change_channel(setting, choice, **scope, channel_id=channel.id)
        plan = DigestPlan(weekday=0, minute=480, includes_other_channels=True, has_chart=True)
        await newsroom.store.digests.save(plan, **scope, channel_id=channel.id, limit=9)
        store_probe.set_column(newsroom.settings.database, Column.DIGEST_DUE_AT, int(time.time()))
        store_probe.set_column(newsroom.settings.database, Column.SERVER_JOINED_AT, 0)
        assert isinstance(env.bot, TelexBot)
        await env.bot.outbox_relay.run_until_idle()
        await env.settle()
        await shoot_widths(env, channel, person, folder / f"digest{ending}.png", assets)
        for name, command in COMMANDS.items():
            await person.slash(channel, command)
            await shoot_widths(env, channel, person, folder / f"{name}{ending}.png", assets)


if __name__ == "__main__":
    run_staged(take_pictures)
