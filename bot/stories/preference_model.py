"""What a server likes: the outlets, topics and words of titles that its people keep, praise or turn down.

For each of them the likes there are, against those that there would be if it were liked as much as all that
was posted: log((likes + c) / (expected + c)), the relative rate under a gamma prior that pulls what is seldom
seen to nought (W. DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 53,
1999). An article's taste is the sum of its most telling ones, as in naive Bayes. A bookmark and a 👍 are a
like; opening the menu of a post is a weak one, for it says less (Y. Hu, Y. Koren, C. Volinsky, "Collaborative
filtering for implicit feedback datasets", ICDM 2008); a "less like this" is a like that was expected and did
not come. All of it fades.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.store.records.content_records import ArticleProfile
from bot.store.records.outbox_records import DigestCandidate
from bot.store.records.people_records import FeedbackEvent, OpinionKind, ShownArticle
from bot.text import discord_text
from bot.text.words import fold

HALF_LIFE_SECONDS = 30 * 86_400
"""Seconds in which what was posted and liked comes to count half."""
EVIDENCE_WINDOW_SECONDS = 90 * 86_400
"""Seconds after which it counts no more."""
MAX_SCORE = 2.0
"""The most that a taste says for an article or against it."""
MAX_VERDICTS_PER_PERSON = 50
"""Verdicts of one person that count, the newest: nobody's taste is a server's."""
MIN_JUDGES_TO_SHOW = 3
"""People who have to have judged something before others are told that it is liked or not."""

_PRIOR_LIKES = 2.0  # likes
_OPINION_WEIGHTS = {OpinionKind.BOOKMARKED: 1.0, OpinionKind.LIKED: 1.0, OpinionKind.OPENED: 0.3}
_MAX_TRAITS_PER_STORY = 3  # traits by which an article is judged
_MIN_TRAIT_SCORE = 0.1
_MAX_TRAITS = 500
_MAX_TAGS = 10
_MAX_NAME_LENGTH = 60  # characters
_MIN_WORD_LENGTH = 3  # letters
_MIN_WORD_ARTICLES = 2  # articles that a word has to be in


RatableArticle = ArticleProfile | DigestCandidate | Article
"""An article, as much of it as tells whether people like it."""


class TraitKind(StrEnum):
    """What a trait is."""

    OUTLET = "outlet"
    TOPIC = "topic"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that articles have: its name as people read it, and how much it is liked, 0 being average.

    `judges` are people who gave a verdict on what has it, as many as it takes to tell of it.
    """

    kind: TraitKind
    name: str
    score: float
    judges: tuple[int, ...] = ()

    def may_be_shown_to(self, person_id: int) -> bool:
        """Whether this person is told of it: it is the taste of several people, or of nobody else."""
        return len(self.judges) >= MIN_JUDGES_TO_SHOW or set(self.judges) <= {person_id}


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """What a server likes, by the keys of traits; how many verdicts that is made of."""

    traits: Mapping[str, Trait] = field(default_factory=dict)
    verdict_count: int = 0

    def strongest_traits(self, articles: Iterable[RatableArticle]) -> list[Trait]:
        """What says most for a story or against it, the most telling first."""
        found = {key for article in articles for key in _trait_names_by_key(article)} & self.traits.keys()
        traits = sorted((self.traits[key] for key in found), key=lambda one: (-abs(one.score), one.name))
        return traits[:_MAX_TRAITS_PER_STORY]

    def score(self, articles: Iterable[RatableArticle]) -> float:
        """How much the server likes a story of these articles: from -`LIMIT` to `LIMIT`, 0 being average."""
        if not self.traits:
            return 0.0
        return max(-MAX_SCORE, min(MAX_SCORE, sum(trait.score for trait in self.strongest_traits(articles))))


NO_PREFERENCES = PreferenceModel()
"""That of a server that never said."""


