"""Whether what a model wrote is in the passages that it cites; what is not is left out.

A sentence holds when each passage that it cites exists, and every number, date and proper name in it is in
those passages, and enough of its other words, those of the question left aside. That a sentence turns the
sense of a passage around is not seen: no count of words can tell.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from rapidfuzz.distance import Prefix

from bot.core.models import Article
from bot.search.index import analysis
from bot.text import excerpts, safe
from bot.text.language import detect
from bot.text.words import fold
from bot.writing import claims
from bot.writing.claims import Claims
from bot.writing.cross_lingual import names_across, translations

MOST_SENTENCES = 6
PART, OVERLAP = 2_000, 200
"""Characters looked through at a time: a search by pattern holds up all threads, some milliseconds here."""
LONGEST = 400  # characters of a sentence
HELD = 0.6
"""Share of a sentence's words that must be in what it cites,"""
HELD_ACROSS = 0.35
"""and where both are in different languages, which a small dictionary connects."""
STEM, SHARED = 5, 0.6  # characters that words of one family begin with alike, and their share of the longer

_IN_THE_DICTIONARY = frozenset({"en", "fr"})
_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_CITED = re.compile(r"(?:\s*[\[【]\s*\d{1,3}(?:\s*[,;]\s*\d{1,3})*\s*[\]】])+\s*[.!?…]?")
_NUMBERS = re.compile(r"\d+")
_LINKED = re.compile(r"https?:|www\.|\w\.\w+/|discord\.gg|<[@#:/!]|@\w|\]\(", re.IGNORECASE)
_MARKUP = re.compile(r"^\s*(?:[-*•>]|#+|\d{1,2}[.)])\s+|[*`~|<>\\]|__+")
_OPENERS = frozenset(
    """according additionally however moreover furthermore overall meanwhile although despite finally
    today currently recently previously yes no selon malgre toutefois egalement enfin ensuite finalement
    actuellement recemment oui non suite parmi outre concernant pres environ around nearly almost several
    plusieurs certains certaines many""".split()
)
"""Words that begin a sentence without saying anything that could be checked."""
_INSTRUCTIONS = re.compile(
    r"\b(?:ignor\w*|disregard|forget|override|bypass|oubli\w+)\b[\s\S]{0,60}"
    r"\b(?:instruct\w+|prompts?|rules?|guidelines|consignes?|regles|above|previous|precedent\w*|ci-dessus)\b"
    r"|\b(?:system|developer|hidden) (?:prompt|message|instructions?)\b|\b(?:prompt|message) systeme\b"
    r"|\byou are (?:now|an? (?:ai|assistant|language model|chatbot))\b|\b(?:as|comme) (?:an ai|une ia)\b"
    r"|\b(?:vous etes|tu es) (?:desormais|maintenant|une ia|un assistant)\b"
    r"|\bend of (?:the )?(?:passages?|quotes?|untrusted)\b|\bfin d(?:es|u) passages?\b"
    r"|<\|?/?(?:im_start|im_end|system|endoftext|passages?|assistant|think)\b|\[/?inst\]|<<sys>>"
    r"|(?:^|\n)\W*(?:assistant|system|user|human)\s*:"
)


class Passage(Protocol):
    """Words of an article that a model is shown."""

    @property
    def text(self) -> str:
        """The words."""
        ...

    @property
    def article(self) -> Article:
        """Where they are from."""
        ...


class Piece(NamedTuple):
    """A passage of an article as it is."""

    text: str
    article: Article


class Sentence(NamedTuple):
    """A sentence that a model wrote. `cites` are 1-based numbers of what it rests on."""

    text: str
    cites: tuple[int, ...]


class _Cited(NamedTuple):
    """A passage as sentences are held against it."""

    claims: Claims
    words: frozenset[str]
    terms: frozenset[str]
    namesakes: frozenset[str]  # of the names in it, in the other language
    language: str | None


def instructs(text: str) -> bool:
    """Whether a text speaks to a model: such an article is not shown to one."""
    parts = (text[start : start + PART + OVERLAP] for start in range(0, len(text), PART))
    return any(_INSTRUCTIONS.search(fold(part)) for part in parts)


def held(
    written: str, passages: Sequence[Passage], language: str | None, question: str = ""
) -> tuple[Sentence, ...]:
    """The sentences of what a model wrote whose citations hold.

    `cites` are 1-based numbers into `passages`; `language` is the one that the model was asked to write.
    """
    asked = frozenset(analysis.words(question))
    known = [_read(passage) for passage in passages]
    kept: list[Sentence] = []
    for text, cites in _sentences(written):
        if not cites or max(cites) > len(known) or min(cites) < 1:
            continue
        if len(text) <= LONGEST and _holds(text, [known[number - 1] for number in cites], language, asked):
            kept.append(Sentence(text, cites))
            if len(kept) == MOST_SENTENCES:
                break
    return tuple(kept)


