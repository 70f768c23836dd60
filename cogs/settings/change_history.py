"""/settings history: who changed which setting of a server, in words."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from bot.core.choices import Filter, Look, Preference, Setting, SettingChange, SubscriptionState
from bot.core.locale import N_, _
from bot.posting.wording import filter_labels, look_words
from bot.text import safe
from cogs.feeds import subscription_options
from cogs.settings import channel_settings, schedule_panel
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
        changes = await self.store.preferences.changes(self.guild.id, limit=_ALL)
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
    kind = _KINDS.get(change.setting) or Kind(safe.line(change.setting.replace("_", " "), _VALUE), _plain)
    where = []
    feed = await interaction.client.store.feeds.get(change.feed_id) if change.feed_id is not None else None
    if feed is not None:
        where.append(subscription_options.bold(feed))
    if change.channel_id is not None and change.setting != Setting.CHANNEL:
        where.append(f"<#{change.channel_id}>")
    who = f"<@{change.person_id}>" if change.person_id is not None else _("someone who deleted their data")
    old, new = (
        kind.say(value, in_channel=change.channel_id is not None) for value in (change.old, change.new)
    )
    told = _("{setting}: {old} → {new}").format(setting=f"**{_(kind.name)}**", old=old, new=new)
    return "\n".join((told, "-# " + " · ".join((*where, who, f"<t:{change.changed}:R>"))))


class Kind(NamedTuple):
    """A setting: what it is called, a value of it in words, and what holds without one."""

    name: str
    told: Callable[[str], str]
    none: str = N_("none")
    none_in_channel: str = ""

    def say(self, value: str | None, *, in_channel: bool) -> str:
        """A value, or none, in the language of this task."""
        if value is not None:
            return self.told(value)
        return _(self.none_in_channel) if in_channel and self.none_in_channel else _(self.none)


def _plain(value: str) -> str:
    return safe.line(value, _VALUE)


def _switched(value: str) -> str:
    return _("on") if value == "1" else _("off")


def _channel(value: str) -> str:
    return f"<#{value}>"


def _roles(value: str) -> str:
    return " ".join(f"<@&{each}>" for each in value.split(","))


def _number(bound: schedule_panel.Bound, value: str) -> str:
    return bound.told(int(value))


def _followed(value: str) -> str:
    return _("paused") if value == SubscriptionState.PAUSED else _("followed")


_KINDS: Mapping[str, Kind] = {
    Preference.LANGUAGE: Kind(N_("Post language"), language_name, N_("automatic"), N_("same as the server")),
    Preference.TIME_ZONE: Kind(N_("Time zone"), _plain),
    Preference.MANAGER_ROLE: Kind(N_("Who manages feeds"), _roles, N_("members with Manage Server")),
    Preference.ALERTS: Kind(N_("Feed alerts"), _channel, N_("in each feed’s own channel")),
    **{one: Kind(switch.name, _switched, N_("off")) for one, switch in channel_settings.SWITCHES.items()},
    Preference.QUIET_HOURS: Kind(N_("Quiet hours"), schedule_panel.night),
    Preference.NOTIFY_ROLES: Kind(N_("Roles people can take"), _roles),
    **{
        preference: Kind(bound.name, partial(_number, bound), bound.none)
        for preference, bound in schedule_panel.BOUNDS.items()
    },
    Setting.FORUM_TAG: Kind(N_("Post tag"), _plain),
    Setting.DIGEST: Kind(N_("Digest"), digest_words.told),
    Setting.SUBSCRIPTION: Kind(N_("Feed"), _followed, N_("not followed")),
    Setting.LOOK: Kind(
        N_("Post appearance"),
        lambda value: look_words.brief(Look.of(value)),
        N_("default"),
        N_("same as the server"),
    ),
    Setting.FILTER: Kind(N_("Filter"), lambda value: filter_labels.listed([Filter.of(value)], length=_VALUE)),
    Setting.CHANNEL: Kind(N_("Feed’s channel"), _channel),
    Setting.TASTE: Kind(N_("What this server likes"), lambda _value: _("reset")),
    Setting.SHARED: Kind(N_("Feed of the channel"), lambda _value: _("shared"), N_("not shared")),
    Setting.ASSISTANT: Kind(N_("Token for AI assistants"), _plain),
}
