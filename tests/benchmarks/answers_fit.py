"""The weights of `bot.answers.scoring`, fitted again: what it prints is what stands there.

    python -m tests.benchmarks.answers_fit [--semantic] [--jobs 2]

Logistic regressions on the even half of the shared questions: which passage answers, then whether the first
does, told from the first of a store without the passage that answers. Then the threshold: where nine of ten
of the French questions of that half without an answer are refused. With `--semantic` the weights where the
meaning of passages is known, from those in use without it, and whether a passage in the other language
answers, on the thirty questions of `across_languages`, each told by the others as well (leave one out).
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bot.answers import answering, foreign_passages, scoring
from bot.answers.answer_worker import NEEDED, draw, ordered
from bot.answers.answering import SURE_ACROSS
from bot.answers.question_analysis import understood
from bot.answers.scoring import Passage, Rated
from bot.search.retrieval import Found
from bot.search.searching import Searcher
from tests.benchmarks.across_languages import documents
from tests.benchmarks.answers_quality import line
from tests.benchmarks.newsrooms import filled, read, url_of
from tests.search import crossings

Row = dict[str, float]
Values = NDArray[np.float64]
RIDGE = 1.0
STEPS = 30
REFUSED = 0.9
LANGUAGES = ("fr", "en")
EVEN = slice(0, None, 2)

console = Console(highlight=False, soft_wrap=True)


class Weighed(NamedTuple):
    """The passages of a question: what was counted in each, its article, and whether it holds the answer."""

    values: Values
    articles: list[int]
    right: list[bool]


class Asked(NamedTuple):
    """A question of a language, with the passage that answers in the store, and without it."""

    language: str
    with_it: Weighed
    without_it: Weighed


def fitted(names: Sequence[str], values: Values, right: Sequence[bool]) -> Row:
    """The weights of a logistic regression, by Newton's method, with a penalty on standardised weights."""
    names = [name for name in names if name != "one"]
    mean, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    known = np.hstack([np.ones((len(values), 1)), (values - mean) / scale])
    target = np.array(right, float)
    weights: Values = np.zeros(known.shape[1])
    ridge = RIDGE * np.eye(len(weights))
    ridge[0, 0] = 0
    for _ in range(STEPS):
        odds = 1 / (1 + np.exp(-known @ weights))
        slope = known.T @ (odds - target) + ridge @ weights
        bend = (known * (odds * (1 - odds))[:, None]).T @ known + ridge
        weights = weights - np.linalg.solve(bend, slope)
    plain = weights[1:] / scale
    return {"one": weights[0] - plain @ mean, **dict(zip(names, plain, strict=True))}


def rounded(weights: Row) -> Row:
    return {name: round(float(value), 2) for name, value in weights.items()}


def told(name: str, weights: Row) -> None:
    console.print(f"{name} = {{")
    for key, value in weights.items():
        console.print(f'    "{key}": {value:g},')
    console.print("}")


def counted(weights: Row) -> list[str]:
    """What is weighed, but the constant."""
    return [name for name in weights if name != "one"]


FEATURES = sorted({*counted(scoring._CHOICE), *counted(scoring._SURENESS)} - {"points", "lead"})


def table(rows: Sequence[Row], names: Sequence[str]) -> Values:
    return np.array([[row[name] for name in names] for row in rows], float).reshape(len(rows), len(names))


def weighed(asked: dict[str, Any], wanted: Sequence[Any], found: Sequence[Found]) -> Weighed:
    """All passages that may answer a question."""
    right = [line(answer) for answer in asked["answers"]]
    passages: list[Passage] = scoring.weigh(asked["question"], wanted, found)
    if understood(asked["question"]).kind in NEEDED:
        passages = [passage for passage in passages if passage.features["measure"]]
    return Weighed(
        table([passage.features for passage in passages], FEATURES),
        [passage.read.article.id for passage in passages],
        [any(answer in line(passage.text(wanted)) for answer in right) for passage in passages],
    )


async def questions(
    share: slice = EVEN, *, semantic: bool
) -> AsyncIterator[tuple[str, Searcher, dict[str, Any], str]]:
    """Some questions of each language, with the searcher of its passages and the address of the right one."""
    for language in LANGUAGES:
        library = read(f"questions/{language}-docs")
        urls = {document["doc_id"]: url_of(document) for document in library}
        async with filled(library, semantic=semantic) as newsroom:
            for asked in read(f"questions/{language}-questions")[share]:
                yield language, newsroom.searcher, asked, urls[asked["doc_id"]]


async def asked_of(share: slice) -> list[Asked]:
    """A share of the even half of the questions, weighed with what answers them and without."""
    found_all = []
    async for language, searcher, asked, url in questions(share, semantic=False):
        gathered = await answering.gather(searcher, asked["question"], feed_ids=None)
        found = ordered(gathered)
        others = [each for each in found if each.article and each.article.url != url]
        both = [weighed(asked, gathered.wanted, each) for each in (found, others)]
        found_all.append(Asked(language, *both))
    return found_all


def in_process(share: slice) -> list[Asked]:
    return asyncio.run(asked_of(share))


def in_words(jobs: int) -> None:
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(in_process, [slice(2 * job, None, 2 * jobs) for job in range(jobs)])
        asked = list(chain.from_iterable(found))
    choice = choice_of(asked)
    sure = sureness_of(asked, choice)
    told("_CHOICE", choice)
    told("_SURENESS", sure)
    console.print(f"SURE_ENOUGH = {threshold(asked, choice, sure):.2f}")


def choice_of(asked: Sequence[Asked]) -> Row:
    """Which passage answers."""
    names = counted(scoring._CHOICE)
    columns = [FEATURES.index(name) for name in names]
    values = np.concatenate([each.with_it.values[:, columns] for each in asked])
    return rounded(fitted(names, values, [right for each in asked for right in each.with_it.right]))