def held_by(written: str, passages: Sequence[Passage], language: str | None) -> tuple[str, ...]:
    """The sentences of what a model wrote, cited or not, that hold against one of the passages each.

    Not against all together: what two people did in two places would pass for what one did to the other.
    """
    known = [_read(passage) for passage in passages]
    return tuple(
        sentence
        for line in lines(written)
        for sentence in excerpts.sentences(_CITED.sub("", line))
        if len(sentence) <= LONGEST
        and not _LINKED.search(sentence)
        and any(_holds(sentence, [each], language, frozenset()) for each in known)
    )


def translates(written: str, original: Passage, language: str) -> bool:
    """Whether a text says in a language what a passage says: the same numbers and dates, no other names."""
    known = _read(original)
    said = claims.claims(written, language)
    given = claims.claims(original.text, known.language)
    # "40 a year" is "40 par an": an article in one language alone is no number, where the unit is the same.
    articles = {("1", unit) for unit in claims.units(original.text)}
    said = said._replace(facts=said.facts - articles)
    given = given._replace(facts=frozenset(fact for fact in given.facts if not fact[0][:1].isdecimal()))
    if claims.missing(said, known.claims) or claims.missing(given, said):
        return False
    if _LINKED.search(written) or detect(written) not in {None, language}:
        return False
    total = matched = 0
    for sentence in excerpts.sentences(written):
        found = _found(sentence, [known], language, frozenset())
        if found is None:
            return False
        total, matched = total + found[0], matched + found[1]
    return not {known.language, language} <= _IN_THE_DICTIONARY or matched >= total * HELD_ACROSS


def lines(written: str) -> list[str]:
    """What a model wrote, without its thoughts and without markup, line by line."""
    found = (_MARKUP.sub("", line).strip() for line in _THOUGHT.sub("", written).splitlines())
    return [line for line in found if line]


def _sentences(written: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each sentence that a citation follows, harmless and without it, and the numbers cited."""
    written = _THOUGHT.sub("", written)
    position = 0
    for match in _CITED.finditer(written):
        before = excerpts.sentences(written[position : match.start()])
        position = match.end()
        if not before or _LINKED.search(before[-1]):
            continue
        text = safe.plain(_MARKUP.sub("", before[-1])).strip()
        if text and text[-1] not in ".!?…»”":
            text += "."
        cites = tuple(dict.fromkeys(int(number) for number in _NUMBERS.findall(match[0])))
        yield text, cites


def _read(passage: Passage) -> _Cited:
    article = passage.article
    text = f"{article.title}\n{passage.text}\n{article.outlet}"
    words = frozenset(analysis.words(text))
    found = frozenset(analysis.stems(text, article.language)).union(*map(analysis.query_stems, words))
    return _Cited(
        claims=claims.claims(text, article.language),
        words=words,
        terms=found,
        namesakes=names_across(found),
        language=article.language or detect(text),
    )


def _holds(text: str, cited: Sequence[_Cited], language: str | None, asked: frozenset[str]) -> bool:
    known = Claims(
        tuple(number for each in cited for number in each.claims.numbers),
        frozenset[tuple[str, str]]().union(*(each.claims.facts for each in cited)),
    )
    if claims.missing(claims.claims(text, language), known):
        return False
    across = all(each.language != language for each in cited)
    counts = _found(text, cited, language, asked)
    if counts is None:
        return False
    total, matched = counts
    return total > 0 and matched >= total * (HELD_ACROSS if across else HELD)


def _found(
    text: str, cited: Sequence[_Cited], language: str | None, asked: frozenset[str]
) -> tuple[int, int] | None:
    """How many words of a sentence claim something, and how many are cited; None where a name is not."""
    words = frozenset[str]().union(*(each.words for each in cited))
    found = frozenset[str]().union(*(each.terms for each in cited))
    across = all(each.language != language for each in cited)
    total = matched = 0
    for number, (word, start, end) in enumerate(analysis.word_spans(text)):
        if analysis.is_small(word) or claims.is_number_or_date(word):
            continue
        if number == 0 and word in _OPENERS:
            continue
        there = word in words or (across and _is_named(word, cited, language))
        is_name = any(map(str.isupper, text[start:end])) or any(map(str.isdecimal, word))
        if not is_name or (number == 0 and not any(map(str.isupper, text[start + 1 : end]))):
            there = there or _is_among(analysis.query_stems(word), found)
        if is_name and not there:
            return None
        if not there and word in asked:
            continue  # said again of the question, it claims nothing
        total += 1
        matched += there
    return total, matched


def _is_named(word: str, cited: Sequence[_Cited], language: str | None) -> bool:
    """Whether a name stands in passages of the other language as that writes it."""
    forms = analysis.query_stems(word, (language,) if language else analysis.ASKED_IN)
    translated = translations(forms)
    return any(not (forms.isdisjoint(each.namesakes) and translated.isdisjoint(each.terms)) for each in cited)


def _is_among(forms: Collection[str], found: frozenset[str]) -> bool:
    """Whether one of a word's terms, its translations or its relatives is among these terms."""
    if not found.isdisjoint(forms) or not translations(forms).isdisjoint(found):
        return True
    return any(
        term[:STEM] == form[:STEM] and Prefix.similarity(form, term) >= SHARED * max(len(form), len(term))
        for form in forms
        if len(form) >= STEM
        for term in found
    )
