"""Questions, answered from the articles: /ask, mentions, and the buttons that ask further."""

from dataclasses import replace
from typing import Any, cast

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.answers.conversing import conversation
from bot.answers.conversing.question_service import Asked, QuestionService
from bot.client import interaction_places
from bot.client.command_tree import OWN_REPLY
from bot.client.discord_client import Telex
from bot.core.locale import _
from bot.core.people_models import Question
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout.layout_views import static
from bot.posting.sending.lease_checks import acting_for
from bot.search.query.query_syntax import MAX_LENGTH
from cogs.asking.answer_drafts import AnswerDraft
from cogs.asking.answer_views import reply
from cogs.asking.message_answers import MessageAnswers
from cogs.asking.question_places import (
    Place,
    article_of_thread,
    last_in,
    nothing_readable,
    place_of,
    shared_feed_ids,
)
from cogs.reading.article_list_pages import nothing_shared
from cogs.shared.lasting_items import LastingCog, lasting
from cogs.shared.rights import anywhere
from cogs.shared.views import Interaction, Reply
from cogs.shared.windows import Line, Window
from cogs.watching.new_watches import watch_for

_KINDS = (discord.MessageType.default, discord.MessageType.reply)
_QUESTION = 300  # characters
_LARGEST = 2**63 - 1  # that an id can be
_TOPIC = 3  # words of what is watched for


@lasting(buttons.NEXT_TEMPLATE, Reply.OWN)
async def next_button(
    interaction: Interaction, pressed: discord.ui.Button[Any], *, question: str, **_number: str
) -> None:
    """Asks a further question, for the same readers as the answer that it stands under."""
    asking = cast("Asking", interaction.client.get_cog("Asking"))
    await asking.answer_next(interaction, pressed.label or "", int(question))


@lasting(buttons.question.template, Reply.OWN)
async def question_button(interaction: Interaction, _item: object) -> None:
    """Opens a window for a question, under a digest."""
    asking = cast("Asking", interaction.client.get_cog("Asking"))
    line = Line("question", _("Your question"), max_length=_QUESTION)
    window = Window(_("Ask about the news"), asking.answer_alone, line, reply=Reply.OWN)
    await interaction.response.send_modal(window)


@lasting(buttons.tell_me.template)
async def tell_button(interaction: Interaction, _item: object, *, question: str) -> None:
    """Makes a watch of a question that nothing answers, and says for which words."""
    asked = await readable(interaction, int(question))
    if asked is None:
        raise Refusal(_("This answer is too old. Ask again."))
    await watch_for(interaction, watched(asked.text))


@lasting(buttons.VOTE_TEMPLATE)
async def vote_button(interaction: Interaction, _item: object, *, question: str, vote: str) -> None:
    """Says whether an answer helped, and what the vote is now; pressed again takes it back."""
    said = await _count(interaction, int(question), helped=vote == "up")
    await interaction.edit_original_response(content=said)


async def _count(interaction: Interaction, question_id: int, *, helped: bool) -> str:
    questions = interaction.client.store.questions
    question = await questions.get(question_id) if question_id <= _LARGEST else None
    server_id = interaction_places.server_id(interaction)
    here = question is not None and server_id in {None, question.server_id}
    if question is None or not here:
        raise Refusal(_("This answer is too old to rate."))
    if not question.public and question.person_id != interaction.user.id:
        raise Refusal(_("Only the person who asked can rate this answer."))
    voted = await questions.vote(question_id, interaction.user.id, helped=helped)
    if voted is None:
        return _("Vote removed.")
    if voted:
        return _("Thanks! Glad that helped.")
    if not question.answered:
        return _("Thanks! I’ve told whoever runs this bot that an article does answer this.")
    return _("Thanks! I’ve told whoever runs this bot that this answer didn’t help.")


