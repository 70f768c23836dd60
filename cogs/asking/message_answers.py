"""Answers to messages that mention the bot, reply to it or are sent to it directly."""

import asyncio
import contextlib
import logging
import re
from dataclasses import replace
from typing import Any

import discord

from bot.answers.conversing import message_intents
from bot.answers.conversing.message_intents import Intent, MessageIntent
from bot.answers.conversing.question_service import (
    DM_CONVERSATION_SECONDS,
    QuestionRequest,
    QuestionService,
    RateLimited,
)
from bot.client.discord_client import TelexBot
from bot.client.error_replies import user_message
from bot.core import i18n
from bot.core.i18n import _, format_number, linkify_commands, ngettext
from bot.core.user_models import Question
from bot.posting.rendering.layout.blocks import text
from bot.posting.rendering.layout.layout_views import static_view
from bot.posting.sending import permissions
from bot.search.query.query_parser import parse_query
from bot.store import LeaseLost
from cogs.asking import question_context
from cogs.asking.answer_drafts import StreamedAnswer
from cogs.asking.answer_views import answer_view, tips_view
from cogs.asking.question_context import GuildChannel
from cogs.reading.article_list_pages import COUNTED, PAGE_SIZE, no_shared_server_blocks
from cogs.reading.result_cards import results

log = logging.getLogger(__name__)

WAIT_NOTICE_DELAY_SECONDS = 0.7
"""Seconds after which the sender of a direct message is told how long the answer takes."""
_MAX_LOGGED_CHANNELS = 10_000
_MARKUP = re.compile(r"<(?:@[!&]?|#|/[^:>]*:|a?:\w+:|t:)[-\w:]+>")


class MessageReply:
    """The reply to one message for the bot, which is edited as it grows.

    `place` is None in direct messages.
    """

    def __init__(self, message: discord.Message, place: GuildChannel | None, wanted: MessageIntent) -> None:
        self.message, self.place, self.intent = message, place, wanted
        self.sent: discord.Message | None = None
        self.problem: str | None = None
        """Why Discord rejected the reply, or None."""
        self._send_lock = asyncio.Lock()

    async def send_or_edit(
        self,
        view: discord.ui.LayoutView | None = None,
        content: str | None = None,
        *,
        only_if_first: bool = False,
    ) -> None:
        """Send the reply or edit it, without mentions; with `only_if_first`, do not edit."""
        shown: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
        shown |= {} if view is None else {"view": view}
        async with self._send_lock:
            try:
                if self.sent is None:
                    shown |= {} if content is None else {"content": content}
                    if self.place is not None and not permissions.missing_permissions(
                        self.place, required=False, history=True
                    ):
                        shown["reference"] = self.message.to_reference(fail_if_not_exists=False)
                    self.sent = await self.message.channel.send(**shown, mention_author=False)
                elif not only_if_first:
                    self.sent = await self.sent.edit(content=content, **shown)
            except discord.HTTPException as error:
                self.sent, self.problem = None, str(error)
            except LeaseLost:  # The new owner of the shard answers.
                self.sent = None


