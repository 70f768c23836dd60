"""What all that posts works with."""

import asyncio
from dataclasses import dataclass, field

import discord

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.core.workers import Workers
from bot.posting.audience import Audience
from bot.posting.post_languages import PostLanguages
from bot.posting.recovery.restored_backup import Restored
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.search.index.index_follower import IndexFollower
from bot.store import Store
from bot.stories.known_tastes import Tastes
from bot.writing.writing_desk import WritingDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingContext:
    """Of one process."""

    store: Store
    client: discord.Client
    settings: Settings
    workers: Workers
    tastes: Tastes
    index: IndexFollower
    writing: WritingDesk | None
    webhooks: ChannelWebhooks
    languages: PostLanguages
    audience: Audience
    restored: Restored
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def clock(self) -> Clock:
        """That of the store."""
        return self.store.clock

    def wake(self) -> None:
        """Let the courier look at the outbox now: something may be owed."""
        self.woken.set()
