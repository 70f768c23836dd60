"""The view of an answer: quotes or stories with their sources, or that none was found."""

from collections.abc import Iterable, Iterator, Sequence

import discord

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.answers.conversing.question_service import QuestionReply
from bot.core import i18n
from bot.core.i18n import _, format_count
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits, messages
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Layout, Section, Separator, Text, text
from bot.text import discord_text
from bot.text.times import periods
from cogs.shared import article_cards

_MAX_QUOTE_LENGTH = 600
"""Maximum length of a quote in characters; the engine's own limit is lower."""
_MAX_RELATED = 3
_MAX_SAVE_BUTTONS = 3
_COLOURS = {Confidence.SURE: 0x3BA55D, Confidence.POSSIBLE: 0xD8A13A, Confidence.NOTHING: 0x80848E}
"""Accent colours as RGB: green for a sure answer, amber for a possible one, grey for none."""


def answer_view(question_reply: QuestionReply, *, public: bool, title: bool) -> discord.ui.LayoutView:
    """Return the view of an answer with its buttons. Call it within an event loop.

    `public` means that everyone in the channel reads it. With `title`, the question stands above the answer.
    """
    return layout_views.static_view(answer_layout(question_reply, public=public, title=title))


def answer_layout(told: QuestionReply, *, public: bool, title: bool) -> Layout:
    """Return the layout of an answer with its buttons.

    `public` means that everyone in the channel reads it. With `title`, the question stands above the answer.
    """
    answer = told.answer
    groups = [group for group in _sections(told, public=public, title=title) if group]
    shown: list[Block] = []
    for group in groups:
        shown += [Separator(), *group] if shown else group
    card = Card((*shown, Separator(), *_button_rows(told)), _COLOURS[answer.confidence])
    if answer.written:
        said = _("Written by a language model from the sources above. It can be wrong: follow the links.")
    elif answer.quotes and not answer.briefing:
        said = _("Quoted from the articles")
    else:
        return (card,)
    return (card, text(f"-# {said}"))


def draft_view(answer: Answer, *, title: bool) -> discord.ui.LayoutView:
    """Return the view of an unfinished answer. Call it within an event loop."""
    told = QuestionReply(answer=answer, question_id=0)
    shown = [block for group in _sections(told, public=False, title=title) for block in group]
    said = _("Still writing…")
    return layout_views.static_view((Card(tuple(shown), _COLOURS[answer.confidence]), text(f"-# ✍️ {said}")))


def tips_view(lines: Iterable[str]) -> discord.ui.LayoutView:
    """Return a view with a list of tips on how to ask."""
    return layout_views.static_view(
        (Card((text("\n".join(f"• {line}" for line in lines)),), outlet_branding.DEFAULT_COLOUR),)
    )


def _sections(told: QuestionReply, *, public: bool, title: bool) -> Iterator[list[Block]]:
    """Yield the sections of an answer, which separators divide."""
    answer = told.answer
    quoted: set[int] = set()
    main: list[Block] = [*_header(told, title=title)]
    if answer.written:
        main += [
            text(_sentences(answer)),
            *(_source(one, number) for number, one in enumerate(answer.sources, 1)),
        ]
    elif answer.briefing:
        main += _stories(answer)
    else:  # The confidence of the answer is that of its first quote.
        main += _quote_texts(answer.quotes[:1], quoted)
    if answer.confidence is Confidence.NOTHING:
        main.append(text(_no_answer_text(answer, public=public)))
    yield main
    if answer.superseded_quotes:
        yield [text(_small_heading(_("Earlier"))), *_quote_texts(answer.superseded_quotes, quoted)]
    possible = answer.possible_quotes or (() if answer.briefing or answer.written else answer.quotes[1:])
    if possible:
        yield [text(_small_heading(_("Possibly relevant"))), *_quote_texts(possible, quoted)]
    nearest = () if answer.answered else [each for each in answer.related_articles if each.id not in quoted]
    if nearest:
        yield [text(_small_heading(_("Related articles"))), *map(_line, nearest[:_MAX_RELATED])]


def _button_rows(told: QuestionReply) -> Iterator[ActionRow]:
    """Yield the rows of buttons: follow-up questions, then Save and votes, or actions without an answer."""
    answer = told.answer
    yield ActionRow(*(buttons.follow_up_button(told.question_id, *topic) for topic in enumerate(told.topics)))
    if answer.confidence is Confidence.NOTHING:
        tell = buttons.tell_me(told.question_id) if told.can_watch else None
        has_articles = bool(answer.possible_quotes or answer.related_articles)
        yield ActionRow(tell, buttons.missed_answer_button(told.question_id) if has_articles else None)
        return
    sources = () if answer.briefing else answer.sources[: _MAX_SAVE_BUTTONS if answer.written else 1]
    saves = [
        buttons.save_button(source.key, number if answer.written and len(sources) > 1 else None)
        for number, source in enumerate(sources, 1)
    ]
    yield ActionRow(
        *saves, *(buttons.vote_button(told.question_id, helped=helped) for helped in (True, False))
    )


