"""Inflections that the Snowball stemmers leave apart, brought to one form before a word is stemmed.

Words are folded by then, and the French stemmer knows the endings of participles by their accents.
"""

from __future__ import annotations

import re

from bot.text.tables import table

_ENGLISH = {
    "analysis": "analyses",
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
    "drive": "drove driven",
    "fall": "fell fallen",
    "fight": "fought",
    "fly": "flew flown",
    "foot": "feet",
    "give": "gave given",
    "gpu": "gpus",
    "grow": "grew grown",
    "hold": "held",
    "keep": "kept",
    "know": "knew known",
    "lose": "lost",
    "man": "men",
    "mouse": "mice",
    "npu": "npus",
    "pay": "paid",
    "phenomenon": "phenomena",
    "seek": "sought",
    "sell": "sold",
    "send": "sent",
    "shake": "shook shaken",
    "shelf": "shelves",
    "speak": "spoken",
    "spend": "spent",
    "steal": "stole stolen",
    "strike": "struck",
    "take": "took taken",
    "teach": "taught",
    "tell": "told",
    "thief": "thieves",
    "throw": "threw thrown",
    "understand": "understood",
    "wife": "wives",
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
