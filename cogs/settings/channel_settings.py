"""The panel of /settings channel."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import discord

from bot.core.i18n import N_, _, format_count
from bot.core.preferences import ChannelPreferences, Preference
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected, SendProblem
from bot.posting.wording.problem_sentences import describe_problem
from cogs.settings.forum_tag_panel import ForumTagPanel
from cogs.shared.panels import ChannelPanel, heading_text, language_menu, setting_section
from cogs.shared.views import ActionButton, Interaction


class Toggle(NamedTuple):
    """A channel setting that is on or off: its name, and a text for each state."""

    name: str
    off_text: str
    on_text: str


TOGGLES: Mapping[str, Toggle] = {
    Preference.JOIN_STORIES: Toggle(
        N_("Group by story"),
        N_("off: each article gets its own post"),
        N_("on: articles on the same event share one post"),
    ),
    Preference.TRANSLATE: Toggle(
        N_("Machine translation"),
        N_("off: posts stay in their own language"),
        N_("on: titles and excerpts in the post language, the original under More"),
    ),
    Preference.DAILY_THREAD: Toggle(
        N_("Daily thread"),
        N_("off: posts go straight into the channel"),
        N_("on: each day has its own thread"),
    ),
    Preference.POST_AS_OUTLET: Toggle(
        N_("Post as the outlet"),
        N_("off: posts show my name"),
        N_("on: posts show their outlet’s name and icon"),
    ),
}


class ChannelSettingsPanel(ChannelPanel):
    """The settings of a channel with their controls."""

    async def render(self, interaction: Interaction) -> None:
        now = await self.store.preferences.of_channel(self.channel.id)
        blocks: list[Block] = [
            heading_text(_("Channel settings"), self.channel.mention),
            Separator(),
            setting_section(_("Post language")),
            ActionRow(language_menu(self, now.language, _("Same as the server"))),
            self._toggle_section(Preference.JOIN_STORIES, now),
        ]
        writing = self.client.newsroom.text_generator
        if now.translate or (writing is not None and writing.translator is not None):
            blocks.append(self._toggle_section(Preference.TRANSLATE, now))
        if isinstance(self.channel, discord.TextChannel):
            lacking = permissions.missing_thread_permissions(self.channel) if now.daily_thread else []
            blocks.append(
                self._toggle_section(Preference.DAILY_THREAD, now, _missing_permissions_text(lacking))
            )
        if isinstance(self.channel, discord.ForumChannel):
            rules = len(await self.store.forum_tags.by_channel(self.channel.id))
            told = format_count("{count} rule", "{count} rules", rules)
            blocks.append(setting_section(_("Post tags"), told, ActionButton(self._tags, label=_("Choose…"))))
        signs = await self._webhook_notes() if now.as_outlet else ()
        await self.display_card(
            interaction, *blocks, self._toggle_section(Preference.POST_AS_OUTLET, now, *signs)
        )

    def _toggle_section(self, preference: Preference, now: ChannelPreferences, *more: str) -> Section:
        """Return the section of a toggle, with the non-empty `notes` and a button that switches it."""
        switch, is_on = TOGGLES[preference], getattr(now, preference)
        lines = (_(switch.on_text if is_on else switch.off_text), *more)
        turn = ActionButton(partial(self._toggle, preference), label=_("Turn off") if is_on else _("Turn on"))
        return setting_section(_(switch.name), "\n".join(filter(None, lines)), turn)

    async def _webhook_notes(self) -> tuple[str, ...]:
        """Return the problem with the channel's webhook, or "", and a caveat; create the webhook."""
        found, problem = await self.client.webhooks.get_or_create(self.channel, ignore_backoff=True), ""
        if isinstance(found, ChannelBlocked | Rejected):
            why = (
                found.problem if isinstance(found, ChannelBlocked) else f"{SendProblem.REFUSED} {found.error}"
            )
            problem = f"🟠 {describe_problem(why)} " + _("Until then, posts show my name.")
        late = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        return (problem, late)

    async def _tags(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await ForumTagPanel(interaction, self.channel).render(interaction)

    async def _toggle(self, preference: Preference, _interaction: Interaction) -> None:
        now = await self.store.preferences.of_channel(self.channel.id)
        await self.change(preference, int(not getattr(now, preference)))
        if preference is Preference.DAILY_THREAD:
            await self.client.courier.recheck_channel(self.channel.id)
        self.client.courier.wake()


def _missing_permissions_text(lacking: list[str]) -> str:
    """Return advice on permissions that are missing for threads, or "" if there are none."""
    if not lacking:
        return ""
    names = ", ".join(f"**{permissions.permission_label(one)}**" for one in lacking)
    advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
    return f"🟠 {advice.format(permissions=names)}"
