"""View of an answer: quotes or stories with their sources, or the statement that no answer was found.

Stories answer a request for news ("what's new?"); they are the briefing of the answer.
"""

import re
from collections.abc import Iterable, Iterator

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
from bot.text import discord_text, excerpts
from bot.text.times import periods
from cogs.asking.written_answer_cards import make_story_button, written_answer_layout
from cogs.shared import article_cards

_MAX_STORY_TITLE_LENGTH = 600
"""Maximum length in UTF-16 units of the title of a story in an answer to “what’s new”."""
_MAX_SENTENCE_LENGTH = 220
"""Maximum length of a quoted sentence.

It is counted in characters if the sentence is cut around the words that answer, otherwise in UTF-16 units.
"""
_FRENCH_SPACE_PATTERN = re.compile(r" (?=[?!:;»])|(?<=«) ")
"""Pattern of spaces at which French lines don’t break."""
_COLOUR_BY_CONFIDENCE = {
    Confidence.SURE: 0x3BA55D,
    Confidence.POSSIBLE: 0xD8A13A,
    Confidence.NOTHING: 0x80848E,
}
"""Accent colours as RGB: green for a sure answer, amber for a possible answer, grey if nothing was found."""


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
    if answer.generated_sentences:
        return written_answer_layout(question_reply, tuple(_build_header(question_reply, shows_title=shows_title)))
    card_blocks: list[Block] = []
    for block_group in _build_block_groups(question_reply, is_public=is_public, shows_title=shows_title):
        card_blocks += [Separator(), *block_group] if card_blocks and block_group else block_group
    if question_reply.is_model_allowance_used_up:
        note = _("Answered without the language model: too many questions here. Try again in a minute.")
        card_blocks.append(text_block(f"-# {note}"))
    separators = () if answer.confidence is Confidence.NOTHING else (Separator(),)
    card = Card(
        (*card_blocks, *separators, *_build_button_rows(question_reply)),
        _COLOUR_BY_CONFIDENCE[answer.confidence],
    )
    return (card,)


def tips_view(tips: Iterable[str]) -> discord.ui.LayoutView:
    """Return a view with a list of tips on how to ask."""
    return layout_views.build_static_view(
        (Card((text_block("\n".join(f"• {tip}" for tip in tips)),), outlet_branding.DEFAULT_COLOUR),)
    )


def _build_block_groups(question_reply: QuestionReply, *, is_public: bool, shows_title: bool) -> Iterator[list[Block]]:
    """Yield the groups of blocks of an answer's card, between which there are separators; a group may be empty."""
    answer = question_reply.answer
    main_blocks: list[Block] = [*_build_header(question_reply, shows_title=shows_title)]
    if answer.briefing:
        main_blocks += _build_story_sections(answer)
    elif answer.confidence is Confidence.NOTHING:
        main_blocks.append(text_block(_no_answer_text(answer, is_public=is_public)))
    else:
        if answer.confidence is Confidence.POSSIBLE:
            main_blocks.append(text_block(_("Not sure. This may not answer it:")))
        main_blocks += _build_quote_blocks(answer.shown_quotes[:1])
    yield main_blocks
    if answer.briefing:
        return
    if answer.further_quote is not None:
        heading = [text_block("⚖️ **" + _("Outlets differ") + "**")] if answer.do_quoted_numbers_differ else []
        yield [*heading, *_build_quote_blocks([answer.further_quote])]
    if answer.confidence is Confidence.NOTHING and answer.related_articles:
        yield [*map(_build_article_block, answer.related_articles)]


