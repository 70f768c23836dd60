"""Direct messages: questions answered from what a person can read in the servers they share with the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import discord

from bot.answers.conversing import mentions
from bot.answers.conversing.mentions import Want, Wanted
from bot.answers.conversing.question_service import DIRECT_MEMORY, Asked, QuestionService, closest
from bot.client.discord_client import Telex
from bot.client.error_answers import in_words
from bot.core import locale
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.people_models import Question
from bot.posting.rendering.layout.blocks import text
from bot.posting.rendering.layout.layout_views import static
from bot.search.query.query_syntax import parse
from cogs.asking.answer_drafts import AnswerDraft
from cogs.asking.answer_views import reply, tips
from cogs.asking.question_places import FOUND, replied_to
from cogs.reading.article_list_pages import nothing_shared
from cogs.reading.result_pages import results
from cogs.reading.saving import post_of

SOON = 0.7
"""Seconds after which somebody is told how long their answer takes."""


class Ready(NamedTuple):
    """A message that answers, the id of the question as it is kept, if it is one, and what is left out."""

    view: discord.ui.LayoutView
    question_id: int | None = None
    note: str | None = None


class DirectMessages:
    """Answers direct messages."""

    def __init__(self, bot: Telex, service: QuestionService) -> None:
        self.bot = bot
        self._service = service

    async def answer(self, message: discord.Message) -> None:
        """Answer a direct message, or say within a second how long that takes."""
        wanted = mentions.wanted(message.content.strip(), self.bot.newsroom.clock.now(), addressed=True)
        locale.speak(wanted.language or self.bot.newsroom.settings.language)
        if wanted.want is Want.NOTHING:
            return
        if wanted.want is Want.HELP:
            await self._send(message, view=_help())
            return
        sent: discord.Message | None = None
        sending = asyncio.Lock()

        async def show(view: discord.ui.LayoutView) -> None:
            nonlocal sent
            async with sending:
                sent = await self._send(message, sent, view=view)

        work = asyncio.create_task(self._work(message, wanted, show))
        try:
            await asyncio.wait({work}, timeout=SOON)
            async with sending:
                if sent is None and not work.done():
                    sent = await self._send(message, content=_patience(self._service.patience()))
            ready = await work
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and it is logged
            ready = Ready(static((text(in_words(error, "a direct message")),)))
        finally:
            work.cancel()
        await show(ready.view)
        if ready.note is not None:
            await message.channel.send(ready.note)
        if sent is not None and ready.question_id is not None:
            await self.bot.store.questions.answered_by(ready.question_id, sent.id)

    async def _work(
        self,
        message: discord.Message,
        wanted: Wanted,
        show: Callable[[discord.ui.LayoutView], Awaitable[None]],
    ) -> Ready:
        """The answer, from what the person can read in the servers they share with the bot.

        While it is being written, it is shown with `show`.
        """
        person_id = message.author.id
        known, unheard = await self.bot.courier.audience.read_by(person_id)
        note = await self.bot.others.unheard_note(unheard) if unheard else None
        if not known:
            return Ready(unshared(), note=note)
        server_id = next(iter(known.values()))
        self._service.admit(wanted.text, person_id=person_id, server_id=server_id)
        if wanted.want is Want.SEARCH:
            query = parse(wanted.text, self.bot.newsroom.clock.now())
            found = await self._service.search(query, feed_ids=set(known), limit=FOUND)
            return Ready(await results(self.bot.store, query.text, found, set(known)), note=note)
        replying_to = replied_to(message)
        before = await self._before(message, replying_to)
        if wanted.language is None and before is not None:
            locale.speak(before.language)
        asked = Asked(
            text=wanted.text,
            feed_ids=set(known),
            server_id=server_id,
            channel_id=message.channel.id,
            person_id=person_id,
            public=False,
            article_id=await self._article_of(replying_to, wanted.text),
            insists=replying_to is not None,
            follows=before,
            message_id=message.id,
            any_language=wanted.language is None and before is None,
        )
        async with AnswerDraft(show, self.bot.newsroom.clock, title=False) as hear:
            told = await self._service.answer(asked, hear)
        told = replace(told, may_watch=False)  # a watch belongs to a server
        return Ready(reply(told, public=False, title=False), told.question_id, note)

    async def _article_of(self, replying_to: int | None, text: str) -> int | None:
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

    async def _send(
        self,
        message: discord.Message,
        notice: discord.Message | None = None,
        **content: Any,  # noqa: ANN401  # of a message
    ) -> discord.Message | None:
        """Answer a direct message, in place of a notice if there is one; None where Discord refuses."""
        nobody = discord.AllowedMentions.none()
        try:
            if notice is not None:
                return await notice.edit(content=None, allowed_mentions=nobody, **content)
            return await message.channel.send(**content, allowed_mentions=nobody)
        except discord.HTTPException:
            return None


def _patience(seconds: int) -> str:
    return ngettext(
        "Looking… this takes about {seconds} second.", "Looking… this takes about {seconds} seconds.", seconds
    ).format(seconds=amount(seconds))


def _help() -> discord.ui.LayoutView:
    lines = (
        _("Ask me about the news: “What happened with Signal?”"),
        _("I answer from the feeds you can see in the servers we share."),
        clickable(_("/bookmarks has what you saved, /help everything else.")),
    )
    return tips(lines)


def unshared() -> discord.ui.LayoutView:
    """What to say in direct messages to somebody who sees no feed."""
    return static(nothing_shared())