def learn_preferences(
    shown: Sequence[ShownArticle], verdicts: Sequence[FeedbackEvent], now: int
) -> PreferenceModel:
    """What a server likes, from what was posted there and what its people made of it. For a worker."""
    counted = list(_effective_verdicts(verdicts))
    if not counted:
        return NO_PREFERENCES
    articles = {one.article_id: one.article for one in shown}
    posted = {one.article_id: _decay(now - one.sent_at) for one in shown}
    likes: defaultdict[int, float] = defaultdict(float)
    refused: defaultdict[int, float] = defaultdict(float)
    judges: defaultdict[int, list[int]] = defaultdict(list)
    for one in counted:
        if one.article_id in articles:
            told = refused if one.opinion is OpinionKind.DISLIKED else likes
            told[one.article_id] += _OPINION_WEIGHTS.get(one.opinion, 1.0) * _decay(now - one.given_at)
            judges[one.article_id].append(one.person_id)
    rate = sum(likes.values()) / (sum(posted.values()) or 1.0)
    return PreferenceModel(_traits(articles, posted, likes, refused, judges, rate), len(counted))


def _traits(
    articles: Mapping[int, RatableArticle],
    posted: Mapping[int, float],
    likes: Mapping[int, float],
    refused: Mapping[int, float],
    judges: Mapping[int, Sequence[int]],
    rate: float,
) -> dict[str, Trait]:
    having: defaultdict[str, list[int]] = defaultdict(list)
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article_id, article in articles.items():
        for key, name in _trait_names_by_key(article).items():
            having[key].append(article_id)
            names[key][name] += 1
    found: dict[str, Trait] = {}
    for key, ids in having.items():
        kind = _KINDS[key[0]]
        if kind is TraitKind.WORD and len(ids) < _MIN_WORD_ARTICLES:
            continue
        got = sum(likes.get(one, 0.0) for one in ids)
        expected = sum(rate * posted[one] + refused.get(one, 0.0) for one in ids)
        score = log((got + _PRIOR_LIKES) / (expected + _PRIOR_LIKES))
        if abs(score) >= _MIN_TRAIT_SCORE:
            people = dict.fromkeys(person for one in ids for person in judges.get(one, ()))
            name = names[key].most_common(1)[0][0]
            found[key] = Trait(kind, name, score, tuple(people)[:MIN_JUDGES_TO_SHOW])
    strongest = sorted(found, key=lambda key: -abs(found[key].score))[:_MAX_TRAITS]
    return {key: found[key] for key in strongest}


_KINDS = {kind[0]: kind for kind in TraitKind}  # by the first letter of a key


def _trait_names_by_key(article: RatableArticle) -> dict[str, str]:
    """The traits of an article: their names by their keys."""
    found = (
        {f"o:{fold(article.outlet)}": discord_text.to_plain_line(article.outlet, _MAX_NAME_LENGTH)}
        if article.outlet
        else {}
    )
    for tag in article.tags[:_MAX_TAGS]:
        if name := discord_text.to_plain_line(tag, _MAX_NAME_LENGTH):
            found.setdefault(f"t:{fold(name)}", name)
    for stem, begin, end in text_analysis.stem_spans(article.title, article.language):
        if len(stem) >= _MIN_WORD_LENGTH and not stem.isdecimal() and f"t:{stem}" not in found:
            found.setdefault(
                f"w:{stem}", discord_text.to_plain_line(article.title[begin:end], _MAX_NAME_LENGTH)
            )
    return found


def _effective_verdicts(verdicts: Sequence[FeedbackEvent]) -> Iterator[FeedbackEvent]:
    """The newest verdicts of each person, one an article: what they said outright before what they did."""
    said = {(one.person_id, one.article_id) for one in verdicts if one.opinion in _EXPLICIT_OPINIONS}
    seen: Counter[int] = Counter()
    kept: set[tuple[int, int]] = set()
    for one in sorted(verdicts, key=lambda one: (-one.given_at, one.article_id)):
        key = (one.person_id, one.article_id)
        if key in kept or (key in said and one.opinion not in _EXPLICIT_OPINIONS):
            continue
        if seen[one.person_id] < MAX_VERDICTS_PER_PERSON:
            kept.add(key)
            seen[one.person_id] += 1
            yield one


_EXPLICIT_OPINIONS = frozenset({OpinionKind.LIKED, OpinionKind.DISLIKED})


def _decay(age: int) -> float:
    return float(0.5 ** (max(age, 0) / HALF_LIFE_SECONDS))
