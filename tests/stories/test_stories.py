"""Similarity of articles, membership in stories and conflicting figures."""

from __future__ import annotations

import random

import pytest

from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY, ArticleBrief
from bot.stories.story_matching import (
    MIN_SIMILARITY,
    RecentArticleIndex,
    StoryFeatures,
    compute_similarity,
    extract_story_features,
)
from bot.stories.story_membership import MAX_STORY_GAP_SECONDS, compute_story_membership_score
from bot.stories.title_conflicts import Figure, extract_figures, has_figure_conflict
from tests.support.cases import check_cases

SIMILAR_TITLES = """
en | Amazon bans police use of its facial recognition | Amazon halts police use of facial recognition tool
en | OpenAI unveils GPT-5 | OpenAI launches GPT-5, its most powerful model yet
en | Google fined €150 million by CNIL over cookies | CNIL fines Google 150 million euros over cookies
en | UPDATE 2-Microsoft buys Activision in $68.7bn deal | Microsoft buys Activision for $68.7 billion
fr | Amazon interdit sa reconnaissance faciale à la police | Reconnaissance faciale : Amazon freine la police
fr | La CNIL inflige 150 millions d’euros d’amende à Google | Google : la CNIL inflige une amende de 150 M€
fr | OVHcloud : un incendie à Strasbourg | Incendie chez OVHcloud à Strasbourg : un centre détruit
fr | Free lance sa nouvelle Freebox Ultra | Freebox Ultra : Free dévoile sa nouvelle box
"""
CONFLICTING_TITLES = """
en | Python 3.12 released with better error messages | Python 3.13 released with better error messages
en | Google fined €150 million over cookies | Facebook fined €150 million over cookies
en | Google fined €150 million over cookies | Google fined €60 million over cookies
en | Microsoft bans police use of its facial recognition | Amazon bans police use of its facial recognition
en | Apple unveils iPhone 17 | Apple unveils AirPods 4
en | Firefox 118 is out with translation | Firefox 119 is out with translation
en | SpaceX launches 22 Starlink satellites from Florida | SpaceX launches 28 Starlink satellites from Florida
en | Shares of Nvidia fall 3% on chip export rules | Shares of Nvidia fall 7% on chip export rules
en | Apple to launch new MacBook on June 10 | Apple to launch new MacBook on June 24
fr | Orange augmente ses tarifs fibre | SFR augmente ses tarifs fibre
fr | Debian 12 est disponible | Debian 13 est disponible
fr | Free Mobile victime d’une cyberattaque | Bouygues Telecom victime d’une cyberattaque
fr | Apple lance le MacBook Air M3 | Apple lance l’iPad Air M2
fr | Amazon va supprimer 14 000 postes | Amazon va supprimer 30 000 postes
"""


def make_features(
    title: str, number: int = 1, *, language: str = "en", published: int = 0, text: str = "", feed: int = 0
) -> StoryFeatures:
    return extract_story_features(
        ArticleBrief(number, "", feed or number, title, text, language, published), lambda _term: 7.0
    )


def parse_pairs(text: str) -> list[list[str]]:
    return [line.split(" | ") for line in text.strip().splitlines()]


@check_cases(("language", "title", "other_title"), parse_pairs(SIMILAR_TITLES))
def test_same_event_in_other_words_is_similar(language, title, other_title):
    assert (
        compute_similarity(make_features(title, language=language), make_features(other_title, 2, language=language))
        >= MIN_SINGLE_ARTICLE_SIMILARITY - 0.15
    )


@check_cases(("language", "title", "other_title"), parse_pairs(CONFLICTING_TITLES))
def test_other_company_amount_version_or_day_is_not_similar(language, title, other_title):
    assert (
        compute_similarity(make_features(title, language=language), make_features(other_title, 2, language=language))
        == 0.0
    )


def test_other_language_needs_similar_vector_and_common_name():
    english, french = (
        make_features("Mozilla lays off 250 employees"),
        make_features("Mozilla licencie 250 salariés", 2, language="fr"),
    )
    assert compute_similarity(english, french) == 0.0
    assert compute_similarity(english, french, 0.87) >= MIN_SINGLE_ARTICLE_SIMILARITY
    assert compute_similarity(english, french, 0.4) == 0.0
    nameless = make_features("Un éditeur licencie ses salariés", 3, language="fr")
    assert compute_similarity(english, nameless, 0.87) == 0.0
    other_number = make_features("Mozilla licencie 60 salariés", 4, language="fr")
    assert compute_similarity(english, other_number, 0.87) == 0.0


