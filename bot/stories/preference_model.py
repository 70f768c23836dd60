"""Preference model of a server: which outlets, topics and title words its users like or dislike.

The score of an outlet, topic or word (a trait) compares its likes with the likes expected if all posts were
liked equally: log((likes + c) / (expected + c)). This is the relative rate under a gamma prior, which shrinks
rare traits towards 0 (W. DuMouchel, "Bayesian data mining in large frequency tables", The American
Statistician 53, 1999). The score of a story is the sum of its strongest traits, as in naive Bayes. A
bookmark and a 👍 are a like; opening the menu of a post is a weak one (Y. Hu, Y. Koren, C. Volinsky,
"Collaborative filtering for implicit feedback datasets", ICDM 2008); a "less like this" adds to the expected
likes. The weight of all these opinions decays over time.
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
from bot.store.records.people_records import Opinion, OpinionKind, TrainingArticle
from bot.text import discord_text
from bot.text.words import fold

HALF_LIFE_SECONDS = 30 * 86_400
"""Time in seconds in which the weight of posts and likes drops by half."""
EVIDENCE_WINDOW_SECONDS = 90 * 86_400
"""Maximum age in seconds of the posts and likes that a model is learned from."""
MAX_SCORE = 2.0
"""Maximum absolute preference score of a story (of one article or several)."""
MAX_OPINIONS_PER_USER = 50
"""Maximum number of a user's opinions on articles that count, newest first.

It keeps one user from dominating the preferences of a server.
"""
MIN_USERS_TO_SHOW = 3
"""Minimum number of users who gave an opinion on a trait for the trait to be shown to other users."""

_PRIOR_LIKE_COUNT = 2.0
"""Number of likes (c) added to the actual and expected likes of a trait, so that rare traits score near 0."""
_OPINION_WEIGHTS = {OpinionKind.BOOKMARKED: 1.0, OpinionKind.LIKED: 1.0, OpinionKind.OPENED: 0.3}
"""Weights of opinions on articles by kind, in likes; a dislike weighs as much as a like."""
_MAX_TRAITS_PER_STORY = 3
"""Maximum number of traits (outlets, topics, words) that count in the score of a story."""
_MIN_TRAIT_SCORE = 0.1
"""Minimum absolute score of a trait (outlet, topic or word) that a preference model contains."""
_MAX_TRAITS_PER_SERVER = 500
"""Maximum number of traits (outlets, topics, words) of a preference model, the strongest."""
_MAX_TAGS = 10
"""Maximum number of an article's tags that count as topics."""
_MAX_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of a trait (outlet, topic or word)."""
_MIN_WORD_LENGTH = 3
"""Minimum length in letters of the stem of a title word that counts as a trait."""
_MIN_WORD_ARTICLES = 2
"""Minimum number of articles with a title word for the word to count as a trait."""


RatableArticle = ArticleProfile | DigestCandidate | Article
"""Type of the article records that a preference model can rate."""


class TraitKind(StrEnum):
    """Kind of a trait: outlet, topic or title word."""

    OUTLET = "outlet"
    TOPIC = "topic"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Trait:
    """A property of articles (outlet, topic or title word): its name, and how much it is liked; 0 is average.

    `user_ids` are ids of users who gave an opinion on articles with the trait, at most `MIN_USERS_TO_SHOW`.
    """

    kind: TraitKind
    name: str
    score: float
    user_ids: tuple[int, ...] = ()

    def may_be_shown_to(self, user_id: int) -> bool:
        """Return whether a user may see the trait.

        That is so if `MIN_USERS_TO_SHOW` users gave opinions on it, or nobody but this user did.
        """
        return len(self.user_ids) >= MIN_USERS_TO_SHOW or set(self.user_ids) <= {user_id}


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """Traits that the users of a server like or dislike, and the number of opinions that count.

    The key of a trait is the first letter of its kind, a colon, and its name without case and accents.
    """

    traits: Mapping[str, Trait] = field(default_factory=dict)
    opinion_count: int = 0

    def select_strongest_traits(self, articles: Iterable[RatableArticle]) -> list[Trait]:
        """Return at most `_MAX_TRAITS_PER_STORY` traits of a story's articles, the largest absolute score first."""
        trait_keys = {key for article in articles for key in _collect_trait_names(article)} & self.traits.keys()
        traits = sorted((self.traits[key] for key in trait_keys), key=lambda trait: (-abs(trait.score), trait.name))
        return traits[:_MAX_TRAITS_PER_STORY]

    def compute_score(self, articles: Iterable[RatableArticle]) -> float:
        """Return how much the server's users like a story, from -`MAX_SCORE` to `MAX_SCORE`; 0 is average."""
        if not self.traits:
            return 0.0
        return max(-MAX_SCORE, min(MAX_SCORE, sum(trait.score for trait in self.select_strongest_traits(articles))))


NO_PREFERENCES = PreferenceModel()
"""Preference model of a server whose users gave no opinions."""


