"""Panel for the tag rules of a forum (which posts get which tag), opened from /settings channel."""

from functools import partial

import discord

from bot.core.i18n import _, format_count
from bot.core.preferences import MAX_TAG_RULES_PER_FORUM, ForumTagRule
from bot.core.user_errors import UserFacingError
from bot.posting.forum_tag_selection import list_assignable_tags
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow
from bot.text import discord_text
from bot.watches import subscription_filters
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import AckMode, Interaction, StringMenu, menu_option

_MAX_QUERY_LENGTH = 100
"""Maximum length in UTF-16 units of the query of a forum tag's rule, which selects the posts with the tag."""


class ForumTagPanel(ChannelPanel):
    """Panel with the tag rules of a forum (which posts get which tag), and menus to add and remove rules."""

    def __init__(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        super().__init__(interaction, forum)
        self._forum = forum
        self._rules: list[ForumTagRule] = []

    async def render(self, interaction: Interaction) -> None:
        self._rules = await self.store.forum_tags.list_by_channel(self._forum.id)
        text_lines = [_("Tags named like a feed’s categories are added automatically.")]
        text_lines += [f"• {self._format_rule(rule)}" for rule in self._rules]
        assignable_tags = list_assignable_tags(self._forum)
        if not assignable_tags:
            text_lines.append(_("This forum has no tags I can use yet. Create some in its settings."))
        add_menu = remove_menu = None
        if assignable_tags:
            options = [menu_option(tag.name, tag.id) for tag in assignable_tags]
            add_menu = StringMenu(self._open_rule_modal, AckMode.MANUAL, placeholder=_("Add a tag…"), options=options)
        if self._rules:
            options = [
                menu_option(self._format_rule_label(rule), rule_index) for rule_index, rule in enumerate(self._rules)
            ]
            remove_menu = StringMenu(self._remove_rule, placeholder=_("Remove a rule…"), options=options)
        blocks = (
            heading_block(_("Post tags"), self._forum.mention, *text_lines),
            ActionRow(add_menu),
            ActionRow(remove_menu),
        )
        await self.display_card(interaction, *blocks)

    def _find_tag_name(self, rule: ForumTagRule) -> str:
        tag = self._forum.get_tag(rule.tag_id)
        return tag.name if tag is not None else _("a deleted tag")

    def _format_rule_label(self, rule: ForumTagRule) -> str:
        tag_name = self._find_tag_name(rule)
        return _("{tag}: {query}").format(tag=tag_name, query=rule.query) if rule.query else tag_name

    def _format_rule(self, rule: ForumTagRule) -> str:
        tag_markup = discord_text.to_markdown_line(self._find_tag_name(rule), discord_limits.MAX_OPTION_LABEL_LENGTH)
        if not rule.query:
            return _("**{tag}**: every post").format(tag=tag_markup)
        query_text = discord_text.to_plain_line(rule.query, _MAX_QUERY_LENGTH).replace("`", "'")
        return _("**{tag}**: posts that match `{query}`").format(tag=tag_markup, query=query_text)

    async def _open_rule_modal(self, interaction: Interaction, selected_values: list[str]) -> None:
        text_field = TextField(
            "line",
            _("Posts that match (empty: all posts)"),
            placeholder="source:numerama robots",
            max_length=_MAX_QUERY_LENGTH,
            required=False,
        )
        modal = FormModal(_("Add a tag"), partial(self._add_rule, int(selected_values[0])), text_field, view=self)
        await interaction.response.send_modal(modal)

    async def _add_rule(self, tag_id: int, _interaction: Interaction, field_text: str) -> None:
        query_text = field_text.strip()
        query = (
            subscription_filters.parse_filter_query(query_text, self.client.services.clock.now()).text
            if query_text
            else ""
        )
        tag = self._forum.get_tag(tag_id)
        if tag is None:
            raise UserFacingError(_("That tag no longer exists."))
        is_added = await self.store.forum_tags.add(
            ForumTagRule(tag_id, query),
            tag.name,
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            user_id=self.user_id,
            max_rules=MAX_TAG_RULES_PER_FORUM,
        )
        if not is_added:
            raise UserFacingError(
                format_count(
                    "A forum can have {count} tag rule. Remove one first.",
                    "A forum can have up to {count} tag rules. Remove one first.",
                    MAX_TAG_RULES_PER_FORUM,
                )
            )
        self.has_saved = True
        await self.client.outbox_relay.recheck_channel(self._forum.id)

    async def _remove_rule(self, _interaction: Interaction, selected_values: list[str]) -> None:
        rule = self._rules[int(selected_values[0])]
        await self.store.forum_tags.remove(
            rule,
            self._find_tag_name(rule),
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            user_id=self.user_id,
        )
        self.has_saved = True
