"""Settings files: export, import and validation."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest

from bot.core.preferences import DIGEST_FLAG_BY_WORD, PostLook, Preference, SettingKind
from bot.core.setting_registry import CHANNEL_SETTING_BY_NAME
from bot.core.user_errors import RequestRejected
from bot.operating.settings_files import yaml_documents
from bot.operating.settings_files.file_export import export_settings
from bot.operating.settings_files.file_schema import (
    ChannelSection,
    ChannelSettingsSection,
    DigestEntry,
    FeedEntry,
    LookEntry,
    ServerSection,
)
from bot.operating.settings_files.id_mapping import IdMapping
from bot.operating.settings_files.located_files import LocatedFile
from bot.operating.settings_files.server_names import ServerNames
from bot.operating.settings_files.setup_merging import SetupMerger
from bot.operating.settings_files.yaml_documents import (
    MAX_DOCUMENT_BYTES,
    DocumentError,
    parse_document,
    serialize_document,
)
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup, compare_setups
from bot.watches.live_query_validation import QueryRejection
from tests.store.test_setups import LIMITS, MANAGER, build_full_setup
from tests.support.cases import check_cases
from tests.support.samples import CHANNEL, SERVER

NOW = 1_780_000_000
NAMES = ServerNames(
    "Newsroom", {CHANNEL: "news"}, {31: "Editors", 32: "Tech", 33: "Sport", 34: "Alerts"}, {CHANNEL: {41: "Robots"}}
)


async def merge(
    text: str, setup: Setup, *, names: ServerNames | None = None, channel_id: int | None = None
) -> dict[SettingKey, str]:
    """Return the setup of a server after merging a settings file."""

    async def normalize_watch_query(query: str) -> str:
        if query == "the":
            raise RequestRejected(QueryRejection.ONLY_STOP_WORDS, words="the")
        return query

    file = LocatedFile(text.encode())
    merger = SetupMerger(
        file,
        setup,
        IdMapping(file.settings.names, names),
        now=NOW,
        parse_watch_query=normalize_watch_query,
        find_look_error=lambda look: "Too long." if len(look.prefix) > 40 else None,
    )
    return await merger.merge(channel_id=channel_id)


async def test_export_import_export_gives_same_bytes(store, clock):
    await store.servers.mark_joined(SERVER)
    original_setup = await store.setups.read(SERVER)
    full_setup = build_full_setup(CHANNEL, clock.now())
    changes = compare_setups(original_setup, full_setup)
    await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=LIMITS)
    names = NAMES.collect_all(SERVER) | {33: "\u3164"}
    text = export_settings(await store.setups.read(SERVER), SERVER, names)

    changes = compare_setups(full_setup, original_setup)
    await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=LIMITS)
    empty_setup = await store.setups.read(SERVER)
    changes = compare_setups(empty_setup, await merge(text, empty_setup))
    await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=LIMITS)
    imported_text = export_settings(await store.setups.read(SERVER), SERVER, names)
    # A feed with a password is not exported, so it is not restored; the file only lists it as omitted.
    assert "omitted_feeds:\n      - https://***@private.example/feed\n" in text
    assert imported_text == text.replace("    omitted_feeds:\n      - https://***@private.example/feed\n", "")
    assert "secret" not in text

    setup = await store.setups.read(SERVER)
    assert compare_setups(setup, await merge(imported_text, setup)) == []
    assert export_settings(await merge(imported_text, setup), SERVER, names) == imported_text


async def test_every_setting_is_exported_and_imported():
    # A setting missing from the file would be lost silently
    full_setup = build_full_setup(CHANNEL, NOW)
    full_text = export_settings(full_setup, SERVER, {})
    for key in full_setup:
        if key.feed is not None and (key.feed.is_private or key.setting == SettingKind.SUBSCRIPTION):
            continue
        setup = {other_key: text for other_key, text in full_setup.items() if other_key != key}
        assert export_settings(setup, SERVER, {}) != full_text, key
        assert compare_setups(full_setup, await merge(full_text, setup)) == [], key
    assert set(msgspec.structs.asdict(ServerSection(id=1))) == {
        *(preference.name.lower() for preference in Preference),
        *("id", "look", "monthly_report", "filters"),
    }
    assert all(f"      {name}: " in full_text for name in CHANNEL_SETTING_BY_NAME)
    assert set(DigestEntry.__struct_fields__) == {"every", "at", *DIGEST_FLAG_BY_WORD}
    assert len(LookEntry.__struct_fields__) == len(asdict(PostLook()))
    assert all(f"{name}: " in full_text or name in LookEntry.__struct_defaults__ for name in ("style", "role"))


@check_cases(
    "text",
    [
        "",
        "null",
        "nULL",
        "tRUE",
        "12",
        "08:00",
        " a ",
        "- x",
        "a: b",
        "a #b",
        "'",
        '"',
        "a\n\n  b ",
        "|",
        "...",
        "&a",
        "é 😀",
        "\x85",
        "\u2028",
    ],
)
def test_text_survives_serialization(text):
    document = serialize_document("", {"text": text, "texts": [text]}, {})
    assert parse_document(document.encode()).content == {"text": text, "texts": [text]}


def test_documented_format_is_parsed_and_complete():
    page = (Path(__file__).resolve().parents[2] / "docs" / "settings-file.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    (channel,) = LocatedFile(example.encode()).settings.channels
    assert channel.settings == ChannelSettingsSection(quiet_hours="22:00-07:00", max_posts_per_hour=4)
    documented_names = set(re.findall(r"`(\w+)`", page))
    for section_type in (ServerSection, ChannelSection, ChannelSettingsSection, LookEntry, DigestEntry, FeedEntry):
        assert documented_names >= set(section_type.__struct_fields__)


async def test_import_keeps_feed_with_password():
    full_setup = build_full_setup(CHANNEL, NOW)
    text = export_settings(full_setup, SERVER, {}, channel_id=CHANNEL)
    assert "time_zone" not in text
    assert compare_setups(full_setup, await merge(text, full_setup)) == []


async def test_file_is_imported_into_other_server_by_names():
    other_names = ServerNames(
        "Other",
        {7: "news", 8: "off-topic"},
        {61: "Editors", 62: "Tech", 63: "Sport", 64: "Alerts"},
        {7: {71: "Robots"}},
    )
    text = export_settings(build_full_setup(CHANNEL, NOW), SERVER, NAMES.collect_all(SERVER))
    assert f"id: {CHANNEL} # news" in text
    setup = await merge(text, {SettingKey(Preference.TIME_ZONE): "UTC"}, names=other_names)
    assert {key.channel_id for key in setup} == {None, 7}
    assert setup[SettingKey(Preference.ALERT_CHANNEL)] == "7"
    assert setup[SettingKey(Preference.SELF_ASSIGNABLE_ROLES)] == "62,63"
    assert setup[SettingKey(SettingKind.MENTION_RULE, 7, None, "61 openai")] == "61 2 openai"
    assert SettingKey(SettingKind.FORUM_TAG, 7, None, "71 robots") in setup
    other_text = export_settings(setup, 9, other_names.collect_all(9))
    assert compare_setups(setup, await merge(other_text, setup, names=other_names)) == []

    for channels, sentence in [
        ({8: "off-topic"}, "The server has no channel 2000, and none named “news”."),
        ({7: "news", 8: "news"}, "The server has 2 channels named “news”, so it’s unclear which one is meant."),
    ]:
        with pytest.raises(DocumentError) as refusal:
            await merge(text, {}, names=ServerNames("Other", channels, other_names.roles, {}))
        assert str(refusal.value) == sentence
        assert refusal.value.line == text[: text.index("alert_channel")].count("\n") + 1


async def test_settings_missing_from_file_are_kept():
    full_setup = build_full_setup(CHANNEL, NOW)
    text = f"""
