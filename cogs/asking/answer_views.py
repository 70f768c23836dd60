"""How the answer to a question looks: quotations or lines with their sources, or that none is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import discord

from bot.answers.answer_model import Answer
from bot.answers.question_service import Reply
from bot.core import locale
from bot.core.locale import _
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits, messages
from bot.text import safe, spans
from cogs.shared import article_cards

_QUOTE = 600  # characters of a quotation, which the engine keeps shorter
_SAVED = 15  # Save buttons, in three rows; the votes take the one below,
_BESIDE = 3  # unless there is room beside them
_VOTES_ROW = 4

Entry = tuple[str, ...]
"""A part of an answer in its forms, the longest first."""


def reply(told: Reply, *, public: bool, title: bool) -> tuple[discord.Embed, discord.ui.View]:
    """The answer, or that none is known, as an embed and the buttons under it.

    `public`: it is read by everybody in the channel. With `title` the question stands above it.
    """
    answer = told.answer
    embed = discord.Embed(colour=messages.COLOUR if answer.answered else None)
    if title:
        embed.title = safe.cut(
            article_cards.heading(answer.question, discord_limits.TITLE), discord_limits.TITLE
        )
    parts: list[Entry] = [] if told.about is None else [_about(told.about, answer)]
    if answer.period is not None:
        dates = spans.named(answer.period, answer.zone, locale.current())
        parts.append(("-# " + _("Period: {dates}").format(dates=dates),))
    if not answer.answered:
        parts += _unknown(answer, public=public)
        embed.description = article_cards.fit(parts, between="\n\n")
        return embed, buttons.row(buttons.missed(told.question_id))
    if answer.written:
        parts.append((_sentences(answer),))
        footer = _("Written by a language model from the sources above. It can be wrong: follow the links.")
    elif answer.lines:
        footer = _("Titles of the articles, newest first.")
    else:
        parts += _quotations(answer)
        footer = _("Quotations, word for word from the articles.")
    parts += _dated(answer) if answer.lines and not answer.written else _sources(answer.sources)
    embed.description = article_cards.fit(parts, between="\n\n")
    embed.set_footer(text=footer)
    return embed, _buttons(told)


def _about(article: Article, answer: Answer) -> Entry:
    """A line on the article that was asked about."""
    if any(source.page == article.page for source in answer.sources):
        line = _("About the article {title}")
    else:
        line = _("The article {title} does not say.")
    name = article_cards.title(article)
    return f"-# {line.format(title=messages.linked(name, article.url))}", f"-# {line.format(title=name)}"


def _quotations(answer: Answer) -> Iterator[Entry]:
    numbers = {source.id: number for number, source in enumerate(answer.sources, 1)}
    for quote in answer.quotes:
        text = safe.markdown(safe.plain(quote.text, _QUOTE))
        yield (f"> {_('“{text}”').format(text=text)} {_mark(numbers[quote.article.id])}",)


def _sentences(answer: Answer) -> str:
    written = (
        f"{safe.markdown(safe.plain(sentence.text, _QUOTE))} {''.join(map(_mark, sentence.cites))}"
        for sentence in answer.written
    )
    return " ".join(written)


def _sources(sources: Sequence[Article]) -> Iterator[Entry]:
    lines = [_line(_mark(number), source) for number, source in enumerate(sources, 1)]
    yield tuple("\n".join(line[form] for line in lines) for form in range(2))


def _dated(answer: Answer) -> Iterator[Entry]:
    numbers = {source.id: number for number, source in enumerate(answer.sources, 1)}
    for line in answer.lines:
        article = line.article
        text = safe.markdown(safe.plain(line.text, _QUOTE)) or article_cards.title(article)
        before = _mark(numbers[article.id]) if article.id in numbers else "•"
        outlet = article_cards.source(article)
        yield f"{before} **{messages.linked(text, article.url)}**\n{outlet}", f"{before} **{text}**\n{outlet}"


def _unknown(answer: Answer, *, public: bool) -> Iterator[Entry]:
    if public:
        sentence = _("I don’t know: the articles that everybody here can see do not answer this.")
    else:
        sentence = _("I don’t know: the articles that you can see here do not answer this.")
    if answer.is_of_another_time and answer.oldest is not None:
        sentence += " " + _("None of them is of that time: the oldest was published on {when}.").format(
            when=f"<t:{answer.oldest}:d>"
        )
    elif answer.is_of_another_time:
        sentence += " " + _("None of them is of that time.")
    if answer.newest is not None:
        sentence += " " + _("The newest of them was published {when}.").format(when=f"<t:{answer.newest}:R>")
    yield (sentence,)
    if answer.nearest:
        lines = [_line("•", article) for article in answer.nearest]
        heading = _("The nearest articles, which do not answer it:")
        yield tuple("\n".join([heading, *(line[form] for line in lines)]) for form in range(2))


def _line(before: str, article: Article) -> tuple[str, str]:
    """An article in one line, with a link and without."""
    name = article_cards.title(article)
    outlet = article_cards.source(article)
    return f"{before} **{messages.linked(name, article.url)}** · {outlet}", f"{before} **{name}** · {outlet}"


def _mark(number: int) -> str:
    return f"\\[{number}\\]"


def _buttons(told: Reply) -> discord.ui.View:
    """🔖 for each source, then 👍 and 👎."""
    sources = told.answer.sources[:_SAVED]
    several = len(sources) > 1
    saves = [
        buttons.save(source.key, number if several else None) for number, source in enumerate(sources, 1)
    ]
    votes = [buttons.vote(told.question_id, helped=helped) for helped in (True, False)]
    for vote in votes:
        vote.row = 0 if len(saves) <= _BESIDE else _VOTES_ROW
    return buttons.row(*saves, *votes)
