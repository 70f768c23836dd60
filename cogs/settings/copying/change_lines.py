"""Changes of a channel's settings, in words, when settings are copied to it."""

from collections.abc import Mapping, Sequence

import discord

from bot.core.i18n import format_count
from bot.core.models import Feed
from bot.core.preferences import Filter, FilterScope, ForumTagRule, SettingKind
from bot.posting.wording import filter_labels
from bot.posting.wording.feed_names import feed_name
from bot.store.records.setup_records import FeedAddress, SetupChange
from bot.text import discord_text
from cogs.settings.settings_history import change_line
from cogs.shared.channel_options import PostableChannel

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
