"""Copy of a channel’s or server’s setup to another: what is copied, how it differs, and the panel that shows that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import discord

from bot.core import setting_registry
from bot.core.i18n import _, format_count
from bot.core.models import Feed
from bot.core.preferences import Filter, FilterScope, ForumTagRule, MentionRule, PostLook, SettingKind
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.operating.setup_limits import load_setup_limits
from bot.posting.forum_tag_selection import list_assignable_tags
from bot.posting.rendering import role_mentions
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, Text, text_block
from bot.posting.wording import filter_labels, refusal_sentences
from bot.posting.wording.feed_names import feed_name
from bot.posting.wording.setting_words import SETTING_WORDS
from bot.store.records.setup_records import (
    FeedAddress,
    SettingKey,
    Setup,
    SetupChange,
    compare_setups,
    fill_channel_defaults,
    merge_changes,
    require_within_limits,
)
from bot.text import discord_text
from bot.text.source_patterns import SourcePatterns
from bot.text.words import fold
from cogs.settings.settings_history import change_line
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import (
    ChannelOption,
    PostableChannel,
    require_can_post,
    require_existing_channel,
    resolve_channel_id,
)
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.views import ActionButton, ChannelMenu, Interaction

_MAX_NAMED_FEEDS = 5
"""Maximum number of feeds that are named on one line."""
_MAX_LISTED_FILTERS = 3
"""Maximum number of filters that are named on one line."""
_GROUPED_KINDS = frozenset({SettingKind.SUBSCRIPTION, SettingKind.FILTER, SettingKind.LOOK})


def list_change_lines(
    changes: Sequence[SetupChange], channel: PostableChannel, feed_by_address: Mapping[FeedAddress, Feed]
) -> list[str]:
    """Return changes of a channel's settings as lines of markup: one each for feeds, filters, looks, other settings."""
    change_lines: list[str] = []
    if feed_count := _count(changes, SettingKind.SUBSCRIPTION):
        names = _join_feed_names(changes, SettingKind.SUBSCRIPTION, feed_by_address)
        change_lines.append(
            format_count("**{count} feed**: {names}", "**{count} feeds**: {names}", feed_count, names=names)
        )
    if filter_count := _count(changes, SettingKind.FILTER):
        filters = [
            Filter.parse(change.new_text)._replace(scope=FilterScope.FEED if change.key.feed else FilterScope.CHANNEL)
            for change in changes
            if change.key.setting == SettingKind.FILTER and change.new_text is not None
        ]
        filters_text = filter_labels.filter_list_text(filters, max_filters=_MAX_LISTED_FILTERS)
        change_lines.append(
            format_count(
                "**{count} filter**: {filters}", "**{count} filters**: {filters}", filter_count, filters=filters_text
            )
        )
    if look_count := _count(changes, SettingKind.LOOK):
        names = _join_feed_names(changes, SettingKind.LOOK, feed_by_address)
        change_lines.append(
            format_count(
                "**Look of {count} feed**: {names}", "**Look of {count} feeds**: {names}", look_count, names=names
            )
        )
    change_lines += [
        _describe_change(change, channel) for change in changes if change.key.setting not in _GROUPED_KINDS
    ]
    return change_lines


def _count(changes: Sequence[SetupChange], kind: SettingKind) -> int:
    return sum(change.key.setting == kind for change in changes)


def _join_feed_names(
    changes: Sequence[SetupChange], kind: SettingKind, feed_by_address: Mapping[FeedAddress, Feed]
) -> str:
    feeds = [
        feed_by_address.get(change.key.feed) for change in changes if change.key.feed and change.key.setting == kind
    ]
    names = [discord_text.escape_markdown(feed_name(feed)) for feed in feeds if feed is not None]
    return ", ".join(names if len(names) <= _MAX_NAMED_FEEDS else [*names[:_MAX_NAMED_FEEDS], discord_text.ELLIPSIS])


