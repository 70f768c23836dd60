"""Repository of setups: all settings of a server as data, read and changed in one transaction each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.core.audit_actions import AuditAction
from bot.core.preferences import (
    DEFAULT_LOOK,
    DIGEST_FLAG_BY_WORD,
    OPERATOR_USER_ID,
    DigestPlan,
    Filter,
    FilterMode,
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
from bot.store.outbox import digests
from bot.store.people import feed_reactions, watches
from bot.store.records.setup_records import (
    FeedAddress,
    SettingKey,
    SetupChange,
    SetupFailure,
    SetupLimits,
    fill_channel_defaults,
    merge_changes,
    require_within_limits,
)
from bot.store.repository import Repository, bind_read, bind_write
from bot.store.settings import (
    filters,
    mention_rules,
    setting_changes,
    stored_preferences,
    subscriptions,
    threads_and_tags,
)
from bot.store.settings.parent_rows import ensure_channel
from bot.store.sources import feeds

_CHANNEL_OF_SERVER_SQL = "JOIN channel ON channel.id = channel_id WHERE channel.server_id = ?"


def read_setup(db: Connection, server_id: int) -> dict[SettingKey, str]:
    """Return the setup of a server: all that its managers chose, as text. It is empty if the server is unknown.

    Raises `DatabaseUnusable` if the URL of a feed cannot be decrypted.
    """
    entries = [
        *_iter_server_settings(db, server_id),
        *_iter_channel_settings(db, server_id),
        *_iter_subscriptions(db, server_id),
        *_iter_filters(db, server_id),
        *_iter_rules(db, server_id),
        *_iter_digests_and_watches(db, server_id),
    ]
    return {key: text for key, text in entries if text is not None}


_Entries = Iterator[tuple[SettingKey, str | None]]


def _iter_server_settings(db: Connection, server_id: int) -> _Entries:
    row = db.fetch_row(f"SELECT {', '.join(Preference)}, look, report_due_at FROM server WHERE id = ?", (server_id,))
    if row is None:
        return
    *preference_values, look_json, report_due_at = row
    for preference, preference_value in zip(Preference, preference_values, strict=True):
        yield SettingKey(preference), None if preference_value is None else str(preference_value)
    look = PostLook.from_json(look_json)
    yield SettingKey(SettingKind.LOOK), None if look == DEFAULT_LOOK else str(look)
    yield SettingKey(SettingKind.MONTHLY_REPORT), None if report_due_at is None else "1"


def _iter_channel_settings(db: Connection, server_id: int) -> _Entries:
    for channel_id, *stored_values in db.execute(
        f"SELECT id, {', '.join(CHANNEL_SETTINGS)} FROM channel WHERE server_id = ?", (server_id,)
    ):
        for column, stored_value in zip(CHANNEL_SETTINGS, stored_values, strict=True):
            yield SettingKey(column, channel_id), None if stored_value is None else str(stored_value)


def _iter_subscriptions(db: Connection, server_id: int) -> _Entries:
    for channel_id, stored_url, owner_id, paused_at, look_json in db.execute(
        "SELECT channel_id, feed.url, feed.server_id, paused_at, look FROM subscription "
        f"JOIN feed ON feed.id = feed_id {_CHANNEL_OF_SERVER_SQL}",
        (server_id,),
    ):
        feed = FeedAddress(url_encryption.decrypt_url(stored_url), is_private=owner_id != 0)
        state = SubscriptionState.ACTIVE if paused_at is None else SubscriptionState.PAUSED
        yield SettingKey(SettingKind.SUBSCRIPTION, channel_id, feed), str(state)
        look_text = None if look_json is None else str(PostLook.from_json(look_json))
        yield SettingKey(SettingKind.LOOK, channel_id, feed), look_text


def _iter_filters(db: Connection, server_id: int) -> _Entries:
    for channel_id, stored_url, owner_id, mode, query, ends_at in db.execute(
        """
        SELECT coalesce(subscription.channel_id, filter.channel_id), feed.url, feed.server_id, rule, query, ends_at
        FROM filter
        LEFT JOIN subscription ON subscription.id = subscription_id
        LEFT JOIN feed ON feed.id = feed_id
        LEFT JOIN channel ON channel.id = coalesce(subscription.channel_id, filter.channel_id)
        WHERE coalesce(channel.server_id, filter.server_id) = ? AND (ends_at IS NULL OR ends_at > ?)
        """,
        (server_id, db.now),
    ):
        feed = None if stored_url is None else FeedAddress(url_encryption.decrypt_url(stored_url), owner_id != 0)
        key = SettingKey(SettingKind.FILTER, channel_id, feed, f"{mode} {query}")
        yield key, str(Filter(0, FilterMode(mode), query, ends_at))


def _iter_rules(db: Connection, server_id: int) -> _Entries:
    for channel_id, *columns in db.execute(
        f"SELECT channel_id, role_id, query, daily_limit FROM mention_rule {_CHANNEL_OF_SERVER_SQL}", (server_id,)
    ):
        mention_rule = MentionRule._make(columns)
        key = SettingKey(SettingKind.MENTION_RULE, channel_id, None, f"{mention_rule.role_id} {mention_rule.query}")
        yield key, str(mention_rule)
    for channel_id, *columns in db.execute(
        f"SELECT channel_id, tag_id, query FROM forum_tag {_CHANNEL_OF_SERVER_SQL}", (server_id,)
    ):
        tag_rule = str(ForumTagRule._make(columns))
        yield SettingKey(SettingKind.FORUM_TAG, channel_id, None, tag_rule), tag_rule


def _iter_digests_and_watches(db: Connection, server_id: int) -> _Entries:
    for channel_id, weekday, minute, *flags in db.execute(
        f"SELECT channel_id, weekday, minute, {', '.join(DIGEST_FLAG_BY_WORD)} FROM digest {_CHANNEL_OF_SERVER_SQL}",
        (server_id,),
    ):
        flag_by_field = dict(zip(DIGEST_FLAG_BY_WORD.values(), map(bool, flags), strict=True))
        plan = DigestPlan(weekday=weekday, minute=minute, **flag_by_field)
        yield SettingKey(SettingKind.DIGEST, channel_id), str(plan)
    for channel_id, query in db.execute(
        f"SELECT channel_id, query FROM watch {_CHANNEL_OF_SERVER_SQL} AND removed_at IS NULL", (server_id,)
    ):
        yield SettingKey(SettingKind.CHANNEL_WATCH, channel_id, None, query), query


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
        threads_and_tags.add_tag_rule(db, tag_rule, tag_name, max_rules=_UNLIMITED, **place_ids)
    else:
        threads_and_tags.remove_tag_rule(db, tag_rule, tag_name, **place_ids)


def _write_digest(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    place_ids = {"server_id": context.server_id, "channel_id": _require_channel_id(change), "user_id": context.user_id}
    if change.new_text is not None:
        digests.save_digest(db, DigestPlan.parse(change.new_text), limit=_UNLIMITED, **place_ids)
    else:
        digests.delete_digest(db, **place_ids)


def _write_monthly_report(db: Connection, context: _WriteContext, change: SetupChange) -> None:
    feed_reactions.set_report_enabled(
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
