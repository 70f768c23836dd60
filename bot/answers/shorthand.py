"""Questions as people type them in haste: hyphens, apostrophes and letters that they leave out."""

from __future__ import annotations

import re

_MEANT = {
    **dict.fromkeys(("pk", "pq", "pkoi", "pourkoi"), "pourquoi"),
    **dict.fromkeys(("cb", "cmb", "cbien", "combi1"), "combien"),
    **dict.fromkeys(("kan", "kand", "qd"), "quand"),
    **dict.fromkeys(("cmt", "komment", "koment"), "comment"),
    **dict.fromkeys(("kesk", "keske", "kesque"), "qu'est-ce que"),
    "koi": "quoi",
    "ki": "qui",
    "kel": "quel",
    "kels": "quels",
    "kelle": "quelle",
    "kelles": "quelles",
    "whats": "what's",
    "whos": "who's",
    "wheres": "where's",
    "whens": "when's",
    "hows": "how's",
    "whys": "why's",
    "wtf": "what",
}
"""Words that a question begins with, and what they stand for."""

_OPENING = (
    r"^(?P<before>(?:(?:and|but|so|hey|hi|hello|ok|okay|et|mais|alors|donc|dis|bonjour|salut|please"
    r"|c['’]est|il y a|y a|a|à|de|en|par|pour|avec|depuis|sur|dans|chez)\b[ ,]*)*)"
)
_SHORT = re.compile(rf"{_OPENING}(?P<short>{'|'.join(_MEANT)})(?= \S|[ ?!.]*$)", re.IGNORECASE)
_ASKED = (
    r"(?:quoi|koi|qui|ki|quels?|kels?|quelles?|kelles?|combien|cb|cmb|comment|vrai|o[uù]|quand|pourquoi|pk)"
)
_IS = (
    r"est|sont|[ée]tait|[ée]taient|fut|sera|seront|ont|avait|avaient|vont|peut|peuvent|doit|doivent|fait|font"
    r"|faut|dit|vaut|sait"
)
_TELL = r"(?:parle|raconte|explique|donne|montre|r[ée]sume)z?|dis|dites|fais|faites"
_LEFT_OUT = tuple(
    (re.compile(pattern, re.IGNORECASE), whole)
    for pattern, whole in (
        # c est, cest, s est, quest ce, qu il
        (r"\b([cs]) (?=(?:est|[ée]tait)\b)", r"\1'"),
        (r"\bc(?=est\b)", "c'"),
        (r"\bqu(?=est ce\b)", "qu'"),
        (r"\bqu (?=(?:est|a|ai|ont|il|ils|elles?|on|y|en|[ée]tait)\b)", "qu'"),
        (rf"{_OPENING}(?P<c>c) (?={_ASKED}\b)", r"\g<before>\g<c>'est "),
        (rf"{_OPENING}ya (?=(?:{_ASKED}|du|des|une?|eu|encore|plus)\b)", r"\g<before>il y a "),
        # est ce que, qu'est ce qui, a t il, s'est il, que sait on, parle moi de
        (r"\best ce(?= qu| (?:bien )?vrai\b)|(?<=qu['’])est ce\b", "est-ce"),
        (r"\b(\w*[ae])[ -]t[ '’-](il|elle|on)\b", r"\1-t-\2"),
        (rf"\b({_IS}) (ils?|elles?)\b", r"\1-\2"),
        (r"\b(peut|doit|sait|fait|dit) on\b", r"\1-on"),
        (r"\b(peux|sais|as|connais) tu\b", r"\1-tu"),
        (r"\b(pouvez|savez|avez|connaissez) vous\b", r"\1-vous"),
        (rf"{_OPENING}(?P<asks>{_TELL}) (?P<whom>moi|nous)\b", r"\g<before>\g<asks>-\g<whom>"),
    )
)
"""Patterns of what lacks a hyphen or an apostrophe, and how it is written."""


def written_out(question: str) -> str:
    """A question with what it leaves out of the words that only ask: `c koi`, `que s est il passé`."""
    for pattern, whole in _LEFT_OUT:
        question = pattern.sub(whole, question)
    return _SHORT.sub(_as_meant, question)


def _as_meant(match: re.Match[str]) -> str:
    """Capitals are a name: `PQ`, `CB`."""
    short = match["short"]
    return match[0] if short.isupper() else match["before"] + _MEANT[short.lower()]
