"""Panel of /settings mentions: which roles the posts of a channel mention, and for what."""

from functools import partial

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.preferences import MAX_DAILY_MENTIONS, MAX_MENTION_RULES_PER_CHANNEL, MentionRule
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits, role_mentions
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording import search_note_sentences
from bot.posting.wording.mention_labels import mention_rule_label, role_size_text
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from bot.watches import subscription_filters
from bot.watches.mention_dry_run import DRY_RUN_DAYS, MatchingPost, MentionDryRun, dry_run_mentions
from cogs.feeds.look_panel import build_mention_refusal, mention_warning_text
from cogs.shared import article_cards
from cogs.shared.channel_options import PostableChannel
from cogs.shared.modals import FormModal, TextField
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

DEFAULT_DAILY_LIMIT = 5
"""Maximum number of mentions of a role a day unless a manager chooses another."""
_PAGE_SIZE = 10
"""Number of posts on a page, of those that a new rule for mentions of a role matches."""


async def open_mention_trial(
    interaction: Interaction, channel: PostableChannel, role_id: int, topic: str, daily_limit: int
) -> None:
    """Show which posts of the last thirty days a new rule would have let mention a role.

    Raises `UserFacingError` if the role or the limit cannot be used, the rule exists already or there would be too
    many, and RequestRejected if the topic (a query) cannot be used.
    """
    client, store = interaction.client, interaction.client.store
    role = require_mentionable_role(interaction, role_id, channel)
    if not 1 <= daily_limit <= MAX_DAILY_MENTIONS:
        raise UserFacingError(
            _("A role can be mentioned 1 to {most} times a day.").format(most=format_number(MAX_DAILY_MENTIONS))
        )
    query = subscription_filters.parse_filter_query(topic, client.services.clock.now())
    rule = MentionRule(role.id, query.text, daily_limit)
    rules = await store.mention_rules.list_by_channel(channel.id)
    if rule in rules:
        raise UserFacingError(_("That rule is already there."))
    replaced_rule = next((old_rule for old_rule in rules if old_rule[:2] == rule[:2]), None)
    if replaced_rule is None and len(rules) >= MAX_MENTION_RULES_PER_CHANNEL:
        raise UserFacingError(_limit_reached_text())
    note_lines = [search_note_sentences.note_sentence(note) for note in query.notes]
    size = (await load_role_sizes(channel.guild) or {}).get(role.id)
    dry_run = await dry_run_mentions(store, channel.id, rule)
    await MentionTrialPages(interaction, channel, rule, replaced_rule, dry_run, size, note_lines).render(interaction)


