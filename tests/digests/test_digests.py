"""The selection of a digest's stories and their grouping by topic."""

from __future__ import annotations

import json
from typing import Any

from bot.core.preferences import DigestPlan
from bot.digests import digest_selection
from bot.digests.digest_models import DigestContent, DigestSection, DigestStory, digest_from_json
from bot.digests.trend_detection import TrendRow
from bot.store.records.outbox_records import DigestCandidate, SamePageArticle
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel, Trait, TraitKind
from tests.support.cases import check_cases

DAY = 86_400
NOW = 1_780_000_000


def make_candidate(number: int, title: str, **fields: Any) -> DigestCandidate:
    candidate_fields: dict[str, Any] = {
        "article_id": number,
        "feed_id": 1,
        "page_key": f"page-{number}",
        "title": title,
        "outlet": f"Outlet {number}",
        "tags": (),
        "language": "en",
        "published": NOW - 1000 - number,
        "same_page_articles": (),
        "bookmark_count": 0,
    }
    return DigestCandidate(**(candidate_fields | fields))


DRAFT = DigestContent(since=NOW - DAY, until=NOW, is_daily=True, time_zone="UTC", includes_other_channels=False)


def choose_articles(
    *candidates: DigestCandidate, kin: Any = (), taste: PreferenceModel = NO_PREFERENCES
) -> tuple[list[tuple[str | None, list[int]]], int]:
    digest_content = digest_selection.select_stories(candidates, kin, DRAFT, taste)
    return [
        (section.topic, [story.article_and_feed_ids[0][0] for story in section.stories])
        for section in digest_content.sections
    ], digest_content.omitted_count


def test_stories_of_most_outlets_come_first():
    candidates = [
        make_candidate(1, "Chips get smaller", published=NOW),
        make_candidate(
            2,
            "Cities ban facial recognition",
            same_page_articles=(SamePageArticle(20, 2, "B"), SamePageArticle(21, 3, "C")),
        ),
        make_candidate(3, "A browser engine", same_page_articles=(SamePageArticle(30, 2, "B"),)),
    ]
    assert choose_articles(*candidates) == ([(None, [2, 3, 1])], 0)


def test_bookmarks_then_recency_decide_order():
    candidates = [
        make_candidate(1, "Chips get smaller", published=NOW - 80_000),
        make_candidate(2, "A browser engine", published=NOW - 10),
        make_candidate(3, "Cities ban facial recognition", published=NOW - 80_000, bookmark_count=2),
    ]
    assert choose_articles(*candidates) == ([(None, [3, 2, 1])], 0)


def test_preferred_story_outranks_newer_but_not_two_more_outlets():
    candidates = [
        make_candidate(1, "Chips get smaller", published=NOW - 10),
        make_candidate(2, "A browser engine", published=NOW - 80_000, tags=("Browsers",)),
        make_candidate(
            3,
            "Cities ban facial recognition",
            same_page_articles=(SamePageArticle(20, 2, "B"), SamePageArticle(21, 3, "C")),
        ),
    ]
    preferences = PreferenceModel({"t:browsers": Trait(TraitKind.TOPIC, "Browsers", 0.9)})
    assert choose_articles(*candidates, taste=preferences) == ([(None, [3]), ("Browsers", [2]), (None, [1])], 0)


def test_articles_of_same_story_are_merged_by_similarity_and_title():
    candidates = [
        make_candidate(1, "OpenAI buys a chip maker", published=NOW - 500),
        make_candidate(2, "Le rachat d’un fabricant de puces", language="fr", published=NOW - 400),
        make_candidate(3, "Cities in Spain ban facial recognition", published=NOW - 300),
        make_candidate(4, "Cities in Spain ban facial recognition cameras", published=NOW - 200),
    ]
    for language, first in (("en", [[1, 2], [3, 4]]), ("fr", [[2, 1], [3, 4]])):
        digest_content = digest_selection.select_stories(candidates, [(2, 1, 0.9)], DRAFT, language=language)
        stories = [story for section in digest_content.sections for story in section.stories]
        assert sorted([article_id for article_id, _feed in story.article_and_feed_ids] for story in stories) == first
        assert digest_content.outlet_count == 4


def test_topic_leads_with_story_in_channel_language():
    candidates = [
        make_candidate(1, "Passkeys : pourquoi les banques hésitent", language="fr", bookmark_count=9),
        make_candidate(2, "How to move Passkeys to another phone", published=NOW - 80_000),
        make_candidate(3, "Le retour du Minitel", language="fr", published=NOW - 90),
    ]
    for language, first in (("en", 2), ("fr", 1)):
        digest_content = digest_selection.select_stories(candidates, (), DRAFT, language=language)
        assert digest_content.sections[0].stories[0].article_and_feed_ids[0][0] == first


