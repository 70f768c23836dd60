"""Printing of answers and articles on the terminal, and formatting of search results and explanations for it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.cli import terminal
from bot.cli.command_process import echo_stderr
from bot.core.configuration.settings import Settings
from bot.core.models import Article
from bot.posting.wording import feed_error_sentences
from bot.posting.wording.post_explanations import (
    Explanation,
    delivery_status_sentence,
    dropped_entry_sentence,
    undecided_sentence,
)
from bot.posting.wording.reason_sentences import describe_reason
from bot.search.searching import SearchResult
from bot.text import discord_text, urls
from bot.text.times import periods


def format_match_label(search_result: SearchResult) -> str:
    """Return the label of a search result that matches only in part, or "" if it matches fully."""
    if search_result.is_semantic_only:
        return " (close in meaning)"
    if search_result.is_partial:
        return " (close match)" if search_result.has_similar_word else " (partial match)"
    return ""


def print_answer(answer: Answer, settings: Settings) -> None:
    """Print an answer (written or quoted) or the briefing on a period, with its sources."""
    listed_articles = _list_articles(answer)
    number_by_article_id = {article.id: number for number, article in enumerate(listed_articles, 1)}
    if answer.period is not None:
        echo_stderr(f"Period: {periods.format_period(answer.period, answer.zone, 'en')}")
    if answer.briefing:
        for briefing_story in answer.briefing:
            published_text = terminal.format_time(briefing_story.article.published)
            terminal.echo_stdout(
                f"{published_text}  {discord_text.to_plain_line(briefing_story.title)} "
                f"[{number_by_article_id[briefing_story.article.id]}]"
            )
    elif answer.generated_sentences:
        echo_stderr(f"Written by the model {settings.model_name} from the sources:")
        for sentence in answer.generated_sentences:
            terminal.echo_stdout(
                f"{discord_text.to_plain_line(sentence.text)} {''.join(f'[{number}]' for number in sentence.citations)}"
            )
    elif answer.confidence is Confidence.NOTHING:
        article_count = answer.searched_article_count
        verdict = "Not answered" if answer.related_articles else "Nothing on this"
        terminal.echo_stdout(
            f"{verdict} in the {article_count:,} stored article{'' if article_count == 1 else 's'}."
            if article_count
            else "No article is stored yet."
        )
        _print_article_dates(answer)
    else:
        _print_quotes(answer, number_by_article_id)
    if listed_articles:
        print_articles("Related articles" if answer.confidence is Confidence.NOTHING else "Sources", listed_articles)


def _list_articles(answer: Answer) -> tuple[Article, ...]:
    """Return the articles to list below an answer.

    These are the sources of a briefing or written answer, the articles of the printed quotes or, if nothing was found,
    articles about the topic of the question.
    """
    if answer.confidence is Confidence.NOTHING:
        return answer.related_articles
    if answer.briefing or answer.generated_sentences:
        return answer.sources
    return tuple({quote.article.id: quote.article for quote in answer.shown_quotes}.values())


def print_articles(table_title: str, articles: Iterable[Article]) -> None:
    """Print a table of articles with a title above it."""
    terminal.print_table(
        table_title,
        ("date", "source", "article"),
        (
            (terminal.format_time(article.published), article.outlet, f"{article.title}\n{article.url}")
            for article in articles
        ),
        has_row_lines=True,
    )


def _print_quotes(answer: Answer, number_by_article_id: dict[int, int]) -> None:
    if answer.confidence is Confidence.POSSIBLE:
        terminal.echo_stdout("Not sure. This may not answer it:")
    if answer.do_quoted_numbers_differ:
        terminal.echo_stdout("Outlets differ:")
    for quote in answer.shown_quotes:
        terminal.echo_stdout(_format_quote(quote, number_by_article_id))


def _format_quote(quote: Quote, number_by_article_id: dict[int, int]) -> str:
    """Return the shown sentences of a quote on one line, with the words that answer in bold on a terminal."""
    text = discord_text.to_plain_line(" ".join(quote.shown_sentences) or quote.text)
    answer_text = discord_text.to_plain_line(quote.answer_text or "")
    if answer_text:
        text = text.replace(answer_text, terminal.embolden(answer_text), 1)
    return f"“{text}” [{number_by_article_id[quote.article.id]}]"


def _print_article_dates(answer: Answer) -> None:
    if answer.is_outside_period:
        oldest_note = (
            ""
            if answer.oldest_published_at is None
            else f": the oldest is from {terminal.format_time(answer.oldest_published_at)}"
        )
        echo_stderr(f"None is from that period{oldest_note}.")
    if answer.newest_published_at is not None:
        echo_stderr(f"The newest is from {terminal.format_time(answer.newest_published_at)}.")


def format_explanation(explanation: Explanation) -> list[str]:
    """Return lines that explain an article's delivery: for each feed that has it or left it out, and each channel."""
    lines: list[str] = []
    for article, feed in explanation.articles_and_feeds:
        feed_description = urls.redact(feed.url) if feed else "a feed that is gone"
        lines.append(
            f"“{discord_text.to_plain_line(article.title)}”: found "
            f"{_format_utc_time(article.found_at)} in {feed_description}"
        )
        if (page_fetch := explanation.page_fetch_by_article_id.get(article.id)) is not None:
            lines.append(
                feed_error_sentences.page_fetch_sentence(
                    page_fetch, when=_format_utc_time(page_fetch.finished_at or article.found_at)
                )
            )
        if feed is not None and feed.failing_since is not None:
            lines.append(f"that feed has been failing since {_format_utc_time(feed.failing_since)}: {feed.error}")
    for status in explanation.delivery_statuses:
        sentence = discord_text.to_plain_line(
            delivery_status_sentence(
                status, time_text=_format_utc_time(status.since), to_problem_sentence=describe_reason
            )
        )
        message_note = f", message {status.message_id}" if status.message_id else ""
        lines.append(f"channel {status.channel_id}: {sentence}{message_note}")
    lines += [
        f"channel {subscription.channel_id}: {undecided_sentence()}"
        for subscription in explanation.undecided_subscriptions
    ]
    if lines and not (explanation.delivery_statuses or explanation.undecided_subscriptions):
        lines.append("posted nowhere: no channel follows its feed")
    lines += [
        dropped_entry_sentence(urls.redact(feed.url), time_text=_format_utc_time(dropped_at))
        for feed, dropped_at in explanation.dropped_entries
    ]
    return lines


def _format_utc_time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")
