"""Answers to messages that mention the bot, reply to it or are sent to it directly."""

import asyncio
import contextlib
import logging
import re
from dataclasses import replace
from typing import Any

import discord

from bot.answers.conversing import message_intents
from bot.answers.conversing.message_intents import MessageIntent, MessageKind
from bot.answers.conversing.question_limits import RateLimited
from bot.answers.conversing.question_service import (
    DM_CONVERSATION_SECONDS,
    QuestionRequest,
    QuestionService,
)
from bot.client.discord_client import TelexBot
from bot.client.error_replies import build_error_sentence
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.core.user_models import Question, saved_pages_feed_id
from bot.posting.rendering.layout.blocks import text_block
from bot.posting.rendering.layout.layout_views import build_static_view
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.search.query.query_parser import parse_query
from bot.store import LeaseLost
from cogs.asking import question_context
from cogs.asking.answer_views import answer_view, tips_view
from cogs.asking.question_context import GuildChannel
from cogs.asking.writing_notice import WritingNotice
from cogs.reading.article_list_pages import MAX_COUNTED_ARTICLES, PAGE_SIZE, no_shared_server_blocks
from cogs.reading.result_pages import make_results_view

log = logging.getLogger(__name__)

WAIT_NOTICE_DELAY_SECONDS = 0.7
"""Time in seconds after which the sender of a direct message is told how long the answer takes."""
_MAX_LOGGED_CHANNELS = 10_000
"""Maximum number of channels where the bot cannot reply that are remembered, so that each is logged once."""
_DISCORD_MARKUP_PATTERN = re.compile(r"<(?:@[!&]?|#|/[^:>]*:|a?:\w+:|t:)[-\w:]+>")
"""Pattern of mentions, custom emoji, timestamps and command links in the text of a message."""


class MessageReply:
    """Reply to a message for the bot: perhaps first a notice to wait, which is then edited into the answer.

    `server_channel` is the channel or thread of the message, or None in direct messages. `intent` is what the
    message asks for: an answer, a search or help.
    """

    def __init__(self, message: discord.Message, server_channel: GuildChannel | None, intent: MessageIntent) -> None:
        self.message, self.server_channel, self.intent = message, server_channel, intent
        self.sent_message: discord.Message | None = None
        self.send_error: str | None = None
        """Reason why Discord rejected the reply, or None if it did not."""
        self._send_lock = asyncio.Lock()

    async def send_or_edit(
        self,
        view: discord.ui.LayoutView | None = None,
        content: str | None = None,
        *,
        only_if_first: bool = False,
    ) -> None:
        """Send the reply or, if it was sent before, edit it; nobody is mentioned.

        With `only_if_first`, a reply that was sent before is not edited.
        """
        send_kwargs: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
        send_kwargs |= {} if view is None else {"view": view}
        async with self._send_lock:
            try:
                if self.sent_message is None:
                    send_kwargs |= {} if content is None else {"content": content}
                    if self.server_channel is not None and not permissions.find_missing_permissions(
                        self.server_channel, check_required=False, check_history=True
                    ):
                        send_kwargs["reference"] = self.message.to_reference(fail_if_not_exists=False)
                    self.sent_message = await self.message.channel.send(**send_kwargs, mention_author=False)
                elif not only_if_first:
                    self.sent_message = await self.sent_message.edit(content=content, **send_kwargs)
            except discord.HTTPException as error:
                self.sent_message, self.send_error = None, str(error)
            except LeaseLost:  # The new owner of the shard answers.
                self.sent_message = None


