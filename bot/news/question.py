"""What a question asks for, in English or French, and whether a text holds something of that kind."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

from bot.text import terms


class Kind(Enum):
    """What the answer is."""

    TIME = "when"
    PERIOD = "how long"
    PRICE = "what it costs"
    NUMBER = "how many"
    PERSON = "who"
    PLACE = "where"
    REASON = "why"
    NAME = "which one"
    OTHER = "anything else"


_WHAT = r"(?:what|which|quel|quels|quelle|quelles)\b"
_NUMBER = (
    r"\d+(?:[.,]\d+)*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty"
    r"|forty|fifty|hundreds?|thousands?|millions?|billions?|dozens?|half|third|quarter|twice|once|several"
    r"|une?|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante"
    r"|soixante|cents?|centaines?|mille|milliers?|milliards?|dizaines?|douzaines?|moitie|tiers|quart"
    r"|first|second|premiere?s?|seconde|(?:deux|trois|quatr|cinqu|six|sept|huit|neuv|dix)iemes?"
)
_UNIT = (
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries|millenni(?:um|a)|seasons?"
    r"|secondes?|heures?|jours?|journees?|semaines?|mois|ans?|annees?|decennies?|siecles?|millenaires?|saisons?"
)
_MONTH = (
    r"january|february|march|april|may \d+|\d+ may|june|july|august|september|october|november|december"
    r"|janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre"
)
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche"
_CURRENCY = r"euros?|dollars?|pounds?|livres?|francs?|yens?|yuans?|roubles?|usd|eur|gbp|cents|centimes?"

# Where a question's first question word stands; what comes later in it is no longer what it asks for.
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi"
    r"|quel|quels|quelle|quelles|lequel|laquelle|lesquels|lesquelles|est-ce)\b|\bqu'"
)
_PRICE = (
    r"how much (?:does|do|did|will|would|is|are|was|were)\b.*\b(?:cost|pay|paid|sell|sold|priced?|worth)"
    r"|how much (?:is|are|was|were|money|dollars|euros)\b|how expensive"
    rf"|{_WHAT}.{{0,30}}\b(?:price|cost|fee|fare|salary|prix|cout|couts|tarif|tarifs|loyer|salaire)\b"
    r"|combien (?:(?:est-ce que )?(?:ca|cela|il|elle|ils|elles) )?"
    r"(?:coute|coutent|coutait|coutera|a coute|vaut|valent|valait|faut-il payer|paye)"
    r"|(?:ca|cela) (?:coute|vaut|coutera) combien|(?:a|pour) (?:combien|quel prix)\b"
)
_PERIOD = (
    r"how long|how much time|how many (?:years|months|days|weeks|hours|minutes|seconds|decades)"
    r"|combien (?:de (?:temps|jours|mois|semaines|heures|minutes|secondes|siecles)|d'(?:annees|heures))"
    r"|quelle (?:est|etait|fut|sera)? ?(?:la )?duree"
)
_AMOUNT = (
    r"how (?:many|much|old|often|far|big|large|tall|high|deep|fast)|combien"
    rf"|{_WHAT}.{{0,20}}\b(?:percentage|percent|number|amount|population|age|score|size|height|length|speed"
    r"|distance|rate|pourcentage|nombre|chiffre|montant|taille|hauteur|longueur|vitesse|superficie"
    r"|proportion|frequence)\b"
)
_TIME = (
    rf"when|quand|{_WHAT} (?:est (?:l'|la |le )|is the |was the |fut l'|etait l')?"
    r"(?:year|date|day|month|century|decade|era|time|period|annee|jour|mois|siecle|epoque|periode|moment"
    r"|decennie|heure)"
)
_REASON = r"why|pourquoi|(?:what|which|quelles?) (?:caused|reason|is the reason|was the reason|raison)"
_PLACE = (
    rf"where|ou|{_WHAT} (?:est (?:le |la |l')|is the |was the )?"
    r"(?:countr|cit(?:y|ies)|town|state|region|place|continent|count(?:y|ies)|pays|ville|lieu|endroit|etat"
    r"|departement|province|village|ile|capital)"
)
_PERSON = r"who|whom|whose|qui (?!est-ce qui)"
_WHICH = (
    r"which|what (?:is|was|are|were) .{1,40} (?:called|named)|what (?:company|team|film|book|band|name|title)"
    r"|comment (?:s'appell|se nomm)"
    rf"|{_WHAT} (?:est le )?(?:nom|entreprise|societe|film|livre|groupe|equipe|club|langue)"
)
_KINDS = (
    (Kind.PRICE, _PRICE),
    (Kind.PERIOD, _PERIOD),
    (Kind.NUMBER, _AMOUNT),
    (Kind.TIME, _TIME),
    (Kind.REASON, _REASON),
    (Kind.PLACE, _PLACE),
    (Kind.PERSON, _PERSON),
    (Kind.NAME, _WHICH),
)
_COMPILED = tuple((kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _KINDS)

_PRESENT = {
    Kind.TIME: re.compile(
        rf"\b(?:\d{{3,4}}|\d{{1,3}}[ ,.]?\d{{3}} ?(?:bp|bc)|{_MONTH}|{_DAY}|(?:19|20)?\d0s"
        r"|(?:\d{1,2}|[ivx]+|\w+teenth|twentieth)(?:e|eme|th|st|nd|rd)? ?(?:siecles?|century|centuries)"
        r"|yesterday|today|tomorrow|hier|demain|aujourd'hui|\d{1,2} ?(?::|h) ?\d{2}|\d{1,2} ?[ap]\.?m"
        r"|(?:last|next|this) (?:week|month|year|summer|spring|fall|winter)"
        rf"|(?:{_NUMBER}) (?:{_UNIT}) (?:ago|later|earlier|plus tard|plus tot|apres|avant)"
        r"|spring|summer|autumn|winter|printemps|ete|automne|hiver)\b"
    ),
    Kind.PERIOD: re.compile(
        rf"\b(?:{_NUMBER})[ -](?:\w+ )?(?:{_UNIT})\b|\b\d+:\d\d\b|\b\d{{4}} ?(?:to|a|-|–|et|and) ?\d{{4}}\b"
    ),
    Kind.NUMBER: re.compile(rf"\b(?:{_NUMBER})\b|%"),
    Kind.PRICE: re.compile(
        rf"[$€£¥]|\b(?:{_NUMBER})(?: (?:millions?|billions?|milliards?))?(?: d'| de)? ?(?:{_CURRENCY})\b"
        r"|\b(?:gratuit(?:e|es|s|ement)?|for free|free of charge)\b"
    ),
    Kind.REASON: re.compile(
        r"\b(?:because|due to|since|in order to|so that|so as to|owing|thanks to|caused|reasons?|as a result"
        r"|to avoid|parce que?|parce qu|car|afin|en raison|a cause|grace a|puisqu|contexte|suite a|crainte"
        r"|dans le but)\b"
    ),
}
_NAMES = (Kind.PERSON, Kind.PLACE, Kind.NAME)
_NAME = re.compile(r"(?<![.!?…:«“\"] )(?<!^)(?<![\w'’-])(?:[ldLD]['’])?([^\W\d_a-zà-ÿ][\w.'’-]*)")
_MANY = frozenset({"combien", "many", "much"})
_LONG = _MANY | {"temps", "duree", "dure", "durent", "dura", "durera", "long", "last", "lasts", "lasted"}
_SAID = {Kind.NUMBER: _MANY, Kind.PERIOD: _LONG}
MEASURED = (Kind.TIME, Kind.PERIOD, Kind.NUMBER, Kind.PRICE)
"""Kinds whose answer has a form of its own."""


class Question(NamedTuple):
    """What is asked for, and folded words that only say so: no answer repeats them."""

    kind: Kind
    said: frozenset[str]


def understood(question: str) -> Question:
    """What the question asks for."""
    folded = terms.fold(question)
    asking = _ASKING.search(folded)
    last = asking.start() if asking else len(folded)
    for kind, pattern in _COMPILED:
        match = pattern.search(folded)
        if match and match.start() <= last:
            return Question(kind, _SAID.get(kind, frozenset()))
    return Question(Kind.OTHER, frozenset())


def present(wanted: Kind, text: str, asked: Collection[str]) -> bool:
    """Whether a text holds something of the kind that is not among `asked`, the question's folded words."""
    pattern = _PRESENT.get(wanted)
    if pattern is not None:
        return any(match[0] not in asked for match in pattern.finditer(terms.fold(text)))
    if wanted in _NAMES:
        return any(not set(terms.words(name)) <= set(asked) for name in _NAME.findall(text))
    return True
