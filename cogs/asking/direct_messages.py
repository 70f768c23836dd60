"""Direct messages: questions answered from what a person can read in the servers they share with the bot."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import discord

from bot.answers.conversing import mentions
from bot.answers.conversing.mentions import Want
from bot.answers.conversing.question_service import DIRECT_MEMORY, Asked, QuestionService, TooMany, closest
from bot.client.discord_client import Telex, in_words
from bot.core import locale
from bot.core.locale import _, clickable
from bot.core.models import Question
from bot.posting.rendering import messages
from bot.posting.rendering.layout import views
from bot.posting.rendering.layout.blocks import text
from bot.posting.wording import declined_reasons
from bot.search.query.query_syntax import parse
from cogs.asking.answer_views import reply
from cogs.asking.question_places import FOUND, replied_to
from cogs.reading.result_pages import results
from cogs.reading.saving import post_of
from cogs.shared.membership import read_in_direct_messages


class DirectMessages:
    """Answers direct messages."""

    def __init__(self, bot: Telex, service: QuestionService) -> None:
        self.bot = bot
        self._service = service

    async def answer(self, message: discord.Message) -> None:
        """Answer a direct message from what the person can read in the servers they share with the bot."""
        person_id = message.author.id
        wanted = mentions.wanted(message.content.strip(), self.bot.newsroom.clock.now(), addressed=True)
        locale.speak(wanted.language or self.bot.newsroom.settings.language)
        if wanted.want is Want.NOTHING:
            return
        if wanted.want is Want.HELP:
            await self._send(message, embed=_help())
            return
        try:
            known = await read_in_direct_messages(self.bot, person_id)
            if not known:
                await self._send(message, view=unshared())
                return
            self._service.admit(wanted.text, person_id=person_id, server_id=next(iter(known.values())))
            with contextlib.suppress(discord.HTTPException):
                await message.channel.typing()
            if wanted.want is Want.SEARCH:
                query = parse(wanted.text, self.bot.newsroom.clock.now())
                found = await self._service.search(query, feed_ids=set(known), limit=FOUND)
                await self._send(message, view=await results(self.bot.store, query.text, found, set(known)))
                return
            replying_to = replied_to(message)
            told = await self._service.answer(
                Asked(
                    text=wanted.text,
                    feed_ids=set(known),
                    server_id=next(iter(known.values())),
                    channel_id=message.channel.id,
                    person_id=person_id,
                    public=False,
                    article_id=await self._article_of(replying_to, wanted.text),
                    insists=replying_to is not None,
                    follows=await self._before(message, replying_to),
                    message_id=message.id,
                )
            )
            told = replace(told, may_watch=False)  # a watch belongs to a server
            sent = await self._send(message, view=reply(told, public=False, title=False))
            if sent is not None:
                await self.bot.store.questions.answered_by(told.question_id, sent.id)
        except TooMany as refusal:
            if not refusal.known:
                await self._send(message, content=declined_reasons.declined(refusal))
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            await self._send(message, content=in_words(error, "a direct message"))

    async def _article_of(self, replying_to: int | None, text: str) -> int | None:
        """The article of the notice of a watch that a direct message replies to."""
        post = None if replying_to is None else await post_of(self.bot, replying_to, None)
        if post is None or not post.article_ids:
            return None
        article = closest(text, await self.bot.store.articles.by_ids(post.article_ids))
        return (
            post.article_ids[0] if article is None and len(post.article_ids) == 1 else article and article.id
        )

    async def _before(self, message: discord.Message, replying_to: int | None) -> Question | None:
        """The question that a direct message follows: the one it replies to, else the last one of late."""
        questions, channel_id = self.bot.store.questions, message.channel.id
        if replying_to is not None:
            return await questions.of_message(replying_to, channel_id)
        since = self.bot.newsroom.clock.now() - DIRECT_MEMORY
        return await questions.last_of(message.author.id, channel_id, since)

    async def _send(self, message: discord.Message, **content: Any) -> discord.Message | None:  # noqa: ANN401  # of a message
        """Answer a direct message; None where Discord does not let the bot."""
        try:
            return await message.channel.send(**content, allowed_mentions=discord.AllowedMentions.none())
        except discord.HTTPException:
            return None


def _help() -> discord.Embed:
    lines = (
        _("Ask me about the news, as in “What happened with Signal?”"),
        _("I answer from the feeds that you can read in the servers we share."),
        clickable(_("/bookmarks shows what you saved. /help tells the rest.")),
    )
    return discord.Embed(colour=messages.COLOUR, description="\n".join(f"• {line}" for line in lines))


def unshared() -> discord.ui.LayoutView:
    """What to say in direct messages to somebody who sees no feed."""
    title = _("Nothing to read yet")
    said = _("We don’t share a server where you can see a channel that follows a feed.")
    return views.static((text(f"### {title}\n{said}"),))
