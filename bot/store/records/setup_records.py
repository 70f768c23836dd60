"""Setup of a server as data: what managers chose for it and its channels, to be compared, copied or written to a file.

A setup maps the key of each setting to its value as text, in the form of the change history (`SettingChange`). A
setting without a value has no key.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.core.preferences import SettingKind
from bot.core.reasons import ReasonCode
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.core.user_errors import RequestRejected


class FeedAddress(NamedTuple):
    """URL of a feed, and whether the feed belongs to one server alone because the URL has credentials."""

    url: str
    is_private: bool = False


class SettingKey(NamedTuple):
    """Key of a setting in a server's setup (all that its managers chose).

    `setting` is a `Preference`, the column of a channel setting, or a `SettingKind`. `channel_id` is None for a
    setting of the server, `feed` for one of the server or channel. `detail` distinguishes values of one kind: mode and
    query of a filter, role id and query of a mention rule, tag id and query of a tag rule, query of a watch.
    """

    setting: str
    channel_id: int | None = None
    feed: FeedAddress | None = None
    detail: str = ""


Setup = Mapping[SettingKey, str]
"""Settings of a server with all its channels, as text, by their keys."""


class SetupChange(NamedTuple):
    """Change of one of a server's settings: its value as text before and after, None if it has no value."""

    key: SettingKey
    old_text: str | None
    new_text: str | None


class SetupFailure(ReasonCode):
    """Reason why changes of a server's settings cannot be applied. `count` is the limit that would be exceeded."""

    NOT_IN_SERVER = "setup-not-in-server"
    CHANGED_MEANWHILE = "setup-changed"
    TOO_MANY_FEEDS = "setup-feeds"  # count
    TOO_MANY_FILTERS = "setup-filters"  # count
    TOO_MANY_MENTION_RULES = "setup-mention-rules"  # count
    TOO_MANY_TAG_RULES = "setup-tag-rules"  # count
    TOO_MANY_DIGESTS = "setup-digests"  # count
    TOO_MANY_WATCHES = "setup-watches"  # count


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupLimits:
    """Maximum numbers of what the managers of a server may set.

    `feeds`, `digests` and `watches` (of channels) count per server, `mention_rules` and `tag_rules` per channel,
    `filters` per feed in a channel, per channel and per server.
    """

    feeds: int
    filters: int
    mention_rules: int
    tag_rules: int
    digests: int
    watches: int


def fill_channel_defaults(setup: Setup, channel_ids: Iterable[int | None]) -> dict[SettingKey, str]:
    """Return a server's settings, with the defaults of those that nobody has chosen yet in the given channels."""
    default_texts = {
        SettingKey(column, channel_id): str(setting.to_column(setting.default))
        for channel_id in {*channel_ids} - {None}
        for column, setting in CHANNEL_SETTINGS.items()
        if setting.default is not None
    }
    return {**default_texts, **setup}


def compare_setups(old_setup: Setup, new_setup: Setup) -> list[SetupChange]:
    """Return which settings differ between two setups (a server's settings), in an order that can be applied.

    Settings of a feed that the channel no longer follows are left out, because they go with it.
    """
    channel_ids = {key.channel_id for key in (*old_setup, *new_setup)}
    old_setup, new_setup = (fill_channel_defaults(setup, channel_ids) for setup in (old_setup, new_setup))
    keys = sorted(old_setup.keys() | new_setup.keys(), key=_get_sort_key)
    return [
        SetupChange(key, old_setup.get(key), new_setup.get(key))
        for key in keys
        if old_setup.get(key) != new_setup.get(key)
        and (key.feed is None or key.setting == SettingKind.SUBSCRIPTION or _build_feed_key(key) in new_setup)
    ]


def merge_changes(setup: Setup, changes: Iterable[SetupChange]) -> dict[SettingKey, str]:
    """Return a server's settings after changes; settings of feeds that channels no longer follow are gone, too."""
    text_by_key = {**setup, **{change.key: change.new_text for change in changes}}
    return {
        key: text
        for key, text in text_by_key.items()
        if text is not None and (key.feed is None or text_by_key.get(_build_feed_key(key)))
    }


def require_within_limits(old_setup: Setup, new_setup: Setup, limits: SetupLimits) -> None:
    """Raise `RequestRejected` if a server's new settings exceed a limit more than its old settings do."""
    old_counts = Counter(_iter_counted_units(old_setup, limits))
    for unit, count in Counter(_iter_counted_units(new_setup, limits)).items():
        if count > unit.limit and count > old_counts[unit]:
            raise RequestRejected(unit.failure, count=unit.limit)


class _CountedUnit(NamedTuple):
    """A setting that is counted against a limit; `place` is the channel or feed that the limit is for, or None."""

    failure: SetupFailure
    limit: int
    place: object = None


def _iter_counted_units(setup: Setup, limits: SetupLimits) -> Iterator[_CountedUnit]:
    for _feed in {key.feed for key in setup if key.setting == SettingKind.SUBSCRIPTION}:
        yield _CountedUnit(SetupFailure.TOO_MANY_FEEDS, limits.feeds)
    for key in setup:
        match key.setting:
            case SettingKind.FILTER:
                yield _CountedUnit(SetupFailure.TOO_MANY_FILTERS, limits.filters, (key.channel_id, key.feed))
            case SettingKind.MENTION_RULE:
                yield _CountedUnit(SetupFailure.TOO_MANY_MENTION_RULES, limits.mention_rules, key.channel_id)
            case SettingKind.FORUM_TAG:
                yield _CountedUnit(SetupFailure.TOO_MANY_TAG_RULES, limits.tag_rules, key.channel_id)
            case SettingKind.DIGEST:
                yield _CountedUnit(SetupFailure.TOO_MANY_DIGESTS, limits.digests)
            case SettingKind.CHANNEL_WATCH:
                yield _CountedUnit(SetupFailure.TOO_MANY_WATCHES, limits.watches)


def _build_feed_key(key: SettingKey) -> SettingKey:
    """Return the key of the subscription that a setting of a feed in a channel belongs to."""
    return SettingKey(SettingKind.SUBSCRIPTION, key.channel_id, key.feed)


def _get_sort_key(key: SettingKey) -> tuple[object, ...]:
    # A feed must be followed before it can get a look or filters, so its subscription comes first.
    is_dependent = key.setting != SettingKind.SUBSCRIPTION
    return (key.channel_id or 0, key.feed or FeedAddress(""), is_dependent, key.setting, key.detail)
