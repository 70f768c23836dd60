"""Translate the articles of channels that want them in their own language.

A post never waits for the model: it is sent as it is, and edited when its translation is ready. A translation
that exists before the post is sent, for instance from another channel, is used at once. A slow or failing
model therefore delays nothing, and late translations are not lost.
"""

from collections import defaultdict

from bot.posting.posting_context import PostingContext
from bot.posting.scheduled_task import ScheduledTask
from bot.writing.article_translator import ArticleTranslator
from bot.writing.model_client import FAILURE_PAUSE_SECONDS

MAX_POST_AGE_SECONDS = 86_400
"""Maximum age in seconds of a sent post that is still translated."""
_LOOP_INTERVAL_SECONDS = 2


class TranslationTask(ScheduledTask):
    """Translates posts for the servers of this process, round-robin by server, newest posts first."""

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._translations = None if context.model_services is None else context.model_services.translator
        self._has_deferred_work = False

    async def start_if_due(self, now: int) -> None:
        """Start the task if a channel of this process wants translations and it is not running.

        Raises StoreError.
        """
        if self._translations is None or self.task is not None:
            return
        if now < self._paused_until:
            self._has_deferred_work = True
            return
        self._has_deferred_work = False
        channels = await self._store.preferences.channels_to_translate()
        ours = {channel: server for channel, server in channels if self._store.shards.serves(server)}
        if ours:
            self._paused_until = now + _LOOP_INTERVAL_SECONDS
            self._start(self._translate(self._translations, ours))

    async def _next_due(self) -> int | None:
        return self._paused_until if self._has_deferred_work else None

    async def _translate(self, translations: ArticleTranslator, servers: dict[int, int]) -> None:
        languages = {
            channel: await self._context.languages.for_channel(server, channel)
            for channel, server in servers.items()
        }
        done: set[tuple[int, str]] = set()
        while True:
            found = await self._store.written_texts.pending_translations(
                languages, model=translations.model, since=self._clock.now() - MAX_POST_AGE_SECONDS
            )
            wanted: dict[tuple[int, str], list[int]] = defaultdict(list)
            turns: dict[tuple[int, str], int] = {}
            seen: dict[int, int] = defaultdict(int)
            for article_id, channel_id, language in found:
                wanted[article_id, language].append(channel_id)
                turns.setdefault((article_id, language), seen[servers[channel_id]])
                seen[servers[channel_id]] += 1
            left = sorted(wanted.keys() - done, key=lambda each: turns[each])
            if not left:
                return
            for article_id, language in left:
                done.add((article_id, language))
                channel_ids = wanted[article_id, language]
                rooms = [servers[one] for one in channel_ids if await translations.has_quota(servers[one])]
                article = await self._store.articles.get(article_id)
                if not rooms or article is None:
                    continue
                if not await translations.translate(
                    article, language, server_id=rooms[0], channel_ids=channel_ids
                ):
                    self._paused_until = self._clock.now() + FAILURE_PAUSE_SECONDS
                    self._has_deferred_work = True
                    return
                self._context.wake()  # An edit may be due now.
