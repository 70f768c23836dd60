"""The weights of `bot.news.evidence` for passages whose meaning is known, fitted again.

    python -m tests.benchmarks.answers_fit

Needs the extra `semantic`, and minutes of CPU: some thousand questions, whose passages are encoded twice.
Logistic regressions on the even half of the shared questions: which passage answers, by its points and the
cosine of its meaning; then whether the first does, told from the first of a store without the passage that
answers. The last is whether a passage in the other language answers, on the thirty questions of
`across_languages`.
"""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bot.news import answers, evidence
from bot.news.drawing import Drawn, draw, ordered
from bot.news.search import Searcher
from tests.benchmarks.across_languages import documents
from tests.benchmarks.answers_quality import line
from tests.benchmarks.newsrooms import filled, read, url_of
from tests.news import crossings

Row = dict[str, float]
RIDGE = 1.0
STEPS = 30

console = Console(highlight=False, soft_wrap=True)


def fitted(rows: list[Row], right: list[bool]) -> Row:
    """The weights of a logistic regression, by Newton's method, with a penalty on standardised weights."""
    names = [name for name in rows[0] if name != "one"]
    values = np.array([[row[name] for name in names] for row in rows])
    mean, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    known = np.hstack([np.ones((len(rows), 1)), (values - mean) / scale])
    target = np.array(right, float)
    weights: NDArray[np.float64] = np.zeros(known.shape[1])
    ridge = RIDGE * np.eye(len(weights))
    ridge[0, 0] = 0
    for _ in range(STEPS):
        odds = 1 / (1 + np.exp(-known @ weights))
        slope = known.T @ (odds - target) + ridge @ weights
        bend = (known * (odds * (1 - odds))[:, None]).T @ known + ridge
        weights = weights - np.linalg.solve(bend, slope)
    plain = weights[1:] / scale
    return {"one": weights[0] - plain @ mean, **dict(zip(names, plain, strict=True))}


def told(name: str, weights: Row) -> None:
    console.print(name, {key: round(float(value), 2) for key, value in weights.items()})


async def same_language(searcher: Searcher, language: str, urls: dict[str, str]) -> list[tuple[Drawn, ...]]:
    """What is drawn for each question, with the passage that answers and without it, in meaning too."""
    drawn = []
    for asked in read(f"questions/{language}-questions")[::2]:
        gathered = await answers.gather(searcher, asked["question"], feed_ids=None)
        found = ordered(gathered)
        others = [each for each in found if each.article and each.article.url != urls[asked["doc_id"]]]
        both = [draw(asked["question"], gathered, each) for each in (found, others)]
        drawn.append(tuple([await answers.in_meaning(searcher, asked["question"], each) for each in both]))
    return drawn


def of_passages(asked: dict[str, object], before: Drawn) -> tuple[list[Row], list[bool]]:
    """The passages of a question that has an answer, and which of them hold it."""
    wanted = [line(answer) for answer in asked["answers"]]  # type: ignore[attr-defined]  # a list of words
    rows = []
    right = []
    first = evidence._CHOICE_IN_MEANING
    for extract in before.extracts:
        cosine = extract.rated.cosine or 0.0
        points = (extract.rated.points - first["one"] - first["cosine"] * cosine) / first["points"]
        rows.append({"points": points, "cosine": cosine})
        right.append(any(answer in line(extract.text) for answer in wanted))
    return rows, right


def of_first(drawn: Drawn) -> Row:
    """What tells how sure the first passage of a question is."""
    rated = [extract.rated for extract in drawn.extracts]
    features = evidence.known_of(rated)
    return {name: features[name] for name in evidence._SURENESS_IN_MEANING if name != "one"}


async def in_one_language() -> None:
    passages: list[Row] = []
    holds: list[bool] = []
    firsts: list[Row] = []
    right: list[bool] = []
    for language in ("fr", "en"):
        library = read(f"questions/{language}-docs")
        urls = {document["doc_id"]: url_of(document) for document in library}
        async with filled(library, semantic=True) as newsroom:
            drawn = await same_language(newsroom.searcher, language, urls)
        for asked, (with_it, without_it) in zip(
            read(f"questions/{language}-questions")[::2], drawn, strict=True
        ):
            if with_it.extracts:
                rows, held = of_passages(asked, with_it)
                passages += rows
                holds += held
                firsts.append(of_first(with_it))
                right.append(held[0])
            if without_it.extracts:
                firsts.append(of_first(without_it))
                right.append(False)
    told("which passage", fitted(passages, holds))
    told("how sure", fitted(firsts, right))


async def in_the_other() -> None:
    rows: list[Row] = []
    right: list[bool] = []
    async with filled(documents(), semantic=True) as newsroom:
        searcher = newsroom.searcher
        for question, title, _ in crossings.questions():
            gathered = await answers.gather(searcher, question, feed_ids=None)
            found = ordered(gathered)
            others = [each for each in found if each.article and each.article.title != title]
            story = next((each.hit.article_id for each in found if each not in others), None)
            for each in (found, others):
                drawn = await answers.in_meaning(searcher, question, draw(question, gathered, each))
                best = await answers.foreign(searcher, question, drawn)
                if best is not None:
                    first = best.extracts[0].rated
                    rows.append(
                        {name: first.features[name] for name in evidence._FOREIGN_SURENESS if name != "one"}
                    )
                    right.append(first.article_id == story)
    told("how sure in the other language", fitted(rows, right))


if __name__ == "__main__":
    asyncio.run(in_one_language())
    asyncio.run(in_the_other())
