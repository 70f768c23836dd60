"""Export of all settings of a server and its channels to a YAML file, the settings file."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bot.core.local_time import format_clock, format_iso
from bot.core.preferences import (
    DIGEST_FLAG_BY_WORD,
    DigestPlan,
    Filter,
    ForumTagRule,
    MentionRule,
    PostLook,
    Preference,
    SettingKind,
    SubscriptionState,
)
from bot.core.setting_registry import CHANNEL_SETTING_BY_NAME
from bot.operating.settings_files.file_schema import (
    FILE_VERSION,
    ChannelSection,
    ChannelSettingsSection,
    DigestEntry,
    FeedEntry,
    FilterEntry,
    LookEntry,
    MentionRuleEntry,
    ServerSection,
    SettingsFile,
    TagRuleEntry,
    TemplateEntry,
)
from bot.operating.settings_files.yaml_documents import serialize_document
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup, fill_channel_defaults
from bot.text import urls
from bot.text.discord_text import to_plain_line

_HEADING = """Settings of a server in Telex. The format: docs/settings-file.md
Left out: feeds whose address has a password or key (omitted_feeds names them), tokens, webhooks, people’s watches."""


def export_settings(
    setup: Setup, server_id: int, name_by_id: Mapping[int, str], *, channel_id: int | None = None
) -> str:
    """Return all settings (the setup) of a server, or of one of its channels, as the text of a settings file.

    `name_by_id` has the names of the server and its channels, roles and tags; it may be empty. With a `channel_id`, the
    settings of the server and of other channels are left out.
    """
    channel_ids = {key.channel_id for key in setup if key.channel_id} if channel_id is None else {channel_id}
    exporter = _SetupExporter(fill_channel_defaults(setup, channel_ids))
    sections = (exporter.build_channel_section(id_) for id_ in sorted(channel_ids))
    settings_file = SettingsFile(
        version=FILE_VERSION,
        server=ServerSection(id=server_id) if channel_id is not None else exporter.build_server_section(server_id),
        channels=[section for section in sections if channel_id is not None or _has_choice(section)],
    )
    # The name of a role or channel may have invisible characters alone.
    plain_name_by_id = {id_: plain_name for id_, name in name_by_id.items() if (plain_name := to_plain_line(name))}
    content = msgspec.to_builtins(settings_file)
    content["names"] = {id_: plain_name_by_id[id_] for id_ in sorted({*_iter_numbers(content)} & {*plain_name_by_id})}
    return serialize_document(_HEADING, content, plain_name_by_id)


def is_secret(feed: FeedAddress) -> bool:
    """Return whether settings files leave a feed out, because its URL has a password or key."""
    return feed.is_private or urls.has_secret(feed.url)


class _SetupExporter:
    """Builder of the sections of a settings file from a server's settings; equal settings give equal sections."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._texts_by_place: defaultdict[tuple[str, int | None, FeedAddress | None], list[str]] = defaultdict(list)
        self._feeds_by_channel_id: defaultdict[int | None, list[FeedAddress]] = defaultdict(list)
        for key, text in sorted(setup.items(), key=lambda entry: (entry[0].setting, entry[0].detail)):
            self._texts_by_place[key.setting, key.channel_id, key.feed].append(text)
            if key.setting == SettingKind.SUBSCRIPTION and key.feed is not None:
                self._feeds_by_channel_id[key.channel_id].append(key.feed)

    def build_server_section(self, server_id: int) -> ServerSection:
        return ServerSection(
            id=server_id,
            look=self._build_look(None, None),
            monthly_report=SettingKey(SettingKind.MONTHLY_REPORT) in self._setup,
            filters=self._build_filters(None, None),
            **{
                preference.name.lower(): _parse_preference(preference, self._setup.get(SettingKey(preference)))
                for preference in Preference
            },
        )

    def build_channel_section(self, channel_id: int) -> ChannelSection:
        feeds = sorted(self._feeds_by_channel_id[channel_id])
        section = ChannelSection(
            id=channel_id,
            settings=self._build_settings(channel_id),
            filters=self._build_filters(channel_id, None),
            mention_rules=[
                MentionRuleEntry(role=rule.role_id, query=rule.query, daily_limit=rule.daily_limit)
                for rule in map(MentionRule.parse, self._list_texts(SettingKind.MENTION_RULE, channel_id))
            ],
            tag_rules=[
                TagRuleEntry(tag=rule.tag_id, query=rule.query)
                for rule in map(ForumTagRule.parse, self._list_texts(SettingKind.FORUM_TAG, channel_id))
            ],
            digest=next(map(_build_digest, self._list_texts(SettingKind.DIGEST, channel_id)), None),
            watches=self._list_texts(SettingKind.CHANNEL_WATCH, channel_id),
            feeds=[self._build_feed(channel_id, feed) for feed in feeds if not is_secret(feed)],
        )
        if omitted_feeds := [urls.redact(feed.url) for feed in feeds if is_secret(feed)]:
            section.omitted_feeds = omitted_feeds
        return section

    def _list_texts(self, setting: str, channel_id: int | None, feed: FeedAddress | None = None) -> list[str]:
        return self._texts_by_place.get((setting, channel_id, feed), [])

    def _build_settings(self, channel_id: int) -> Any:  # noqa: ANN401 - a section made from the registry
        return ChannelSettingsSection(
            **{
                name: None if text is None else setting.from_text(text)
                for name, setting in CHANNEL_SETTING_BY_NAME.items()
                for text in [self._setup.get(SettingKey(setting.column_name, channel_id))]
            }
        )

    def _build_feed(self, channel_id: int, feed: FeedAddress) -> FeedEntry:
        state = self._setup[SettingKey(SettingKind.SUBSCRIPTION, channel_id, feed)]
        return FeedEntry(
            url=feed.url,
            paused=state == SubscriptionState.PAUSED,
            look=self._build_look(channel_id, feed),
            filters=self._build_filters(channel_id, feed),
        )

    def _build_look(self, channel_id: int | None, feed: FeedAddress | None) -> LookEntry | None:
        return next(map(_build_look, self._list_texts(SettingKind.LOOK, channel_id, feed)), None)

    def _build_filters(self, channel_id: int | None, feed: FeedAddress | None) -> list[FilterEntry]:
        filters = map(Filter.parse, self._list_texts(SettingKind.FILTER, channel_id, feed))
        return [
            FilterEntry(rule=mode, query=query, until=None if ends_at is None else format_iso(ends_at))
            for _id, mode, query, ends_at, _scope in filters
        ]


