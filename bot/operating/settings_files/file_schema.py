"""Schema of settings files: what docs/settings-file.md describes, as types that check what a file contains.

In sections of the server and of a channel, UNSET stands for what a file leaves out and an import doesn't change. In
entries of lists, what is left out has its default.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from bot.core.preferences import MAX_DAILY_MENTIONS, MAX_SELF_ASSIGNABLE_ROLES, FilterMode, Style
from bot.core.setting_registry import CHANNEL_SETTING_BY_NAME, ChannelSetting, NumberSetting, SwitchSetting

FILE_VERSION = 1
"""Version of the schema of settings files; a file of another version is rejected."""


Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""Id of a server, a channel, a role or a tag on Discord."""
_Number = Annotated[int, Meta(ge=1, lt=2**31)]


class _Section(Struct, forbid_unknown_fields=True, kw_only=True):
    """Part of a settings file that is written with all its fields."""


class _Entry(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Part of a settings file that is written without the fields that have their defaults."""


class TemplateEntry(_Entry):
    """A server's own wording of posts: Discord markup of title, body and footer, with fields such as `{title}`."""

    title: str = ""
    body: str = ""
    footer: str = ""


class LookEntry(_Entry):
    """Appearance of posts. `excerpt` is a length in UTF-16 units, `colour` is like `#2e7d8c`, `role` is an id."""

    style: Style = Style.FULL
    image: bool = True
    excerpt: int | None = None
    colour: str | None = None
    prefix: str = ""
    role: Id | None = None
    template: TemplateEntry | None = None


class FilterEntry(_Entry):
    """Filter of the articles of a feed, a channel or a server. `until` is a time in ISO 8601, or None for no end."""

    rule: FilterMode
    query: str
    until: str | None = None


class FeedEntry(_Entry):
    """Feed that a channel follows."""

    url: str
    paused: bool = False
    look: LookEntry | None = None
    filters: list[FilterEntry] = []


class MentionRuleEntry(_Section):
    """Rule of a channel: posts that match a query mention a role (an id), at most `daily_limit` times a day."""

    role: Id
    query: str
    daily_limit: Annotated[int, Meta(ge=1, le=MAX_DAILY_MENTIONS)]


class TagRuleEntry(_Entry):
    """Rule of a forum: posts that match a query get a tag (an id). An empty query gives the tag to all posts."""

    tag: Id
    query: str = ""


class DigestEntry(_Entry):
    """Regular digest of articles in a channel. `every` is `daily` or a weekday, `at` a local time such as `08:00`.

    `alone`: the channel gets no single posts. `wide`: the digest has articles of other channels, too. `chart`: a chart
    of rising topics is attached. `summaries`: summaries of a model replace excerpts.
    """

    every: str
    at: str
    alone: bool = False
    wide: bool = False
    chart: bool = False
    summaries: bool = False


def _get_value_type(setting: ChannelSetting[Any]) -> object:
    if isinstance(setting, SwitchSetting):
        return bool
    return _Number | None if isinstance(setting, NumberSetting) else str | None


ChannelSettingsSection: Any = defstruct(
    "ChannelSettingsSection",
    [(name, _get_value_type(setting) | UnsetType, UNSET) for name, setting in CHANNEL_SETTING_BY_NAME.items()],
    bases=(_Section,),
)
"""Section of a settings file for a channel's settings, with one field for each setting that channels can have."""


class ChannelSection(_Section):
    """Section of a settings file for a channel. `omitted_feeds` are feeds left out because of secrets in their URLs."""

    id: Id
    settings: ChannelSettingsSection | UnsetType = UNSET
    filters: list[FilterEntry] | UnsetType = UNSET
    mention_rules: list[MentionRuleEntry] | UnsetType = UNSET
    tag_rules: list[TagRuleEntry] | UnsetType = UNSET
    digest: DigestEntry | UnsetType | None = UNSET
    watches: list[str] | UnsetType = UNSET
    feeds: list[FeedEntry] | UnsetType = UNSET
    omitted_feeds: list[str] | UnsetType = UNSET


class ServerSection(_Section):
    """Section of a settings file for a server apart from its channels. Roles and channels are ids.

    The fields from `language` to `operator_notices` are the preferences of a server, and named like them.
    """

    id: Id
    language: str | UnsetType | None = UNSET
    time_zone: str | UnsetType = UNSET
    manager_role: Id | UnsetType | None = UNSET
    alert_channel: Id | UnsetType | None = UNSET
    self_assignable_roles: Annotated[list[Id], Meta(max_length=MAX_SELF_ASSIGNABLE_ROLES)] | UnsetType = UNSET
    proposer_policy: Id | str | UnsetType | None = UNSET
    operator_notices: str | UnsetType | None = UNSET
    look: LookEntry | UnsetType | None = UNSET
    monthly_report: bool | UnsetType = UNSET
    filters: list[FilterEntry] | UnsetType = UNSET


class SettingsFile(_Section):
    """Settings of a server as a file. `names` are the names of its ids, by which another server's ids are found."""

    version: int
    server: ServerSection
    channels: list[ChannelSection] = []
    names: dict[Id, str] = {}
