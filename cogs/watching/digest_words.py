"""Digests in words: when one comes, what was chosen for it, and what the history of settings says of it."""

import discord
from babel.dates import get_day_names

from bot.core import hours, locale
from bot.core.choices import DigestPlan
from bot.core.locale import _
from cogs.shared.panels import options

_HOUR = 60


def when(plan: DigestPlan) -> str:
    """When a digest comes, in the middle of a sentence."""
    if plan.weekday is None:
        return _("every day at {time}").format(time=hours.clock(plan.minute))
    return _("every {weekday} at {time}").format(
        weekday=_weekday(plan.weekday), time=hours.clock(plan.minute)
    )


def days(plan: DigestPlan) -> list[discord.SelectOption]:
    """How often a digest can come, for a menu whose choice is a `number`."""
    return options(plan.weekday, range(7), weekly, _("Every day"))


def times(plan: DigestPlan) -> list[discord.SelectOption]:
    """At which minute of the day a digest can come, for a menu."""
    _never, *times = options(plan.minute, range(0, 24 * _HOUR, _HOUR), _at, "")
    return times


def _at(minute: int) -> str:
    return _("At {time}").format(time=hours.clock(minute))


def weekly(day: int) -> str:
    """How often a digest comes that comes on a weekday; Monday is 0."""
    return _("Every {weekday}").format(weekday=_weekday(day))


def _weekday(day: int) -> str:
    return str(get_day_names("wide", locale=locale.current())[day])


def choices(plan: DigestPlan) -> list[str]:
    """What was chosen beside the time, a line each."""
    return [
        _("Digest only, no individual posts.") if plan.alone else _("Articles are still posted one by one."),
        *([_("Also covers other channels that everybody here can see.")] if plan.wide else []),
        *([_("With a trend chart.")] if plan.chart else []),
        *([_("With summaries written by a language model.")] if plan.summaries else []),
    ]


def told(written: str) -> str:
    """A digest as the store writes it, in words."""
    plan = DigestPlan.of(written)
    chosen = {
        _("digest only"): plan.alone,
        _("other channels too"): plan.wide,
        _("trend chart"): plan.chart,
        _("summaries"): plan.summaries,
    }
    return ", ".join((when(plan), *(name for name, is_so in chosen.items() if is_so)))
