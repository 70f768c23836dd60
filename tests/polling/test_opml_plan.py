"""Plan of an OPML import."""

from bot.core.preferences import Filter, FilterMode
from bot.feeds.parsing.opml import ChannelOutline, FeedList, Outline
from bot.polling.following.opml_plan import MAX_IMPORTED_SUBSCRIPTIONS, plan_import
from bot.store.records.setup_records import FeedAddress, SettingKey, SetupChange

NOW = 1_780_000_000
CHOSEN = 1_180_000_000_000_000_000


def test_import_plan_limits_feeds_and_subscriptions():
    many_feeds = FeedList(tuple(Outline(str(n), f"https://a.example/{n}", None, None) for n in range(5_000)))
    plan = plan_import({}, many_feeds, chosen_channel_id=CHOSEN, usable_channel_ids=(), max_feeds=200, now=NOW)
    assert (len(plan.changes), len(plan.over_limit_labels)) == (200, 4_800)

    channel_ids = range(CHOSEN, CHOSEN + 5_000)
    many_channels = FeedList(tuple(Outline("", "https://a.example/", None, None, channel) for channel in channel_ids))
    plan = plan_import(
        {}, many_channels, chosen_channel_id=CHOSEN, usable_channel_ids=channel_ids, max_feeds=200, now=NOW
    )
    assert len(plan.changes) == len(plan.feed_counts) == MAX_IMPORTED_SUBSCRIPTIONS
    assert plan.skipped_count == 5_000 - MAX_IMPORTED_SUBSCRIPTIONS
    plan = plan_import({}, many_channels, chosen_channel_id=CHOSEN, usable_channel_ids=(), max_feeds=200, now=NOW)
    assert len(plan.changes) == 1, "the feed is added once, to the chosen channel"


def test_plan_drops_expired_filters_and_makes_feed_with_password_private():
    filters = (Filter(0, FilterMode.EXCLUDE, "old", NOW), Filter(0, FilterMode.EXCLUDE, "x" * 401))
    url = "https://user:secret@a.example/"
    feed_list = FeedList(
        (Outline("A", url, None, None, 5, filters),), channels=(ChannelOutline(6, "other", filters[1:]),)
    )
    plan = plan_import({}, feed_list, chosen_channel_id=CHOSEN, usable_channel_ids=(), max_feeds=9, now=NOW)
    key = SettingKey("subscription", CHOSEN, FeedAddress(url, is_private=True))
    assert plan.changes == [SetupChange(key, None, "followed")]
    assert plan.left_out_setup_count == 1
    assert "secret" not in str(plan.added_labels)
