"""Translating what channels post that want it in their language: a task while there is something to do.

A post never waits for the model. It is sent as it is, and edited once its translation is there; where that
was written before the post's turn came, or for another channel, it is sent translated. So a slow model, or
one that is down, costs nobody a minute, and what it writes late is not lost.
"""

from collections import defaultdict

from bot.posting.due_task import DueTask
from bot.posting.posting_context import PostingContext
from bot.writing.model_client import PAUSE
from bot.writing.translations import Translations

WITHIN = 86_400
"""Seconds after a post was sent in which it is still translated."""
_BETWEEN = 2  # seconds between two looks for work


class Translating(DueTask):
    """The translations of the channels of our servers, the newest post of each before the second of any."""

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._translations = None if context.writing is None else context.writing.translations
        self._is_asked_for = False

    async def start(self, now: int) -> None:
        """Begin where there may be work and it was not begun."""
        if self._translations is None or self.task is not None:
            return
        if now < self._rests_until:
            self._is_asked_for = True
            return
        self._is_asked_for = False
        channels = await self._store.preferences.translating()
        ours = {channel: server for channel, server in channels if self._store.shards.has(server)}
        if ours:
            self._rests_until = now + _BETWEEN
            self._begin(self._translate(self._translations, ours))

    async def _due(self) -> int | None:
        return self._rests_until if self._is_asked_for else None

    async def _translate(self, translations: Translations, servers: dict[int, int]) -> None:
        languages = {
            channel: await self._context.languages.of(server, channel) for channel, server in servers.items()
        }
        done: set[tuple[int, str]] = set()
        while True:
            found = await self._store.written_texts.untranslated(
                languages, model=translations.model, since=self._clock.now() - WITHIN
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
                rooms = [servers[one] for one in channel_ids if await translations.has_room(servers[one])]
                article = await self._store.articles.get(article_id)
                if not rooms or article is None:
                    continue
                if not await translations.write(
                    article, language, server_id=rooms[0], channel_ids=channel_ids
                ):
                    self._rests_until = self._clock.now() + PAUSE
                    self._is_asked_for = True
                    return
                self._context.wake()  # an edit may be due
