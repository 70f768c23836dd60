"""Trial of a new rule of which posts mention a role, on the last thirty days' posts, with buttons to save and undo."""

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.preferences import MAX_DAILY_MENTIONS, MAX_MENTION_RULES_PER_CHANNEL, MentionRule
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import role_mentions
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording import search_note_sentences
from bot.posting.wording.mention_labels import mention_rule_label
from bot.text import discord_text
from bot.watches import subscription_filters
from bot.watches.mention_dry_run import DRY_RUN_DAYS, MatchingPost, MentionDryRun, dry_run_mentions
from cogs.feeds.look_panel import build_mention_refusal, mention_warning_text
from cogs.shared import article_cards
from cogs.shared.channel_options import PostableChannel
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import ActionButton, Interaction

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
        if not self._can_bot_mention():
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

    def _can_bot_mention(self) -> bool:
        return role_mentions.can_bot_mention(self.client, self.guild.id, self.channel.id, self._rule.role_id)

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
