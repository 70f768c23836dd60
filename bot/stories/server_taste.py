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
from bot.search.index import analysis
from bot.store.records.content_records import ToldArticle
from bot.store.records.outbox_records import Candidate
from bot.store.records.people_records import Opinion, Shown, Verdict
from bot.text import safe
from bot.text.words import fold

HALF_LIFE = 30 * 86_400
"""Seconds in which what was posted and liked comes to count half."""
REMEMBERED = 90 * 86_400
"""Seconds after which it counts no more."""
LIMIT = 2.0
"""The most that a taste says for an article or against it."""
MOST_OF_A_PERSON = 50
"""Verdicts of one person that count, the newest: nobody's taste is a server's."""
SEVERAL = 3
"""People who have to have judged something before others are told that it is liked or not."""

_PRIOR = 2.0  # likes
_WORTH = {Opinion.BOOKMARKED: 1.0, Opinion.LIKED: 1.0, Opinion.OPENED: 0.3}
_TELLING = 3  # traits by which an article is judged
_LEAST = 0.1
_MOST_TRAITS = 500
_TAGS = 10
_NAME = 60  # characters
_WORD = 3  # letters
_TWICE = 2  # articles that a word has to be in


Judged = ToldArticle | Candidate | Article
"""An article, as much of it as tells whether people like it."""


class Kind(StrEnum):
    """What a trait is."""

    OUTLET = "outlet"
    TOPIC = "topic"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that articles have: its name as people read it, and how much it is liked, 0 being average.

    `judges` are people who gave a verdict on what has it, as many as it takes to tell of it.
    """

    kind: Kind
    name: str
    score: float
    judges: tuple[int, ...] = ()

    def may_be_told(self, person_id: int) -> bool:
        """Whether this person is told of it: it is the taste of several people, or of nobody else."""
        return len(self.judges) >= SEVERAL or set(self.judges) <= {person_id}


@dataclass(frozen=True, slots=True)
class Taste:
    """What a server likes, by the keys of traits; how many verdicts that is made of."""

    traits: Mapping[str, Trait] = field(default_factory=dict)
    verdicts: int = 0

    def telling(self, articles: Iterable[Judged]) -> list[Trait]:
        """What says most for a story or against it, the most telling first."""
        found = {key for article in articles for key in _keys(article)} & self.traits.keys()
        traits = sorted((self.traits[key] for key in found), key=lambda one: (-abs(one.score), one.name))
        return traits[:_TELLING]

    def of(self, articles: Iterable[Judged]) -> float:
        """How much the server likes a story of these articles: from -`LIMIT` to `LIMIT`, 0 being average."""
        if not self.traits:
            return 0.0
        return max(-LIMIT, min(LIMIT, sum(trait.score for trait in self.telling(articles))))


NONE = Taste()
"""That of a server that never said."""


def learn(shown: Sequence[Shown], verdicts: Sequence[Verdict], now: int) -> Taste:
    """What a server likes, from what was posted there and what its people made of it. For a worker."""
    counted = list(_counted(verdicts))
    if not counted:
        return NONE
    articles = {one.article_id: one.article for one in shown}
    posted = {one.article_id: _fading(now - one.sent) for one in shown}
    likes: defaultdict[int, float] = defaultdict(float)
    refused: defaultdict[int, float] = defaultdict(float)
    judges: defaultdict[int, list[int]] = defaultdict(list)
    for one in counted:
        if one.article_id in articles:
            told = refused if one.opinion is Opinion.DISLIKED else likes
            told[one.article_id] += _WORTH.get(one.opinion, 1.0) * _fading(now - one.given)
            judges[one.article_id].append(one.person_id)
    rate = sum(likes.values()) / (sum(posted.values()) or 1.0)
    return Taste(_traits(articles, posted, likes, refused, judges, rate), len(counted))


def _traits(
    articles: Mapping[int, Judged],
    posted: Mapping[int, float],
    likes: Mapping[int, float],
    refused: Mapping[int, float],
    judges: Mapping[int, Sequence[int]],
    rate: float,
) -> dict[str, Trait]:
    having: defaultdict[str, list[int]] = defaultdict(list)
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article_id, article in articles.items():
        for key, name in _keys(article).items():
            having[key].append(article_id)
            names[key][name] += 1
    found: dict[str, Trait] = {}
    for key, ids in having.items():
        kind = _KINDS[key[0]]
        if kind is Kind.WORD and len(ids) < _TWICE:
            continue
        got = sum(likes.get(one, 0.0) for one in ids)
        expected = sum(rate * posted[one] + refused.get(one, 0.0) for one in ids)
        score = log((got + _PRIOR) / (expected + _PRIOR))
        if abs(score) >= _LEAST:
            people = dict.fromkeys(person for one in ids for person in judges.get(one, ()))
            name = names[key].most_common(1)[0][0]
            found[key] = Trait(kind, name, score, tuple(people)[:SEVERAL])
    strongest = sorted(found, key=lambda key: -abs(found[key].score))[:_MOST_TRAITS]
    return {key: found[key] for key in strongest}


_KINDS = {kind[0]: kind for kind in Kind}  # by the first letter of a key


def _keys(article: Judged) -> dict[str, str]:
    """The traits of an article: their names by their keys."""
    found = {f"o:{fold(article.outlet)}": safe.plain(article.outlet, _NAME)} if article.outlet else {}
    for tag in article.tags[:_TAGS]:
        if name := safe.plain(tag, _NAME):
            found.setdefault(f"t:{fold(name)}", name)
    for stem, begin, end in analysis.spans(article.title, article.language):
        if len(stem) >= _WORD and not stem.isdecimal() and f"t:{stem}" not in found:
            found.setdefault(f"w:{stem}", safe.plain(article.title[begin:end], _NAME))
    return found


def _counted(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """The newest verdicts of each person, one an article: what they said outright before what they did."""
    said = {(one.person_id, one.article_id) for one in verdicts if one.opinion in _SAID}
    seen: Counter[int] = Counter()
    kept: set[tuple[int, int]] = set()
    for one in sorted(verdicts, key=lambda one: (-one.given, one.article_id)):
        key = (one.person_id, one.article_id)
        if key in kept or (key in said and one.opinion not in _SAID):
            continue
        if seen[one.person_id] < MOST_OF_A_PERSON:
            kept.add(key)
            seen[one.person_id] += 1
            yield one


_SAID = frozenset({Opinion.LIKED, Opinion.DISLIKED})


def _fading(age: int) -> float:
    return float(0.5 ** (max(age, 0) / HALF_LIFE))
