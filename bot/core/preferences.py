"""What the people of a server may choose: looks, filters, rhythm, digests, and who changed what.

Times are integer seconds since 1970 in UTC; identifiers named `..._id` are as in `bot.core.models`.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from bot.core.local_time import format_clock


class ProcessRole(StrEnum):
    """What a process does of all that Telex does."""

    GATEWAY = "gateway"  # Discord: commands, reactions, and delivery
    POLLER = "poller"  # feeds and pages


class Style(StrEnum):
    """How much of an article a post shows."""

    FULL = "full"
    THUMBNAIL = "thumbnail"  # the same with a small picture
    COMPACT = "compact"  # a title, a few words and a small picture
    HEADLINE = "headline"  # a title
    CLASSIC = "classic"  # an embed, as Discord had it before Components V2


@dataclass(frozen=True, slots=True)
class Template:
    """What posts say in a server's own words: lines of markup with fields such as {title}."""

    title: str = ""
    body: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLook:
    """How posts look.

    `excerpt` is its length in UTF-16 units (None: as the style has it), `colour` 0xRRGGBB (None: Telex's),
    `prefix` stands before the title, `role` is the one that is mentioned, `template` says what a post says.
    """

    style: Style = Style.FULL
    image: bool = True
    excerpt: int | None = None
    colour: int | None = None
    prefix: str = ""
    role: int | None = None
    template: Template | None = None

    def __str__(self) -> str:
        """As a column and the history of a server have it: JSON of what is not the default."""
        usual = asdict(DEFAULT_APPEARANCE)
        return json.dumps({name: value for name, value in asdict(self).items() if value != usual[name]})

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        """The look that such a text tells; None is the default."""
        values = json.loads(text or "{}")
        if "style" in values:
            values["style"] = Style(values["style"])
        if values.get("template") is not None:
            values["template"] = Template(**values["template"])
        return cls(**values)


DEFAULT_APPEARANCE = PostLook()
"""How posts look where nobody chose otherwise."""


class FilterMode(StrEnum):
    """What a filter does with the articles that match its query."""

    INCLUDE = "only"  # of several such filters an article has to match one
    EXCLUDE = "never"


class Filter(NamedTuple):
    """A rule of a subscription about what is posted. `query` is in the search syntax, one line."""

    id: int
    rule: FilterMode
    query: str

    def __str__(self) -> str:
        """As the history of a server and the reason of a fate have it, such as `never crypto`."""
        return f"{self.rule} {self.query}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The filter that such a text tells; its id is 0. Raises ValueError for another."""
        rule, _space, query = text.partition(" ")
        return cls(0, FilterMode(rule), query)


class Preference(StrEnum):
    """What the people of a server may choose for it or for a channel; also the column that keeps it."""

    LANGUAGE = "language"
    TIME_ZONE = "time_zone"
    MANAGER_ROLE = "manager_role"
    ALERT_CHANNEL = "alerts"
    JOIN_STORIES = "join_stories"
    DAILY_THREAD = "daily_thread"
    QUIET_HOURS = "quiet_hours"
    MAX_POSTS_PER_HOUR = "most_an_hour"
    MIN_POST_INTERVAL = "gap"
    SELF_ASSIGNABLE_ROLES = "notify_roles"
    MIN_OUTLETS = "least_outlets"
    TOP_STORIES_PER_DAY = "best_a_day"
    TRANSLATE = "translate"
    POST_AS_OUTLET = "as_outlet"


@dataclass(frozen=True, slots=True)
class ServerPreferences:
    """What a server chose.

    `language` of posts (None: the one that Discord gives the server), `time_zone` (a name of the IANA
    database), the role that may manage feeds, the channel that is told of feeds in trouble (None: those that
    follow them), the look of posts where their subscription has none of its own. `notify_roles`
    are those that people may give themselves.
    """

    language: str | None = None
    time_zone: str = "UTC"
    manager_role: int | None = None
    alerts: int | None = None
    look: PostLook = DEFAULT_APPEARANCE
    notify_roles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelPreferences:
    """What was chosen for a channel.

    The language of its posts (None: the server's), one post a story, its posts in a thread of the day, or
    under the name and icon of their outlet. Its rhythm, None where there is none: `quiet_hours` as
    `hours.quiet` writes them, in the server's time zone; how many messages of articles it takes in an hour;
    a `gap` in seconds between two of them. Which stories it takes, None for all: those that at least so many
    outlets tell, the best so many a day. Whether articles in another language are translated, where the bot
    has a model for it.
    """

    language: str | None = None
    join_stories: bool = True
    daily_thread: bool = False
    as_outlet: bool = False
    quiet_hours: str | None = None
    most_an_hour: int | None = None
    gap: int | None = None
    least_outlets: int | None = None
    best_a_day: int | None = None
    translate: bool = False