def test_other_number_or_low_similarity_is_another_story():
    candidates = [
        make_candidate(1, "Python version 3.12 released for everyone"),
        make_candidate(2, "Python version 3.13 released for everyone"),
    ]
    assert sum(len(ids) for _topic, ids in choose_articles(*candidates)[0]) == 2
    assert sum(len(ids) for _topic, ids in choose_articles(*candidates, kin=[(1, 2, 0.2)])[0]) == 2


def test_similar_titles_about_other_topics_are_separate_stories():
    candidates = [
        make_candidate(1, "Firefox: a migration told step by step", tags=("Firefox",)),
        make_candidate(2, "OpenStreetMap: a migration told step by step", tags=("OpenStreetMap",)),
        make_candidate(3, "Firefox: a first look", tags=("Firefox",)),
    ]
    assert dict(choose_articles(*candidates)[0]) == {"Firefox": [1, 3], "OpenStreetMap": [2]}


def test_topic_needs_lead_article_or_half_of_others():
    candidates = [
        make_candidate(1, "A fix for laptops", published=NOW - 500),
        make_candidate(2, "The fix for laptops, with a word on Firefox", published=NOW - 400),
        make_candidate(3, "That fix for laptops", published=NOW - 300),
        make_candidate(4, "Firefox: a first look"),
    ]
    kin = [(2, 1, 0.9), (3, 1, 0.9), (3, 2, 0.9)]
    assert "Firefox" not in dict(choose_articles(*candidates, kin=kin)[0])


def test_stories_are_grouped_by_tag_or_name():
    candidates = [
        make_candidate(1, "Linux gets a scheduler", tags=("Kernel",)),
        make_candidate(2, "A fix for Linux laptops"),
        make_candidate(3, "Parliament votes on data", tags=("Law",)),
        make_candidate(4, "A judge rules on cookies", tags=("law",)),
        make_candidate(5, "Chips get smaller"),
    ]
    topics = dict(choose_articles(*candidates)[0])
    assert {frozenset(ids) for ids in topics.values()} == {
        frozenset({1, 2}),
        frozenset({3, 4}),
        frozenset({5}),
    }
    assert topics["Linux"] == [1, 2]
    assert sorted(topics[topic] for topic in topics if topic and topic != "Linux") == [[3, 4]]
    assert topics[None] == [5]


def test_widely_reported_story_precedes_topics():
    candidates = [
        make_candidate(1, "Chips get smaller", published=NOW - 5000),
        make_candidate(2, "Parliament votes on data", tags=("Law",)),
        make_candidate(3, "A judge rules on cookies", tags=("law",)),
        make_candidate(4, "A fix for Linux laptops", tags=("Linux",)),
        make_candidate(5, "Linux gets a scheduler", same_page_articles=(SamePageArticle(50, 2, "B"),)),
        make_candidate(6, "A fork of the Linux shell"),
        make_candidate(
            7,
            "Ship’s anchor cuts a cable",
            same_page_articles=(SamePageArticle(70, 2, "B"), SamePageArticle(71, 3, "C")),
        ),
    ]
    assert choose_articles(*candidates)[0] == [
        (None, [7]),
        ("Linux", [5, 4, 6]),
        ("Law", [2, 3]),
        (None, [1]),
    ]


def test_tag_of_all_stories_is_no_topic():
    candidates = [make_candidate(number, f"Word{number}x happened", tags=("Tech",)) for number in range(1, 9)]
    assert [topic for topic, _ids in choose_articles(*candidates)[0]] == [None]


def test_busy_outlet_does_not_displace_others():
    busy_candidates = [
        make_candidate(number, f"Alpha{number} beta{number}", outlet="Busy", published=NOW - number)
        for number in range(1, 30)
    ]
    rare_candidate = make_candidate(99, "Something of a small outlet", published=NOW - 70_000)
    sections, omitted_count = choose_articles(*busy_candidates, rare_candidate)
    assert 99 in [number for _topic, ids in sections for number in ids]
    assert omitted_count == 30 - digest_selection.MAX_STORIES


def test_hostile_titles_and_tags_are_selected_as_text():
    candidates = [
        make_candidate(1, "@everyone **x** " * 200, tags=("\u202e" * 50, "", "x" * 5000, "<@1>")),
        make_candidate(2, "", tags=("<@1>",)),
        make_candidate(3, "\ud800\udfff\x00"),
    ]
    sections, omitted_count = choose_articles(*candidates)
    assert sum(len(ids) for _topic, ids in sections) == 3
    assert omitted_count == 0