def _describe_change(change: SetupChange, channel: PostableChannel) -> str:
    new_text = change.new_text
    if change.key.setting == SettingKind.FORUM_TAG and isinstance(channel, discord.ForumChannel):
        rule = ForumTagRule.parse(change.key.detail)
        tag = channel.get_tag(rule.tag_id)
        tag_name = "" if tag is None else tag.name
        new_text = f"{tag_name} ({rule.query})" if rule.query else tag_name
    return change_line(change.key.setting, channel.id, change.old_text, new_text)


_MAX_TAG_NAME_LENGTH = 40
"""Maximum length, in UTF-16 code units, of the name of a forum tag."""


class CopyPlan(NamedTuple):
    """Changes that give a channel the settings of another one.

    `old_part` and `new_part` are the settings of the channel before and after. `left_out_labels` name, as markup, what
    can't be copied to it.
    """

    channel: PostableChannel
    changes: list[SetupChange]
    old_part: Setup
    new_part: Setup
    left_out_labels: list[str]


def select_channel_part(setup: Setup, channel_id: int) -> dict[SettingKey, str]:
    """Return the settings of one channel from all those of its server, with defaults for settings that nobody chose."""
    part = {key: text for key, text in setup.items() if key.channel_id == channel_id}
    return fill_channel_defaults(part, [channel_id])


