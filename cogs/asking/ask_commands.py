"""Questions, answered from the articles: /ask, and messages that mention the bot."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.answers import mentions
from bot.answers.mentions import Want, Wanted
from bot.answers.question_service import (
    DIRECT_MEMORY,
    THREAD_MEMORY,
    Asked,
    QuestionService,
    TooMany,
    closest,
)
from bot.client.discord_client import Telex, in_words
from bot.core import locale
from bot.core.locale import _, clickable
from bot.core.models import Question
from bot.core.refusals import Refusal
from bot.posting import permissions
from bot.posting.rendering import messages
from bot.search.query_syntax import MAX_LENGTH, parse
from cogs.asking.answer_views import reply
from cogs.asking.answer_votes import VoteButton
from cogs.asking.follow_up_buttons import NextButton, TellButton, readable
from cogs.asking.readable_feeds import Place, read_in_direct_messages, shared_feed_ids
from cogs.reading.result_pages import nothing_to_read, results
from cogs.reading.saving import post_of
from cogs.shared.rights import in_servers
from cogs.shared.views import Interaction

log = logging.getLogger(__name__)

_FOUND = 5  # results of a search in a channel
_MOST_LOGGED = 10_000  # channels
_MARKUP = re.compile(r"<(?:@[!&]?|#|/[^:>]*:|a?:\w+:|t:)[-\w:]+>")
_KINDS = (discord.MessageType.default, discord.MessageType.reply)


class Asking(commands.Cog):
    """/ask, mentions, and the votes under answers."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        newsroom = bot.newsroom
        self._service = QuestionService(newsroom.store, newsroom.searcher, newsroom.clock, newsroom.writer)
        self._mute: set[int] = set()  # channels in which the bot was found to have no say

    async def cog_load(self) -> None:
        """Answer the buttons under answers, of earlier processes too."""
        self.bot.add_dynamic_items(VoteButton, NextButton, TellButton)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.remove_dynamic_items(VoteButton, NextButton, TellButton)

    @app_commands.command(
        name="ask", description=locale_str("Ask a question; the articles that you can see here answer")
    )
    @in_servers
    @app_commands.describe(
        question=locale_str("What you want to know, in English or in French"),
        public=locale_str("Let everybody in this channel see the answer"),
    )
    async def ask(
        self, interaction: Interaction, question: Range[str, 1, MAX_LENGTH], *, public: bool = False
    ) -> None:
        """Answer a question, for the asker alone or for all."""
        assert interaction.guild is not None
        self._service.admit(question, person_id=interaction.user.id, server_id=interaction.guild.id)
        place = _place(interaction.channel)
        public = public and place is not None  # of any other place it is not known who reads it
        await interaction.response.defer(ephemeral=not public, thinking=True)
        follows = await self._last_in(place.id) if isinstance(place, discord.Thread) else None
        await self._reply(interaction, question, public=public, follows=follows)

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
        person, place = interaction.user, _place(interaction.channel)
        if isinstance(person, discord.Member) and public and place is not None:
            feed_ids = await shared_feed_ids(self.bot, person, place)
        elif isinstance(person, discord.Member):
            feed_ids = await self.bot.visible_feed_ids(interaction)
        else:
            feed_ids = (await read_in_direct_messages(self.bot, person.id)).feed_ids
        if not feed_ids:
            nothing = await self._nothing(person) if isinstance(person, discord.Member) else _unshared()
            await interaction.edit_original_response(embed=nothing)
            return
        told = await self._service.answer(
            Asked(
                text=text,
                feed_ids=feed_ids,
                server_id=interaction.guild_id or (follows.server_id if follows else 0),
                channel_id=interaction.channel_id or 0,
                person_id=person.id,
                public=public,
                article_id=await self._article_of_thread(place, text),
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
            await self._answer_directly(message)
            return
        mentioned = self.bot.user in message.mentions
        by_role = bool(message.role_mentions) and message.guild.self_role in message.role_mentions
        if not (mentioned or by_role) or not isinstance(message.author, discord.Member):
            return
        place = _place(message.channel)
        # Discord hides from the bot what a message says that mentions only its role.
        wanted = self._wanted(message) if mentioned else Wanted(Want.HELP)
        if place is None or wanted.want is Want.NOTHING or not self._may_speak(place):
            return
        locale.speak(
            wanted.language
            or locale.supported(str(message.guild.preferred_locale))
            or self.bot.newsroom.settings.language
        )
        try:
            await self._answer(message, message.author, place, wanted)
        except TooMany as refusal:
            if not refusal.known:
                await self._send(message, place, content=str(refusal))
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            sentence = in_words(error, f"a mention in server {message.guild.id}")
            await self._send(message, place, content=sentence)

    async def _answer(
        self, message: discord.Message, asker: discord.Member, place: Place, wanted: Wanted
    ) -> None:
        self._service.admit(wanted.text, person_id=asker.id, server_id=asker.guild.id)
        if wanted.want is Want.HELP:
            await self._send(
                message, place, embed=_help(self.bot, by_role=self.bot.user not in message.mentions)
            )
            return
        with contextlib.suppress(discord.HTTPException):
            await message.channel.typing()
        feed_ids = await shared_feed_ids(self.bot, asker, place)
        if not feed_ids:
            await self._send(message, place, embed=await self._nothing(asker))
            return
        if wanted.want is Want.SEARCH:
            newsroom = self.bot.newsroom
            query = parse(wanted.text, newsroom.clock.now(), await newsroom.zone(asker.guild.id))
            found = await self._service.search(query, feed_ids=feed_ids, limit=_FOUND)
            embed = results(query.text, found)
            embed.set_footer(text=_("From the feeds that everybody here can see. /search shows you more."))
            await self._send(message, place, embed=embed)
            return
        article_id = await self._article_of(message, place, wanted.text)
        told = await self._service.answer(
            Asked(
                text=wanted.text,
                feed_ids=feed_ids,
                server_id=asker.guild.id,
                channel_id=place.id,
                person_id=asker.id,
                public=True,
                article_id=article_id or await self._article_of_thread(place, wanted.text),
                insists=article_id is not None,
                follows=await self._before(message, place),
                message_id=message.id,
            )
        )
        sent = await self._send(message, place, view=reply(told, public=True, title=False))
        if sent is not None:
            await self.bot.store.questions.answered_by(told.question_id, sent.id)

    def _wanted(self, message: discord.Message) -> Wanted:
        """What a message that mentions the bot wants."""
        assert self.bot.user is not None
        mention = re.compile(rf"<@!?{self.bot.user.id}>")
        written = message.content.strip()
        # Somebody who only talks about the bot mentions it in the middle of a sentence.
        called = bool(mention.match(written) or re.search(rf"{mention.pattern}\W*\Z", written))
        text = _MARKUP.sub(" ", mention.sub(" ", written)).lstrip(" ,:;–—")
        return mentions.wanted(text, self.bot.newsroom.clock.now(), addressed=called)

    async def _article_of(self, message: discord.Message, place: Place, text: str) -> int | None:
        """The article of the post that a message replies to; of a catch-up the one that is asked about."""
        replied_to = _replied_to(message)
        return None if replied_to is None else await self._article_in(replied_to, place, text)

    async def _article_of_thread(self, place: Place | None, text: str) -> int | None:
        """The article of the post that a thread was opened on, or that opened a forum's thread."""
        if not isinstance(place, discord.Thread):
            return None
        return await self._article_in(place.id, place, text)  # a thread has the id of its first message

    async def _article_in(self, message_id: int, place: Place, text: str) -> int | None:
        post = await post_of(self.bot, message_id, place.guild.id)
        if post is None or not post.article_ids:
            return None
        if len(post.article_ids) == 1:
            return post.article_ids[0]
        article = closest(text, await self.bot.store.articles.by_ids(post.article_ids))
        return None if article is None else article.id

    async def _before(self, message: discord.Message, place: Place) -> Question | None:
        """The question that a message follows: the one it replies to, else the last one in its thread."""
        replied_to = _replied_to(message)
        if replied_to is not None:
            return await self.bot.store.questions.of_message(replied_to, place.id)
        return await self._last_in(place.id) if isinstance(place, discord.Thread) else None

    async def _last_in(self, thread_id: int) -> Question | None:
        since = self.bot.newsroom.clock.now() - THREAD_MEMORY
        return await self.bot.store.questions.last_in(thread_id, since)

    async def _nothing(self, asker: discord.Member) -> discord.Embed:
        """What to say where there is no feed to answer from."""
        if not await self.bot.feed_ids_seen_by(asker):
            return nothing_to_read().embed
        return discord.Embed(
            title=_("Nothing that everybody here can see"),
            description=clickable(
                _(
                    "The feeds that you can see are followed in channels that not everybody who reads this "
                    "one can see. /ask answers you alone, from all of them."
                )
            ),
        )

    async def _answer_directly(self, message: discord.Message) -> None:
        """Answer a direct message from what the person can read in the servers they share with the bot."""
        person_id = message.author.id
        wanted = mentions.wanted(message.content.strip(), self.bot.newsroom.clock.now(), addressed=True)
        locale.speak(wanted.language or self.bot.newsroom.settings.language)
        if wanted.want is Want.NOTHING:
            return
        if wanted.want is Want.HELP:
            await self._send_directly(message, embed=_direct_help())
            return
        try:
            known = await read_in_direct_messages(self.bot, person_id)
            if not known.feed_ids:
                await self._send_directly(message, embed=_unshared())
                return
            self._service.admit(wanted.text, person_id=person_id, server_id=known.server_id)
            with contextlib.suppress(discord.HTTPException):
                await message.channel.typing()
            if wanted.want is Want.SEARCH:
                query = parse(wanted.text, self.bot.newsroom.clock.now())
                found = await self._service.search(query, feed_ids=known.feed_ids, limit=_FOUND)
                await self._send_directly(message, embed=results(query.text, found))
                return
            replied_to = _replied_to(message)
            told = await self._service.answer(
                Asked(
                    text=wanted.text,
                    feed_ids=known.feed_ids,
                    server_id=known.server_id,
                    channel_id=message.channel.id,
                    person_id=person_id,
                    public=False,
                    article_id=await self._article_told_directly(replied_to, wanted.text),
                    insists=replied_to is not None,
                    follows=await self._before_directly(message, replied_to),
                    message_id=message.id,
                )
            )
            sent = await self._send_directly(message, view=reply(told, public=False, title=False))
            if sent is not None:
                await self.bot.store.questions.answered_by(told.question_id, sent.id)
        except TooMany as refusal:
            if not refusal.known:
                await self._send_directly(message, content=str(refusal))
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            await self._send_directly(message, content=in_words(error, "a direct message"))

    async def _article_told_directly(self, replied_to: int | None, text: str) -> int | None:
        """The article of the notice of a watch that a direct message replies to."""
        post = None if replied_to is None else await post_of(self.bot, replied_to, None)
        if post is None or not post.article_ids:
            return None
        article = closest(text, await self.bot.store.articles.by_ids(post.article_ids))
        return (
            post.article_ids[0] if article is None and len(post.article_ids) == 1 else article and article.id
        )

    async def _before_directly(self, message: discord.Message, replied_to: int | None) -> Question | None:
        """The question that a direct message follows: the one it replies to, else the last one of late."""
        questions, channel_id = self.bot.store.questions, message.channel.id
        if replied_to is not None:
            return await questions.of_message(replied_to, channel_id)
        since = self.bot.newsroom.clock.now() - DIRECT_MEMORY
        return await questions.last_of(message.author.id, channel_id, since)

    async def _send_directly(self, message: discord.Message, **content: Any) -> discord.Message | None:  # noqa: ANN401  # of a message
        """Answer a direct message; None where Discord does not let the bot."""
        try:
            return await message.channel.send(**content, allowed_mentions=discord.AllowedMentions.none())
        except discord.HTTPException:
            return None

    def _may_speak(self, place: Place) -> bool:
        """Whether the bot can answer in a channel; where it cannot, that is logged once."""
        lacking = permissions.lacking(place)
        if not lacking:
            self._mute.discard(place.id)
            return True
        self._log_mute(place, f"it lacks {', '.join(lacking)}")
        return False

    def _log_mute(self, place: Place, reason: str) -> None:
        if place.id not in self._mute and len(self._mute) < _MOST_LOGGED:
            self._mute.add(place.id)
            log.warning("A question in channel %d stays without an answer: %s", place.id, reason)

    async def _send(self, message: discord.Message, place: Place, **content: Any) -> discord.Message | None:  # noqa: ANN401  # of a message
        """Reply to a message without pinging anybody; None where Discord does not let the bot."""
        content = {name: value for name, value in content.items() if value is not None}
        if "read_message_history" not in permissions.lacking(place, required=False, history=True):
            content["reference"] = message.to_reference(fail_if_not_exists=False)
        try:
            return await message.channel.send(
                **content, mention_author=False, allowed_mentions=discord.AllowedMentions.none()
            )
        except discord.HTTPException as error:
            self._log_mute(place, str(error))
            return None


def _place(channel: object) -> Place | None:
    return channel if isinstance(channel, discord.abc.GuildChannel | discord.Thread) else None


def _replied_to(message: discord.Message) -> int | None:
    """The id of the message of the same channel that a message replies to."""
    reference = message.reference
    if reference is None or message.type is not discord.MessageType.reply:
        return None
    return reference.message_id if reference.channel_id == message.channel.id else None


def _help(bot: Telex, *, by_role: bool) -> discord.Embed:
    assert bot.user is not None
    example = _("What happened with Signal this week?")
    lines = (
        *([_("You mentioned my role, which hides your words from me. Mention me.")] if by_role else []),
        _("Ask me about the news of this server: {mention} {question}").format(
            mention=bot.user.mention, question=example
        ),
        _("Reply to one of my posts with a question, the mention on, and I look in that article first."),
        _("Begin with “search” to search: {mention} `search: signal since:7d`").format(
            mention=bot.user.mention
        ),
        clickable(
            _("/ask answers you alone, and from every article that you can see. /help tells the rest.")
        ),
    )
    return discord.Embed(colour=messages.COLOUR, description="\n".join(f"• {line}" for line in lines))


def _direct_help() -> discord.Embed:
    lines = (
        _("Ask me about the news, as in “What happened with Signal?”"),
        _("I answer from the feeds that you can read in the servers we share."),
        clickable(_("/bookmarks shows what you saved. /help tells the rest.")),
    )
    return discord.Embed(colour=messages.COLOUR, description="\n".join(f"• {line}" for line in lines))


def _unshared() -> discord.Embed:
    """What to say in direct messages to somebody who sees no feed."""
    return discord.Embed(
        title=_("Nothing to read yet"),
        description=_("We share no server where you can see a channel that follows a feed."),
    )