def first(one: Weighed, choice: Row) -> tuple[Row, bool] | None:
    """What is known of the first passage of a question, and whether it holds the answer."""
    if not one.articles:
        return None
    columns = [FEATURES.index(name) for name in counted(choice)]
    points = choice["one"] + one.values[:, columns] @ [choice[name] for name in counted(choice)]
    order = np.argsort(-points, kind="stable")
    rated = [
        Rated(one.articles[place], dict(zip(FEATURES, one.values[place], strict=True)), float(points[place]))
        for place in order
    ]
    return scoring.known_of(rated), one.right[order[0]]


def sureness_of(asked: Sequence[Asked], choice: Row) -> Row:
    """Whether the first passage answers."""
    names = counted(scoring._SURENESS)
    known = [(first(each.with_it, choice), True) for each in asked]
    known += [(first(each.without_it, choice), False) for each in asked]
    rows = [(found[0], found[1] and is_there) for found, is_there in known if found]
    return rounded(fitted(names, table([row for row, _ in rows], names), [right for _, right in rows]))


def threshold(asked: Sequence[Asked], choice: Row, sure: Row) -> float:
    """Where so many of the French questions without an answer are refused."""
    found = [first(each.without_it, choice) for each in asked if each.language == "fr"]
    odds = sorted(-99.0 if each is None else odds_of(each[0], sure) for each in found)
    return odds[int(REFUSED * len(odds))]


def odds_of(known: Row, weights: Row) -> float:
    return sum(weight * (1.0 if name == "one" else known[name]) for name, weight in weights.items())


async def in_meaning() -> None:
    passages, holds = [], []
    drawn = []
    async for _, searcher, asked, url in questions(semantic=True):
        text = asked["question"]
        gathered = await answering.gather(searcher, text, feed_ids=None)
        found = ordered(gathered)
        others = [each for each in found if each.article and each.article.url != url]
        wording = [line(answer) for answer in asked["answers"]]
        for each in (found, others):
            extracts = draw(text, gathered, each).extracts
            meaning = searcher.finder.meaning
            cosines = await meaning.likeness(text, [one.text for one in extracts]) if meaning else None
            rows = [(one.rated, cosine) for one, cosine in zip(extracts, cosines or [], strict=False)]
            right = [
                each is found and any(answer in line(one.text) for answer in wording) for one in extracts
            ]
            drawn.append((rows, right))
            if each is found:
                passages += [(rated.points, cosine) for rated, cosine in rows]
                holds += right[: len(rows)]
    names = counted(scoring._CHOICE_IN_MEANING)
    choice = rounded(fitted(names, np.array(passages), holds))
    told("_CHOICE_IN_MEANING", choice)
    firsts = [first_in_meaning(pairs, held, choice) for pairs, held in drawn if pairs]
    names = counted(scoring._SURENESS_IN_MEANING)
    sure = fitted(names, table([known for known, _ in firsts], names), [holds_it for _, holds_it in firsts])
    told("_SURENESS_IN_MEANING", rounded(sure))


def first_in_meaning(
    pairs: Sequence[tuple[Rated, float]], held: Sequence[bool], choice: Row
) -> tuple[Row, bool]:
    """What is known of the first passage of a question, its meaning among it, and whether it answers."""
    rated = [
        (one._replace(points=odds_of({"points": one.points, "cosine": cosine}, choice), cosine=cosine), right)
        for (one, cosine), right in zip(pairs, held, strict=False)
    ]
    rated.sort(key=lambda each: -each[0].points)
    return scoring.known_of([one for one, _ in rated]), rated[0][1]


async def in_the_other() -> None:
    asked: list[list[tuple[Row, bool]]] = []
    async with filled(documents(), semantic=True) as newsroom:
        searcher = newsroom.searcher
        for question, title, words in crossings.questions():
            gathered = await answering.gather(searcher, question, feed_ids=None)
            found = ordered(gathered)
            others = [each for each in found if each.article and each.article.title != title]
            story = next((each.hit.article_id for each in found if each not in others), None)
            both = []
            for each in (found, others):
                drawn = await answering.in_meaning(searcher, question, draw(question, gathered, each))
                best = await answering.foreign(searcher, question, drawn)
                if best is not None:
                    extract = best.extracts[0]
                    is_right = extract.rated.article_id == story and any(w in extract.text for w in words)
                    both.append((extract.rated.features, is_right))
            asked.append(both)
    names = counted(foreign_passages._FOREIGN_SURENESS)
    told("_FOREIGN_SURENESS", rounded(foreign_of(asked, names)))
    outcomes = list(left_out(asked, names))
    console.print(
        "told by the other questions alone:",
        f"right {outcomes.count('right')}, wrong {outcomes.count('wrong')},",
        f"refused {outcomes.count('refused')}",
    )


def foreign_of(asked: Sequence[Sequence[tuple[Row, bool]]], names: Sequence[str]) -> Row:
    rows = [row for both in asked for row in both]
    return fitted(names, table([row for row, _ in rows], names), [right for _, right in rows])


def left_out(asked: Sequence[Sequence[tuple[Row, bool]]], names: Sequence[str]) -> Iterator[str]:
    """What becomes of each question by the weights that the others give."""
    for number, both in enumerate(asked):
        weights = foreign_of([*asked[:number], *asked[number + 1 :]], names)
        if not both or odds_of(both[0][0], weights) < SURE_ACROSS:
            yield "refused"
        else:
            yield "right" if both[0][1] else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes, without the extra")
    options = parser.parse_args()
    if options.semantic:
        asyncio.run(in_meaning())
        asyncio.run(in_the_other())
    else:
        in_words(options.jobs)


if __name__ == "__main__":
    main()
