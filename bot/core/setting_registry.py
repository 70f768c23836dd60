"""Settings of a channel, each declared once: the column that stores it, its default and its possible values.

`bot.posting.wording.setting_words` has the words for each setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, TypeVar, cast

from bot.core import i18n, local_time

T = TypeVar("T")
StoredValue = str | int | None
"""Value of a setting as its column stores it."""


class ChangeEffect(Enum):
    """Effect of a change of a channel's setting on its held posts, applied in the same transaction."""

    NONE = auto()
    REEVALUATE_HELD_POSTS = auto()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChannelSetting(Generic[T]):
    """Setting of a channel. Its column is also its name in the change history."""

    column_name: str
    default: T
    effect: ChangeEffect = ChangeEffect.NONE

    def from_column(self, stored_value: StoredValue) -> T:
        """Return the value of the setting for the value that its column stores."""
        return cast("T", stored_value)

    def to_column(self, value: T) -> StoredValue:
        """Return what the column stores for a value. Raises ValueError if the setting cannot have the value."""
        return cast("StoredValue", value)

    def from_text(self, text: str) -> T:
        """Return the value for a text of the change history, which is what the column stores as text."""
        return self.from_column(text)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SwitchSetting(ChannelSetting[bool]):
    """Setting that is on or off."""

    default: bool = False

    def from_column(self, stored_value: StoredValue) -> bool:
        """Return whether the setting is on."""
        return bool(stored_value)

    def to_column(self, value: bool) -> StoredValue:  # noqa: FBT001
        """Return 1 if the setting is on, else 0."""
        return int(value)

    def from_text(self, text: str) -> bool:
        """Return whether a text from the change history says that the setting was on."""
        return text == "1"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NumberSetting(ChannelSetting[int | None]):
    """Setting that is a number, not below the first of the `choices` in its menu, or None for no limit."""

    choices: tuple[int, ...]
    default: int | None = None

    def to_column(self, value: int | None) -> StoredValue:
        """Return the number, or None for no limit. Raises ValueError if it is below the first choice."""
        if value is not None and value < self.choices[0]:
            raise ValueError(f"{self.column_name} cannot be {value}")
        return value

    def from_text(self, text: str) -> int:
        """Return the setting's value, a number, from its text in the change history."""
        return int(text)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuietHoursSetting(ChannelSetting[str | None]):
    """Setting that is a range of times of the day such as `22:00-07:00`, or None."""

    default: str | None = None

    def to_column(self, value: str | None) -> StoredValue:
        """Return the quiet hours, or None. Raises ValueError if they are malformed."""
        if value is not None:
            local_time.parse_quiet_hours(value)
        return value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LanguageSetting(ChannelSetting[str | None]):
    """Setting that is one of the languages of posts, or None for that of the server."""

    default: str | None = None

    def to_column(self, value: str | None) -> StoredValue:
        """Return the language, or None for the server's. Raises ValueError if there are no posts in it."""
        if value is not None and value not in i18n.LANGUAGES:
            raise ValueError(f"no language of posts: {value}")
        return value


LANGUAGE = LanguageSetting(column_name="language")
"""Language of a channel's posts; None inherits the server's."""
JOIN_STORIES = SwitchSetting(column_name="join_stories", default=True)
"""Whether a channel gets one post per story, to which later articles on the story are added."""
TRANSLATE = SwitchSetting(column_name="translate")
"""Whether articles in other languages are translated, which needs a configured model."""
DAILY_THREAD = SwitchSetting(column_name="daily_thread")
"""Whether a channel's posts go into one thread per day."""
POST_AS_OUTLET = SwitchSetting(column_name="as_outlet")
"""Whether posts are sent through a webhook with the outlet's name and icon."""
SILENT_POSTS = SwitchSetting(column_name="silent_posts")
"""Whether posts that mention no role arrive without a notification."""
QUIET_HOURS = QuietHoursSetting(column_name="quiet_hours")
"""Times of the day at which nothing but digests is posted, in the server's time zone."""
MAX_POSTS_PER_HOUR = NumberSetting(column_name="most_an_hour", choices=(1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30))
"""Maximum number of posts and catch-ups in an hour."""
MIN_POST_INTERVAL = NumberSetting(column_name="gap", choices=(10, 30, 60, 120, 300, 600, 900, 1800, 3600))
"""Minimum time between two posts or catch-ups, in seconds."""
MIN_OUTLETS = NumberSetting(
    column_name="least_outlets", choices=(2, 3, 4, 5, 6, 8, 10), effect=ChangeEffect.REEVALUATE_HELD_POSTS
)
"""Minimum number of outlets that must report a story for it to be posted."""
TOP_STORIES_PER_DAY = NumberSetting(
    column_name="best_a_day", choices=(1, 2, 3, 4, 5, 6, 8, 10, 15, 20), effect=ChangeEffect.REEVALUATE_HELD_POSTS
)
"""Maximum number of stories that are selected and posted a day; None posts stories without a selection."""

CHANNEL_SETTING_BY_NAME: Mapping[str, ChannelSetting[Any]] = {
    constant_name.lower(): setting
    for constant_name, setting in tuple(globals().items())
    if isinstance(setting, ChannelSetting)
}
"""Settings of a channel by their name in settings files, in the order of declaration."""
CHANNEL_SETTINGS: Mapping[str, ChannelSetting[Any]] = {
    setting.column_name: setting for setting in CHANNEL_SETTING_BY_NAME.values()
}
"""Settings of a channel by the name of their column, in the order of declaration."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Values of a channel's settings: `settings[QUIET_HOURS]` has the type of the setting.

    `stored_values` maps the columns of all settings to the values that they store; None stands for the defaults.
    """

    stored_values: Mapping[str, StoredValue] | None = None

    def __getitem__(self, setting: ChannelSetting[T]) -> T:
        """Return the value of a setting."""
        if self.stored_values is None:
            return setting.default
        return setting.from_column(self.stored_values[setting.column_name])
