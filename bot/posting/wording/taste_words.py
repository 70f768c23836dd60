"""What a server likes, in words."""

from collections.abc import Iterable, Iterator, Sequence
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


def by_kind(traits: Sequence[Trait], most: int) -> Iterator[str]:
    """A line a kind: its first traits, each with how many times as much as the average it is liked."""
    headings = {Kind.TOPIC: _("Topics"), Kind.OUTLET: _("Outlets"), Kind.WORD: _("Words in titles")}
    for kind, heading in headings.items():
        found = [
            f"**{safe.markdown(one.name)}** ×"
            + format_decimal(exp(one.score), format="0.0", locale=locale.current())
            for one in traits
            if one.kind is kind
        ][:most]
        if found:
            yield _("{name}: {told}").format(name=heading, told=" · ".join(found))


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
