"""Questions with their passages and answers, from public sets and from questions over news.

Each loader yields `LabelledQuestion`s whose paragraph holds the answers, or none if it does not answer.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MAX_QAMR_QUESTIONS = 14
"""Maximum number of questions of one sentence of QAMR."""
HELD_SQUAD_SHARE = 5
"""One of so many articles of SQuAD's development set is kept for measuring."""
HELD_NEWS_SHARE = 5
"""One of so many articles with questions over news is kept for measuring."""
MAX_ANSWER_PLACES = 8
"""Maximum number of places of its answers that count for a question."""
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "``": '"', "''": '"'}


class LabelledQuestion(NamedTuple):
    """A question with a paragraph, and the character offsets of its answers there; no offsets: not answered.

    `group` names the article: what is held out is held out by article.
    """

    group: str
    question: str
    title: str
    paragraph: str
    answers: tuple[tuple[int, int], ...]


def iter_squad(path: Path) -> Iterator[LabelledQuestion]:
    """Yield the questions of a file in the format of SQuAD 1.1, SQuAD 2, XQuAD or FQuAD."""
    for article in json.loads(path.read_text())["data"]:
        title = article.get("title", "").replace("_", " ")
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = () if question.get("is_impossible") else question["answers"]
                offsets = {(answer["answer_start"], answer["answer_start"] + len(answer["text"])) for answer in answers}
                yield LabelledQuestion(title, question["question"], title, paragraph["context"], tuple(sorted(offsets)))


def iter_across_languages(paths: list[Path]) -> Iterator[LabelledQuestion]:
    """Yield the questions of each file of XQuAD with the paragraph of the next file: one language asks another."""
    sets = [list(iter_squad(path)) for path in paths]
    for asking, answering in zip(sets, [*sets[1:], sets[0]], strict=True):
        for question, answer in zip(asking, answering, strict=True):
            yield answer._replace(question=question.question)


def iter_documents(documents: Path, questions: Path) -> Iterator[LabelledQuestion]:
    """Yield questions over documents in JSON lines, as `../shared/questions` has those of PIAF and XQuAD."""
    document_by_id = {document["doc_id"]: document for document in iter_lines(documents)}
    for question in iter_lines(questions):
        document = document_by_id[question["doc_id"]]
        yield _label(document["title"], question["question"], document["title"], document["text"], question["answers"])


def iter_news_questions(path: Path, articles: list[Path]) -> Iterator[LabelledQuestion]:
    """Yield questions over news; the answers are words of the article that `doc` names."""
    article_by_id = {article["doc_id"]: article for file in articles for article in iter_lines(file)}
    for question in iter_lines(path):
        article = article_by_id[question["doc"]]
        yield _label(
            question["doc"], question["question"], article["title"], article["text"][:2_500], question["answers"]
        )


def iter_qamr(questions: Path, sentences: Path) -> Iterator[LabelledQuestion]:
    """Yield the questions of QAMR whose answer is one run of words on which a second reader agrees."""
    words_by_sentence = {}
    for line in sentences.read_text().splitlines():
        sentence_id, _, sentence = line.partition("\t")
        words_by_sentence[sentence_id] = [_BRACKETS.get(word, word) for word in sentence.split()]
    counts: dict[str, int] = defaultdict(int)
    with questions.open(newline="") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            sentence_id, question, answer, *checks = row[0], row[5], row[6], *row[7:]
            indexes = [int(index) for index in answer.split()]
            readings = [check.partition(":")[2].split() for check in checks]
            is_run = bool(indexes) and indexes == list(range(indexes[0], indexes[-1] + 1))
            if not is_run or answer.split() not in readings or counts[sentence_id] >= MAX_QAMR_QUESTIONS:
                continue
            counts[sentence_id] += 1
            words = words_by_sentence[sentence_id]
            start = len(" ".join(words[: indexes[0]])) + (indexes[0] > 0)
            span = start, start + len(" ".join(words[indexes[0] : indexes[-1] + 1]))
            yield LabelledQuestion(sentence_id, question, "", " ".join(words), (span,))


def _label(group: str, question: str, title: str, text: str, answers: list[str]) -> LabelledQuestion:
    """Return a question with all places of its answers in the text."""
    offsets: list[tuple[int, int]] = []
    for answer in answers:
        start = text.find(answer)
        while start >= 0 and len(offsets) < MAX_ANSWER_PLACES:
            offsets.append((start, start + len(answer)))
            start = text.find(answer, start + 1)
    return LabelledQuestion(group, question, title, text, tuple(sorted(offsets)))


def iter_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines, which may be compressed by gzip."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from map(json.loads, file)
