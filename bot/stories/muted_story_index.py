"""Index in memory of the articles of muted stories: which new articles belong to them, however late they come.

A muted story is compared as a whole, without regard to time: by its most similar articles, and by how many of
its usual title words a new title has. One similar article is enough to mute the new one; only an article that
has the usual title words or is similar to several extends the story, or a single odd article would draw the story to
another event.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bot.store.records.content_records import MuteMatch
from bot.stories.story_matching import RecentArticleIndex, StoryFeatures

MAX_COMPARED_ARTICLES = 500
"""Maximum number of a muted story's articles, the newest, with which new articles are compared."""

_MIN_BEST_SIMILARITY = 0.25
"""Minimum similarity to one of a story's articles for an article to belong to the story, if its title is not close."""
_MIN_TYPICAL_SIMILARITY = 0.35
"""Minimum mean similarity of a muted article to a story for later articles to be compared with it too.

The mean is of the most similar articles. An article whose title is close to the story's usual words is always added.
"""
_TYPICAL_ARTICLE_COUNT = 3
"""Number of the most similar articles in a mean similarity, and of articles that a story needs for usual words."""
_MIN_CLOSENESS = 0.18
"""Minimum closeness to a story's usual title words, from 0 to 1, at which an article belongs to a large story."""
_SMALL_STORY_CLOSENESS = 0.5
"""Amount that raises the minimum closeness to a muted story, divided by the number of the story's articles.

The titles of few articles say little about which words are usual.
"""
_FAR_CLOSENESS = 0.1
"""Closeness to a story's usual title words below which only a nearly identical title belongs to it."""
_NEARLY_IDENTICAL_SIMILARITY = 0.9
"""Minimum similarity of two articles at which their titles count as nearly identical."""
_COVERAGE_SHARE = 0.6
"""Share of a title's closeness to a muted story that depends on how much of the title the story's words cover.

The rest depends on how much of the story's usual words the new title has.
"""
_MIN_USUAL_SHARE = 0.2
"""Minimum share of a story's titles that have a word for the story to be looked up by this word."""


class _MutedStory:
    """A muted story: its articles, and the ids of the mutes that apply to exactly these articles."""

    def __init__(self, article_ids: frozenset[int], features_by_article_id: Mapping[int, StoryFeatures]) -> None:
        self.article_ids = article_ids
        self.mute_ids: set[int] = set()
        self._weight_by_term: dict[str, float] = {}
        article_count_by_term: Counter[str] = Counter()
        for article_id in article_ids:
            article_count_by_term.update(features_by_article_id[article_id].weights.keys())
            self._weight_by_term |= features_by_article_id[article_id].weights
        self._share_by_term = {term: count / len(article_ids) for term, count in article_count_by_term.items()}
        self._total_usual_weight = sum(
            self._weight_by_term[term] * share**2 for term, share in self._share_by_term.items()
        )

    @property
    def has_usual_words(self) -> bool:
        """Whether the story has enough articles to tell its usual words from others."""
        return len(self.article_ids) >= _TYPICAL_ARTICLE_COUNT

    def list_usual_words(self) -> list[str]:
        """Return the title words, as index terms, by which the story is looked up."""
        if not self.has_usual_words:
            return []
        return [term for term, share in self._share_by_term.items() if share >= _MIN_USUAL_SHARE]

    def compute_closeness(self, features: StoryFeatures) -> float:
        """Return how close a title is to the story's usual words, from 0 to 1."""
        covered_weight = usual_weight = 0.0
        for term, weight in features.weights.items():
            if share := self._share_by_term.get(term):
                covered_weight += weight * min(1.0, 2 * share)
                usual_weight += self._weight_by_term[term] * share**2
        return _COVERAGE_SHARE * covered_weight / features.total_weight + (1 - _COVERAGE_SHARE) * usual_weight / (
            self._total_usual_weight or 1.0
        )

    def evaluate(self, features: StoryFeatures, similarity_by_article_id: Mapping[int, float]) -> tuple[bool, bool]:
        """Return whether an article belongs to the story, and whether later articles are to be compared with it too.

        An article that belongs to the story is muted; only a typical one is added to it (extends it).
        """
        similarities = sorted(
            (similarity_by_article_id[article_id] for article_id in self.article_ids & similarity_by_article_id.keys()),
            reverse=True,
        )[:_TYPICAL_ARTICLE_COUNT]
        best_similarity = max(similarities, default=0.0)
        if self.has_usual_words:
            closeness = self.compute_closeness(features)
            if closeness >= _MIN_CLOSENESS + _SMALL_STORY_CLOSENESS / len(self.article_ids):
                return True, True
            if closeness < _FAR_CLOSENESS and best_similarity < _NEARLY_IDENTICAL_SIMILARITY:
                return False, False
        typical_similarity = sum(similarities) / min(_TYPICAL_ARTICLE_COUNT, len(self.article_ids))
        is_member = best_similarity >= _MIN_BEST_SIMILARITY
        return is_member, is_member and typical_similarity >= _MIN_TYPICAL_SIMILARITY


