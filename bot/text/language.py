"""Language detection by function words.

English and French are recognised by lists of this module, other Latin languages by their stop words, other
scripts by their characters. A model knows more languages but takes tens of megabytes.
"""

import re
from functools import cache

from stop_words import get_stop_words

from bot.text.words import split_at_white_space

_FRENCH_WORDS = split_at_white_space(
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
_ENGLISH_WORDS = split_at_white_space(
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
"""Languages recognised by their stop words, by ISO 639-1 code, with their names in the package `stop_words`."""
_CUE_PATTERNS = (
    (
        "fr",
        re.compile(r"\b(?:[dl]|qu|[cjnm])['’](?=\w)|(?:é[es]?|eux|euse|eaux?|tion|ique|ère|ès)\b|[êœû]|\b[àÀ]\b"),
    ),
    (
        "en",
        re.compile(r"['’]s\b|n['’]t\b|(?:ing|[^aeé]ed|ly|ness|ght|ck|ings|ers|ows?)\b|\b(?:wh|th|sh)|ee|oo"),
    ),
)
"""Patterns of cues, the letters that are typical of a language, by ISO 639-1 code."""
_CUE_WEIGHT = 0.4
"""Weight of a cue in the score of a language; a function word has a weight of 1 at most."""
_HINT_WEIGHT = 1.0
"""Weight of the feed's language tag in the score of its language."""
_MIN_SCORE = 1.3
"""Minimum score, a sum of weights, of a text that is clearly French or English."""
_MIN_SCORE_STOPWORD_LANGUAGES = 2.0
"""Minimum score of a text that is clearly in another language, recognised by its stop words alone."""
_MIN_MAIN_LANGUAGE_WEIGHT = 0.5
"""Minimum weight of a French or English function word, even one that many languages share."""
_MIN_RELATIVE_LEAD = 0.25
"""Minimum difference between the two best scores of a text whose language is clear, as a share of the best."""
_MIN_SCORE_PER_WORD = 0.06
"""Minimum score per word of a text whose language is clear."""
_MAX_SAMPLE_CHARS = 4000
"""Maximum number of characters of a text that are read to detect its language."""
_WORD_PATTERN = re.compile(r"[^\W\d_]+")
_SCRIPT_PATTERNS = tuple(
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


def detect_language(text: str, hint: str | None = None) -> str | None:
    """Return the ISO 639-1 code of the language of `text`, or None if it is unclear.

    At most `_MAX_SAMPLE_CHARS` characters are read. `hint` is the feed's language tag (BCP 47, such as
    `fr-FR`; many feeds say `en` by default). It decides if the text is unclear, and can name languages that
    the text alone cannot.
    """
    hinted_language = parse_primary_subtag(hint)
    text = text[:_MAX_SAMPLE_CHARS]
    words = _WORD_PATTERN.findall(text.lower())
    script_languages = _detect_language_by_script(text, sum(map(len, words)))
    if script_languages:
        code = script_languages[0]
        return (
            hinted_language
            if hinted_language and (code is None or hinted_language not in _load_word_weights()[1])
            else code
        )
    weights, languages = _load_word_weights()
    scores = dict.fromkeys(languages, 0.0)
    for word in words:
        for code, weight in weights.get(word, ()):
            scores[code] += weight
    for code, cue_pattern in _CUE_PATTERNS:
        scores[code] += _CUE_WEIGHT * len(cue_pattern.findall(text))
    if hinted_language in languages:
        scores[hinted_language] += _HINT_WEIGHT
    second_language, best_language = sorted(scores, key=lambda code: scores[code])[-2:]
    score = scores[best_language]
    min_score = _MIN_SCORE_STOPWORD_LANGUAGES if best_language in _STOPWORD_LANGUAGES else _MIN_SCORE
    if hinted_language and hinted_language not in languages:
        min_score *= 2
    is_clear = (
        score >= max(min_score, _MIN_SCORE_PER_WORD * len(words))
        and score - scores[second_language] >= _MIN_RELATIVE_LEAD * score
    )
    return best_language if is_clear else hinted_language


def parse_primary_subtag(tag: str | None) -> str | None:
    """Return the two-letter language of a tag (`fr` of `fr-FR`, `en` of `en_US`), or None if it has none."""
    code = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return code if re.fullmatch("[a-z]{2}", code) else None


@cache
def _load_word_weights() -> tuple[dict[str, tuple[tuple[str, float], ...]], frozenset[str]]:
    """Return the weights of each function word by language, and the set of all languages."""
    words_by_language = {"fr": _FRENCH_WORDS, "en": _ENGLISH_WORDS}
    for code, language_name in _STOPWORD_LANGUAGES.items():
        words_by_language[code] = frozenset(
            word for word in get_stop_words(language_name, cache=False) if word.isalpha()
        )
    languages_by_word: dict[str, tuple[str, ...]] = {}
    for code, language_words in words_by_language.items():
        for word in language_words:
            languages_by_word[word] = (*languages_by_word.get(word, ()), code)
    # Thousands of words share a few hundred tuples.
    weights_by_languages = {
        codes: tuple((code, _compute_weight(code, codes)) for code in codes)
        for codes in set(languages_by_word.values())
    }
    return {word: weights_by_languages[codes] for word, codes in languages_by_word.items()}, frozenset(
        words_by_language
    )


def _compute_weight(code: str, languages: tuple[str, ...]) -> float:
    return max(0 if code in _STOPWORD_LANGUAGES else _MIN_MAIN_LANGUAGE_WEIGHT, 1 / len(languages))


def _detect_language_by_script(text: str, letter_count: int) -> tuple[str | None] | None:
    """Return the language of a non-Latin script as a tuple of one: (None,) if several languages use it.

    Return None for text in the Latin script.
    """
    if text.isascii():
        return None
    for code, pattern in _SCRIPT_PATTERNS:
        character_count = len(pattern.findall(text))
        if character_count and character_count * 3 > letter_count:
            return (code,)
    return None
