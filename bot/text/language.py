"""Language detection by function words.

English and French by own lists, other Latin languages by their stop words, other scripts by themselves. A
model knows more languages but takes tens of megabytes.
"""

import re
from functools import cache

from stop_words import get_stop_words

from bot.text.words import word_set

_FRENCH = word_set(
    """
    a afin ai ainsi alors ans après au aucun aucune aussi autre autres aux avait avant avec avoir
    beaucoup bien car ce cela celle celui ces cet cette ceux chaque chez comme comment contre d dans de
    depuis des deux dit doit donc dont du elle elles en encore entre es est et eu eux face fait faire
    fois font grand grande il ils j jamais je jusqu jour l la le les leur leurs lors lui ma mais me même
    mes mieux moins mon n ne ni nos notre nous nouveau nouvelle on ont ou où par pas pendant peu peut
    peuvent plus plusieurs pour pourquoi pourrait près premier première presque puis qu quand que quel
    quelle quelles quels qui quoi sa sans se selon sera seront ses si sont sous sur ta te tes toujours
    tous tout toute toutes trois trop très tu un une va veut vers voici vos votre vous y à ça été être
    était étaient
    """
)
_ENGLISH = word_set(
    """
    a about after again against all almost also am an and any are as at back be became because been
    before being below between big both but by can could did do does doing don down during each even
    every few first for from get gets getting had has have having he her here him his how i if in into
    is it its just last like made make makes making many may might more most much must my need never new
    next no not now of off on one only or other our out over own people re s said same say says see she
    should since so some still such t than that the their them then there these they this those three
    through to too two under until up us use using very was way we well were what when where which while
    who why will with won would years yet you your
    """
)
_STOPWORD_LANGUAGES = {
    "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "es": "spanish", "fi": "finnish",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "sk": "slovak", "sv": "swedish", "tr": "turkish",
    "vi": "vietnamese",
}  # fmt: skip
_CUES = (
    (
        "fr",
        re.compile(
            r"\b(?:[dl]|qu|[cjnm])['’](?=\w)|(?:é[es]?|eux|euse|eaux?|tion|ique|ère|ès)\b|[êœû]|\b[àÀ]\b"
        ),
    ),
    (
        "en",
        re.compile(r"['’]s\b|n['’]t\b|(?:ing|[^aeé]ed|ly|ness|ght|ck|ings|ers|ows?)\b|\b(?:wh|th|sh)|ee|oo"),
    ),
)
_CUE_WEIGHT = 0.4
_HINT_WEIGHT = 1.0
_MIN_SCORE = 1.3
_MIN_SCORE_STOPWORD_LANGUAGES = 2.0
_LEAST_WEIGHT = 0.5
"""Least weight of a French or English word, as most articles are in these languages."""
_MIN_RELATIVE_LEAD = 0.25
_MIN_SCORE_PER_WORD = 0.06
_MAX_CHARS = 4000
"""Characters of a text that are read."""
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = tuple(
    (code, re.compile(f"[{characters}]"))
    for code, characters in (
        ("ja", "\u3040-\u30ff"),
        ("ko", "\uac00-\ud7af\u1100-\u11ff"),
        ("zh", "\u3400-\u9fff"),
        ("el", "\u0370-\u03ff\u1f00-\u1fff"),
        ("he", "\u0590-\u05ff"),
        ("th", "\u0e00-\u0e7f"),
        (None, "\u0400-\u052f\u0530-\u058f\u0600-\u08ff\u0900-\u0dff\u0e80-\u109f\u10a0-\u10ff\u1200-\u17ff"),
    )
)


def detect(text: str, hint: str | None = None) -> str | None:
    """Return the ISO 639-1 code of the language of `text`, None if it is unclear.

    Reads `_MAX_SAMPLE_CHARS` characters. `hint` is the feed's language tag (BCP 47, such as `fr-FR`; many say
    `en` by default). It decides if the text is unclear, and can name languages that the text alone cannot.
    """
    said = primary_subtag(hint)
    text = text[:_MAX_CHARS]
    words = _WORD.findall(text.lower())
    script = _script(text, sum(map(len, words)))
    if script:
        code = script[0]
        return said if said and (code is None or said not in _weights()[1]) else code
    weights, known = _weights()
    scores = dict.fromkeys(known, 0.0)
    for word in words:
        for code, weight in weights.get(word, ()):
            scores[code] += weight
    for code, cue in _CUES:
        scores[code] += _CUE_WEIGHT * len(cue.findall(text))
    if said in known:
        scores[said] += _HINT_WEIGHT
    second, best = sorted(scores, key=lambda code: scores[code])[-2:]
    score = scores[best]
    enough = _MIN_SCORE_STOPWORD_LANGUAGES if best in _STOPWORD_LANGUAGES else _MIN_SCORE
    if said and said not in known:
        enough *= 2
    clear = (
        score >= max(enough, _MIN_SCORE_PER_WORD * len(words))
        and score - scores[second] >= _MIN_RELATIVE_LEAD * score
    )
    return best if clear else said


def primary_subtag(tag: str | None) -> str | None:
    """Return the two-letter language of a tag (`fr` of `fr-FR`, `en_US`), None if it has none."""
    code = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return code if re.fullmatch("[a-z]{2}", code) else None


@cache
def _weights() -> tuple[dict[str, tuple[tuple[str, float], ...]], frozenset[str]]:
    """Return the weights of each function word by language, and all languages."""
    profiles = {"fr": _FRENCH, "en": _ENGLISH}
    for code, name in _STOPWORD_LANGUAGES.items():
        profiles[code] = frozenset(word for word in get_stop_words(name, cache=False) if word.isalpha())
    holders: dict[str, tuple[str, ...]] = {}
    for code, profile in profiles.items():
        for word in profile:
            holders[word] = (*holders.get(word, ()), code)
    # Thousands of words share a few hundred tuples.
    shares = {codes: tuple((code, _share(code, codes)) for code in codes) for codes in set(holders.values())}
    return {word: shares[codes] for word, codes in holders.items()}, frozenset(profiles)


def _share(code: str, holders: tuple[str, ...]) -> float:
    return max(0 if code in _STOPWORD_LANGUAGES else _LEAST_WEIGHT, 1 / len(holders))


def _script(text: str, letters: int) -> tuple[str | None] | None:
    """Return the language of a non-Latin script, (None,) if several use it, None for Latin text."""
    if text.isascii():
        return None
    for code, pattern in _SCRIPTS:
        count = len(pattern.findall(text))
        if count and count * 3 > letters:
            return (code,)
    return None