class MutedStoryIndex:
    """Index in memory of all muted stories; a story that several mutes have in common is held once."""

    def __init__(self) -> None:
        self._features_by_article_id: dict[int, StoryFeatures] = {}
        self._article_index = RecentArticleIndex()
        self._story_by_article_ids: dict[frozenset[int], _MutedStory] = {}
        self._story_by_mute_id: dict[int, _MutedStory] = {}
        self._stories_by_article_id: defaultdict[int, set[_MutedStory]] = defaultdict(set)
        self._stories_by_term: defaultdict[str, set[_MutedStory]] = defaultdict(set)

    def add_article(self, features: StoryFeatures) -> None:
        """Add the features of an article, so that `extend_mute` can add the article to muted stories."""
        if features.article_id not in self._features_by_article_id:
            self._features_by_article_id[features.article_id] = features
            self._article_index.add(features)

    def set_vector(self, article_id: int, vector: bytes) -> None:
        """Set the vector of an article's title, if the article is still in the index."""
        if article_id in self._features_by_article_id:
            self._features_by_article_id[article_id] = replace(self._features_by_article_id[article_id], vector=vector)
            self._article_index.set_vector(article_id, vector)

    def has_article(self, article_id: int) -> bool:
        """Return whether the features of an article are known."""
        return article_id in self._features_by_article_id

    def extend_mute(self, mute_id: int, article_ids: Iterable[int]) -> None:
        """Add articles, whose features were added before, to the story of a mute, or begin the story of a new mute.

        Of a story's articles, those with the `MAX_COMPARED_ARTICLES` highest ids stay.
        """
        old_story = self._story_by_mute_id.get(mute_id)
        old_article_ids = frozenset() if old_story is None else old_story.article_ids
        new_article_ids = frozenset(sorted(old_article_ids.union(article_ids))[-MAX_COMPARED_ARTICLES:])
        if old_story is not None:
            self._detach_mute(mute_id)
        story = self._story_by_article_ids.get(new_article_ids)
        if story is None:
            story = self._story_by_article_ids[new_article_ids] = _MutedStory(
                new_article_ids, self._features_by_article_id
            )
            for article_id in new_article_ids:
                self._stories_by_article_id[article_id].add(story)
            for term in story.list_usual_words():
                self._stories_by_term[term].add(story)
        story.mute_ids.add(mute_id)
        self._story_by_mute_id[mute_id] = story

    def remove_ended_mutes(self, active_mute_ids: Collection[int]) -> None:
        """Remove the mutes whose ids are not in `active_mute_ids`, with the articles that no other mute needs."""
        ended_mute_ids = self._story_by_mute_id.keys() - active_mute_ids
        for mute_id in ended_mute_ids:
            self._detach_mute(mute_id)
        if ended_mute_ids:
            known_features = self._features_by_article_id
            self._features_by_article_id, self._article_index = {}, RecentArticleIndex()
            self._stories_by_article_id = defaultdict(
                set, {article_id: stories for article_id, stories in self._stories_by_article_id.items() if stories}
            )
            for article_id in self._stories_by_article_id:
                self.add_article(known_features[article_id])

    def find_matches(self, features: StoryFeatures) -> tuple[MuteMatch, ...]:
        """Return the mutes whose stories a new article belongs to, by id, and whether it extends each story."""
        if not self._story_by_mute_id:
            return ()
        similarity_by_article_id = {
            similar_article.article_id: similar_article.similarity
            for similar_article in self._article_index.find_similar(features, is_lasting=True)
        }
        candidate_stories: set[_MutedStory] = set()
        for article_id in similarity_by_article_id:
            candidate_stories |= self._stories_by_article_id[article_id]
        for term in features.weights:
            candidate_stories |= self._stories_by_term.get(term, set())
        matches: list[MuteMatch] = []
        for story in candidate_stories:
            is_member, extends_story = story.evaluate(features, similarity_by_article_id)
            if is_member:
                matches += [MuteMatch(mute_id, extends_story) for mute_id in story.mute_ids]
        return tuple(sorted(matches))

    def _detach_mute(self, mute_id: int) -> None:
        story = self._story_by_mute_id.pop(mute_id)
        story.mute_ids.discard(mute_id)
        if story.mute_ids:
            return
        del self._story_by_article_ids[story.article_ids]
        for term in story.list_usual_words():
            self._stories_by_term[term].discard(story)
            if not self._stories_by_term[term]:
                del self._stories_by_term[term]
        for article_id in story.article_ids:
            self._stories_by_article_id[article_id].discard(story)
