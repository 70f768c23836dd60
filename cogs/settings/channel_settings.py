"""/settings channel: what holds for one channel."""

from __future__ import annotations

from functools import partial

import discord

from bot.core.choices import Preference
from bot.core.locale import _, counted
from bot.posting.rendering.layout.blocks import Block, Row, Rule
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import REFUSED, Blocked, Refused, describe
from cogs.settings.forum_tag_panel import TagPanel
from cogs.shared.panels import ChannelPanel, headed, languages, setting
from cogs.shared.place_options import Place
from cogs.shared.views import Interaction, Press


class ChannelSettings(ChannelPanel):
    """A panel with the settings of a channel, each beside what changes it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        now = await interaction.client.store.preferences.of_channel(self.channel.id)
        otherwise = _("Same as the server")
        joins = _("off: each article gets its own post")
        if now.join_stories:
            joins = _("on: articles on the same event share one post")
        blocks: list[Block] = [
            headed(_("Channel settings"), self.channel.mention),
            Rule(),
            setting(_("Post language")),
            Row(languages(self, now.language, otherwise)),
            setting(_("Group by story"), joins, self._turn(Preference.JOIN_STORIES, is_on=now.join_stories)),
        ]
        writing = interaction.client.newsroom.writing
        if now.translate or (writing is not None and writing.translations is not None):
            translates = _("off: posts stay in their own language")
            if now.translate:
                translates = _("on: titles and excerpts in the post language, the original under More")
            turn = self._turn(Preference.TRANSLATE, is_on=now.translate)
            blocks.append(setting(_("Machine translation"), translates, turn))
        if isinstance(self.channel, discord.TextChannel):
            blocks.append(self._threads(self.channel, is_on=now.daily_thread))
        if isinstance(self.channel, discord.ForumChannel):
            rules = len(await interaction.client.store.forum_tags.of(self.channel.id))
            told = counted("{count} rule", "{count} rules", rules)
            blocks.append(setting(_("Post tags"), told, Press(self._tags, label=_("Choose…"))))
        switch = self._turn(Preference.AS_OUTLET, is_on=now.as_outlet)
        blocks.append(await _outlet_name(interaction, self.channel, switch, is_on=now.as_outlet))
        await self.display_card(interaction, *blocks)

    def _threads(self, channel: discord.TextChannel, *, is_on: bool) -> Block:
        """Whether posts go into a thread of the day, and what the bot lacks for that."""
        said = _("off: posts go straight into the channel")
        if is_on:
            said = _("on: each day has its own thread")
        if is_on and (lacking := permissions.lacking_for_threads(channel)):
            names = ", ".join(f"**{permissions.name(one)}**" for one in lacking)
            advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
            said += f"\n🟠 {advice.format(permissions=names)}"
        return setting(_("Daily thread"), said, self._turn(Preference.DAILY_THREAD, is_on=is_on))

    def _turn(self, preference: Preference, *, is_on: bool) -> Press:
        label = _("Turn off") if is_on else _("Turn on")
        return Press(partial(self._turn_over, preference), label=label)

    async def _tags(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await TagPanel(interaction, self.channel, self.command_id).show(interaction)

    async def _turn_over(self, preference: Preference, interaction: Interaction) -> None:
        now = await interaction.client.store.preferences.of_channel(self.channel.id)
        await self.change(interaction, preference, int(not getattr(now, preference)))
        if preference is Preference.DAILY_THREAD:
            await interaction.client.courier.look_again(self.channel.id)
        interaction.client.courier.wake()
        await self.show(interaction)


async def _outlet_name(interaction: Interaction, channel: Place, switch: Press, *, is_on: bool) -> Block:
    """Whether posts appear under their outlet's name, and what is in the way; where on, makes the webhook."""
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
