"""The index of muted stories and its matches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.stories.muted_story_index import MutedStoryIndex
from tests.stories.test_stories import make_features
from tests.support.cases import check_cases

DAY = 86_400
STORY = {
    "en": (
        "Ship’s anchor cuts the Nordwave cable",
        "Nordwave cable cut: anchor of a cargo ship suspected",
        "Internet slow in Brittany after the Nordwave cable was cut",
    ),
    "fr": (
        "Une ancre sectionne le câble sous-marin Nordwave",
        "Câble Nordwave coupé : l’ancre d’un cargo mise en cause",
        "Internet ralenti en Bretagne après la rupture du câble Nordwave",
    ),
}
DEVELOPMENTS = {
    "en": ("Nordwave cable repaired after ten days", "Owner of the ship must pay for the Nordwave cable"),
    "fr": ("Le câble Nordwave est réparé après dix jours", "Nordwave : l’armateur du cargo devra payer le câble"),
}
OTHER_EVENTS = {
    "en": (
        "Ferry runs aground off Brest",
        "Amazon opens a data centre in Brittany",
        "Nordic leaders meet in Oslo",
    ),
    "fr": ("Un ferry s’échoue à Brest", "Amazon ouvre un centre de données en Bretagne", "Grève à la SNCF"),
}


def build_index(*titles: str, language: str = "en", mute_ids: tuple[int, ...] = (1,)) -> MutedStoryIndex:
    """Build an index with mutes of one story."""
    index = MutedStoryIndex()
    for number, title in enumerate(titles, 1):
        index.add_article(make_features(title, number, language=language))
    for mute_id in mute_ids:
        index.extend_mute(mute_id, range(1, len(titles) + 1))
    return index


def find_mutes(index: MutedStoryIndex, title: str, *, language: str = "en") -> list[int]:
    """List the IDs of mutes that an article matches which one of the story's feeds publishes two months later."""
    features = make_features(title, 900, language=language, published=60 * DAY, feed=1)
    return [match.mute_id for match in index.find_matches(features)]


@check_cases("language", ["en", "fr"])
def test_later_developments_match_muted_story_but_other_events_do_not(language):
    index = build_index(*STORY[language], language=language)
    assert [find_mutes(index, title, language=language) for title in DEVELOPMENTS[language]] == [[1], [1]]
    assert [find_mutes(index, title, language=language) for title in OTHER_EVENTS[language]] == [[], [], []]


def test_article_like_single_outlier_is_muted_without_extending_story():
    index = build_index(*STORY["en"], *DEVELOPMENTS["en"], "Storm closes schools and roads")
    (match,) = index.find_matches(make_features("Storm closes schools in Normandy", 900))
    assert (match.mute_id, match.extends_story) == (1, False)


def test_mutes_of_same_articles_match_until_one_is_extended():
    index = build_index(*STORY["en"], mute_ids=tuple(range(1, 1001)))
    assert find_mutes(index, DEVELOPMENTS["en"][0]) == list(range(1, 1001))
    index.add_article(make_features("Captain questioned about drunkenness on board", 10))
    index.extend_mute(7, [10])
    assert find_mutes(index, "Captain questioned: drunkenness on board again") == [7]
    assert find_mutes(index, DEVELOPMENTS["en"][0]) == list(range(1, 1001))


def test_ended_mute_is_removed_alone():
    index = build_index(*STORY["en"], mute_ids=(1, 2))
    index.add_article(make_features("Captain questioned about drunkenness on board", 10))
    index.extend_mute(2, [10])
    index.remove_ended_mutes({1})
    assert find_mutes(index, DEVELOPMENTS["en"][0]) == [1]
    assert not index.has_article(10)
    index.remove_ended_mutes(set())
    assert find_mutes(index, DEVELOPMENTS["en"][0]) == []
    assert not index.has_article(1)


def test_article_in_other_language_matches_by_vector_and_name():
    pytest.importorskip("numpy")
    vector = bytes([1] * 64)
    index = build_index(*STORY["en"])
    french = replace(
        make_features("Panne en Bretagne : Nordwave présente ses excuses aux abonnés", 900, language="fr"),
        vector=vector,
    )
    unrelated = replace(make_features("Grève à la SNCF", 901, language="fr"), vector=vector)
    assert index.find_matches(french) == ()
    index.set_vector(1, vector)
    index.set_vector(99, vector)  # Of a story that ended meanwhile.
    assert [match.mute_id for match in index.find_matches(french)] == [1]
    assert index.find_matches(unrelated) == ()