class Asking(LastingCog):
    """/ask, mentions, and the votes under answers."""

    items = (vote_button, next_button, question_button, tell_button)

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        newsroom = bot.newsroom
        self._service = QuestionService(
            newsroom.store,
            newsroom.searcher,
            newsroom.clock,
            None if newsroom.writing is None else newsroom.writing.writer,
            newsroom.tastes,
        )
        self._messages = MessageAnswers(bot, self._service)

    @app_commands.command(
        name="ask", description=locale_str("Ask a question about the news"), extras={OWN_REPLY: True}
    )
    @anywhere
    @app_commands.describe(
        question=locale_str("Your question, in English or French"),
        public=locale_str("Show the answer to everyone in this channel"),
    )
    async def ask(
        self, interaction: Interaction, question: Range[str, 1, MAX_LENGTH], *, public: bool = False
    ) -> None:
        self._admit(interaction, question)
        place = _place(interaction)
        public = public and place is not None  # of any other place it is not known who reads it
        if not interaction.response.is_done():  # by the button of /help
            await interaction.response.defer(ephemeral=not public, thinking=True)
        follows = await last_in(self.bot, place.id) if isinstance(place, discord.Thread) else None
        await self._reply(interaction, question, public=public, follows=follows)

    async def answer_alone(self, interaction: Interaction, question: str) -> None:
        """Answer a question that was written into a window, for who asked alone."""
        self._admit(interaction, question)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._reply(interaction, question, public=False, follows=None)

    async def answer_next(self, interaction: Interaction, text: str, question_id: int) -> None:
        """Answer the question of a button under an answer, for those who read that answer."""
        before = await readable(interaction, question_id)
        if before is None or not text:
            raise Refusal(_("This answer is too old. Ask again."))
        self._admit(interaction, text)
        await interaction.response.defer(ephemeral=not before.public, thinking=True)
        await self._reply(interaction, text, public=before.public, follows=before)

    def _admit(self, interaction: Interaction, text: str) -> None:
        """Count a question that is asked in a server of ours; another once it is known whose it counts as."""
        server_id = interaction_places.server_id(interaction)
        if server_id is not None:
            self._service.admit(text, person_id=interaction.user.id, server_id=server_id)

    async def _reply(
        self, interaction: Interaction, text: str, *, public: bool, follows: Question | None
    ) -> None:
        person, place = interaction_places.member(interaction), _place(interaction)
        server_id = interaction_places.server_id(interaction)
        if person is not None and public and place is not None:
            feed_ids = await shared_feed_ids(self.bot, person, place)
        elif person is not None:
            feed_ids = await self.bot.visible_feed_ids(interaction)
        else:
            known = await self.bot.read_elsewhere(interaction)
            feed_ids, server_id = set(known), next(iter(known.values()), None)
        if not feed_ids or server_id is None:
            said = (
                await nothing_readable(self.bot, person) if person is not None else static(nothing_shared())
            )
            await interaction.edit_original_response(view=said)
            return
        if person is None:
            self._service.admit(text, person_id=interaction.user.id, server_id=server_id)
        asked = Asked(
            text=text,
            feed_ids=feed_ids,
            server_id=server_id,
            channel_id=interaction_places.channel_id(interaction) or 0,
            person_id=interaction.user.id,
            public=public,
            article_id=await article_of_thread(self.bot, place, text),
            insists=False,
            follows=follows,
        )

        async def show(view: discord.ui.LayoutView) -> discord.InteractionMessage:
            nobody = discord.AllowedMentions.none()
            return await interaction.edit_original_response(view=view, allowed_mentions=nobody)

        async with AnswerDraft(show, self.bot.newsroom.clock, title=True) as hear:
            told = await self._service.answer(asked, hear)
        if person is None:
            told = replace(told, may_watch=False)  # a watch belongs to a server
        message = await show(reply(told, public=public, title=True))
        if public:
            await self.bot.store.questions.answered_by(told.question_id, message.id)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot and message.webhook_id is None and message.type in _KINDS:
            acting_for.set(0 if message.guild is None else message.guild.id)
            await self._messages.answer(message)


def _place(interaction: Interaction) -> Place | None:
    """The channel or thread of a server of ours where somebody asks; None anywhere else."""
    return None if interaction_places.server(interaction) is None else place_of(interaction.channel)


async def readable(interaction: Interaction, question_id: int) -> Question | None:
    """A question of this place that the person may know of; None for any other, or one no longer kept."""
    if question_id > _LARGEST:
        return None
    question = await interaction.client.store.questions.get(question_id)
    if question is None or (not question.public and question.person_id != interaction.user.id):
        return None
    server_id = interaction_places.server_id(interaction)
    if server_id is None:
        return question if question.person_id == interaction.user.id else None
    return question if question.server_id == server_id else None


def watched(text: str) -> str:
    """The words to watch for of a question: its names, else its first telling words."""
    names = conversation.names(text)
    return " ".join(names or conversation.telling_words(text)[:_TOPIC]) or text
