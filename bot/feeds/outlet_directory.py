"""Directory of well-known news outlets, and its search for queries such as `the verge` or `lemonde tech`."""

from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz

from bot import DATA
from bot.text import urls
from bot.text.words import split_at_white_space, split_words

MAX_RESULTS = 25
"""Maximum number of outlets that a search returns."""
MAX_QUERY_WORDS = 8
"""Maximum number of words of a query that are read."""
MAX_QUERY_CHARS = 200
"""Maximum number of characters of a query that are read."""
MIN_TYPO_SCORE = 80
"""Minimum similarity, 0 to 100, at which a query word may be a misspelling of a word of an outlet's name."""
MIN_TYPO_CHARS = 5
"""Minimum number of characters of a query word that may be a misspelling."""
MIN_PREFIX_CHARS = 3
"""Minimum number of characters of a query word that may be the beginning of a word of an outlet's name."""

_SECTION_SEPARATOR = " – "
"""Separator between the name of an outlet and that of its section."""
_IGNORED_WORDS = split_at_white_space("and de des du et feed flux l la le les of rss the")
"""Words that do not count when a query is compared with names and topics."""
_TOPIC_SYNONYMS = {
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
"""English and French synonyms of the topics of outlets, by topic, separated by spaces."""
_LANGUAGE_NAMES = {"en": "anglais english", "fr": "french français"}


class Outlet(NamedTuple):
    """Entry of the directory of news outlets: the main feed of an outlet, or the feed of one of its sections.

    `packs` are the names of the starter packs (feeds to follow together) that contain it; `aliases` are further names
    of the outlet.
    """

    name: str
    language: str
    topics: tuple[str, ...]
    feed_url: str
    packs: tuple[str, ...]
    aliases: tuple[str, ...]


class _SearchTerms(NamedTuple):
    """Terms by which a search finds an outlet of the directory.

    `compact_full_name` is the full name without spaces ("theverge"). Words such as `the` are left out of `name_words`,
    the words of all its names and its main name without spaces, and of `compact_names`, its names without spaces and
    the name of its host. The compact names of a section lack the name of the outlet alone. `topic_words` has the words
    for its topics and language.
    """

    compact_full_name: str
    name_words: frozenset[str]
    compact_names: frozenset[str]
    topic_words: frozenset[str]


@cache
def load_outlets() -> tuple[Outlet, ...]:
    """Return all outlets of the directory, in the order of its file."""
    lines = (DATA / "outlets.tsv").read_text("utf-8").splitlines()
    return tuple(_parse_outlet(line) for line in lines if line and not line.startswith("#"))


def search_outlets(query: str) -> tuple[Outlet, ...]:
    """Return at most `MAX_RESULTS` outlets for a query, best first.

    If the query is the name of an outlet, only outlets with that name are returned. Otherwise each word of the query
    but words such as `the` must match a topic, a language, or a word of a name, which may be misspelt or only begun.
    """
    all_words = split_words(query[:MAX_QUERY_CHARS])[:MAX_QUERY_WORDS]
    query_words = [word for word in all_words if word not in _IGNORED_WORDS]
    if not query_words:
        return ()
    compact_query, compact_significant_query = "".join(all_words), "".join(query_words)
    exact_matches = [outlet for outlet, terms in _load_index() if terms.compact_full_name == compact_query]
    name_matches = [outlet for outlet, terms in _load_index() if compact_significant_query in terms.compact_names]
    if exact_matches or name_matches:
        return tuple((exact_matches or name_matches)[:MAX_RESULTS])
    scored_outlets = [
        (_score_outlet(query_words, terms), -position, outlet) for position, (outlet, terms) in enumerate(_load_index())
    ]
    return tuple(outlet for score, _position, outlet in sorted(scored_outlets, reverse=True)[:MAX_RESULTS] if score > 0)


def _score_outlet(query_words: list[str], terms: _SearchTerms) -> float:
    total_score = 0.0
    for word in query_words:
        score = _score_word(word, terms)
        if score == 0:
            return 0.0
        total_score += score
    return total_score - len(terms.name_words) / 10  # Rank an outlet before its sections.


def _score_word(word: str, terms: _SearchTerms) -> float:
    if word in terms.name_words or word in terms.compact_names:
        return 3.0
    if word in terms.topic_words:
        return 2.0
    if len(word) >= MIN_PREFIX_CHARS and any(
        name_word.startswith(word) for name_word in terms.name_words | terms.compact_names
    ):
        return 1.5
    if len(word) >= MIN_TYPO_CHARS and any(
        fuzz.ratio(word, name) >= MIN_TYPO_SCORE for name in terms.name_words | terms.compact_names
    ):
        return 1.0
    return 0.0


@cache
def _load_index() -> tuple[tuple[Outlet, _SearchTerms], ...]:
    return tuple((outlet, _build_search_terms(outlet)) for outlet in load_outlets())


def _build_search_terms(outlet: Outlet) -> _SearchTerms:
    main_name = outlet.name.partition(_SECTION_SEPARATOR)[0]
    host_word = urls.parse_host(outlet.feed_url).removeprefix("www.").rpartition(".")[0].replace(".", "")
    names = [outlet.name, *outlet.aliases]
    compact_names = {"".join(_split_significant_words(name)) for name in (outlet.name, main_name, *outlet.aliases)} | {
        host_word
    }
    if main_name != outlet.name:
        # A section is found only together with its topic or its own name.
        compact_names -= {"".join(_split_significant_words(main_name)), host_word}
    topics_text = " ".join(f"{topic} {_TOPIC_SYNONYMS.get(topic, '')}" for topic in outlet.topics)
    compact_main_names = ("".join(split_words(main_name)), "".join(_split_significant_words(main_name)))
    return _SearchTerms(
        "".join(split_words(outlet.name)),
        frozenset((*compact_main_names, *(word for name in names for word in _split_significant_words(name)))),
        frozenset(compact_names),
        frozenset(split_words(f"{topics_text} {outlet.language} {_LANGUAGE_NAMES[outlet.language]}")),
    )


def _split_significant_words(name: str) -> list[str]:
    return [word for word in split_words(name) if word not in _IGNORED_WORDS]


def _parse_outlet(line: str) -> Outlet:
    name, language, topics_text, feed_url, *optional_columns = line.split("\t")
    packs_text, aliases_text = (*optional_columns, "", "")[:2]
    alias_names = tuple(filter(None, aliases_text.split(", ")))
    return Outlet(name, language, tuple(topics_text.split()), feed_url, tuple(packs_text.split()), alias_names)
