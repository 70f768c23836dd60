"""Settings of servers, channels and users: looks of posts, filters, digests, and changes; also roles of processes.

Times are Unix times in whole seconds. Ids of servers, channels, roles and users are Discord's.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from bot.core.local_time import format_clock


class ProcessRole(StrEnum):
    """Part of Telex that a process can run."""

    GATEWAY = "gateway"  # Discord: commands, reactions and delivery
    POLLER = "poller"  # Fetching of feeds and pages


class ServerPolicy(StrEnum):
    """Policy which servers may use the bot."""

    ALL = "all"  # All but blocked ones
    ALLOWED = "allowed"  # Only those that an operator allowed


class Style(StrEnum):
    """Style of a post, which decides how much of an article is shown."""

    FULL = "full"
    THUMBNAIL = "thumbnail"  # Like FULL, with a small picture
    COMPACT = "compact"  # Title, short excerpt and small picture
    HEADLINE = "headline"  # Title only
    CLASSIC = "classic"  # An embed instead of Components V2


@dataclass(frozen=True, slots=True)
class Template:
    """A server's own wording of posts: lines of Discord markup with fields such as {title}."""

    title: str = ""
    body: str = ""
    footer: str = ""


_LOOK_JSON_KEY_BY_FIELD = {"shows_image": "image", "excerpt_length": "excerpt", "role_id": "role"}
"""JSON keys of fields of a post's look (appearance), by field; other fields' keys are their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLook:
    """The appearance of posts.

    `shows_image` is whether the article's image is shown, `excerpt_length` is in UTF-16 code units (None: the
    style's default), `colour` is 0xRRGGBB (None: the outlet's on a card, Telex's in an embed), `prefix` precedes the
    title, `role_id` is the id of the role that is mentioned, `template` is the server's own wording (None: Telex's).
    """

    style: Style = Style.FULL
    shows_image: bool = True
    excerpt_length: int | None = None
    colour: int | None = None
    prefix: str = ""
    role_id: int | None = None
    template: Template | None = None

    def __str__(self) -> str:
        """Return the fields that differ from the default as JSON, for columns and the change history."""
        defaults = asdict(DEFAULT_LOOK)
        return json.dumps(
            {
                _LOOK_JSON_KEY_BY_FIELD.get(field_name, field_name): field_value
                for field_name, field_value in asdict(self).items()
                if field_value != defaults[field_name]
            }
        )

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        """Parse the JSON that `str()` writes; None stands for the default look."""
        fields = json.loads(text or "{}")
        for field_name, json_key in _LOOK_JSON_KEY_BY_FIELD.items():
            if json_key in fields:
                fields[field_name] = fields.pop(json_key)
        if "style" in fields:
            fields["style"] = Style(fields["style"])
        if fields.get("template") is not None:
            fields["template"] = Template(**fields["template"])
        return cls(**fields)


DEFAULT_LOOK = PostLook()
"""Appearance of posts for which nobody has configured one."""


class FilterMode(StrEnum):
    """Effect of a filter on the articles that match its query."""

    INCLUDE = "only"  # An article has to match one of the filters of this mode.
    EXCLUDE = "never"  # An article must match no filter of this mode.


class FilterScope(StrEnum):
    """Extent of a filter: a feed in a channel, a whole channel, or a whole server."""

    FEED = "feed"  # One feed in one channel
    CHANNEL = "channel"  # All feeds of a channel and of its threads
    PARENT = "parent"  # CHANNEL, as it applies in a thread of the channel
    SERVER = "server"  # All feeds of a server


class FilterPlace(NamedTuple):
    """A place that has filters of its own. The `id` is that of a subscription, a channel or a server."""

    id: int
    scope: FilterScope = FilterScope.FEED


class Filter(NamedTuple):
    """A filter, which lets articles through or blocks them by a query.

    `query` is one line in the search syntax. `ends_at` is Unix time in seconds, or None for a filter that
    applies until it is removed.
    """

    id: int
    mode: FilterMode
    query: str
    ends_at: int | None = None
    scope: FilterScope = FilterScope.FEED

    def __str__(self) -> str:
        """Return the filter as text for the change history, such as `never crypto` or `never@1784505600 crypto`."""
        return f"{self.mode}{'' if self.ends_at is None else f'@{self.ends_at}'} {self.query}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a filter that `str()` writes; the id of the returned filter is 0, its scope `FEED`.

        Raises ValueError if the text does not begin with a mode, or with a mode and an end.
        """
        mode_and_end, _separator, query = text.partition(" ")
        mode, _at_sign, end_text = mode_and_end.partition("@")
        return cls(0, FilterMode(mode), query, int(end_text) if end_text else None)

    def has_ended(self, now: int) -> bool:
        """Return whether the filter no longer applies at a Unix time in seconds."""
        return self.ends_at is not None and self.ends_at <= now


