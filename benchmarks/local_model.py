"""Benchmark of a language model, real or recorded, that rewrites questions, writes answers and checks sentences.

    TELEX_MODEL_URL=http://127.0.0.1:8080/v1 TELEX_MODEL_NAME=small TELEX_MODEL_TIMEOUT=300 \
        python -m benchmarks.local_model [--questions 40] [--folder FOLDER] [--print]
    python -m benchmarks.local_model --recordings replies.jsonl --unknown unknown.jsonl [--folder FOLDER]

The shared chat questions are asked of the shared articles, on the day of each question. Printed are the shares of
questions whose answer is in the passages that the model got, whose answer is shown and right (it has the words of an
accepted answer), and of unanswerable questions near a topic that are refused. Then, for the sentences of the shared
answers, summaries and translations, the shares of faithful ones that are kept and of planted errors that are caught,
by rules alone and with the check of the model. With a recorded model (`benchmarks.recorded_model`), the recordings
take precedence over the shared rewritings and answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.answers import format_interval
from benchmarks.answers_examples import NEAR_TOPIC, join_words, load_chat_questions, load_news
from benchmarks.newsrooms import import_documents
from benchmarks.recorded_model import MODEL_NAME, RecordedModel, load_recordings, save_unknown
from bot.answers.answer_model import Answer
from bot.answers.answer_pipeline import answer_question
from bot.client.services import Services, open_services
from bot.core.clock import SystemClock
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Article
from bot.text import excerpts
from bot.writing import citation_checks, prompts
from bot.writing.answer_writer import AnswerWriter
from bot.writing.citation_checks import ArticlePassage, Sentence
from bot.writing.model_client import ModelClient
from bot.writing.model_tasks import ModelFailure, ModelTask, Prompt
from bot.writing.sentence_verifier import verify_sentences
from tests.support.shared_data import SHARED

T = TypeVar("T")
Flags = dict[str, dict[str, list[bool]]]
NO_ANSWER = "NO ANSWER"
ROUNDABOUT = "roundabout"
_CITATION = re.compile(r"\[(\d+)\]")
_PASSAGE = re.compile(r"^--- MARK passage \[(\d+)\].*\n(.*)$", re.MULTILINE)
console = Console(width=120, highlight=False)


class QuestionClock(SystemClock):
    """Clock whose wall time is fixed to the day of a question."""

    day = 0

    def now(self) -> int:
        return self.day


class WatchedModelClient(ModelClient):
    """Client that stores the last prompt for an answer and, with `prints`, prints the replies of the model."""

    last_prompt: Prompt | None = None
    prints = False

    async def complete(self, prompt: Prompt, parse_reply: Callable[[str], T], **options: Any) -> T | ModelFailure:
        if prompt.task is ModelTask.ANSWER:
            self.last_prompt = prompt

        def parse_and_print(reply: str) -> T:
            if self.prints:
                console.print(f"  {prompt.task}: {reply!r}", markup=False)
            return parse_reply(reply)

        return await super().complete(prompt, parse_and_print, **options)


def read_lines(name: str) -> list[dict[str, Any]]:
    """Return the objects of a shared file of texts that a capable model would write."""
    return [json.loads(line) for line in (SHARED / "model" / name).read_text("utf-8").splitlines()]


class SharedReplies(RecordedModel):
    """Recorded model that also replies with the shared rewritings and answers.

    A shared answer cites passages of another prompt; its citations are replaced by passages with the same words in the
    actual prompt. A sentence without such a passage is left out; an answer whose first sentence is left out is unknown.
    """

    def __init__(self, recordings: list[dict[str, str]]) -> None:
        super().__init__(recordings)
        questions = {row["id"]: row["question"] for row in load_chat_questions()}
        for language in ("fr", "en"):
            for rewriting in read_lines(f"rewrites-{language}.jsonl"):
                reply = {"queries": rewriting["queries"], "other_language": rewriting["other_language"]}
                question = prompts.neutralize(questions[rewriting["id"]], prompts.MAX_QUESTION_LENGTH)
                self.completions.setdefault(("rewrite", question), json.dumps(reply, ensure_ascii=False))
        self.pairs = {prompts.neutralize(pair["question"], 400): pair for pair in read_lines("pairs.jsonl")}

    def complete(self, record: dict[str, str]) -> str | None:
        completion = super().complete(record)
        pair = self.pairs.get(record["question"])
        if completion is not None or record["task"] != ModelTask.ANSWER or pair is None or NO_ANSWER in pair["text"]:
            return completion
        new_passages = {number: join_words(text) for number, text in _PASSAGE.findall(record["prompt"])}
        sentences = []
        for text, citations in citation_checks.split_cited_sentences(pair["text"]):
            new_numbers = [
                max(new_passages, key=lambda new: share_runs(words, new_passages[new]), default="")
                for words in (join_words(pair["passages"][number - 1]["text"]) for number in citations)
            ]
            shares = [
                share_runs(join_words(pair["passages"][number - 1]["text"]), new_passages.get(new_number, ""))
                for number, new_number in zip(citations, new_numbers, strict=True)
            ]
            if min(shares) >= MIN_SHARED_RUNS:
                sentences.append(text.removesuffix(".") + "".join(f" [{number}]" for number in new_numbers) + ".")
            elif not sentences:
                return None  # The first sentence is the answer.
        return " ".join(sentences)


MIN_SHARED_RUNS = 0.5
"""Share of a passage's runs of words that a passage of another prompt must have to be cited in its place."""


