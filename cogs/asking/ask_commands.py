"""Command /ask, and the buttons under answers; messages that mention the bot go to `MessageResponder`."""

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, NamedTuple, cast

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.answers.conversing import follow_up_questions
from bot.answers.conversing.question_service import QuestionRequest, QuestionService
from bot.answers.model_passages import quote_cited_sources
from bot.client import interaction_context
from bot.client.command_tree import DEFERS_ITSELF_KEY
from bot.client.discord_client import TelexBot
from bot.core.i18n import _, linkify_commands
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import Question, saved_pages_feed_id
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.blocks import text_block
from bot.posting.rendering.layout.layout_views import build_static_view
from bot.posting.sending.lease_guard import current_server_id
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from cogs.asking.answer_views import answer_view
from cogs.asking.message_answers import MessageResponder
from cogs.asking.question_context import (
    MAX_DATABASE_ID,
    GuildChannel,
    as_server_channel,
    find_accessible_question,
    find_last_thread_question,
    find_thread_article_id,
    load_feed_ids_readable_by_all,
    make_no_feeds_view,
)
from cogs.asking.writing_notice import WritingNotice
from cogs.asking.written_answer_cards import quotes_layout, read_written_sentences
from cogs.reading.article_list_pages import no_shared_server_blocks
from cogs.reading.bookmarking import bookmark_article, saved_text
from cogs.reading.message_articles import choose_article, unreadable_article_text
from cogs.shared.authorization import user_installable
from cogs.shared.modals import FormModal, TextField
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import AckMode, Interaction
from cogs.watching.watch_creation import add_personal_watch


class NumberedSource(NamedTuple):
    """Source of an answer that a user can read, with its number in the answer."""

    number: int
    article: Article


@persistent_item(buttons.SHOW_QUOTES_BUTTON.id_pattern)
async def show_quotes_button(interaction: Interaction, _item: object, *, question_id: str) -> None:
    """Show for each sentence of a written answer what its sources say, for the user only.

    The sentences are those in the clicked message.
    """
    sources = await _load_readable_sources(interaction, int(question_id))
    sentences = [] if interaction.message is None else read_written_sentences(interaction.message)
    quotes = await quote_cited_sources(interaction.client.services.searcher, sentences, dict(sources))
    if not quotes:
        raise UserFacingError(_("This answer is too old. Ask again."))
    number_by_article_id = {source.article.id: source.number for source in sources}
    layout = quotes_layout(quotes, number_by_article_id)
    await interaction.edit_original_response(view=build_static_view(layout))


@persistent_item(buttons.SAVE_SOURCES_BUTTON.id_pattern)
async def save_sources_button(interaction: Interaction, _item: object, *, question_id: str) -> None:
    """Let the user choose a source of a written answer, and bookmark it."""
    sources = await _load_readable_sources(interaction, int(question_id))

    async def save_article(click: Interaction, article: Article) -> None:
        await bookmark_article(click, article, None)
        await click.edit_original_response(view=build_static_view((text_block(saved_text(1)),)))

    await choose_article(interaction, [source.article for source in sources], save_article, _("Save an article…"))


async def _load_readable_sources(interaction: Interaction, question_id: int) -> list[NumberedSource]:
    """Return the sources of the answer to a question that the user can read.

    Raises `UserFacingError` if the question is not accessible or the user can read none of the sources.
    """
    question = await find_accessible_question(interaction, question_id)
    if question is None:
        raise UserFacingError(_("This answer is too old. Ask again."))
    visible_feed_ids = await interaction.client.load_visible_feed_ids(interaction)
    readable_feed_ids = {*visible_feed_ids, saved_pages_feed_id(interaction.user.id)}
    article_by_id = {
        article.id: article
        for article in await interaction.client.store.articles.list_by_ids(question.source_article_ids)
    }
    sources = [
        NumberedSource(number, article_by_id[article_id])
        for number, article_id in enumerate(question.source_article_ids, 1)
        if article_id in article_by_id and article_by_id[article_id].feed_id in readable_feed_ids
    ]
    if not sources:
        raise UserFacingError(unreadable_article_text())
    return sources


