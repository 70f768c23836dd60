"""Selection of a digest's stories: the top stories of a day or a week, grouped by topic.

A story is scored by the number of outlets that report it, by its bookmarks in the server, by what the
server's members like, and slightly by its recency. Stories with a common topic, a tag or a name in their titles, are
grouped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import islice

import msgspec

from bot.core.preferences import DigestPlan
from bot.digests import title_phrases
from bot.digests.digest_models import DigestContent, DigestSection, DigestStory
from bot.search.index import text_analysis
from bot.store.records.outbox_records import DigestCandidate
from bot.stories import story_ranking
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.stories.story_grouping import group_into_stories
from bot.stories.story_matching import extract_proper_names
from bot.text import discord_text
from bot.text.words import fold

StoryArticles = list[DigestCandidate]
"""Articles of one story, those in the digest's language first, then the earliest."""

MAX_STORIES = 8
"""Maximum number of stories that a digest lists."""
DAY_SECONDS = 86_400
"""Length of a day in seconds."""

_MAX_LATENESS_BY_PERIOD = {
    DAY_SECONDS: DAY_SECONDS // 2,
    7 * DAY_SECONDS: 2 * DAY_SECONDS,
}
"""Maximum delay of a digest after its due time, after which it is skipped, by its period; in seconds."""
_REPETITION_PENALTY = 0.5
"""Points subtracted from a story's score for each higher-ranked story of the same outlet or topic."""
_OWN_LANGUAGE_POINTS = 1.0
"""Points added to the score of a story in the language of the digest; a brand-new story gets as many."""
_MAX_RERANKED_STORIES = 60
"""Maximum number of top stories that are reranked so that outlets and topics vary."""
_MAX_STORIES_FOR_ONE_TOPIC = 4
"""Maximum number of stories of a digest in which one topic may cover all of them."""
_MAX_TOPIC_SHARE = 0.7
"""Maximum share of a digest's stories that one topic may cover; a topic of more stories is too general."""
_MAX_TOPIC_LENGTH = 60
"""Maximum length of a topic in UTF-16 code units."""
_MAX_TAGS_READ = 10
"""Maximum number of an article's tags that may become topics; of the phrases in its title, four times as many."""
_MAX_HEADING_LENGTH = 30
"""Maximum length in characters of a tag of a single story that may become its heading."""
_MAX_OTHER_ARTICLES = 20
"""Maximum number of articles that a digest stores of a story, besides the first article."""


def get_period_seconds(plan: DigestPlan) -> int:
    """Return the time in seconds from one digest to the next: a day or a week."""
    return DAY_SECONDS if plan.weekday is None else 7 * DAY_SECONDS


def is_too_late(plan: DigestPlan, due_at: int, now: int) -> bool:
    """Return whether a digest is so late that it is skipped. Times are Unix times in seconds.

    The next digest then covers its period, too.
    """
    return now - due_at > _MAX_LATENESS_BY_PERIOD[get_period_seconds(plan)]


def select_stories(
    candidates: Sequence[DigestCandidate],
    similar_pairs: Iterable[tuple[int, int, float]],
    draft: DigestContent,
    preference_model: PreferenceModel = NO_PREFERENCES,
    language: str | None = None,
) -> DigestContent:
    """Return the draft of a digest with its stories filled in.

    `draft` has everything but the stories. `similar_pairs` are pairs of article ids with their similarity (0
    to 1); `preference_model` says what the server likes. `language` is the language of the digest as an ISO
    639-1 code, or None for any: stories in it rank higher, and a story that is reported in several languages is
    linked in this one. Every title is read, so run this in a worker.
    """
    stories = [  # Articles in the digest's language come first.
        sorted(story, key=lambda article: article.language != language)
        for story in group_into_stories(candidates, similar_pairs)
    ]
    ranked_stories = _rank_with_diversity(stories, draft.since, draft.until, preference_model, language)
    top_stories, other_stories = ranked_stories[:MAX_STORIES], ranked_stories[MAX_STORIES:]
    outlet_names = {article.outlet for story in stories for article in story}
    topics_in_language = {
        fold(discord_text.to_plain_line(tag))
        for candidate in candidates
        if candidate.language == language
        for tag in candidate.tags
    }
    sections = tuple(_group_by_topic(top_stories, language, topics_in_language))
    return msgspec.structs.replace(
        draft, sections=sections, omitted_count=len(other_stories), outlet_count=len(outlet_names)
    )