class MentionTrialPages(ChannelPanel, CardPaginator):
    """Pages of the posts that a new mention rule would have matched, with a button that saves the rule."""

    def __init__(
        self,
        interaction: Interaction,
        channel: PostableChannel,
        rule: MentionRule,
        replaced_rule: MentionRule | None,
        dry_run: MentionDryRun,
        size: int | None,
        note_lines: list[str],
    ) -> None:
        super().__init__(interaction, channel)
        self._rule, self._replaced_rule, self._dry_run = rule, replaced_rule, dry_run
        self._size, self._note_lines = size, note_lines

    async def load_page(self, _interaction: Interaction, page_index: int) -> CardPage:
        """Return a page of the posts that the new rule for mentions of a role matches, newest first."""
        posts = self._dry_run.matching_posts
        page_posts = posts[page_index * _PAGE_SIZE : (page_index + 1) * _PAGE_SIZE]
        heading_lines = [self.channel.mention, mention_rule_label(self._rule, size=self._size)]
        heading_lines += [f"-# {discord_text.to_markdown_line(note)}" for note in self._note_lines]
        if not role_mentions.can_bot_mention(self.client, self.guild.id, self.channel.id, self._rule.role_id):
            heading_lines.append("⚠️ " + mention_warning_text(self._rule.role_id))
        if over_limit_count := len(posts) - self._dry_run.mention_count:
            limit_text = format_count(
                "The limit would have kept {count} post from mentioning it.",
                "The limit would have kept {count} posts from mentioning it.",
                over_limit_count,
            )
            heading_lines.append(f"-# 🔕 {limit_text}")
        card_blocks: list[Block] = [heading_block(self._build_title(), *heading_lines)]
        if page_posts:
            variants = [_build_post_variants(post) for post in page_posts]
            card_blocks.append(text_block(*("\n".join(lines) for lines in zip(*variants, strict=True))))
        save_button = ActionButton(self._save, label=_("Save this rule"), style=discord.ButtonStyle.success)
        button_row = ActionRow(save_button, ActionButton(self.cancel, label=_("Cancel")))
        return CardPage(
            blocks=(*card_blocks, button_row),
            has_more=len(posts) > (page_index + 1) * _PAGE_SIZE,
            is_empty=not page_posts,
        )

    def _build_title(self) -> str:
        if not self._dry_run.post_count:
            return _("No posts in the last {days} days, so there’s nothing to test against").format(days=DRY_RUN_DAYS)
        return format_count(
            "Would have mentioned the role in {mentions} of {count} post of the last {days} days",
            "Would have mentioned the role in {mentions} of {count} posts of the last {days} days",
            self._dry_run.post_count,
            mentions=format_number(self._dry_run.mention_count),
            days=DRY_RUN_DAYS,
        )

    async def _save(self, interaction: Interaction) -> None:
        require_mentionable_role(interaction, self._rule.role_id, self.channel)
        await self._save_rule(self._rule)
        confirmation = linkify_commands(
            _("Saved. {channel}: {rule}. /why shows which rule a mention comes from.")
        ).format(channel=self.channel.mention, rule=mention_rule_label(self._rule, size=self._size))
        undo_button = ActionButton(self._undo, label=_("Undo the change"))
        await self.display(interaction, (text_block(confirmation), ActionRow(undo_button)))

    async def _undo(self, interaction: Interaction) -> None:
        """Remove the saved rule for mentions of a role, or restore the daily limit of the rule that it replaced."""
        if self._replaced_rule is not None:
            await self._save_rule(self._replaced_rule)
        else:
            await self.store.mention_rules.remove(
                self._rule, server_id=self.guild.id, channel_id=self.channel.id, user_id=self.user_id
            )
        await self.finish(interaction, _("Undone: {rule}").format(rule=mention_rule_label(self._rule)))

    async def _save_rule(self, rule: MentionRule) -> None:
        is_saved = await self.store.mention_rules.save(
            rule,
            server_id=self.guild.id,
            channel_id=self.channel.id,
            user_id=self.user_id,
            limit=MAX_MENTION_RULES_PER_CHANNEL,
        )
        if not is_saved:
            raise UserFacingError(_limit_reached_text())


async def load_role_sizes(guild: discord.Guild) -> dict[int, int]:
    """Return the number of members of each role of a server; {} if Telex may not see it or Discord fails."""
    try:
        return {role.id: size for role, size in (await guild.role_member_counts()).items()}
    except DISCORD_ERRORS:
        return {}


def require_mentionable_role(interaction: Interaction, role_id: int, channel: PostableChannel) -> discord.Role:
    """Return a role that the user may have mentioned in a channel, or raise `UserFacingError`."""
    role = channel.guild.get_role(role_id)
    if role is None:
        raise UserFacingError(_("That role no longer exists."))
    if (problem := find_mention_problem(interaction, role, channel)) is not None:
        raise problem
    return role


def find_mention_problem(
    interaction: Interaction, role: discord.Role, channel: PostableChannel
) -> UserFacingError | None:
    """Return why the user may not have a role mentioned in a channel, or None if they may."""
    assert isinstance(interaction.user, discord.Member)
    if role.is_default():
        return UserFacingError(_("I never mention @everyone. Choose another role."))
    if role.managed and not role.is_premium_subscriber():
        return UserFacingError(_("{role} belongs to an app. Choose a role of people.").format(role=role.mention))
    if not role_mentions.can_mention(interaction.user, role, channel):
        return build_mention_refusal(role)
    return None


def _build_post_variants(post: MatchingPost) -> tuple[str, str]:
    mark = "🔔" if post.is_mentioned else "🔕"
    linked_title, plain_title = article_cards.title_variants(post.article)
    return f"{mark} {linked_title}", f"{mark} {plain_title}"


def _limit_reached_text() -> str:
    return format_count(
        "A channel can have {count} rule. Remove it first.",
        "A channel can have up to {count} rules. Remove one first.",
        MAX_MENTION_RULES_PER_CHANNEL,
    )


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
