"""Benchmark of the confidence of answers: share of sure and of wrong answers, by threshold and size of the store.

    python -m benchmarks.answer_confidence [--folder FOLDER] [--sizes 1 100 900] [--semantic] [--encyclopedic 150]

The chat questions in stores of one article, of some and of all, each scored by trees fitted on those about other
articles and on encyclopedic questions in the full store (cross-validation by article). For each share of the
questions with an answer that is called sure: the threshold, how many of these have no accepted answer among the first
two quotes, and how many of the unanswerable questions near a topic are answered surely. A small store holds the
articles that answer its questions, for an unanswerable one the article that matches it best, and others at random.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.answer_spans_fit import build_encyclopedic_samples, fit_span_scorers
from benchmarks.answers_examples import (
    NEAR_TOPIC,
    Example,
    Judge,
    add_cosines,
    analyse_article,
    build_example,
    load_examples,
    load_news,
)
from benchmarks.answers_fit import (
    NON_CHAT_KINDS,
    VAGUE,
    Outcome,
    calibrate,
    fit_judges,
    judge_outcomes,
    with_calibrated_probabilities,
)
from benchmarks.newsrooms import make_document_url, open_filled_newsroom
from bot.answers.answer_scorer import Scorer
from bot.answers.candidate_scoring import add_excerpt
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_selection import compute_sure_log_odds, rank_candidates, select_quotes
from bot.core.models import Article

SURE_SHARES = (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
SHOWN_QUOTES = 2
OWN_ARTICLE_SHARE = 0.3
"""Maximum share of a small store's articles that are there for its questions."""
console = Console(width=130)


class CurvePoint(NamedTuple):
    """A threshold with the share of answerable questions that are sure, and the shares of two errors."""

    threshold: float
    sure: float
    sure_without_answer: float
    near_topic_sure: float


def compute_curve(outcomes: Sequence[Outcome]) -> list[CurvePoint]:
    """Return the point of each threshold, from the highest on."""
    outcomes = [
        outcome._replace(judged=rank_candidates(outcome.judged))
        for outcome in outcomes
        if outcome.judged and outcome.example.kind != VAGUE
    ]
    outcomes.sort(key=lambda outcome: compute_sure_log_odds(outcome.example.question, outcome.judged[0]), reverse=True)
    answerable = sum(outcome.example.has_answer for outcome in outcomes)
    near_topic = sum(outcome.example.kind == NEAR_TOPIC for outcome in outcomes)
    points, sure, missed, near_sure = [], 0, 0, 0
    for outcome in outcomes:
        example = outcome.example
        if not outcome.judged[0].excerpt.has_expected_answer:
            continue
        if example.has_answer:
            quotes = select_quotes(outcome.judged)[:SHOWN_QUOTES]
            sure += 1
            missed += not any(example.is_right(quote.text) for quote in quotes)
        near_sure += example.kind == NEAR_TOPIC
        threshold = 1 / (1 + exp(-compute_sure_log_odds(example.question, outcome.judged[0])))
        points.append(CurvePoint(threshold, sure / answerable, missed / max(1, sure), near_sure / max(1, near_topic)))
    return points


def find_near_articles(example: Example) -> list[str]:
    """Return the URLs of the articles that a small store must contain for a question."""
    articles: dict[int, Article] = {article.id: article for article in example.candidates.retrieved.articles}
    if not example.has_answer:
        return [article.url for article in list(articles.values())[:1]]
    own_ids = dict.fromkeys(
        candidate.article_id
        for candidate, own in zip(example.candidates.judged, example.candidates.own, strict=True)
        if own
    )
    return [articles[id_].url for id_ in own_ids]


def draw_stores(
    examples: Sequence[Example], size: int, news: dict[str, dict[str, Any]]
) -> Iterator[tuple[list[Example], list[dict[str, Any]]]]:
    """Yield groups of questions, each with the documents of the store that it is asked of."""
    generator = random.Random(size)
    group: list[Example] = []
    urls: dict[str, None] = {}

    def complete_group() -> tuple[list[Example], list[dict[str, Any]]]:
        other_urls = generator.sample([url for url in news if url not in urls], max(0, size - len(urls)))
        return list(group), [news[url] for url in (*urls, *other_urls)]

    for example in generator.sample(examples, len(examples)):
        near_urls = [url for url in find_near_articles(example) if url in news][:size]
        if not near_urls:
            continue
        if group and len(urls) + len(near_urls) > max(1, OWN_ARTICLE_SHARE * size):
            yield complete_group()
            group, urls = [], {}
        group.append(example)
        urls |= dict.fromkeys(near_urls)
    yield complete_group()


