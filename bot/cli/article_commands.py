"""The commands of `telex` that read stored articles: search, questions, what became of one."""

import json
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from bot.answers import answering
from bot.answers.answer_model import Answer
from bot.answers.conversing.question_service import in_return
from bot.cli import printing, terminal
from bot.cli.stored_news import NO_ARTICLES, AsJson, open_searcher, with_store
from bot.cli.terminal import FAILED, settings_or_stop, wait_for
from bot.core.clock import SystemClock
from bot.core.hours import iso
from bot.core.refusals import Declined
from bot.posting.wording import declined_reasons, search_notes
from bot.posting.wording.explanations import explain
from bot.search.searching import article_as_json, as_json
from bot.text import safe
from bot.writing.model_writer import writer_of

commands = typer.Typer()

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of articles.")]


def _lines(argument: str) -> Iterable[str]:
    if argument != "-":
        return (argument,)
    return (line.strip() for line in sys.stdin if line.strip())


@commands.command(cls=terminal.TakesQuery)
def search(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help='What to look for, "-" for a query a line from standard input.'),
    ],
    as_json_: AsJson = False,
    limit: Limit = 20,
) -> None:
    """Search the stored articles."""
    settings = settings_or_stop()

    async def work() -> None:
        async with open_searcher(settings, as_json=as_json_) as searcher:
            for text in _lines(query):
                page = await searcher.search(text, feed_ids=None, limit=limit)
                notes = [search_notes.sentence(note) for note in page.notes]
                if as_json_:
                    told = {
                        "query": text,
                        "results": [as_json(result) for result in page.results],
                        "notes": notes,
                        "suggestions": page.suggestions,
                    }
                    terminal.out(json.dumps(told, ensure_ascii=False))
                    continue
                for note in notes:
                    terminal.say(note)
                if page.suggestions:
                    terminal.say(f"Did you mean {', '.join(page.suggestions)}?")
                if not page.results:
                    terminal.say(f"Nothing found for {text!r}.")
                    continue
                terminal.table(
                    text,
                    ("date", "source", "article"),
                    (
                        (
                            terminal.when(result.article.published),
                            result.article.outlet,
                            f"{result.article.title}{printing.mark(result)}\n{result.article.url}",
                        )
                        for result in page.results
                    ),
                    lines=True,
                )

    wait_for(work)


@commands.command(cls=terminal.TakesQuery)
def ask(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION", help='The question, "-" for a question a line from standard input.'
        ),
    ],
    as_json_: AsJson = False,
) -> None:
    """Answer a question from the stored articles, with sources.

    Word for word, or written by the model service where one is set.
    """
    settings = settings_or_stop()

    async def work() -> None:
        async with (
            open_searcher(settings, as_json=as_json_) as searcher,
            writer_of(settings, SystemClock()) as writer,
        ):
            for text in _lines(question):
                if said := in_return(text):
                    answer = Answer(question=text)
                else:
                    answer = await answering.ask(searcher, text, feed_ids=None, writer=writer)
                if as_json_:
                    terminal.out(json.dumps(answer.as_json(), ensure_ascii=False))
                    continue
                if question == "-":
                    terminal.out(f"\n{safe.plain(text)}")
                if said:
                    terminal.say(declined_reasons.declined(Declined(said)))
                else:
                    printing.answer(answer, settings)

    wait_for(work)


@commands.command()
def questions(
    as_json: AsJson = False,
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days to look back.")] = 30,
    all_: Annotated[bool, typer.Option("--all", help="Include questions that were answered well.")] = False,
) -> None:
    """List questions from Discord that were not answered well."""
    since = days * 86_400
    tallies = with_store(lambda store: store.questions.tallies(store.clock.now() - since, all_=all_))
    if as_json:
        for tally in tallies:
            judged = {
                "question": tally.text,
                "language": tally.language,
                "last": iso(tally.last),
                "times": tally.times,
                "answered": tally.answers,
                "helped": tally.up,
                "not_helped": tally.down,
            }
            terminal.out(json.dumps(judged, ensure_ascii=False))
    elif tallies:
        terminal.table(
            "Questions",
            ("last asked", "times", "answered", "👍", "👎", "question"),
            (
                (
                    terminal.when(tally.last),
                    *map(str, (tally.times, tally.answers, tally.up, tally.down)),
                    tally.text,
                )
                for tally in tallies
            ),
        )
    else:
        terminal.say(f"No {'' if all_ else 'unanswered '}questions in the last {days} days.")


@commands.command()
def latest(as_json: AsJson = False, limit: Limit = 20) -> None:
    """List the newest articles."""
    articles = with_store(lambda store: store.articles.newest(None, limit=limit))
    if as_json:
        for article in articles:
            terminal.out(json.dumps(article_as_json(article), ensure_ascii=False))
    elif not articles:
        terminal.say(NO_ARTICLES)
    else:
        printing.articles("Latest articles", articles)


@commands.command()
def why(
    link: Annotated[
        str, typer.Argument(metavar="LINK", help="The article's address, or a link to its post in Discord.")
    ],
) -> None:
    """Show what happened to an article in each channel, and why."""
    lines = printing.explanation(with_store(lambda store: explain(store, link)))
    if not lines:
        terminal.say("Telex has never seen that address in a feed.")
        raise typer.Exit(FAILED)
    for line in lines:
        terminal.out(line)
