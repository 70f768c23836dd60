"""Merging of a settings file into the settings of a server, with the checks that commands make of typed texts."""

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from msgspec import UNSET

from bot.core.i18n import LANGUAGES
from bot.core.preferences import (
    DEFAULT_LOOK,
    DIGEST_FLAG_BY_WORD,
    NOTICES_OFF,
    PROPOSALS_FROM_EVERYONE,
    DigestPlan,
    Filter,
    FilterMode,
    ForumTagRule,
    MentionRule,
    PostLook,
    Preference,
    SettingKind,
    SubscriptionState,
    Template,
)
from bot.core.setting_registry import (
    CHANNEL_SETTING_BY_NAME,
    ChannelSetting,
    LanguageSetting,
    NumberSetting,
    StoredValue,
)
from bot.core.user_errors import RequestRejected
from bot.operating.settings_files.file_export import is_secret
from bot.operating.settings_files.file_schema import (
    ChannelSection,
    DigestEntry,
    FeedEntry,
    FilterEntry,
    LookEntry,
    MentionRuleEntry,
    ServerSection,
    TagRuleEntry,
)
from bot.operating.settings_files.id_mapping import IdMapping
from bot.operating.settings_files.located_files import LocatedFile
from bot.operating.settings_files.yaml_documents import DocumentError, Path
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup
from bot.store.records.source_records import SourceRejection
from bot.text import urls
from bot.text.source_patterns import NO_PATTERNS, SourcePatterns
from bot.watches.subscription_filters import parse_filter_query

_COLOUR_PATTERN = re.compile(r"#[0-9a-fA-F]{6}")
_CLOCK_PATTERN = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MAX_URL_CHARS = 2_048
"""Maximum number of characters of the URL of a feed."""

ParseWatchQuery = Callable[[str], Awaitable[str]]
"""Function that returns the normal form of the query of a watch (saved search). Raises RequestRejected."""
FindLookError = Callable[[PostLook], str | None]
"""Function that returns why posts can't have a look (appearance), or None if they can."""


