"""What a server likes, in words."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

from babel.numbers import format_decimal

from bot.core import locale
from bot.core.locale import _
from bot.stories.server_taste import Kind, Trait
from bot.text import safe


def named(trait: Trait) -> str:
    """A trait by its name, with what it is."""
    name = safe.markdown(trait.name)
    match trait.kind:
        case Kind.OUTLET:
            return _("**{name}** (outlet)").format(name=name)
        case Kind.TOPIC:
            return _("**{name}** (topic)").format(name=name)
    return _("**{name}** (in titles)").format(name=name)


def weighed(trait: Trait) -> str:
    """The same, with how many times as much as the average it is liked."""
    return f"{named(trait)} · ×{format_decimal(exp(trait.score), format='0.0', locale=locale.current())}"


def because(traits: Iterable[Trait], person_id: int) -> list[str]:
    """Why a story ranks higher or lower in its server, in sentences that this person may read."""
    told = [trait for trait in traits if trait.may_be_told(person_id)]
    liked = ", ".join(named(trait) for trait in told if trait.score > 0)
    disliked = ", ".join(named(trait) for trait in told if trait.score < 0)
    sentences = []
    if liked:
        sentences.append(_("Liked in this server: {traits}").format(traits=liked))
    if disliked:
        sentences.append(_("Less liked in this server: {traits}").format(traits=disliked))
    return sentences