def _rank_with_diversity(
    stories: Sequence[StoryArticles],
    since: int,
    until: int,
    preference_model: PreferenceModel,
    language: str | None,
) -> list[StoryArticles]:
    """Return the stories, best first; the first `MAX_STORIES` are chosen so that outlets and topics vary.

    Among these, a story in another language gives its place to a story in `language` that shares a topic with it. The
    others are in the order of their scores.
    """

    def score_story(story: StoryArticles) -> float:
        outlets = {article.outlet for article in story} | {
            same_page_article.outlet for article in story for same_page_article in article.same_page_articles
        }
        bookmark_count = sum(article.bookmark_count for article in story)
        recency = (max(article.published for article in story) - since) / max(until - since, 1)
        score = story_ranking.compute_story_score(
            outlet_count=len(outlets),
            bookmark_count=bookmark_count,
            recency=recency,
            preference=preference_model.compute_score(story),
        )
        return score + _OWN_LANGUAGE_POINTS * (story[0].language == language)

    score_by_article_id = {story[0].article_id: score_story(story) for story in stories}
    stories_by_score = sorted(
        stories,
        key=lambda story: (
            -score_by_article_id[story[0].article_id],
            -story[0].published,
            story[0].article_id,
        ),
    )
    unranked_stories, lower_stories = (
        stories_by_score[:_MAX_RERANKED_STORIES],
        stories_by_score[_MAX_RERANKED_STORIES:],
    )
    topics_by_article_id = {story[0].article_id: _find_topics(story).keys() for story in unranked_stories}
    ranked_stories: list[StoryArticles] = []
    outlet_counts, topic_counts = Counter[str](), Counter[str]()
    while unranked_stories and len(ranked_stories) < MAX_STORIES:

        def count_repetitions(story: StoryArticles) -> int:
            story_topics = topics_by_article_id[story[0].article_id]
            return outlet_counts[story[0].outlet] + max((topic_counts[topic] for topic in story_topics), default=0)

        def compute_net_score(story: StoryArticles) -> float:
            return score_by_article_id[story[0].article_id] - _REPETITION_PENALTY * count_repetitions(story)

        best_story = max(unranked_stories, key=compute_net_score)
        if best_story[0].language != language:  # Prefer a story on its topics in the digest's language.
            best_topics = topics_by_article_id[best_story[0].article_id]
            own_language_stories = [story for story in unranked_stories if story[0].language == language]
            own_language_stories = [
                story for story in own_language_stories if best_topics & topics_by_article_id[story[0].article_id]
            ]
            best_story = max(own_language_stories, key=compute_net_score, default=best_story)
        unranked_stories.remove(best_story)
        outlet_counts[best_story[0].outlet] += 1
        topic_counts.update(topics_by_article_id[best_story[0].article_id])
        ranked_stories.append(best_story)
    return ranked_stories + unranked_stories + lower_stories


