"""/settings history: who changed which setting of a server, in words."""

from __future__ import annotations

import discord

from bot.core.choices import Preference, SettingChange, SubscriptionState
from bot.core.locale import _
from bot.posting.rendering import filter_labels, post_looks
from bot.store.outbox import digests
from bot.store.rows import look
from bot.store.settings import setting_changes
from bot.store.settings.filters import read
from bot.text import safe
from cogs.feeds import subscription_options
from cogs.settings import schedule_panel, story_panel
from cogs.shared.paging import Page, Pages
from cogs.shared.rights import ManagersView
from cogs.shared.views import Interaction
from cogs.watching import digest_words

_LIST = 8  # a page
_ALL = 500  # as many as are kept
_VALUE = 100  # characters of a value


class History(ManagersView, Pages):
    """Changes of settings, newest first, of the server and of the channels that the asker sees."""

    async def page(self, interaction: Interaction, number: int) -> Page:
        """Some of the changes."""
        guild, member = interaction.guild, interaction.user
        assert guild is not None
        assert isinstance(member, discord.Member)
        changes = await interaction.client.store.preferences.changes(guild.id, limit=_ALL)
        channels = {change.channel_id for change in changes if change.channel_id is not None}
        seen = await subscription_options.shown(interaction, guild, member, channels)
        visible = [change for change in changes if change.channel_id is None or change.channel_id in seen]
        shown = visible[number * _LIST : (number + 1) * _LIST]
        embed = discord.Embed(
            title=_("Changes of settings"),
            description="\n\n".join([await _entry(interaction, change) for change in shown])
            or _("Nobody has changed anything yet."),
        )
        return Page(embed=embed, more=len(visible) > (number + 1) * _LIST, empty=not shown)


async def _entry(interaction: Interaction, change: SettingChange) -> str:
    """A change in the list: what, from what to what, where, who, when."""
    where = []
    feed = await interaction.client.store.feeds.get(change.feed_id) if change.feed_id is not None else None
    if feed is not None:
        where.append(subscription_options.bold(feed))
    if change.channel_id is not None and change.setting != "channel":
        where.append(f"<#{change.channel_id}>")
    who = (
        f"<@{change.person_id}>" if change.person_id is not None else _("somebody who had their name deleted")
    )
    lines = (
        _("{setting}: {old} → {new}").format(
            setting=f"**{_name(change)}**", old=_value(change, change.old), new=_value(change, change.new)
        ),
        " · ".join((*where, who, f"<t:{change.changed}:f>")),
    )
    return "\n".join(lines)


def _name(change: SettingChange) -> str:
    """What a setting is called; one that is not known here as the store calls it."""
    names = {
        Preference.LANGUAGE: _("Language of posts"),
        Preference.TIME_ZONE: _("Time zone"),
        Preference.MANAGER_ROLE: _("Who manages feeds"),
        Preference.ALERTS: _("Alerts of feeds in trouble"),
        Preference.JOIN_STORIES: _("One post a story"),
        Preference.DAILY_THREAD: _("A thread a day"),
        setting_changes.FORUM_TAG: _("Tag of posts"),
        Preference.QUIET_HOURS: _("Quiet hours"),
        Preference.MOST_AN_HOUR: _("Posts an hour"),
        Preference.GAP: _("Gap between two posts"),
        Preference.LEAST_OUTLETS: _("Outlets"),
        Preference.BEST_A_DAY: _("Best of the day"),
        digests.SETTING: _("Digest"),
        "subscription": _("Feed"),
        setting_changes.LOOK: _("Look of posts"),
        setting_changes.FILTER: _("Filter"),
        "channel": _("Channel of a feed"),
    }
    return names.get(change.setting) or safe.markdown(safe.plain(change.setting.replace("_", " "), _VALUE))


def _value(change: SettingChange, value: str | None) -> str:  # noqa: PLR0911  # one line a setting
    """A value in words; that of a setting which is not known here as the store writes it."""
    match change.setting:
        case Preference.LANGUAGE:
            if value is None:
                return _("as Discord says") if change.channel_id is None else _("as the server’s")
            return language_name(value)
        case Preference.MANAGER_ROLE:
            return _("those with Manage Server") if value is None else f"<@&{value}>"
        case Preference.ALERTS:
            return _("in each feed’s own channel") if value is None else f"<#{value}>"
        case Preference.JOIN_STORIES | Preference.DAILY_THREAD:
            return _("on") if value == "1" else _("off")
        case digests.SETTING:
            return digest_words.told(value)
        case setting_changes.LOOK | setting_changes.FILTER:
            return _of_posts(change, value)
        case "channel" if value is not None:
            return f"<#{value}>"
        case "subscription":
            states = {
                SubscriptionState.FOLLOWED: _("followed"),
                SubscriptionState.PAUSED: _("paused"),
                None: _("not followed"),
            }
            return states.get(None if value is None else SubscriptionState(value), "")
    told = schedule_panel.value(change.setting, value) or story_panel.value(change.setting, value)
    return told or (_("none") if value is None else safe.markdown(safe.plain(value, _VALUE)))


def _of_posts(change: SettingChange, value: str | None) -> str:
    """A look, or a filter, in words."""
    if change.setting == setting_changes.FILTER:
        return _("none") if value is None else filter_labels.listed(read(value), length=_VALUE)
    if value is None:
        return _("as usual") if change.channel_id is None else _("as the server’s")
    return post_looks.brief(look(value))


def language_name(language: str) -> str:
    """A language of posts as the reader calls it within a sentence."""
    return {"en": _("English"), "fr": _("French")}.get(language, language)
