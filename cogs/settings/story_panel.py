"""/settings stories: which stories a channel takes, by how many outlets tell them and how many a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from bot.core import hours
from bot.core.choices import ChannelPreferences, Preference
from bot.core.locale import _, amount, counted
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Card, Row, Rule
from bot.text.words import fold
from cogs.shared.panels import ChannelPanel, number, options
from cogs.shared.place_options import Place
from cogs.shared.views import Choose, Interaction

_OUTLETS = (2, 3, 4, 5, 6, 8, 10)
_A_DAY = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)


class StoryPanel(ChannelPanel):
    """One message with what a channel takes and the menus to change it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        store = interaction.client.store
        now = await store.preferences.of_channel(self.channel.id)
        zone = (await store.preferences.of_server(self.channel.guild.id)).time_zone
        held = await store.held_posts.count(self.channel.id)
        outlets = Choose(
            partial(self._choose, Preference.LEAST_OUTLETS),
            placeholder=_("Reported by at least…"),
            options=options(now.least_outlets, _OUTLETS, partial(_as_option, _least), _("Every story")),
        )
        best = Choose(
            partial(self._choose, Preference.BEST_A_DAY),
            placeholder=_("The best of the day…"),
            options=options(now.best_a_day, _A_DAY, partial(_as_option, _most), _("No limit")),
        )
        followed = await self._followed(interaction)
        lines = _lines(self.channel, now, zone, followed=followed, held=held)
        spaced = [each for line in lines for each in (blocks.text(line), Rule())]
        card = Card((*spaced, Row(outlets), Row(best)))
        await self.display(interaction, (card,))

    async def _followed(self, interaction: Interaction) -> int:
        """How many outlets the channel follows."""
        pairs = await interaction.client.store.subscriptions.in_server(self.channel.guild.id)
        return len({fold(feed.outlet) for one, feed in pairs if one.channel_id == self.channel.id})

    async def _choose(self, preference: Preference, interaction: Interaction, values: list[str]) -> None:
        await self.change(interaction, preference, number(values))
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
        yield "🟠 " + counted(
            "This channel follows {count} outlet, so no story can reach {least}.",
            "This channel follows {count} outlets, so no story can reach {least}.",
            followed,
            least=amount(now.least_outlets),
        )
    if held:
        yield "-# " + counted("{count} story is waiting.", "{count} stories are waiting.", held)


def _least(number: int) -> str:
    return counted("at least {count} outlet", "at least {count} outlets", number)


def _most(number: int) -> str:
    return counted("at most {count} story a day", "at most {count} stories a day", number)


def _as_option(named: Callable[[int], str], number: int) -> str:
    label = named(number)
    return label[:1].upper() + label[1:]