version: 1
server:
  id: {SERVER}
  language: en
channels:
  - id: {CHANNEL}
    settings:
      quiet_hours: null
      min_outlets: 3
    watches: [venus]
  - id: 5
    feeds:
      - url: example.org/feed
      - {{url: https://example.org/other, paused: true, filters: [{{rule: only, query: Mars}}]}}
    digest: {{every: daily, at: 07:30, alone: true}}
...
"""
    changes = compare_setups(full_setup, await merge(text, full_setup))
    feed, other_feed = FeedAddress("https://example.org/feed"), FeedAddress("https://example.org/other")
    assert {(change.key, change.old_text, change.new_text) for change in changes} == {
        (SettingKey(Preference.LANGUAGE), "fr", "en"),
        (SettingKey("quiet_hours", CHANNEL), "22:00-07:00", None),
        (SettingKey("least_outlets", CHANNEL), "10", "3"),
        (SettingKey(SettingKind.CHANNEL_WATCH, CHANNEL, None, "mars"), "mars", None),
        (SettingKey(SettingKind.CHANNEL_WATCH, CHANNEL, None, "venus"), None, "venus"),
        (SettingKey(SettingKind.SUBSCRIPTION, 5, feed), None, "followed"),
        (SettingKey(SettingKind.SUBSCRIPTION, 5, other_feed), None, "paused"),
        (SettingKey(SettingKind.FILTER, 5, other_feed, "only Mars"), None, "only Mars"),
        (SettingKey(SettingKind.DIGEST, 5), None, "daily 07:30 alone"),
    }
    only_changes = compare_setups(full_setup, await merge(text, full_setup, channel_id=5))
    assert {change.key.channel_id for change in only_changes} == {5}


START = f"version: 1\nserver:\n  id: {SERVER}\n"
CHANNEL_START = f"{START}channels:\n  - id: 5\n"
REFUSED_DOCUMENTS = {
    "": (1, "incomplete"),
    START: (3, "incomplete: it doesn’t end with the line “...”"),
    "server: {id: 1}\n...\n": (1, "it has no version"),
    "version: 2\nlater: true\n...\n": (1, "This file has version 2 of the format. This Telex reads version 1."),
    "- version\n...\n": (1, "it has no version"),
    f"{START}---\nversion: 1\n...\n": (4, "more than one document"),
    f"{START}  langage: fr\n...\n": (4, "There’s no setting “langage” here."),
    f"{START}  language: 5\n...\n": (4, "There should be a text or null, not a number."),
    f"{START}  language: tlh\n...\n": (4, "Telex doesn’t know “tlh”."),
    f"{START}  time_zone: Mars/Olympus\n...\n": (4, "Telex doesn’t know “Mars/Olympus”."),
    f"{START}  id: 2\n...\n": (4, "“id” is there twice."),
    f"{START}\tlanguage: fr\n...\n": (4, "isn’t valid YAML"),
    f"{START}channels: {{}}\n...\n": (4, "There should be a list, not a mapping."),
    f"{START}channels: [{{id: 1, <<: *x}}]\n...\n": (4, "anchors or aliases"),
    f"{START}  filters: &a [&b [&c [x, x], *c, *c], *b, *b]\n...\n": (4, "anchors or aliases"),
    f"{START}  look: !!python/object/apply:os.system [id]\n...\n": (4, "tags"),
    f"{START}  look: {{colour: red}}\n...\n": (4, "“red” is no colour such as #2e7d8c."),
    f"{START}  look: {{prefix: {'x' * 50}}}\n...\n": (4, "Too long."),
    f"{START}  filters:\n    - {{rule: never, query: before:2020}}\n...\n": (5, ""),
    f"{START}  filters: [{{rule: never, query: {'word ' * 100}}}]\n...\n": (4, "longer than 400 characters"),
    f"{CHANNEL_START}    watches: [{'word ' * 100}]\n...\n": (6, "longer than 400 characters"),
    f"{START}  filters: [{{rule: seldom, query: x}}]\n...\n": (4, "“seldom” isn’t possible for rule."),
    f"{START}  filters: [{{rule: only, query: x}}]\n...\n": (4, "“only” works for one feed"),
    f"{CHANNEL_START}    filters: [{{rule: only, query: x}}]\n...\n": (6, "“only” works for one feed"),
    f"{START}  manager_role: {SERVER}\n...\n": (4, "of @everyone"),
    f"{START}  self_assignable_roles: {[*range(1, 12)]}\n...\n": (4, "There should be a list of length <= 10."),
    f"{CHANNEL_START}  - id: 5\n...\n": (6, "This channel is there twice."),
    f"{CHANNEL_START}    settings:\n      min_outlets: 1\n...\n": (7, "min_outlets must be 2 or more."),
    f"{CHANNEL_START}    settings:\n      translate: 1\n...\n": (
        7,
        "There should be a switch (true or false), not a number.",
    ),
    f"{CHANNEL_START}    settings:\n      quiet_hours: late\n...\n": (
        7,
        "“late” is no quiet_hours such as 22:00-07:00.",
    ),
    f"{CHANNEL_START}    digest: {{every: monday, at: 25:00}}\n...\n": (6, "“25:00” is no time of the day"),
    f"{CHANNEL_START}    digest: {{every: doomsday, at: 08:00}}\n...\n": (6, "neither “daily” nor a weekday"),
    f"{CHANNEL_START}    watches: [the]\n...\n": (6, ""),
    f"{CHANNEL_START}    feeds:\n    - url: nonsense\n...\n": (7, "This is not a web address."),
    f"{CHANNEL_START}    feeds:\n    - url: a.example\n    - url: https://a.example/\n...\n": (8, "there twice"),
    f"{CHANNEL_START}    mention_rules: [{{role: 1, query: x, daily_limit: 500}}]\n...\n": (6, "<= 100"),
    f"{CHANNEL_START}    filters: [{{rule: never, query: x, until: soon}}]\n...\n": (6, "“soon” is no time such as"),
    f"{CHANNEL_START}    filters: [{{rule: never, query: x, until: '9999-12-31T23:59-14:00'}}]\n...\n": (6, "no time"),
    f'{CHANNEL_START}    watches: ["\\ud800"]\n...\n': (6, "can’t be stored"),
    f'{CHANNEL_START}    watches: ["a\\0b"]\n...\n': (6, "can’t be stored"),
    f'{CHANNEL_START}    watches: ["\\UFFFFFFFF"]\n...\n': (None, "characters that no text has"),
    START + "[" * 100_000: (4, ""),
    "a: " + "x" * MAX_DOCUMENT_BYTES: (None, "larger than 4 MB"),
}


@check_cases("document", REFUSED_DOCUMENTS)
async def test_invalid_file_is_refused_with_line(document):
    line, sentence = REFUSED_DOCUMENTS[document]
    with pytest.raises(DocumentError) as refusal:
        await merge(document, {})
    assert refusal.value.line == line
    assert sentence in str(refusal.value)
    # An error without a message has a cause with one.
    assert str(refusal.value) or isinstance(refusal.value.__cause__, RequestRejected)


def test_parser_stops_at_maximum_of_entries(monkeypatch):
    # The parser would take ten seconds for a list of half a million entries in 1 MB
    monkeypatch.setattr(yaml_documents, "MAX_DOCUMENT_NODES", 50)
    parse_document(b"version: [" + b"a," * 46 + b"]\n...\n")
    with pytest.raises(DocumentError, match="This has more than 50 entries") as refusal:
        parse_document(b"version:\n" + b"- a\n" * 60 + b"\tinvalid YAML")
    assert refusal.value.line == 49