def _parse_preference(preference: Preference, text: str | None) -> Any:  # noqa: ANN401 - as the preference's field
    if preference is Preference.SELF_ASSIGNABLE_ROLES:
        return [int(role_id) for role_id in (text or "").split(",") if role_id]
    return int(text) if text is not None and text.isdecimal() else text


def _build_look(text: str) -> LookEntry:
    look = PostLook.from_json(text)
    return LookEntry(
        style=look.style,
        image=look.shows_image,
        excerpt=look.excerpt_length,
        colour=None if look.colour is None else f"#{look.colour:06x}",
        prefix=look.prefix,
        role=look.role_id,
        template=None
        if look.template is None
        else TemplateEntry(title=look.template.title, body=look.template.body, footer=look.template.footer),
    )


def _build_digest(text: str) -> DigestEntry:
    plan = DigestPlan.parse(text)
    flags = {word: getattr(plan, field_name) for word, field_name in DIGEST_FLAG_BY_WORD.items()}
    return DigestEntry(every=text.partition(" ")[0], at=format_clock(plan.minute), **flags)


def _has_choice(section: ChannelSection) -> bool:
    """Return whether a channel's section of a settings file has anything but defaults."""
    default_section = _SetupExporter(fill_channel_defaults({}, [section.id])).build_channel_section(section.id)
    return section != default_section


def _iter_numbers(content: object) -> Iterator[int]:
    if isinstance(content, int):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _iter_numbers(part)
