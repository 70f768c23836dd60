"""Every channel setting has its words, of the kind that its panel needs."""

from bot.core.setting_registry import CHANNEL_SETTINGS, SwitchSetting
from bot.posting.wording.setting_words import SETTING_WORDS, SwitchWords


def test_each_channel_setting_has_words_of_its_kind():
    assert set(SETTING_WORDS) == set(CHANNEL_SETTINGS.values())
    for setting, words in SETTING_WORDS.items():
        assert isinstance(words, SwitchWords) == isinstance(setting, SwitchSetting), setting.column_name
