"""View of an answer: quotes or stories with their sources, or the statement that none was found."""

from collections.abc import Iterable, Iterator, Sequence

import discord

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.answers.conversing.question_service import QuestionReply
from bot.core import i18n
from bot.core.i18n import _, format_count
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits, messages
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Layout,
    Section,
    Separator,
    Text,
    text_block,
)
from bot.text import discord_text
from bot.text.times import periods
from cogs.shared import article_cards

_MAX_QUOTE_LENGTH = 600
"""Maximum length in characters of a quote in the view; quotes in an answer are usually shorter."""
_MAX_RELATED_ARTICLES = 3
_MAX_SAVE_BUTTONS = 3
_COLOUR_BY_CONFIDENCE = {
    Confidence.SURE: 0x3BA55D,
    Confidence.POSSIBLE: 0xD8A13A,
    Confidence.NOTHING: 0x80848E,
}
"""Accent colours as RGB: green for a sure answer, amber for a possible one, grey for none."""


def answer_view(question_reply: QuestionReply, *, is_public: bool, shows_title: bool) -> discord.ui.LayoutView:
    """Return the view of an answer with its buttons. Must be called within an event loop.

    `is_public` means that everyone in the channel reads it. With `shows_title`, the view begins with the
    question.
    """
    return layout_views.build_static_view(answer_layout(question_reply, is_public=is_public, shows_title=shows_title))


def answer_layout(question_reply: QuestionReply, *, is_public: bool, shows_title: bool) -> Layout:
    """Return the layout of an answer with its buttons.

    `is_public` means that everyone in the channel reads it. With `shows_title`, the layout begins with the
    question.
    """
    answer = question_reply.answer
    sections = [
        section for section in _build_sections(question_reply, is_public=is_public, shows_title=shows_title) if section
    ]
    card_blocks: list[Block] = []
    for section_blocks in sections:
        card_blocks += [Separator(), *section_blocks] if card_blocks else section_blocks
    card = Card(
        (*card_blocks, Separator(), *_build_button_rows(question_reply)),
        _COLOUR_BY_CONFIDENCE[answer.confidence],
    )
    if answer.generated_sentences:
        disclaimer = _("Written by a language model from the sources above. It can be wrong: follow the links.")
    elif answer.quotes and not answer.briefing:
        disclaimer = _("Quoted from the articles")
    else:
        return (card,)
    return (card, text_block(f"-# {disclaimer}"))


def draft_view(answer: Answer, *, shows_title: bool) -> discord.ui.LayoutView:
    """Return the view of an unfinished answer. Must be called within an event loop."""
    question_reply = QuestionReply(answer=answer, question_id=0)
    card_blocks = [
        block
        for section in _build_sections(question_reply, is_public=False, shows_title=shows_title)
        for block in section
    ]
    notice = _("Still writing…")
    return layout_views.build_static_view(
        (Card(tuple(card_blocks), _COLOUR_BY_CONFIDENCE[answer.confidence]), text_block(f"-# ✍️ {notice}"))
    )


def tips_view(tips: Iterable[str]) -> discord.ui.LayoutView:
    """Return a view with a list of tips on how to ask."""
    return layout_views.build_static_view(
        (Card((text_block("\n".join(f"• {tip}" for tip in tips)),), outlet_branding.DEFAULT_COLOUR),)
    )


