"""Card of an answer that a language model wrote, its quotes, and the notice that the model is writing."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

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
from bot.writing.citation_checks import Sentence, split_cited_sentences
from cogs.shared import article_cards

WRITTEN_COLOUR = 0x8B74E0
"""Accent colour, as RGB, of a card with text that a language model wrote."""
_MAX_SENTENCE_LENGTH = 600
"""Maximum length in UTF-16 units of a sentence of the answer."""
_MAX_QUOTE_LENGTH = 600
"""Maximum length in UTF-16 units of the sentences that are quoted from an article as evidence for the answer."""
_MAX_QUOTES_SHOWN = 6
"""Maximum number of quotes from the sources of a written answer, so that they fit into a message."""
_MAX_OUTLET_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of an outlet."""
_FALLBACK_SOURCE_COUNT = 3
"""Number of sources that are shown if not all sources fit into a message."""
_OTHER_LINE_PREFIXES = ("### ", "-# ")
"""Beginnings of the texts on the card of a written answer that are not its sentences: the question and small lines."""
_LINKED_MARK_PATTERN = re.compile(r"\[(\[\d+\])\]\([^\s()]*\)")
"""Pattern of the number of a source with a link, in Markdown."""
_ESCAPE_PATTERN = re.compile(r"\\([^\w\s])")
"""Pattern of a character that is escaped in Markdown."""


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


def read_written_sentences(message: discord.Message) -> list[Sentence]:
    """Return the sentences of the written answer that a message shows, with the numbers of their sources."""
    texts = [
        block.content
        for card in message.components
        if isinstance(card, discord.Container)
        for block in card.children
        if isinstance(block, discord.TextDisplay) and not block.content.startswith(_OTHER_LINE_PREFIXES)
    ]
    plain_text = _ESCAPE_PATTERN.sub(r"\1", _LINKED_MARK_PATTERN.sub(r"\1", " ".join(texts)))
    return [Sentence(*text_and_citations) for text_and_citations in split_cited_sentences(plain_text)]


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


def quotes_layout(quotes: Sequence[Quote], number_by_article_id: Mapping[int, int]) -> Layout:
    """Return the layout of what is quoted from the sources of a written answer, each source with its number.

    At most `_MAX_QUOTES_SHOWN` quotes are shown.
    """
    quotes_by_article_id: defaultdict[int, list[Quote]] = defaultdict(list)
    for quote in quotes[:_MAX_QUOTES_SHOWN]:
        quotes_by_article_id[quote.article.id].append(quote)
    card_blocks = [
        _build_source_section(source_quotes, number_by_article_id[article_id])
        for article_id, source_quotes in quotes_by_article_id.items()
    ]
    return (Card(tuple(card_blocks), WRITTEN_COLOUR),)


def _build_source_section(quotes: Sequence[Quote], number: int) -> Section:
    """Return the section of a source of a written answer, with its quotes and its number."""
    article = quotes[0].article
    quote_lines = [
        discord_text.to_plain_line(" ".join(quote.shown_sentences) or quote.text, _MAX_QUOTE_LENGTH) for quote in quotes
    ]
    quotes_markup = "\n".join(f"> {discord_text.escape_markdown(line)}" for line in quote_lines)
    source_line = _source_line(number, article, with_link=False)
    source_block = text_block(*(f"{source_line} · {title}" for title in article_cards.title_variants(article)))
    return Section((text_block(quotes_markup), source_block), buttons.save_button(article.key, with_label=False))
