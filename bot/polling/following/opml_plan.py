"""Plan of an import of an OPML list: where its feeds go, with which filters, and what is left out."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bot.core.preferences import Filter, FilterMode, SettingKind, SubscriptionState
from bot.core.user_errors import RequestRejected
from bot.feeds.parsing.opml import FeedList, Outline
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup, SetupChange, compare_setups
from bot.text import discord_text, urls
from bot.text.source_patterns import NO_PATTERNS, SourcePatterns
from bot.watches.subscription_filters import MAX_FILTERS_PER_PLACE, parse_filter_query

MAX_IMPORTED_SUBSCRIPTIONS = 1_000
"""Maximum number of subscriptions that one OPML list adds: the same feed may be in it once for each channel."""
_MAX_LABEL_PART_UNITS = 120
"""Maximum length, in UTF-16 units, of the title and of the URL in the label of an imported feed."""


@dataclass(slots=True)
class OpmlImportPlan:
    """Plan of an import of an OPML list into a server: changes of its settings, and what becomes of which feed.

    Each feed's label (title, URL) is in a list: `added_labels`, `already_followed_labels`, `invalid_labels` (no valid
    URL), `blocked_labels` (sources that an operator blocks) or `over_limit_labels` (beyond `max_feeds`, the server's
    limit); one that is listed again for a channel is ignored. `skipped_count` is the number of further outlines that
    are not imported. `feed_counts`, `filter_counts` and `look_counts` are the numbers of added feeds, filters and looks
    by channel id; `left_out_setup_count` is the number of filters and looks that are invalid or too many.
    """

    max_feeds: int = 0
    changes: list[SetupChange] = field(default_factory=list)
    added_labels: list[str] = field(default_factory=list)
    already_followed_labels: list[str] = field(default_factory=list)
    invalid_labels: list[str] = field(default_factory=list)
    blocked_labels: list[str] = field(default_factory=list)
    over_limit_labels: list[str] = field(default_factory=list)
    skipped_count: int = 0
    feed_counts: Counter[int] = field(default_factory=Counter)
    filter_counts: Counter[int] = field(default_factory=Counter)
    look_counts: Counter[int] = field(default_factory=Counter)
    left_out_setup_count: int = 0


def plan_import(
    setup: Setup,
    feed_list: FeedList,
    *,
    chosen_channel_id: int,
    usable_channel_ids: Collection[int],
    max_feeds: int,
    now: int,
    blocked_sources: SourcePatterns = NO_PATTERNS,
) -> OpmlImportPlan:
    """Plan how a server with some settings follows the feeds of an OPML list; feeds followed already stay as they are.

    A feed goes to the channel that the list names for it if that is usable, else to the chosen channel, where filters
    of its whole channel become filters of the feed. `now` is Unix time in seconds.
    """
    planner = _ImportPlanner(setup, max_feeds, blocked_sources, now)
    filters_by_channel_id = {channel.id: channel.filters for channel in feed_list.channels}
    for channel in feed_list.channels:
        if channel.id in usable_channel_ids:
            planner.add_filters(channel.id, None, channel.filters)
    for outline in feed_list.outlines:
        if outline.channel_id is not None and outline.channel_id in usable_channel_ids:
            planner.add_outline(outline, outline.channel_id, outline.filters)
        else:
            channel_filters = filters_by_channel_id.get(outline.channel_id or 0, ())
            planner.add_outline(outline, chosen_channel_id, (*outline.filters, *channel_filters))
    plan = planner.plan
    plan.changes = compare_setups(setup, planner.new_setup)
    plan.invalid_labels += [
        discord_text.to_plain_line(title, _MAX_LABEL_PART_UNITS) for title in feed_list.invalid_titles
    ]
    plan.skipped_count += feed_list.skipped_count
    plan.left_out_setup_count += feed_list.unreadable_count
    return plan


class _ImportPlanner:
    """Planner of an import: a copy of a server's settings, to which feeds and filters are added and counted."""

    def __init__(self, setup: Setup, max_feeds: int, blocked_sources: SourcePatterns, now: int) -> None:
        self._blocked_sources = blocked_sources
        self.plan = OpmlImportPlan(max_feeds)
        self.new_setup = dict(setup)
        self._old_setup, self._now = setup, now
        self._feeds = {key.feed for key in setup if key.setting == SettingKind.SUBSCRIPTION}
        self._filter_counts = Counter((key.channel_id, key.feed) for key in setup if key.setting == SettingKind.FILTER)
        self._valid_query_by_text: dict[str, str | None] = {}

    def add_outline(self, outline: Outline, channel_id: int, filters: Iterable[Filter]) -> None:
        """Add the feed of an outline, with filters, to a channel that doesn't follow it, within the limits."""
        outline_label = _build_label(outline)
        try:
            url = urls.normalize_typed_url(outline.url)
        except ValueError:
            self.plan.invalid_labels.append(outline_label)
            return
        feed = FeedAddress(url, urls.has_credentials(url))
        key = SettingKey(SettingKind.SUBSCRIPTION, channel_id, feed)
        if key in self._old_setup:
            self.plan.already_followed_labels.append(outline_label)
        elif self._blocked_sources.find_covering(url) is not None:
            self.plan.blocked_labels.append(outline_label)
        elif feed not in self._feeds and len(self._feeds) >= self.plan.max_feeds:
            self.plan.over_limit_labels.append(outline_label)
        elif len(self.plan.added_labels) >= MAX_IMPORTED_SUBSCRIPTIONS:
            self.plan.skipped_count += 1
        elif key not in self.new_setup:
            self.new_setup[key] = SubscriptionState.ACTIVE
            self._feeds.add(feed)
            self.plan.added_labels.append(outline_label)
            self.plan.feed_counts[channel_id] += 1
            if outline.look is not None:
                self.new_setup[key._replace(setting=SettingKind.LOOK)] = str(outline.look)
                self.plan.look_counts[channel_id] += 1
            self.add_filters(channel_id, feed, filters)

    def add_filters(self, channel_id: int, feed: FeedAddress | None, filters: Iterable[Filter]) -> None:
        """Add filters that have not ended to a feed in a channel, or to a whole channel if `feed` is None."""
        for own_filter in filters:
            query = self._find_valid_query(own_filter.query)
            key = SettingKey(SettingKind.FILTER, channel_id, feed, f"{own_filter.mode} {query}")
            if own_filter.has_ended(self._now) or key in self.new_setup:
                continue
            is_wrong_mode = feed is None and own_filter.mode is FilterMode.INCLUDE
            if query is None or is_wrong_mode or self._filter_counts[channel_id, feed] >= MAX_FILTERS_PER_PLACE:
                self.plan.left_out_setup_count += 1
                continue
            self.new_setup[key] = str(own_filter._replace(query=query))
            self._filter_counts[channel_id, feed] += 1
            self.plan.filter_counts[channel_id] += 1

    def _find_valid_query(self, text: str) -> str | None:
        """Return the query of a filter in the form that is stored, or None if it is not valid."""
        if text not in self._valid_query_by_text:
            try:
                query = parse_filter_query(text, self._now).text if len(text) <= MAX_QUERY_LENGTH else None
            except RequestRejected:
                query = None
            self._valid_query_by_text[text] = query
        return self._valid_query_by_text[text]


def _build_label(outline: Outline) -> str:
    redacted_url = urls.redact(outline.url)
    if outline.title == outline.url:
        return discord_text.to_plain_line(redacted_url, _MAX_LABEL_PART_UNITS)
    return (
        f"{discord_text.to_plain_line(outline.title, _MAX_LABEL_PART_UNITS)} "
        f"({discord_text.to_plain_line(redacted_url, _MAX_LABEL_PART_UNITS)})"
    )
