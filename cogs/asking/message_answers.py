"""Messages that mention the bot, reply to it or are sent to it: a question, a search, or a call for help."""

import asyncio
import contextlib
import logging
import re
from dataclasses import replace
from typing import Any

import discord

from bot.answers.conversing import mentions
from bot.answers.conversing.mentions import Want, Wanted
from bot.answers.conversing.question_service import DIRECT_MEMORY, Asked, QuestionService, TooMany
from bot.client.discord_client import Telex
from bot.client.error_answers import in_words
from bot.core import locale
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.people_models import Question
from bot.posting.rendering.layout.blocks import text
from bot.posting.rendering.layout.layout_views import static
from bot.posting.sending import permissions
from bot.search.query.query_syntax import parse
from bot.store import LeaseLost
from cogs.asking import question_places
from cogs.asking.answer_drafts import AnswerDraft
from cogs.asking.answer_views import reply, tips
from cogs.asking.question_places import Place
from cogs.reading.article_list_pages import COUNTED, PAGE, nothing_shared
from cogs.reading.result_cards import results

log = logging.getLogger(__name__)

SOON = 0.7
"""Seconds after which somebody who writes directly is told how long their answer takes."""
_MOST_LOGGED = 10_000  # channels
_MARKUP = re.compile(r"<(?:@[!&]?|#|/[^:>]*:|a?:\w+:|t:)[-\w:]+>")


class Conversation:
    """One message that is for the bot, and what is said to it: one reply, which is edited as it grows.

    `place` is None in direct messages.
    """

    def __init__(self, message: discord.Message, place: Place | None, wanted: Wanted) -> None:
        self.message, self.place, self.wanted = message, place, wanted
        self.sent: discord.Message | None = None
        self.problem: str | None = None
        """Why Discord did not take the reply."""
        self._saying = asyncio.Lock()

    async def say(
        self, view: discord.ui.LayoutView | None = None, content: str | None = None, *, first: bool = False
    ) -> None:
        """Say it in place of what was said, without pinging anybody; or only where nothing was (`first`)."""
        shown: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
        shown |= {} if view is None else {"view": view}
        async with self._saying:
            try:
                if self.sent is None:
                    shown |= {} if content is None else {"content": content}
                    if self.place is not None and not permissions.lacking(
                        self.place, required=False, history=True
                    ):
                        shown["reference"] = self.message.to_reference(fail_if_not_exists=False)
                    self.sent = await self.message.channel.send(**shown, mention_author=False)
                elif not first:
                    self.sent = await self.sent.edit(content=content, **shown)
            except discord.HTTPException as error:
                self.sent, self.problem = None, str(error)
            except LeaseLost:  # whoever has the shard by now answers
                self.sent = None


