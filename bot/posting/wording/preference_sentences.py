"""Sentences on a server's taste: the outlets, topics and words that its members like more or less."""

from collections.abc import Iterable, Iterator, Sequence
from math import exp

from babel.numbers import format_decimal

from bot.core import i18n
from bot.core.i18n import _
from bot.stories.preference_model import Trait, TraitKind
from bot.text import discord_text


def trait_label(trait: Trait) -> str:
    """Return the name of a trait (an outlet, a topic or a word in titles) with its kind, in the current language."""
    name = discord_text.escape_markdown(trait.name)
    match trait.kind:
        case TraitKind.OUTLET:
            return _("**{name}** (outlet)").format(name=name)
        case TraitKind.TOPIC:
            return _("**{name}** (topic)").format(name=name)
    return _("**{name}** (in titles)").format(name=name)


def list_trait_lines(traits: Sequence[Trait], max_traits_per_kind: int) -> Iterator[str]:
    """Yield a line for each kind of trait: its first traits, with the factor by which each is liked more than average.

    A trait is an outlet, a topic or a word in titles.
    """
    heading_by_kind = {
        TraitKind.TOPIC: _("Topics"),
        TraitKind.OUTLET: _("Outlets"),
        TraitKind.WORD: _("Words in titles"),
    }
    for kind, heading in heading_by_kind.items():
        trait_texts = [
            f"**{discord_text.escape_markdown(trait.name)}** ×"
            + format_decimal(exp(trait.score), format="0.0", locale=i18n.current_language())
            for trait in traits
            if trait.kind is kind
        ][:max_traits_per_kind]
        if trait_texts:
            yield _("{name}: {details}").format(name=heading, details=" · ".join(trait_texts))


def list_reason_sentences(traits: Iterable[Trait], user_id: int) -> list[str]:
    """Return sentences on why a story ranks higher or lower in its server, in the current language.

    They name only the traits (outlets, topics, words in titles) that may be shown to the user.
    """
    visible_traits = [trait for trait in traits if trait.may_be_shown_to(user_id)]
    liked_traits_text = ", ".join(trait_label(trait) for trait in visible_traits if trait.score > 0)
    disliked_traits_text = ", ".join(trait_label(trait) for trait in visible_traits if trait.score < 0)
    sentences = []
    if liked_traits_text:
        sentences.append(_("Liked in this server: {traits}").format(traits=liked_traits_text))
    if disliked_traits_text:
        sentences.append(_("Less liked in this server: {traits}").format(traits=disliked_traits_text))
    return sentences