class _SetupCopier:
    """Copier of settings from a channel to another one, which collects what can't be copied."""

    def __init__(
        self,
        member: discord.Member,
        setup: Setup,
        source: PostableChannel,
        target: PostableChannel,
        blocked_sources: SourcePatterns,
    ) -> None:
        self._member, self._setup, self._source, self._target = member, setup, source, target
        self._blocked_sources = blocked_sources
        self._source_part = select_channel_part(setup, source.id)
        self._old_part = select_channel_part(setup, target.id)
        self._new_part = dict(self._old_part)
        self._unmentionable_role_ids: set[int] = set()
        self._missing_tag_names: set[str] = set()
        self._blocked_feeds: set[FeedAddress] = set()

    def copy(self) -> CopyPlan:
        self._unset_settings()
        for source_key, text in self._source_part.items():
            key = source_key._replace(channel_id=self._target.id)
            if key.feed is not None and self._is_blocked(key.feed):
                self._blocked_feeds.add(key.feed)
            elif key.setting == SettingKind.SUBSCRIPTION:
                self._new_part.setdefault(key, text)
            elif key.setting == SettingKind.LOOK:
                self._new_part[key] = self._copy_look(key, text)
            elif key.setting == SettingKind.MENTION_RULE:
                if key in self._old_part or self._can_mention(MentionRule.parse(text).role_id):
                    self._new_part[key] = text
            elif key.setting == SettingKind.FORUM_TAG:
                self._copy_tag_rule(ForumTagRule.parse(text))
            elif self._can_have(key):
                self._new_part[key] = text
        return CopyPlan(
            self._target,
            compare_setups(self._old_part, self._new_part),
            self._old_part,
            self._new_part,
            list(self._iter_left_out_labels()),
        )

    def _unset_settings(self) -> None:
        """Unset in the target what the source leaves to defaults: settings, and looks of feeds that it follows."""
        keys = [SettingKey(column, self._source.id) for column in CHANNEL_SETTINGS]
        keys += [
            key._replace(setting=SettingKind.LOOK)
            for key in self._source_part
            if key.setting == SettingKind.SUBSCRIPTION
        ]
        for key in keys:
            if key not in self._source_part:
                self._new_part.pop(key._replace(channel_id=self._target.id), None)

    def _can_have(self, key: SettingKey) -> bool:
        """Return whether the target can have a setting: only text channels have daily threads."""
        is_daily_thread = key.setting == setting_registry.DAILY_THREAD.column_name
        return not is_daily_thread or isinstance(self._target, discord.TextChannel)

    def _is_blocked(self, feed: FeedAddress) -> bool:
        """Return whether an operator blocks a feed that the target doesn't follow yet."""
        is_followed = SettingKey(SettingKind.SUBSCRIPTION, self._target.id, feed) in self._old_part
        return not is_followed and self._blocked_sources.find_covering(feed.url) is not None

    def _copy_look(self, key: SettingKey, text: str) -> str:
        """Return a look of posts for the target channel, without a role that the member may not mention there."""
        look = PostLook.from_json(text)
        if look.role_id is None or self._old_part.get(key) == text or self._can_mention(look.role_id):
            return text
        return str(replace(look, role_id=None))

    def _can_mention(self, role_id: int) -> bool:
        role = self._target.guild.get_role(role_id)
        if role is not None and role_mentions.can_mention(self._member, role, self._target):
            return True
        self._unmentionable_role_ids.add(role_id)
        return False

    def _copy_tag_rule(self, rule: ForumTagRule) -> None:
        """Copy a rule of which posts get a forum tag, if the target is a forum with a tag of this name."""
        source_tag = self._source.get_tag(rule.tag_id) if isinstance(self._source, discord.ForumChannel) else None
        if source_tag is None:  # The tag was deleted.
            return
        target_tags = list_assignable_tags(self._target) if isinstance(self._target, discord.ForumChannel) else []
        target_tag = next((tag for tag in target_tags if fold(tag.name) == fold(source_tag.name)), None)
        if target_tag is None:
            self._missing_tag_names.add(source_tag.name)
            return
        rule_text = str(rule._replace(tag_id=target_tag.id))
        self._new_part[SettingKey(SettingKind.FORUM_TAG, self._target.id, None, rule_text)] = rule_text

    def _iter_left_out_labels(self) -> Iterator[str]:
        daily_thread_key = SettingKey(setting_registry.DAILY_THREAD.column_name, self._source.id)
        if self._source_part[daily_thread_key] == "1" and not self._can_have(daily_thread_key):
            yield _(SETTING_WORDS[setting_registry.DAILY_THREAD].name)
        if feed_count := len(self._blocked_feeds):
            yield format_count("{count} blocked feed", "{count} blocked feeds", feed_count)
        for tag_name in sorted(self._missing_tag_names):
            yield _("tag {tag}").format(tag=discord_text.to_markdown_line(tag_name, _MAX_TAG_NAME_LENGTH))
        for role_id in sorted(self._unmentionable_role_ids):
            yield _("mentions of {role}").format(role=f"<@&{role_id}>")
        if filter_count := self._count_inherited_filters():
            yield format_count(
                "{count} filter of {channel}, which the thread shares",
                "{count} filters of {channel}, which the thread shares",
                filter_count,
                channel=f"<#{getattr(self._source, 'parent_id', 0)}>",
            )

    def _count_inherited_filters(self) -> int:
        """Count the filters that apply in the source, a thread, because its parent has them, but not in the target."""
        if not isinstance(self._source, discord.Thread):
            return 0
        parent_id = self._source.parent_id
        if parent_id in {self._target.id, getattr(self._target, "parent_id", None)}:
            return 0
        return sum(
            key.setting == SettingKind.FILTER and key.channel_id == parent_id and key.feed is None
            for key in self._setup
        )


MAX_TARGETS = 10
"""Maximum number of channels to which settings are copied at once."""
_TARGETS_PER_PAGE = 3
"""Number of channels whose changes are shown on a page."""
_MAX_LINES_PER_TARGET = (12, 6, 2, 0)
"""Maximum numbers of lines for the changes of a channel, tried in this order until all fits into the message."""