_ANSWERABLE_MESSAGE_TYPES = (discord.MessageType.default, discord.MessageType.reply)
"""Types of messages that people write, as opposed to notices of Discord, such as on a new member."""
_MAX_MODAL_QUESTION_LENGTH = 300
"""Maximum length in characters of a question in a modal."""
_MAX_WATCH_CONTENT_WORDS = 3
"""Maximum number of content words of a question without names that become the query of a watch (saved search)."""


@persistent_item(buttons.FOLLOW_UP_ID_PATTERN, AckMode.MANUAL)
async def follow_up_button(
    interaction: Interaction, button: discord.ui.Button[Any], *, question_id: str, **_other_groups: str
) -> None:
    """Answer the follow-up question of a button, for the readers of the answer that the button is under."""
    ask_cog = cast("AskCog", interaction.client.get_cog("AskCog"))
    await ask_cog.answer_follow_up(interaction, button.label or "", int(question_id))


@persistent_item(buttons.QUESTION_BUTTON.id_pattern, AckMode.MANUAL)
async def ask_button(interaction: Interaction, _item: object) -> None:
    """Open a modal to ask a question, from the button of a digest."""
    ask_cog = cast("AskCog", interaction.client.get_cog("AskCog"))
    text_field = TextField("question", _("Your question"), max_length=_MAX_MODAL_QUESTION_LENGTH)
    modal = FormModal(_("Ask about the news"), ask_cog.answer_privately, text_field, ack_mode=AckMode.MANUAL)
    await interaction.response.send_modal(modal)


@persistent_item(buttons.WATCH_TOPIC_BUTTON.id_pattern, AckMode.UPDATE_MESSAGE)
async def create_watch_button(interaction: Interaction, _item: object, *, question_id: str) -> None:
    """Create a watch (saved search) for a question without a sure answer.

    Under an answer that only its user sees, the button is then disabled, and its label confirms the watch.
    """
    stored_question = await find_accessible_question(interaction, int(question_id))
    if stored_question is None:
        raise UserFacingError(_("This answer is too old. Ask again."))
    confirmation_block, *example_blocks = await add_personal_watch(interaction, make_watch_query(stored_question.text))
    correction_hint = linkify_commands(
        _("Wrong words? Remove this watch with /watch list and add another with /watch add.")
    )
    confirmation_view = build_static_view((confirmation_block, text_block(f"-# {correction_hint}"), *example_blocks))
    await interaction.followup.send(view=confirmation_view, ephemeral=True)
    if not stored_question.is_public:
        message_view = _build_message_view(interaction)
        watch_buttons = _find_buttons(message_view, [buttons.WATCH_TOPIC_BUTTON.custom_id(question_id)])
        for button in watch_buttons:
            button.label = _("You’ll be told")
        await _disable_buttons(interaction, message_view, watch_buttons)


@persistent_item(buttons.VOTE_ID_PATTERN, AckMode.UPDATE_MESSAGE)
async def vote_button(interaction: Interaction, _item: object, *, question_id: str, vote: str) -> None:
    """Record whether an answer helped the user. A second click on the button takes the vote back.

    Under an answer that only its user sees, there is no second click if both buttons have labels: they are disabled.
    """
    stored_question = await _load_ratable_question(interaction, int(question_id))
    is_helpful = vote == "up"
    stored_vote = await interaction.client.store.questions.vote(
        stored_question.id, interaction.user.id, is_helpful=is_helpful
    )
    vote_button_ids = [
        buttons.vote_button_id(stored_question.id, has_helped=has_helped) for has_helped in (True, False)
    ]
    message_view = _build_message_view(interaction)
    vote_buttons = _find_buttons(message_view, vote_button_ids)
    has_both_votes = len(vote_buttons) == len(vote_button_ids)
    await interaction.followup.send(_vote_text(stored_vote=stored_vote, has_both_votes=has_both_votes), ephemeral=True)
    if has_both_votes and all(button.label for button in vote_buttons) and not stored_question.is_public:
        await _disable_buttons(interaction, message_view, vote_buttons)


