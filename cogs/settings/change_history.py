"""/settings history: who changed which setting of a server, in words."""

from __future__ import annotations

from bot.core.choices import Filter, Look, Preference, Setting, SettingChange, SubscriptionState
from bot.core.locale import _
from bot.posting.rendering import post_looks
from bot.posting.wording import filter_labels
from bot.text import safe
from cogs.feeds import subscription_options
from cogs.settings import schedule_panel
from cogs.shared.paging import CardPage, CardPages
from cogs.shared.panels import headed, language_name
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction
from cogs.watching import digest_words

_LIST = 8  # a page
_ALL = 500  # as many as are kept
_VALUE = 100  # characters of a value


class History(ManagersLayout, CardPages):
    """Changes of settings, newest first, of the server and of the channels that the asker sees."""

    async def page(self, interaction: Interaction, number: int) -> CardPage:
        changes = await interaction.client.store.preferences.changes(self.guild.id, limit=_ALL)
        channels = {change.channel_id for change in changes if change.channel_id is not None}
        seen = await subscription_options.shown(interaction, channels)
        visible = [change for change in changes if change.channel_id is None or change.channel_id in seen]
        shown = visible[number * _LIST : (number + 1) * _LIST]
        told = "\n".join([await _entry(interaction, change) for change in shown]) or _("No changes yet.")
        return CardPage(
            blocks=(headed(_("Settings history"), told),),
            more=len(visible) > (number + 1) * _LIST,
            empty=not shown,
        )


async def _entry(interaction: Interaction, change: SettingChange) -> str:
    where = []
    feed = await interaction.client.store.feeds.get(change.feed_id) if change.feed_id is not None else None
    if feed is not None:
        where.append(subscription_options.bold(feed))
    if change.channel_id is not None and change.setting != Setting.CHANNEL:
        where.append(f"<#{change.channel_id}>")
    who = f"<@{change.person_id}>" if change.person_id is not None else _("someone who deleted their data")
    lines = (
        _("{setting}: {old} → {new}").format(
            setting=f"**{_name(change)}**", old=_value(change, change.old), new=_value(change, change.new)
        ),
        "-# " + " · ".join((*where, who, f"<t:{change.changed}:R>")),
    )
    return "\n".join(lines)


def _name(change: SettingChange) -> str:
    """What a setting is called; one that is not known here as the store calls it."""
    names: dict[str, str] = {
        Preference.LANGUAGE: _("Post language"),
        Preference.TIME_ZONE: _("Time zone"),
        Preference.MANAGER_ROLE: _("Who manages feeds"),
        Preference.ALERTS: _("Feed alerts"),
        Preference.JOIN_STORIES: _("Group by story"),
        Preference.DAILY_THREAD: _("Daily thread"),
        Preference.TRANSLATE: _("Machine translation"),
        Preference.AS_OUTLET: _("Post as the outlet"),
        Setting.FORUM_TAG: _("Post tag"),
        Preference.QUIET_HOURS: _("Quiet hours"),
        Preference.NOTIFY_ROLES: _("Roles people can take"),
        **{preference: _(bound.name) for preference, bound in schedule_panel.BOUNDS.items()},
        Setting.DIGEST: _("Digest"),
        Setting.SUBSCRIPTION: _("Feed"),
        Setting.LOOK: _("Post appearance"),
        Setting.FILTER: _("Filter"),
        Setting.CHANNEL: _("Channel of a feed"),
        Setting.TASTE: _("What this server likes"),
        Setting.SHARED: _("Feed of the channel"),
        Setting.ASSISTANT: _("Token for AI assistants"),
    }
    return names.get(change.setting) or safe.line(change.setting.replace("_", " "), _VALUE)


def _value(change: SettingChange, value: str | None) -> str:  # noqa: PLR0911  # one line a setting
    """A value in words; that of a setting which is not known here as the store writes it."""
    match change.setting:
        case Preference.LANGUAGE if value is not None:
            return language_name(value)
        case Preference.LANGUAGE:
            return _("automatic") if change.channel_id is None else _("same as the server")
        case Preference.MANAGER_ROLE | Preference.NOTIFY_ROLES:
            return _roles(change, value)
        case Preference.JOIN_STORIES | Preference.DAILY_THREAD | Preference.AS_OUTLET | Preference.TRANSLATE:
            return _("on") if value == "1" else _("off")
        case Setting.DIGEST:
            return digest_words.told(value)
        case Setting.LOOK | Setting.FILTER | Setting.TASTE | Setting.SHARED | Setting.SUBSCRIPTION:
            return _of_posts(change, value)
    return schedule_panel.value(change.setting, value) or _place(change, value)


def _place(change: SettingChange, value: str | None) -> str:
    if change.setting == Preference.ALERTS and value is None:
        return _("in each feed’s own channel")
    if value is None:
        return _("none")
    if change.setting in {Preference.ALERTS, Setting.CHANNEL}:
        return f"<#{value}>"
    return safe.line(value, _VALUE)


def _roles(change: SettingChange, value: str | None) -> str:
    if value is None:
        return _("members with Manage Server") if change.setting == Preference.MANAGER_ROLE else _("none")
    return " ".join(f"<@&{each}>" for each in value.split(","))


def _of_posts(change: SettingChange, value: str | None) -> str:
    """A look, a filter, what became of a taste, whether a feed is followed or a channel shared, in words."""
    if change.setting == Setting.SUBSCRIPTION:
        states = {
            SubscriptionState.FOLLOWED: _("followed"),
            SubscriptionState.PAUSED: _("paused"),
            None: _("not followed"),
        }
        return states.get(None if value is None else SubscriptionState(value), "")
    if change.setting == Setting.SHARED:
        return _("not shared") if value is None else _("shared")
    if change.setting == Setting.TASTE:
        return _("none") if value is None else _("forgotten")
    if change.setting == Setting.FILTER:
        return _("none") if value is None else filter_labels.listed([Filter.of(value)], length=_VALUE)
    if value is None:
        return _("default") if change.channel_id is None else _("same as the server")
    return post_looks.brief(Look.of(value))
