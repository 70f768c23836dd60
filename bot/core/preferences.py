"""What the users of a server can configure: looks, filters, pacing, digests; and the change history.

Times are integer seconds since 1970 in UTC; ids are described in `bot.core.models`.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from bot.core.local_time import format_clock


class ProcessRole(StrEnum):
    """A part of Telex that a process can run."""

    GATEWAY = "gateway"  # Discord: commands, reactions and delivery
    POLLER = "poller"  # Fetching of feeds and pages


class Style(StrEnum):
    """How much of an article a post shows."""

    FULL = "full"
    THUMBNAIL = "thumbnail"  # Like FULL, with a small picture
    COMPACT = "compact"  # Title, short excerpt and small picture
    HEADLINE = "headline"  # Title only
    CLASSIC = "classic"  # An embed instead of Components V2


@dataclass(frozen=True, slots=True)
class Template:
    """A server's own wording of posts: lines of markup with fields such as {title}."""

    title: str = ""
    body: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLook:
    """The appearance of posts.

    `excerpt` is its length in UTF-16 code units (None: the style's default), `colour` is 0xRRGGBB (None:
    Telex's), `prefix` precedes the title, `role` is the id of the role that is mentioned.
    """

    style: Style = Style.FULL
    image: bool = True
    excerpt: int | None = None
    colour: int | None = None
    prefix: str = ""
    role: int | None = None
    template: Template | None = None

    def __str__(self) -> str:
        """Return JSON of the fields that differ from the default, for columns and the change history."""
        defaults = asdict(DEFAULT_LOOK)
        return json.dumps(
            {name: field_value for name, field_value in asdict(self).items() if field_value != defaults[name]}
        )

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        """Parse the JSON that `str()` writes; None is the default look."""
        fields = json.loads(text or "{}")
        if "style" in fields:
            fields["style"] = Style(fields["style"])
        if fields.get("template") is not None:
            fields["template"] = Template(**fields["template"])
        return cls(**fields)


DEFAULT_LOOK = PostLook()
"""Appearance of posts that nobody has configured."""


class FilterMode(StrEnum):
    """What a filter does with the articles that match its query."""

    INCLUDE = "only"  # An article has to match one of the filters of this mode.
    EXCLUDE = "never"


class Filter(NamedTuple):
    """A filter of a subscription. `query` is one line in the search syntax."""

    id: int
    mode: FilterMode
    query: str

    def __str__(self) -> str:
        """Return its text in the change history and in delivery statuses, such as `never crypto`."""
        return f"{self.mode} {self.query}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text that `str()` writes; the id is 0. Raises ValueError for any other text."""
        mode, _space, query = text.partition(" ")
        return cls(0, FilterMode(mode), query)


class Preference(StrEnum):
    """A preference of a server or channel; the value is its column."""

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
    """Preferences of one server.

    - `language` of posts: None for the language that Discord reports for the server.
    - `time_zone`: an IANA name.
    - `manager_role`: id of the role that may manage feeds.
    - `alerts`: channel for alerts about failing feeds; None for the channels that follow them.
    - `look`: default for subscriptions without their own.
    - `notify_roles`: roles that users may assign to themselves.
    """

    language: str | None = None
    time_zone: str = "UTC"
    manager_role: int | None = None
    alerts: int | None = None
    look: PostLook = DEFAULT_LOOK
    notify_roles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelPreferences:
    """Preferences of one channel; None means "not set".

    - `language`: of its posts; None inherits the server's.
    - `join_stories`: post one message per story. `daily_thread`: post into one thread per day.
    - `as_outlet`: post through a webhook with the outlet's name and icon.
    - `quiet_hours`: as `format_quiet_hours` writes them, in the server's time zone.
    - `most_an_hour`, `gap` (seconds): pacing of posts and catch-ups.
    - `least_outlets`, `best_a_day`: which stories are posted at all.
    - `translate`: translate articles in other languages; needs a configured model.
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
"""Seconds within which enough outlets must report a story for it to be posted."""
TOP_STORY_WINDOW_SECONDS = 86_400
"""Seconds in which a story may be selected as one of the day's top stories."""


class SubscriptionState(StrEnum):
    """State of a subscription in the change history; none if the channel does not follow the feed."""

    ACTIVE = "followed"
    PAUSED = "paused"


class ForumTagRule(NamedTuple):
    """A rule that gives posts of a forum a tag if they match a query; an empty query matches all."""

    tag_id: int
    query: str


class SettingKind(StrEnum):
    """Kinds of changes in a server's change history other than preferences."""

    SUBSCRIPTION = "subscription"  # Values are `SubscriptionState`s.
    CHANNEL = "channel"  # A feed was moved from one channel to another.
    LOOK = "look"  # Values are `PostLook`s.
    FILTER = "filter"  # Values are `Filter`s.
    FORUM_TAG = "forum_tag"  # Values are the tag's name and the query.
    DIGEST = "digest"  # Values are `DigestPlan`s.
    ASSISTANT_TOKEN = "assistant"  # noqa: S105 - values are prefixes of token names
    CHANNEL_FEED = "shared"  # Values are times since which the channel is published as a feed.
    TASTE_RESET = "taste"  # Values are times at which the server's taste was reset.


class SettingChange(NamedTuple):
    """A change of a setting of a server, of a channel, or of a feed in a channel.

    `setting` is a `Preference` or `SettingKind`. `person_id` is None if the user had their data deleted.
    `old` and `new` are texts, None for none.
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
    """When and how a channel gets its digest.

    `minute` of the day is 0 to 1439 in the server's time zone; `weekday` is 0 (Monday) to 6, None for daily.
    `alone`: the channel gets no single posts. `wide`: include feeds of other channels that every reader of
    this one can see. `chart`: attach a chart of the week's rising topics. `summaries`: show model summaries
    in place of excerpts.
    """

    weekday: int | None
    minute: int
    alone: bool = False
    wide: bool = False
    chart: bool = False
    summaries: bool = False

    def __str__(self) -> str:
        """Return its text in the change history, such as `daily 08:00 alone`."""
        day = "daily" if self.weekday is None else _WEEKDAY_NAMES[self.weekday]
        flags = [name for name in _PLAN_FLAGS if getattr(self, name)]
        return " ".join([day, format_clock(self.minute), *flags])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text that `str()` writes. Raises ValueError for any other text."""
        day, time, *flags = text.split()
        hour, minute = map(int, time.split(":"))
        weekday = None if day == "daily" else _WEEKDAY_NAMES.index(day)
        return cls(
            weekday=weekday, minute=60 * hour + minute, **{name: name in flags for name in _PLAN_FLAGS}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDigestPlan(DigestPlan):
    """When a user gets a personal digest, in their `time_zone`, and of which articles.

    Articles of `feed_ids`, articles that match `topic_queries` (search syntax), and with `include_watches`
    those that match the user's watches; without any of these, all that the user may read.
    """

    time_zone: str = "UTC"
    feed_ids: tuple[int, ...] = ()
    topic_queries: tuple[str, ...] = ()
    include_watches: bool = False

    @property
    def is_unrestricted(self) -> bool:
        """Whether the plan selects neither feeds nor topics nor watches."""
        return not (self.feed_ids or self.topic_queries or self.include_watches)