def _build_button_rows(question_reply: QuestionReply) -> Iterator[ActionRow]:
    """Yield the rows of buttons under an answer.

    First come follow-up questions, then Save and votes or, if no answer was found, actions such as a watch.
    """
    answer = question_reply.answer
    question_id = question_reply.question_id
    yield ActionRow(
        *(
            buttons.follow_up_button(question_id, number, question)
            for number, question in enumerate(question_reply.suggested_questions)
        )
    )
    if answer.confidence is Confidence.NOTHING:
        yield ActionRow(
            buttons.WATCH_TOPIC_BUTTON(question_id) if question_reply.can_watch else None,
            buttons.missed_answer_button(question_id) if answer.related_articles else None,
        )
        return
    is_possible = answer.confidence is Confidence.POSSIBLE
    sources = () if answer.briefing else answer.sources[:1]
    if is_possible:
        yield ActionRow(
            buttons.vote_button(question_id, has_helped=True, label=_("Answers it")),
            buttons.vote_button(question_id, has_helped=False, label=_("No")),
            *(buttons.save_button(source.key, with_label=False) for source in sources),
        )
        watch_button = buttons.WATCH_ANSWER_BUTTON(question_id) if question_reply.can_watch else None
        yield ActionRow(watch_button, make_story_button(question_reply))
    else:
        vote_buttons = [buttons.vote_button(question_id, has_helped=has_helped) for has_helped in (True, False)]
        yield ActionRow(*(buttons.short_save_button(source.key) for source in sources), *vote_buttons)
        yield ActionRow(make_story_button(question_reply))


def _build_header(question_reply: QuestionReply, *, shows_title: bool) -> Iterator[Text]:
    answer = question_reply.answer
    if shows_title:
        question_markup = discord_text.to_markdown_line(answer.question, discord_limits.MAX_EMBED_TITLE_LENGTH)
        yield text_block(f"### {_keep_french_spaces(question_markup)}")
    if question_reply.about_article is not None:
        yield _build_subject_block(question_reply.about_article, answer)
    if answer.period is not None:
        yield text_block("-# " + periods.format_period(answer.period, answer.zone, i18n.current_language()))


def _build_subject_block(article: Article, answer: Answer) -> Text:
    quoted_page_keys = {source.page_key for source in answer.sources}
    label_template = _("About {title}") if article.page_key in quoted_page_keys else _("Not answered in {title}")
    return text_block(
        *(f"-# {label_template.format(title=variant)}" for variant in article_cards.title_variants(article))
    )


def _build_quote_blocks(quotes: Iterable[Quote]) -> Iterator[Text]:
    """Yield two text blocks for each quote: the quote and its source."""
    for quote in quotes:
        shown_text = " ".join(quote.shown_sentences) or quote.text
        is_headline = shown_text == quote.article.title[: len(shown_text)]
        yield text_block("\n".join(_quote_lines(quote)))
        if is_headline:
            outlet_text = _outlet_text(quote.article)
            link_text = messages.link_markup(_("Read"), quote.article.url)
            yield text_block(f"-# {outlet_text} · {link_text}", f"-# {outlet_text}")
        else:
            yield _build_source_block(quote.article)


def _quote_lines(quote: Quote) -> Iterator[str]:
    """Yield the sentences of a quote as lines of markup, with the words that answer in bold.

    If there are such words, the other sentences are small.
    """
    answer_text = discord_text.to_plain_line(quote.answer_text or "")
    sentences = [discord_text.to_plain_line(sentence) for sentence in quote.shown_sentences or (quote.text,)]
    answer_sentence_index = next(
        (number for number, sentence in enumerate(sentences) if answer_text and answer_text in sentence), None
    )
    for number, sentence in enumerate(sentences):
        if number == answer_sentence_index:
            start = sentence.index(answer_text)
            text, shift = _cut_around(sentence, start, start + len(answer_text))
            start -= shift
            markup = article_cards.bold_spans(text, [(start, start + len(answer_text))])
        else:
            markup = discord_text.escape_markdown(excerpts.make_excerpt(sentence, _MAX_SENTENCE_LENGTH))
            markup = markup if answer_sentence_index is None else f"-# {markup}"
        yield f"> {_keep_french_spaces(markup)}"