def share_runs(words: str, other_words: str) -> float:
    """Return the share of the runs of five words of a text that are also in another text."""
    tokens = words.split()
    runs = [f" {' '.join(tokens[start : start + 5])} " for start in range(max(1, len(tokens) - 4))]
    return sum(run in other_words for run in runs) / len(runs)


async def measure_questions(
    newsroom: Services, client: WatchedModelClient, clock: QuestionClock, settings: Settings, limit: int, flags: Flags
) -> list[tuple[dict[str, Any], Answer]]:
    """Ask the questions and add the flags of each; return the questions with their answers."""
    rows = load_chat_questions()
    rows = rows[:: max(1, len(rows) // limit)] if limit else rows
    answers = []
    for row in rows:
        clock.day = int(datetime.fromisoformat(row["asked_on"]).replace(hour=12, tzinfo=UTC).timestamp())
        client.last_prompt = None
        writer = AnswerWriter(client, settings, clock)
        if client.prints:
            console.rule(row["question"])
        answer = await answer_question(newsroom.searcher, row["question"], feed_ids=None, writer=writer)
        answers.append((row, answer))
        add_question_flags(row, answer, client.last_prompt, flags)
    return answers


def add_question_flags(row: dict[str, Any], answer: Answer, prompt: Prompt | None, flags: Flags) -> None:
    """Add the flags of a question to those of its language."""
    text = " ".join(sentence.text for sentence in answer.generated_sentences)
    language = row["lang"]
    if row["kind"] == NEAR_TOPIC:
        flags["near a topic: refused"][language].append(not text and not answer.is_answered)
    elif row["answers"]:
        passages = "" if prompt is None else prompt.messages[1]["content"].partition("\n---")[2]
        is_held, is_shown = has_answer(row, passages), has_answer(row, text)
        flags["passages hold the answer"][language].append(is_held)
        flags["shown and right"][language].append(is_shown)
        flags["shown, without an accepted answer"][language].append(bool(text) and not is_shown)
        if row["kind"] == ROUNDABOUT:
            flags["roundabout: passages hold the answer"][language].append(is_held)
            flags["roundabout: shown and right"][language].append(is_shown)


def has_answer(row: dict[str, Any], text: str) -> bool:
    """Return whether a text has the words of an accepted answer."""
    words = join_words(text)
    return any(join_words(answer) in words for answer in row["answers"])


async def measure_sentences(client: ModelClient, asked_on: dict[str, str], flags: Flags) -> None:
    """Check the shared answers, and their variants with planted errors, and add the flags."""
    for pair in read_lines("pairs.jsonl"):
        if NO_ANSWER in pair["text"]:
            continue
        day = int(datetime.fromisoformat(asked_on[pair["id"]]).replace(tzinfo=UTC).timestamp())
        passages = [build_passage(passage, pair["lang"], day) for passage in pair["passages"]]
        faithful = [text for text, _citations in citation_checks.split_cited_sentences(pair["text"])]
        for text in (pair["text"], pair["wrong"]):
            sentences = [Sentence(*parts) for parts in citation_checks.split_cited_sentences(text)]
            after_rules, after_check = await check_sentences(
                client, sentences, passages, pair["lang"], pair["question"]
            )
            originals = {sentence.text: sentence.citations for sentence in sentences} if text == pair["text"] else {}
            if originals:
                flags["faithful sentences kept: rules"]["both"] += [sentence in after_rules for sentence in sentences]
                flags["faithful sentences kept: check"]["both"] += [sentence in after_check for sentence in sentences]
                continue
            wrong_sentences = [sentence for sentence in sentences if sentence.text not in faithful] or sentences
            for name, remaining in (("rules", after_rules), ("check", after_check)):
                is_caught = any(sentence not in remaining for sentence in wrong_sentences)
                flags[f"planted {pair['kind']} caught: {name}"]["both"].append(is_caught)


async def check_sentences(
    client: ModelClient, sentences: list[Sentence], passages: list[ArticlePassage], language: str, question: str
) -> tuple[list[Sentence], list[Sentence]]:
    """Return the sentences that remain after the rules, and those that remain after the model's check."""
    shown_texts = [prompts.format_passage_with_heading(passage) for passage in passages]
    after_rules = [
        sentence
        for sentence in sentences
        if max(sentence.citations) <= len(passages)
        and not citation_checks.has_unknown_fact(sentence.text, shown_texts, language)
    ]
    if not after_rules:
        return [], []
    verdicts = await verify_sentences(client, after_rules, passages, question=question)
    if isinstance(verdicts, ModelFailure):
        return after_rules, []
    return after_rules, [sentence for sentence, is_supported in zip(after_rules, verdicts, strict=True) if is_supported]


async def measure_written(client: ModelClient, flags: Flags) -> None:
    """Check the shared summaries and translations, and add the flags."""
    for row in read_lines("written.jsonl"):
        is_summary = row["kind"] == "summary"
        other_language = "fr" if row["to"] == "en" else "en"
        passages = [
            build_passage(passage, row["to"] if is_summary else other_language, 0) for passage in row["passages"]
        ]
        sentences = [
            Sentence(sentence, ())
            for line in citation_checks.clean_lines(row["text"])
            for sentence in excerpts.split_sentences(line)
        ]
        shown_texts = [prompts.format_passage_with_heading(passage) for passage in passages]
        verdicts = await verify_sentences(client, sentences, passages, with_article_details=is_summary)
        is_kept = [
            not isinstance(verdicts, ModelFailure)
            and verdicts[number]
            and not citation_checks.has_unknown_fact(sentence.text, shown_texts, row["to"])
            for number, sentence in enumerate(sentences)
        ]
        flags[f"faithful {row['kind']}: shown"]["both"] += is_kept if is_summary else [all(is_kept)]


def build_passage(passage: dict[str, str], language: str, published: int) -> ArticlePassage:
    """Build a passage of the shared prompts, whose title ends with the outlet in brackets."""
    title, _bracket, outlet = passage["title"].removesuffix(")").rpartition(" (")
    return ArticlePassage(
        passage["text"],
        Article(
            id=0,
            key="",
            feed_id=0,
            page_key="",
            url="https://news.example.org",
            title=title,
            summary="",
            text=passage["text"],
            body=passage["text"],
            author=None,
            outlet=outlet,
            language=language,
            tags=(),
            image_url=None,
            published=published,
            found_at=0,
        ),
    )


@asynccontextmanager
async def open_news(folder: Path, clock: QuestionClock, settings: Settings) -> AsyncIterator[Services]:
    """Yield services on a store with the shared articles; a store that the folder already has is reused."""
    is_new = not (folder / "telex.db").exists()
    async with open_services(replace(settings, database=folder / "telex.db"), clock) as newsroom:
        if is_new:
            clock.day = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
            await import_documents(newsroom, load_news())
        yield newsroom


async def run(options: argparse.Namespace) -> None:
    settings, clock = replace(read_settings(), semantic=options.semantic), QuestionClock()
    flags: Flags = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="telex-benchmark-")))
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        model = None
        if options.unknown is not None:
            model = SharedReplies(load_recordings(*options.recordings))
            url = await stack.enter_async_context(model.serve())
            settings = replace(settings, model_url=url, model_name=MODEL_NAME)
        if settings.model_url is None:
            raise SystemExit("needs TELEX_MODEL_URL and TELEX_MODEL_NAME, or --unknown")
        client = await stack.enter_async_context(WatchedModelClient(settings, clock))
        client.prints = options.print
        newsroom = await stack.enter_async_context(open_news(folder, clock, settings))
        if options.questions != 0:
            await measure_questions(newsroom, client, clock, settings, options.questions or 0, flags)
        asked_on = {row["id"]: row["asked_on"] for row in load_chat_questions()}
        await measure_sentences(client, asked_on, flags)
        await measure_written(client, flags)
        if model is not None:
            save_unknown(model, options.unknown)
            console.print(f"{len(model.unknown)} requests without a recording in {options.unknown}")
    print_report(flags, client)


def print_report(flags: Flags, client: ModelClient) -> None:
    """Print the shares with their intervals, and the model's requests by task."""
    table = Table("", "fr", "en", "both")
    for name, flags_by_language in sorted(flags.items()):
        both = [flag for language_flags in flags_by_language.values() for flag in language_flags]
        cells = [flags_by_language.get(language, []) for language in ("fr", "en")]
        table.add_row(name, *(format_interval(sum(cell), len(cell)) for cell in (*cells, both)))
    console.print(table)
    for task, usage in client.usage.items():
        mean = usage.seconds / max(usage.calls, 1)
        console.print(f"{task}: {usage.calls} requests, {usage.failures} failed, {mean:.2f} s each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, help="approximate number of questions to ask; 0 for none")
    parser.add_argument("--folder", type=Path, help="folder that keeps the filled store for the next run")
    parser.add_argument("--recordings", type=Path, action="append", default=[], help="replies of a recorded model")
    parser.add_argument(
        "--unknown", type=Path, help="use a recorded model, and write requests without a recording to this file"
    )
    parser.add_argument("--semantic", action="store_true", help="answer with the extra `semantic`")
    parser.add_argument("--print", action="store_true", help="print what the model generates")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
