"""Whether posts of a channel appear under their outlet's name, what that means, and what is in the way."""

from __future__ import annotations

from bot.core.locale import _
from bot.posting.rendering.layout.blocks import Block
from bot.posting.sending.send_outcomes import REFUSED, Blocked, Refused, describe
from cogs.shared.panels import setting
from cogs.shared.place_options import Place
from cogs.shared.views import Interaction, Press


async def shown(interaction: Interaction, channel: Place, switch: Press, *, is_on: bool) -> Block:
    """The setting with what turns it on or off. Where it is on, the channel's webhook is made."""
    said = _("off: posts show my name")
    if is_on:
        said = _("on: posts show their outlet’s name and icon")
        found = await interaction.client.webhooks.find(channel, afresh=True)
        if isinstance(found, Blocked | Refused):
            why = describe(found.problem if isinstance(found, Blocked) else f"{REFUSED} {found.error}")
            said += f"\n🟠 {why} " + _("Until then, posts show my name.")
        late = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        said += f"\n{late}"
    return setting(_("Post as the outlet"), said, switch)