def _cut_around(sentence: str, start: int, end: int) -> tuple[str, int]:
    """Return a sentence cut to about `_MAX_SENTENCE_LENGTH` characters around some of its words.

    `start` and `end` are the offsets of these words in characters. The second value that is returned is the
    number of characters by which the words have moved to the left.
    """
    if len(sentence) <= _MAX_SENTENCE_LENGTH:
        return sentence, 0
    margin = max(0, _MAX_SENTENCE_LENGTH - (end - start)) // 2
    cut_start = max(0, min(start - margin, len(sentence) - _MAX_SENTENCE_LENGTH))
    cut_end = min(len(sentence), cut_start + max(_MAX_SENTENCE_LENGTH, end - start))
    cut_start = 0 if cut_start == 0 else sentence.find(" ", cut_start, start) + 1 or start
    cut_end = len(sentence) if cut_end == len(sentence) else max(end, sentence.rfind(" ", end, cut_end))
    prefix = discord_text.ELLIPSIS if cut_start else ""
    suffix = discord_text.ELLIPSIS if cut_end < len(sentence) else ""
    return prefix + sentence[cut_start:cut_end].rstrip() + suffix, cut_start - len(prefix)


def _keep_french_spaces(markup: str) -> str:
    """Return markup in which no line breaks before French punctuation."""
    return _FRENCH_SPACE_PATTERN.sub("\u00a0", markup)


def _build_source_block(article: Article) -> Text:
    """Return outlet, date and title of an article in one small line, as variants with and without a link."""
    outlet_text = _outlet_text(article)
    return text_block(*(f"-# {outlet_text} · {variant}" for variant in article_cards.title_variants(article)))


def _outlet_text(article: Article) -> str:
    """Return the outlet and date of an article, with a mark if the article was retracted."""
    retracted_label = "" if article.retracted_at is None else " · " + _("⚠️ withdrawn")
    return (
        f"{outlet_branding.emoji_and_name(article.feed_id, article.outlet)}, <t:{article.published}:D>{retracted_label}"
    )


def _build_story_sections(answer: Answer) -> Iterator[Section]:
    for story in answer.briefing:
        article = story.article
        story_title = discord_text.to_markdown_line(
            story.title, _MAX_STORY_TITLE_LENGTH
        ) or article_cards.display_title(article)
        byline = f"-# {_outlet_text(article)}"
        if story.outlet_count > 1:
            other_outlet_count = story.outlet_count - 1
            byline += " · " + format_count("+{count} outlet", "+{count} outlets", other_outlet_count)
        text_variants = (
            f"**{messages.link_markup(story_title, article.url)}**\n{byline}",
            f"**{story_title}**\n{byline}",
        )
        yield Section((text_block(*text_variants),), buttons.save_button(article.key, with_label=False))


def _build_article_block(article: Article) -> Text:
    outlet_text = _outlet_text(article)
    return text_block(*(f"**{variant}**\n-# {outlet_text}" for variant in article_cards.title_variants(article)))


def _no_answer_text(answer: Answer, *, is_public: bool) -> str:
    """Return the sentence that so many articles do not answer, or that none of them is from the period asked about."""
    if not answer.searched_article_count:
        return _("I have no articles yet.")
    if answer.related_articles:
        no_answer_sentence = _not_answered_text(answer.searched_article_count, is_public=is_public)
    elif is_public:
        no_answer_sentence = format_count(
            "Nothing on this in the {count} article everyone here can read.",
            "Nothing on this in the {count} articles everyone here can read.",
            answer.searched_article_count,
        )
    else:
        no_answer_sentence = format_count(
            "Nothing on this in the {count} article you can read here.",
            "Nothing on this in the {count} articles you can read here.",
            answer.searched_article_count,
        )
    if answer.is_outside_period:
        no_answer_sentence += " " + (
            _("None of them is from that period.")
            if answer.oldest_published_at is None
            else _("The oldest is from {when}.").format(when=f"<t:{answer.oldest_published_at}:d>")
        )
    return no_answer_sentence


def _not_answered_text(searched_article_count: int, *, is_public: bool) -> str:
    """Return the sentence that so many articles do not answer the question, although some are about its topic."""
    if is_public:
        return format_count(
            "Not answered in the {count} article everyone here can read.",
            "Not answered in the {count} articles everyone here can read.",
            searched_article_count,
        )
    return format_count(
        "Not answered in the {count} article you can read here.",
        "Not answered in the {count} articles you can read here.",
        searched_article_count,
    )
