"""Directory of well-known outlets and its search: `the verge`, `lemonde tech`, `jeux vidéo`."""

from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz

from bot import DATA
from bot.text import urls
from bot.text.words import word_set, words

MAX_RESULTS = 25
"""Outlets that a search returns."""
MOST_WORDS = 8
"""Words of a query that are read."""
MAX_QUERY_CHARS = 200
"""Characters of a query that are read."""
MIN_TYPO_SCORE = 80
"""Similarity out of 100 from which a word counts as a misspelling of a name's word."""
SHORTEST_TYPO = 5
"""Characters of a word that may be a misspelling."""
SHORTEST_BEGINNING = 3
"""Characters of a word that may be the beginning of another."""

_SECTION = " – "
_IGNORED_WORDS = word_set("and de des du et feed flux l la le les of rss the")
_TOPICS = {
    "ai": "artificial ia intelligence machine learning",
    "apple": "iphone ipad mac macos ios",
    "books": "livres littérature literature",
    "business": "affaires bourse economics économie economy finance markets money startup startups",
    "cars": "auto automobile autos car voitures",
    "cinema": "cinéma film films movie movies séries series tv",
    "culture": "arts entertainment",
    "design": "architecture",
    "dev": "code coding développement development informatique programmation programming software",
    "environment": "climat climate écologie ecology environnement",
    "football": "foot soccer",
    "gaming": "game games jeu jeux vidéo video videogames",
    "hardware": "matériel electronics électronique",
    "health": "médecine medicine santé",
    "humour": "fun humor satire",
    "linux": "free libre logiciel opensource",
    "media": "médias press presse",
    "music": "musique",
    "news": "actu actualité actualités info infos une",
    "phones": "android mobile phone smartphone smartphones",
    "politics": "politique",
    "science": "recherche research sciences",
    "security": "cyber cybersecurity cybersécurité infosec sécurité",
    "space": "espace",
    "sport": "sports",
    "tech": "high numérique techno technologie technology",
    "world": "étranger international monde",
    "canada": "québec",
    "belgium": "belge belgique",
    "switzerland": "suisse",
    "africa": "afrique",
}
"""Synonyms in English and French of the topics of the directory."""
_LANGUAGES = {"en": "anglais english", "fr": "french français"}


class Outlet(NamedTuple):
    """A feed of the directory: an outlet's main feed, or one of its sections."""

    name: str
    language: str
    topics: tuple[str, ...]
    feed_url: str
    packs: tuple[str, ...]
    aliases: tuple[str, ...]


class _SearchTerms(NamedTuple):
    """Search terms of an outlet.

    `name` is the full name in one word, `name_words` the words of its names, `compact_names` each
    name in one word.
    """

    name: str
    names: frozenset[str]
    whole: frozenset[str]
    topics: frozenset[str]


@cache
def outlets() -> tuple[Outlet, ...]:
    """Return the directory, in the order of its file."""
    lines = (DATA / "outlets.tsv").read_text("utf-8").splitlines()
    return tuple(_outlet(line) for line in lines if line and not line.startswith("#"))


def search_outlets(text: str) -> tuple[Outlet, ...]:
    """Return at most `MAX_RESULTS` outlets for a query, best first; only exact names if any match.

    Each word must match a word of a name, also misspelt or as its beginning, or a topic or a language.
    """
    every = words(text[:MAX_QUERY_CHARS])[:MOST_WORDS]
    typed = [word for word in every if word not in _IGNORED_WORDS]
    if not typed:
        return ()
    name, called_so = "".join(every), "".join(typed)
    named = [outlet for outlet, known in _index() if known.name == name]
    called = [outlet for outlet, known in _index() if called_so in known.whole]
    if named or called:
        return tuple((named or called)[:MAX_RESULTS])
    rated = [(_score(typed, known), -place, outlet) for place, (outlet, known) in enumerate(_index())]
    return tuple(outlet for score, _place, outlet in sorted(rated, reverse=True)[:MAX_RESULTS] if score > 0)


def _score(typed: list[str], known: _SearchTerms) -> float:
    total = 0.0
    for word in typed:
        score = _rated_word(word, known)
        if score == 0:
            return 0.0
        total += score
    return total - len(known.names) / 10  # Rank an outlet before its sections.


def _rated_word(word: str, known: _SearchTerms) -> float:
    if word in known.names or word in known.whole:
        return 3.0
    if word in known.topics:
        return 2.0
    if len(word) >= SHORTEST_BEGINNING and any(each.startswith(word) for each in known.names | known.whole):
        return 1.5
    if len(word) >= SHORTEST_TYPO and any(
        fuzz.ratio(word, each) >= MIN_TYPO_SCORE for each in known.names | known.whole
    ):
        return 1.0
    return 0.0


@cache
def _index() -> tuple[tuple[Outlet, _SearchTerms], ...]:
    return tuple((outlet, _search_terms(outlet)) for outlet in outlets())


def _search_terms(outlet: Outlet) -> _SearchTerms:
    main = outlet.name.partition(_SECTION)[0]
    host = urls.host(outlet.feed_url).removeprefix("www.").rpartition(".")[0].replace(".", "")
    names = [outlet.name, *outlet.aliases]
    whole = {"".join(_significant_words(name)) for name in (outlet.name, main, *outlet.aliases)} | {host}
    if main != outlet.name:
        # A section is found only together with its topic or its own name.
        whole -= {"".join(_significant_words(main)), host}
    topics = " ".join(f"{topic} {_TOPICS.get(topic, '')}" for topic in outlet.topics)
    joined = ("".join(words(main)), "".join(_significant_words(main)))
    return _SearchTerms(
        "".join(words(outlet.name)),
        frozenset((*joined, *(word for name in names for word in _significant_words(name)))),
        frozenset(whole),
        frozenset(words(f"{topics} {outlet.language} {_LANGUAGES[outlet.language]}")),
    )


def _significant_words(name: str) -> list[str]:
    return [word for word in words(name) if word not in _IGNORED_WORDS]


def _outlet(line: str) -> Outlet:
    name, language, topics, feed, *rest = line.split("\t")
    packs, others = (*rest, "", "")[:2]
    other_names = tuple(filter(None, others.split(", ")))
    return Outlet(name, language, tuple(topics.split()), feed, tuple(packs.split()), other_names)
