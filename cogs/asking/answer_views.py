"""How the answer to a question looks: quotes or stories with their sources, or that nothing is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from bot.answers.answer_model import Answer, Quote, Tier
from bot.answers.conversing.question_service import Reply
from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits, messages
from bot.text import safe, spans
from cogs.asking import follow_up_buttons
from cogs.shared import article_cards

# https://discord.com/developers/docs/components/reference#text-display: 4,000 characters a message
_ROOM = 3_900
_QUOTE = 600  # characters of a quotation, which the engine keeps shorter
_NEAREST = 3
_SAVED = 3  # Save buttons beside the votes
_COLOURS = {Tier.SURE: 0x3BA55D, Tier.POSSIBLE: 0xD8A13A, Tier.NOTHING: 0x80848E}
"""Green for what is sure, amber for what may be, grey for nothing."""

Forms = tuple[str, ...]
"""A part of an answer in its forms, the longest first."""
Part = tuple[Forms, discord.ui.Button[Any] | None]
"""That, and the button beside it."""


def reply(told: Reply, *, public: bool, title: bool) -> discord.ui.LayoutView:
    """The answer, or that none is known, with its buttons. `public`: everybody in the channel reads it.

    With `title` the question stands above it. To be called within an event loop.
    """
    answer = told.answer
    sources = answer.sources[:_SAVED]
    several = len(sources) > 1
    numbers = {source.id: number for number, source in enumerate(sources, 1) if several}
    quoted: set[int] = set()
    groups: list[list[Part]] = [[(forms, None) for forms in _head(told, title=title)]]
    if answer.written:
        groups[0].append(((_sentences(answer),), None))
        groups[0] += [(forms, None) for forms in _sources(answer.sources)]
    elif answer.lines:
        groups[0] += _stories(answer)
    else:
        groups[0] += _quotes(
            answer.quotes[:1], numbers, quoted
        )  # how sure the answer is, is said of the first
    if answer.older:
        groups.append([((_small(_("Earlier")),), None), *_quotes(answer.older, numbers, quoted)])
    possible = answer.possible or (() if answer.lines or answer.written else answer.quotes[1:])
    if possible:
        groups.append([((_small(_("Possibly relevant")),), None), *_quotes(possible, numbers, quoted)])
    if answer.tier is Tier.NOTHING:
        groups[0].append(((_unknown(answer, public=public),), None))
    nearest = () if answer.answered else [each for each in answer.nearest if each.id not in quoted]
    if nearest:
        lines = [_line(article) for article in nearest[:_NEAREST]]
        groups.append([((_small(_("Related articles")),), None), *((line, None) for line in lines)])
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(_container(groups, answer, told))
    if answer.written:
        said = _("Written by a language model from the sources above. It can be wrong: follow the links.")
        view.add_item(discord.ui.TextDisplay(f"-# {said}"))
    elif answer.quotes and not answer.lines:
        view.add_item(discord.ui.TextDisplay("-# " + _("Quoted from the articles")))
    view.stop()  # clicks find their cog by the id
    return view


def _container(groups: Sequence[Sequence[Part]], answer: Answer, told: Reply) -> discord.ui.Container[Any]:
    """The parts, shortened until Discord takes them, a rule between groups, and the buttons below."""
    container: discord.ui.Container[Any] = discord.ui.Container(accent_colour=_COLOURS[answer.tier])
    texts = iter(_fitted([forms for group in groups for forms, _beside in group]))
    for number, group in enumerate(each for each in groups if each):
        if number:
            container.add_item(discord.ui.Separator(spacing=discord.SeparatorSpacing.small))
        for (_forms, beside), text in zip(group, texts, strict=False):
            if not text:
                continue
            if beside is None:
                container.add_item(discord.ui.TextDisplay(text))
            else:
                container.add_item(discord.ui.Section(discord.ui.TextDisplay(text), accessory=beside))
    rows = [row for row in _rows(told) if row]
    if rows:
        container.add_item(discord.ui.Separator(spacing=discord.SeparatorSpacing.small))
    for row in rows:
        container.add_item(discord.ui.ActionRow(*row))
    return container


def _rows(told: Reply) -> Iterator[list[discord.ui.Button[Any]]]:
    """What to ask next; then Save, 👍 and 👎, or where nothing is known, what to do about it."""
    answer = told.answer
    yield [
        follow_up_buttons.ask_next(told.question_id, number, topic)
        for number, topic in enumerate(told.topics)
    ]
    if answer.tier is Tier.NOTHING:
        tell = [follow_up_buttons.tell_me(told.question_id)] if told.may_watch else []
        yield [*tell, buttons.missed(told.question_id)]
        return
    sources = () if answer.lines else answer.sources[:_SAVED]
    several = len(sources) > 1
    saves = [buttons.save(each.key, number if several else None) for number, each in enumerate(sources, 1)]
    yield [*saves, *(buttons.vote(told.question_id, helped=helped) for helped in (True, False))]


def _head(told: Reply, *, title: bool) -> Iterator[Forms]:
    answer = told.answer
    if title:
        question = safe.markdown(safe.plain(answer.question, discord_limits.TITLE))
        yield (f"### {question}",)
    if told.about is not None:
        yield _about(told.about, answer)
    if answer.period is not None:
        yield ("-# " + spans.named(answer.period, answer.zone, locale.current()),)


def _about(article: Article, answer: Answer) -> Forms:
    """A line on the article that was asked about."""
    quoted = {source.page for source in answer.sources}
    line = _("About {title}") if article.page in quoted else _("Not answered in {title}")
    name = article_cards.title(article)
    return f"-# {line.format(title=messages.linked(name, article.url))}", f"-# {line.format(title=name)}"


def _quotes(quotes: Sequence[Quote], numbers: Mapping[int, int], quoted: set[int]) -> Iterator[Part]:
    """Each quote, the words that answer in bold, and below it where it is from.

    `numbers` are those of the Save buttons; `quoted` gathers the ids of the articles.
    """
    for quote in quotes:
        text, number = safe.plain(quote.text, _QUOTE), numbers.get(quote.article.id)
        is_known = quote.article.id in quoted
        quoted.add(quote.article.id)
        if text == safe.plain(quote.article.title, _QUOTE):  # it need not be said twice
            if not is_known:
                yield _line(quote.article, number), None
            continue
        start = text.find(quote.answer) if quote.answer else -1
        marked = [(start, start + len(quote.answer or ""))] if start >= 0 else []
        yield (f"> {article_cards.bold(text, marked)}",), None
        yield _source(quote.article, number), None


def _source(article: Article, number: int | None = None) -> tuple[str, str]:
    """Outlet, date and title in one small line, with a link and without."""
    name, outlet = article_cards.title(article), _mark(number) + _outlet(article)
    return f"-# {outlet} · {messages.linked(name, article.url)}", f"-# {outlet} · {name}"


def _outlet(article: Article) -> str:
    """Outlet and date, and whether its publisher took the article back."""
    outlet = safe.markdown(safe.plain(article.outlet, 60))
    withdrawn = "" if article.retracted is None else " · " + _("⚠️ withdrawn")
    return f"**{outlet}**, <t:{article.published}:D>{withdrawn}"


def _sources(sources: Sequence[Article]) -> Iterator[Forms]:
    return (_source(source, number) for number, source in enumerate(sources, 1))


def _stories(answer: Answer) -> Iterator[Part]:
    """A story a line, a Save button beside it."""
    for line in answer.lines:
        article = line.article
        text = safe.markdown(safe.plain(line.text, _QUOTE)) or article_cards.title(article)
        rest = f"-# {_outlet(article)}"
        if line.outlets > 1:
            more = line.outlets - 1
            rest += " · " + ngettext("+{count} outlet", "+{count} outlets", more).format(count=amount(more))
        forms = (f"**{messages.linked(text, article.url)}**\n{rest}", f"**{text}**\n{rest}")
        yield forms, buttons.save(article.key)


def _line(article: Article, number: int | None = None) -> Forms:
    name, outlet = article_cards.title(article), _mark(number) + _outlet(article)
    return f"**{messages.linked(name, article.url)}**\n-# {outlet}", f"**{name}**\n-# {outlet}"


def _sentences(answer: Answer) -> str:
    written = (
        f"{safe.markdown(safe.plain(sentence.text, _QUOTE))} {''.join(map(_mark, sentence.cites)).rstrip()}"
        for sentence in answer.written
    )
    return " ".join(written)


def _unknown(answer: Answer, *, public: bool) -> str:
    """That nothing is known, and how far back and how fresh what there is is."""
    if public:
        sentence = _("I don’t know. No article that everybody here can see says it.")
    else:
        sentence = _("I don’t know. No article that you can see here says it.")
    if answer.is_of_another_time:
        sentence += " " + (
            _("None is of that time.")
            if answer.oldest is None
            else _("The oldest is from {when}.").format(when=f"<t:{answer.oldest}:d>")
        )
    elif answer.newest is not None:
        sentence += " " + _("The latest came {when}.").format(when=f"<t:{answer.newest}:R>")
    return sentence


def _small(heading: str) -> str:
    return f"-# {heading.upper()}"


def _mark(number: int | None) -> str:
    return "" if number is None else f"\\[{number}\\] "


def _fitted(parts: Sequence[Forms]) -> list[str]:
    """Each part in one of its forms: the longest are shortened, the last left out, until all fits."""
    chosen = [list(forms) for forms in parts]

    def size() -> int:
        return sum(safe.length(forms[0]) for forms in chosen if forms)

    while size() > _ROOM:
        longest = max((each for each in chosen if len(each) > 1), key=lambda each: len(each[0]), default=None)
        if longest is not None:
            del longest[0]
        else:
            last = next(forms for forms in reversed(chosen) if forms)
            last.clear()
    return [forms[0] if forms else "" for forms in chosen]
