"""Reading of all that managers of a server chose, as one setup: a mapping of keys of settings to their values."""

from collections.abc import Iterator

from bot.core.preferences import (
    DEFAULT_LOOK,
    DIGEST_FLAG_BY_WORD,
    DigestPlan,
    Filter,
    FilterMode,
    ForumTagRule,
    MentionRule,
    PostLook,
    Preference,
    SettingKind,
    SubscriptionState,
)
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.records.setup_records import FeedAddress, SettingKey

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
