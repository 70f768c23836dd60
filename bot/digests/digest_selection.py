"""Selection of a digest's stories: the top stories of a day or a week, grouped by topic.

A story is scored by the number of outlets that report it, by its bookmarks in the server, by the server's
taste, and slightly by its recency. Stories with a common topic, a tag or a name in their titles, are grouped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import msgspec

from bot.core.preferences import DigestPlan
from bot.digests import title_phrases
from bot.digests.story_grouping import StoryArticles, group_into_stories
from bot.digests.trend_detection import TrendRow
from bot.search.index import text_analysis
from bot.store.records.outbox_records import DigestCandidate
from bot.stories import story_ranking
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.stories.story_matching import proper_names
from bot.text import discord_text
from bot.text.words import fold

MAX_DIGEST_CHANNELS_PER_SERVER = 10
"""Maximum number of channels of a server with a digest."""
MAX_STORIES = 8
"""Maximum number of stories that a digest lists."""
DAY_SECONDS = 86_400
"""Seconds of a day."""

_MAX_LATENESS_BY_PERIOD = {
    DAY_SECONDS: DAY_SECONDS // 2,
    7 * DAY_SECONDS: 2 * DAY_SECONDS,
}
"""Seconds after the due time from which a digest is skipped, by its period in seconds."""
_REPETITION_PENALTY = 0.5
"""Points subtracted per preceding story of the same outlet, and of the same topic."""
_OWN_LANGUAGE_POINTS = 1.0
"""Points for a story in the channel's language, as many as for full recency."""
_MAX_RERANKED = 60
"""Stories that are reranked for diversity."""
_MAX_STORIES_FOR_ONE_TOPIC = 4
"""Size of a digest up to which one topic may cover all of its stories."""
_MAX_TOPIC_SHARE = 0.7
"""Share of a larger digest's stories above which a topic is too general."""
_MAX_TOPIC_LENGTH = 60
"""Maximum length of a topic in UTF-16 code units."""
_MAX_TAGS = 10
_SHORT_TAG = 30
"""Maximum characters of a tag that becomes a heading."""
_MAX_OTHER_ARTICLES = 20
"""Maximum number of articles of a story besides the first."""


class DigestStory(
    msgspec.Struct, frozen=True, rename={"bookmark_count": "kept"}
):  # the key in queued digests
    """A story as pairs of article id and feed id, the linked article first, and its number of bookmarks.

    `summary` is a model's summary of the first article, "" without one.
    """

    articles: tuple[tuple[int, int], ...]
    bookmark_count: int
    summary: str = ""