class SetupMerger:
    """Merger of a settings file into the settings (setup) of a server; what the file leaves out stays as it is.

    Feeds whose URLs hold a secret, which no exported file has, stay too.
    """

    def __init__(
        self,
        file: LocatedFile,
        old_setup: Setup,
        ids: IdMapping,
        *,
        now: int,
        parse_watch_query: ParseWatchQuery,
        find_look_error: FindLookError,
        blocked_sources: SourcePatterns = NO_PATTERNS,
    ) -> None:
        self._texts_by_channel_id: defaultdict[int | None, dict[SettingKey, str]] = defaultdict(dict)
        for key, text in old_setup.items():
            self._set(key, text)
        self._file, self._ids, self._now = file, ids, now
        self._parse_watch_query, self._find_look_error = parse_watch_query, find_look_error
        self._blocked_sources = blocked_sources
        feeds = {key.feed for key in old_setup if key.feed is not None}
        self._stored_urls = {feed.url for feed in feeds}
        self._private_urls = {feed.url for feed in feeds if feed.is_private}
        # What is stored already was checked by the rules of its time.
        self._stored_queries = set(_iter_queries(old_setup))

    async def merge(self, *, channel_id: int | None = None) -> dict[SettingKey, str]:
        """Return the server's settings after the import of the file, or of its section for one channel alone.

        Raises DocumentError if the file asks for something that cannot be, or has no such channel.
        """
        settings = self._file.settings
        if channel_id is None:
            self._merge_server(settings.server)
        merged_channel_ids = set[int]()
        for index, section in enumerate(settings.channels):
            path: Path = ("channels", index)
            if channel_id in {None, section.id}:
                with self._locate((*path, "id")):
                    target_id = self._ids.map_channel(section.id)
                    if target_id in merged_channel_ids:
                        raise ValueError("This channel is there twice.")
                merged_channel_ids.add(target_id)
                await self._merge_watches(section, target_id, (*path, "watches"))
                self._merge_channel(section, target_id, path)
        if channel_id is not None and not merged_channel_ids:
            raise DocumentError(f"This file has no channel {channel_id}.", self._file.find_line(("channels",)))
        return {key: text for texts in self._texts_by_channel_id.values() for key, text in texts.items()}

    def _merge_server(self, section: ServerSection) -> None:
        path: Path = ("server",)
        for preference in Preference:
            name = preference.name.lower()
            preference_value = getattr(section, name)
            if preference_value is not UNSET:
                with self._locate((*path, name)):
                    self._set(SettingKey(preference), self._format_preference(preference, preference_value))
        if section.look is not UNSET:
            self._set_look(SettingKey(SettingKind.LOOK), section.look, (*path, "look"))
        if section.monthly_report is not UNSET:
            self._set(SettingKey(SettingKind.MONTHLY_REPORT), "1" if section.monthly_report else None)
        if section.filters is not UNSET:
            self._clear(SettingKind.FILTER, None)
            self._add_filters(section.filters, None, None, (*path, "filters"))

    def _format_preference(self, preference: Preference, preference_value: Any) -> str | None:  # noqa: ANN401 - as its field
        match preference_value:
            case None:
                return None
            case list():
                return ",".join(str(self._map_role(role_id)) for role_id in preference_value) or None
            case int():
                is_channel = preference is Preference.ALERT_CHANNEL
                return str((self._ids.map_channel if is_channel else self._map_role)(preference_value))
        text = str(preference_value)
        stored_text = self._texts_by_channel_id[None].get(SettingKey(preference))
        if text != stored_text and text not in _VALID_TEXTS_BY_PREFERENCE[preference]():
            raise ValueError(f"Telex doesn’t know “{text}”.")
        return text

    async def _merge_watches(self, section: ChannelSection, channel_id: int, path: Path) -> None:
        if section.watches is UNSET:
            return
        self._clear(SettingKind.CHANNEL_WATCH, channel_id)
        for index, query in enumerate(section.watches):
            with self._locate((*path, index)):
                self._require_possible_length(query)
                normal_query = query if query in self._stored_queries else await self._parse_watch_query(query)
                self._add(SettingKey(SettingKind.CHANNEL_WATCH, channel_id, None, normal_query), normal_query)

    def _merge_channel(self, section: ChannelSection, channel_id: int, path: Path) -> None:
        if section.settings is not UNSET:
            self._merge_settings(section.settings, channel_id, (*path, "settings"))
        if section.filters is not UNSET:
            self._clear(SettingKind.FILTER, channel_id)
            self._add_filters(section.filters, channel_id, None, (*path, "filters"))
        if section.mention_rules is not UNSET:
            self._replace_mention_rules(section.mention_rules, channel_id, (*path, "mention_rules"))
        if section.tag_rules is not UNSET:
            self._replace_tag_rules(section.tag_rules, channel_id, (*path, "tag_rules"))
        if section.digest is not UNSET:
            with self._locate((*path, "digest")):
                plan_text = None if section.digest is None else _format_digest(section.digest)
            self._set(SettingKey(SettingKind.DIGEST, channel_id), plan_text)
        if section.feeds is not UNSET:
            self._replace_feeds(section.feeds, channel_id, (*path, "feeds"))

    def _merge_settings(self, section: Any, channel_id: int, path: Path) -> None:  # noqa: ANN401 - made from the registry
        for name, setting in CHANNEL_SETTING_BY_NAME.items():
            setting_value = getattr(section, name)
            if setting_value is not UNSET:
                with self._locate((*path, name)):
                    stored_value = _convert_setting(name, setting, setting_value)
                text = None if stored_value is None else str(stored_value)
                self._set(SettingKey(setting.column_name, channel_id), text)

    def _replace_mention_rules(self, entries: Iterable[MentionRuleEntry], channel_id: int, path: Path) -> None:
        self._clear(SettingKind.MENTION_RULE, channel_id)
        for index, entry in enumerate(entries):
            with self._locate((*path, index)):
                query = self._parse_filter_query(entry.query)
                rule = MentionRule(self._map_role(entry.role), query, entry.daily_limit)
                key = SettingKey(SettingKind.MENTION_RULE, channel_id, None, f"{rule.role_id} {rule.query}")
                self._add(key, str(rule))

    def _replace_tag_rules(self, entries: Iterable[TagRuleEntry], channel_id: int, path: Path) -> None:
        self._clear(SettingKind.FORUM_TAG, channel_id)
        for index, entry in enumerate(entries):
            with self._locate((*path, index)):
                query = self._parse_filter_query(entry.query) if entry.query else ""
                rule_text = str(ForumTagRule(self._ids.map_tag(entry.tag, channel_id), query))
                self._add(SettingKey(SettingKind.FORUM_TAG, channel_id, None, rule_text), rule_text)

    def _replace_feeds(self, entries: Iterable[FeedEntry], channel_id: int, path: Path) -> None:
        old_texts = self._texts_by_channel_id[channel_id]
        followed_feeds = {key.feed for key in old_texts}
        self._texts_by_channel_id[channel_id] = {
            key: text for key, text in old_texts.items() if key.feed is None or is_secret(key.feed)
        }
        feeds = set[FeedAddress]()
        for index, entry in enumerate(entries):
            with self._locate((*path, index)):
                feed = self._parse_feed_address(entry.url)
                if feed in feeds:
                    raise ValueError("This feed is there twice.")
                blocked_source = self._blocked_sources.find_covering(feed.url)
                if feed not in followed_feeds and blocked_source is not None:
                    raise RequestRejected(SourceRejection.BLOCKED, source=str(blocked_source))
            feeds.add(feed)
            state = SubscriptionState.PAUSED if entry.paused else SubscriptionState.ACTIVE
            self._set(SettingKey(SettingKind.SUBSCRIPTION, channel_id, feed), str(state))
            self._set_look(SettingKey(SettingKind.LOOK, channel_id, feed), entry.look, (*path, index, "look"))
            if is_secret(feed):  # It was kept above with its filters.
                self._clear(SettingKind.FILTER, channel_id, feed)
            self._add_filters(entry.filters, channel_id, feed, (*path, index, "filters"))

    def _parse_feed_address(self, url: str) -> FeedAddress:
        if len(url) > _MAX_URL_CHARS:
            raise ValueError(f"This address is longer than {_MAX_URL_CHARS} characters.")
        normal_url = url if url in self._stored_urls else urls.normalize_typed_url(url)
        return FeedAddress(normal_url, normal_url in self._private_urls or urls.has_credentials(normal_url))

    def _add_filters(
        self, entries: Iterable[FilterEntry], channel_id: int | None, feed: FeedAddress | None, path: Path
    ) -> None:
        for index, entry in enumerate(entries):
            with self._locate((*path, index)):
                if feed is None and entry.rule is FilterMode.INCLUDE:
                    raise ValueError("“only” works for one feed. For a channel or server, use “never”.")
                ends_at = None if entry.until is None else _parse_time(entry.until)
                filter_ = Filter(0, entry.rule, self._parse_filter_query(entry.query), ends_at)
                if not filter_.has_ended(self._now):
                    key = SettingKey(SettingKind.FILTER, channel_id, feed, f"{filter_.mode} {filter_.query}")
                    self._add(key, str(filter_))

    def _set_look(self, key: SettingKey, entry: LookEntry | None, path: Path) -> None:
        with self._locate(path):
            look = None if entry is None else self._build_look(entry)
            look_error = None if look is None else self._find_look_error(look)
            if look_error is not None:
                raise ValueError(look_error)
        is_default = look is None or (key.feed is None and look == DEFAULT_LOOK)
        self._set(key, None if is_default else str(look))

    def _build_look(self, entry: LookEntry) -> PostLook:
        if entry.colour is not None and not _COLOUR_PATTERN.fullmatch(entry.colour):
            raise ValueError(f"“{entry.colour}” is no colour such as #2e7d8c.")
        template = entry.template
        return PostLook(
            style=entry.style,
            shows_image=entry.image,
            excerpt_length=entry.excerpt,
            colour=None if entry.colour is None else int(entry.colour[1:], 16),
            prefix=entry.prefix,
            role_id=None if entry.role is None else self._map_role(entry.role),
            template=None if template is None else Template(template.title, template.body, template.footer),
        )

    def _map_role(self, role_id: int) -> int:
        if role_id == self._file.settings.server.id:
            raise ValueError("This is the ID of the server, so of @everyone. Give a role.")
        return self._ids.map_role(role_id)

    def _require_possible_length(self, query: str) -> None:
        """Raise ValueError for a query that is too long, unless the server has it already."""
        if len(query) > MAX_QUERY_LENGTH and query not in self._stored_queries:
            raise ValueError(f"This query is longer than {MAX_QUERY_LENGTH} characters.")

    def _parse_filter_query(self, query: str) -> str:
        self._require_possible_length(query)
        return query if query in self._stored_queries else parse_filter_query(query, self._now).text

    @contextmanager
    def _locate(self, path: Path) -> Iterator[None]:
        """Turn an error within the block into a DocumentError with the line of the file's part at a path."""
        try:
            yield
        except ValueError as error:
            raise DocumentError(str(error), self._file.find_line(path)) from error
        except RequestRejected as error:
            raise DocumentError(line=self._file.find_line(path)) from error

    def _set(self, key: SettingKey, text: str | None) -> None:
        if text is None:
            self._texts_by_channel_id[key.channel_id].pop(key, None)
        else:
            self._texts_by_channel_id[key.channel_id][key] = text

    def _add(self, key: SettingKey, text: str) -> None:
        texts = self._texts_by_channel_id[key.channel_id]
        if key in texts:
            raise ValueError("This is there twice.")
        texts[key] = text

    def _clear(self, setting: str, channel_id: int | None, feed: FeedAddress | None = None) -> None:
        texts = self._texts_by_channel_id[channel_id]
        for key in [key for key in texts if (key.setting, key.feed) == (setting, feed)]:
            del texts[key]


