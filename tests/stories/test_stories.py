"""Which articles tell of one event: pairs that do, near misses that do not, and the memory of days."""

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

TOGETHER = """
en | Amazon bans police use of its facial recognition | Amazon halts police use of facial recognition tool
en | OpenAI unveils GPT-5 | OpenAI launches GPT-5, its most powerful model yet
en | Google fined €150 million by CNIL over cookies | CNIL fines Google 150 million euros over cookies
en | UPDATE 2-Microsoft buys Activision in $68.7bn deal | Microsoft buys Activision for $68.7 billion
fr | Amazon interdit sa reconnaissance faciale à la police | Reconnaissance faciale : Amazon freine la police
fr | La CNIL inflige 150 millions d’euros d’amende à Google | Google : la CNIL inflige une amende de 150 M€
fr | OVHcloud : un incendie à Strasbourg | Incendie chez OVHcloud à Strasbourg : un centre détruit
fr | Free lance sa nouvelle Freebox Ultra | Freebox Ultra : Free dévoile sa nouvelle box
"""
APART_FOR_GOOD = """
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


def make_telling(
    title: str, number: int = 1, *, language: str = "en", published: int = 0, text: str = "", feed: int = 0
) -> StoryFeatures:
    return extract_story_features(
        ArticleBrief(number, "", feed or number, title, text, language, published), lambda _term: 7.0
    )


def pairs(text: str) -> list[list[str]]:
    return [line.split(" | ") for line in text.strip().splitlines()]


@check_cases(("language", "one", "other"), pairs(TOGETHER))
def test_one_event_in_other_words_is_one_story(language, one, other):
    assert (
        compute_similarity(make_telling(one, language=language), make_telling(other, 2, language=language))
        >= MIN_SINGLE_ARTICLE_SIMILARITY - 0.15
    )


@check_cases(("language", "one", "other"), pairs(APART_FOR_GOOD))
def test_another_company_amount_version_or_day_is_another_story(language, one, other):
    assert compute_similarity(make_telling(one, language=language), make_telling(other, 2, language=language)) == 0.0


def test_the_other_language_needs_meaning_and_a_name_in_common():
    english, french = (
        make_telling("Mozilla lays off 250 employees"),
        make_telling("Mozilla licencie 250 salariés", 2, language="fr"),
    )
    assert compute_similarity(english, french) == 0.0
    assert compute_similarity(english, french, 0.87) >= MIN_SINGLE_ARTICLE_SIMILARITY
    assert compute_similarity(english, french, 0.4) == 0.0
    nameless = make_telling("Un éditeur licencie ses salariés", 3, language="fr")
    assert compute_similarity(english, nameless, 0.87) == 0.0
    other_number = make_telling("Mozilla licencie 60 salariés", 4, language="fr")
    assert compute_similarity(english, other_number, 0.87) == 0.0


def test_what_comes_later_has_to_be_more_alike_and_after_two_days_is_news():
    first, again = "OpenAI unveils GPT-5", "OpenAI launches GPT-5"
    near = compute_similarity(make_telling(first), make_telling(again, 2, published=3_600))
    late = compute_similarity(make_telling(first), make_telling(again, 2, published=MAX_STORY_GAP_SECONDS - 3_600))
    assert 0 < late < near
    assert compute_similarity(make_telling(first), make_telling(again, 2, published=MAX_STORY_GAP_SECONDS + 1)) == 0.0


def test_a_lead_helps_where_titles_have_few_words_in_common():
    title = "Cities ban facial recognition for good"
    likeness_without_lead = compute_similarity(make_telling(title), make_telling("Portland bans facial recognition", 2))
    likeness_with_lead = compute_similarity(
        make_telling(title),
        make_telling("Portland bans facial recognition", 2, text="More cities follow, for good."),
    )
    assert likeness_with_lead > likeness_without_lead


def test_recent_articles_are_found_the_likest_first_and_none_of_the_same_feed():
    recent = RecentArticleIndex()
    recent.add(make_telling("OpenAI unveils GPT-5", 1))
    recent.add(make_telling("OpenAI unveils GPT-5 to the world", 2))
    recent.add(make_telling("Mozilla lays off 250 employees", 3))
    recent.add(make_telling("OpenAI unveils GPT-5", 4, feed=9))
    kin_articles = recent.find_similar(make_telling("OpenAI unveils GPT-5", 5, feed=9))
    assert [kin.article_id for kin in kin_articles] == [1, 2]
    assert kin_articles[0].similarity > kin_articles[1].similarity >= MIN_SIMILARITY


def test_what_is_old_is_forgotten_altogether():
    recent = RecentArticleIndex()
    for number in range(1, 50):
        recent.add(make_telling(f"OpenAI unveils GPT-{number}", number, published=number))
    recent.evict_before(48)
    assert len(recent) == 2
    recent.evict_before(100)
    assert len(recent) == 0


def test_an_article_that_is_added_again_replaces_itself():
    recent = RecentArticleIndex()
    recent.add(make_telling("OpenAI unveils GPT-5", 1))
    recent.add(make_telling("Mozilla lays off 250 employees", 1))
    assert recent.find_similar(make_telling("OpenAI unveils GPT-5", 2)) == ()
    assert [kin.article_id for kin in recent.find_similar(make_telling("Mozilla lays off 250 employees", 2))] == [1]


def test_a_story_of_several_is_judged_by_the_nearest_of_them():
    assert compute_story_membership_score([MIN_SINGLE_ARTICLE_SIMILARITY], 1) == pytest.approx(0.0)
    assert compute_story_membership_score([0.4], 1) < 0 < compute_story_membership_score([0.4, 0.4, 0.4], 8)
    assert compute_story_membership_score([0.9], 8) < compute_story_membership_score([0.9], 1)
    assert compute_story_membership_score([], 3) < 0


@check_cases(
    ("text", "wanted"),
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
def test_figures_of_both_languages(text, wanted):
    assert wanted in extract_figures(text)


def test_rounded_amounts_are_one_and_versions_are_never_rounded():
    assert not has_figure_conflict(extract_figures("a $68.7bn deal"), extract_figures("a $69 billion deal"))
    assert has_figure_conflict(extract_figures("a $68.7bn deal"), extract_figures("a $75 billion deal"))
    assert has_figure_conflict(extract_figures("Linux 6.10"), extract_figures("Linux 6.1"))
    assert not has_figure_conflict(extract_figures("Linux 6.1"), extract_figures("Linux without a number"))
    assert not has_figure_conflict(extract_figures("fined €150 million"), extract_figures("fined $165 million"))


def test_no_title_takes_long_or_fails():
    alphabet = "aA0 .,-$€%'’:émM17\u202f\n"
    draw = random.Random(5)
    for _ in range(300):
        title = "".join(draw.choice(alphabet) for _ in range(draw.randrange(200)))
        random_telling = make_telling(title, text=title[::-1])
        assert 0.0 <= compute_similarity(random_telling, make_telling("Apple unveils iPhone 17", 2)) <= 1.0
    make_telling("9" * 5_000 + " " + "1,1" * 2_000)
    make_telling("a1-" * 3_000)
