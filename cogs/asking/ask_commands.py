"""Questions, answered from the articles: /ask, and messages that mention the bot."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.answers.conversing.question_service import Asked, QuestionService
from bot.client.discord_client import OWN_REPLY, Telex
from bot.core.locale import _
from bot.core.people_models import Question
from bot.core.refusals import Refusal
from bot.search.query.query_syntax import MAX_LENGTH
from cogs.asking.answer_views import reply
from cogs.asking.answer_votes import vote_button
from cogs.asking.direct_messages import DirectMessages, unshared
from cogs.asking.follow_up_buttons import next_button, question_button, readable, tell_button
from cogs.asking.mention_answers import Mentions
from cogs.asking.question_places import article_of_thread, last_in, nothing_readable, place_of
from cogs.asking.readable_feeds import shared_feed_ids
from cogs.shared.lasting_items import LastingCog
from cogs.shared.membership import read_in_direct_messages
from cogs.shared.rights import in_servers
from cogs.shared.views import Interaction

_KINDS = (discord.MessageType.default, discord.MessageType.reply)


class Asking(LastingCog):
    """/ask, mentions, and the votes under answers."""

    items = (vote_button, next_button, question_button, tell_button)

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        newsroom = bot.newsroom
        self._service = QuestionService(
            newsroom.store, newsroom.searcher, newsroom.clock, newsroom.writer, newsroom.tastes
        )
        self._mentions = Mentions(bot, self._service)
        self._direct = DirectMessages(bot, self._service)

    @app_commands.command(
        name="ask", description=locale_str("Ask a question about the news"), extras={OWN_REPLY: True}
    )
    @in_servers
    @app_commands.describe(
        question=locale_str("Your question, in English or French"),
        public=locale_str("Show the answer to everyone in this channel"),
    )
    async def ask(
        self, interaction: Interaction, question: Range[str, 1, MAX_LENGTH], *, public: bool = False
    ) -> None:
        assert interaction.guild is not None
        self._service.admit(question, person_id=interaction.user.id, server_id=interaction.guild.id)
        place = place_of(interaction.channel)
        public = public and place is not None  # of any other place it is not known who reads it
        if not interaction.response.is_done():  # by the button of /help
            await interaction.response.defer(ephemeral=not public, thinking=True)
        follows = await last_in(self.bot, place.id) if isinstance(place, discord.Thread) else None
        await self._reply(interaction, question, public=public, follows=follows)

    async def answer_alone(self, interaction: Interaction, question: str) -> None:
        """Answer a question that was written into a window, for who asked alone."""
        if interaction.guild is None:
            raise Refusal(_("This only works in a server."))
        self._service.admit(question, person_id=interaction.user.id, server_id=interaction.guild.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._reply(interaction, question, public=False, follows=None)

    async def answer_next(self, interaction: Interaction, text: str, question_id: int) -> None:
        """Answer the question of a button under an answer, for those who read that answer."""
        before = await readable(interaction, question_id)
        if before is None or not text:
            raise Refusal(_("This answer is too old. Ask again."))
        server_id = interaction.guild_id or before.server_id
        self._service.admit(text, person_id=interaction.user.id, server_id=server_id)
        await interaction.response.defer(ephemeral=not before.public, thinking=True)
        await self._reply(interaction, text, public=before.public, follows=before)

    async def _reply(
        self, interaction: Interaction, text: str, *, public: bool, follows: Question | None
    ) -> None:
        """Answer an interaction that was acknowledged."""
        person, place = interaction.user, place_of(interaction.channel)
        if isinstance(person, discord.Member) and public and place is not None:
            feed_ids = await shared_feed_ids(self.bot, person, place)
        elif isinstance(person, discord.Member):
            feed_ids = await self.bot.visible_feed_ids(interaction)
        else:
            feed_ids = set(await read_in_direct_messages(self.bot, person.id))
        if not feed_ids:
            said = (
                await nothing_readable(self.bot, person) if isinstance(person, discord.Member) else unshared()
            )
            await interaction.edit_original_response(view=said)
            return
        told = await self._service.answer(
            Asked(
                text=text,
                feed_ids=feed_ids,
                server_id=interaction.guild_id or (follows.server_id if follows else 0),
                channel_id=interaction.channel_id or 0,
                person_id=person.id,
                public=public,
                article_id=await article_of_thread(self.bot, place, text),
                insists=False,
                follows=follows,
            )
        )
        message = await interaction.edit_original_response(
            view=reply(told, public=public, title=True), allowed_mentions=discord.AllowedMentions.none()
        )
        if public:
            await self.bot.store.questions.answered_by(told.question_id, message.id)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a message that mentions the bot, and a direct one."""
        if message.author.bot or message.webhook_id is not None or message.type not in _KINDS:
            return
        if message.guild is None:
            await self._direct.answer(message)
            return
        await self._mentions.answer(message)
