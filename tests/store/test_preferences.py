"""Settings of servers and channels, and their history."""

import pytest

from bot.core import setting_registry
from bot.core.preferences import Preference, ServerPreferences, SettingChange
from bot.store import StoreError
from bot.store.settings import setting_changes
from tests.support.cases import check_cases
from tests.support.samples import CHANNEL, SERVER

PERSON = 8_000


async def test_unset_settings_have_defaults(store):
    assert await store.preferences.get_by_server(SERVER) == ServerPreferences()
    settings = await store.preferences.get_by_channel(CHANNEL)
    assert all(settings[setting] == setting.default for setting in setting_registry.CHANNEL_SETTINGS.values())
    assert await store.preferences.get_language(SERVER, CHANNEL) is None


async def test_setting_change_is_stored_with_history(store, clock):
    change = store.preferences.change
    assert await change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    assert not await change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    change_channel = store.preferences.change_channel
    assert await change_channel(
        setting_registry.JOIN_STORIES, False, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL
    )
    assert (await store.preferences.get_by_server(SERVER)).time_zone == "Europe/Paris"
    assert not (await store.preferences.get_by_channel(CHANNEL))[setting_registry.JOIN_STORIES]
    assert await store.preferences.list_changes(SERVER, limit=10) == [
        SettingChange(clock.now(), PERSON, "join_stories", CHANNEL, None, "1", "0"),
        SettingChange(clock.now(), PERSON, "time_zone", None, None, "UTC", "Europe/Paris"),
    ]
    assert await store.preferences.list_changes(SERVER + 1, limit=10) == []


async def test_language_of_channel_overrides_language_of_server(store):
    change = store.preferences.change
    change_channel = store.preferences.change_channel
    await change_channel(setting_registry.LANGUAGE, "en", server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    await change(Preference.LANGUAGE, "fr", server_id=SERVER, user_id=PERSON)
    assert await store.preferences.get_language(SERVER, CHANNEL) == "en"
    await change_channel(setting_registry.LANGUAGE, None, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    assert await store.preferences.get_language(SERVER, CHANNEL) == "fr"
    assert await store.preferences.get_language(SERVER, CHANNEL + 1) == "fr", "a channel that follows nothing"


async def test_settings_of_other_server_channel_are_refused(store):
    change = store.preferences.change
    change_channel = store.preferences.change_channel
    await change_channel(setting_registry.LANGUAGE, "en", server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    with pytest.raises(StoreError):
        await change_channel(setting_registry.LANGUAGE, "fr", server_id=SERVER + 1, user_id=PERSON, channel_id=CHANNEL)
    with pytest.raises(StoreError):
        await change(Preference.ALERT_CHANNEL, CHANNEL, server_id=SERVER + 1, user_id=PERSON)
    assert await store.preferences.list_changes(SERVER + 1, limit=10) == []


async def test_history_of_server_is_limited(store, monkeypatch):
    monkeypatch.setattr(setting_changes, "MAX_CHANGES_PER_SERVER", 3)
    zones = ["Europe/Paris", "Europe/Rome", "Asia/Tokyo", "UTC", "America/Lima"]
    for zone in zones:
        await store.preferences.change(Preference.TIME_ZONE, zone, server_id=SERVER, user_id=PERSON)
    remaining_changes = await store.preferences.list_changes(SERVER, limit=10)
    assert [change.new_value for change in remaining_changes] == ["America/Lima", "UTC", "Asia/Tokyo"]


@check_cases(
    ("setting", "value", "refusal"),
    [
        (setting_registry.LANGUAGE, "de", "no language of posts: de"),
        (setting_registry.QUIET_HOURS, "22:00-22:00", "quiet hours that never end"),
        (setting_registry.MAX_POSTS_PER_HOUR, 0, "most_an_hour cannot be 0"),
        (setting_registry.MIN_OUTLETS, 1, "least_outlets cannot be 1"),
    ],
)
async def test_invalid_setting_value_is_refused(store, setting, value, refusal):
    with pytest.raises(ValueError, match=refusal):
        await store.preferences.change_channel(setting, value, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    assert await store.preferences.list_changes(SERVER, limit=10) == []
