"""Preference model of a server: which outlets, topics and title words its users like or dislike.

The score of such a trait compares its likes with those expected if all posts were liked equally: log((likes +
c) / (expected + c)). This is the relative rate under a gamma prior, which shrinks rare traits towards 0 (W.
DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 53, 1999). The score of
an article is the sum of its strongest traits, as in naive Bayes. A bookmark and a 👍 are a like; opening the
menu of a post is a weak one (Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback
datasets", ICDM 2008); a "less like this" adds to the expected likes. All of them decay over time.
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
"""Time in which the weight of posts and likes drops by half."""
EVIDENCE_WINDOW_SECONDS = 90 * 86_400
"""Maximum age of posts and likes that count."""
MAX_SCORE = 2.0
"""Maximum absolute preference score of an article."""
MAX_VERDICTS_PER_PERSON = 50
"""Maximum number of a user's verdicts that count, newest first, so that no user dominates a server."""
MIN_JUDGES_TO_SHOW = 3
"""Minimum number of users with verdicts on a trait before it is shown to others."""

_PRIOR_LIKES = 2.0
"""Parameter c of the prior, in likes."""
_OPINION_WEIGHTS = {OpinionKind.BOOKMARKED: 1.0, OpinionKind.LIKED: 1.0, OpinionKind.OPENED: 0.3}
_MAX_TRAITS_PER_STORY = 3
"""Maximum number of traits in the score of a story."""
_MIN_TRAIT_SCORE = 0.1
_MAX_TRAITS = 500
_MAX_TAGS = 10
_MAX_NAME_LENGTH = 60
"""Maximum length of a trait's name, in characters."""
_MIN_WORD_LENGTH = 3
"""Minimum length of a title word, in letters."""
_MIN_WORD_ARTICLES = 2
"""Minimum number of articles with a title word."""


RatableArticle = ArticleProfile | DigestCandidate | Article
"""Article records that have what the model needs."""


class TraitKind(StrEnum):
    """Kinds of traits."""

    OUTLET = "outlet"
    TOPIC = "topic"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Trait:
    """A property of articles: its name as shown to users, and how much it is liked; 0 is average.

    `judges` are ids of users who gave a verdict on such articles, at most `MIN_USERS_TO_SHOW`.
    """

    kind: TraitKind
    name: str
    score: float
    judges: tuple[int, ...] = ()

    def may_be_shown_to(self, person_id: int) -> bool:
        """Return whether a user may see the trait: enough users share it, or nobody but this user does."""
        return len(self.judges) >= MIN_JUDGES_TO_SHOW or set(self.judges) <= {person_id}


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """Traits that a server likes or dislikes, by key, and the number of verdicts they were learned from."""

    traits: Mapping[str, Trait] = field(default_factory=dict)
    verdict_count: int = 0

    def strongest_traits(self, articles: Iterable[RatableArticle]) -> list[Trait]:
        """Return the traits of a story's articles with the largest absolute scores, strongest first."""
        found = {key for article in articles for key in _trait_names_by_key(article)} & self.traits.keys()
        traits = sorted((self.traits[key] for key in found), key=lambda one: (-abs(one.score), one.name))
        return traits[:_MAX_TRAITS_PER_STORY]

    def score(self, articles: Iterable[RatableArticle]) -> float:
        """Return how much the server likes a story, from -`MAX_SCORE` to `MAX_SCORE`; 0 is average."""
        if not self.traits:
            return 0.0
        return max(-MAX_SCORE, min(MAX_SCORE, sum(trait.score for trait in self.strongest_traits(articles))))


NO_PREFERENCES = PreferenceModel()
"""Model of a server without opinions."""


def learn_preferences(
    shown: Sequence[ShownArticle], verdicts: Sequence[FeedbackEvent], now: int
) -> PreferenceModel:
    """Learn the model of a server from its posts and its users' verdicts, in a worker.

    `now` is Unix time in seconds.
    """
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


_KINDS = {kind[0]: kind for kind in TraitKind}
"""Kinds by the first letter of a trait's key."""


def _trait_names_by_key(article: RatableArticle) -> dict[str, str]:
    """Return the names of an article's traits by key."""
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
    """Yield the newest verdicts of each user, one per article; explicit opinions override actions."""
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