def test_digest_content_survives_json_and_restricts_to_feeds():
    digest_content = DigestContent(
        since=1,
        until=2,
        is_daily=True,
        time_zone="Europe/Paris",
        includes_other_channels=True,
        omitted_count=3,
        sections=(
            DigestSection("Linux", (DigestStory(((1, 10), (2, 20)), 4), DigestStory(((3, 30),), 0))),
            DigestSection(None, (DigestStory(((4, 30),), 0),)),
        ),
        rising_rows=(TrendRow(name="Linux", article_count=5, previous_count=1, outlet_count=2, counts=(1, 2)),),
        chart_feed_ids=(10, 20),
    )
    assert digest_from_json(digest_content.to_json()) == digest_content
    stored = json.loads(digest_content.to_json())
    assert (stored["more"], stored["outlets"], stored["feeds"]) == (3, 0, [10, 20]), "queued digests have these keys"
    assert stored["rising"] == [{"name": "Linux", "articles": 5, "before": 1, "outlets": 2, "counts": [1, 2]}]
    assert digest_content.article_ids == [1, 2, 3, 4]
    narrowed = digest_content.restrict_to_feeds({20, 10})
    assert narrowed.article_ids == [1, 2]
    assert narrowed.rising_rows
    assert digest_content.restrict_to_feeds({20}).rising_rows == ()
    assert digest_content.restrict_to_feeds({20}).article_ids == [2]
    assert digest_content.restrict_to_feeds(set()).sections == ()


def test_late_digest_is_skipped_after_half_a_day_or_two_days():
    daily, weekly = DigestPlan(weekday=None, minute=0), DigestPlan(weekday=0, minute=0)
    assert not digest_selection.is_too_late(daily, NOW, NOW + DAY // 2)
    assert digest_selection.is_too_late(daily, NOW, NOW + DAY // 2 + 1)
    assert not digest_selection.is_too_late(weekly, NOW, NOW + 2 * DAY)
    assert digest_selection.is_too_late(weekly, NOW, NOW + 2 * DAY + 1)


def list_topics_with_stories(*candidates: DigestCandidate, language: str) -> list[tuple[str | None, list[list[int]]]]:
    digest_content = digest_selection.select_stories(candidates, (), DRAFT, language=language)
    return [
        (section.topic, [[id_ for id_, _feed in story.article_and_feed_ids] for story in section.stories])
        for section in digest_content.sections
    ]


TRANSLATED = (
    (
        "Ship’s anchor cuts the Nordwave cable between Scotland and Norway",
        "Le câble sous-marin Nordwave sectionné par l’ancre d’un navire",
    ),
    (
        "Amazon stops police use of Rekognition for a year",
        "Amazon interdit à la police américaine d’utiliser sa reconnaissance faciale pendant un an",
    ),
)


@check_cases(("english", "french"), TRANSLATED)
def test_translated_story_is_merged_without_vectors(english, french):
    candidates = (
        make_candidate(1, english, published=NOW - 900),
        make_candidate(2, french, language="fr", published=NOW - 800),
        make_candidate(3, "A library lends out laptops"),
    )
    for language, merged in (("en", [1, 2]), ("fr", [2, 1])):
        stories = [
            story for _topic, stories in list_topics_with_stories(*candidates, language=language) for story in stories
        ]
        assert sorted(stories) == sorted([merged, [3]])


@check_cases(
    ("english", "french"),
    [
        ("Audi’s next EV is the A6 e-tron Sportback", "Nouvel Audi e-tron Sportback en images"),
        ("Amazon opens a data centre in Spain", "Amazon supprime mille emplois en Espagne"),
        ("Mistral AI raises 105 million euros", "Mistral AI ouvre un bureau à Londres"),
    ],
)
def test_different_stories_of_one_company_are_not_merged(english, french):
    candidates = (make_candidate(1, english), make_candidate(2, french, language="fr"))
    assert sum(len(stories) for _topic, stories in list_topics_with_stories(*candidates, language="fr")) == 2


def test_stories_without_topic_come_last_together():
    candidates = [
        make_candidate(1, "A cable is cut", bookmark_count=9),
        make_candidate(2, "No tag here", bookmark_count=8),
        make_candidate(3, "Chips get smaller", tags=("Chips",), bookmark_count=7),
        make_candidate(4, "Nor here", bookmark_count=6),
        make_candidate(5, "A browser engine", tags=("Browsers",), bookmark_count=5),
    ]
    assert list_topics_with_stories(*candidates, language="en") == [
        (None, [[1]]),
        ("Chips", [[3]]),
        ("Browsers", [[5]]),
        (None, [[2], [4]]),
    ]


def test_topics_are_in_digest_language_or_names():
    candidates = [
        make_candidate(1, "Un câble sectionné", language="fr", bookmark_count=9),
        make_candidate(2, "A library lends out laptops", tags=("Libraries",), bookmark_count=8),
        make_candidate(3, "A map of every bench in OpenStreetMap", tags=("OpenStreetMap",), bookmark_count=7),
        make_candidate(4, "Signing in without passwords", tags=("passkeys",), bookmark_count=6),
        make_candidate(5, "Les banques hésitent", tags=("passkeys", "banques"), language="fr", bookmark_count=5),
        make_candidate(6, "La vie privée", tags=("vie privée",), language="fr", bookmark_count=4),
    ]
    first, *middle, last = [heading for heading, _stories in list_topics_with_stories(*candidates, language="fr")]
    assert first is last is None
    assert sorted(filter(None, middle)) == ["OpenStreetMap", "Passkeys", "Vie privée"]
