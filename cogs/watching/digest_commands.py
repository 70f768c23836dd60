"""/digest: one message a day or a week that tells a channel what came."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core import hours
from bot.core.choices import DigestPlan
from bot.core.locale import _, amount, clickable
from bot.core.models import Digest
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests.digest_selection import MOST_OF_A_SERVER, period
from bot.posting.rendering import digest_pages
from bot.posting.rendering.dispatch_rendering import language_of
from bot.posting.sending import permissions
from cogs.feeds import subscription_options
from cogs.shared import place_options
from cogs.shared.paging import Page, Pages
from cogs.shared.place_options import Option, Place, lacking, place, require_posting, require_view
from cogs.shared.rights import FOR_MANAGERS, ManagersOnly, ManagersView, in_servers
from cogs.shared.views import Choose, Interaction, Press
from cogs.watching import digest_words

_LIST = 10  # a page
_DAILY = "-"
_HOUR = 60
_FIRST = DigestPlan(weekday=None, minute=8 * _HOUR)
_ALONE, _WIDE, _CHART = "alone", "wide", "chart"


@in_servers
class Digests(
    ManagersOnly,
    commands.GroupCog,
    group_name="digest",
    group_description=locale_str("One message a day or a week with the top stories"),
    group_extras=FOR_MANAGERS,
):
    """Digests of channels. For those who manage the server's feeds."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    @app_commands.command(
        name="setup", description=locale_str("Begin, change or stop the digest of a channel, with a preview")
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def setup(self, interaction: Interaction, channel: Option | None = None) -> None:
        """Show what the digest of a channel would be, with the means to change it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await DigestFlow(interaction, await place(interaction, channel)).start(interaction)

    @app_commands.command(
        name="list", description=locale_str("The digests of this server, and when they come")
    )
    async def list_(self, interaction: Interaction) -> None:
        """List the digests in channels that the asker sees."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await DigestPages(interaction).show(interaction)


