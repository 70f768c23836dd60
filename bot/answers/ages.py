"""Ages in a text, and whether one is that of whom a question names."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.answers.numbers import SMALL
from bot.text import terms, tokens

_N = rf"(?:{SMALL})"
_OLD = r"[ -](?:years?|months?|weeks?|days?)[ -]olds?\b"
_NO_AGE = r"(?! (?:de|plus|apres|avant|ferme|avec|later|earlier|ago)\b| d')"
_WHOSE = (
    r"\b(?:homme|femme|fille|fillette|garcon|gamine?|enfant|bebe|jeune|adolescente?|lyceen|lyceenne|collegien"
    r"|collegienne|etudiante?|retraitee?|mineure?|mere|pere|fils|soeur|frere|\w+(?:eur|euse|ienne?|iste))"
)
_FORM = re.compile(
    rf"\b(?:age|ages|aged|age of|agee?s?(?: (?:seulement|a peine|alors))?(?: de)?) {_N}\b(?!['-])"
    rf"|\b(?:\d[\d,]*|{_N}){_OLD}|\b{_N} years of age\b"
    rf"|(?<=\w)(?:, | \(){_N}(?: ans| years)?(?=[,).;])|{_WHOSE} de {_N} ans\b"
    r"|(?<!damne )(?<!damnee )(?<!damnes )(?<!y )\b(?:a|ont|avai(?:en)?t|aura|fete\w*)(?: ses| deja| alors)?"
    rf" {_N} ans\b{_NO_AGE}"
    rf"|\b(?:is|was|were|be|turn(?:s|ed|ing)?|at|he's|she's) {_N}(?=[.,;)]|$| (?:when|and|but)\b)"
    r"|\b\d[\d.,]* (?:(?:thousand|million|billion) years|(?:mille|millions?|milliards?) (?:ans|d'ann?ees))\b",
    re.IGNORECASE,
)
_NAME = r"[A-Z][\w.'-]*"
_BEFORE = re.compile(rf"(?P<name>{_NAME})(?: (?:is|was|a|avait))?[ ,(]*$")
_AFTER = re.compile(rf"^,? (?:(?!(?:of|from|in|and|who|de|du|qui|et)\b)[a-z-]+ ){{0,3}}(?P<name>{_NAME})")
_NEAR = 60  # characters before an age in which the name of whom it is ends
_IS_OLD = re.compile(_OLD)


def has_age(text: str) -> bool:
    """Whether a text tells how old somebody or something is."""
    return _FORM.search(tokens.plain(text)) is not None


def has_age_of(words: Collection[str], text: str) -> bool:
    """Whether an age in a text is not said of another name than one of these (folded) words."""
    plain = tokens.plain(text)
    for form in _FORM.finditer(plain):
        before, after = _BEFORE.search(plain[max(0, form.start() - _NEAR) : form.start()]), None
        if _IS_OLD.search(form[0]):
            after = _AFTER.match(plain[form.end() :])
        if after is None and _IS_OLD.search(form[0]) and plain[: form.start()].endswith("'s "):
            continue  # `Musk's two-year-old company`
        found = [set(terms.words(match["name"])) for match in (before, after) if match]
        names = [name for name in found if any(map(terms.alternatives, name))]  # `The`, `He` are none
        if all(not name.isdisjoint(words) for name in names):
            return True
    return False