def _build_sections(question_reply: QuestionReply, *, is_public: bool, shows_title: bool) -> Iterator[list[Block]]:
    """Yield the sections of an answer's view, between which there are separators."""
    answer = question_reply.answer
    quoted_article_ids: set[int] = set()
    main_blocks: list[Block] = [*_build_header(question_reply, shows_title=shows_title)]
    if answer.generated_sentences:
        main_blocks += [
            text_block(_cited_sentences_text(answer)),
            *(_source_text(source, number) for number, source in enumerate(answer.sources, 1)),
        ]
    elif answer.briefing:
        main_blocks += _story_sections(answer)
    else:  # The confidence of the answer is that of its first quote.
        main_blocks += _quote_texts(answer.quotes[:1], quoted_article_ids)
    if answer.confidence is Confidence.NOTHING:
        main_blocks.append(text_block(_no_answer_text(answer, is_public=is_public)))
    yield main_blocks
    if answer.superseded_quotes:
        yield [
            text_block(_small_heading(_("Earlier"))),
            *_quote_texts(answer.superseded_quotes, quoted_article_ids),
        ]
    possible_quotes = answer.possible_quotes or (
        () if answer.briefing or answer.generated_sentences else answer.quotes[1:]
    )
    if possible_quotes:
        yield [
            text_block(_small_heading(_("Possibly relevant"))),
            *_quote_texts(possible_quotes, quoted_article_ids),
        ]
    related_articles = (
        ()
        if answer.is_answered
        else [article for article in answer.related_articles if article.id not in quoted_article_ids]
    )
    if related_articles:
        yield [
            text_block(_small_heading(_("Related articles"))),
            *map(_article_text, related_articles[:_MAX_RELATED_ARTICLES]),
        ]


def _build_button_rows(question_reply: QuestionReply) -> Iterator[ActionRow]:
    """Yield the rows of buttons under an answer.

    First come follow-up questions, then Save and votes or, if no answer was found, actions such as a watch.
    """
    answer = question_reply.answer
    yield ActionRow(
        *(
            buttons.follow_up_button(question_reply.question_id, *topic)
            for topic in enumerate(question_reply.suggested_topics)
        )
    )
    if answer.confidence is Confidence.NOTHING:
        watch_button = buttons.WATCH_TOPIC_BUTTON(question_reply.question_id) if question_reply.can_watch else None
        has_articles = bool(answer.possible_quotes or answer.related_articles)
        yield ActionRow(
            watch_button, buttons.missed_answer_button(question_reply.question_id) if has_articles else None
        )
        return
    sources = () if answer.briefing else answer.sources[: _MAX_SAVE_BUTTONS if answer.generated_sentences else 1]
    save_buttons = [
        buttons.save_button(source.key, source_number if answer.generated_sentences and len(sources) > 1 else None)
        for source_number, source in enumerate(sources, 1)
    ]
    yield ActionRow(
        *save_buttons,
        *(buttons.vote_button(question_reply.question_id, helped=helped) for helped in (True, False)),
    )


def _build_header(question_reply: QuestionReply, *, shows_title: bool) -> Iterator[Text]:
    answer = question_reply.answer
    if shows_title:
        question_markup = discord_text.to_markdown_line(answer.question, discord_limits.MAX_EMBED_TITLE_LENGTH)
        yield text_block(f"### {question_markup}")
    if question_reply.about_article is not None:
        yield _build_subject_text(question_reply.about_article, answer)
    if answer.period is not None:
        yield text_block("-# " + periods.format_period(answer.period, answer.zone, i18n.current_language()))


def _build_subject_text(article: Article, answer: Answer) -> Text:
    quoted_page_keys = {source.page for source in answer.sources}
    label_template = _("About {title}") if article.page in quoted_page_keys else _("Not answered in {title}")
    return text_block(
        *(f"-# {label_template.format(title=variant)}" for variant in article_cards.title_variants(article))
    )


def _quote_texts(quotes: Sequence[Quote], quoted_article_ids: set[int]) -> Iterator[Text]:
    """Yield the quotes as text, with the words that answer in bold.

    The source stands below the quotes of each article. The ids of the quoted articles are added to
    `quoted_article_ids`.
    """
    quotes_by_article: dict[int, list[Quote]] = {}
    for quote in quotes:
        quotes_by_article.setdefault(quote.article.id, []).append(quote)
    for article_quotes in quotes_by_article.values():
        article, is_already_quoted = (
            article_quotes[0].article,
            article_quotes[0].article.id in quoted_article_ids,
        )
        quoted_article_ids.add(article.id)
        title = discord_text.to_plain_line(article.title, _MAX_QUOTE_LENGTH)
        quote_texts = [
            _quote_text(quote)
            for quote in article_quotes
            if discord_text.to_plain_line(quote.text, _MAX_QUOTE_LENGTH) != title
        ]
        is_title_quoted = len(quote_texts) < len(article_quotes) and not is_already_quoted
        if is_title_quoted:
            yield _title_text(article) if quote_texts else _article_text(article)
        yield from quote_texts
        if quote_texts:
            yield text_block(f"-# {_outlet_text(article)}") if is_title_quoted else _source_text(article)


