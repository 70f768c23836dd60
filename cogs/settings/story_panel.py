"""/settings stories: which stories a channel takes, by how many outlets tell them and how many a day."""

from __future__ import annotations

from collections.abc import Iterator

import discord

from bot.core import hours
from bot.core.choices import ChannelPreferences, Preference
from bot.core.locale import _, amount, ngettext
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Card, Row, Rule
from bot.text.words import fold
from cogs.shared.place_options import Place, require_view
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Choose, Interaction

_ALL = "-"
_OUTLETS = (2, 3, 4, 5, 6, 8, 10)
_A_DAY = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)


class StoryPanel(ManagersLayout):
    """One message with what a channel takes and the menus to change it, made anew after each change."""

    def __init__(self, interaction: Interaction, target: Place) -> None:
        super().__init__(interaction)
        self._place = target

    async def check(self, interaction: Interaction) -> None:
        """Only who may still manage feeds and still sees the channel."""
        await super().check(interaction)
        await require_view(interaction, self._place.id)

    async def show(self, interaction: Interaction) -> None:
        """Show what holds, in the reply to an interaction that was acknowledged."""
        store = interaction.client.store
        now = await store.preferences.of_channel(self._place.id)
        zone = (await store.preferences.of_server(self._place.guild.id)).time_zone
        held = await store.held_posts.count(self._place.id)
        outlets = Choose(
            self._outlets,
            placeholder=_("Reported by at least…"),
            options=_options(now.least_outlets, [(one, _least(one)) for one in _OUTLETS], _("Every story")),
        )
        best = Choose(
            self._best,
            placeholder=_("The best of the day…"),
            options=_options(now.best_a_day, [(one, _most(one)) for one in _A_DAY], _("No limit")),
        )
        followed = await self._followed(interaction)
        lines = _lines(self._place, now, zone, followed=followed, held=held)
        spaced = [each for line in lines for each in (blocks.text(line), Rule())]
        card = Card((*spaced, Row(outlets), Row(best)))
        await self.display(interaction, (card,))

    async def _followed(self, interaction: Interaction) -> int:
        """How many outlets the channel follows."""
        pairs = await interaction.client.store.subscriptions.in_server(self._place.guild.id)
        return len({fold(feed.outlet) for one, feed in pairs if one.channel_id == self._place.id})

    async def _outlets(self, interaction: Interaction, values: list[str]) -> None:
        await self._change(interaction, Preference.LEAST_OUTLETS, values[0])

    async def _best(self, interaction: Interaction, values: list[str]) -> None:
        await self._change(interaction, Preference.BEST_A_DAY, values[0])

    async def _change(self, interaction: Interaction, preference: Preference, value: str) -> None:
        await interaction.response.defer()
        await interaction.client.store.preferences.change(
            preference,
            None if value == _ALL else int(value),
            server_id=self._place.guild.id,
            person_id=interaction.user.id,
            channel_id=self._place.id,
        )
        interaction.client.courier.wake()
        await self.show(interaction)


def value(preference: str, written: str | None) -> str | None:
    """A value of the history of settings in words; None for one that is not about stories."""
    match preference:
        case Preference.LEAST_OUTLETS:
            return _("every story") if written is None else _least(int(written))
        case Preference.BEST_A_DAY:
            return _("no limit") if written is None else _most(int(written))
    return None


def rules(now: ChannelPreferences) -> str:
    """Which stories a channel takes, in a line; "" for all."""
    chosen = (
        _least(now.least_outlets) if now.least_outlets else "",
        _most(now.best_a_day) if now.best_a_day else "",
    )
    told = ", ".join(filter(None, chosen))
    return _("Stories: {rules}").format(rules=told) if told else ""


def _lines(place: Place, now: ChannelPreferences, zone: str, *, followed: int, held: int) -> Iterator[str]:
    heading = _("Stories in {channel}").format(channel=place.mention)
    rule = _(
        "A story waits up to three days for enough outlets to report it. The best of the day arrive one at a "
        "time between {begin} and {end} ({zone})."
    ).format(begin=hours.clock(hours.FIRST), end=hours.clock(hours.LAST), zone=zone)
    yield f"### {heading}\n{rule}"
    outlets = _least(now.least_outlets) if now.least_outlets else _("every story")
    best = _most(now.best_a_day) if now.best_a_day else _("no limit")
    yield "\n".join(
        f"**{name}** · {chosen}" for name, chosen in ((_("Outlets"), outlets), (_("Best of the day"), best))
    )
    if now.least_outlets is not None and followed < now.least_outlets:
        yield "🟠 " + ngettext(
            "This channel follows {count} outlet, so no story can reach {least}.",
            "This channel follows {count} outlets, so no story can reach {least}.",
            followed,
        ).format(count=amount(followed), least=amount(now.least_outlets))
    if held:
        yield "-# " + ngettext("{count} story is waiting.", "{count} stories are waiting.", held).format(
            count=amount(held)
        )


def _least(number: int) -> str:
    return ngettext("at least {count} outlet", "at least {count} outlets", number).format(
        count=amount(number)
    )


def _most(number: int) -> str:
    return ngettext("at most {count} story a day", "at most {count} stories a day", number).format(
        count=amount(number)
    )


def _options(
    chosen: int | None, numbers: list[tuple[int, str]], otherwise: str
) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=otherwise, value=_ALL, default=chosen is None),
        *(
            discord.SelectOption(
                label=label[:1].upper() + label[1:], value=str(number), default=chosen == number
            )
            for number, label in numbers
        ),
    ]
