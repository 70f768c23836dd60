"""The language of a text, told by its commonest little words."""

from __future__ import annotations

import re

_FRENCH = frozenset(
    ["le", "la", "les", "un", "une", "des", "du", "au", "aux", "et", "ou", "où", "mais", "donc", "car", "ni", "que", "qui", "quoi", "dont", "ce", "cet", "cette", "ces", "son", "sa", "ses", "leur", "leurs", "notre", "nos", "votre", "vos", "mon", "ma", "mes", "il", "elle", "ils", "elles", "nous", "vous", "je", "on", "en", "dans", "sur", "sous", "avec", "sans", "pour", "par", "chez", "vers", "entre", "depuis", "pendant", "après", "avant", "contre", "selon", "est", "sont", "était", "étaient", "sera", "seront", "être", "été", "a", "ont", "avait", "avoir", "fait", "faire", "peut", "doit", "plus", "moins", "très", "pas", "ne", "se", "qu", "c'est", "d'un", "d'une", "n'est", "aussi", "même", "comme", "si", "tout", "tous", "toute", "toutes", "autre", "autres", "deux", "trois", "ans", "cela", "ça", "voici", "comment", "pourquoi", "quand", "quel", "quelle", "l", "d", "j", "n", "s"]
)
_ENGLISH = frozenset(
    ["the", "a", "an", "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "with", "from", "into", "over", "under", "about", "as", "is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "do", "does", "did", "will", "would", "can", "could", "should", "may", "might", "must", "this", "that", "these", "those", "it", "its", "he", "she", "they", "we", "you", "i", "his", "her", "their", "our", "your", "my", "who", "what", "which", "when", "where", "why", "how", "not", "no", "than", "then", "there", "here", "if", "so", "more", "most", "new", "after", "before", "between", "because", "while", "also", "just", "says", "said", "up", "out", "off", "down", "all", "some", "any"]
)
_OTHERS = {
    "de": "der die das und ist nicht ein eine einen zu den dem mit auf für von sich auch als wie im es wird sind bei "
    "nach aus werden hat oder aber noch über so zum zur wir ich sie",
    "es": "el la los las un una y de del que en por para con no se su sus al lo como más pero es son fue ha este "
    "esta entre desde sobre también hasta hay muy",
    "it": "il lo la gli le un una di del della dei delle e che in per con non si è sono alla al nel nella da dal "
    "come più anche ma ha questo questa ai tra su",
    "pt": "o a os as um uma de do da dos das e que em no na nos nas por para com não se é são foi ao à mais como "
    "mas ou também pelo pela seu sua",
    "nl": "de het een en van in is op te dat die voor met zijn niet aan er om ook als bij door naar over uit maar "
    "dan wordt heeft worden nog",
}
_PROFILES = {
    "fr": _FRENCH,
    "en": _ENGLISH,
    **{code: frozenset(words.split()) for code, words in _OTHERS.items()},
}
_WEIGHTS = {
    word: {code: 1 / holders for code, profile in _PROFILES.items() if word in profile}
    for word in frozenset().union(*_PROFILES.values())
    if (holders := sum(word in profile for profile in _PROFILES.values()))
}
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("", re.compile("[\u0400-\u052f\u0600-\u06ff\u0900-\u0dff]")),
)
_ENOUGH = 1.5
_READ = 4000


def detect(text: str, hint: str | None = None) -> str | None:
    """The ISO 639-1 code of the language of `text`; None when nothing tells.

    `hint` is what the feed says of itself (a tag such as `fr-FR`, BCP 47): it decides where the text does not
    contradict it, and is the only way to a language other than those that the little words know.
    """
    said = base(hint)
    text = text[:_READ]
    letters = _WORD.findall(text.lower())
    script = _script(text)
    if script is not None:
        return said if said and said not in _PROFILES else script or None
    scores = dict.fromkeys(_PROFILES, 0.0)
    for word in letters:
        for code, weight in _WEIGHTS.get(word, {}).items():
            scores[code] += weight
    best, second, *_ = sorted(scores, key=lambda code: scores[code], reverse=True)
    lead = scores[best] - scores[second]
    if said is not None:
        if said in scores and scores[said] >= scores[best] / 2:
            return said
        if scores[best] < 3 * _ENOUGH or lead < _ENOUGH:
            return said
    return best if scores[best] >= _ENOUGH and lead >= scores[best] / 4 else said


def base(tag: str | None) -> str | None:
    """The two-letter language of a tag (`fr` of `fr-FR`, `en_US`), None when it is none."""
    code = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None  # noqa: PLR2004 - ISO 639-1


def _script(text: str) -> str | None:
    """The language of a script other than Latin that most letters belong to; "" when several share it."""
    letters = sum(map(len, _WORD.findall(text)))
    for code, pattern in _SCRIPTS:
        count = len(pattern.findall(text))
        if count and count * 3 > letters:
            return code
    return None