class MessageAnswers:
    """Answers messages: in a server those that mention the bot, from what all who read the channel may read.

    Direct ones from what the person can read in the servers that they share with the bot.
    """

    def __init__(self, bot: Telex, service: QuestionService) -> None:
        self.bot, self._service = bot, service
        self._mute: set[int] = set()  # channels in which the bot was found to have no say

    async def answer(self, message: discord.Message) -> None:
        """Answer a message, if it is for the bot."""
        here = Conversation(message, question_places.place_of(message.channel), self._wanted(message))
        if here.wanted.want is Want.NOTHING or (
            message.guild is not None and not self._may_speak(here.place)
        ):
            return
        language = here.wanted.language or self.bot.newsroom.settings.language
        if here.wanted.language is None and here.place is not None:
            language = await self.bot.languages.spoken_in(here.place)
        locale.speak(language)
        try:
            await (self._reply_directly(here) if message.guild is None else self._reply(here))
        except LeaseLost:
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            if message.guild is not None and isinstance(error, TooMany) and error.known:
                return
            where = "a direct message" if message.guild is None else f"a mention in server {message.guild.id}"
            sentence = in_words(error, where)
            if here.sent is None:
                await here.say(content=sentence)
            else:
                await here.say(static((text(sentence),)))
        if here.problem is not None and here.place is not None:
            self._log_mute(here.place, here.problem)

    async def _reply(self, here: Conversation) -> None:
        """In a server."""
        asker, place, wanted = here.message.author, here.place, here.wanted
        assert isinstance(asker, discord.Member)
        assert place is not None
        self._admit(here, asker.guild.id)
        if wanted.want is Want.HELP:
            await here.say(_help(self.bot, by_role=self.bot.user not in here.message.mentions))
            return
        with contextlib.suppress(discord.HTTPException):
            await here.message.channel.typing()
        feed_ids = await question_places.shared_feed_ids(self.bot, asker, place)
        if not feed_ids:
            await here.say(await question_places.nothing_readable(self.bot, asker))
        elif wanted.want is Want.SEARCH:
            footer = clickable(_("From the feeds everybody here can see. /search shows you more."))
            await self._search(here, feed_ids, asker.guild.id, footer)
        else:
            await self._answer(here, feed_ids, asker.guild.id)

    async def _reply_directly(self, here: Conversation) -> None:
        """In direct messages: within a second the answer, or how long it takes."""
        if here.wanted.want is Want.HELP:
            await here.say(_direct_help())
            return
        promise = asyncio.create_task(self._promise(here))
        try:
            known, unheard = await self.bot.courier.audience.read_by(here.message.author.id)
            note = await self.bot.others.unheard_note(unheard) if unheard else None
            server_id = next(iter(known.values()), 0)
            if not known:
                await here.say(static(nothing_shared()))
            else:
                self._admit(here, server_id)
                search = here.wanted.want is Want.SEARCH
                await (self._search if search else self._answer)(here, set(known), server_id)
        finally:
            promise.cancel()
        if note is not None:
            await here.message.channel.send(note)

    def _admit(self, here: Conversation, server_id: int) -> None:
        """Count a question, or a search, which is none. Raises `TooMany` for one too many."""
        person_id = here.message.author.id
        if here.wanted.want is Want.ANSWER:
            self._service.admit(here.wanted.text, person_id=person_id, server_id=server_id)
        else:
            self._service.admit_search(person_id=person_id)

    async def _promise(self, here: Conversation) -> None:
        await asyncio.sleep(SOON)
        await here.say(content=_patience(self._service.patience()), first=True)

    async def _search(self, here: Conversation, feed_ids: set[int], server_id: int, footer: str = "") -> None:
        newsroom = self.bot.newsroom
        query = parse(here.wanted.text, newsroom.clock.now(), await newsroom.zone(server_id))
        found = await self._service.search(query, feed_ids=feed_ids, limit=PAGE, counted=COUNTED)
        await here.say(await results(self.bot.store, query, found, feed_ids, footer))

    async def _answer(self, here: Conversation, feed_ids: set[int], server_id: int) -> None:
        message, place, wanted = here.message, here.place, here.wanted
        replying_to, before = question_places.replied_to(message), await self._before(here)
        article_id = None
        if replying_to is not None:
            guild_id = None if place is None else server_id
            article_id = await question_places.article_in(self.bot, replying_to, guild_id, wanted.text)
        if wanted.language is None and before is not None:  # "et IBM ?"
            locale.speak(before.language)
        asked = Asked(
            text=wanted.text,
            feed_ids=feed_ids,
            server_id=server_id,
            channel_id=message.channel.id,
            person_id=message.author.id,
            public=place is not None,
            article_id=article_id or await question_places.article_of_thread(self.bot, place, wanted.text),
            insists=article_id is not None if place is not None else replying_to is not None,
            follows=before,
            message_id=message.id,
            any_language=wanted.language is None and before is None,
        )
        async with AnswerDraft(here.say, self.bot.newsroom.clock, title=False) as hear:
            told = await self._service.answer(asked, hear)
        if place is None:
            told = replace(told, may_watch=False)  # a watch belongs to a server
        await here.say(reply(told, public=place is not None, title=False))
        if here.sent is not None:
            await self.bot.store.questions.answered_by(told.question_id, here.sent.id)

    def _wanted(self, message: discord.Message) -> Wanted:
        now, written, me = self.bot.newsroom.clock.now(), message.content.strip(), self.bot.user
        if message.guild is None:
            return mentions.wanted(written, now, addressed=True)
        if not isinstance(message.author, discord.Member):
            return Wanted(Want.NOTHING)
        if me not in message.mentions:
            # Discord hides from the bot what a message says that mentions only its role.
            by_role = bool(message.role_mentions) and message.guild.self_role in message.role_mentions
            return Wanted(Want.HELP if by_role else Want.NOTHING)
        assert me is not None
        mention = re.compile(rf"<@!?{me.id}>")
        # Somebody who only talks about the bot mentions it in the middle of a sentence.
        called = bool(mention.match(written) or re.search(rf"{mention.pattern}\W*\Z", written))
        said = _MARKUP.sub(" ", mention.sub(" ", written)).lstrip(" ,:;–—")
        return mentions.wanted(said, now, addressed=called)

    async def _before(self, here: Conversation) -> Question | None:
        """The question that a message follows: the one it replies to, else the last one there of late."""
        questions, channel_id = self.bot.store.questions, here.message.channel.id
        if (replying_to := question_places.replied_to(here.message)) is not None:
            return await questions.of_message(replying_to, channel_id)
        if here.place is None:
            since = self.bot.newsroom.clock.now() - DIRECT_MEMORY
            return await questions.last_of(here.message.author.id, channel_id, since)
        return (
            await question_places.last_in(self.bot, channel_id)
            if isinstance(here.place, discord.Thread)
            else None
        )

    def _may_speak(self, place: Place | None) -> bool:
        """Whether the bot can answer in a channel; where it cannot, that is logged once."""
        if place is None:
            return False
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


def _patience(seconds: int) -> str:
    return ngettext(
        "Looking… this takes about {seconds} second.", "Looking… this takes about {seconds} seconds.", seconds
    ).format(seconds=amount(seconds))


def _direct_help() -> discord.ui.LayoutView:
    lines = (
        _("Ask me about the news: “What happened with Signal?”"),
        _("I answer from the feeds you can see in the servers we share."),
        clickable(_("/bookmarks lists what you saved, /help everything else.")),
    )
    return tips(lines)


def _help(bot: Telex, *, by_role: bool) -> discord.ui.LayoutView:
    assert bot.user is not None
    example = _("What happened with Signal this week?")
    lines = (
        *([_("You mentioned my role, so I can’t see your message. Mention me instead.")] if by_role else []),
        _("Ask about this server’s news: {mention} {question}").format(
            mention=bot.user.mention, question=example
        ),
        _("To ask about an article, reply to its post with a question and keep the mention on."),
        _("To search: {mention} `search: signal since:7d`").format(mention=bot.user.mention),
        clickable(_("/ask answers only you, from every article you can see. /help lists the rest.")),
    )
    return tips(lines)
