"""Plan of copying settings: what changes in a channel that gets those of another channel, and what can't be copied."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import discord

from bot.core import setting_registry
from bot.core.i18n import _, format_count
from bot.core.preferences import ForumTagRule, MentionRule, PostLook, SettingKind
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.posting.forum_tag_selection import list_assignable_tags
from bot.posting.rendering import role_mentions
from bot.posting.wording.setting_words import SETTING_WORDS
from bot.store.records.setup_records import (
    FeedAddress,
    SettingKey,
    Setup,
    SetupChange,
    compare_setups,
    fill_channel_defaults,
)
from bot.text import discord_text
from bot.text.source_patterns import SourcePatterns
from bot.text.words import fold
from cogs.shared.channel_options import PostableChannel

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


def plan_copy(
    member: discord.Member,
    setup: Setup,
    source: PostableChannel,
    target: PostableChannel,
    blocked_sources: SourcePatterns,
) -> CopyPlan:
    """Plan how a channel (`target`) gets the settings of another one of the server (`source`), for a member who asks.

    `setup` is all settings of the server. The target's settings, and looks of feeds that both follow, become the same;
    feeds, filters, rules, watches and a digest that only the target has stay. Left out are roles that the member can't
    mention there, blocked feeds, tags that the target lacks, and daily threads if it can't have them.
    """
    return _SetupCopier(member, setup, source, target, blocked_sources).copy()


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
                self._copy_mention_rule(key, text)
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

    def _copy_mention_rule(self, key: SettingKey, text: str) -> None:
        if key in self._old_part or self._can_mention(MentionRule.parse(text).role_id):
            self._new_part[key] = text

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
