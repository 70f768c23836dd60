"""What a question asks for, in English or French, and whether a text holds something of that kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import Enum
from typing import NamedTuple

from bot.answers import ages, descriptions, introductions, numbers, sums
from bot.answers.numbers import MONTH, NUMBER
from bot.text import terms


class Kind(Enum):
    """What the answer is."""

    TIME = "when"
    PERIOD = "how long"
    PRICE = "what it costs"
    NUMBER = "how many"
    MONEY = "how much money"
    WEIGHT = "how heavy"
    LENGTH = "how far or high"
    AGE = "how old"
    PERSON = "who"
    LEADER = "who leads it"
    DEFINITION = "what or who it is"
    PLACE = "where"
    REASON = "why"
    NAME = "which one"
    OTHER = "anything else"


_WHAT = r"(?:what|which|quel|quels|quelle|quelles)\b"
_UNIT = (
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries|millenni(?:um|a)|seasons?"
    r"|secondes?|heures?|jours?|journees?|semaines?|mois|ans?|annees?|decennies?|siecles?|millenaires?|saisons?"
)
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche"
_GRAMS = r"(?:[km]g|lbs?|oz|tonnes?|tons?|kilos?|(?:kilo|milli)?gram(?:me)?s?|pounds?|livres?|ounces?|onces?)"
_METRES = (
    r"(?:[cmk]?m|(?:centi|milli|kilo)?met(?:re|er)s?|miles?|feet|foot|ft|inch(?:es)?|yards?|pouces?|pieds?"
    r"|light[ -]years?|annees?[ -]lumiere)"
)

# Where a question's first question word stands; what comes later in it is no longer what it asks for.
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi"
    r"|quel|quels|quelle|quelles|lequel|laquelle|lesquels|lesquelles|est-ce)\b|\bqu'"
)
_PRICE = (
    r"how much (?:does|do|did|will|would|is|are|was|were)\b[^?]*\b(?:cost|pay|paid|sell|sold|priced?)"
    r"|how much (?:is|are|was|were)\b|how expensive"
    rf"|{_WHAT}[^?]{{0,30}}\b(?:price|cost|fee|fare|prix|cout|couts|tarif|tarifs|loyer)\b"
    r"|what (?:does|do|did|will|would) .{1,60}\bcost"
    r"|combien (?:(?:est-ce que )?(?:ca|cela|il|elle|ils|elles) )?"
    r"(?:coute|coutent|coutait|coutera|a coute|faut-il payer|paye)"
    r"|(?:ca|cela) (?:coute|vaut|coutera) combien|(?:a|pour) (?:combien(?! de\b| d')|quel prix)\b"
)
_SUM = (
    r"(?:fines?|penalty|damages|ransom|bail|settlements?|revenues?|profits?|budget|salary|wages?|funding"
    r"|debts?|worth"
    r"|amendes?|rancon|caution|indemnites?|salaire|benefices?|chiffre d'affaires|dettes?|levee de fonds)\b"
)
_GIVEN = (
    r"(?:fin(?:ed|ing)|rais(?:ed?|ing)|earn(?:s|ed|ing)?|invest(?:s|ed|ing)?|spen(?:[dt]|ding)|ow(?:e[sd]?|ing)"
    r"|offer(?:s|ed|ing)?|pay(?:s|ing)?(?= \w)(?! (?:for|to|per|in|a|at|on)\b)|refund(?:s|ed|ing)?|stolen"
    r"|awarded|donat(?:ed|ing)"
    r"|gagnent|gagne|gagnait|touche(?:nt)?|vaut|valent|valait|investi[ts]?|depense|leve|doi(?:ven)?t)\b"
)
_MONEY = (
    rf"how much (?:has|have|had|did|does|do|will|would|was|were|is|are)\b[^?]*\b(?:{_SUM}|{_GIVEN})"
    rf"|how much (?:money|dollars|euros)\b|combien (?!de |d')[^?]*\b(?:{_SUM}|{_GIVEN})|combien d'argent"
    rf"|{_WHAT}[^?]{{0,60}}\b{_SUM}"
)
_WEIGHT = (
    r"how heavy|(?:how much|combien)\b[^?]*\b(?:weighs?|pese(?:nt)?|pesait)\b"
    rf"|{_WHAT}[^?]{{0,60}}\b(?:weighs?|weight|poids)\b"
)
_LENGTH = (
    r"how (?:far|tall|high|deep|wide)\b"
    rf"|{_WHAT}[^?]{{0,20}}\b(?:height|length|width|depth|distance|hauteur|longueur|largeur|profondeur|altitude)\b"
)
_AGE = rf"how old\b|{_WHAT}[^?]{{0,10}}\bage\b"
_PERIOD = (
    r"how long|how much time|how many (?:years|months|days|weeks|hours|minutes|seconds|decades)"
    r"|combien (?:de (?:temps|jours|mois|semaines|heures|minutes|secondes|siecles)|d'(?:annees|heures))"
    r"|quelle (?:est|etait|fut|sera)? ?(?:la )?duree"
)
_AMOUNT = (
    r"how (?:many|much|often|big|large|fast)|combien"
    rf"|{_WHAT}[^?]{{0,20}}\b(?:percentage|percent|number|amount|population|score|size|speed|rate|pourcentage"
    r"|nombre|chiffre|montant|taille|vitesse|superficie|proportion|frequence)\b"
)
_TIME = (
    rf"when|quand|{_WHAT} (?:est (?:l'|la |le )|is the |was the |fut l'|etait l')?"
    r"(?:year|date|day|month|century|decade|era|time|period|annee|jour|mois|siecle|epoque|periode|moment"
    r"|decennie|heure)"
)
_DEATH = (
    r"(?:de|a cause de) quoi (?:est|etait|sont) (?:decede|mort)|cause of death"
    r"|what did .{1,60} die (?:of|from)"
)
_REASON = (
    rf"why|pourquoi|{_DEATH}|(?:what|which|quelles?) (?:caused|reason|is the reason|was the reason|raison)"
)
_PLACE = (
    rf"where|ou|{_WHAT} (?:est (?:le |la |l')|is the |was the )?"
    r"(?:countr|cit(?:y|ies)|town|state|region|place|continent|count(?:y|ies)|pays|ville|lieu|endroit|etat"
    r"|departement|province|village|ile|capital)"
)
_PERSON = r"who|whom|whose|qui (?!est-ce qui)"
_LEADER = (
    r"who(?:'s| is| was)?(?: now| currently)? (?:leads?|runs?|heads)\b"
    r"|who(?:'s| is| was) [^?]{0,60}\b(?:ceo|chief executive|boss)\b"
    r"|qui (?:est-ce qui )?(?:dirige|preside)\b"
    r"|qui est [^?]{0,60}\b(?:pdg|patronne|patron|dirigeante?|direct(?:eur|rice))\b"
)
_THING = r"(?!(?:of|de|du|des|in|at|on|for|new|en|a|au|dans|pour)\b|d')[^\s?]+"
_DEFINITION = (
    r"(?:what(?:'s| is| are)|who(?:'s| is| are| was)|c'est (?:quoi|qui)|qu'est-ce qu(?:e|i)?(?: c'est que)?"
    r"|qui (?:est|sont|etait|fut)) ?(?:an? |the |une? |les? |la |l'|d')?"
    rf"(?P<thing>{_THING}(?: {_THING}){{0,2}}) ?\??$"
)
_IT_IS = frozenset({"c", "est"})
_DOING = re.compile(r"\b(?:is|are|was|were)\s+[a-z]+ing\s")
"""`Who is buying X` asks for no definition of "buying X"."""
_PAST = re.compile(r"who was|qui (?:etait|fut)")
_LEADS_IN = (
    r"\b(?:what|who|quel|quelle|qui)(?:'s| is| was| est| etait)"
    r" (?P<the>(?:(?:the|now|currently|current|new|le|la|actuelle?|nouvelle|nouveau|nouvel) "
    r"|l'(?:actuelle? )?)*)"
)
_NO_OTHER = (  # `Mexican`, `NASA`: nothing that makes it another office, nor a sentence of its own
    r"(?:(?!(?:the|of|in|at|for|to|by|with|against|former|ex|vice|deputy|first|next|le|la|de|du)\b|\w+ing\b|d')"
    r"[\w.-]+ ){0,3}?"
)
_HOLDERS = (
    r"presidente?|king|queen|roi|reine|minister|ministre|chancellor|chanceliere?|pope|pape|mayor|maire"
    r"|head|chief|chairman|chairwoman|chair|administrator|director"
)
_OF = r" (?:of|de|du|des|at)\b| d'"
_TODAY = r"(?: (?:now|currently|today|right now|actuellement|maintenant|aujourd'hui|en ce moment))* ?\??$"
_NATION = r" \w*(?:(?:ais|ois|ain|ien|and|ol)e?|ienne|ique|eque|russe|turc|turque|belge|suisse) ?\??$"
_CAPITAL = re.compile(rf"{_LEADS_IN}(?P<office>capitale?)(?={_OF})")
_OFFICE = re.compile(
    rf"{_LEADS_IN}(?P<before>{_NO_OTHER})(?P<prime>prime |premiere? )?(?P<office>{_HOLDERS})"
    rf"(?={_OF}|{_NATION}|{_TODAY})"
)
_NO_OFFICE = re.compile(r" of (?:staff|state|police|the table)\b")
_BARE = frozenset("head chief chairman chairwoman chair administrator director".split())
"""Offices of which there are too many where nothing tells of what."""
_NOW = frozenset("now currently today actuellement maintenant aujourd hui actuel actuelle current".split())
_YEAR = re.compile(r"\b\d{4}\b")
_WHICH = (
    r"which|what (?:is|was|are|were) .{1,40} (?:called|named)|what (?:company|team|film|book|band|name|title)"
    r"|comment (?:s'appell|se nomm)"
    rf"|{_WHAT} (?:est le )?(?:nom|entreprise|societe|film|livre|groupe|equipe|club|langue)"
)
_KINDS = (
    (Kind.MONEY, _MONEY),
    (Kind.PRICE, _PRICE),
    (Kind.PERIOD, _PERIOD),
    (Kind.WEIGHT, _WEIGHT),
    (Kind.LENGTH, _LENGTH),
    (Kind.AGE, _AGE),
    (Kind.NUMBER, _AMOUNT),
    (Kind.TIME, _TIME),
    (Kind.REASON, _REASON),
    (Kind.PLACE, _PLACE),
    (Kind.LEADER, _LEADER),
    (Kind.DEFINITION, _DEFINITION),
    (Kind.PERSON, _PERSON),
    (Kind.NAME, _WHICH),
)
_COMPILED = tuple((kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _KINDS)

_LASTING = rf"\b(?:{NUMBER})[ -](?:\w+ )?(?:{_UNIT})\b|\b\d+:\d\d\b|\b\d{{4}} ?(?:to|a|-|–|et|and) ?\d{{4}}\b"
_PRESENT = {
    Kind.TIME: re.compile(
        rf"\b(?:\d{{3,4}}|\d{{1,3}}[ ,.]?\d{{3}} ?(?:bp|bc)|{MONTH}|{_DAY}|(?:19|20)?\d0s"
        r"|(?:\d{1,2}|[ivx]+|\w+teenth|twentieth)(?:e|eme|th|st|nd|rd)? ?(?:siecles?|century|centuries)"
        r"|yesterday|today|tomorrow|hier|demain|aujourd'hui|\d{1,2} ?(?::|h) ?\d{2}|\d{1,2} ?[ap]\.?m"
        r"|(?:last|next|this) (?:week|month|year|summer|spring|fall|winter)"
        rf"|(?:{NUMBER}) (?:{_UNIT}) (?:ago|later|earlier|plus tard|plus tot|apres|avant)"
        r"|spring|summer|autumn|winter|printemps|ete|automne|hiver)\b"
    ),
    Kind.PERIOD: re.compile(_LASTING),
    Kind.MONEY: re.compile(rf"{sums.SUM}|\b(?:{NUMBER}) (?:percent|per cent|pour cent)\b|%"),
    Kind.WEIGHT: re.compile(rf"\b(?:{NUMBER}) ?{_GRAMS}\b|\b(?:\d+ |\d*[.,]?\d\d)g\b"),
    Kind.LENGTH: re.compile(rf"\b(?:{NUMBER})[ -]?{_METRES}\b"),
    Kind.REASON: re.compile(
        r"\b(?:because|due to|since|in order to|so that|so as to|owing|thanks to|caused|reasons?|as a result"
        r"|to avoid|parce qu\w*|car|afin|en raison|a cause|grace a|puisqu\w*|contexte|suite a|crainte"
        r"|dans le but)\b"
    ),
}
_PURPOSE = re.compile(
    r"\b(?:as a means|result(?:s|ed|ing) (?:in|from)|le(?:d|ads?|ading) to|cit(?:ed|es|ing)|blam(?:ed|es|ing)"
    r"|prevent(?:s|ed|ing)?|raison|motifs?|pretexte|du fait|faute de|en effet|empech\w+|invoqu\w+|justifi\w+"
    r"|(?:reproch|accus)\w+|pour qu\w*"
    r"|pour (?:(?:ne pas|l[ae]|les|l'|s'|se|y|en) ?)?\w{2,}(?:er|ir|re))\b"
)
"""What may tell a reason, or something else."""
_TELLS: dict[Kind, Callable[[str, Collection[str]], bool]] = {
    Kind.PRICE: lambda text, _asked: sums.has_price(terms.fold(text)),
    Kind.AGE: lambda text, _asked: ages.has_age(text),
    Kind.NUMBER: lambda text, asked: numbers.has_number(terms.fold(text), asked),
    Kind.LEADER: introductions.names_leader,
}
_NAMES = (Kind.PERSON, Kind.PLACE, Kind.NAME)
_NAME = re.compile(r"(?<![.!?…:«“\"] )(?<!^)(?<![\w'’-])(?:[ldLD]['’])?([^\W\d_a-zà-ÿ][\w.'’-]*)")
_LIFE = {
    "birth": (
        re.compile(
            r"\b(?:est|sont|etait|fut)(?:[- ](?:il|elle|ils|elles))? nee?s?\b|[- ]t[- ](?:il|elle) nee?s?\b"
            r"|\b(?:born|birth(?:day|place|date)?|naissance|naquit|naitre)\b"
        ),
        re.compile(
            r"\b(?:nee?s?|born|birth\w*|naissances?|naqui\w*|naitre|nait|anniversaire|nati(?:fs?|ves?)"
            r"|originaires?|(?:voi[rt]|vu) le jour)\b|\([^()]{0,60}\d{4} ?[-–—]"
        ),
    ),
    "death": (
        re.compile(rf"\b(?:{_DEATH})\b"),
        re.compile(
            r"\b(?:cause[sd]?|suites? d|(?:mort|deced)\w* (?:d'une?|des suites|dans|apres|a la suite)"
            r"|succomb\w+|emporte\w*|tue(?:e|es|s)?|die[sd]? (?:of|from|in|after|when)|killed|complications?"
            r"|suicide|cancer|tumeur|tumou?r|maladie|malade|illness|disease|infarctus|crise cardiaque|heart"
            r"|stroke|avc|accident|crash|overdose|pneumon\w+)\b"
        ),
    ),
}
"""What a question asks of a life, and what a text that tells it says."""
_MANY = frozenset({"combien", "many", "much"})
_SAID = {
    Kind.NUMBER: _MANY,
    Kind.PERIOD: _MANY
    | {"temps", "duree", "dure", "durent", "dura", "durera", "long", "last", "lasts", "lasted"},
    Kind.PRICE: _MANY,
    Kind.MONEY: _MANY,
    Kind.WEIGHT: _MANY,
}
_IMPLIED = {
    Kind.PRICE: "cost costs price coute coutent coutait coutera cout couts prix tarif tarifs expensive"
    " sell sells sold vend vendent vendu vendue vendus vendues",
    Kind.MONEY: "worth vaut valent valait money argent doit doivent",
    Kind.WEIGHT: "heavy weigh weighs weight pese pesent pesait poids",
    Kind.AGE: "old age",
    Kind.TIME: "year date day annee jour",
}
_HAPPENED = re.compile(
    r"\bwhat (?:has |have |had )?(?:ever )?(?:happened|became|become|happens)\b"
    r"|qu'(?:est-il|est-elle) (?:arrive|devenu)|qu'est-ce qui (?:est|s'est) (?:arrive|passe)"
    r"|que s'est-il passe|qu(?:e |')(?:est devenu|sont devenu|devien)"
)
_HAPPENING = frozenset(
    "happened happens became become arrive passe devenu devenue devenus devenues devient deviennent".split()
)
_TRUE = re.compile(r"\b(?:is it (?:really )?true|est-(?:ce|il) (?:que c'est )?(?:bien )?vrai|c'est vrai)\b")
_TRULY = frozenset({"true", "really", "vrai", "bien"})
MEASURED = (
    Kind.TIME,
    Kind.PERIOD,
    Kind.NUMBER,
    Kind.PRICE,
    Kind.MONEY,
    Kind.WEIGHT,
    Kind.LENGTH,
    Kind.AGE,
)
"""Kinds whose answer has a form of its own."""
FORMED = (Kind.PERIOD, Kind.PRICE, Kind.MONEY, Kind.WEIGHT, Kind.LENGTH, Kind.AGE, Kind.LEADER)
"""Kinds whose form tells that it is one: a passage without it does not answer."""


class Question(NamedTuple):
    """What is asked for, and folded words that only say so: no answer repeats them.

    Others are `implied` by whatever is of the kind: an amount of money says "cost". The `thing` is what a
    definition is asked of; where the question is `who` it is, only a sentence answers that introduces the
    bearer of the name. What is counted is named by one of the words `counts`. Of a `life`, a birth or what
    somebody died of, only what speaks of it tells. An `office` (who is the president of…, what is the
    capital of…) is told by nothing that does not name it together with what it is an office `of`; nor, where
    somebody has `held` it, by what does not name them. `prime` tells the prime minister from others, and
    `now` that the newest that is told of who leads or holds it counts.
    """

    kind: Kind
    said: frozenset[str]
    implied: frozenset[str] = frozenset()
    thing: str = ""
    who: bool = False
    counts: tuple[str, ...] = ()
    life: str = ""
    office: str = ""
    of: tuple[str, ...] = ()
    held: bool = False
    prime: bool = False
    now: bool = False


def understood(question: str) -> Question:
    """What the question asks for."""
    folded = terms.fold(question)
    asked = _understood(question)
    if asked.kind is Kind.NUMBER:
        asked = asked._replace(counts=numbers.things(folded))
    for event, (pattern, _) in _LIFE.items():
        if asked.kind is not Kind.PLACE and pattern.search(folded):
            asked = asked._replace(life=event)
    now = not (_PAST.search(folded) or _YEAR.search(folded))
    if asked.kind is Kind.LEADER:
        return asked._replace(said=asked.said | _NOW, now=now)
    capital = _CAPITAL.search(folded)
    if capital is not None:
        return asked._replace(office=capital["office"], of=_telling(folded[capital.end() :]))
    office = _OFFICE.search(folded)
    if office is None or _NO_OFFICE.match(folded, office.end()):
        return asked
    of = (*terms.words(office["before"]), *_telling(folded[office.end() :]))
    if (office["before"] and not office["the"]) or (office["office"] in _BARE and not of):
        return asked
    return Question(
        Kind.PERSON,
        asked.said | _NOW,
        office=office["office"],
        of=of,
        held=True,
        prime=bool(office["prime"]),
        now=now,
    )


def tells_life(event: str, text: str) -> bool:
    """Whether a text tells of a birth, or of what somebody died of, as `Question.life` has it."""
    return _LIFE[event][1].search(terms.fold(text)) is not None


def _telling(words: str) -> tuple[str, ...]:
    """The words that tell of what an office is."""
    return tuple(word for word in terms.words(words) if terms.alternatives(word) and word not in _NOW)


def _understood(question: str) -> Question:
    folded = terms.fold(question)
    asking = _ASKING.search(folded)
    last = asking.start() if asking else len(folded)
    said = _TRULY if _TRUE.search(folded) else frozenset()
    for kind, pattern in _COMPILED:
        match = pattern.search(folded)
        if match and match.start() <= last:
            if kind is Kind.DEFINITION:
                if _DOING.search(question) or not introductions.is_name(match["thing"], question):
                    continue
                who = descriptions.asked_for(question)
                if _PAST.match(match[0]) and not who:
                    continue
                said |= _IT_IS if match[0].startswith("c'est") else frozenset()
                return Question(kind, said, thing=match["thing"], who=who)
            implied = frozenset(_IMPLIED.get(kind, "").split())
            return Question(kind, said.union(_SAID.get(kind, ())), implied)
    return Question(Kind.OTHER, said | _HAPPENING if _HAPPENED.search(folded) else said)


def may_tell_cause(text: str) -> bool:
    """Whether a text has any word that tells a reason, or may tell one."""
    return present(Kind.REASON, text, ()) or _PURPOSE.search(terms.fold(text)) is not None


def present(wanted: Kind, text: str, asked: Collection[str]) -> bool:
    """Whether a text holds something of the kind that is not among `asked`, the question's folded words."""
    if wanted in _TELLS:
        return _TELLS[wanted](text, asked)
    pattern = _PRESENT.get(wanted)
    if pattern is not None:
        return any(match[0] not in asked for match in pattern.finditer(terms.fold(text)))
    if wanted in _NAMES:
        return any(not set(terms.words(name)) <= set(asked) for name in _NAME.findall(text))
    return True
