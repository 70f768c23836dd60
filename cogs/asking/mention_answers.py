"""Messages that mention the bot, or reply to it: a question, a search, or a call for help."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Any

import discord

from bot.answers.conversing import mentions
from bot.answers.conversing.mentions import Want, Wanted
from bot.answers.conversing.question_service import Asked, QuestionService, TooMany
from bot.client.discord_client import Telex
from bot.client.error_answers import in_words
from bot.core import locale
from bot.core.locale import _, clickable
from bot.core.people_models import Question
from bot.posting.rendering.dispatch_rendering import language_of, spoken_in
from bot.posting.sending import permissions
from bot.posting.wording import declined_reasons
from bot.search.query.query_syntax import parse
from cogs.asking.answer_drafts import AnswerDraft
from cogs.asking.answer_views import reply, tips
from cogs.asking.question_places import (
    FOUND,
    Place,
    article_in,
    article_of_thread,
    last_in,
    nothing_readable,
    place_of,
    replied_to,
    shared_feed_ids,
)
from cogs.reading.result_pages import results

log = logging.getLogger(__name__)

_MOST_LOGGED = 10_000  # channels
_MARKUP = re.compile(r"<(?:@[!&]?|#|/[^:>]*:|a?:\w+:|t:)[-\w:]+>")


class Mentions:
    """Answers messages of servers that mention the bot."""

    def __init__(self, bot: Telex, service: QuestionService) -> None:
        self.bot = bot
        self._service = service
        self._mute: set[int] = set()  # channels in which the bot was found to have no say

    async def answer(self, message: discord.Message) -> None:
        assert message.guild is not None
        mentioned = self.bot.user in message.mentions
        by_role = bool(message.role_mentions) and message.guild.self_role in message.role_mentions
        if not (mentioned or by_role) or not isinstance(message.author, discord.Member):
            return
        place = place_of(message.channel)
        # Discord hides from the bot what a message says that mentions only its role.
        wanted = self._wanted(message) if mentioned else Wanted(Want.HELP)
        if place is None or wanted.want is Want.NOTHING or not self._may_speak(place):
            return
        locale.speak(wanted.language or await self._language(place))
        try:
            await self._reply(message, message.author, place, wanted)
        except TooMany as refusal:
            if not refusal.known:
                await self._send(message, place, content=declined_reasons.declined(refusal))
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            sentence = in_words(error, f"a mention in server {message.guild.id}")
            await self._send(message, place, content=sentence)

    async def _reply(
        self, message: discord.Message, asker: discord.Member, place: Place, wanted: Wanted
    ) -> None:
        self._service.admit(wanted.text, person_id=asker.id, server_id=asker.guild.id)
        if wanted.want is Want.HELP:
            await self._send(
                message, place, view=_help(self.bot, by_role=self.bot.user not in message.mentions)
            )
            return
        with contextlib.suppress(discord.HTTPException):
            await message.channel.typing()
        feed_ids = await shared_feed_ids(self.bot, asker, place)
        if not feed_ids:
            await self._send(message, place, view=await nothing_readable(self.bot, asker))
            return
        if wanted.want is Want.SEARCH:
            await self._search(message, place, wanted.text, feed_ids)
            return
        await self._answer(message, asker, place, wanted, feed_ids)

    async def _answer(
        self,
        message: discord.Message,
        asker: discord.Member,
        place: Place,
        wanted: Wanted,
        feed_ids: set[int],
    ) -> None:
        article_id = await self._article_of(message, place, wanted.text)
        before = await self._before(message, place)
        if wanted.language is None and before is not None:  # "et IBM ?"
            locale.speak(before.language)
        asked = Asked(
            text=wanted.text,
            feed_ids=feed_ids,
            server_id=asker.guild.id,
            channel_id=place.id,
            person_id=asker.id,
            public=True,
            article_id=article_id or await article_of_thread(self.bot, place, wanted.text),
            insists=article_id is not None,
            follows=before,
            message_id=message.id,
            any_language=wanted.language is None and before is None,
        )
        sent: discord.Message | None = None

        async def show(view: discord.ui.LayoutView) -> None:
            nonlocal sent
            sent = await self._send(message, place, sent, view=view)

        try:
            async with AnswerDraft(show, self.bot.newsroom.clock, title=False) as hear:
                told = await self._service.answer(asked, hear)
        except Exception:
            if sent is not None:
                with contextlib.suppress(discord.HTTPException):
                    await sent.delete()
            raise
        await show(reply(told, public=True, title=False))
        if sent is not None:
            await self.bot.store.questions.answered_by(told.question_id, sent.id)

    async def _search(self, message: discord.Message, place: Place, text: str, feed_ids: set[int]) -> None:
        newsroom = self.bot.newsroom
        query = parse(text, newsroom.clock.now(), await newsroom.zone(place.guild.id))
        found = await self._service.search(query, feed_ids=feed_ids, limit=FOUND)
        footer = clickable(_("From the feeds everybody here can see. /search shows you more."))
        await self._send(
            message, place, view=await results(self.bot.store, query.text, found, feed_ids, footer)
        )

    def _wanted(self, message: discord.Message) -> Wanted:
        assert self.bot.user is not None
        mention = re.compile(rf"<@!?{self.bot.user.id}>")
        written = message.content.strip()
        # Somebody who only talks about the bot mentions it in the middle of a sentence.
        called = bool(mention.match(written) or re.search(rf"{mention.pattern}\W*\Z", written))
        text = _MARKUP.sub(" ", mention.sub(" ", written)).lstrip(" ,:;–—")
        return mentions.wanted(text, self.bot.newsroom.clock.now(), addressed=called)

    async def _article_of(self, message: discord.Message, place: Place, text: str) -> int | None:
        """The article of the post that a message replies to; of a catch-up the one that is asked about."""
        replying_to = replied_to(message)
        return None if replying_to is None else await article_in(self.bot, replying_to, place, text)

    async def _before(self, message: discord.Message, place: Place) -> Question | None:
        """The question that a message follows: the one it replies to, else the last one in its thread."""
        replying_to = replied_to(message)
        if replying_to is not None:
            return await self.bot.store.questions.of_message(replying_to, place.id)
        return await last_in(self.bot, place.id) if isinstance(place, discord.Thread) else None

    async def _language(self, place: Place) -> str:
        store, language = self.bot.store, self.bot.newsroom.settings.language
        channel_id = await spoken_in(store, place)
        return await language_of(store, self.bot, place.guild.id, channel_id, language)

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

    async def _send(
        self,
        message: discord.Message,
        place: Place,
        sent: discord.Message | None = None,
        **content: Any,  # noqa: ANN401  # of a message
    ) -> discord.Message | None:
        """Reply to a message without pinging anybody, or edit the reply that was `sent`.

        None where Discord does not let the bot.
        """
        content = {name: value for name, value in content.items() if value is not None}
        if "read_message_history" not in permissions.lacking(place, required=False, history=True):
            content["reference"] = message.to_reference(fail_if_not_exists=False)
        try:
            if sent is not None:
                return await sent.edit(view=content["view"], allowed_mentions=discord.AllowedMentions.none())
            return await message.channel.send(
                **content, mention_author=False, allowed_mentions=discord.AllowedMentions.none()
            )
        except discord.HTTPException as error:
            self._log_mute(place, str(error))
            return None


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
        clickable(_("/ask answers just you, from every article you can see. /help has the rest.")),
    )
    return tips(lines)
