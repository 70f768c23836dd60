"""What a text says outright of somebody or something: who leads it, who founded it, what it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache, lru_cache

from bot.answers import office_holders
from bot.text import terms

_LEADS = (
    "ceo chief executive boss leader leads lead head heads runs run"
    " pdg patron patronne dirige dirigeant dirigeante directeur directrice"
)
_FOUNDED = (
    "founded founder founders cofounder created creator"
    " fonde fondateur fondateurs fondatrice cofondateur cree createur"
)
_HEADS = (
    "head heads chief leader leads lead runs run boss dirige preside"
    " chairman chairwoman chair administrator director"
)
_ANY_HEAD = frozenset(
    "leads lead runs run heads dirige preside boss patron patronne dirigeant dirigeante".split()
)
"""Asked for so, whoever is the head is told, whatever that is called."""
_OFFICES = frozenset(
    "ceo executive boss pdg patron patronne dirigeant dirigeante directeur directrice general".split()
)
_OF = frozenset("of at de d du des chez".split())
_BESIDE = 6  # words between an office and the name of who holds it
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ARTICLE = r"(?:an?|the|une?|le|la|les|l'|des|its|son|sa|leur|their)"
_VERB = r"(?:is|are|was|were|est|sont|etait|designe|means)"
_JOINING = (
    r"(?:of|in|for|to|with|by|from|and|de|du|des|d|en|a|au|aux|par|pour|sur|avec|et|new|latest|original)"
)
_GOES_ON = r"(?:is|are|was|were|has|had|will|can|that|which|who|est|sont|a|ont|qui|que|peut)"
_CALLED = r"(?:named|called|known as|nommee?|appelee?|baptisee?|dite?)"


@cache
def _terms_of(words: str) -> frozenset[str]:
    return frozenset().union(*map(terms.alternatives, words.split()))


def same_office(forms: frozenset[str]) -> frozenset[str]:
    """Index terms that name the same person of a company: its CEO is its boss and whoever leads it."""
    return frozenset().union(
        *(same for same in map(_terms_of, (_LEADS, _HEADS, _FOUNDED)) if not same.isdisjoint(forms))
    )


def names_leader(text: str, asked: Collection[str]) -> bool:
    """Whether a text tells by name who leads what is asked for.

    As in `OpenAI CEO Sam Altman` or `Sam Altman, CEO of OpenAI`. `asked` are the folded words of the
    question: the name is not among them, and no company that is said to be led is another.
    """
    matches = list(_WORD.finditer(text))
    words = [match[0] for match in matches]
    folded = [terms.fold(word) for word in words]
    new = [
        word[0].isupper() and known not in asked and known not in _OFFICES
        for word, known in zip(words, folded, strict=True)
    ]
    for place, word in enumerate(folded):
        if word not in _OFFICES or words[place].istitle():  # `Boss Fight Books`
            continue
        if word == "general" and folded[place - 1 : place] not in (["directeur"], ["directrice"]):
            continue
        first, last = max(0, place - _BESIDE), min(place + _BESIDE, len(words) - 2)
        names = [
            at for at in range(first, last + 1) if new[at] and new[at + 1] and _is_written_small(words, at)
        ]
        before = place - 2 if place > 1 and folded[place - 1] == "s" else place - 1
        if not names or office_holders.is_past(text, matches[place].start()):
            continue
        elsewhere = before >= 0 and new[before] and not any(before in (at, at + 1) for at in names)
        of = place + 1 < len(words) and folded[place + 1] in _OF
        if not elsewhere and not (of and place + 2 < len(words) and new[place + 2]):
            return True
    return not _ANY_HEAD.isdisjoint(asked) and office_holders.leads(text, asked)


def _is_written_small(words: Sequence[str], place: int) -> bool:
    """Whether two words are a name rather than letters: `Sam Altman`, not `US FTC`."""
    return not (words[place].isupper() or words[place + 1].isupper())


def is_name(thing: str, text: str) -> bool:
    """Whether a thing, in folded words, is written as a name in a text."""
    written = {terms.fold(word) for word in _WORD.findall(text) if not word.islower()}
    return not written.isdisjoint(_WORD.findall(thing))


def defines(thing: str, text: str) -> bool:
    """Whether a text says what the thing (folded words) is: `the library X`, `X is a`, `X, the`."""
    return _defining(thing).search(terms.fold(text)) is not None


@lru_cache(maxsize=64)
def _defining(thing: str) -> re.Pattern[str]:
    name, end = re.escape(thing), r"(?:\b|(?<='))"
    return re.compile(
        rf"\b{name}(?:, [^.]{{0,80}},)? {_VERB} (?:\w+ ){{0,2}}{_ARTICLE}{end}"
        rf"|\b{name} ?[,(–—] ?(?:{_ARTICLE}|qui|which|who|\w+ed|\d+){end}"
        rf"|\b{_ARTICLE} ?(?:(?!{_JOINING}\b)[\w-]+ ){{1,4}}{name}(?=[^\w\s'-]|$| {_GOES_ON}\b)"
        rf"|\b{_CALLED} {name}\b|, (?:the|le|la|or|ou|dite?) {name}\b"
    )