class DigestFlow(ManagersView):
    """The way to one digest: when, of what, how it looks. Nothing changes before the last button."""

    def __init__(self, interaction: Interaction, target: Place, command_id: int | None = None) -> None:
        super().__init__(interaction, command_id)
        self._place = target
        self._plan = _FIRST
        self._known: Digest | None = None

    async def check(self, interaction: Interaction) -> None:
        """Only who may still manage feeds and still sees the channel."""
        await super().check(interaction)
        await require_view(interaction, self._place.id)

    async def start(self, interaction: Interaction) -> None:
        """Begin with the digest as it is, or with one that suits the channel."""
        store = interaction.client.store
        self._known = await store.digests.of_channel(self._place.id)
        if self._known is not None:
            self._plan = self._known.plan
        elif not await store.subscriptions.feed_ids([self._place.id]):
            self._plan = replace(_FIRST, wide=True)
        await self._show(interaction)

    async def _show(self, interaction: Interaction) -> None:
        """The choices, and what the digest would be if it came now."""
        client, plan = interaction.client, self._plan
        zone = (await client.store.preferences.of_server(self._place.guild.id)).time_zone
        now = client.newsroom.clock.now()
        due = hours.next_due(now, plan.minute, plan.weekday, zone)
        lines = [
            _("Digest for {channel}: {when} ({zone}), next {date}.").format(
                channel=self._place.mention, when=digest_words.when(plan), zone=zone, date=f"<t:{due}:f>"
            ),
            *digest_words.choices(plan),
        ]
        if self._known is None:
            lines.append(_("Not active yet."))
        elif self._known.plan != plan:
            lines.append(_("This is not saved yet."))
        refusal, _advice = lacking(interaction, self._place)
        if refusal:
            lines.append(f"⚠️ {refusal}")
        elif plan.chart and not permissions.may_attach(self._place):
            lines.append(
                "⚠️ "
                + _("For the chart I need the permission {permission} in {channel}.").format(
                    permission=f"**{permissions.name('attach_files')}**", channel=self._place.mention
                )
            )
        embed, files = await self._preview(interaction, zone, now)
        self._arrange()
        self.asked = interaction
        await interaction.edit_original_response(
            content="\n".join(lines), embed=embed, attachments=files, view=self
        )

    async def _preview(
        self, interaction: Interaction, zone: str, now: int
    ) -> tuple[discord.Embed, list[discord.File]]:
        client, plan = interaction.client, self._plan
        digest = Digest(
            id=0,
            server_id=self._place.guild.id,
            channel_id=self._place.id,
            plan=plan,
            created=now,
            due=now,
            covered=None,
            time_zone=zone,
        )
        try:
            edition, _gathered = await client.courier.digests.edition(
                self._place.guild, digest, since=now - period(plan), until=now + 1
            )
        except WorkerError as error:
            raise Refusal(_("That took too long. Try again.")) from error
        language = await language_of(
            client.store,
            client,
            self._place.guild.id,
            self._place.id,
            default_language=client.newsroom.settings.language,
        )
        told = await digest_pages.page(client.store, edition, language=language)
        if told is None:
            return discord.Embed(
                title=_("A digest now would be empty"),
                description=_(
                    "Nothing came in this time. On a day or a week without news, no digest is sent."
                ),
            ), []
        picture = await digest_pages.draw(edition, language=language)
        if picture is None:
            return told.embed, []
        told.embed.set_image(url=f"attachment://{picture.filename}")
        return told.embed, [picture.file()]

    def _arrange(self) -> None:
        plan = self._plan
        self.clear_items()
        days = [discord.SelectOption(label=_("Every day"), value=_DAILY, default=plan.weekday is None)]
        days += [
            discord.SelectOption(label=digest_words.weekly(day), value=str(day), default=plan.weekday == day)
            for day in range(7)
        ]
        self.add_item(Choose(self._day, placeholder=_("How often…"), options=days, row=0))
        clocks = [
            discord.SelectOption(
                label=_("At {time}").format(time=hours.clock(hour * _HOUR)),
                value=str(hour * _HOUR),
                default=plan.minute == hour * _HOUR,
            )
            for hour in range(24)
        ]
        self.add_item(Choose(self._hour, placeholder=_("At what hour…"), options=clocks, row=1))
        more = {
            _ALONE: (_("Digest only"), _("No single posts in this channel; the digest tells it all")),
            _WIDE: (_("Other channels too"), _("Also feeds of channels that all readers of this one see")),
            _CHART: (_("Chart of the week"), _("A picture of the words that rose")),
        }
        options = [
            discord.SelectOption(
                label=label, description=description, value=name, default=getattr(plan, name)
            )
            for name, (label, description) in more.items()
        ]
        self.add_item(
            Choose(
                self._more,
                placeholder=_("As a plain digest, beside the single posts"),
                options=options,
                min_values=0,
                max_values=len(options),
                row=2,
            )
        )
        begin = _("Get started") if self._known is None else _("Save")
        same = self._known is not None and self._known.plan == plan
        self.add_item(Press(self._save, label=begin, style=discord.ButtonStyle.success, row=3, disabled=same))
        if self._known is not None:
            self.add_item(
                Press(self._stop, label=_("Stop the digest"), style=discord.ButtonStyle.danger, row=3)
            )
        self.add_item(Press(self._leave, label=_("Close"), row=3))

    async def _day(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        self._plan = replace(self._plan, weekday=None if values[0] == _DAILY else int(values[0]))
        await self._show(interaction)

    async def _hour(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        self._plan = replace(self._plan, minute=int(values[0]))
        await self._show(interaction)

    async def _more(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        self._plan = replace(self._plan, alone=_ALONE in values, wide=_WIDE in values, chart=_CHART in values)
        await self._show(interaction)

    async def _save(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        target = await place_options.find(self._place.guild, self._place.id)
        if target is None:
            raise Refusal(_("That channel no longer exists."))
        require_posting(interaction, target)
        client = interaction.client
        saved = await client.store.digests.save(
            self._plan,
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=interaction.user.id,
            limit=MOST_OF_A_SERVER,
        )
        if saved is None:
            raise Refusal(
                _("This server has {count} digests, which is the most. Stop one first.").format(
                    count=amount(MOST_OF_A_SERVER)
                )
            )
        await client.courier.look_again(target.id)
        client.courier.wake()
        await self._end(
            interaction,
            _("The next digest comes to {channel} {when}.").format(
                channel=target.mention, when=f"<t:{saved.due}:F>"
            ),
            *digest_words.choices(saved.plan),
        )

    async def _stop(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        client = interaction.client
        stopped = await client.store.digests.stop(
            server_id=self._place.guild.id, channel_id=self._place.id, person_id=interaction.user.id
        )
        if not stopped:
            raise Refusal(_("There is no digest there any more."))
        client.courier.wake()
        alone = self._known is not None and self._known.plan.alone
        await self._end(
            interaction,
            _("No more digests come to {channel}.").format(channel=self._place.mention),
            *(
                [_("Articles are posted there one by one again; what waited comes in one message.")]
                if alone
                else []
            ),
        )

    async def _leave(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        await self._end(interaction, _("Nothing changed."))

    async def _end(self, interaction: Interaction, *lines: str) -> None:
        self.stop()
        await interaction.edit_original_response(
            content="\n".join(lines), embed=None, attachments=[], view=None
        )


class DigestPages(ManagersView, Pages):
    """The digests of a server in channels that the asker sees, and in channels that are gone."""

    async def page(self, interaction: Interaction, number: int) -> Page:
        """Some of the digests, oldest first."""
        guild, member = interaction.guild, interaction.user
        assert guild is not None
        assert isinstance(member, discord.Member)
        found = await interaction.client.store.digests.of_server(guild.id)
        seen = await subscription_options.shown(interaction, guild, member, {one.channel_id for one in found})
        found = [one for one in found if one.channel_id in seen]
        shown = found[number * _LIST : (number + 1) * _LIST]
        lines = [
            "\n".join((_entry(one), *(f"-# {line}" for line in digest_words.choices(one.plan))))
            for one in shown
        ]
        embed = discord.Embed(
            title=_("Digests"),
            description="\n\n".join(lines) or clickable(_("None yet. /digest setup begins one.")),
        )
        options = []
        for one in shown:
            channel = guild.get_channel_or_thread(one.channel_id)
            name = f"#{channel.name}" if channel is not None else _("a deleted or archived channel")
            options.append(
                discord.SelectOption(
                    label=name[:100], value=str(one.channel_id), description=digest_words.when(one.plan)
                )
            )
        return Page(
            embed=embed, more=len(found) > (number + 1) * _LIST, empty=not shown, options=tuple(options)
        )

    def arrange(self, page: Page) -> None:
        """A menu that opens a digest."""
        if not page.empty:
            self.add_item(
                Choose(self._open, placeholder=_("Change or stop one…"), options=list(page.options), row=0)
            )

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = interaction.guild
        assert guild is not None
        target = await place_options.find(guild, int(values[0]))
        if target is None:
            if not await subscription_options.is_gone(guild, int(values[0])):
                raise Refusal(_("Discord does not show me that channel right now. Try again later."))
            ended = await interaction.client.store.digests.stop(
                server_id=guild.id, channel_id=int(values[0]), person_id=interaction.user.id
            )
            raise Refusal(
                _("That channel is gone, and its digest is stopped.")
                if ended
                else _("That channel no longer exists.")
            )
        await require_view(interaction, target.id)
        await DigestFlow(interaction, target, self.command_id).start(interaction)


def _entry(digest: Digest) -> str:
    return _("<#{channel}>: {when} ({zone}), next {date}").format(
        channel=digest.channel_id,
        when=digest_words.when(digest.plan),
        zone=digest.time_zone,
        date=f"<t:{digest.due}:R>",
    )