class MessageResponder:
    """Responder to messages for the bot.

    In a server it answers messages that mention the bot, from the feeds that everyone in the channel can read; to a
    message that only mentions the bot's role it replies with help. In direct messages it answers from all feeds that
    the user can read in shared servers.
    """

    def __init__(self, bot: TelexBot, question_service: QuestionService) -> None:
        self.bot, self._question_service = bot, question_service
        self._unwritable_channel_ids: set[int] = set()

    async def answer(self, message: discord.Message) -> None:
        """Answer a message if it is meant for the bot."""
        message_reply = MessageReply(
            message, question_context.as_server_channel(message.channel), self._detect_intent(message)
        )
        if message_reply.intent.kind is MessageKind.NOTHING or (
            message.guild is not None and not self._can_reply(message_reply.server_channel)
        ):
            return
        language = message_reply.intent.language or self.bot.services.settings.language
        if message_reply.intent.language is None and message_reply.server_channel is not None:
            language = await self.bot.languages.for_discord_channel(message_reply.server_channel)
        i18n.set_language(language)
        try:
            await (self._reply_in_dm(message_reply) if message.guild is None else self._reply_in_server(message_reply))
        except LeaseLost:
            return
        except Exception as error:  # noqa: BLE001  # `build_error_sentence` logs it.
            if message.guild is not None and isinstance(error, RateLimited) and error.was_notified:
                return
            request_origin = "a direct message" if message.guild is None else f"a mention in server {message.guild.id}"
            sentence = build_error_sentence(error, request_origin)
            if message_reply.sent_message is None:
                await message_reply.send_or_edit(content=sentence)
            else:
                await message_reply.send_or_edit(build_static_view((text_block(sentence),)))
        if message_reply.send_error is not None and message_reply.server_channel is not None:
            self._log_unwritable_channel(message_reply.server_channel, message_reply.send_error)

    async def _reply_in_server(self, message_reply: MessageReply) -> None:
        member, server_channel, intent = (
            message_reply.message.author,
            message_reply.server_channel,
            message_reply.intent,
        )
        assert isinstance(member, discord.Member)
        assert server_channel is not None
        await self._admit_request(message_reply, member.guild.id)
        if intent.kind is MessageKind.HELP:
            await message_reply.send_or_edit(
                _mention_help_view(self.bot, is_role_mention=self.bot.user not in message_reply.message.mentions)
            )
            return
        with contextlib.suppress(*DISCORD_ERRORS):
            await message_reply.message.channel.typing()
        feed_ids = await question_context.load_feed_ids_readable_by_all(self.bot, member, server_channel)
        if not feed_ids:
            await message_reply.send_or_edit(await question_context.make_no_feeds_view(self.bot, member))
        elif intent.kind is MessageKind.SEARCH:
            footer_text = linkify_commands(_("From the feeds everybody here can see. /search shows you more."))
            await self._search(message_reply, feed_ids, member.guild.id, footer_text)
        else:
            await self._answer(message_reply, feed_ids, member.guild.id)

    async def _reply_in_dm(self, message_reply: MessageReply) -> None:
        """Reply to a direct message; if the answer takes longer, say first that it is being looked for."""
        if message_reply.intent.kind is MessageKind.HELP:
            await message_reply.send_or_edit(_dm_help_view())
            return
        wait_notice_task = asyncio.create_task(self._send_wait_notice(message_reply))
        try:
            (
                server_id_by_feed_id,
                unreachable_server_ids,
            ) = await self.bot.outbox_relay.audience.find_feeds_readable_by(message_reply.message.author.id)
            unreachable_note = (
                await self.bot.peer_servers.build_unreachable_servers_note(unreachable_server_ids)
                if unreachable_server_ids
                else None
            )
            server_id = next(iter(server_id_by_feed_id.values()), 0)
            if not server_id_by_feed_id:
                await message_reply.send_or_edit(build_static_view(no_shared_server_blocks()))
            else:
                await self._admit_request(message_reply, server_id)
                is_search = message_reply.intent.kind is MessageKind.SEARCH
                await (self._search if is_search else self._answer)(message_reply, set(server_id_by_feed_id), server_id)
        finally:
            wait_notice_task.cancel()
        if unreachable_note is not None:
            await message_reply.message.channel.send(unreachable_note)

    async def _admit_request(self, message_reply: MessageReply, server_id: int) -> None:
        """Count a question or a search towards the rate limits.

        Raises `RateLimited` if there are too many questions or searches, `UnderMaintenance` during maintenance.
        """
        user_id = message_reply.message.author.id
        if message_reply.intent.kind is MessageKind.ANSWER:
            self._question_service.limiter.admit_question(
                message_reply.intent.text, user_id=user_id, server_id=server_id
            )
        else:
            self._question_service.limiter.admit_search(user_id=user_id)
        await self.bot.require_no_maintenance(message_reply.message.author)

    async def _send_wait_notice(self, message_reply: MessageReply) -> None:
        await asyncio.sleep(WAIT_NOTICE_DELAY_SECONDS)
        with contextlib.suppress(*DISCORD_ERRORS):
            await message_reply.send_or_edit(content=_("Looking…"), only_if_first=True)

    async def _search(
        self, message_reply: MessageReply, feed_ids: set[int], server_id: int, footer_text: str = ""
    ) -> None:
        services = self.bot.services
        query = parse_query(message_reply.intent.text, services.clock.now(), await services.load_time_zone(server_id))
        search_page = await self._question_service.search(
            query, server_id=server_id, feed_ids=feed_ids, limit=PAGE_SIZE, count_up_to=MAX_COUNTED_ARTICLES
        )
        await message_reply.send_or_edit(
            await make_results_view(self.bot.store, query, search_page, feed_ids, footer_text)
        )

    async def _answer(self, message_reply: MessageReply, feed_ids: set[int], server_id: int) -> None:
        message, server_channel, intent = message_reply.message, message_reply.server_channel, message_reply.intent
        replied_message_id, previous_question = (
            question_context.get_replied_message_id(message),
            await self._find_previous_question(message_reply),
        )
        article_id = None
        if replied_message_id is not None:
            message_server_id = None if server_channel is None else server_id
            article_id = await question_context.find_message_article_id(
                self.bot, replied_message_id, message_server_id, intent.text
            )
        if server_channel is None:
            feed_ids = {*feed_ids, saved_pages_feed_id(message.author.id)}
        if intent.language is None and previous_question is not None:  # For example "et IBM ?"
            i18n.set_language(previous_question.language)
        request = QuestionRequest(
            text=intent.text,
            feed_ids=feed_ids,
            server_id=server_id,
            channel_id=message.channel.id,
            user_id=message.author.id,
            is_public=server_channel is not None,
            article_id=article_id
            or await question_context.find_thread_article_id(self.bot, server_channel, intent.text),
            is_article_explicit=article_id is not None
            if server_channel is not None
            else replied_message_id is not None,
            previous_question=previous_question,
            message_id=message.id,
            infer_language=intent.language is None and previous_question is None,
        )
        async with WritingNotice(message_reply.send_or_edit) as on_writing:
            question_reply = await self._question_service.answer(request, on_writing)
        if server_channel is None:
            question_reply = replace(question_reply, can_watch=False)  # A watch belongs to a server.
        await message_reply.send_or_edit(
            answer_view(question_reply, is_public=server_channel is not None, shows_title=False)
        )
        if message_reply.sent_message is not None:
            await self.bot.store.questions.set_answer_message(question_reply.question_id, message_reply.sent_message.id)

    def _detect_intent(self, message: discord.Message) -> MessageIntent:
        now, message_text, bot_user = self.bot.services.clock.now(), message.content.strip(), self.bot.user
        if message.guild is None:
            return message_intents.detect_intent(message_text, now, is_addressed=True)
        if not isinstance(message.author, discord.Member):
            return MessageIntent(MessageKind.NOTHING)
        if bot_user not in message.mentions:
            # Discord withholds the content of messages that mention only the bot's role.
            is_role_mention = bool(message.role_mentions) and message.guild.self_role in message.role_mentions
            return MessageIntent(MessageKind.HELP if is_role_mention else MessageKind.NOTHING)
        assert bot_user is not None
        mention_pattern = re.compile(rf"<@!?{bot_user.id}>")
        # A mention in the middle of a sentence speaks about the bot, not to it.
        is_addressed = bool(
            mention_pattern.match(message_text) or re.search(rf"{mention_pattern.pattern}\W*\Z", message_text)
        )
        request_text = _DISCORD_MARKUP_PATTERN.sub(" ", mention_pattern.sub(" ", message_text)).lstrip(" ,:;–—")
        return message_intents.detect_intent(request_text, now, is_addressed=is_addressed)

    async def _find_previous_question(self, message_reply: MessageReply) -> Question | None:
        """Return the previous question of the conversation that a message continues, or None if it begins one.

        That is the question whose answer the message replies to. Without a reply, it is the last question in the
        direct messages or the thread, if that is recent.
        """
        questions, channel_id = self.bot.store.questions, message_reply.message.channel.id
        if (replied_message_id := question_context.get_replied_message_id(message_reply.message)) is not None:
            return await questions.get_by_message_id(replied_message_id, channel_id)
        if message_reply.server_channel is None:
            asked_since = self.bot.services.clock.now() - DM_CONVERSATION_SECONDS
            return await questions.find_last_by_user(message_reply.message.author.id, channel_id, asked_since)
        return (
            await question_context.find_last_thread_question(self.bot, channel_id)
            if isinstance(message_reply.server_channel, discord.Thread)
            else None
        )

    def _can_reply(self, server_channel: GuildChannel | None) -> bool:
        """Return whether the bot can answer in a channel; if not, log that once per channel."""
        if server_channel is None:
            return False
        missing_permissions = permissions.find_missing_permissions(server_channel)
        if not missing_permissions:
            self._unwritable_channel_ids.discard(server_channel.id)
            return True
        self._log_unwritable_channel(server_channel, f"it lacks {', '.join(missing_permissions)}")
        return False

    def _log_unwritable_channel(self, server_channel: GuildChannel, reason: str) -> None:
        if (
            server_channel.id not in self._unwritable_channel_ids
            and len(self._unwritable_channel_ids) < _MAX_LOGGED_CHANNELS
        ):
            self._unwritable_channel_ids.add(server_channel.id)
            log.warning("question unanswered channel_id=%d reason=%s", server_channel.id, reason)


def _dm_help_view() -> discord.ui.LayoutView:
    tip_texts = (
        _("Ask me about the news: “What happened with Signal?”"),
        _("I answer from the feeds you can see in the servers we share."),
        linkify_commands(_("/bookmarks lists what you saved, /help everything else.")),
    )
    return tips_view(tip_texts)


def _mention_help_view(bot: TelexBot, *, is_role_mention: bool) -> discord.ui.LayoutView:
    assert bot.user is not None
    example_question = _("What happened with Signal this week?")
    tip_texts = (
        *([_("You mentioned my role, so I can’t see your message. Mention me instead.")] if is_role_mention else []),
        _("Ask about this server’s news: {mention} {question}").format(
            mention=bot.user.mention, question=example_question
        ),
        _("To ask about an article, reply to its post with a question and keep the mention on."),
        _("To search: {mention} `search: signal since:7d`").format(mention=bot.user.mention),
        linkify_commands(_("/ask answers only you, from every article you can see. /help lists the rest.")),
    )
    return tips_view(tip_texts)
