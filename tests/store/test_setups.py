"""Setups of servers: reading, comparing and applying them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.preferences import (
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
    Style,
)
from bot.core.setting_registry import CHANNEL_SETTINGS, NumberSetting, SwitchSetting
from bot.core.user_errors import RequestRejected
from bot.store import StoreError
from bot.store.records.setup_records import (
    FeedAddress,
    SettingKey,
    Setup,
    SetupChange,
    SetupFailure,
    SetupLimits,
    compare_setups,
)
from tests.store.test_docs import PAGE, ROW, parse_documented_columns
from tests.support.samples import CHANNEL, SERVER, deliver_pending, make_new_article, write_poll

MANAGER = 8_000
OTHER_CHANNEL = CHANNEL + 1
LIMITS = SetupLimits(feeds=5, filters=3, mention_rules=3, tag_rules=3, digests=2, watches=3)
SHARED_FEED = FeedAddress("https://shared.example/feed")
PRIVATE_FEED = FeedAddress("https://user:secret@private.example/feed", is_private=True)

CHANNEL_TEXT_BY_COLUMN = (
    {"language": "fr", "quiet_hours": "22:00-07:00"}
    | {
        column: "1" if isinstance(setting, SwitchSetting) else str(setting.choices[-1])
        for column, setting in CHANNEL_SETTINGS.items()
        if isinstance(setting, SwitchSetting | NumberSetting)
    }
    | {"join_stories": "0"}
)
"""A value of each channel setting that differs from its default."""
SERVER_TEXT_BY_PREFERENCE = {
    Preference.LANGUAGE: "fr",
    Preference.TIME_ZONE: "Europe/Paris",
    Preference.MANAGER_ROLE: "31",
    Preference.ALERT_CHANNEL: str(CHANNEL),
    Preference.SELF_ASSIGNABLE_ROLES: "32,33",
    Preference.PROPOSER_POLICY: "everyone",
    Preference.OPERATOR_NOTICES: "off",
}

COLUMNS_IN_SETUP = {
    "server": {*Preference, "look", "report_due_at"},
    "channel": {*CHANNEL_SETTINGS},
    "subscription": {"channel_id", "feed_id", "paused_at", "look"},
    "filter": {"subscription_id", "channel_id", "server_id", "rule", "query", "ends_at"},
    "mention_rule": {"channel_id", "role_id", "query", "daily_limit"},
    "forum_tag": {"channel_id", "tag_id", "query"},
    "digest": {"channel_id", "weekday", "minute", "alone", "wide", "chart", "summaries"},
    "watch": {"channel_id", "server_id", "query"},
}
COLUMNS_WITHOUT_CHOICE = {
    "server": {
        "locale",
        "joined_at",
        "left_at",
        "welcomed_at",
        "taste_since",
        "quota_full_at",
        "reactions_batched_until",
        "name",
        "member_count",
        "last_used_at",
        "leave_requested_at",
        "erasure_requested_at",
    },
    "channel": {"server_id", "user_id", "problem", "problem_since", "retry_at", "best_due_at", "parent_id"},
    "subscription": {"added_at", "resumed_at", "resumed_from"},
    "filter": set[str](),
    "mention_rule": set[str](),
    "forum_tag": set[str](),
    "digest": {"created_at", "due_at", "covered_until"},
    "watch": {"language", "created_at", "after_article_id", "cooldown_until", "absent_since", "removed_at"},
}
"""Columns of the same tables that record what happened, or belong to watches of users."""
TABLES_WITHOUT_SETUP = set(
    # What was published, sent, or done by people; what processes share; secrets.
    "feed identity quota_overflow skipped_entry push_subscription outlet_icon article article_change "
    "page_fetch arrival encoded_article generated_text similar_article daily_thread channel_feed "
    "assistant_token setting_change dispatch post_mention delivery_status blocked_article digest_article "
    "story_mute muted_article watch_match bookmark erased_bookmark bookmark_feed opinion reaction_batch "
    "question question_source vote personal_digest proposal proposer "
    "blocked_proposer notice notice_recipient process lease request_allocation meta server_access server_limit "
    "blocked_source audit_entry".split()
)


def test_every_stored_setting_is_part_of_setup():
    # If this fails for a new column or table: is it a setting? Then `setups` has to read it.
    columns_by_table = {
        table: parse_documented_columns(cell) for table, cell in ROW.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert set(columns_by_table) == TABLES_WITHOUT_SETUP | set(COLUMNS_IN_SETUP)
    for table, columns in COLUMNS_IN_SETUP.items():
        assert columns_by_table[table] - {"id"} == columns | COLUMNS_WITHOUT_CHOICE[table], table


def build_full_setup(channel_id: int, now: int) -> dict[SettingKey, str]:
    """Return a setup with every setting of a server and a channel."""
    look = PostLook(style=Style.COMPACT, role_id=34)
    mention_rule, tag_rule = MentionRule(31, "openai", 2), str(ForumTagRule(41, "robots"))
    return {
        **{SettingKey(preference): text for preference, text in SERVER_TEXT_BY_PREFERENCE.items()},
        SettingKey(SettingKind.LOOK): str(replace(look, prefix="News")),
        SettingKey(SettingKind.MONTHLY_REPORT): "1",
        SettingKey(SettingKind.FILTER, detail="never crypto"): str(Filter(0, FilterMode.EXCLUDE, "crypto")),
        **{SettingKey(column, channel_id): text for column, text in CHANNEL_TEXT_BY_COLUMN.items()},
        SettingKey(SettingKind.SUBSCRIPTION, channel_id, SHARED_FEED): "followed",
        SettingKey(SettingKind.LOOK, channel_id, SHARED_FEED): str(look),
        SettingKey(SettingKind.FILTER, channel_id, SHARED_FEED, "only climate"): f"only@{now + 3600} climate",
        SettingKey(SettingKind.SUBSCRIPTION, channel_id, PRIVATE_FEED): "paused",
        SettingKey(SettingKind.FILTER, channel_id, None, "never sport"): "never sport",
        SettingKey(SettingKind.MENTION_RULE, channel_id, None, "31 openai"): str(mention_rule),
        SettingKey(SettingKind.FORUM_TAG, channel_id, None, tag_rule): tag_rule,
        SettingKey(SettingKind.DIGEST, channel_id): str(DigestPlan(weekday=0, minute=480, has_chart=True)),
        SettingKey(SettingKind.CHANNEL_WATCH, channel_id, None, "mars"): "mars",
    }


async def apply(store, new_setup: Setup, *, limits: SetupLimits = LIMITS) -> list[SetupChange]:
    """Change a server's setup to a new one, and return the changes."""
    changes = compare_setups(await store.setups.read(SERVER), new_setup)
    await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=limits, tag_names={41: "Robots"})
    return changes


