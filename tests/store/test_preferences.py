"""What servers choose: kept with who chose it, apart from what other servers chose."""

import pytest

from bot.core.preferences import ChannelPreferences, Preference, ServerPreferences, SettingChange
from bot.store import StoreError
from bot.store.settings import setting_changes
from tests.support.samples import CHANNEL, SERVER

PERSON = 8_000


async def test_what_nobody_chose_has_its_default(store):
    assert await store.preferences.by_server(SERVER) == ServerPreferences()
    assert await store.preferences.by_channel(CHANNEL) == ChannelPreferences()
    assert await store.preferences.get_language(SERVER, CHANNEL) is None


async def test_a_choice_is_kept_with_who_made_it_and_what_was_before(store, clock):
    change = store.preferences.change
    assert await change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    assert not await change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    assert await change(Preference.JOIN_STORIES, 0, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    assert (await store.preferences.by_server(SERVER)).time_zone == "Europe/Paris"
    assert not (await store.preferences.by_channel(CHANNEL)).join_stories
    assert await store.preferences.changes(SERVER, limit=10) == [
        SettingChange(clock.now(), PERSON, "join_stories", CHANNEL, None, "1", "0"),
        SettingChange(clock.now(), PERSON, "time_zone", None, None, "UTC", "Europe/Paris"),
    ]
    assert await store.preferences.changes(SERVER + 1, limit=10) == []


async def test_the_language_of_a_channel_comes_before_its_servers(store):
    change = store.preferences.change
    await change(Preference.LANGUAGE, "en", server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    await change(Preference.LANGUAGE, "fr", server_id=SERVER, user_id=PERSON)
    assert await store.preferences.get_language(SERVER, CHANNEL) == "en"
    await change(Preference.LANGUAGE, None, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    assert await store.preferences.get_language(SERVER, CHANNEL) == "fr"
    assert await store.preferences.get_language(SERVER, CHANNEL + 1) == "fr", "a channel that follows nothing"


async def test_no_server_sets_anything_of_another_servers_channel(store):
    change = store.preferences.change
    await change(Preference.LANGUAGE, "en", server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    with pytest.raises(StoreError):
        await change(Preference.LANGUAGE, "fr", server_id=SERVER + 1, user_id=PERSON, channel_id=CHANNEL)
    with pytest.raises(StoreError):
        await change(Preference.ALERT_CHANNEL, CHANNEL, server_id=SERVER + 1, user_id=PERSON)
    assert await store.preferences.changes(SERVER + 1, limit=10) == []


async def test_the_history_of_a_server_does_not_grow_for_ever(store, monkeypatch):
    monkeypatch.setattr(setting_changes, "MAX_ENTRIES_PER_SERVER", 3)
    zones = ["Europe/Paris", "Europe/Rome", "Asia/Tokyo", "UTC", "America/Lima"]
    for zone in zones:
        await store.preferences.change(Preference.TIME_ZONE, zone, server_id=SERVER, user_id=PERSON)
    remaining_changes = await store.preferences.changes(SERVER, limit=10)
    assert [change.new for change in remaining_changes] == ["America/Lima", "UTC", "Asia/Tokyo"]