def learn_preferences(
    training_articles: Sequence[TrainingArticle], opinions: Sequence[Opinion], now: int
) -> PreferenceModel:
    """Return the preference model of a server, learned from its posts and its users' opinions.

    Call it in a worker process, because it is slow. `now` is Unix time in seconds.
    """
    effective_opinions = list(_iter_effective_opinions(opinions))
    if not effective_opinions:
        return NO_PREFERENCES
    article_by_id = {training_article.article_id: training_article.profile for training_article in training_articles}
    post_weight_by_article_id = {
        training_article.article_id: _compute_decay(now - training_article.first_seen_at)
        for training_article in training_articles
    }
    like_weight_by_article_id: defaultdict[int, float] = defaultdict(float)
    dislike_weight_by_article_id: defaultdict[int, float] = defaultdict(float)
    user_ids_by_article_id: defaultdict[int, list[int]] = defaultdict(list)
    for opinion in effective_opinions:
        if opinion.article_id in article_by_id:
            opinion_weight_by_article_id = (
                dislike_weight_by_article_id if opinion.kind is OpinionKind.DISLIKED else like_weight_by_article_id
            )
            opinion_weight_by_article_id[opinion.article_id] += _OPINION_WEIGHTS.get(
                opinion.kind, 1.0
            ) * _compute_decay(now - opinion.given_at)
            user_ids_by_article_id[opinion.article_id].append(opinion.user_id)
    like_rate = sum(like_weight_by_article_id.values()) / (sum(post_weight_by_article_id.values()) or 1.0)
    return PreferenceModel(
        _compute_traits(
            article_by_id,
            post_weight_by_article_id,
            like_weight_by_article_id,
            dislike_weight_by_article_id,
            user_ids_by_article_id,
            like_rate,
        ),
        len(effective_opinions),
    )


def _compute_traits(
    article_by_id: Mapping[int, RatableArticle],
    post_weight_by_article_id: Mapping[int, float],
    like_weight_by_article_id: Mapping[int, float],
    dislike_weight_by_article_id: Mapping[int, float],
    user_ids_by_article_id: Mapping[int, Sequence[int]],
    like_rate: float,
) -> dict[str, Trait]:
    article_ids_by_key: defaultdict[str, list[int]] = defaultdict(list)
    name_counts_by_key: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article_id, article in article_by_id.items():
        for key, name in _collect_trait_names(article).items():
            article_ids_by_key[key].append(article_id)
            name_counts_by_key[key][name] += 1
    traits_by_key: dict[str, Trait] = {}
    for key, article_ids in article_ids_by_key.items():
        trait_kind = _KIND_BY_LETTER[key[0]]
        if trait_kind is TraitKind.WORD and len(article_ids) < _MIN_WORD_ARTICLES:
            continue
        actual_like_weight = sum(like_weight_by_article_id.get(article_id, 0.0) for article_id in article_ids)
        expected_like_weight = sum(
            like_rate * post_weight_by_article_id[article_id] + dislike_weight_by_article_id.get(article_id, 0.0)
            for article_id in article_ids
        )
        score = log((actual_like_weight + _PRIOR_LIKE_COUNT) / (expected_like_weight + _PRIOR_LIKE_COUNT))
        if abs(score) >= _MIN_TRAIT_SCORE:
            user_ids = dict.fromkeys(
                user_id for article_id in article_ids for user_id in user_ids_by_article_id.get(article_id, ())
            )
            name = name_counts_by_key[key].most_common(1)[0][0]
            traits_by_key[key] = Trait(trait_kind, name, score, tuple(user_ids)[:MIN_USERS_TO_SHOW])
    strongest_keys = sorted(traits_by_key, key=lambda key: -abs(traits_by_key[key].score))[:_MAX_TRAITS_PER_SERVER]
    return {key: traits_by_key[key] for key in strongest_keys}


_KIND_BY_LETTER = {kind[0]: kind for kind in TraitKind}
"""Kind of a trait by the first letter of the trait's key."""


def _collect_trait_names(article: RatableArticle) -> dict[str, str]:
    """Return the names of an article's traits (outlet, topics, title words) by key."""
    names_by_key = (
        {f"o:{fold(article.outlet)}": discord_text.to_plain_line(article.outlet, _MAX_NAME_LENGTH)}
        if article.outlet
        else {}
    )
    for tag in article.tags[:_MAX_TAGS]:
        if name := discord_text.to_plain_line(tag, _MAX_NAME_LENGTH):
            names_by_key.setdefault(f"t:{fold(name)}", name)
    for stem, start, end in text_analysis.find_stems_with_spans(article.title, article.language):
        if len(stem) >= _MIN_WORD_LENGTH and not stem.isdecimal() and f"t:{stem}" not in names_by_key:
            names_by_key.setdefault(f"w:{stem}", discord_text.to_plain_line(article.title[start:end], _MAX_NAME_LENGTH))
    return names_by_key


def _iter_effective_opinions(opinions: Sequence[Opinion]) -> Iterator[Opinion]:
    """Yield the newest opinions of each user, one per article.

    An explicit opinion overrides one that an action implies, such as a bookmark.
    """
    explicitly_rated_articles = {
        (opinion.user_id, opinion.article_id) for opinion in opinions if opinion.kind in _EXPLICIT_OPINION_KINDS
    }
    opinion_counts_by_user: Counter[int] = Counter()
    counted_user_articles: set[tuple[int, int]] = set()
    for opinion in sorted(opinions, key=lambda opinion: (-opinion.given_at, opinion.article_id)):
        user_article = (opinion.user_id, opinion.article_id)
        if user_article in counted_user_articles or (
            user_article in explicitly_rated_articles and opinion.kind not in _EXPLICIT_OPINION_KINDS
        ):
            continue
        if opinion_counts_by_user[opinion.user_id] < MAX_OPINIONS_PER_USER:
            counted_user_articles.add(user_article)
            opinion_counts_by_user[opinion.user_id] += 1
            yield opinion


_EXPLICIT_OPINION_KINDS = frozenset({OpinionKind.LIKED, OpinionKind.DISLIKED})


def _compute_decay(age_seconds: int) -> float:
    return float(0.5 ** (max(age_seconds, 0) / HALF_LIFE_SECONDS))
