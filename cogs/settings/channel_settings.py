"""/settings channel: what holds for one channel."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import discord

from bot.core.choices import ChannelPreferences, Preference
from bot.core.locale import N_, _, counted
from bot.posting.rendering.layout.blocks import Block, Row, Rule, Section
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import Blocked, Problem, Refused
from bot.posting.wording.problem_sentences import describe
from cogs.settings.forum_tag_panel import ForumTagPanel
from cogs.shared.panels import ChannelPanel, headed, languages, setting
from cogs.shared.views import Interaction, Press


class Switch(NamedTuple):
    """A setting of a channel that is on or off: its name, and what either means."""

    name: str
    off: str
    on: str


SWITCHES: Mapping[str, Switch] = {
    Preference.JOIN_STORIES: Switch(
        N_("Group by story"),
        N_("off: each article gets its own post"),
        N_("on: articles on the same event share one post"),
    ),
    Preference.TRANSLATE: Switch(
        N_("Machine translation"),
        N_("off: posts stay in their own language"),
        N_("on: titles and excerpts in the post language, the original under More"),
    ),
    Preference.DAILY_THREAD: Switch(
        N_("Daily thread"),
        N_("off: posts go straight into the channel"),
        N_("on: each day has its own thread"),
    ),
    Preference.AS_OUTLET: Switch(
        N_("Post as the outlet"),
        N_("off: posts show my name"),
        N_("on: posts show their outlet’s name and icon"),
    ),
}


class ChannelSettings(ChannelPanel):
    """A panel with the settings of a channel, each beside what changes it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        now = await self.store.preferences.of_channel(self.channel.id)
        blocks: list[Block] = [
            headed(_("Channel settings"), self.channel.mention),
            Rule(),
            setting(_("Post language")),
            Row(languages(self, now.language, _("Same as the server"))),
            self._switch(Preference.JOIN_STORIES, now),
        ]
        writing = self.client.newsroom.writing
        if now.translate or (writing is not None and writing.translations is not None):
            blocks.append(self._switch(Preference.TRANSLATE, now))
        if isinstance(self.channel, discord.TextChannel):
            lacking = permissions.lacking_for_threads(self.channel) if now.daily_thread else []
            blocks.append(self._switch(Preference.DAILY_THREAD, now, _cannot_begin(lacking)))
        if isinstance(self.channel, discord.ForumChannel):
            rules = len(await self.store.forum_tags.of(self.channel.id))
            told = counted("{count} rule", "{count} rules", rules)
            blocks.append(setting(_("Post tags"), told, Press(self._tags, label=_("Choose…"))))
        signs = await self._signs() if now.as_outlet else ()
        await self.display_card(interaction, *blocks, self._switch(Preference.AS_OUTLET, now, *signs))

    def _switch(self, preference: Preference, now: ChannelPreferences, *more: str) -> Section:
        """A switch as it is, with more lines, of which some may be empty, and the button that turns it."""
        switch, is_on = SWITCHES[preference], getattr(now, preference)
        lines = (_(switch.on if is_on else switch.off), *more)
        turn = Press(partial(self._turn_over, preference), label=_("Turn off") if is_on else _("Turn on"))
        return setting(_(switch.name), "\n".join(filter(None, lines)), turn)

    async def _signs(self) -> tuple[str, ...]:
        """What is in the way of outlets' names, and what they cost; makes the channel's webhook."""
        found, problem = await self.client.webhooks.find(self.channel, afresh=True), ""
        if isinstance(found, Blocked | Refused):
            why = found.problem if isinstance(found, Blocked) else f"{Problem.REFUSED} {found.error}"
            problem = f"🟠 {describe(why)} " + _("Until then, posts show my name.")
        late = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        return (problem, late)

    async def _tags(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await ForumTagPanel(interaction, self.channel).show(interaction)

    async def _turn_over(self, preference: Preference, _interaction: Interaction) -> None:
        now = await self.store.preferences.of_channel(self.channel.id)
        await self.change(preference, int(not getattr(now, preference)))
        if preference is Preference.DAILY_THREAD:
            await self.client.courier.look_again(self.channel.id)
        self.client.courier.wake()


def _cannot_begin(lacking: list[str]) -> str:
    """What to say of permissions without which no thread can be made; "" where none is missing."""
    if not lacking:
        return ""
    names = ", ".join(f"**{permissions.name(one)}**" for one in lacking)
    advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
    return f"🟠 {advice.format(permissions=names)}"
