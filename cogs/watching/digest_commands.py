"""/digest: one message a day or a week that tells a channel what came."""

from dataclasses import replace
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.core import hours
from bot.core.choices import DigestPlan
from bot.core.locale import _, amount, clickable
from bot.core.models import Digest
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests.digest_selection import MOST_OF_A_SERVER, period
from bot.posting.rendering import digest_pages
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Block, Card, Layout, Row, text
from bot.posting.rendering.messages import Picture
from bot.posting.sending import permissions
from cogs.feeds import subscription_options
from cogs.shared import place_options
from cogs.shared.lasting_items import LastingCog
from cogs.shared.panels import ChannelPanel, headed, number
from cogs.shared.place_options import Option, Place, lacking, place, require_posting
from cogs.shared.rights import FOR_MANAGERS, ManagersLayout, ManagersOnly, in_servers
from cogs.shared.views import Choose, Interaction, Press, Reply, option
from cogs.watching import digest_words
from cogs.watching.personal_digest_panel import PersonalDigestPanel, personal_digest_button


@in_servers
class Digests(
    ManagersOnly,
    LastingCog,
    commands.GroupCog,
    group_name="digest",
    group_description=locale_str("The top stories in one message, daily or weekly"),
):
    """Digests of channels, for those who manage the server's feeds; and of people, for each their own."""

    items = (personal_digest_button,)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Refuse who does not manage feeds, unless it is about their own digest."""
        command = interaction.command
        is_open = isinstance(command, app_commands.Command) and not command.extras.get("managers")
        return is_open or await super().interaction_check(interaction)

    @app_commands.command(name="me", description=locale_str("Get your own digest by direct message"))
    async def me(self, interaction: Interaction) -> None:
        await PersonalDigestPanel(interaction).start(interaction)

    @app_commands.command(
        name="setup",
        description=locale_str("Set up, change or stop a channel’s digest"),
        extras=FOR_MANAGERS,
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def setup(self, interaction: Interaction, channel: Option | None = None) -> None:
        await DigestFlow(interaction, await place(interaction, channel)).start(interaction)

    @app_commands.command(
        name="list", description=locale_str("See this server’s digests"), extras=FOR_MANAGERS
    )
    async def list_(self, interaction: Interaction) -> None:
        await DigestList(interaction).show(interaction)


class DigestList(ManagersLayout):
    """The digests of a server in channels that the asker sees, and in channels that are gone."""

    async def show(self, interaction: Interaction) -> None:
        found = await self.store.digests.of_server(self.guild.id)
        seen = await subscription_options.shown(interaction, {one.channel_id for one in found})
        shown = [one for one in found if one.channel_id in seen]
        title = _("Digests")
        if not shown:
            said = clickable(_("None yet. Set one up with /digest setup."))
            await self.display_card(interaction, headed(title, said))
            return
        options = [
            option(
                place_options.channel_name(self.guild, one.channel_id),
                one.channel_id,
                digest_words.when(one.plan),
            )
            for one in shown
        ]
        menu = Choose(self._open, Reply.NEW, placeholder=_("Change or stop a digest…"), options=options)
        entries = (text(_entry(one)) for one in shown)
        await self.display_card(interaction, headed(title), *entries, Row(menu))

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        target = await place_options.find(self.guild, int(values[0]))
        if target is None:
            if not await subscription_options.is_gone(self.guild, int(values[0])):
                raise Refusal(_("I can’t reach that channel right now. Try again later."))
            ended = await self.store.digests.stop(
                server_id=self.guild.id, channel_id=int(values[0]), person_id=self.person_id
            )
            raise Refusal(
                _("That channel is gone, so I stopped its digest.")
                if ended
                else _("That channel no longer exists.")
            )
        await place_options.require_view(interaction, target.id)
        await DigestFlow(interaction, target).start(interaction)


def _entry(digest: Digest) -> str:
    line = _("<#{channel}>: {when} ({zone}), next one {date}").format(
        channel=digest.channel_id,
        when=digest_words.when(digest.plan),
        zone=digest.time_zone,
        date=f"<t:{digest.due}:R>",
    )
    return "\n".join((line, *(f"-# {choice}" for choice in digest_words.choices(digest.plan))))


_PATIENCE = 10.0  # seconds that a preview waits for summaries
_HOUR = 60
_FIRST = DigestPlan(weekday=None, minute=8 * _HOUR)
_ALONE, _WIDE, _CHART, _SUMMARIES = "alone", "wide", "chart", "summaries"


class DigestFlow(ChannelPanel):
    """The way to one digest: when, of what, how it looks. Nothing changes before the last button."""

    def __init__(self, interaction: Interaction, channel: Place) -> None:
        super().__init__(interaction, channel)
        self._plan = _FIRST
        self._known: Digest | None = None
        self._sums_up = False

    async def start(self, interaction: Interaction) -> None:
        """Begin with the digest as it is, or with one that suits the channel."""
        store, writing = self.store, self.client.newsroom.writing
        self._sums_up = writing is not None and writing.summaries is not None
        self._known = await store.digests.of_channel(self.channel.id)
        if self._known is not None:
            self._plan = self._known.plan
        elif not await store.subscriptions.feed_ids([self.channel.id]):
            self._plan = replace(_FIRST, wide=True)
        await self.show(interaction)

    async def show(self, interaction: Interaction) -> None:
        """The choices, and what the digest would be if it came now."""
        client, plan = self.client, self._plan
        zone = (await client.store.preferences.of_server(self.channel.guild.id)).time_zone
        now = client.newsroom.clock.now()
        due = hours.next_due(now, plan.minute, plan.weekday, zone)
        lines = [
            "### " + _("Digest for {channel}").format(channel=self.channel.mention),
            _("Sent {when} ({zone}), next one {date}").format(
                when=digest_words.when(plan), zone=zone, date=f"<t:{due}:R>"
            ),
            *(f"-# {line}" for line in digest_words.choices(plan)),
        ]
        if self._known is None:
            lines.append(_("Not active yet."))
        elif self._known.plan != plan:
            lines.append(_("Not saved yet."))
        refusal, _advice = lacking(self.channel)
        if refusal:
            lines.append(f"⚠️ {refusal}")
        elif plan.chart and not permissions.may_attach(self.channel):
            lines.append(
                "⚠️ "
                + _("To post the chart, I need the {permission} permission in {channel}.").format(
                    permission=f"**{permissions.name('attach_files')}**", channel=self.channel.mention
                )
            )
        preview, pictures = await self._preview(zone, now)
        layout: Layout = (text("\n".join(lines)), Card(preview, outlets.COLOUR), *self._controls())
        await self.display(interaction, layout, pictures=pictures)

    async def _preview(self, zone: str, now: int) -> tuple[tuple[Block, ...], list[Picture]]:
        client, plan = self.client, self._plan
        digest = Digest(
            id=0,
            server_id=self.channel.guild.id,
            channel_id=self.channel.id,
            plan=plan,
            created=now,
            due=now,
            covered=None,
            time_zone=zone,
        )
        try:
            edition, _gathered = await client.courier.digests.edition(
                self.channel.guild, digest, since=now - period(plan), until=now + 1, patience=_PATIENCE
            )
        except WorkerError as error:
            raise Refusal(_("That took too long. Try again.")) from error
        language = await client.languages.of(self.channel.guild.id, self.channel.id)
        told = await digest_pages.page(client.store, edition, language=language)
        if told is None:
            why = _("If there’s no news, no digest is sent.")
            return (headed(_("Nothing to preview yet"), why),), []
        picture = await digest_pages.draw(edition, language=language)
        return (*told.card, *digest_pages.chart(picture)), [] if picture is None else [picture]

    def _controls(self) -> tuple[Row, ...]:
        plan = self._plan
        more = {
            _ALONE: (_("Digest only"), _("No individual posts in this channel")),
            _WIDE: (_("Other channels too"), _("Also covers feeds in channels everybody here can see")),
            _CHART: (_("Trend chart"), _("A chart of what’s on the rise")),
        }
        if self._sums_up:
            more[_SUMMARIES] = (_("Summaries"), _("Two sentences per story, written by a language model"))
        looks = [
            option(label, name, told, chosen=getattr(plan, name)) for name, (label, told) in more.items()
        ]
        same = self._known is not None and self._known.plan == plan
        style, stop = discord.ButtonStyle, _("Stop the digest")
        return (
            Row(Choose(self._day, placeholder=_("How often…"), options=digest_words.days(plan))),
            Row(Choose(self._hour, placeholder=_("What time…"), options=digest_words.times(plan))),
            Row(
                Choose(
                    self._more,
                    placeholder=_("Options…"),
                    options=looks,
                    min_values=0,
                    max_values=len(looks),
                )
            ),
            Row(
                Press(
                    self._save,
                    label=_("Start") if self._known is None else _("Save changes"),
                    style=style.success,
                    disabled=same,
                ),
                None if self._known is None else Press(self._stop, label=stop, style=style.danger),
                Press(self.cancel, label=_("Close")),
            ),
        )

    async def _day(self, _interaction: Interaction, values: list[str]) -> None:
        self._plan = replace(self._plan, weekday=number(values))

    async def _hour(self, _interaction: Interaction, values: list[str]) -> None:
        self._plan = replace(self._plan, minute=int(values[0]))

    async def _more(self, _interaction: Interaction, values: list[str]) -> None:
        chosen = {name: name in values for name in (_ALONE, _WIDE, _CHART, _SUMMARIES)}
        self._plan = replace(self._plan, **chosen)

    async def _save(self, interaction: Interaction) -> None:
        target = await place_options.current(interaction, self.channel.id)
        require_posting(target)
        client = self.client
        saved = await client.store.digests.save(
            self._plan,
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=self.person_id,
            limit=MOST_OF_A_SERVER,
        )
        if saved is None:
            raise Refusal(
                _("This server already has {count} digests, the maximum. Stop one first.").format(
                    count=amount(MOST_OF_A_SERVER)
                )
            )
        await client.courier.look_again(target.id)
        client.courier.wake()
        said = _("Saved. {channel} gets its next digest {when}.").format(
            channel=target.mention, when=f"<t:{saved.due}:F>"
        )
        await self.end(interaction, "\n".join((said, *digest_words.choices(saved.plan))))

    async def _stop(self, interaction: Interaction) -> None:
        client = self.client
        stopped = await client.store.digests.stop(
            server_id=self.channel.guild.id, channel_id=self.channel.id, person_id=self.person_id
        )
        if not stopped:
            raise Refusal(_("That channel doesn’t have a digest anymore."))
        client.courier.wake()
        said = _("Stopped the digest in {channel}.").format(channel=self.channel.mention)
        if self._known is not None and self._known.plan.alone:
            said += "\n" + _(
                "Articles are posted one by one again. Those still waiting arrive in one message."
            )
        await self.end(interaction, said)