_VALID_TEXTS_BY_PREFERENCE: Mapping[Preference, Callable[[], Collection[str]]] = {
    Preference.LANGUAGE: lambda: LANGUAGES,
    Preference.TIME_ZONE: available_timezones,
    Preference.PROPOSER_POLICY: lambda: {PROPOSALS_FROM_EVERYONE},
    Preference.OPERATOR_NOTICES: lambda: {NOTICES_OFF},
}
"""Functions that return the valid texts of a server's preference, for preferences with a list of them."""


def _iter_queries(setup: Setup) -> Iterator[str]:
    for key in setup:
        if key.setting == SettingKind.CHANNEL_WATCH:
            yield key.detail
        elif key.detail:
            yield key.detail.partition(" ")[2]


def _convert_setting(name: str, setting: ChannelSetting[Any], setting_value: object) -> StoredValue:
    """Return the stored form of a channel's setting. Raises ValueError with a sentence if it cannot have the value."""
    try:
        return setting.to_column(setting_value)
    except ValueError as error:
        match setting:
            case NumberSetting(choices=(first_choice, *_)):
                sentence = f"{name} must be {first_choice} or more."
            case LanguageSetting():
                sentence = f"Telex doesn’t know “{setting_value}”."
            case _:
                sentence = f"“{setting_value}” is no {name} such as 22:00-07:00."
        raise ValueError(sentence) from error


def _format_digest(entry: DigestEntry) -> str:
    if not _CLOCK_PATTERN.fullmatch(entry.at):
        raise ValueError(f"“{entry.at}” is no time of the day such as 08:00.")
    flag_words = [word for word in DIGEST_FLAG_BY_WORD if getattr(entry, word)]
    try:
        return str(DigestPlan.parse(" ".join([entry.every, entry.at, *flag_words])))
    except ValueError as error:
        raise ValueError(f"“{entry.every}” is neither “daily” nor a weekday such as “monday”.") from error


def _parse_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"“{text}” is no time such as 2026-12-01T08:00:00Z.") from error
    return int(moment.timestamp())