class Preference(StrEnum):
    """Preference of a server; the value is the name of the database column."""

    LANGUAGE = "language"
    TIME_ZONE = "time_zone"
    MANAGER_ROLE = "manager_role"
    ALERT_CHANNEL = "alerts"
    SELF_ASSIGNABLE_ROLES = "notify_roles"
    PROPOSER_POLICY = "proposals"
    OPERATOR_NOTICES = "notices"


PROPOSALS_FROM_EVERYONE = "everyone"
"""Value, if everyone may propose feeds, of the preference who may; other values are a role's id, or None."""
NOTICES_OFF = "off"
"""Value, if a server wants no notices of the bot's operator, of the preference for them; else it is None."""


@dataclass(frozen=True, slots=True)
class ServerPreferences:
    """Preferences of one server.

    - `language` of posts: None for the language that Discord reports for the server.
    - `time_zone`: an IANA name.
    - `manager_role_id`: id of the role that may manage feeds.
    - `alert_channel_id`: id of the channel for alerts about failing feeds; None for the channels that follow them.
    - `look`: appearance of posts of subscriptions without a look of their own.
    - `self_assignable_role_ids`: ids of the roles that users may assign to themselves.
    - `proposer_policy`: who may propose feeds: `PROPOSALS_FROM_EVERYONE`, the id of a role, or None for nobody.
    - `report_due_at`: when the monthly report on feeds is posted next (Unix seconds); None if it isn't posted.
    - `wants_notices`: whether notices of the operator are posted in the channel for alerts.
    """

    language: str | None = None
    time_zone: str = "UTC"
    manager_role_id: int | None = None
    alert_channel_id: int | None = None
    look: PostLook = DEFAULT_LOOK
    self_assignable_role_ids: tuple[int, ...] = ()
    proposer_policy: str | None = None
    report_due_at: int | None = None
    wants_notices: bool = True


MAX_OUTLETS_WAIT_SECONDS = 3 * 86_400
"""Maximum time in seconds for which a post is held until enough outlets report its story."""
TOP_STORY_WINDOW_SECONDS = 86_400
"""Maximum age in seconds of a story that is selected as one of the day's top stories."""


class SubscriptionState(StrEnum):
    """State of a channel's subscription to a feed (followed or paused) in the change history.

    If the channel does not follow the feed, there is no state.
    """

    ACTIVE = "followed"
    PAUSED = "paused"


MAX_TAG_RULES_PER_FORUM = 20
"""Maximum number of rules by which posts of a forum get tags."""
MAX_MENTION_RULES_PER_CHANNEL = 10
"""Maximum number of rules by which posts of a channel mention a role."""
MAX_SELF_ASSIGNABLE_ROLES = 10
"""Maximum number of roles of a server that users may assign to themselves."""
MAX_DAILY_MENTIONS = 100
"""Largest daily limit that managers can choose for the mentions of a role by a rule."""


class ForumTagRule(NamedTuple):
    """A rule that gives a tag to posts of a forum that match a query; an empty query matches all posts."""

    tag_id: int
    query: str

    def __str__(self) -> str:
        """Return the rule as text for a settings file, such as `123 openai OR anthropic`; 123 is the tag's id."""
        return f"{self.tag_id} {self.query}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a rule that `str()` writes. Raises ValueError if it does not begin with a number."""
        tag_text, _separator, query = text.partition(" ")
        return cls(int(tag_text), query)


MENTION_LIMIT_SECONDS = 86_400
"""Seconds for which a mention of a role counts towards the daily limits of the rules that mention it."""


class MentionRule(NamedTuple):
    """A rule by which posts of a channel that match a query mention a role.

    `daily_limit` is the maximum number of times that rules of any channel mention the role in 24 hours.
    """

    role_id: int
    query: str
    daily_limit: int

    def __str__(self) -> str:
        """Return the rule as text for the change history: role id, daily limit, query (`123 5 openai OR linux`)."""
        return f"{self.role_id} {self.daily_limit} {self.query}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a rule that `str()` writes. Raises ValueError if it does not begin with two numbers."""
        role_text, limit_text, query = text.split(" ", 2)
        return cls(int(role_text), query, int(limit_text))


