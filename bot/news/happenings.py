"""Questions about a period: what happened, or what is new, about a topic; and the stories that answer."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from bot.news.answer import Line
from bot.news.bilingual import translations
from bot.news.search import Searcher
from bot.store.search_index import All, Any, Column, Scope, Terms, Wanted
from bot.text import moments, namesakes, safe, terms
from bot.text.periods import Period
from bot.words import Article

LINES = 10
READ = 80
"""Newest articles of a period that are looked at for a topic."""
WORDS = 6  # of a topic at the most: more of them ask for something else,
FEW_WORDS = 3  # and sooner where no period is named, or a date
LEAD = 400  # characters of a text that tell what it is about
LONGEST = 12_000  # characters read of a text
OFTEN = 2  # more often in a text, a word is what it is about
MONTH = 30 * 86400
STORY = 4 * 86400  # seconds within which titles that are alike tell the same story
ALIKE = 0.5  # of the words of two titles (Jaccard): hardly any two different stories reach it
TITLES = 3  # articles with a topic in their titles, from which on others are left out

_POLITE = r"^(?:(?:and|so|hey|hi|hello|ok|okay|please|et|alors|dis|bonjour|salut|donc)[ ,]+)*"
_WHAT_IS = r"what(?:'s| is| are| has been|s)"
_NEWS = r"(?:news|headlines|updates)"
_NOUVELLES = r"(?:nouveautes?|nouvelles?|actus?|actualites?|news|infos?|informations|annonces|titres)"
_DONE = (
    r"(?:announc|launch|releas|publish|present|unveil|introduc|reveal|happen|report|do\b|doing|done|say\b|said"
    r"|annonc|lanc|present|sorti|publi|devoil|fait(?:e|es|s)?\b|dit\b|revel)\w*"
)
_AUX = r"(?:did|has|have|had|does|is|are|was|were)"
# What asks for news by itself.
_NEW = re.compile(
    rf"{_POLITE}(?:{_WHAT_IS} (?:the )?(?:new|newest|latest|happening|going on)"
    r"(?: (?:with|in|about|at|on|from|for|to)\b|$)"
    rf"|(?:{_WHAT_IS} |is there |are there |show me |give me |got )?(?:the |any |some )?"
    rf"(?:latest |newest |recent |last |top |breaking |important )*{_NEWS}\b"
    rf"|(?:{_WHAT_IS} )?(?:the )?(?:latest|newest|recent) (?:developments|announcements)\b"
    r"|(?:the )?latest (?:on|about|from|in)\b"
    r"|(?:what|anything) (?:new|important)(?: (?:with|in|about|at|on|from|for)\b|$)"
    r"|what (?:did i|have i|i) miss|catch me up|fill me in|what(?:'s| is) up (?:with|at)\b"
    r"|que devien(?:t|nent)\b"
    r"|quoi de (?:neuf|nouveau|beau)|qu'y a-t-il de (?:neuf|nouveau)|du (?:neuf|nouveau) "
    r"|quelles? (?:sont|est) (?:les |la |l')(?:toutes )?(?:dernieres? |recentes |grandes |principales )*"
    rf"{_NOUVELLES}\b"
    r"|(?:donnez?-moi |montrez?-moi |dis-moi |dites-moi )?(?:les |l'|la |des )?(?:toutes )?"
    rf"(?:dernieres? |recentes |grandes |principales )*{_NOUVELLES}\b"
    r"|que se passe-t-il|qu'est-ce (?:qui|qu'il) se passe|qu'(?:ai-je|est-ce que j'ai) (?:rate|manque|loupe))"
)
# What asks for news where it names a period,
_HAPPENED = re.compile(
    rf"{_POLITE}(?:(?:so )?what (?:(?:has|have|had) )?(?:just )?(?:happened|took place|went on)\b"
    rf"|{_WHAT_IS} been (?:happening|going on)"
    r"|(?:summari[sz]e|recap|(?:an? |the )?(?:summary|recap|round-?up|digest|overview) of)\b"
    r"|(?:tell me|what|how) about\b|tell me what\b"
    r"|que s'est-il (?:passe|produit)|qu'est-(?:ce qui s'est (?:passe|produit)|il arrive)|ce qui s'est passe"
    r"|(?:le |un )?(?:resume|recapitulatif|recap|bilan)[ -](?:de|des|du|d'|moi)|parlez?-moi|racontez?-moi)"
)
# and where that period is counted from now: of a date it is a question like others.
_DID = re.compile(
    rf"{_POLITE}(?:what {_AUX} .{{1,60}} (?:{_DONE}|been up to)"
    rf"|(?:what|which) (?:\w+ ){{1,3}}(?:happened|took place|(?:was|were|has been|have been) {_DONE})"
    rf"|(?:qu'(?:a|ont)|qu'est-ce qu(?:e |')\S.{{0,60}} (?:a|ont)) (?:\S+ ){{0,4}}?{_DONE}"
    r"|quelles? (?:\S+ ){1,3}(?:a|ont) ete \w+)"
)
# What asks for somebody's fate.
_BEFELL = re.compile(
    rf"{_POLITE}(?:(?:so )?what (?:has |have |had )?(?:ever )?(?:happened (?:to|with)|became of|become of)\b"
    r"|qu'(?:est-il|est-elle) arrive (?:a|au|aux)\b|que s'est-il passe (?:avec|pour|chez)\b"
    r"|qu(?:e |')(?:est|sont) devenue?s?\b|que devien(?:t|nent)\b)"
)
_I_HAVE = re.compile(r"\bj['’]ai\b", re.IGNORECASE)  # no AI
_INTERROGATIVE = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi|quels?"
    r"|quelles?|lequel|laquelle|lesquel\w+|did|does|do|is|are|was|were|has|have|will|can)\b|\bqu'|-t-(?:il|elle|on)"
)
_NEWS_LAST = re.compile(rf"^(?:\S+ ){{1,4}}{_NEWS}$")
_SAYING = re.compile(
    rf"(?:{_DONE}|happen\w*|happened|take|took|place|going|new|newest|latest|recent|recently|{_NEWS}|{_NOUVELLES}"
    r"|top|breaking|important|quoi|neuf|nouveau|beau|miss|missed|catch|fill|rate|manque|loupe|passe|produit|arrive"
    r"|developments|announcements|summar\w+|recap\w*|roundup|digest|overview|resume\w*|bilan|tell|show|give|anything|got|please|hello|bonjour"
    r"|salut|parlez?|racontez?|donnez?|montrez?|dites?|dernieres?|derniers|recentes|grandes|principales|toutes"
    r"|devien(?:t|nent)|sont|world|monde|tech|technologies?|technology|topic|sujet|propos|side|cote|moi|up)"
)


class Happening(NamedTuple):
    """What a question wants told: what happened in a period about some words of its own.

    The period is `stated`, or else implied by the question ("what's new"); a `dated` one names a date, in
    which what happened may as well be told by articles of another time.
    """

    period: Period
    topic: tuple[str, ...]
    stated: bool
    dated: bool = False


def asked(text: str, now: int, zone: tzinfo = UTC) -> Happening | None:
    """What happened when a question asks about, or None when it asks for something else.

    `now` is in seconds since 1970 in UTC; days begin at midnight in `zone`.
    """
    folded = folded_of(text)
    moment = moments.find(folded, now, zone)
    rest = folded if moment is None else f"{folded[: moment.start]} {folded[moment.end :]}".strip()
    rest = " ".join(rest.split()).strip(" ?!.,;:")
    short = len(rest.split()) <= WORDS and not _INTERROGATIVE.search(rest)
    if not (
        _NEW.search(rest)
        or _NEWS_LAST.search(rest)
        or (moment and _HAPPENED.search(rest))
        or (moment and moment.relative and (short or _DID.search(rest)))
    ):
        return None
    topic = tuple(
        word
        for word in dict.fromkeys(terms.words(_I_HAVE.sub(" ", _without(text, moment))))
        if terms.alternatives(word) and not _SAYING.fullmatch(terms.fold(word))
    )
    dated = moment is not None and not moment.relative
    if len(topic) > (WORDS if moment and not dated else FEW_WORDS):
        return None
    if moment is None:
        return Happening(Period(now - moments.LATELY, now + 1), topic, stated=False)
    return Happening(moment.period, topic, stated=True, dated=dated)


def befallen(text: str) -> tuple[str, ...]:
    """What a question of no period asks the fate of (`what happened to Pelikan?`), or ()."""
    folded = folded_of(text).strip(" ?!.,;:")
    befell = _BEFELL.match(folded)
    if befell is None:
        return ()
    words = dict.fromkeys(terms.words(folded[befell.end() :]))
    topic = tuple(word for word in words if terms.alternatives(word))
    return topic if len(topic) <= FEW_WORDS else ()


def folded_of(text: str) -> str:
    """A question in folded words, one space apart."""
    return " ".join(terms.fold(text).split())


def _without(text: str, moment: moments.Moment | None) -> str:
    """A question without its expression of time, its capitals kept."""
    if moment is None:
        return text
    kept: list[str] = []
    position = 0
    for piece in text.split():
        folded = folded_of(piece)
        if position + len(folded) <= moment.start or position >= moment.end:
            kept.append(piece)
        position += len(folded) + 1 if folded else 0
    return " ".join(kept)


async def told(
    searcher: Searcher, happening: Happening, *, feed_ids: Collection[int] | None
) -> tuple[Line, ...]:
    """The stories of a period about a topic, newest first, one line each; at most ten."""
    if feed_ids is not None and not feed_ids:
        return ()
    scope = Scope(
        feed_ids=None if feed_ids is None else frozenset(feed_ids),
        since=happening.period.start,
        before=happening.period.end,
    )
    for since in (scope.since,) if happening.stated else (scope.since, happening.period.end - MONTH):
        articles = await _about(searcher, happening.topic, replace(scope, since=since))
        if articles:
            kin = await _kin(searcher, articles)
            return await searcher.aside(_lines, articles, happening.topic, kin)
    return ()


async def otherwise(
    searcher: Searcher, topic: Sequence[str], *, feed_ids: Collection[int] | None, most: int
) -> tuple[Article, ...]:
    """The newest articles of any time that are about a topic: no period of it held any.

    Those with the topic in their titles where there are any; never those that only mention it.
    """
    if feed_ids is not None and not feed_ids:
        return ()
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    articles = await _found(searcher, topic, scope)
    return tuple((await searcher.aside(_foremost, articles, topic))[:most])


async def fate(
    searcher: Searcher, topic: Sequence[str], *, feed_ids: Collection[int] | None
) -> tuple[Line, ...]:
    """The stories of any time with all words of a topic in their titles, newest first, one line each."""
    if not topic or (feed_ids is not None and not feed_ids):
        return ()
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    articles = await _found(searcher, topic, scope)
    return await searcher.aside(_titled, articles, topic, await _kin(searcher, articles))


async def _kin(searcher: Searcher, articles: Sequence[Article]) -> set[tuple[int, int]]:
    """Pairs of ids of articles that were seen to tell of one event as they came in."""
    return await searcher.store.stories.kin([article.id for article in articles])


async def _about(searcher: Searcher, topic: Sequence[str], scope: Scope) -> list[Article]:
    """The newest articles that are about all words of a topic, or else that hold them."""
    articles = await _found(searcher, topic, scope)
    return await searcher.aside(_chosen, articles, topic) if topic else articles


async def _found(searcher: Searcher, topic: Sequence[str], scope: Scope) -> list[Article]:
    """The newest articles that hold all words of a topic."""
    store = searcher.store
    if not topic:
        hits = await store.index.newest(None, scope=scope, limit=READ)
        return await store.articles.by_ids([hit.article_id for hit in hits])
    found: dict[int, int] = {}  # articles and when they were published
    for column in (Column.TITLE, Column.TEXT):
        wanted = All(tuple(_any_form(word, column) for word in topic))
        for hit in await store.index.newest(wanted, scope=scope, limit=READ):
            found[hit.article_id] = hit.published
    return await store.articles.by_ids(sorted(found, key=lambda article_id: -found[article_id]))


def _any_form(word: str, column: Column) -> Wanted:
    forms = frozenset(terms.alternatives(word))
    wanted = forms | translations(forms) | namesakes.also(forms)
    return Any(tuple(Terms((form,), column) for form in sorted(wanted)))


def _chosen(articles: Iterable[Article], topic: Sequence[str]) -> list[Article]:
    """Those of some articles that are about a topic: by their titles where those are enough, their
    beginnings, or, where no article is, those that mention it.
    """
    places = [(place, each) for each in articles if (place := _place(each, topic))]
    for least in (_Place.TITLE, _Place.BEGINNING):
        chosen = [each for place, each in places if place >= least]
        if len(chosen) >= (TITLES if least is _Place.TITLE else 1):
            return chosen
    return [each for _, each in places]


def _foremost(articles: Iterable[Article], topic: Sequence[str]) -> list[Article]:
    """Those of some articles with a topic in their titles, or, where there are none, that are about it."""
    places = [(_place(each, topic), each) for each in articles]
    best = max((place for place, _ in places), default=_Place.NOWHERE)
    return [each for place, each in places if place == best and place >= _Place.BEGINNING]


def _titled(
    articles: Iterable[Article], topic: Sequence[str], kin: Collection[tuple[int, int]]
) -> tuple[Line, ...]:
    return _lines([each for each in articles if _place(each, topic) is _Place.TITLE], topic, kin)


class _Place(IntEnum):
    """Where an article holds all words of a topic."""

    NOWHERE = 0
    TEXT = 1
    BEGINNING = 2
    TITLE = 3


def _place(article: Article, topic: Sequence[str]) -> _Place:
    """Where all words of a topic stand, in the forms they have in the article's language.

    By the other language's stemmer `OpenAI` would also be "open".
    """
    language = article.language
    words = [_forms(word, language) for word in topic]
    body = article.body or article.summary
    title = frozenset(terms.stems(article.title, language))
    if not any(map(title.isdisjoint, words)):
        return _Place.TITLE
    begins = title.union(terms.stems(f"{article.summary[:LEAD]}\n{body[:LEAD]}", language))
    if not any(map(begins.isdisjoint, words)):
        return _Place.BEGINNING
    counts = Counter(terms.stems(body[:LONGEST], language))
    counts.update(begins)
    often = min(sum(counts[form] for form in forms) for forms in words)
    if often > OFTEN:
        return _Place.BEGINNING
    return _Place.TEXT if often else _Place.NOWHERE


@lru_cache(maxsize=1024)
def _forms(word: str, language: str | None) -> frozenset[str]:
    """The terms of a word in articles of a language: as a word of that language, and translated."""
    others = ("fr", "en") if language is None else ("en" if language == "fr" else "fr",)
    translated = (translations(terms.forms(word, other)) for other in others)
    forms = frozenset(terms.forms(word, language))
    return forms.union(namesakes.also(frozenset(terms.alternatives(word))), *translated)


def _lines(
    articles: Iterable[Article], topic: Sequence[str], kin: Collection[tuple[int, int]]
) -> tuple[Line, ...]:
    """One line a story, newest first. `kin` are pairs of ids that tell of one event, in either order."""
    of_topic = frozenset[str]().union(*(_forms(word, None) for word in topic))
    kept: list[tuple[frozenset[str], Article]] = []
    told: set[int] = set()  # the articles of the stories that have a line
    related: dict[int, set[int]] = defaultdict(set)
    for one, other in kin:
        related[one].add(other)
        related[other].add(one)

    def new() -> Iterable[Line]:
        for article in articles:
            words = frozenset(terms.stems(article.title, article.language)) - of_topic
            is_new = told.isdisjoint(related[article.id])
            told.add(article.id)
            if is_new and not any(_same_story(words, article, *other) for other in kept):
                kept.append((words, article))
                yield Line(safe.plain(article.title) or article.url, article)

    return tuple(islice(new(), LINES))


def _same_story(words: frozenset[str], article: Article, others: frozenset[str], other: Article) -> bool:
    """Whether two articles tell of the same event: by their titles' words beyond the topic.

    Titles with different numbers never do: of two releases, two quarters, two counts each is news.
    """
    if article.page == other.page:
        return True
    if abs(article.published - other.published) > STORY:
        return False
    numbers, other_numbers = (
        {word for word in each if any(map(str.isdecimal, word))} for each in (words, others)
    )
    if numbers and other_numbers and numbers != other_numbers:
        return False
    common = len(words & others)
    return common > 1 and common > ALIKE * len(words | others)