@dataclass(frozen=True, slots=True)
class DigestSection:
    """Stories of a topic; None for the top story and for stories without a topic at the end."""

    topic: str | None
    stories: tuple[DigestStory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContent:
    """The content of a digest, before it is rendered, for the period from `since` to `until` (UTC seconds).

    `more` is the number of stories that are not listed. `rising` are the topics in the chart.
    """

    since: int
    until: int
    daily: bool
    zone: str
    wide: bool
    more: int = 0
    outlets: int = 0
    """Number of outlets of all its stories; 0 if unknown."""
    sections: tuple[DigestSection, ...] = ()
    rising: tuple[TrendRow, ...] = ()
    feeds: tuple[int, ...] = field(default=())
    """Ids of the feeds that the chart counts."""

    @property
    def article_ids(self) -> list[int]:
        """Ids of the listed articles, in their order, each once."""
        stories = [story for section in self.sections for story in section.stories]
        return list(dict.fromkeys(article_id for story in stories for article_id, _feed in story.articles))

    def to_json(self) -> str:
        """Serialise it as a dispatch stores it."""
        return msgspec.json.encode(self).decode()

    def with_summaries(self, summaries: Mapping[int, str]) -> DigestContent:
        """Return a copy with summaries, which are given by the id of a story's first article."""
        sections = tuple(
            DigestSection(
                section.topic,
                tuple(
                    msgspec.structs.replace(story, summary=summaries.get(story.articles[0][0], ""))
                    for story in section.stories
                ),
            )
            for section in self.sections
        )
        return replace(self, sections=sections)

    def with_chart(self, rising: tuple[TrendRow, ...], feed_ids: Collection[int]) -> DigestContent:
        """Return a copy with a chart of the topics that are rising in these feeds."""
        return replace(self, rising=rising, feeds=tuple(sorted(feed_ids)) if rising else ())

    def restricted_to(self, feed_ids: Collection[int]) -> DigestContent:
        """Return a copy with only the articles of these feeds; the chart stays if it counts no others."""
        sections = []
        for section in self.sections:
            stories = []
            for story in section.stories:
                left = tuple(one for one in story.articles if one[1] in feed_ids)
                if left:
                    summary = story.summary if left[0] == story.articles[0] else ""
                    stories.append(msgspec.structs.replace(story, articles=left, summary=summary))
            if stories:
                sections.append(DigestSection(section.topic, tuple(stories)))
        shown = self.rising if set(self.feeds) <= set(feed_ids) else ()
        return replace(self, sections=tuple(sections), rising=shown)


def digest_from_json(text: str) -> DigestContent:
    """Parse the text that `DigestContent.to_json` writes."""
    return msgspec.json.decode(text, type=DigestContent)


def period_seconds(plan: DigestPlan) -> int:
    """Return the seconds from one digest to the next."""
    return DAY_SECONDS if plan.weekday is None else 7 * DAY_SECONDS


def is_too_late(plan: DigestPlan, due: int, now: int) -> bool:
    """Return whether an overdue digest is skipped; the next one then covers its period too."""
    return now - due > _MAX_LATENESS_BY_PERIOD[period_seconds(plan)]


def select_stories(
    candidates: Sequence[DigestCandidate],
    similar_pairs: Iterable[tuple[int, int, float]],
    draft: DigestContent,
    preferences: PreferenceModel = NO_PREFERENCES,
    language: str | None = None,
) -> DigestContent:
    """Return the draft with its stories. Reads every title, so run it in a worker.

    `similar_pairs` are pairs of article ids with their similarity; `preferences` is the server's preference
    model. A story reported in several languages is linked in `language`.
    """
    found = [  # Articles in the digest's language come first.
        sorted(group, key=lambda one: one.language != language)
        for group in group_into_stories(candidates, similar_pairs)
    ]
    order = _rank_with_diversity(found, draft.since, draft.until, preferences, language)
    chosen, left = order[:MAX_STORIES], order[MAX_STORIES:]
    outlets = {one.outlet for group in found for one in group}
    said = {
        fold(discord_text.to_plain_line(tag))
        for one in candidates
        if one.language == language
        for tag in one.tags
    }
    sections = tuple(_group_by_topic(chosen, language, said))
    return replace(draft, sections=sections, more=len(left), outlets=len(outlets))


def _rank_with_diversity(
    groups: Sequence[StoryArticles], since: int, until: int, taste: PreferenceModel, language: str | None
) -> list[StoryArticles]:
    """Rank the stories, best first, with a penalty for outlets and topics that were already listed."""

    def points(group: StoryArticles) -> float:
        outlets = {article.outlet for article in group} | {
            other.outlet for article in group for other in article.same_page_articles
        }
        kept = sum(article.bookmark_count for article in group)
        fresh = (max(article.published for article in group) - since) / max(until - since, 1)
        worth = story_ranking.story_score(
            outlets=len(outlets), bookmarks=kept, recency=fresh, preference=taste.score(group)
        )
        return worth + _OWN_LANGUAGE_POINTS * (group[0].language == language)

    worth = {group[0].article_id: points(group) for group in groups}
    order = sorted(
        groups,
        key=lambda group: (-worth[group[0].article_id], -group[0].published, group[0].article_id),
    )
    left, rest = order[:_MAX_RERANKED], order[_MAX_RERANKED:]
    topics = {group[0].article_id: _topics(group).keys() for group in left}
    ranked: list[StoryArticles] = []
    outlets, told = Counter[str](), Counter[str]()
    while left and len(ranked) < MAX_STORIES:

        def again(group: StoryArticles) -> int:
            about = topics[group[0].article_id]
            return outlets[group[0].outlet] + max((told[topic] for topic in about), default=0)

        def net(group: StoryArticles) -> float:
            return worth[group[0].article_id] - _REPETITION_PENALTY * again(group)

        best = max(left, key=net)
        if best[0].language != language:  # Prefer a story on the topic in the channel's language.
            about = topics[best[0].article_id]
            own = [one for one in left if one[0].language == language]
            own = [one for one in own if about & topics[one[0].article_id]]
            best = max(own, key=net, default=best)
        left.remove(best)
        outlets[best[0].outlet] += 1
        told.update(topics[best[0].article_id])
        ranked.append(best)
    return ranked + left + rest


def _group_by_topic(
    chosen: Sequence[StoryArticles], language: str | None, said_in_language: Collection[str]
) -> Iterable[DigestSection]:
    """Yield sections of the ranked stories; a topic takes the place of its best story.

    The top story gets no heading, and stories without a topic come last. Without any topic there is one
    section.
    """
    topics = [_topics(group, language, said_in_language) for group in chosen]
    written: dict[str, Counter[str]] = defaultdict(Counter)
    for group, names in zip(chosen, topics, strict=True):
        for key, name in names.items():
            written[key][name] += 2 if group[0].language == language else 1
    left = set(range(len(chosen)))
    found: list[tuple[str | None, list[int]]] = []
    while left:
        counts = Counter(key for place in left for key in topics[place])
        fitting = [
            key
            for key, count in counts.items()
            if count > 1
            and (len(chosen) <= _MAX_STORIES_FOR_ONE_TOPIC or count <= _MAX_TOPIC_SHARE * len(chosen))
        ]
        if not fitting:
            break
        topic = max(fitting, key=lambda key: (counts[key], written[key].total(), len(key.split()), key))
        places = [place for place in sorted(left) if topic in topics[place]]
        left -= set(places)
        found.append((written[topic].most_common(1)[0][0], places))
    uses = Counter(key for place in left for key in topics[place])
    own = {key for key, count in uses.items() if count == 1}
    tags = {place: _tag(chosen[place][0], own) for place in left if place}
    found += [(tag, [place]) for place, tag in tags.items() if tag]
    found.sort(key=lambda section: section[1])
    first = [0] if 0 in left else []
    rest = [place for place in sorted(left) if place and not tags[place]]
    if not found:
        first, rest = first + rest, []
    for heading, places in ((None, first), *found, (None, rest)):
        if places:
            yield DigestSection(heading, tuple(_story(chosen[place]) for place in places))


def _tag(article: DigestCandidate, topics: Collection[str]) -> str:
    """Return the article's first tag as a heading, or "" if it is long or not among `topics`."""
    tag = discord_text.to_plain_line(next(iter(article.tags), ""))
    is_short = len(tag) <= _SHORT_TAG and any(map(str.isalpha, tag))
    return tag[0].upper() + tag[1:] if is_short and fold(tag) in topics else ""


def _topics(
    group: StoryArticles, language: str | None = None, said_in_language: Collection[str] = ()
) -> dict[str, str]:
    """Return the topics of a story, from tags and from names in titles: display names by folded stems.

    A topic must occur in the first article or in at least half of all. With a `language`, articles in other
    languages contribute only names and topics that also occur in that language.
    """
    found: dict[str, str] = {}
    having: Counter[str] = Counter()
    for number, article in enumerate(group):
        tags = [discord_text.to_plain_line(tag) for tag in article.tags[:_MAX_TAGS]]
        names = [(fold(tag), tag) for tag in tags if tag]
        names += [
            (" ".join(key), name)
            for key, name in islice(title_phrases.iter_phrases(article.title), _MAX_TAGS * 4)
            if name[0].isupper() and not title_phrases.is_number_or_date(key)
        ]
        is_foreign = language is not None and article.language not in {None, language}
        proper = proper_names(article.title) if is_foreign else frozenset()
        for key, name in dict(reversed(names)).items():
            is_said = (
                not is_foreign or key in said_in_language or proper.issuperset(text_analysis.tokens(name))
            )
            if is_said and discord_text.utf16_length(name) <= _MAX_TOPIC_LENGTH:
                found.setdefault(key, name[0].upper() + name[1:])
                having[key] += len(group) if number == 0 else 1
    return {key: name for key, name in found.items() if 2 * having[key] >= len(group)}


def _story(group: StoryArticles) -> DigestStory:
    ids = [(article.article_id, article.feed_id) for article in group]
    ids += [(other.article_id, other.feed_id) for article in group for other in article.same_page_articles]
    return DigestStory(
        tuple(dict.fromkeys(ids))[: _MAX_OTHER_ARTICLES + 1], sum(article.bookmark_count for article in group)
    )