class SettingKind(StrEnum):
    """Kind of a change in a server's change history that is neither a preference nor a channel setting."""

    SUBSCRIPTION = "subscription"  # Values are `SubscriptionState`s.
    FEED_CHANNEL = "channel"  # A feed was moved from one channel to another.
    LOOK = "look"  # Values are `PostLook`s.
    FILTER = "filter"  # Values are `Filter`s.
    FORUM_TAG = "forum_tag"  # Values are the tag's name and the query.
    MENTION_RULE = "mention_rule"  # Values are `MentionRule`s.
    DIGEST = "digest"  # Values are `DigestPlan`s.
    CHANNEL_WATCH = "watch"  # Values are queries of a channel's watches that a settings file or a copy changed.
    # Tokens with which AI assistants search the server's articles; values are the first digits of their hashes.
    ASSISTANT_TOKEN = "assistant"  # noqa: S105 - no token
    CHANNEL_FEED = "shared"  # Values are times since which the channel is published as a feed.
    PROPOSAL = "proposal"  # Values are the title of a proposed feed and `declined`.
    MONTHLY_REPORT = "report"  # Values are times at which the scorecard of feeds is posted next.
    MUTED_STORY = "muted"  # Values are the titles of stories muted in a channel.
    TASTE_RESET = "taste"  # Values are times at which what members like, as learnt from their reactions, was forgotten.


OPERATOR_USER_ID = 0
"""User id in the change history and the audit log for whoever runs Telex, who acts in the terminal."""


class SettingChange(NamedTuple):
    """A change of a setting of a server, of a channel, or of a feed in a channel, at `changed_at` (Unix seconds).

    `setting` is a `Preference`, the column of a channel setting, or a `SettingKind`. `channel_id` is None for
    a setting of the server, `feed_id` for one of the server or channel. `user_id` is `OPERATOR_USER_ID` for a change
    from the terminal, None if the user had their data deleted.
    `old_value` and `new_value` are texts, or None if there was or is no value.
    """

    changed_at: int
    user_id: int | None
    setting: str
    channel_id: int | None
    feed_id: int | None
    old_value: str | None
    new_value: str | None


DIGEST_FLAG_BY_WORD = {
    "alone": "is_digest_only",
    "wide": "includes_other_channels",
    "chart": "has_chart",
    "summaries": "has_summaries",
}
"""Fields of a `DigestPlan` that are on or off, by the words for them in the change history and in menus."""
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPlan:
    """Time and content of a channel's digest.

    `minute` of the day is 0 to 1439 in the server's time zone; `weekday` is 0 (Monday) to 6, or None for a
    daily digest. `is_digest_only`: the channel gets no single posts. `includes_other_channels`: the digest covers
    feeds of other channels, too, that every reader of this channel can see. `has_chart`: a chart of the week's rising
    topics is attached. `has_summaries`: summaries of a model replace excerpts.
    """

    weekday: int | None
    minute: int
    is_digest_only: bool = False
    includes_other_channels: bool = False
    has_chart: bool = False
    has_summaries: bool = False

    def __str__(self) -> str:
        """Return the plan as text for the change history, such as `daily 08:00 alone`."""
        day_word = "daily" if self.weekday is None else _WEEKDAY_NAMES[self.weekday]
        flag_words = [flag_word for flag_word, field_name in DIGEST_FLAG_BY_WORD.items() if getattr(self, field_name)]
        return " ".join([day_word, format_clock(self.minute), *flag_words])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text of a plan that `str()` writes.

        Raises ValueError if the text does not begin with a day and a time.
        """
        day_word, clock_text, *flag_words = text.split()
        hour, minute = map(int, clock_text.split(":"))
        weekday = None if day_word == "daily" else _WEEKDAY_NAMES.index(day_word)
        return cls(
            weekday=weekday,
            minute=60 * hour + minute,
            **{field_name: flag_word in flag_words for flag_word, field_name in DIGEST_FLAG_BY_WORD.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDigestPlan(DigestPlan):
    """Time, in the user's `time_zone`, and content of a personal digest.

    The digest has articles of `feed_ids`, articles that match `topic_queries` (search syntax), and with
    `include_watches` articles that match the user's watches (saved searches); without any of these, all
    articles that the user may read.
    """

    time_zone: str = "UTC"
    feed_ids: tuple[int, ...] = ()
    topic_queries: tuple[str, ...] = ()
    include_watches: bool = False

    @property
    def is_unrestricted(self) -> bool:
        """Whether the digest is limited neither to feeds nor to topics nor to watches (saved searches)."""
        return not (self.feed_ids or self.topic_queries or self.include_watches)
