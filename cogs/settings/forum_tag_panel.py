"""The panel for forum tag rules, opened from /settings channel."""

from functools import partial

import discord

from bot.core.i18n import _, format_count
from bot.core.preferences import ForumTagRule
from bot.core.user_errors import UserFacingError
from bot.posting.forum_tags import assignable_tags
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow
from bot.text import discord_text
from bot.watches import subscription_filters
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import ChannelPanel, heading_text
from cogs.shared.views import AckMode, Interaction, StringMenu, menu_option

_MAX_RULES_PER_FORUM = 20

_MAX_QUERY_LENGTH = 100


class ForumTagPanel(ChannelPanel):
    """The tag rules of a forum, with menus that add and remove rules."""

    def __init__(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        super().__init__(interaction, forum)
        self._forum = forum
        self._rules: list[ForumTagRule] = []

    async def render(self, interaction: Interaction) -> None:
        self._rules = await self.store.forum_tags.by_channel(self._forum.id)
        lines = [_("Tags named like a feed’s categories are added automatically.")]
        lines += [f"• {self._rule_text(rule)}" for rule in self._rules]
        tags = assignable_tags(self._forum)
        if not tags:
            lines.append(_("This forum has no tags I can use yet. Create some in its settings."))
        pick = remove = None
        if tags:
            options = [menu_option(tag.name, tag.id) for tag in tags]
            pick = StringMenu(
                self._open_rule_modal, AckMode.MANUAL, placeholder=_("Add a tag…"), options=options
            )
        if self._rules:
            options = [menu_option(self._label(rule), number) for number, rule in enumerate(self._rules)]
            remove = StringMenu(self._remove, placeholder=_("Remove a rule…"), options=options)
        blocks = (
            heading_text(_("Post tags"), self._forum.mention, *lines),
            ActionRow(pick),
            ActionRow(remove),
        )
        await self.display_card(interaction, *blocks)

    def _name(self, rule: ForumTagRule) -> str:
        tag = self._forum.get_tag(rule.tag_id)
        return tag.name if tag is not None else _("a deleted tag")

    def _label(self, rule: ForumTagRule) -> str:
        name = self._name(rule)
        return _("{tag}: {query}").format(tag=name, query=rule.query) if rule.query else name

    def _rule_text(self, rule: ForumTagRule) -> str:
        name = discord_text.to_markdown_line(self._name(rule), discord_limits.OPTION_LABEL_LENGTH)
        if not rule.query:
            return _("**{tag}**: every post").format(tag=name)
        query = discord_text.to_plain_line(rule.query, _MAX_QUERY_LENGTH).replace("`", "'")
        return _("**{tag}**: posts that match `{query}`").format(tag=name, query=query)

    async def _open_rule_modal(self, interaction: Interaction, values: list[str]) -> None:
        line = TextField(
            "line",
            _("Posts that match (empty: all posts)"),
            placeholder="source:numerama robots",
            max_length=_MAX_QUERY_LENGTH,
            required=False,
        )
        window = FormModal(_("Add a tag"), partial(self._add, int(values[0])), line, view=self)
        await interaction.response.send_modal(window)

    async def _add(self, tag_id: int, _interaction: Interaction, typed: str) -> None:
        text = typed.strip()
        query = (
            subscription_filters.parse_filter_query(text, self.client.newsroom.clock.now()).text
            if text
            else ""
        )
        tag = self._forum.get_tag(tag_id)
        if tag is None:
            raise UserFacingError(_("That tag no longer exists."))
        added = await self.store.forum_tags.add(
            ForumTagRule(tag_id, query),
            tag.name,
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=self.person_id,
            limit=_MAX_RULES_PER_FORUM,
        )
        if not added:
            raise UserFacingError(
                format_count(
                    "A forum can have {count} tag rule. Remove one first.",
                    "A forum can have up to {count} tag rules. Remove one first.",
                    _MAX_RULES_PER_FORUM,
                )
            )
        self.has_saved = True
        await self.client.courier.recheck_channel(self._forum.id)

    async def _remove(self, _interaction: Interaction, values: list[str]) -> None:
        rule = self._rules[int(values[0])]
        await self.store.forum_tags.remove(
            rule,
            self._name(rule),
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=self.person_id,
        )
        self.has_saved = True
