"""Numbers in folded text, and whether one of them counts what a question asks for (`how many homes`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import takewhile

from bot.search.ranking import Sought
from bot.text import terms

_WORDS = (
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente"
    r"|quarante|cinquante|soixante"
)
_SEVERAL = (
    r"\d+(?:[.,]\d+)*|hundreds?|thousands?|millions?|billions?|dozens?|half|third|quarter|twice|once|several"
    r"|cents?|mille|milliers?|milliards?|moitie|tiers|quart"
    r"|(?:dou|di|quin)zaines?|(?:cent|vingt|trent|quarant|cinquant|soixant)aines?"
    rf"|first|second|premiere?s?|seconde|(?:deux|trois|quatr|cinqu|six|sept|huit|neuv|dix)iemes?|{_WORDS}"
)
NUMBER = rf"one|une?|{_SEVERAL}"
"""A number, in digits or words."""
SMALL = rf"1?\d?\d|{_WORDS}"
"""One below 200."""
MONTH = (
    r"january|february|march|april|may \d+|\d+ may|june|july|august|september|october|november|december"
    r"|janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre"
)
"""A month; "may" with a day."""

_NEAR = 6  # words between a number and what it counts
_COUNTED = re.compile(rf"\b(?:{_SEVERAL})\b|%")
_ANY = re.compile(rf"\b(?:{NUMBER})\b|%")
_NONE = re.compile(r"\b(?:one|une?|aucune?|no|none|zero)\b")
_NUMBER = re.compile(rf"aucune?|none|zero|(?:{NUMBER})(?:e|eme|er|st|nd|rd|th|[kmb]|bn)?")
_ONE = re.compile(r"\b(?:one|une?) (?:(?:only|single|seule?) )?(?P<thing>[\w-]+)(?: (?P<second>[\w-]+))?")
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}(?:er|st|nd|rd|th)? (?:of )?)?(?:{MONTH})\b(?: \d{{1,2}}(?:st|nd|rd|th)?\b(?! ?%))?"
    r"(?:,? \d{4}\b)?|\b(?:in|en|since|depuis|annee|year) (?:1[5-9]|20)\d\d\b"
)
_ASKED = re.compile(
    r"\bhow many (?:of (?:the |these |its |their )?)?(?P<english>[^?,;.]+)"
    r"|\bcombien (?:y a[- ]t[- ]il )?(?:de |d')(?P<french>[^?,;.]+)"
)
_VERBS = frozenset(
    "do does did is are was were has have had will would can could should must there"
    " a ont est sont etait etaient avait avaient aura auront fait font y il elle ils elles on t".split()
)
_JOINS = frozenset(
    "in of on at for to from by with that which who en au aux dans sur par pour le la les l du des de d qui"
    " que se s".split()
)
_BEFORE = frozenset(
    "nouveau nouveaux nouvel nouvelle nouvelles jeune jeunes grand grands grande grandes petit petits petite"
    " petites autre autres ancien anciens ancienne anciennes different differents differentes".split()
)
_PEOPLE = frozenset("people persons personne personnes gens individus hommes men".split())
_CALLED = (
    "people persons personnes gens individus hommes femmes men women adults adultes children enfants members"
    " membres residents inhabitants habitants citizens citoyens workers employees employes salaries users"
    " utilisateurs students eleves etudiants soldiers soldats victims victimes deaths morts dead passengers"
    " passagers patients malades fighters combattants"
)
"""What people are called who are counted."""


def things(question: str) -> tuple[str, ...]:
    """The words of a folded question for what it counts; of people also what they do. Empty without any."""
    asked = _ASKED.search(question)
    if asked is None:
        return ()
    words = terms.words(asked["english"] or asked["french"])
    nouns = list(takewhile(lambda word: word not in _VERBS and word not in _JOINS, words))
    after = words[len(nouns) :]
    if asked["french"]:
        found = [word for word in nouns if word not in _BEFORE][:1]
    elif after and after[0] in _VERBS:
        found = nouns[-1:]
    else:
        found = nouns[:2]
    if not _PEOPLE.isdisjoint(found):
        done = [word for word in words if word not in _PEOPLE and terms.alternatives(word)]
        found = [*found, *done[:1], *_CALLED.split()]
    return tuple(found)


def has_number(folded: str, asked: Collection[str]) -> bool:
    """Whether a folded text holds a number that is not among the words `asked`, and no date."""
    return any(match[0] not in asked for match in _ANY.finditer(_DATE.sub(" ", folded)))


def has_count(folded: str, asked: Collection[str]) -> bool:
    """The same of a number of things: "one" is one only before a word of the question.

    « Une » is an article more often.
    """
    rest = _DATE.sub(" ", folded)
    if any(match[0] not in asked for match in _COUNTED.finditer(rest)):
        return True
    return any(match["thing"] in asked or match["second"] in asked for match in _ONE.finditer(rest))


def counts(named: Collection[str], wanted: Sequence[Sought], text: str, language: str | None) -> bool:
    """Whether a number stands near a word for what is counted: one of these, or one that is wanted."""
    folded = terms.fold(text)
    if not _COUNTED.search(folded) and not _NONE.search(folded):
        return False
    numbers, places = list[int](), set[int]()
    for place, word in enumerate(terms.words(_DATE.sub(" ", folded))):
        if _NUMBER.fullmatch(word):
            numbers.append(place)
        elif word in named or any(each.match(frozenset(terms.forms(word, language))) for each in wanted):
            places.add(place)
    return any(not places.isdisjoint(range(at - _NEAR, at + _NEAR + 1)) for at in numbers)
