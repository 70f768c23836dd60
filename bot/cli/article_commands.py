"""Commands that read stored articles and questions: search, answers, newest articles, delivery status."""

import json
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer
from bot.answers.conversing.question_service import find_courtesy_rejection
from bot.cli import printing, terminal
from bot.cli.command_context import NO_ARTICLES_TEXT, JsonOption, open_searcher, run_with_store
from bot.cli.command_process import FAILURE_STATUS, echo_stderr, load_settings_or_exit, run_async
from bot.core.clock import SystemClock
from bot.core.local_time import format_iso
from bot.core.reasons import Reason
from bot.posting.wording import refusal_sentences, search_note_sentences
from bot.posting.wording.post_explanations import explain_link
from bot.search.searching import build_article_json, build_search_result_json
from bot.text import discord_text
from bot.writing.answer_writer import open_answer_writer

commands = typer.Typer()

LimitOption = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of articles.")]


def _read_inputs(argument: str) -> Iterable[str]:
    """Return the argument of a command, or, for "-", the lines of standard input that are not blank."""
    if argument != "-":
        return (argument,)
    return (line.strip() for line in sys.stdin if line.strip())


@commands.command(cls=terminal.QueryCommand)
def search(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help='What to look for, "-" for a query a line from standard input.'),
    ],
    as_json: JsonOption = False,
    limit: LimitOption = 20,
) -> None:
    """Search the stored articles."""
    settings = load_settings_or_exit()

    async def search_articles() -> None:
        async with open_searcher(settings, as_json=as_json) as searcher:
            for query_text in _read_inputs(query):
                search_page = await searcher.search(query_text, feed_ids=None, limit=limit)
                note_sentences = [search_note_sentences.note_sentence(search_note) for search_note in search_page.notes]
                if as_json:
                    response = {
                        "query": query_text,
                        "results": [build_search_result_json(hit) for hit in search_page.results],
                        "notes": note_sentences,
                        "suggestions": search_page.suggestions,
                    }
                    terminal.echo_stdout(json.dumps(response, ensure_ascii=False))
                    continue
                for note_sentence in note_sentences:
                    echo_stderr(note_sentence)
                if search_page.suggestions:
                    echo_stderr(f"Did you mean {', '.join(search_page.suggestions)}?")
                if not search_page.results:
                    echo_stderr(f"Nothing found for {query_text!r}.")
                    continue
                terminal.print_table(
                    query_text,
                    ("date", "source", "article"),
                    (
                        (
                            terminal.format_time(hit.article.published),
                            hit.article.outlet,
                            f"{hit.article.title}{printing.format_match_label(hit)}\n{hit.article.url}",
                        )
                        for hit in search_page.results
                    ),
                    has_row_lines=True,
                )

    run_async(search_articles)


@commands.command(cls=terminal.QueryCommand)
def ask(
    question: Annotated[
        str,
        typer.Argument(metavar="QUESTION", help='The question, "-" for a question a line from standard input.'),
    ],
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the stored articles, with sources.

    The answer is word for word, or written by the model service where one is set.
    """
    settings = load_settings_or_exit()

    async def answer_questions() -> None:
        async with (
            open_searcher(settings, as_json=as_json) as searcher,
            open_answer_writer(settings, SystemClock()) as answer_writer,
        ):
            for question_text in _read_inputs(question):
                if rejection := find_courtesy_rejection(question_text):
                    answer = Answer(question=question_text)
                else:
                    answer = await answer_pipeline.answer_question(
                        searcher, question_text, feed_ids=None, writer=answer_writer
                    )
                if as_json:
                    terminal.echo_stdout(json.dumps(answer.as_json(), ensure_ascii=False))
                    continue
                if question == "-":
                    terminal.echo_stdout(f"\n{discord_text.to_plain_line(question_text)}")
                if rejection:
                    echo_stderr(refusal_sentences.refusal_sentence(Reason(rejection)))
                else:
                    printing.print_answer(answer, settings)

    run_async(answer_questions)


@commands.command()
def questions(
    as_json: JsonOption = False,
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days to look back.")] = 30,
    all_: Annotated[bool, typer.Option("--all", help="Include questions that were answered well.")] = False,
) -> None:
    """List questions from Discord that were not answered well."""
    period_seconds = days * 86_400
    question_stats_list = run_with_store(
        lambda store: store.questions.load_stats(store.clock.now() - period_seconds, include_helpful=all_)
    )
    if as_json:
        for question_stats in question_stats_list:
            question_json = {
                "question": question_stats.text,
                "language": question_stats.language,
                "last": format_iso(question_stats.last_asked_at),
                "times": question_stats.ask_count,
                "answered": question_stats.answer_count,
                "helped": question_stats.helpful_count,
                "not_helped": question_stats.unhelpful_count,
            }
            terminal.echo_stdout(json.dumps(question_json, ensure_ascii=False))
    elif question_stats_list:
        terminal.print_table(
            "Questions",
            ("last asked", "times", "answered", "👍", "👎", "question"),
            (
                (
                    terminal.format_time(question_stats.last_asked_at),
                    *map(
                        str,
                        (
                            question_stats.ask_count,
                            question_stats.answer_count,
                            question_stats.helpful_count,
                            question_stats.unhelpful_count,
                        ),
                    ),
                    question_stats.text,
                )
                for question_stats in question_stats_list
            ),
        )
    else:
        echo_stderr(f"No {'' if all_ else 'unanswered '}questions in the last {days} days.")


@commands.command()
def latest(as_json: JsonOption = False, limit: LimitOption = 20) -> None:
    """List the newest articles."""
    articles = run_with_store(lambda store: store.articles.list_newest(None, limit=limit))
    if as_json:
        for article in articles:
            terminal.echo_stdout(json.dumps(build_article_json(article), ensure_ascii=False))
    elif not articles:
        echo_stderr(NO_ARTICLES_TEXT)
    else:
        printing.print_articles("Latest articles", articles)


@commands.command()
def why(
    link: Annotated[
        str, typer.Argument(metavar="LINK", help="The article's address, or a link to its post in Discord.")
    ],
) -> None:
    """Show what happened to an article in each channel, and why."""
    lines = printing.format_explanation(run_with_store(lambda store: explain_link(store, link)))
    if not lines:
        echo_stderr("Telex has never seen that address in a feed.")
        raise typer.Exit(FAILURE_STATUS)
    for line in lines:
        terminal.echo_stdout(line)
