"""Card of an answer that a language model wrote, its quotes, and the notice that the model is writing."""

from collections.abc import Sequence

import discord

from bot.answers.answer_model import Answer, Quote
from bot.answers.conversing.question_service import QuestionReply
from bot.core.i18n import _
from bot.core.models import Article
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Item,
    Layout,
    Section,
    Separator,
    Text,
    text_block,
)
from bot.posting.rendering.messages import link_markup
from bot.text import discord_text
from cogs.shared import article_cards

WRITTEN_COLOUR = 0x8B74E0
"""Accent colour, as RGB, of a card with text that a language model wrote."""
_MAX_SENTENCE_LENGTH = 600
"""Maximum length in UTF-16 units of a sentence of the answer."""
_MAX_QUOTE_LENGTH = 600
"""Maximum length in UTF-16 units of the sentences that are quoted from an article as evidence for the answer."""
_MAX_OUTLET_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of an outlet."""
_FALLBACK_SOURCE_COUNT = 3
"""Number of sources that are shown if not all sources fit into a message."""


def written_answer_layout(question_reply: QuestionReply, header: Sequence[Block]) -> Layout:
    """Return the layout of an answer that a model wrote, below a header."""
    answer = question_reply.answer
    # Translators: {model} is the name of a language model.
    disclaimer = _("Written by {model} from these sources. It can be wrong.").format(
        model=discord_text.to_markdown_line(answer.model_name) or _("a language model")
    )
    return (
        Card(
            (
                *header,
                _build_sentences_block(answer),
                _build_sources_block(answer.sources),
                text_block(f"-# ✍️ {disclaimer}"),
                Separator(),
                *_build_button_rows(question_reply),
            ),
            WRITTEN_COLOUR,
        ),
    )


def writing_view(question: str | None) -> discord.ui.LayoutView:
    """Return the view that says that an answer is being written. Must be called within an event loop.

    `question` becomes the heading of the view, unless it is None.
    """
    heading = []
    if question is not None:
        question_markup = discord_text.to_markdown_line(question, discord_limits.MAX_EMBED_TITLE_LENGTH)
        heading = [text_block(f"### {question_markup}")]
    notice = _("Writing…")
    return layout_views.build_static_view((Card((*heading, text_block(f"-# ✍️ {notice}")), WRITTEN_COLOUR),))


def _build_button_rows(question_reply: QuestionReply) -> tuple[ActionRow, ...]:
    question_id, sources = question_reply.question_id, question_reply.answer.sources
    save_button = (
        buttons.save_button(sources[0].key, with_label=False)
        if len(sources) == 1
        else buttons.SAVE_SOURCES_BUTTON(question_id)
    )
    return (
        ActionRow(
            *(
                buttons.follow_up_button(question_id, number, question)
                for number, question in enumerate(question_reply.suggested_questions)
            )
        ),
        ActionRow(buttons.SHOW_QUOTES_BUTTON(question_id), save_button, make_story_button(question_reply)),
        ActionRow(*(buttons.vote_button(question_id, has_helped=has_helped) for has_helped in (True, False))),
    )


def make_story_button(question_reply: QuestionReply) -> Item | None:
    """Return the button for the story (articles on one event) of an answer's source; None if no other outlet has it."""
    article = question_reply.story_article
    return None if article is None else buttons.STORY_BUTTON(article.key)


def _build_sentences_block(answer: Answer) -> Text:
    """Return the block of the sentences, with numbers that link to their sources; a shorter variant has no links."""
    linked_marks = [link_markup(f"[{number}]", source.url) for number, source in enumerate(answer.sources, 1)]
    plain_marks = [f"\\[{number}\\]" for number in range(1, len(answer.sources) + 1)]
    return text_block(_join_sentences(answer, linked_marks), _join_sentences(answer, plain_marks))


def _join_sentences(answer: Answer, marks: Sequence[str]) -> str:
    """Return the sentences in one line, each with the numbers (`marks`) of its sources before its full stop."""
    sentences = []
    for sentence in answer.generated_sentences:
        text = discord_text.to_plain_line(sentence.text, _MAX_SENTENCE_LENGTH)
        end_punctuation = text[-1] if text.endswith((".", "!", "?", "…")) else ""
        text_markup = discord_text.escape_markdown(text.removesuffix(end_punctuation).rstrip())
        sentences.append(
            f"{text_markup} {''.join(marks[number - 1] for number in sentence.citations)}{end_punctuation}"
        )
    return " ".join(sentences)


def _build_sources_block(sources: Sequence[Article]) -> Text:
    """Return the block with a small line for each source; shorter variants have fewer sources, or no links."""
    lines = [_source_line(number, source, with_link=True) for number, source in enumerate(sources, 1)]
    plain_lines = [_source_line(number, source, with_link=False) for number, source in enumerate(sources, 1)]
    return text_block("\n".join(lines), "\n".join(lines[:_FALLBACK_SOURCE_COUNT]), "\n".join(plain_lines))


def _source_line(number: int, source: Article, *, with_link: bool) -> str:
    outlet = discord_text.to_markdown_line(source.outlet, _MAX_OUTLET_NAME_LENGTH) or _("Source")
    outlet_emoji = outlet_branding.outlet_emoji(source.feed_id, source.outlet)
    outlet_markup = link_markup(outlet, source.url) if with_link else outlet
    retracted_label = "" if source.retracted_at is None else " · " + _("⚠️ withdrawn")
    return f"-# \\[{number}\\] {outlet_emoji} **{outlet_markup}**, <t:{source.published}:D>{retracted_label}"


def quotes_layout(quotes: Sequence[Quote], source_numbers: Sequence[int]) -> Layout:
    """Return the layout of the sentences quoted from the sources of a written answer, each with its source's number."""
    card_blocks: list[Block] = []
    for quote, number in zip(quotes, source_numbers, strict=True):
        quote_text = discord_text.to_plain_line(" ".join(quote.shown_sentences) or quote.text, _MAX_QUOTE_LENGTH)
        answer_start = quote_text.find(quote.answer_text) if quote.answer_text else -1
        answer_spans = [(answer_start, answer_start + len(quote.answer_text or ""))] if answer_start >= 0 else []
        quote_markup = article_cards.bold_spans(quote_text, answer_spans)
        source_line = _source_line(number, quote.article, with_link=False)
        source_block = text_block(
            *(f"{source_line} · {title}" for title in article_cards.title_variants(quote.article))
        )
        card_blocks.append(
            Section(
                (text_block(f"> {quote_markup}"), source_block),
                buttons.save_button(quote.article.key, with_label=False),
            )
        )
    return (Card(tuple(card_blocks), WRITTEN_COLOUR),)
