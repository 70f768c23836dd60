"""The British and the American spelling of an English word brought to one, before it is stemmed."""

from __future__ import annotations

import re

_AMERICAN = {
    "aeroplane": "airplane",
    "aluminium": "aluminum",
    "analogue": "analog",
    "artefact": "artifact",
    "calibre": "caliber",
    "catalogue": "catalog",
    "centre": "center",
    "cosy": "cozy",
    "defence": "defense",
    "dialogue": "dialog",
    "enrol": "enroll",
    "epicentre": "epicenter",
    "fibre": "fiber",
    "foetus": "fetus",
    "fulfil": "fulfill",
    "grey": "gray",
    "instalment": "installment",
    "jewellery": "jewelry",
    "kilometre": "kilometer",
    "licence": "license",
    "litre": "liter",
    "manoeuvre": "maneuver",
    "metre": "meter",
    "millimetre": "millimeter",
    "mould": "mold",
    "moustache": "mustache",
    "nanometre": "nanometer",
    "offence": "offense",
    "paediatric": "pediatric",
    "plough": "plow",
    "pretence": "pretense",
    "programme": "program",
    "sceptic": "skeptic",
    "sceptical": "skeptical",
    "sulphur": "sulfur",
    "theatre": "theater",
    "tyre": "tire",
}
"""Words that no rule changes, each in its American spelling."""
_SPELLINGS = _AMERICAN | {f"{british}s": f"{american}s" for british, american in _AMERICAN.items()}
_OUR = re.compile(
    r"((?:dis|mis|un)?(?:arm|behavi|clam|col|demean|endeav|fav|ferv|flav|glam|harb|hon|hum|lab|neighb|od|parl"
    r"|ranc|rig|rum|sav|savi|splend|tum|val|vap|vig))our"
)
_ISE = re.compile(r"(\w+[^\Waeiou])is(e[drs]?|ers|ing|ations?|ational)")
_NO_IZE = re.compile(
    r"(?:.*(?:(?<!i)v|w|advert|chast|circumc|conc|cr|exc|exerc|expert|franch|inc|merchand|parad|pr|prec|prem|prom"
    r"|surm|treat)|an|ar|dem|den|el|sunr|upr)"
)
"""How words begin that end in -ise on both sides of the ocean."""
_YZE = re.compile(r"(\w+)yz(e[drs]?|ers|ing)")


def unified(word: str) -> str:
    """One spelling of a folded word: `color`, `organize`, but `analyse`, which is as near to `analysis`."""
    if known := _SPELLINGS.get(word):
        return known
    if "our" in word and (match := _OUR.match(word)):
        return f"{match[1]}or{word[match.end() :]}"
    if "is" in word and (match := _ISE.fullmatch(word)) and not _NO_IZE.fullmatch(match[1]):
        return f"{match[1]}iz{match[2]}"
    if "yz" in word and (match := _YZE.fullmatch(word)):
        return f"{match[1]}ys{match[2]}"
    return word