def _header(told: QuestionReply, *, title: bool) -> Iterator[Text]:
    answer = told.answer
    if title:
        question = discord_text.to_markdown_line(answer.question, discord_limits.EMBED_TITLE_LENGTH)
        yield text(f"### {question}")
    if told.about is not None:
        yield _about(told.about, answer)
    if answer.period is not None:
        yield text("-# " + periods.format_period(answer.period, answer.zone, i18n.current_language()))


def _about(article: Article, answer: Answer) -> Text:
    quoted = {source.page for source in answer.sources}
    line = _("About {title}") if article.page in quoted else _("Not answered in {title}")
    return text(*(f"-# {line.format(title=form)}" for form in article_cards.title_variants(article)))


def _quote_texts(quotes: Sequence[Quote], quoted: set[int]) -> Iterator[Text]:
    """Yield the quotes, with the answer spans in bold and the source below those of each article.

    The ids of the quoted articles are added to `quoted_ids`.
    """
    by_article: dict[int, list[Quote]] = {}
    for quote in quotes:
        by_article.setdefault(quote.article.id, []).append(quote)
    for group in by_article.values():
        article, is_known = group[0].article, group[0].article.id in quoted
        quoted.add(article.id)
        title = discord_text.to_plain_line(article.title, _MAX_QUOTE_LENGTH)
        texts = [
            _quote_text(quote)
            for quote in group
            if discord_text.to_plain_line(quote.text, _MAX_QUOTE_LENGTH) != title
        ]
        is_title_quoted = len(texts) < len(group) and not is_known
        if is_title_quoted:
            yield _titled(article) if texts else _line(article)
        yield from texts
        if texts:
            yield text(f"-# {_outlet(article)}") if is_title_quoted else _source(article)


def _quote_text(quote: Quote) -> Text:
    said = discord_text.to_plain_line(quote.text, _MAX_QUOTE_LENGTH)
    start = said.find(quote.answer_span) if quote.answer_span else -1
    marked = [(start, start + len(quote.answer_span or ""))] if start >= 0 else []
    return text(f"> {article_cards.bold_spans(said, marked)}")


def _titled(article: Article) -> Text:
    return text(*(f"**{form}**" for form in article_cards.title_variants(article)))


def _source(article: Article, number: int | None = None) -> Text:
    """Return outlet, date and title in one small line, with a link and without."""
    outlet = _citation_mark(number) + _outlet(article)
    return text(*(f"-# {outlet} · {form}" for form in article_cards.title_variants(article)))


def _outlet(article: Article) -> str:
    """Return outlet and date, with a mark if the article was retracted."""
    withdrawn = "" if article.retracted is None else " · " + _("⚠️ withdrawn")
    return (
        f"{outlet_branding.tile_and_name(article.feed_id, article.outlet)}, "
        f"<t:{article.published}:D>{withdrawn}"
    )


def _stories(answer: Answer) -> Iterator[Section]:
    for line in answer.briefing:
        article = line.article
        said = discord_text.to_markdown_line(line.text, _MAX_QUOTE_LENGTH) or article_cards.display_title(
            article
        )
        rest = f"-# {_outlet(article)}"
        if line.outlets > 1:
            more = line.outlets - 1
            rest += " · " + format_count("+{count} outlet", "+{count} outlets", more)
        forms = (f"**{messages.linked(said, article.url)}**\n{rest}", f"**{said}**\n{rest}")
        yield Section((text(*forms),), buttons.save_button(article.key, labelled=False))


def _line(article: Article) -> Text:
    outlet = _outlet(article)
    return text(*(f"**{form}**\n-# {outlet}" for form in article_cards.title_variants(article)))


def _sentences(answer: Answer) -> str:
    written = (
        f"{discord_text.to_markdown_line(sentence.text, _MAX_QUOTE_LENGTH)} "
        f"{''.join(map(_citation_mark, sentence.citations)).rstrip()}"
        for sentence in answer.written
    )
    return " ".join(written)


def _no_answer_text(answer: Answer, *, public: bool) -> str:
    """Return the sentence for no answer, with the age of the oldest or newest article."""
    if public:
        sentence = _("I don’t know. No article that everyone here can read clearly answers that.")
    else:
        sentence = _("I don’t know. No article that you can read here clearly answers that.")
    if answer.is_outside_period:
        sentence += " " + (
            _("None of them is from that period.")
            if answer.oldest_published is None
            else _("The oldest is from {when}.").format(when=f"<t:{answer.oldest_published}:d>")
        )
    elif answer.newest_published is not None:
        sentence += " " + _("The latest arrived {when}.").format(when=f"<t:{answer.newest_published}:R>")
    return sentence


def _small_heading(heading: str) -> str:
    return f"-# {heading.upper()}"


def _citation_mark(number: int | None) -> str:
    return "" if number is None else f"\\[{number}\\] "
