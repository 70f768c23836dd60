"""How results, answers and explanations look in a terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.answers.answer_model import Answer, Quote, Tier
from bot.cli import terminal
from bot.core.models import Article
from bot.core.settings import Settings
from bot.posting.wording import feed_causes
from bot.posting.wording.explanations import Explanation, left_out, passed_over, sentence
from bot.search.searching import Result
from bot.text import safe, urls
from bot.text.times import periods


def mark(result: Result) -> str:
    """What is said of an article that does not match wholly."""
    if result.alike:
        return " (close in meaning)"
    if result.partial:
        return " (close match)" if result.near else " (partial match)"
    return ""


def answer(told: Answer, settings: Settings) -> None:
    """Print an answer: what was written or quoted, or the list of a period, and the sources."""
    numbers = {source.id: number for number, source in enumerate(told.sources, 1)}
    if told.period is not None:
        terminal.say(f"Period: {periods.named(told.period, told.zone, 'en')}")
    if told.lines:
        for line in told.lines:
            day = terminal.when(line.article.published)
            terminal.out(f"{day}  {safe.plain(line.text)} [{numbers[line.article.id]}]")
    elif told.written:
        terminal.say(f"Written by the model {settings.model_name} from the sources:")
        for one in told.written:
            terminal.out(f"{safe.plain(one.text)} {''.join(f'[{number}]' for number in one.cites)}")
    elif told.tier is Tier.NOTHING:
        terminal.say("Nothing on this in the stored articles.")
        _unknown(told)
    else:
        _quotes(told, numbers)
    shown = told.nearest if told.tier is Tier.NOTHING else told.sources
    if shown:
        articles("Related articles" if told.tier is Tier.NOTHING else "Sources", shown)


def articles(title: str, shown: Iterable[Article]) -> None:
    """Print a table of articles."""
    terminal.table(
        title,
        ("date", "source", "article"),
        ((terminal.when(one.published), one.outlet, f"{one.title}\n{one.url}") for one in shown),
        lines=True,
    )


def _quotes(told: Answer, numbers: dict[int, int]) -> None:
    if told.tier is Tier.POSSIBLE:
        terminal.say("Possibly relevant:")
    for quote in (*told.quotes, *told.possible):
        terminal.out(_quoted(quote, numbers))
    if told.older:
        terminal.say("Earlier articles say otherwise:")
    for quote in told.older:
        terminal.out(f"{terminal.when(quote.article.published)}  {_quoted(quote, numbers)}")


def _quoted(quote: Quote, numbers: dict[int, int]) -> str:
    return f"“{safe.plain(quote.text)}” [{numbers[quote.article.id]}]"


def _unknown(told: Answer) -> None:
    if told.is_of_another_time:
        rest = "" if told.oldest is None else f": the oldest is from {terminal.when(told.oldest)}"
        terminal.say(f"None is from that period{rest}.")
    if told.newest is not None:
        terminal.say(f"The newest is from {terminal.when(told.newest)}.")


def explanation(found: Explanation) -> list[str]:
    """What became of an article: a line an article and its feed, then a line a channel."""
    from bot.posting.wording.problem_sentences import describe  # noqa: PLC0415 - brings discord, which other commands need not wait for

    lines: list[str] = []
    for article, feed in found.carried:
        source = urls.masked(feed.url) if feed else "a feed that is gone"
        lines.append(f"“{safe.plain(article.title)}”: found {_time(article.found)} in {source}")
        if (page := found.readings.get(article.id)) is not None:
            lines.append(feed_causes.of_page(page, when=_time(page.ended or article.found)))
        if feed is not None and feed.failing_since is not None:
            lines.append(f"that feed has been failing since {_time(feed.failing_since)}: {feed.error}")
    for fate in found.fates:
        told = safe.plain(sentence(fate, when=_time(fate.since), problem=describe))
        where = f", message {fate.message_id}" if fate.message_id else ""
        lines.append(f"channel {fate.channel_id}: {told}{where}")
    lines += [f"channel {one.channel_id}: {passed_over()}" for one in found.passed_over]
    if lines and not (found.fates or found.passed_over):
        lines.append("posted nowhere: no channel follows its feed")
    lines += [left_out(urls.masked(feed.url), when=_time(counted)) for feed, counted in found.left_out]
    return lines


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")
