"""When the first articles of what a channel follows appear there."""

from __future__ import annotations

from bot.core import hours
from bot.core.locale import _, clickable
from cogs.shared.place_options import Place
from cogs.shared.views import Interaction


async def delay(interaction: Interaction, target: Place) -> str:
    """Why articles do not appear in a channel at once, or not all of them; "" where they do."""
    store = interaction.client.store
    digest = await store.digests.of_channel(target.id)
    if digest is not None and digest.plan.alone:
        return _("{channel} only gets digests. Next one: {date}.").format(
            channel=target.mention, date=f"<t:{digest.due}:f>"
        )
    chosen = await store.preferences.of_channel(target.id)
    zone = (await store.preferences.of_server(target.guild.id)).time_zone
    ends = hours.quiet_until(interaction.client.newsroom.clock.now(), chosen.quiet_hours, zone)
    if chosen.least_outlets is not None or chosen.best_a_day is not None:
        return clickable(
            _("{channel} only gets the stories /settings stories lets through, so they arrive later.")
        ).format(channel=target.mention)
    if not ends:
        return ""
    return _("{channel} has quiet hours. Articles arrive when they end: {date}.").format(
        channel=target.mention, date=f"<t:{ends}:f>"
    )