def _group_by_topic(
    stories: Sequence[StoryArticles], language: str | None, topics_in_language: Collection[str]
) -> Iterable[DigestSection]:
    """Yield the ranked stories as sections; a section takes the place of its best story.

    The top story gets no heading unless other stories share its topic, and stories without a topic come last. If no
    stories share a topic, there may be a single section without a heading.
    """
    name_by_topic_per_story = [_find_topics(story, language, topics_in_language) for story in stories]
    spelling_counts_by_topic: dict[str, Counter[str]] = defaultdict(Counter)
    for story, name_by_topic in zip(stories, name_by_topic_per_story, strict=True):
        for topic, name in name_by_topic.items():
            spelling_counts_by_topic[topic][name] += 2 if story[0].language == language else 1
    ungrouped_indexes = set(range(len(stories)))
    topic_sections: list[tuple[str | None, list[int]]] = []
    while ungrouped_indexes:
        story_count_by_topic = Counter(
            topic for story_index in ungrouped_indexes for topic in name_by_topic_per_story[story_index]
        )
        shared_topics = [
            topic
            for topic, count in story_count_by_topic.items()
            if count > 1 and (len(stories) <= _MAX_STORIES_FOR_ONE_TOPIC or count <= _MAX_TOPIC_SHARE * len(stories))
        ]
        if not shared_topics:
            break
        main_topic = max(
            shared_topics,
            key=lambda shared_topic: (
                story_count_by_topic[shared_topic],
                spelling_counts_by_topic[shared_topic].total(),
                len(shared_topic.split()),
                shared_topic,
            ),
        )
        story_indexes = [
            story_index
            for story_index in sorted(ungrouped_indexes)
            if main_topic in name_by_topic_per_story[story_index]
        ]
        ungrouped_indexes -= set(story_indexes)
        topic_sections.append((spelling_counts_by_topic[main_topic].most_common(1)[0][0], story_indexes))
    topic_counts = Counter(topic for story_index in ungrouped_indexes for topic in name_by_topic_per_story[story_index])
    unique_topics = {topic for topic, count in topic_counts.items() if count == 1}
    heading_by_story_index = {
        story_index: _make_heading_from_tag(stories[story_index][0], unique_topics)
        for story_index in ungrouped_indexes
        if story_index
    }
    topic_sections += [(tag, [story_index]) for story_index, tag in heading_by_story_index.items() if tag]
    topic_sections.sort(key=lambda section: section[1])
    leading_indexes = [0] if 0 in ungrouped_indexes else []
    indexes_without_topic = [
        story_index
        for story_index in sorted(ungrouped_indexes)
        if story_index and not heading_by_story_index[story_index]
    ]
    if not topic_sections:
        leading_indexes, indexes_without_topic = leading_indexes + indexes_without_topic, []
    for heading, story_indexes in ((None, leading_indexes), *topic_sections, (None, indexes_without_topic)):
        if story_indexes:
            yield DigestSection(heading, tuple(_to_digest_story(stories[story_index]) for story_index in story_indexes))


def _make_heading_from_tag(article: DigestCandidate, topics: Collection[str]) -> str:
    """Return the article's first tag as a heading, or "" if it is too long, has no letter, or is not in `topics`."""
    tag = discord_text.to_plain_line(next(iter(article.tags), ""))
    is_usable_heading = len(tag) <= _MAX_HEADING_LENGTH and any(map(str.isalpha, tag))
    return tag[0].upper() + tag[1:] if is_usable_heading and fold(tag) in topics else ""


def _find_topics(
    story: StoryArticles, language: str | None = None, topics_in_language: Collection[str] = ()
) -> dict[str, str]:
    """Return the topics of a story with their display names, found in tags and in names in titles.

    The key of a topic is its tag, folded, or the stems of its name, joined by spaces. A topic must
    occur in the first article or in at least half of all articles. With a `language`, articles in other languages
    contribute only proper names and topics that are in `topics_in_language`, the tags of articles in that language.
    """
    name_by_topic: dict[str, str] = {}
    article_weights: Counter[str] = Counter()
    for index, article in enumerate(story):
        tags = [discord_text.to_plain_line(tag) for tag in article.tags[:_MAX_TAGS_READ]]
        keys_and_names = [(fold(tag), tag) for tag in tags if tag]
        keys_and_names += [
            (" ".join(key), name)
            for key, name in islice(title_phrases.iter_phrases(article.title), _MAX_TAGS_READ * 4)
            if name[0].isupper() and not title_phrases.is_number_or_date(key)
        ]
        is_foreign = language is not None and article.language not in {None, language}
        proper_name_terms = extract_proper_names(article.title) if is_foreign else frozenset()
        for key, name in dict(reversed(keys_and_names)).items():
            is_in_language = (
                not is_foreign
                or key in topics_in_language
                or proper_name_terms.issuperset(text_analysis.tokenize(name))
            )
            if is_in_language and discord_text.count_utf16_units(name) <= _MAX_TOPIC_LENGTH:
                name_by_topic.setdefault(key, name[0].upper() + name[1:])
                # A topic of the first article needs no other article.
                article_weights[key] += len(story) if index == 0 else 1
    return {key: name for key, name in name_by_topic.items() if 2 * article_weights[key] >= len(story)}


def _to_digest_story(story: StoryArticles) -> DigestStory:
    article_and_feed_ids = [(article.article_id, article.feed_id) for article in story]
    article_and_feed_ids += [
        (other_article.article_id, other_article.feed_id)
        for article in story
        for other_article in article.same_page_articles
    ]
    return DigestStory(
        tuple(dict.fromkeys(article_and_feed_ids))[: _MAX_OTHER_ARTICLES + 1],
        sum(article.bookmark_count for article in story),
    )
