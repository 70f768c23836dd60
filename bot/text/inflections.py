"""Inflections that the Snowball stemmers leave apart, brought to one form before a word is stemmed.

Words are folded by then, and the French stemmer knows the endings of participles by their accents.
"""

from __future__ import annotations

import re

from bot.text.tables import table

_ENGLISH = {
    "analysis": "analyses",
    "become": "became",
    "begin": "began begun",
    "break": "broke broken",
    "bring": "brought",
    "build": "built",
    "buy": "bought",
    "catch": "caught",
    "child": "children",
    "choose": "chose chosen",
    "cpu": "cpus",
    "crisis": "crises",
    "criterion": "criteria",
    "deal": "dealt",
    "draw": "drew drawn",
    "drive": "drove driven",
    "eat": "ate eaten",
    "fall": "fell fallen",
    "feel": "felt",
    "fight": "fought",
    "fly": "flew flown",
    "foot": "feet",
    "freeze": "froze frozen",
    "give": "gave given",
    "gpu": "gpus",
    "grow": "grew grown",
    "hide": "hid hidden",
    "hold": "held",
    "keep": "kept",
    "know": "knew known",
    "lose": "lost",
    "man": "men",
    "meet": "met",
    "mouse": "mice",
    "npu": "npus",
    "pay": "paid",
    "phenomenon": "phenomena",
    "ride": "rode ridden",
    "run": "ran",
    "seek": "sought",
    "sell": "sold",
    "send": "sent",
    "shake": "shook shaken",
    "shelf": "shelves",
    "shoot": "shot",
    "sing": "sang sung",
    "sink": "sank sunk",
    "sleep": "slept",
    "speak": "spoken",
    "spend": "spent",
    "stand": "stood",
    "steal": "stole stolen",
    "strike": "struck",
    "swear": "swore sworn",
    "swim": "swam swum",
    "take": "took taken",
    "teach": "taught",
    "tear": "tore torn",
    "tell": "told",
    "thief": "thieves",
    "throw": "threw thrown",
    "understand": "understood",
    "wear": "wore worn",
    "wife": "wives",
    "win": "won",
    "woman": "women",
    "write": "wrote written",
}
_FRENCH = {
    "aveu": "aveux",
    "bail": "baux",
    "beau": "bel belle belles",
    "blanc": "blanche blanches",
    "cheveu": "cheveux",
    "doux": "douce douces",
    "enjeu": "enjeux",
    "faux": "fausse fausses",
    "feu": "feux",
    "grec": "grecque grecques",
    "jeu": "jeux",
    "lieu": "lieux",
    "long": "longue longues",
    "milieu": "milieux",
    "neveu": "neveux",
    "nouveau": "nouvel nouvelle nouvelles",
    "oeil": "yeux",
    "public": "publique publiques",
    "travail": "travaux",
    "turc": "turque turques",
    "vieux": "vieil vieille vieilles",
    "voeu": "voeux",
}
IRREGULAR = {
    french: {form: base for base, forms in bases.items() for form in forms.split()}
    for french, bases in ((False, _ENGLISH), (True, _FRENCH))
}
"""The irregular forms of a language, whether it is French or else English, each with the one it is of."""

_NO_PARTICIPLES = table(
    "addressee amputee appointee attendee coffee committee detainee escapee guarantee interviewee licensee"
    " nominee referee toffee trainee trustee"
)
"""English words that end like French participles of other English words."""
_LEFT = re.compile(r"\w{2,}[aou]s")  # euros, élus, fous: plurals on which the stemmer leaves the s
_LEFT_TOO = table(
    "abris amis appuis balais convois cris defis delais emplois essais fourmis lois oublis quais tournois"
    " unis"
)
_NO_PLURALS = table("abus carlos clos confus diffus dispos exclus inclus intrus obtus perclus reclus")
"""French words that without their s would be others, or of which it is part (`confuse`)."""
_PARTICIPLE = re.compile(r"(?<=\w\w)ees?$")  # annoncée(s): annoncé
_RULES = (
    (re.compile(r"(?<=[nr]d)(?:res?|ue?s?|ent)$"), ""),  # vendre, vendu(e)(s), vendent: vend
    (re.compile(r"(?<=\w[oau]y)es?$"), "er"),  # employé(s): employer
    (re.compile(r"(?<=\w)(d|u|cr)(?:ire|its?)$"), r"\1ite"),  # interdire, interdit(s): interdite
    (re.compile(r"(?<=\w\w)trices?$"), "teur"),  # directrice(s): directeur
    (re.compile(r"(?<=\w\w\w)ifs?$"), "ive"),  # actif(s): active
)


def base(word: str, *, french: bool) -> str:
    """The form of a folded word that the stemmer of a language is given; with `é` where it needs one."""
    irregular = IRREGULAR[french].get(word)
    if irregular is not None or not french or len(word) < 5:  # noqa: PLR2004 - letters
        return irregular or word
    if word not in _NO_PARTICIPLES and _PARTICIPLE.search(word):
        return _PARTICIPLE.sub("ée", word)
    for rule, ending in _RULES:
        if rule.search(word):
            return rule.sub(ending, word)
    return word


def is_plural_left(word: str, stem: str) -> bool:
    """Whether the French stemmer left a folded word as it is that is a plural."""
    return stem == word and word not in _NO_PLURALS and (word in _LEFT_TOO or bool(_LEFT.fullmatch(word)))