async def _load_ratable_question(interaction: Interaction, question_id: int) -> Question:
    """Return the stored question with an id. Raises UserFacingError if the user may not rate its answer."""
    question = await interaction.client.store.questions.get(question_id) if question_id <= MAX_DATABASE_ID else None
    if question is None or interaction_context.get_home_server_id(interaction) not in {None, question.server_id}:
        raise UserFacingError(_("This answer is too old to rate."))
    if not question.is_public and question.user_id != interaction.user.id:
        raise UserFacingError(_("Only the person who asked can rate this answer."))
    return question


def _vote_text(*, stored_vote: bool | None, has_both_votes: bool) -> str:
    """Return the reply to a vote on an answer; `stored_vote` is None if the vote was taken back.

    Without 👍 beside it, a 👎 says that an article does answer the question, although no answer was found.
    """
    if stored_vote is None:
        return _("Vote removed.")
    if stored_vote:
        return _("Thanks! Glad that helped.")
    if not has_both_votes:
        return _("Thanks! I’ve told whoever runs this bot that an article does answer this.")
    return _("Thanks! I’ve told whoever runs this bot that this answer didn’t help.")


def _build_message_view(interaction: Interaction) -> discord.ui.LayoutView:
    """Return a view like the message with the clicked button. It handles no clicks."""
    assert interaction.message is not None
    message_view = discord.ui.LayoutView.from_message(interaction.message, timeout=None)
    assert isinstance(message_view, discord.ui.LayoutView)
    message_view.stop()
    return message_view


def _find_buttons(view: discord.ui.LayoutView, custom_ids: Collection[str]) -> list[discord.ui.Button[Any]]:
    """Return the buttons of a view with any of these custom ids."""
    view_buttons = (item for item in view.walk_children() if isinstance(item, discord.ui.Button))
    return [button for button in view_buttons if button.custom_id in custom_ids]


async def _disable_buttons(
    interaction: Interaction, message_view: discord.ui.LayoutView, disabled_buttons: Iterable[discord.ui.Button[Any]]
) -> None:
    """Disable buttons of the clicked message, whose view is given."""
    for button in disabled_buttons:
        button.disabled = True
    with contextlib.suppress(discord.NotFound):  # The user has dismissed the message.
        await interaction.edit_original_response(view=message_view)


