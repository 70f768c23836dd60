"""Fits what tells which words of a passage are the answer: writes it to data/answer_scorer.json.

    python -m tests.benchmarks.answer_spans_fit [--folder FOLDER] [--encyclopedic 150]

Run it after `answers_fit`. Trees as there, over the words that have the form of an answer: of the passages
of all encyclopedic questions but those that `answers_fit` draws, and of the articles found for the questions
of the chat. Then a regression of two odds, the passage's and the words', tells how likely the words of a
first quote are the answer; they are marked from `LEAST` on. Prints how often words are marked and how often
they are right, cross-validated by article, for a few such thresholds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lightgbm
import numpy as np

from bot.answers.answer_pipeline import select_quotes
from bot.answers.answer_scorer import MODEL_FILE, HighlightModel, Scorer, log_odds
from bot.answers.candidate_scoring import ScoredCandidate, with_answer_span
from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import understand_with_index
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import NAMES, iter_span_features
from tests.benchmarks.answers_examples import (
    ENCYCLOPEDIA,
    ENCYCLOPEDIC,
    LANGUAGES,
    Example,
    encyclopedia,
    encyclopedic_questions,
    examples,
    line,
    reading,
    store_in,
)
from tests.benchmarks.answers_fit import (
    FOLDS,
    SETTINGS,
    as_json,
    calibrated_outcomes,
    console,
    folds,
    judges,
    logistic,
    scorer_of,
)
from tests.benchmarks.newsrooms import read, url_of

TREES = 100
READ = 8
"""Articles of a question of the chat whose words are looked at."""
RISING = {"of the kind", "near", "beside", "in sentence", "around", "often"}
LEAST = 0.6
"""How likely words are the answer, at the least, that are marked."""
SHOWN = (0.3, 0.4, 0.5, 0.6, 0.7)


class Rows(NamedTuple):
    """The words that may answer some question: their features, and whether they do."""

    values: list[list[float]]
    right: list[bool]


def is_answer(said: str, answers: Sequence[str]) -> bool:
    """Whether words are an answer: it and hardly more, or half of it and more."""
    words = line(said)
    count = len(words.split())
    for answer in map(line, answers):
        length = len(answer.split())
        if (answer in words and count <= 2 * length + 1) or (words in answer and 2 * count >= length):
            return count > 0
    return False


def rows(question: AnalysedQuestion, of: ArticleAnalysis, answers: Sequence[str]) -> Rows:
    """The words of an article that may answer a question."""
    terms, found = QuestionTermMatcher(question), Rows([], [])
    for number in range(-1, len(of.sentences)):
        for form, features in iter_span_features(question, terms, of, number):
            found.values.append(features)
            found.right.append(is_answer(form.text, answers))
    return found


async def encyclopedic(folder: Path, but: int) -> list[Rows]:
    """Those of all encyclopedic questions but so many of each language, in their own passages."""
    drawn = {each["id"] for each in encyclopedic_questions(but)}
    urls = {each["doc_id"]: url_of(each) for each in encyclopedia([""])}
    found = []
    async with store_in(folder, semantic=False) as newsroom:
        feeds = [each.id for each in await newsroom.store.feeds.all() if each.outlet == ENCYCLOPEDIA]
        passages = {
            each.url: each for each in await newsroom.store.articles.newest(feeds, limit=2 * len(urls))
        }
        for language in LANGUAGES:
            for asked in read(f"questions/{language}-questions"):
                if asked["id"] not in drawn:
                    question = await understand_with_index(newsroom.searcher, asked["question"])
                    of = reading(passages[urls[asked["doc_id"]]])
                    found.append(rows(question, of, asked["answers"]))
    return found


def of_chat(asked: Example) -> Rows:
    """Those of a question of the chat; in an article that does not answer it none is right."""
    own = {one.article_id for one, is_own in zip(asked.found.judged, asked.found.own, strict=True) if is_own}
    found = Rows([], [])
    for article in asked.found.retrieved.articles[:READ]:
        answers = asked.asked["answers"] if article.id in own else ()
        more = rows(asked.question, reading(article), answers)
        found.values.extend(more.values)
        found.right.extend(more.right)
    return found


def fitted(of: Sequence[Rows]) -> Scorer:
    """Trees that tell how likely words are the answer."""
    values = np.array([each for one in of for each in one.values])
    right = np.array([each for one in of for each in one.right], dtype=int)
    settings = SETTINGS | {
        "seed": 1,
        "learning_rate": 0.05,
        "monotone_constraints": [int(name in RISING) for name in NAMES],
    }
    made = [lightgbm.train(settings, lightgbm.Dataset(values, right), TREES)]
    return scorer_of(made, 1.0, 0.0, 1.0)


def marks(
    asked: Sequence[Example], others: Sequence[Rows]
) -> Iterator[tuple[Example, ScoredCandidate, bool]]:
    """The first quotes with their likeliest answers, and whether that is one, by what was not fitted on
    them."""
    outcomes, _, _ = calibrated_outcomes(asked)
    chat = [each.example for each in outcomes]
    of, own = folds(chat), [of_chat(each) for each in chat]
    by = [
        fitted([*others, *(one for one, at in zip(own, of, strict=True) if at != fold)])
        for fold in range(FOLDS)
    ]
    for each, fold in zip(outcomes, of, strict=True):
        picked = select_quotes(each.example.question, each.judged)[0]
        articles = {article.id: article for article in each.example.found.retrieved.articles}
        for first in picked[:1]:
            terms, article = QuestionTermMatcher(each.example.question), articles[first.article_id]
            told = with_answer_span(each.example.question, terms, reading(article), first, by[fold])
            if told.answer_span:
                right = each.example.is_right(told.text)
                yield each.example, told, right and is_answer(told.answer_span, each.example.asked["answers"])


def write(asked: Sequence[Example], others: Sequence[Rows]) -> None:
    """Fit, say how good it is, and put it in the file."""
    found = list(marks(asked, others))
    of = folds([example for example, _, _ in found])
    odds = np.array(
        [
            list(map(log_odds, (one.probability, one.span_probability, one.runner_up_probability)))
            for _, one, _ in found
        ]
    )
    right = np.array([is_right for _, _, is_right in found], dtype=int)
    chances = np.zeros(len(found))
    for fold in range(FOLDS):
        apart = np.array(of) != fold
        weights, shift = logistic(odds[apart], right[apart])
        chances[~apart] = 1 / (1 + np.exp(-(odds[~apart] @ weights + shift)))
    questions = sum(each.has_answer for each in asked if each.kind != ENCYCLOPEDIC)
    answerable = np.array([example.has_answer for example, _, _ in found])
    figures = {}
    for least in SHOWN:
        shown = chances >= least
        figures[least] = {
            "marked": f"{(shown & answerable).sum()} of {questions}",
            "of these the answer": round(float(right[shown & answerable].mean()), 2),
            "marked where nothing answers": int((shown & ~answerable).sum()),
        }
        console.print(f"from {least}:", figures[least])
    (passage, words, rivals), bias = logistic(odds, right)
    made = fitted([*others, *map(of_chat, (each for each in asked if each.kind != ENCYCLOPEDIC))])
    file = json.loads(MODEL_FILE.read_text("utf-8"))
    file["spans"] = as_json(made, NAMES, {"encyclopedic questions": len(others), **figures[LEAST]})
    bias, passage, words, rivals = (round(number, 3) for number in (bias, passage, words, rivals))
    file["marking"] = asdict(HighlightModel(bias, passage, words, rivals, LEAST))
    MODEL_FILE.write_text(json.dumps(file, separators=(",", ":")) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encyclopedic", type=int, default=150, help="as for answers_fit")
    parser.add_argument("--folder", type=Path, help="where the filled stores are, or are to stay")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as temporary:
        folder = options.folder or Path(temporary)
        asked = asyncio.run(
            examples(folder, semantic=False, encyclopedic=options.encyclopedic, judges=judges)
        )
        write(asked, asyncio.run(encyclopedic(folder, options.encyclopedic)))


if __name__ == "__main__":
    main()