class AskedQuestion(NamedTuple):
    """A question as it is found in a store, with trees that were not fitted on its articles.

    Attributes:
        word_judge: Trees over words, which select the passages whose meaning is compared.
        judge: Trees over all features.
        span_scorer: Trees over the words that may answer.
    """

    example: Example
    word_judge: Judge
    judge: Judge
    span_scorer: Scorer


async def ask_small_stores(
    questions: Sequence[AskedQuestion], size: int, *, semantic: bool
) -> AsyncIterator[AskedQuestion]:
    """Yield the questions as they are found in stores of a size."""
    documents = load_news()
    news = {make_document_url(document): document for document in documents}
    urls = {document["doc_id"]: make_document_url(document) for document in documents}
    question_by_text = {question.example.question.text: question for question in questions}
    for group, store_documents in draw_stores([question.example for question in questions], size, news):
        async with open_filled_newsroom(store_documents, semantic=semantic) as newsroom:
            for example in group:
                question = question_by_text[example.question.text]
                small_example = await build_example(newsroom, example.row, urls, None)
                if semantic:
                    small_example = await add_cosines(newsroom, small_example, question.word_judge, {})
                if small_example.candidates.judged:
                    yield question._replace(example=replace(small_example, without=None))


def print_curve(title: str, outcomes: Sequence[Outcome]) -> None:
    """Print the points of the curve at which given shares of the questions are sure."""
    table = Table(
        "sure", "threshold", "sure without an answer", "near a topic, sure", title=f"{title}: {len(outcomes)} questions"
    )
    curve = compute_curve(outcomes)
    for share in SURE_SHARES:
        point = next((point for point in curve if point.sure >= share), None)
        if point is not None:
            table.add_row(*(f"{figure:.2f}" for figure in (point.sure, *point[:1], *point[2:])))
    console.print(table)


async def measure(folder: Path, sizes: Sequence[int], *, semantic: bool, encyclopedic: int) -> None:
    """Print the curves of the full store and of small ones."""
    word_judges: list[Judge] = []

    def fit_word_judges(examples: Sequence[Example]) -> list[Judge]:
        word_judges.extend(fit_judges(examples))
        return word_judges

    examples = await load_examples(folder, semantic=semantic, encyclopedic=encyclopedic, judges=fit_word_judges)
    judges = fit_judges(examples)
    chat_questions = [
        question
        for question in zip(examples, word_judges or judges, judges, strict=False)  # encyclopedic ones come last
        if question[0].kind not in NON_CHAT_KINDS and question[0].candidates.judged
    ]
    folds, span_scorers = fit_span_scorers(
        [example for example, _, _ in chat_questions], await build_encyclopedic_samples(folder, encyclopedic)
    )
    questions = [
        AskedQuestion(*question, span_scorers[fold]) for question, fold in zip(chat_questions, folds, strict=True)
    ]
    outcomes = judge_questions(questions)
    slope, shift = calibrate(outcomes)
    print_curve("all articles", with_calibrated_probabilities(outcomes, slope, shift))
    for size in sizes:
        asked_questions = [question async for question in ask_small_stores(questions, size, semantic=semantic)]
        small_store_outcomes = with_calibrated_probabilities(judge_questions(asked_questions), slope, shift)
        print_curve(f"stores of {size}", small_store_outcomes)


def judge_questions(questions: Sequence[AskedQuestion]) -> list[Outcome]:
    """Return the outcomes of questions, each by its trees, with the words that answer in each passage."""
    outcomes = judge_outcomes([question.example for question in questions], [question.judge for question in questions])
    for outcome, question in zip(outcomes, questions, strict=True):
        analysed_question = outcome.example.question
        articles = {article.id: article for article in outcome.example.candidates.retrieved.articles}
        outcome.judged[:] = [
            add_excerpt(
                analysed_question,
                QuestionTermMatcher(analysed_question),
                analyse_article(articles[candidate.article_id]),
                candidate,
                question.span_scorer,
            )
            for candidate in outcome.judged
        ]
    return outcomes


def main() -> None:
    """Print the curves of all stores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="answer with the extra `semantic`")
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[900, 100, 1], help="numbers of articles of the small stores"
    )
    parser.add_argument("--encyclopedic", type=int, default=150, help="encyclopedic questions per language to fit on")
    parser.add_argument("--folder", type=Path, help="folder that keeps the filled stores for the next run")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        asyncio.run(
            measure(
                options.folder or Path(folder),
                options.sizes,
                semantic=options.semantic,
                encyclopedic=options.encyclopedic,
            )
        )


if __name__ == "__main__":
    main()