MIN_OUTLETS_DEADLINE_SECONDS = 3 * 86_400
"""Seconds that a story has to be told by as many outlets as a channel wants."""
TOP_STORY_WINDOW_SECONDS = 86_400
"""Seconds in which a story may be chosen as one of the best."""


class SubscriptionState(StrEnum):
    """How a channel stands to a feed in the history of a server's settings; none: it does not follow it."""

    ACTIVE = "followed"
    PAUSED = "paused"


class ForumTagRule(NamedTuple):
    """Posts of a forum that match a query get a tag of it; all of them for an empty query."""

    tag_id: int
    query: str


class SettingKind(StrEnum):
    """What the history of a server knows beside its preferences."""

    SUBSCRIPTION = "subscription"  # its values are a `SubscriptionState`
    CHANNEL = "channel"  # where a feed was moved from and to
    LOOK = "look"  # a `PostLook`
    FILTER = "filter"  # a `Filter`
    FORUM_TAG = "forum_tag"  # the tag's name and the query
    DIGEST = "digest"  # a `DigestPlan`
    ASSISTANT_TOKEN = "assistant"  # noqa: S105 - a token of the server, by the beginning of its name
    CHANNEL_FEED = "shared"  # since when a channel can be read as a feed
    TASTE_RESET = "taste"  # when what the server likes was forgotten


class SettingChange(NamedTuple):
    """Somebody changed a setting of a server, of a channel, or of a feed in a channel.

    `setting` is the name of a `Preference` or a `SettingKind`. `person_id` is None where they had what is
    kept about them deleted. `old` and `new` are the values as text, None for none.
    """

    changed_at: int
    person_id: int | None
    setting: str
    channel_id: int | None
    feed_id: int | None
    old: str | None
    new: str | None


_PLAN_FLAGS = ("alone", "wide", "chart", "summaries")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPlan:
    """When a channel is told what came, and how.

    At a `minute` of the day in the server's time zone, on a `weekday` (Monday is 0) or, for None, each day.
    `alone`: the channel gets no single posts. `wide`: also from feeds of other channels that all its readers
    may read. `chart`: with a picture of what rose in the week. `summaries`: with what a language model wrote
    of the stories, in place of their beginnings.
    """

    weekday: int | None
    minute: int
    alone: bool = False
    wide: bool = False
    chart: bool = False
    summaries: bool = False

    def __str__(self) -> str:
        """As the history of a server has it, such as `daily 08:00 alone`."""
        day = "daily" if self.weekday is None else _WEEKDAY_NAMES[self.weekday]
        more = [name for name in _PLAN_FLAGS if getattr(self, name)]
        return " ".join([day, format_clock(self.minute), *more])

    @classmethod
    def parse(cls, text: str) -> Self:
        """The plan that a text tells which `str` made. Raises ValueError for another."""
        day, time, *more = text.split()
        hour, minute = map(int, time.split(":"))
        weekday = None if day == "daily" else _WEEKDAY_NAMES.index(day)
        return cls(weekday=weekday, minute=60 * hour + minute, **{name: name in more for name in _PLAN_FLAGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDigestPlan(DigestPlan):
    """When a person is told what came, in their `time_zone`, and of what.

    Of some `feeds`, of `topics` in the search syntax, of what their `watches` look for; where they chose none
    of these, of all that they may read.
    """

    time_zone: str = "UTC"
    feed_ids: tuple[int, ...] = ()
    topic_queries: tuple[str, ...] = ()
    include_watches: bool = False

    @property
    def is_unrestricted(self) -> bool:
        """Whether nothing was chosen."""
        return not (self.feed_ids or self.topic_queries or self.include_watches)
