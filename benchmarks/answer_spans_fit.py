"""Fitting of the trees that choose the words of a passage that answer a question; writes data/answer_scorer.json.

    python -m benchmarks.answer_spans_fit [--folder FOLDER] [--encyclopedic 150]

Run it after `benchmarks.answers_fit`. Gradient-boosted trees are fitted on the words that have the form of an answer:
in the passages of all encyclopedic questions that `answers_fit` doesn't draw, and in the articles that are found for
the chat questions. `benchmarks.answers` prints how often the words in bold are right.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lightgbm
import numpy as np

from benchmarks.answers_examples import (
    ENCYCLOPEDIA,
    ENCYCLOPEDIC,
    LANGUAGES,
    Example,
    analyse_article,
    draw_encyclopedic_questions,
    join_words,
    load_encyclopedia,
    load_examples,
    open_store_in,
)
from benchmarks.answers_fit import (
    FOLDS,
    SETTINGS,
    assign_folds,
    build_scorer,
    fit_judges,
    scorer_to_json,
)
from benchmarks.newsrooms import make_document_url, read_rows
from bot.answers.answer_scorer import MODEL_FILE, Scorer
from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import analyse_question_with_index
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import SPAN_FEATURE_NAMES, iter_span_features

TREES = 100
ARTICLES_PER_QUESTION = 8
"""Number of articles of a chat question whose words are used."""
RISING_FEATURES = {"of the kind", "near", "beside", "around", "often"}


class SpanSamples(NamedTuple):
    """Features of words that may answer a question, and whether they do."""

    features: list[list[float]]
    labels: list[bool]


def is_answer(span_text: str, answers: Sequence[str]) -> bool:
    """Return whether words are an accepted answer with few words more, or at least half of one."""
    words = join_words(span_text)
    count = len(words.split())
    for answer in map(join_words, answers):
        length = len(answer.split())
        if (answer in words and count <= 2 * length + 1) or (words in answer and 2 * count >= length):
            return count > 0
    return False


def build_samples(question: AnalysedQuestion, article_analysis: ArticleAnalysis, answers: Sequence[str]) -> SpanSamples:
    """Return the samples of the words of an article that may answer a question."""
    terms, samples = QuestionTermMatcher(question), SpanSamples([], [])
    for number in range(-1, len(article_analysis.sentences)):
        for form, features in iter_span_features(question, terms, article_analysis, number):
            samples.features.append(features)
            samples.labels.append(is_answer(form.text, answers))
    return samples


async def build_encyclopedic_samples(folder: Path, excluded_per_language: int) -> list[SpanSamples]:
    """Return samples for all encyclopedic questions except the drawn ones, from their own passages."""
    excluded_ids = {row["id"] for row in draw_encyclopedic_questions(excluded_per_language)}
    urls = {document["doc_id"]: make_document_url(document) for document in load_encyclopedia([""])}
    samples = []
    async with open_store_in(folder, semantic=False) as newsroom:
        feed_ids = [feed.id for feed in await newsroom.store.feeds.list_all() if feed.outlet == ENCYCLOPEDIA]
        passages = {
            article.url: article for article in await newsroom.store.articles.list_newest(feed_ids, limit=2 * len(urls))
        }
        for language in LANGUAGES:
            for question_row in read_rows(f"questions/{language}-questions"):
                if question_row["id"] not in excluded_ids:
                    question = await analyse_question_with_index(newsroom.searcher, question_row["question"])
                    article_analysis = analyse_article(passages[urls[question_row["doc_id"]]])
                    samples.append(build_samples(question, article_analysis, question_row["answers"]))
    return samples


def build_chat_samples(example: Example) -> SpanSamples:
    """Return samples for a chat question; words of an article that doesn't answer it are labelled as wrong."""
    own_ids = {
        candidate.article_id
        for candidate, is_own in zip(example.candidates.judged, example.candidates.own, strict=True)
        if is_own
    }
    samples = SpanSamples([], [])
    for article in example.candidates.retrieved.articles[:ARTICLES_PER_QUESTION]:
        answers = example.row["answers"] if article.id in own_ids else ()
        article_samples = build_samples(example.question, analyse_article(article), answers)
        samples.features.extend(article_samples.features)
        samples.labels.extend(article_samples.labels)
    return samples


def fit_scorer(sample_sets: Sequence[SpanSamples]) -> Scorer:
    """Fit the trees that predict the probability that words are the answer."""
    feature_matrix = np.array([features for samples in sample_sets for features in samples.features])
    labels = np.array([label for samples in sample_sets for label in samples.labels], dtype=int)
    settings = SETTINGS | {
        "seed": 1,
        "learning_rate": 0.05,
        "monotone_constraints": [int(name in RISING_FEATURES) for name in SPAN_FEATURE_NAMES],
    }
    boosters = [lightgbm.train(settings, lightgbm.Dataset(feature_matrix, labels), TREES)]
    return build_scorer(boosters, 1.0, 0.0, 1.0)


def fit_span_scorers(
    examples: Sequence[Example], encyclopedic_samples: Sequence[SpanSamples]
) -> tuple[list[int], list[Scorer]]:
    """Return the fold of each chat question, and for each fold the trees fitted on the other folds."""
    folds, chat_samples = assign_folds(examples), [build_chat_samples(example) for example in examples]
    return folds, [
        fit_scorer(
            [
                *encyclopedic_samples,
                *(samples for samples, samples_fold in zip(chat_samples, folds, strict=True) if samples_fold != fold),
            ]
        )
        for fold in range(FOLDS)
    ]


def write_scorer(examples: Sequence[Example], encyclopedic_samples: Sequence[SpanSamples]) -> None:
    """Fit the trees on all samples and write them to the file."""
    scorer = fit_scorer(
        [
            *encyclopedic_samples,
            *map(build_chat_samples, (example for example in examples if example.kind != ENCYCLOPEDIC)),
        ]
    )
    file = json.loads(MODEL_FILE.read_text("utf-8"))
    file["spans"] = scorer_to_json(
        scorer,
        SPAN_FEATURE_NAMES,
        {"encyclopedic questions": len(encyclopedic_samples)},
    )
    MODEL_FILE.write_text(json.dumps(file, separators=(",", ":")) + "\n", "utf-8")


def main() -> None:
    """Load the examples and write the fitted trees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encyclopedic", type=int, default=150, help="questions per language that answers_fit draws")
    parser.add_argument("--folder", type=Path, help="folder that keeps the filled stores for the next run")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as temporary:
        folder = options.folder or Path(temporary)
        question_examples = asyncio.run(
            load_examples(folder, semantic=False, encyclopedic=options.encyclopedic, judges=fit_judges)
        )
        write_scorer(question_examples, asyncio.run(build_encyclopedic_samples(folder, options.encyclopedic)))


if __name__ == "__main__":
    main()
