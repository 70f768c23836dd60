"""How the answer to a question looks: quotes or stories with their sources, or that nothing is known."""

from collections.abc import Iterable, Iterator, Sequence

import discord

from bot.answers.answer_model import Answer, Quote, Tier
from bot.answers.conversing.question_service import Reply
from bot.core import locale
from bot.core.locale import _, counted
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits, messages
from bot.posting.rendering.layout import layout_views, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Layout, Row, Rule, Section, Text, text
from bot.text import safe
from bot.text.times import periods
from cogs.shared import article_cards

_QUOTE = 600  # characters of a quotation, which the engine keeps shorter
_NEAREST = 3
_SAVED = 3  # Save buttons beside the votes
_COLOURS = {Tier.SURE: 0x3BA55D, Tier.POSSIBLE: 0xD8A13A, Tier.NOTHING: 0x80848E}
"""Green for what is sure, amber for what may be, grey for nothing."""


def reply(told: Reply, *, public: bool, title: bool) -> discord.ui.LayoutView:
    """The answer, or that none is known, with its buttons. `public`: everybody in the channel reads it.

    With `title` the question stands above it. To be called within an event loop.
    """
    return layout_views.static(layout(told, public=public, title=title))


def layout(told: Reply, *, public: bool, title: bool) -> Layout:
    """The same as blocks."""
    answer = told.answer
    groups = [group for group in _groups(told, public=public, title=title) if group]
    shown: list[Block] = []
    for group in groups:
        shown += [Rule(), *group] if shown else group
    card = Card((*shown, Rule(), *_rows(told)), _COLOURS[answer.tier])
    if answer.written:
        said = _("Written by a language model from the sources above. It can be wrong: follow the links.")
    elif answer.quotes and not answer.lines:
        said = _("Quoted from the articles")
    else:
        return (card,)
    return (card, text(f"-# {said}"))


def draft(answer: Answer, *, title: bool) -> discord.ui.LayoutView:
    """As much of an answer as is written so far. To be called within an event loop."""
    told = Reply(answer=answer, question_id=0)
    shown = [block for group in _groups(told, public=False, title=title) for block in group]
    said = _("Still writing…")
    return layout_views.static((Card(tuple(shown), _COLOURS[answer.tier]), text(f"-# ✍️ {said}")))


def tips(lines: Iterable[str]) -> discord.ui.LayoutView:
    """What can be asked, and how, a line each."""
    return layout_views.static((Card((text("\n".join(f"• {line}" for line in lines)),), outlets.COLOUR),))


def _groups(told: Reply, *, public: bool, title: bool) -> Iterator[list[Block]]:
    """The parts of an answer, between which there are lines."""
    answer = told.answer
    quoted: set[int] = set()
    main: list[Block] = [*_head(told, title=title)]
    if answer.written:
        main += [
            text(_sentences(answer)),
            *(_source(one, number) for number, one in enumerate(answer.sources, 1)),
        ]
    elif answer.lines:
        main += _stories(answer)
    else:  # how sure the answer is, is said of the first
        main += _quotes(answer.quotes[:1], quoted)
    if answer.tier is Tier.NOTHING:
        main.append(text(_unknown(answer, public=public)))
    yield main
    if answer.older:
        yield [text(_small(_("Earlier"))), *_quotes(answer.older, quoted)]
    possible = answer.possible or (() if answer.lines or answer.written else answer.quotes[1:])
    if possible:
        yield [text(_small(_("Possibly relevant"))), *_quotes(possible, quoted)]
    nearest = () if answer.answered else [each for each in answer.nearest if each.id not in quoted]
    if nearest:
        yield [text(_small(_("Related articles"))), *map(_line, nearest[:_NEAREST])]


def _rows(told: Reply) -> Iterator[Row]:
    """What to ask next; then Save, 👍 and 👎, or where nothing is known, what to do about it."""
    answer = told.answer
    yield Row(*(buttons.ask_next(told.question_id, *topic) for topic in enumerate(told.topics)))
    if answer.tier is Tier.NOTHING:
        tell = buttons.tell_me(told.question_id) if told.may_watch else None
        has_articles = bool(answer.possible or answer.nearest)
        yield Row(tell, buttons.missed(told.question_id) if has_articles else None)
        return
    sources = () if answer.lines else answer.sources[: _SAVED if answer.written else 1]
    saves = [
        buttons.save(source.key, number if answer.written and len(sources) > 1 else None)
        for number, source in enumerate(sources, 1)
    ]
    yield Row(*saves, *(buttons.vote(told.question_id, helped=helped) for helped in (True, False)))


