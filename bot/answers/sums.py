"""Amounts of money in a text, and which of them are prices."""

from __future__ import annotations

import re

_COUNT = (
    r"\d+(?:[.,  ]\d+)*|an?|one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty|thirty|forty"
    r"|fifty|hundreds?|thousands?|une?|deux|trois|quatre|cinq|sept|huit|neuf|dix|quinze|vingt|trente|quarante"
    r"|cinquante|cents?|centaines?|mille|milliers?|several|plusieurs"
)
_LARGE = r"(?:millions?|billions?|trillions?|milliards?|[mb]n)"
_CURRENCY = r"(?:euros?|dollars?|pounds?|livres?|francs?|yens?|yuans?|roubles?|usd|eur|gbp|cents|centimes?)"
SUM = (
    rf"(?:(?:us|ca|au)?[$€£¥] ?\d+(?:[.,  ]\d+)*(?: ?{_LARGE}\b|[mbk]\b)?"
    rf"|\b(?:{_COUNT})(?: ?{_LARGE})?(?: d'| de)? ?(?:{_CURRENCY}\b|[$€£¥]))"
)
"""An amount in folded text."""

_SUM = re.compile(SUM)
_HUGE = re.compile(rf"{_LARGE}|\d[mb]$")
_FREE = re.compile(r"\b(?:gratuit(?:e|es|s|ement)?|for free|free of charge|free to|is free(?! software))\b")
_PRICE = re.compile(r"\b(?:costs?|pric(?:e|es|ed|ing|ey)|prix|cout\w*|tarifs?|msrp|fares?|loyers?)\b")
_TRADE = re.compile(
    r"\b(?:sell(?:s|ing)?|sold|buy(?:s|ing)?|bought|pa(?:y|ys|id|ying)|purchase\w*|acqui\w+|deal|takeover|merger"
    r"|worth|vend\w*|vaut|valent|ach[ae]t\w*|rachat|rachete\w*|pa[yi]e\w*|fusion)\b"
)
_OTHERWISE = re.compile(
    r"\b(?:fine[sd]?|penalt(?:y|ies)|damages|settle\w*|lawsuit|ransom|rais(?:e|ed|es|ing)|funding"
    r"|valu(?:ed|ation)|market value|market cap\w*|revenues?|earn(?:s|ed|ings)|profits?|budget\w*|invest\w*"
    r"|donat\w+|loans?|debts?|salar(?:y|ies)|wages?|stolen|steal|sav(?:e|es|ed|ings?)|grants?|subsid\w+"
    r"|loss(?:es)?|lost|rewards?|prize|bounty"
    r"|amendes?|astreintes?|sanction\w*|leve(?:e|es|ent|r)?|capitalisation|valoris\w+|chiffre d'affaires"
    r"|benefices?|dons?|prets?|dettes?|salaires?|vole[es]*|rancon|econom\w+|subvention\w*|indemni\w+|pertes?"
    r"|perdu|recompense\w*|impots?|tax(?:e|es|ation)?)\b"
)
_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def has_price(folded: str) -> bool:
    """Whether a folded text tells a price: an amount that its sentence does not call something else.

    Millions and more are a price only where something is said to be sold for them.
    """
    return any(map(_is_price, _END.split(folded)))


def _is_price(sentence: str) -> bool:
    sums = _SUM.findall(sentence)
    if _FREE.search(sentence) or (sums and _PRICE.search(sentence)):
        return True
    if not sums or _OTHERWISE.search(sentence):
        return False
    return bool(_TRADE.search(sentence)) or not all(map(_HUGE.search, sums))