async def test_setup_is_applied_with_history_and_reverted(store, clock):
    await store.servers.mark_joined(SERVER)
    original_setup = await store.setups.read(SERVER)
    full_setup = build_full_setup(CHANNEL, clock.now())
    assert {key.setting for key in full_setup} >= {*Preference, *CHANNEL_SETTINGS}

    changes = await apply(store, full_setup)
    assert await store.setups.read(SERVER) == full_setup
    assert compare_setups(full_setup, full_setup) == []
    history = await store.preferences.list_changes(SERVER, limit=100)
    # A feed that begins paused is followed, then paused.
    assert len(history) == len(changes) + 1
    assert {change.user_id for change in history} == {MANAGER}
    assert {change.setting for change in history} == {key.setting for key in full_setup}
    forum_tag_change = next(change for change in history if change.setting == SettingKind.FORUM_TAG)
    assert forum_tag_change.new_value == "Robots (robots)"
    assert await store.feeds.find(PRIVATE_FEED.url, SERVER) is not None
    assert await store.feeds.find(PRIVATE_FEED.url) is None

    await apply(store, original_setup)
    # A channel that has a row has its default settings in the setup.
    assert compare_setups(original_setup, await store.setups.read(SERVER)) == []


async def test_change_replaces_only_differing_settings(store, clock):
    await store.servers.mark_joined(SERVER)
    full_setup = build_full_setup(CHANNEL, clock.now())
    await apply(store, full_setup)
    filter_key = SettingKey(SettingKind.FILTER, CHANNEL, SHARED_FEED, "only climate")
    rule_key = SettingKey(SettingKind.MENTION_RULE, CHANNEL, None, "31 openai")
    private_key = SettingKey(SettingKind.SUBSCRIPTION, CHANNEL, PRIVATE_FEED)
    changed_setup = full_setup | {filter_key: "only climate", rule_key: "31 7 openai", private_key: "followed"}
    assert await apply(store, changed_setup) == [
        SetupChange(rule_key, "31 2 openai", "31 7 openai"),
        SetupChange(filter_key, f"only@{clock.now() + 3600} climate", "only climate"),
        SetupChange(private_key, "paused", "followed"),
    ]
    assert await store.setups.read(SERVER) == changed_setup
    del changed_setup[private_key], changed_setup[SettingKey(SettingKind.SUBSCRIPTION, CHANNEL, SHARED_FEED)]
    # The look and the filter go with their feed.
    assert [change.key.setting for change in await apply(store, changed_setup)] == [SettingKind.SUBSCRIPTION] * 2