class CopyPanel(PagedMixin, ChannelPanel):
    """Panel that copies the settings of its channel to others, for users who manage feeds and can see all of them."""

    def __init__(self, interaction: Interaction, source: PostableChannel) -> None:
        super().__init__(interaction, source)
        self._target_ids: list[int] = []
        self._plans: list[CopyPlan] = []
        self._feed_by_address: dict[FeedAddress, Feed] = {}

    async def render(self, interaction: Interaction, note: str = "") -> None:
        refusals = await self._make_plans(interaction)
        intro = _(
            "Settings become the same. What only the other channel has stays: "
            "feeds, filters, mentions, watches, digest."
        )
        await self.display_card(
            interaction,
            heading_block(_("Copy settings"), intro, note, *(f"⚠️ {refusal}" for refusal in refusals)),
            text_block("-# " + _("From")),
            ActionRow(self._source_menu()),
            text_block("-# " + _("To")),
            ActionRow(self._target_menu()),
            *self._iter_page_blocks(),
            ActionRow(
                ActionButton(
                    self._confirm,
                    label=_("Copy"),
                    style=discord.ButtonStyle.success,
                    disabled=not any(plan.changes for plan in self._plans),
                ),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
        )

    def _source_menu(self) -> ChannelMenu:
        return ChannelMenu(
            self._choose_source,
            placeholder=_("Copy from…"),
            channel_types=ChannelOption().channel_types,
            default_values=[self.channel],
        )

    def _target_menu(self) -> ChannelMenu:
        return ChannelMenu(
            self._choose_targets,
            placeholder=_("Copy to…"),
            channel_types=ChannelOption().channel_types,
            max_values=MAX_TARGETS,
            default_values=[plan.channel for plan in self._plans],
        )

    async def _choose_source(self, interaction: Interaction, channel_ids: list[int]) -> None:
        self.channel = await resolve_channel_id(interaction, channel_ids[0])

    async def _choose_targets(self, _interaction: Interaction, channel_ids: list[int]) -> None:
        self._target_ids, self.page_index = channel_ids, 0

    async def _make_plans(self, interaction: Interaction) -> list[str]:
        """Plan the copy to the chosen channels as they are now; return why it's not possible for some of them."""
        assert isinstance(interaction.user, discord.Member)
        self._plans, refusals = [], []
        subscriptions_with_feeds = await self.store.subscriptions.list_with_feeds(self.guild.id)
        self._feed_by_address = {
            FeedAddress(feed.url, feed.server_id is not None): feed for _subscription, feed in subscriptions_with_feeds
        }
        setup = await self.store.setups.read(self.guild.id)
        blocked_sources = await self.client.services.blocked_sources.load()
        for target_id in self._target_ids:
            if target_id == self.channel.id:
                continue
            try:
                target = await require_existing_channel(interaction, target_id)
                require_can_post(target)
            except UserFacingError as refusal:
                refusals.append(str(refusal))
            else:
                self._plans.append(_SetupCopier(interaction.user, setup, self.channel, target, blocked_sources).copy())
        return refusals

    def _iter_page_blocks(self) -> Iterator[Block]:
        """Yield what each channel of the page gets, and the buttons that turn pages."""
        page_start = self.page_index * _TARGETS_PER_PAGE
        for plan in self._plans[page_start : page_start + _TARGETS_PER_PAGE]:
            yield Separator()
            yield text_block(
                *("\n".join(self._iter_plan_lines(plan, max_lines)) for max_lines in _MAX_LINES_PER_TARGET)
            )
            if plan.left_out_labels:
                yield text_block("-# " + _("Can’t be copied: {labels}").format(labels=", ".join(plan.left_out_labels)))
        page_count = -(-len(self._plans) // _TARGETS_PER_PAGE)
        if page_count > 1:
            yield ActionRow(*self.page_buttons(has_more=self.page_index < page_count - 1, page_count_label=page_count))

    def _iter_plan_lines(self, plan: CopyPlan, max_lines: int) -> Iterator[str]:
        yield (
            plan.channel.mention
            if plan.changes
            else _("{channel}: already the same").format(channel=plan.channel.mention)
        )
        change_lines = list_change_lines(plan.changes, plan.channel, self._feed_by_address)
        yield from (f"- {change_line}" for change_line in change_lines[:max_lines])
        if (hidden_count := len(change_lines) - max_lines) > 0:
            yield "- " + format_count("{count} more change", "{count} more changes", hidden_count)

    async def _confirm(self, interaction: Interaction) -> None:
        shown_plans = self._plans
        await self._make_plans(interaction)
        if self._plans != shown_plans:
            await self.render(interaction, "⚠️ " + _("Something changed meanwhile. Check before you copy."))
            return
        setup: Setup = await self.store.setups.read(self.guild.id)
        limits = await load_setup_limits(self.client.services.limits, self.guild.id)
        result_lines: list[str] = []
        copied_plans: list[CopyPlan] = []
        for plan in filter(lambda plan: plan.changes, self._plans):
            new_setup = merge_changes(setup, plan.changes)
            try:
                require_within_limits(setup, new_setup, limits)
            except RequestRejected as rejection:
                refusal = refusal_sentences.find_error_sentence(rejection)
                result_lines.append(f"❌ {plan.channel.mention}: {refusal}")
            else:
                setup = new_setup
                result_lines.append(f"✅ {plan.channel.mention}")
                copied_plans.append(plan)
        await apply_plans(self, copied_plans)
        self.stop()
        heading = _("Settings of {channel} copied").format(channel=self.channel.mention)
        await CopyUndoPanel(interaction, heading_block(heading, *result_lines), copied_plans).render(interaction)


class CopyUndoPanel(ManagersPanel):
    """Panel that says to which channels settings were copied, with a button that undoes it."""

    def __init__(self, interaction: Interaction, outcome_text: Text, copied_plans: Sequence[CopyPlan]) -> None:
        super().__init__(interaction)
        self._outcome_text, self._copied_plans = outcome_text, copied_plans

    async def render(self, interaction: Interaction) -> None:
        undo_button = ActionButton(self._undo, label=_("Undo the change")) if self._copied_plans else None
        await self.display_card(interaction, self._outcome_text, ActionRow(undo_button))

    async def _undo(self, interaction: Interaction) -> None:
        """Restore the settings that the channels had, unless they were changed since."""
        setup = await self.store.setups.read(self.guild.id)
        result_lines: list[str] = []
        undo_plans: list[CopyPlan] = []
        for plan in self._copied_plans:
            try:
                await require_existing_channel(interaction, plan.channel.id)
                _require_unchanged(setup, plan)
            except UserFacingError as refusal:
                result_lines.append(f"❌ {plan.channel.mention}: {refusal}")
            else:
                result_lines.append(f"↩️ {plan.channel.mention}")
                undo_plans.append(plan._replace(changes=compare_setups(plan.new_part, plan.old_part)))
        await apply_plans(self, undo_plans)
        await self.finish(
            interaction, (Card((heading_block(_("Copy undone"), *result_lines),), outlet_branding.DEFAULT_COLOUR),)
        )


def _require_unchanged(setup: Setup, plan: CopyPlan) -> None:
    """Raise UserFacingError unless a channel still has the settings that were copied to it."""
    if select_channel_part(setup, plan.channel.id) != plan.new_part:
        raise UserFacingError(_("Its settings were changed since, so they stay."))


async def apply_plans(panel: ManagersPanel, plans: Sequence[CopyPlan]) -> None:
    """Make the planned changes of channels in one transaction. Raises RequestRejected, with no change, if one fails."""
    client, server_id = panel.client, panel.guild.id
    await panel.store.setups.apply(
        server_id,
        [change for plan in plans for change in plan.changes],
        user_id=panel.user_id,
        limits=await load_setup_limits(client.services.limits, server_id),
        tag_names={
            tag.id: tag.name
            for plan in plans
            if isinstance(plan.channel, discord.ForumChannel)
            for tag in plan.channel.available_tags
        },
    )
    for plan in plans:
        await client.outbox_relay.recheck_channel(plan.channel.id)
    client.outbox_relay.wake()
    client.services.poller.wake()
