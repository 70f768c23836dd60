"""/settings server: what holds for a whole server, and where it is told that a feed broke or is back."""

from datetime import datetime

import discord
from babel.dates import format_time
from discord import app_commands

from bot.core import hours, locale
from bot.core.choices import Preference
from bot.core.locale import _, clickable
from bot.core.refusals import Refusal
from bot.posting.rendering import mentioned_roles
from bot.posting.rendering.layout.blocks import Block, Row, Rule, text
from bot.posting.wording import look_words
from cogs.feeds.look_panel import LookPanel
from cogs.shared import place_options
from cogs.shared.panels import SettingsPanel, headed, language_name, languages, setting, zone_button
from cogs.shared.place_options import Place, PlaceOption, require_posting
from cogs.shared.rights import may_govern
from cogs.shared.views import ChooseChannel, ChooseRole, Interaction, Press

_MOST_ROLES = 10


class ServerPanel(SettingsPanel):
    """A panel with the settings of a server, each beside what changes it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        guild = self.guild
        now = await self.store.preferences.of_server(guild.id)
        discords = locale.supported(str(guild.preferred_locale))
        otherwise = _("Automatic ({language})").format(
            language=language_name(discords or self.client.newsroom.settings.language)
        )
        managers = _("members with Manage Server")
        role = guild.get_role(now.manager_role) if now.manager_role is not None else None
        if role is not None:
            managers = _("{role} and members with Manage Server").format(role=role.mention)
        elif now.manager_role is not None:
            managers += " · " + _("the chosen role no longer exists")
        alerts = f"<#{now.alerts}>" if now.alerts is not None else _("in each feed’s own channel")
        chosen = [discord.Object(now.alerts)] if now.alerts is not None else []
        place = ChooseChannel(
            self._alert,
            placeholder=_("Channel for alerts…"),
            channel_types=PlaceOption().channel_types,
            min_values=0,
            default_values=[discord.SelectDefaultValue.from_channel(each) for each in chosen],
        )
        appoint = ChooseRole(
            self._appoint,
            placeholder=_("Role that can manage feeds…"),
            min_values=0,
            default_values=[role] if role is not None else [],
        )
        notify: tuple[Block, ...] = ()
        if interaction.permissions.manage_roles:
            offered = [guild.get_role(each) for each in now.notify_roles]
            chooser = ChooseRole(
                self._offer_roles,
                placeholder=_("Roles people can take…"),
                min_values=0,
                max_values=_MOST_ROLES,
                default_values=[each for each in offered if each is not None],
            )
            roles = ", ".join(f"<@&{each}>" for each in now.notify_roles) or _("none")
            notify = (setting(_("Roles for “Notify me”"), roles), Row(chooser))
        zone = _zone(now.time_zone, self.client.newsroom.clock.now())
        more = clickable(_("Per channel: /settings channel. Who changed what: /settings history."))
        blocks = (
            headed(_("Server settings")),
            Rule(),
            setting(_("Post language")),
            Row(languages(self, now.language, otherwise)),
            setting(_("Feed alerts"), alerts),
            Row(place),
            setting(_("Who manages feeds"), managers),
            Row(appoint if may_govern(interaction) else None),
            *notify,
            setting(_("Time zone"), zone, zone_button(self, self._move_clock)),
            setting(
                _("Post appearance"), look_words.brief(now.look), Press(self._open_look, label=_("Choose…"))
            ),
            Rule(),
            text(f"-# {more}"),
        )
        await self.display_card(interaction, *blocks)

    async def _alert(self, interaction: Interaction, channel_ids: list[int]) -> None:
        if not channel_ids:
            await self.change(Preference.ALERTS, None)
            return
        said = await choose_alerts(interaction, await place_options.current(interaction, channel_ids[0]))
        self.has_saved = True
        await interaction.followup.send(said, ephemeral=True)

    async def _appoint(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not may_govern(interaction):
            raise app_commands.MissingPermissions(["manage_guild"])
        if self.guild.id in role_ids:  # the id of @everyone
            raise Refusal(_("@everyone can’t manage feeds. Choose a role that fewer people have."))
        await self.change(Preference.MANAGER_ROLE, role_ids[0] if role_ids else None)

    async def _offer_roles(self, interaction: Interaction, role_ids: list[int]) -> None:
        if not interaction.permissions.manage_roles:
            raise app_commands.MissingPermissions(["manage_roles"])
        manager_role = (await self.store.preferences.of_server(self.guild.id)).manager_role
        for role_id in role_ids:
            role = self.guild.get_role(role_id)
            if role is None:
                raise Refusal(_("That role no longer exists."))
            if reason := mentioned_roles.unsafe(role, manager_role=manager_role):
                raise Refusal(reason)
        await self.change(Preference.NOTIFY_ROLES, ",".join(map(str, sorted(role_ids))) or None)

    async def _open_look(self, interaction: Interaction) -> None:
        self.stop()
        await LookPanel(interaction, None).start(interaction)

    async def _move_clock(self, _interaction: Interaction, zone: str) -> None:
        await self.change(Preference.TIME_ZONE, zone)


def _zone(name: str, now: int) -> str:
    """A time zone with the time that it is there, so that a wrong one is noticed."""
    there = datetime.fromtimestamp(now, hours.zone(name))
    return _("{zone} ({time} there now)").format(
        zone=name, time=format_time(there, "short", locale=locale.current())
    )


async def choose_alerts(interaction: Interaction, target: Place) -> str:
    """Have this server's alerts sent to a channel; returns what to say. Raises `Refusal`."""
    if isinstance(target, discord.ForumChannel):
        raise Refusal(
            _("Choose a channel or a thread for alerts. In a forum, each alert would become its own post.")
        )
    advice = require_posting(target)
    await interaction.client.store.preferences.change(
        Preference.ALERTS, target.id, server_id=target.guild.id, person_id=interaction.user.id
    )
    await interaction.client.courier.look_again(target.id)
    answer = _(
        "Alerts now go to {channel} when a feed fails for a day, disappears or comes back. "
        "Everyone who can read {channel} sees the names of those feeds, even ones from other "
        "channels."
    ).format(channel=target.mention)
    return "\n".join(filter(None, (answer, advice)))


class AlertsFlow(SettingsPanel):
    """Tells where alerts go, and lets them go to each feed's own channel again."""

    async def start(self, interaction: Interaction) -> None:
        chosen = await self.store.servers.alerts(self.guild.id)
        if chosen is None:
            await self.end(interaction, _nowhere())
            return
        told = _("Alerts go to <#{channel}> when a feed fails for a day, disappears or comes back.")
        forget = Press(self._forget, label=_("Use each feed’s own channel"))
        await self.display(interaction, (text(told.format(channel=chosen)), Row(forget)))

    async def _forget(self, interaction: Interaction) -> None:
        await self.change(Preference.ALERTS, None)
        await self.end(interaction, _nowhere())


def _nowhere() -> str:
    return _(
        "Alerts go to each feed’s own channel when it fails for a day, disappears or comes back. "
        "To collect them in one place, choose a channel."
    )