def _head(told: Reply, *, title: bool) -> Iterator[Text]:
    answer = told.answer
    if title:
        question = safe.line(answer.question, discord_limits.TITLE)
        yield text(f"### {question}")
    if told.about is not None:
        yield _about(told.about, answer)
    if answer.period is not None:
        yield text("-# " + periods.named(answer.period, answer.zone, locale.current()))


def _about(article: Article, answer: Answer) -> Text:
    quoted = {source.page for source in answer.sources}
    line = _("About {title}") if article.page in quoted else _("Not answered in {title}")
    return text(*(f"-# {line.format(title=form)}" for form in article_cards.title_forms(article)))


def _quotes(quotes: Sequence[Quote], quoted: set[int]) -> Iterator[Text]:
    """Each quote, the words that answer in bold, and below those of an article where they are from.

    `quoted` gathers the ids of the articles.
    """
    by_article: dict[int, list[Quote]] = {}
    for quote in quotes:
        by_article.setdefault(quote.article.id, []).append(quote)
    for group in by_article.values():
        article, is_known = group[0].article, group[0].article.id in quoted
        quoted.add(article.id)
        title = safe.plain(article.title, _QUOTE)
        texts = [_quotation(quote) for quote in group if safe.plain(quote.text, _QUOTE) != title]
        is_title_quoted = len(texts) < len(group) and not is_known
        if is_title_quoted:
            yield _titled(article) if texts else _line(article)
        yield from texts
        if texts:
            yield text(f"-# {_outlet(article)}") if is_title_quoted else _source(article)


def _quotation(quote: Quote) -> Text:
    said = safe.plain(quote.text, _QUOTE)
    start = said.find(quote.answer) if quote.answer else -1
    marked = [(start, start + len(quote.answer or ""))] if start >= 0 else []
    return text(f"> {article_cards.bold(said, marked)}")


def _titled(article: Article) -> Text:
    return text(*(f"**{form}**" for form in article_cards.title_forms(article)))


def _source(article: Article, number: int | None = None) -> Text:
    """Outlet, date and title in one small line, with a link and without."""
    outlet = _mark(number) + _outlet(article)
    return text(*(f"-# {outlet} · {form}" for form in article_cards.title_forms(article)))


def _outlet(article: Article) -> str:
    """Outlet and date, and whether its publisher took the article back."""
    withdrawn = "" if article.retracted is None else " · " + _("⚠️ withdrawn")
    return f"{outlets.named(article.feed_id, article.outlet)}, <t:{article.published}:D>{withdrawn}"


def _stories(answer: Answer) -> Iterator[Section]:
    for line in answer.lines:
        article = line.article
        said = safe.line(line.text, _QUOTE) or article_cards.title(article)
        rest = f"-# {_outlet(article)}"
        if line.outlets > 1:
            more = line.outlets - 1
            rest += " · " + counted("+{count} outlet", "+{count} outlets", more)
        forms = (f"**{messages.linked(said, article.url)}**\n{rest}", f"**{said}**\n{rest}")
        yield Section((text(*forms),), buttons.save(article.key, labelled=False))


def _line(article: Article) -> Text:
    outlet = _outlet(article)
    return text(*(f"**{form}**\n-# {outlet}" for form in article_cards.title_forms(article)))


def _sentences(answer: Answer) -> str:
    written = (
        f"{safe.line(sentence.text, _QUOTE)} {''.join(map(_mark, sentence.cites)).rstrip()}"
        for sentence in answer.written
    )
    return " ".join(written)


def _unknown(answer: Answer, *, public: bool) -> str:
    """That nothing is known, and how far back and how fresh what there is is."""
    if public:
        sentence = _("I don’t know. No article that everyone here can read clearly answers that.")
    else:
        sentence = _("I don’t know. No article that you can read here clearly answers that.")
    if answer.is_of_another_time:
        sentence += " " + (
            _("None of them is from that period.")
            if answer.oldest is None
            else _("The oldest is from {when}.").format(when=f"<t:{answer.oldest}:d>")
        )
    elif answer.newest is not None:
        sentence += " " + _("The latest arrived {when}.").format(when=f"<t:{answer.newest}:R>")
    return sentence


def _small(heading: str) -> str:
    return f"-# {heading.upper()}"


def _mark(number: int | None) -> str:
    return "" if number is None else f"\\[{number}\\] "