class AskCog(PersistentItemCog):
    """Cog of the /ask command, of messages that mention the bot, and of the buttons under answers."""

    persistent_items = (
        vote_button,
        follow_up_button,
        ask_button,
        create_watch_button,
        show_quotes_button,
        save_sources_button,
    )

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        services = bot.services
        self._question_service = QuestionService(
            services.store,
            services.searcher,
            services.clock,
            None if services.model_services is None else services.model_services.answer_writer,
            services.preference_models,
        )
        self._message_responder = MessageResponder(bot, self._question_service)

    @app_commands.command(
        name="ask",
        description=locale_str("Ask a question about the news"),
        extras={DEFERS_ITSELF_KEY: True},
    )
    @user_installable
    @app_commands.describe(
        question=locale_str("Your question, in English or French"),
        public=locale_str("Show the answer to everyone in this channel"),
    )
    async def ask(
        self, interaction: Interaction, question: Range[str, 1, MAX_QUERY_LENGTH], *, public: bool = False
    ) -> None:
        self._count_server_question(interaction, question)
        server_channel = _get_server_channel(interaction)
        is_public = public and server_channel is not None  # Elsewhere the readers are unknown.
        if not interaction.response.is_done():  # The button of /help has acknowledged it already.
            await interaction.response.defer(ephemeral=not is_public, thinking=True)
        last_question = (
            await find_last_thread_question(self.bot, server_channel.id)
            if isinstance(server_channel, discord.Thread)
            else None
        )
        await self._reply(interaction, question, is_public=is_public, previous_question=last_question)

    async def answer_privately(self, interaction: Interaction, question: str) -> None:
        """Answer a question from a modal, visible only to the user."""
        self._count_server_question(interaction, question)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._reply(interaction, question, is_public=False, previous_question=None)

    async def answer_follow_up(self, interaction: Interaction, text: str, question_id: int) -> None:
        """Answer the question of a follow-up button, for the readers of the answer that the button is under.

        `text` is the question on the button, `question_id` the id of the question that was answered.
        """
        answered_question = await find_accessible_question(interaction, question_id)
        if answered_question is None or not text:
            raise UserFacingError(_("This answer is too old. Ask again."))
        self._count_server_question(interaction, text)
        await interaction.response.defer(ephemeral=not answered_question.is_public, thinking=True)
        await self._reply(interaction, text, is_public=answered_question.is_public, previous_question=answered_question)

    def _count_server_question(self, interaction: Interaction, text: str) -> None:
        """Count a question towards the rate limits if it is asked in a server with Telex.

        Elsewhere the question is counted once it is known from which server's feeds it is answered. Raises
        `RateLimited` if there are too many questions.
        """
        server_id = interaction_context.get_home_server_id(interaction)
        if server_id is not None:
            self._question_service.limiter.admit_question(text, user_id=interaction.user.id, server_id=server_id)

    async def _reply(
        self,
        interaction: Interaction,
        question_text: str,
        *,
        is_public: bool,
        previous_question: Question | None,
    ) -> None:
        member, server_channel = interaction_context.get_home_member(interaction), _get_server_channel(interaction)
        server_id = interaction_context.get_home_server_id(interaction)
        if member is not None and is_public and server_channel is not None:
            feed_ids = await load_feed_ids_readable_by_all(self.bot, member, server_channel)
        elif member is not None:
            feed_ids = await self.bot.load_visible_feed_ids(interaction)
        else:
            server_id_by_feed_id = await self.bot.load_server_id_by_readable_feed_id(interaction)
            feed_ids, server_id = set(server_id_by_feed_id), next(iter(server_id_by_feed_id.values()), None)
        if not feed_ids or server_id is None:
            notice_view = (
                await make_no_feeds_view(self.bot, member)
                if member is not None
                else build_static_view(no_shared_server_blocks())
            )
            await interaction.edit_original_response(view=notice_view)
            return
        if member is None:
            self._question_service.limiter.admit_question(
                question_text, user_id=interaction.user.id, server_id=server_id
            )
        if not is_public:
            feed_ids = {*feed_ids, saved_pages_feed_id(interaction.user.id)}
        request = QuestionRequest(
            text=question_text,
            feed_ids=feed_ids,
            server_id=server_id,
            channel_id=interaction_context.get_home_channel_id(interaction) or 0,
            user_id=interaction.user.id,
            is_public=is_public,
            article_id=await find_thread_article_id(self.bot, server_channel, question_text),
            is_article_explicit=False,
            previous_question=previous_question,
        )

        async def edit_response(view: discord.ui.LayoutView) -> discord.InteractionMessage:
            no_mentions = discord.AllowedMentions.none()
            return await interaction.edit_original_response(view=view, allowed_mentions=no_mentions)

        async with WritingNotice(edit_response, question=question_text) as on_writing:
            question_reply = await self._question_service.answer(request, on_writing)
        if member is None:
            question_reply = replace(question_reply, can_watch=False)  # A watch belongs to a server.
        message = await edit_response(answer_view(question_reply, is_public=is_public, shows_title=True))
        if is_public:
            await self.bot.store.questions.set_answer_message(question_reply.question_id, message.id)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot and message.webhook_id is None and message.type in _ANSWERABLE_MESSAGE_TYPES:
            current_server_id.set(0 if message.guild is None else message.guild.id)
            await self._message_responder.answer(message)


def _get_server_channel(interaction: Interaction) -> GuildChannel | None:
    """Return the channel or thread where a user asks, if it is in a server with Telex; otherwise None."""
    return None if interaction_context.get_home_server(interaction) is None else as_server_channel(interaction.channel)


def make_watch_query(text: str) -> str:
    """Return the query of a watch for a question: its names or, without names, its first content words, as typed."""
    content_words = follow_up_questions.extract_content_words(text)[:_MAX_WATCH_CONTENT_WORDS]
    typed_form_by_word = {word: text[start:end] for word, start, end in text_analysis.find_token_spans(text)}
    words = follow_up_questions.extract_names(text) or [typed_form_by_word.get(word, word) for word in content_words]
    return " ".join(words) or text
