"""Panel of /settings mentions: which roles the posts of a channel mention, and for what."""

from functools import partial

import discord

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.preferences import MAX_MENTION_RULES_PER_CHANNEL, MentionRule
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits, role_mentions
from bot.posting.rendering.layout.blocks import ActionRow
from bot.posting.wording.mention_labels import mention_rule_label, role_size_text
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from cogs.feeds.look_panel import mention_warning_text
from cogs.settings.mention_trial import (
    DEFAULT_DAILY_LIMIT,
    find_mention_problem,
    load_role_sizes,
    open_mention_trial,
    require_mentionable_role,
)
from cogs.shared.channel_options import PostableChannel
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

_MAX_QUERY_LENGTH = 150
"""Maximum length in UTF-16 units of a query that the list of rules for mentions of roles shows."""


class MentionPanel(ChannelPanel):
    """Panel with a channel's rules of which posts mention a role, a menu to add rules, and buttons to remove them."""

    def __init__(self, interaction: Interaction, channel: PostableChannel) -> None:
        super().__init__(interaction, channel)
        self._size_by_role_id: dict[int, int] | None = None

    async def render(self, interaction: Interaction, removed_rule: MentionRule | None = None) -> None:
        if self._size_by_role_id is None:
            self._size_by_role_id = await load_role_sizes(self.guild)
        rules = await self.store.mention_rules.list_by_channel(self.channel.id)
        intro = _("A post that matches mentions the role once. Digests and catch-ups mention nobody.")
        text_lines = [intro]
        if removed_rule is not None:
            text_lines.append(_("Removed: {rule}").format(rule=mention_rule_label(removed_rule)))
        text_lines += await self._list_rule_lines(rules)
        if not rules:
            text_lines.append(_("No rules yet. Choose a role to begin."))
        if not self._size_by_role_id:
            text_lines.append("-# " + _("I can’t see how many members roles have. Give me Manage Roles for that."))
        remove_buttons = [
            ActionButton(partial(self._remove, rule), label=_("Remove {number}").format(number=rule_number))
            for rule_number, rule in enumerate(rules, 1)
        ]
        role_options = self._build_role_options(interaction)
        role_menu = None
        if role_options and len(rules) < MAX_MENTION_RULES_PER_CHANNEL:
            role_menu = StringMenu(
                self._open_rule_form, AckMode.MANUAL, placeholder=_("Mention a role…"), options=role_options
            )
        elif not role_options:
            text_lines.append(
                _("There’s no role that you may mention here. Make one mentionable in the server’s settings.")
            )
        if len(role_options) == discord_limits.MAX_OPTIONS:
            text_lines.append("-# " + linkify_commands(_("For a role that’s not in the menu: /settings mentions")))
        await self.display_card(
            interaction,
            heading_block(_("Mentions by topic"), self.channel.mention, *text_lines),
            ActionRow(role_menu),
            ActionRow(*remove_buttons),
        )

    async def _list_rule_lines(self, rules: list[MentionRule]) -> list[str]:
        role_ids = {rule.role_id for rule in rules}
        counts_by_role_id = {counts.role_id: counts for counts in await self.store.post_mentions.count_recent(role_ids)}
        text_lines: list[str] = []
        for rule_number, rule in enumerate(rules, 1):
            size = (self._size_by_role_id or {}).get(rule.role_id)
            label = mention_rule_label(rule, size=size, max_query_length=_MAX_QUERY_LENGTH)
            text_lines.append(f"{rule_number}. {label}")
            counts = counts_by_role_id.get(rule.role_id)
            if not role_mentions.can_bot_mention(self.client, self.guild.id, self.channel.id, rule.role_id):
                text_lines.append("-# ⚠️ " + mention_warning_text(rule.role_id))
            elif counts is not None and counts.over_limit_count and counts.mention_count >= rule.daily_limit:
                limit_text = format_count(
                    "Limit reached: {count} post of the last 24 hours came without the mention.",
                    "Limit reached: {count} posts of the last 24 hours came without the mention.",
                    counts.over_limit_count,
                )
                text_lines.append(f"-# 🟠 {limit_text}")
        return text_lines

    def _build_role_options(self, interaction: Interaction) -> list[discord.SelectOption]:
        """Return menu options for the roles that the user may have mentioned here, with their sizes.

        Roles without permissions come first, since roles for topics have none.
        """
        roles = [role for role in self.guild.roles if find_mention_problem(interaction, role, self.channel) is None]
        everyone_permissions = self.guild.default_role.permissions.value
        roles.sort(key=lambda role: (bool(role.permissions.value & ~everyone_permissions), role.name.casefold()))
        return [
            menu_option(
                f"@{role.name}",
                role.id,
                "" if not self._size_by_role_id else role_size_text(self._size_by_role_id.get(role.id, 0)),
            )
            for role in roles[: discord_limits.MAX_OPTIONS]
        ]

    async def _open_rule_form(self, interaction: Interaction, selected_values: list[str]) -> None:
        role = require_mentionable_role(interaction, int(selected_values[0]), self.channel)
        topic_field = TextField(
            "topic",
            _("Posts that match"),
            description=_('Words, "an exact phrase", OR, -without'),
            placeholder="openai OR anthropic",
            max_length=MAX_QUERY_LENGTH,
        )
        limit_field = TextField(
            "limit", _("Mentions a day, at most"), default=str(DEFAULT_DAILY_LIMIT), max_length=3, required=False
        )
        title = _("Mention @{role}").format(role=role.name)
        modal = FormModal(
            discord_text.to_plain_line(title, discord_limits.MAX_MODAL_TITLE_LENGTH),
            partial(self._preview, role.id),
            topic_field,
            limit_field,
            view=self,
        )
        await interaction.response.send_modal(modal)

    async def _preview(self, role_id: int, interaction: Interaction, topic: str, limit_text: str) -> None:
        limit_text = limit_text.strip() or str(DEFAULT_DAILY_LIMIT)
        if not limit_text.isdecimal():
            raise UserFacingError(_("Enter the number of mentions a day as digits, such as 5."))
        await open_mention_trial(interaction, self.channel, role_id, topic, int(limit_text))
        self.stop()

    async def _remove(self, rule: MentionRule, interaction: Interaction) -> None:
        is_removed = await self.store.mention_rules.remove(
            rule, server_id=self.guild.id, channel_id=self.channel.id, user_id=self.user_id
        )
        await self.render(interaction, rule if is_removed else None)