class MessageResponder:
    """Replies to messages.

    In a server it answers mentions, from the feeds that everyone in the channel can read. In direct messages
    it answers from all feeds that the user can read in shared servers.
    """

    def __init__(self, bot: TelexBot, service: QuestionService) -> None:
        self.bot, self._service = bot, service
        self._unwritable_channels: set[int] = set()

    async def answer(self, message: discord.Message) -> None:
        """Answer a message if it is for the bot."""
        here = MessageReply(message, question_context.place_of(message.channel), self._detect_intent(message))
        if here.intent.intent is Intent.NOTHING or (
            message.guild is not None and not self._can_reply(here.place)
        ):
            return
        language = here.intent.language or self.bot.newsroom.settings.language
        if here.intent.language is None and here.place is not None:
            language = await self.bot.languages.for_place(here.place)
        i18n.set_language(language)
        try:
            await (self._reply_in_dm(here) if message.guild is None else self._reply(here))
        except LeaseLost:
            return
        except Exception as error:  # noqa: BLE001  # `user_message` logs it.
            if message.guild is not None and isinstance(error, RateLimited) and error.already_told:
                return
            where = "a direct message" if message.guild is None else f"a mention in server {message.guild.id}"
            sentence = user_message(error, where)
            if here.sent is None:
                await here.send_or_edit(content=sentence)
            else:
                await here.send_or_edit(static_view((text(sentence),)))
        if here.problem is not None and here.place is not None:
            self._log_unwritable(here.place, here.problem)

    async def _reply(self, here: MessageReply) -> None:
        asker, place, wanted = here.message.author, here.place, here.intent
        assert isinstance(asker, discord.Member)
        assert place is not None
        self._admit(here, asker.guild.id)
        if wanted.intent is Intent.HELP:
            await here.send_or_edit(_help(self.bot, by_role=self.bot.user not in here.message.mentions))
            return
        with contextlib.suppress(discord.HTTPException):
            await here.message.channel.typing()
        feed_ids = await question_context.feed_ids_readable_by_all_in(self.bot, asker, place)
        if not feed_ids:
            await here.send_or_edit(await question_context.no_feeds_view(self.bot, asker))
        elif wanted.intent is Intent.SEARCH:
            footer = linkify_commands(_("From the feeds everybody here can see. /search shows you more."))
            await self._search(here, feed_ids, asker.guild.id, footer)
        else:
            await self._answer(here, feed_ids, asker.guild.id)

    async def _reply_in_dm(self, here: MessageReply) -> None:
        """Reply in direct messages, with a notice of the wait if the answer takes longer."""
        if here.intent.intent is Intent.HELP:
            await here.send_or_edit(_direct_help())
            return
        promise = asyncio.create_task(self._send_wait_notice(here))
        try:
            known, unheard = await self.bot.courier.audience.feeds_readable_by(here.message.author.id)
            note = await self.bot.peer_servers.unreachable_servers_note(unheard) if unheard else None
            server_id = next(iter(known.values()), 0)
            if not known:
                await here.send_or_edit(static_view(no_shared_server_blocks()))
            else:
                self._admit(here, server_id)
                search = here.intent.intent is Intent.SEARCH
                await (self._search if search else self._answer)(here, set(known), server_id)
        finally:
            promise.cancel()
        if note is not None:
            await here.message.channel.send(note)

    def _admit(self, here: MessageReply, server_id: int) -> None:
        """Count a question or a search. Raise `RateLimited` if there were too many."""
        person_id = here.message.author.id
        if here.intent.intent is Intent.ANSWER:
            self._service.check_rate_limit(here.intent.text, person_id=person_id, server_id=server_id)
        else:
            self._service.admit_search(person_id=person_id)

    async def _send_wait_notice(self, here: MessageReply) -> None:
        await asyncio.sleep(WAIT_NOTICE_DELAY_SECONDS)
        await here.send_or_edit(
            content=_wait_notice(self._service.estimated_wait_seconds()), only_if_first=True
        )

    async def _search(self, here: MessageReply, feed_ids: set[int], server_id: int, footer: str = "") -> None:
        newsroom = self.bot.newsroom
        query = parse_query(here.intent.text, newsroom.clock.now(), await newsroom.time_zone_of(server_id))
        found = await self._service.search(query, feed_ids=feed_ids, limit=PAGE_SIZE, counted=COUNTED)
        await here.send_or_edit(await results(self.bot.store, query, found, feed_ids, footer))

    async def _answer(self, here: MessageReply, feed_ids: set[int], server_id: int) -> None:
        message, place, wanted = here.message, here.place, here.intent
        replying_to, before = (
            question_context.replied_message_id(message),
            await self._previous_question(here),
        )
        article_id = None
        if replying_to is not None:
            guild_id = None if place is None else server_id
            article_id = await question_context.article_of_message(
                self.bot, replying_to, guild_id, wanted.text
            )
        if wanted.language is None and before is not None:  # For example "et IBM ?"
            i18n.set_language(before.language)
        asked = QuestionRequest(
            text=wanted.text,
            feed_ids=feed_ids,
            server_id=server_id,
            channel_id=message.channel.id,
            person_id=message.author.id,
            public=place is not None,
            article_id=article_id or await question_context.article_of_thread(self.bot, place, wanted.text),
            is_article_explicit=article_id is not None if place is not None else replying_to is not None,
            previous=before,
            message_id=message.id,
            infer_language=wanted.language is None and before is None,
        )
        async with StreamedAnswer(here.send_or_edit, self.bot.newsroom.clock, title=False) as hear:
            told = await self._service.answer(asked, hear)
        if place is None:
            told = replace(told, can_watch=False)  # A watch belongs to a server.
        await here.send_or_edit(answer_view(told, public=place is not None, title=False))
        if here.sent is not None:
            await self.bot.store.questions.set_answer_message(told.question_id, here.sent.id)

    def _detect_intent(self, message: discord.Message) -> MessageIntent:
        now, written, me = self.bot.newsroom.clock.now(), message.content.strip(), self.bot.user
        if message.guild is None:
            return message_intents.detect_intent(written, now, addressed=True)
        if not isinstance(message.author, discord.Member):
            return MessageIntent(Intent.NOTHING)
        if me not in message.mentions:
            # Discord withholds the content of messages that mention only the bot's role.
            by_role = bool(message.role_mentions) and message.guild.self_role in message.role_mentions
            return MessageIntent(Intent.HELP if by_role else Intent.NOTHING)
        assert me is not None
        mention = re.compile(rf"<@!?{me.id}>")
        # A mention in the middle of a sentence speaks about the bot, not to it.
        called = bool(mention.match(written) or re.search(rf"{mention.pattern}\W*\Z", written))
        said = _MARKUP.sub(" ", mention.sub(" ", written)).lstrip(" ,:;–—")
        return message_intents.detect_intent(said, now, addressed=called)

    async def _previous_question(self, here: MessageReply) -> Question | None:
        """Return the question that a message replies to, or else the last recent one in that place."""
        questions, channel_id = self.bot.store.questions, here.message.channel.id
        if (replying_to := question_context.replied_message_id(here.message)) is not None:
            return await questions.by_message_id(replying_to, channel_id)
        if here.place is None:
            since = self.bot.newsroom.clock.now() - DM_CONVERSATION_SECONDS
            return await questions.last_by_user(here.message.author.id, channel_id, since)
        return (
            await question_context.last_question_in_thread(self.bot, channel_id)
            if isinstance(here.place, discord.Thread)
            else None
        )

    def _can_reply(self, place: GuildChannel | None) -> bool:
        """Return whether the bot can answer in a channel; log once per channel if not."""
        if place is None:
            return False
        lacking = permissions.missing_permissions(place)
        if not lacking:
            self._unwritable_channels.discard(place.id)
            return True
        self._log_unwritable(place, f"it lacks {', '.join(lacking)}")
        return False

    def _log_unwritable(self, place: GuildChannel, reason: str) -> None:
        if (
            place.id not in self._unwritable_channels
            and len(self._unwritable_channels) < _MAX_LOGGED_CHANNELS
        ):
            self._unwritable_channels.add(place.id)
            log.warning("question unanswered channel_id=%d reason=%s", place.id, reason)


def _wait_notice(seconds: int) -> str:
    return ngettext(
        "Looking… this takes about {seconds} second.", "Looking… this takes about {seconds} seconds.", seconds
    ).format(seconds=format_number(seconds))


def _direct_help() -> discord.ui.LayoutView:
    lines = (
        _("Ask me about the news: “What happened with Signal?”"),
        _("I answer from the feeds you can see in the servers we share."),
        linkify_commands(_("/bookmarks lists what you saved, /help everything else.")),
    )
    return tips_view(lines)


def _help(bot: TelexBot, *, by_role: bool) -> discord.ui.LayoutView:
    assert bot.user is not None
    example = _("What happened with Signal this week?")
    lines = (
        *([_("You mentioned my role, so I can’t see your message. Mention me instead.")] if by_role else []),
        _("Ask about this server’s news: {mention} {question}").format(
            mention=bot.user.mention, question=example
        ),
        _("To ask about an article, reply to its post with a question and keep the mention on."),
        _("To search: {mention} `search: signal since:7d`").format(mention=bot.user.mention),
        linkify_commands(_("/ask answers only you, from every article you can see. /help lists the rest.")),
    )
    return tips_view(lines)
