"""Timelines of stories: key terms, developments and their lines."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict

from bot.answers.timeline.developments import MAX_LINE_LENGTH, build_developments, group_into_developments
from bot.answers.timeline.story_terms import MIN_KEY_SHARE, compute_key_share, name_topic, select_key_terms
from bot.answers.timeline.story_timeline import MAX_DEVELOPMENTS, select_developments
from bot.core.models import Article
from bot.demo.sample_feeds import load_stories
from bot.search.index import text_analysis
from tests.answers.timeline.articles import make_article
from tests.support.shared_data import require_shared_path

TITLE = "Ship’s anchor cuts the Nordwave cable"
CUT = "The undersea cable Nordwave was cut in the night by the anchor of a cargo ship."


def load_demo_articles() -> list[Article]:
    outlets, backlog, stories = load_stories()
    language_by_outlet = {outlet.name: outlet.language for outlet in outlets}
    return [
        make_article(number, story.title, story.text, outlet=story.outlet, language=language_by_outlet[story.outlet])
        for number, story in enumerate((*backlog, *stories))
    ]


def weigh_among(articles: list[Article]):
    """Return a function that weighs a term by its rarity among the articles."""
    counts = Counter(
        term for article in articles for term in set(text_analysis.stem_tokens(article.title, article.language))
    )
    size = len(articles)
    return lambda term, count: math.log(1 + size / counts[term]) if counts[term] > count else 0.0


def list_lines(*articles: Article, language: str = "en") -> list[str]:
    return [development.line for development in build_developments(articles, (), language)]


def test_demo_story_is_found_in_each_language():
    articles = load_demo_articles()
    cable_articles = [article for article in articles if "Nordwave" in article.title]
    assert len(cable_articles) == 5
    key_terms = select_key_terms(cable_articles[:1], weigh_among(articles))
    story_articles = [article for article in articles if compute_key_share(key_terms, article) >= MIN_KEY_SHARE]
    assert {article.title for article in story_articles} == {article.title for article in cable_articles}
    assert name_topic(cable_articles) == "Nordwave cable"
    for language in ("en", "fr"):
        same_language = [article for article in cable_articles if article.language == language]
        assert len(group_into_developments(same_language, ())) == 1


def test_different_versions_but_not_amounts_split_developments():
    ships = [make_article(number, f"{number} ships wait above the Nordwave cable") for number in (12, 15)]
    assert len(group_into_developments(ships, ())) == 1
    releases = [make_article(number, f"Firefox {number} is released with vertical tabs") for number in (140, 141)]
    assert len(group_into_developments(releases, ())) == 2


def test_line_is_sentence_that_stands_alone():
    text = f"It was a stormy night in the north of the sea. {CUT} Nobody is without a connection, the operator said."
    assert list_lines(make_article(1, TITLE, text)) == [CUT]
    too_long = f"The Nordwave cable was cut {'very ' * 40}badly. Nordwave carries a third of the traffic to Norway."
    assert list_lines(make_article(1, TITLE, too_long)) == ["Nordwave carries a third of the traffic to Norway."]
    assert all(len(line) <= MAX_LINE_LENGTH for line in list_lines(*load_demo_articles()) if line.endswith("."))


def test_later_line_adds_information():
    news = "The crew of the repair ship expects the splice to take ten days in calm weather."
    later = make_article(2, "Repair ship reaches Bergen", f"{CUT} {news}", hours=40)
    assert list_lines(make_article(1, TITLE, CUT), later) == [CUT, news]


def test_title_is_line_without_suitable_sentence():
    (development,) = build_developments([make_article(1, TITLE)], (), "en")
    assert development.line == TITLE
    assert development.is_line_title


def test_first_and_last_developments_are_selected():
    developments = build_developments(
        [make_article(number, f"{word} {number}", hours=49 * number) for number, word in enumerate("abcdefghij")],
        (),
        "en",
    )
    assert len(developments) == 10
    selected = select_developments(developments)
    assert len(selected) == MAX_DEVELOPMENTS
    assert selected == [developments[0], *developments[-6:]]
    confirmed = [
        development._replace(outlets=("a", "b")) if number not in {0, 9} else development
        for number, development in enumerate(developments)
    ]
    assert select_developments(confirmed) == [confirmed[1], *confirmed[3:9]]


def test_shared_stories_are_found_by_key_terms():
    require_shared_path("stories/en.jsonl.gz")
    from benchmarks.stories import load_labelled_headlines  # noqa: PLC0415 - reads the shared stories

    headlines = [headline for half in load_labelled_headlines() for headline in half]
    articles = [make_article(number, headline.title) for number, headline in enumerate(headlines)]
    weigh_term = weigh_among(articles)
    numbers_by_story, numbers_by_term = defaultdict(list), defaultdict(list)
    for number, headline in enumerate(headlines):
        numbers_by_story[headline.story].append(number)
        for term in set(text_analysis.stem_tokens(headline.title, "en")):
            numbers_by_term[term].append(number)
    precisions = []
    for numbers in numbers_by_story.values():
        key_terms = select_key_terms([articles[random.Random(1).choice(numbers)]], weigh_term)
        candidates = numbers_by_term[next(iter(key_terms), "")]
        story_articles = [
            number for number in candidates if compute_key_share(key_terms, articles[number]) >= MIN_KEY_SHARE
        ]
        precisions.append(sum(number in numbers for number in story_articles) / max(1, len(story_articles)))
    assert sum(precisions) / len(precisions) >= 0.85
