"""Repository of setups: all settings of a server as data, read and changed in one transaction each."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bot.core.audit_actions import AuditAction
from bot.core.preferences import (
    DEFAULT_LOOK,
    OPERATOR_USER_ID,
    DigestPlan,
    Filter,
    FilterPlace,
    FilterScope,
    ForumTagRule,
    MentionRule,
    PostLook,
    Preference,
    SettingKind,
    SubscriptionState,
)
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.core.user_errors import RequestRejected
from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.outbox import digests, monthly_reports
from bot.store.people import watches
from bot.store.records.setup_records import (
    FeedAddress,
    SetupChange,
    SetupFailure,
    SetupLimits,
    fill_channel_defaults,
    merge_changes,
    require_within_limits,
)
from bot.store.repository import Repository, bind_read, bind_write
from bot.store.settings import filters, forum_tags, mention_rules, setting_changes, stored_preferences, subscriptions
from bot.store.settings.parent_rows import ensure_channel
from bot.store.settings.setup_reading import read_setup
from bot.store.sources import feeds

_UNLIMITED = 2**31
"""Limit that cannot be reached, for functions that write one setting: limits are checked for all changes together."""


def apply_setup_changes(
    db: Connection,
    server_id: int,
    changes: Sequence[SetupChange],
    *,
    user_id: int,
    limits: SetupLimits,
    tag_names: Mapping[int, str] | None = None,
) -> None:
    """Apply changes of settings to a server that the bot is in; the change history names `user_id`.

    If that is the operator in the terminal (`OPERATOR_USER_ID`), the audit log gets an entry, too.

    Feeds that are not stored yet are added, due now. For a feed that a channel begins to follow, no stored article is
    posted, and none of the feed's first poll. `tag_names` maps ids of forum tags to names for the history. Raises
    RequestRejected, without any change, if the bot is not in the server, if a setting is no longer what a change
    expects, or if a limit is exceeded; raises StoreError if a channel belongs to another server.
    """
    if db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left_at IS NULL", (server_id,)) is None:
        raise RequestRejected(SetupFailure.NOT_IN_SERVER)
    setup = fill_channel_defaults(read_setup(db, server_id), (change.key.channel_id for change in changes))
    if any(setup.get(change.key) != change.old_text for change in changes):
        raise RequestRejected(SetupFailure.CHANGED_MEANWHILE)
    require_within_limits(setup, merge_changes(setup, changes), limits)
    context = _WriteContext(server_id, user_id, tag_names or {})
    for change in changes:
        _get_writer(change)(db, context, change)
    if user_id == OPERATOR_USER_ID:
        details = {"count": len(changes)}
        record_audit_entry(db, AuditAction.SETTINGS_IMPORTED, user_id=None, server_id=server_id, details=details)


class Setups(Repository):
    """Repository of the setups of servers: all that managers chose, as data. Methods raise StoreError."""

    read = bind_read(read_setup)
    apply = bind_write(apply_setup_changes)


class _WriteContext(NamedTuple):
    """Server whose settings are written, the user whom the change history names, and names of tags by id."""

    server_id: int
    user_id: int
    tag_names: Mapping[int, str]


_Writer = Callable[[Connection, _WriteContext, SetupChange], None]
"""Function that writes one change of a setting."""


def _get_writer(change: SetupChange) -> _Writer:
    default_writer = _write_preference if change.key.channel_id is None else _write_channel_setting
    return _WRITER_BY_KIND.get(change.key.setting, default_writer)


def _write_preference(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    preference = Preference(change.key.setting)
    is_id = preference in {Preference.MANAGER_ROLE, Preference.ALERT_CHANNEL}
    stored_value = int(change.new_text) if is_id and change.new_text is not None else change.new_text
    stored_preferences.change_preference(
        db, preference, stored_value, server_id=context.server_id, user_id=context.user_id
    )


def _write_channel_setting(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    setting = CHANNEL_SETTINGS[change.key.setting]
    setting_value = None if change.new_text is None else setting.from_text(change.new_text)
    stored_preferences.change_channel_setting(
        db,
        setting,
        setting_value,
        server_id=context.server_id,
        channel_id=_require_channel_id(change),
        user_id=context.user_id,
    )


def _write_subscription(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    channel_id, feed = _require_channel_id(change), change.key.feed
    assert feed is not None
    if change.new_text is None:
        feed_id = _load_feed_id(db, context.server_id, feed)
        subscriptions.unfollow_feed(db, channel_id, feed_id, user_id=context.user_id)
        return
    if change.old_text is None:
        stored_feed = feeds.add_feed(
            db, feed.url, server_id=context.server_id if feed.is_private else None, next_poll_at=db.now
        )
        subscriptions.follow_feed(
            db,
            server_id=context.server_id,
            channel_id=channel_id,
            feed_id=stored_feed.id,
            first_article_id=None,
            skip_backlog=True,
            user_id=context.user_id,
        )
    subscription_id = _load_subscription_id(db, context.server_id, change)
    if change.new_text == SubscriptionState.PAUSED:
        subscriptions.pause_subscription(db, subscription_id, user_id=context.user_id)
    elif change.old_text == SubscriptionState.PAUSED:
        subscriptions.resume_subscription(db, subscription_id, user_id=context.user_id)


def _write_look(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    look = None if change.new_text is None else PostLook.from_json(change.new_text)
    if change.key.feed is None:
        stored_preferences.set_server_look(db, context.server_id, look or DEFAULT_LOOK, user_id=context.user_id)
    else:
        subscription_id = _load_subscription_id(db, context.server_id, change)
        subscriptions.set_subscription_look(db, subscription_id, look, user_id=context.user_id)


def _write_filter(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    place = FilterPlace(context.server_id, FilterScope.SERVER)
    if change.key.feed is not None:
        place = FilterPlace(_load_subscription_id(db, context.server_id, change))
    elif change.key.channel_id is not None:
        ensure_channel(db, change.key.channel_id, server_id=context.server_id)
        place = FilterPlace(change.key.channel_id, FilterScope.CHANNEL)
    if change.new_text is None:
        ended_filter_ids = [filter_.id for filter_ in filters.list_own(db, place) if str(filter_) == change.old_text]
        filters.remove_filters(db, place, ended_filter_ids, user_id=context.user_id)
        return
    new_filter = Filter.parse(change.new_text)
    filters.add_filters(
        db,
        place,
        [(new_filter.mode, new_filter.query)],
        user_id=context.user_id,
        limit=_UNLIMITED,
        ends_at=new_filter.ends_at,
    )


def _write_mention_rule(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    place_ids = {"server_id": context.server_id, "channel_id": _require_channel_id(change), "user_id": context.user_id}
    if change.new_text is not None:
        mention_rules.save_mention_rule(db, MentionRule.parse(change.new_text), limit=_UNLIMITED, **place_ids)
    elif change.old_text is not None:
        mention_rules.remove_mention_rule(db, MentionRule.parse(change.old_text), **place_ids)


def _write_tag_rule(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    place_ids = {"server_id": context.server_id, "channel_id": _require_channel_id(change), "user_id": context.user_id}
    tag_rule = ForumTagRule.parse(change.key.detail)
    tag_name = context.tag_names.get(tag_rule.tag_id, str(tag_rule.tag_id))
    if change.new_text is not None:
        forum_tags.add_tag_rule(db, tag_rule, tag_name, max_rules=_UNLIMITED, **place_ids)
    else:
        forum_tags.remove_tag_rule(db, tag_rule, tag_name, **place_ids)


def _write_digest(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    place_ids = {"server_id": context.server_id, "channel_id": _require_channel_id(change), "user_id": context.user_id}
    if change.new_text is not None:
        digests.save_digest(db, DigestPlan.parse(change.new_text), limit=_UNLIMITED, **place_ids)
    else:
        digests.delete_digest(db, **place_ids)


def _write_monthly_report(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    monthly_reports.set_report_enabled(
        db, context.server_id, is_enabled=change.new_text is not None, user_id=context.user_id
    )


def _write_watch(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    channel_id = _require_channel_id(change)
    if change.new_text is not None:
        watches.add_watch(
            db,
            server_id=context.server_id,
            channel_id=channel_id,
            user_id=None,
            query=change.new_text,
            language=None,
            limit=_UNLIMITED,
        )
    else:
        watch_id = db.fetch_value(
            "SELECT id FROM watch WHERE channel_id = ? AND query = ? AND removed_at IS NULL",
            (channel_id, change.old_text),
        )
        watches.remove_watch(db, watch_id)
    setting_changes.log_change(
        db,
        context.server_id,
        context.user_id,
        SettingKind.CHANNEL_WATCH,
        change.old_text,
        change.new_text,
        channel_id=channel_id,
    )


_WRITER_BY_KIND: Mapping[str, _Writer] = {
    SettingKind.SUBSCRIPTION: _write_subscription,
    SettingKind.LOOK: _write_look,
    SettingKind.FILTER: _write_filter,
    SettingKind.MENTION_RULE: _write_mention_rule,
    SettingKind.FORUM_TAG: _write_tag_rule,
    SettingKind.DIGEST: _write_digest,
    SettingKind.MONTHLY_REPORT: _write_monthly_report,
    SettingKind.CHANNEL_WATCH: _write_watch,
}


def _require_channel_id(change: SetupChange) -> int:
    assert change.key.channel_id is not None
    return change.key.channel_id


def _load_subscription_id(db: Connection, server_id: int, change: SetupChange) -> int:
    assert change.key.feed is not None
    feed_id = _load_feed_id(db, server_id, change.key.feed)
    subscription_id: int = db.fetch_value(
        "SELECT id FROM subscription WHERE channel_id = ? AND feed_id = ?", (change.key.channel_id, feed_id)
    )
    return subscription_id


def _load_feed_id(db: Connection, server_id: int, feed: FeedAddress) -> int:
    owner_id = server_id if feed.is_private else 0
    stored_url = url_encryption.find_stored_url(db, feed.url, owner_id)
    feed_id: int = db.fetch_value("SELECT id FROM feed WHERE url = ? AND server_id = ?", (stored_url, owner_id))
    return feed_id
