"""Search results, answers and explanations as terminal output."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.cli import terminal
from bot.core.models import Article
from bot.core.settings import Settings
from bot.posting.wording import feed_error_sentences
from bot.posting.wording.post_explanations import (
    Explanation,
    dropped_entry_sentence,
    fate_sentence,
    undecided_sentence,
)
from bot.search.searching import SearchResult
from bot.text import discord_text, urls
from bot.text.times import periods


def match_label(result: SearchResult) -> str:
    """Return the label of a search result that matches only in part, else ""."""
    if result.semantic_only:
        return " (close in meaning)"
    if result.partial:
        return " (close match)" if result.similar_word else " (partial match)"
    return ""


def print_answer(told: Answer, settings: Settings) -> None:
    """Print an answer, written or quoted, or the briefing of a period, with its sources."""
    numbers = {source.id: number for number, source in enumerate(told.sources, 1)}
    if told.period is not None:
        terminal.echo_stderr(f"Period: {periods.format_period(told.period, told.zone, 'en')}")
    if told.briefing:
        for line in told.briefing:
            day = terminal.format_time(line.article.published)
            terminal.echo_stdout(
                f"{day}  {discord_text.to_plain_line(line.text)} [{numbers[line.article.id]}]"
            )
    elif told.written:
        terminal.echo_stderr(f"Written by the model {settings.model_name} from the sources:")
        for one in told.written:
            terminal.echo_stdout(
                f"{discord_text.to_plain_line(one.text)} {''.join(f'[{number}]' for number in one.citations)}"
            )
    elif told.confidence is Confidence.NOTHING:
        terminal.echo_stderr("Nothing on this in the stored articles.")
        _unknown(told)
    else:
        _quotes(told, numbers)
    shown = told.related_articles if told.confidence is Confidence.NOTHING else told.sources
    if shown:
        print_articles("Related articles" if told.confidence is Confidence.NOTHING else "Sources", shown)


def print_articles(title: str, shown: Iterable[Article]) -> None:
    """Print a table of articles."""
    terminal.table(
        title,
        ("date", "source", "article"),
        ((terminal.format_time(one.published), one.outlet, f"{one.title}\n{one.url}") for one in shown),
        lines=True,
    )


def _quotes(told: Answer, numbers: dict[int, int]) -> None:
    if told.confidence is Confidence.POSSIBLE:
        terminal.echo_stderr("Possibly relevant:")
    for quote in (*told.quotes, *told.possible_quotes):
        terminal.echo_stdout(_quoted(quote, numbers))
    if told.superseded_quotes:
        terminal.echo_stderr("Earlier articles say otherwise:")
    for quote in told.superseded_quotes:
        terminal.echo_stdout(f"{terminal.format_time(quote.article.published)}  {_quoted(quote, numbers)}")


def _quoted(quote: Quote, numbers: dict[int, int]) -> str:
    return f"“{discord_text.to_plain_line(quote.text)}” [{numbers[quote.article.id]}]"


def _unknown(told: Answer) -> None:
    if told.is_outside_period:
        rest = (
            ""
            if told.oldest_published is None
            else f": the oldest is from {terminal.format_time(told.oldest_published)}"
        )
        terminal.echo_stderr(f"None is from that period{rest}.")
    if told.newest_published is not None:
        terminal.echo_stderr(f"The newest is from {terminal.format_time(told.newest_published)}.")


def explanation_lines(found: Explanation) -> list[str]:
    """Return lines on an article's delivery: one per article and feed, then one per channel."""
    from bot.posting.wording.problem_sentences import describe_problem  # noqa: PLC0415 - imports discord, which other commands need not wait for

    lines: list[str] = []
    for article, feed in found.articles:
        source = urls.redact(feed.url) if feed else "a feed that is gone"
        lines.append(
            f"“{discord_text.to_plain_line(article.title)}”: found {_time(article.found)} in {source}"
        )
        if (page := found.page_reads.get(article.id)) is not None:
            lines.append(
                feed_error_sentences.page_read_sentence(page, when=_time(page.finished_at or article.found))
            )
        if feed is not None and feed.failing_since is not None:
            lines.append(f"that feed has been failing since {_time(feed.failing_since)}: {feed.error}")
    for fate in found.fates:
        told = discord_text.to_plain_line(
            fate_sentence(fate, when=_time(fate.since), problem=describe_problem)
        )
        where = f", message {fate.message_id}" if fate.message_id else ""
        lines.append(f"channel {fate.channel_id}: {told}{where}")
    lines += [f"channel {one.channel_id}: {undecided_sentence()}" for one in found.undecided_subscriptions]
    if lines and not (found.fates or found.undecided_subscriptions):
        lines.append("posted nowhere: no channel follows its feed")
    lines += [
        dropped_entry_sentence(urls.redact(feed.url), when=_time(counted))
        for feed, counted in found.dropped_entries
    ]
    return lines


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")