def test_similarity_falls_with_time_and_ends_after_two_days():
    first, again = "OpenAI unveils GPT-5", "OpenAI launches GPT-5"
    near = compute_similarity(make_features(first), make_features(again, 2, published=3_600))
    late = compute_similarity(make_features(first), make_features(again, 2, published=MAX_STORY_GAP_SECONDS - 3_600))
    assert 0 < late < near
    assert compute_similarity(make_features(first), make_features(again, 2, published=MAX_STORY_GAP_SECONDS + 1)) == 0.0


def test_lead_raises_similarity():
    title = "Cities ban facial recognition for good"
    likeness_without_lead = compute_similarity(
        make_features(title), make_features("Portland bans facial recognition", 2)
    )
    likeness_with_lead = compute_similarity(
        make_features(title),
        make_features("Portland bans facial recognition", 2, text="More cities follow, for good."),
    )
    assert likeness_with_lead > likeness_without_lead


def test_similar_articles_of_other_feeds_are_sorted_by_similarity():
    recent = RecentArticleIndex()
    recent.add(make_features("OpenAI unveils GPT-5", 1))
    recent.add(make_features("OpenAI unveils GPT-5 to the world", 2))
    recent.add(make_features("Mozilla lays off 250 employees", 3))
    recent.add(make_features("OpenAI unveils GPT-5", 4, feed=9))
    kin_articles = recent.find_similar(make_features("OpenAI unveils GPT-5", 5, feed=9))
    assert [kin.article_id for kin in kin_articles] == [1, 2]
    assert kin_articles[0].similarity > kin_articles[1].similarity >= MIN_SIMILARITY


def test_old_articles_are_evicted():
    recent = RecentArticleIndex()
    for number in range(1, 50):
        recent.add(make_features(f"OpenAI unveils GPT-{number}", number, published=number))
    recent.evict_before(48)
    assert len(recent) == 2
    recent.evict_before(100)
    assert len(recent) == 0


def test_article_added_again_replaces_itself():
    recent = RecentArticleIndex()
    recent.add(make_features("OpenAI unveils GPT-5", 1))
    recent.add(make_features("Mozilla lays off 250 employees", 1))
    assert recent.find_similar(make_features("OpenAI unveils GPT-5", 2)) == ()
    assert [kin.article_id for kin in recent.find_similar(make_features("Mozilla lays off 250 employees", 2))] == [1]


def test_membership_score_depends_on_nearest_articles():
    assert compute_story_membership_score([MIN_SINGLE_ARTICLE_SIMILARITY], 1) == pytest.approx(0.0)
    assert compute_story_membership_score([0.4], 1) < 0 < compute_story_membership_score([0.4, 0.4, 0.4], 8)
    assert compute_story_membership_score([0.9], 8) < compute_story_membership_score([0.9], 1)
    assert compute_story_membership_score([], 3) < 0


@check_cases(
    ("text", "figure"),
    [
        ("$1.5bn", Figure("usd", 1.5e9)),
        ("1,5 milliard de dollars", Figure("usd", 1.5e9)),
        ("une amende de 20 M€", Figure("eur", 2e7)),
        ("en hausse de 3,5 %", Figure("%", 3.5)),
        ("up 3.5 percent", Figure("%", 3.5)),
        ("le 10 juin", Figure("day", 610)),
        ("June 10 launch", Figure("day", 610)),
        ("GPT-5 is here", Figure("gpt", 5)),
        ("iPhone 15 Pro", Figure("iphone", 15)),
    ],
)
def test_figures_are_extracted_in_both_languages(text, figure):
    assert figure in extract_figures(text)


def test_rounded_amounts_agree_but_versions_do_not():
    assert not has_figure_conflict(extract_figures("a $68.7bn deal"), extract_figures("a $69 billion deal"))
    assert has_figure_conflict(extract_figures("a $68.7bn deal"), extract_figures("a $75 billion deal"))
    assert has_figure_conflict(extract_figures("Linux 6.10"), extract_figures("Linux 6.1"))
    assert not has_figure_conflict(extract_figures("Linux 6.1"), extract_figures("Linux without a number"))
    assert not has_figure_conflict(extract_figures("fined €150 million"), extract_figures("fined $165 million"))


def test_any_title_is_compared_without_error():
    alphabet = "aA0 .,-$€%'’:émM17\u202f\n"
    draw = random.Random(5)
    for _ in range(300):
        title = "".join(draw.choice(alphabet) for _ in range(draw.randrange(200)))
        random_features = make_features(title, text=title[::-1])
        assert 0.0 <= compute_similarity(random_features, make_features("Apple unveils iPhone 17", 2)) <= 1.0
    make_features("9" * 5_000 + " " + "1,1" * 2_000)
    make_features("a1-" * 3_000)