async def test_ended_filters_are_not_part_of_setup(store, clock):
    await store.servers.mark_joined(SERVER)
    place = FilterPlace(SERVER, FilterScope.SERVER)
    rules = [(FilterMode.EXCLUDE, "crypto")]
    assert await store.filters.add(place, rules, user_id=MANAGER, limit=5, ends_at=clock.now() + 60)
    clock.advance(61)
    assert not any(key.setting == SettingKind.FILTER for key in await store.setups.read(SERVER))


async def test_feed_added_by_setup_posts_no_earlier_article(store, clock):
    await store.servers.mark_joined(SERVER)
    stored_feed = await store.feeds.add("https://stored.example/feed")
    await write_poll(store, stored_feed, make_new_article(stored_feed, "old"), first=True)
    feeds = [FeedAddress(stored_feed.url), SHARED_FEED]
    subscriptions = {SettingKey(SettingKind.SUBSCRIPTION, CHANNEL, feed): "followed" for feed in feeds}
    await apply(store, await store.setups.read(SERVER) | subscriptions)
    new_feed = await store.feeds.find(SHARED_FEED.url)
    clock.advance(60)
    assert {feed.id for feed in await store.feeds.list_due(clock.now(), 5)} == {stored_feed.id, new_feed.id}
    await write_poll(
        store, new_feed, *(make_new_article(new_feed, f"backlog {number}") for number in range(20)), first=True
    )
    assert await deliver_pending(store) == []
    clock.advance(600)
    await write_poll(store, new_feed, make_new_article(new_feed, "news", published=clock.now()))
    assert len(await deliver_pending(store)) == 1


async def test_setup_that_cannot_be_applied_changes_nothing(store, clock):
    full_setup = build_full_setup(CHANNEL, clock.now())
    with pytest.raises(RequestRejected) as refusal:
        await apply(store, full_setup)
    assert refusal.value.reason.code == SetupFailure.NOT_IN_SERVER

    await store.servers.mark_joined(SERVER)
    original_setup = await store.setups.read(SERVER)
    for limit_name, code in {
        "feeds": SetupFailure.TOO_MANY_FEEDS,
        "filters": SetupFailure.TOO_MANY_FILTERS,
        "mention_rules": SetupFailure.TOO_MANY_MENTION_RULES,
        "tag_rules": SetupFailure.TOO_MANY_TAG_RULES,
        "digests": SetupFailure.TOO_MANY_DIGESTS,
        "watches": SetupFailure.TOO_MANY_WATCHES,
    }.items():
        with pytest.raises(RequestRejected) as refusal:
            await apply(store, full_setup, limits=replace(LIMITS, **{limit_name: 0}))
        assert (refusal.value.reason.code, refusal.value.reason.values) == (code, {"count": 0})
    assert await store.setups.read(SERVER) == original_setup

    changes = compare_setups(original_setup, full_setup)
    quiet_hours = CHANNEL_SETTINGS["quiet_hours"]
    await store.preferences.change_channel(
        quiet_hours, "23:00-06:00", server_id=SERVER, channel_id=CHANNEL, user_id=MANAGER
    )
    with pytest.raises(RequestRejected) as refusal:
        await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=LIMITS)
    assert refusal.value.reason.code == SetupFailure.CHANGED_MEANWHILE
    assert not any(key.feed for key in await store.setups.read(SERVER))


async def test_server_above_limit_can_change_other_settings(store):
    await store.servers.mark_joined(SERVER)
    feeds = [FeedAddress(f"https://{number}.example/feed") for number in range(5)]
    for channel_id in (CHANNEL, OTHER_CHANNEL):
        # The same feeds in a second channel are no further feeds of the server.
        limits = LIMITS if channel_id == CHANNEL else replace(LIMITS, feeds=2)
        subscriptions = {SettingKey(SettingKind.SUBSCRIPTION, channel_id, feed): "followed" for feed in feeds}
        await apply(store, await store.setups.read(SERVER) | subscriptions, limits=limits)
    assert len([key for key in await store.setups.read(SERVER) if key.feed]) == 10


async def test_all_changes_are_rolled_back_when_one_fails(store, clock):
    for server_id in (SERVER, SERVER + 1):
        await store.servers.mark_joined(server_id)
    await store.preferences.change_channel(
        CHANNEL_SETTINGS["language"], "en", server_id=SERVER + 1, channel_id=OTHER_CHANNEL, user_id=MANAGER
    )
    original_setup = await store.setups.read(SERVER)
    full_setup = build_full_setup(CHANNEL, clock.now())
    foreign_key = SettingKey(SettingKind.CHANNEL_WATCH, OTHER_CHANNEL, None, "mars")
    with pytest.raises(StoreError, match="another server"):
        await apply(store, full_setup | {foreign_key: "mars"})
    assert await store.setups.read(SERVER) == original_setup
    assert await store.preferences.list_changes(SERVER, limit=10) == []
    assert await store.feeds.list_all() == []
