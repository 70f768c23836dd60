"""Panel of /settings channel."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import discord

from bot.core.i18n import N_, _, format_count
from bot.core.preferences import ChannelPreferences, Preference
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected
from bot.posting.wording.permission_labels import permission_label
from bot.posting.wording.reason_sentences import describe_reason
from cogs.settings.forum_tag_panel import ForumTagPanel
from cogs.shared.panels import ChannelPanel, heading_text, language_menu, setting_section
from cogs.shared.views import ActionButton, Interaction


class Toggle(NamedTuple):
    """Channel setting that is on or off: its name, and a text for each state."""

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
    """Panel with the settings of a channel and their controls."""

    async def render(self, interaction: Interaction) -> None:
        preferences = await self.store.preferences.by_channel(self.channel.id)
        blocks: list[Block] = [
            heading_text(_("Channel settings"), self.channel.mention),
            Separator(),
            setting_section(_("Post language")),
            ActionRow(
                language_menu(partial(self.change, Preference.LANGUAGE), preferences.language, _("Same as the server"))
            ),
            self._toggle_section(Preference.JOIN_STORIES, preferences),
        ]
        text_generator = self.client.services.model_services
        if preferences.translate or (text_generator is not None and text_generator.translator is not None):
            blocks.append(self._toggle_section(Preference.TRANSLATE, preferences))
        if isinstance(self.channel, discord.TextChannel):
            missing_permission_names = (
                permissions.find_missing_thread_permissions(self.channel) if preferences.daily_thread else []
            )
            blocks.append(
                self._toggle_section(
                    Preference.DAILY_THREAD, preferences, _missing_permissions_text(missing_permission_names)
                )
            )
        if isinstance(self.channel, discord.ForumChannel):
            rule_count = len(await self.store.forum_tags.list_by_channel(self.channel.id))
            rule_count_text = format_count("{count} rule", "{count} rules", rule_count)
            blocks.append(
                setting_section(_("Post tags"), rule_count_text, ActionButton(self._open_tag_panel, label=_("Choose…")))
            )
        webhook_notes = await self._prepare_webhook() if preferences.as_outlet else ()
        await self.display_card(
            interaction, *blocks, self._toggle_section(Preference.POST_AS_OUTLET, preferences, *webhook_notes)
        )

    def _toggle_section(self, preference: Preference, preferences: ChannelPreferences, *notes: str) -> Section:
        """Return the section of an on/off setting, with the non-empty `notes` and a button to switch it."""
        toggle, is_on = TOGGLES[preference], getattr(preferences, preference)
        lines = (_(toggle.on_text if is_on else toggle.off_text), *notes)
        toggle_button = ActionButton(
            partial(self._toggle_preference, preference), label=_("Turn off") if is_on else _("Turn on")
        )
        return setting_section(_(toggle.name), "\n".join(filter(None, lines)), toggle_button)

    async def _prepare_webhook(self) -> tuple[str, ...]:
        """Create the channel's webhook if needed.

        Returns two texts: the problem if it cannot be created, or "", and a caveat about posting by webhook.
        """
        webhook, webhook_problem = (
            await self.client.webhooks.get_or_create(self.channel, ignore_backoff=True),
            "",
        )
        if isinstance(webhook, ChannelBlocked | Rejected):
            webhook_problem = f"🟠 {describe_reason(webhook.reason)} " + _("Until then, posts show my name.")
        caveat = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        return (webhook_problem, caveat)

    async def _open_tag_panel(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await ForumTagPanel(interaction, self.channel).render(interaction)

    async def _toggle_preference(self, preference: Preference, _interaction: Interaction) -> None:
        preferences = await self.store.preferences.by_channel(self.channel.id)
        await self.change(preference, int(not getattr(preferences, preference)))
        if preference is Preference.DAILY_THREAD:
            await self.client.outbox_relay.recheck_channel(self.channel.id)
        self.client.outbox_relay.wake()


def _missing_permissions_text(missing_permission_names: list[str]) -> str:
    """Return advice on permissions that Telex lacks to create threads, or "" if it has all."""
    if not missing_permission_names:
        return ""
    bold_labels = ", ".join(f"**{permission_label(permission_name)}**" for permission_name in missing_permission_names)
    advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
    return f"🟠 {advice.format(permissions=bold_labels)}"