def _quote_text(quote: Quote) -> Text:
    quote_text = discord_text.to_plain_line(quote.text, _MAX_QUOTE_LENGTH)
    span_start = quote_text.find(quote.answer_span) if quote.answer_span else -1
    highlighted_spans = [(span_start, span_start + len(quote.answer_span or ""))] if span_start >= 0 else []
    return text_block(f"> {article_cards.bold_spans(quote_text, highlighted_spans)}")


def _title_text(article: Article) -> Text:
    return text_block(*(f"**{variant}**" for variant in article_cards.title_variants(article)))


def _source_text(article: Article, number: int | None = None) -> Text:
    """Return outlet, date and title of an article in one small line, as variants with and without a link."""
    outlet_text = _format_citation_mark(number) + _outlet_text(article)
    return text_block(*(f"-# {outlet_text} · {variant}" for variant in article_cards.title_variants(article)))


def _outlet_text(article: Article) -> str:
    """Return the outlet and date of an article, with a mark if the article was retracted."""
    retracted_label = "" if article.retracted is None else " · " + _("⚠️ withdrawn")
    return (
        f"{outlet_branding.tile_and_name(article.feed_id, article.outlet)}, <t:{article.published}:D>{retracted_label}"
    )


def _story_sections(answer: Answer) -> Iterator[Section]:
    for story in answer.briefing:
        article = story.article
        story_title = discord_text.to_markdown_line(story.text, _MAX_QUOTE_LENGTH) or article_cards.display_title(
            article
        )
        byline = f"-# {_outlet_text(article)}"
        if story.outlet_count > 1:
            other_outlet_count = story.outlet_count - 1
            byline += " · " + format_count("+{count} outlet", "+{count} outlets", other_outlet_count)
        text_variants = (
            f"**{messages.link_markup(story_title, article.url)}**\n{byline}",
            f"**{story_title}**\n{byline}",
        )
        yield Section((text_block(*text_variants),), buttons.save_button(article.key, with_label=False))


def _article_text(article: Article) -> Text:
    outlet_text = _outlet_text(article)
    return text_block(*(f"**{variant}**\n-# {outlet_text}" for variant in article_cards.title_variants(article)))


def _cited_sentences_text(answer: Answer) -> str:
    cited_sentences = (
        f"{discord_text.to_markdown_line(sentence.text, _MAX_QUOTE_LENGTH)} "
        f"{''.join(map(_format_citation_mark, sentence.citations)).rstrip()}"
        for sentence in answer.generated_sentences
    )
    return " ".join(cited_sentences)


def _no_answer_text(answer: Answer, *, is_public: bool) -> str:
    """Return the sentence that says that no article answers, with the age of the oldest or newest one."""
    if is_public:
        no_answer_sentence = _("I don’t know. No article that everyone here can read clearly answers that.")
    else:
        no_answer_sentence = _("I don’t know. No article that you can read here clearly answers that.")
    if answer.is_outside_period:
        no_answer_sentence += " " + (
            _("None of them is from that period.")
            if answer.oldest_published is None
            else _("The oldest is from {when}.").format(when=f"<t:{answer.oldest_published}:d>")
        )
    elif answer.newest_published is not None:
        no_answer_sentence += " " + _("The latest arrived {when}.").format(when=f"<t:{answer.newest_published}:R>")
    return no_answer_sentence


def _small_heading(heading: str) -> str:
    return f"-# {heading.upper()}"


def _format_citation_mark(number: int | None) -> str:
    return "" if number is None else f"\\[{number}\\] "
