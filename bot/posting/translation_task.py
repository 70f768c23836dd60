"""Translation of articles in channels whose setting asks for posts in the channel's language.

A post never waits for the language model: it is sent as it is, and edited when its translation is ready. A
translation that exists before the post is sent, for instance from another channel, is used at once. A slow or
failing model therefore delays nothing, and late translations are not lost.
"""

from collections import defaultdict

from bot.posting.posting_context import PostingContext
from bot.posting.scheduled_task import ScheduledTask
from bot.writing.article_translator import ArticleTranslator
from bot.writing.model_client import FAILURE_PAUSE_SECONDS

MAX_POST_AGE_SECONDS = 86_400
"""Maximum age in seconds of a sent post that is still translated and edited."""
_LOOP_INTERVAL_SECONDS = 2.0
"""Time in seconds after all posts were translated until new ones are looked for."""


class TranslationTask(ScheduledTask):
    """Scheduled task that translates posts of this process's servers, in turn by server, newest first."""

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._translator = None if context.model_services is None else context.model_services.translator

    async def get_next_due_at(self) -> int | None:
        """Return 0 if there is a translator and a channel of this process has translation on, else None."""
        is_due = self._translator is not None and bool(await self._load_server_id_by_channel_id())
        return 0 if is_due else None

    async def run(self) -> float:
        """Translate the pending posts; return the seconds after which to check for more posts."""
        assert self._translator is not None  # else nothing is ever due
        is_done = await self._translate(self._translator, await self._load_server_id_by_channel_id())
        return _LOOP_INTERVAL_SECONDS if is_done else FAILURE_PAUSE_SECONDS

    async def _load_server_id_by_channel_id(self) -> dict[int, int]:
        """Map the ids of the channels of this process that have translation on to the ids of their servers."""
        return {
            channel_id: server_id
            for channel_id, server_id in await self._store.preferences.list_channels_to_translate()
            if self._store.shards.serves(server_id)
        }

    async def _translate(self, translator: ArticleTranslator, server_id_by_channel_id: dict[int, int]) -> bool:
        """Translate the pending posts for which there is quota; return False as soon as the model fails, else True.

        The servers take turns: first the newest post of each server, then the second newest.
        """
        language_by_channel_id = {
            channel_id: await self._context.post_languages.for_channel(server_id, channel_id)
            for channel_id, server_id in server_id_by_channel_id.items()
        }
        attempted_translations: set[tuple[int, str]] = set()
        while True:
            pending_translations = await self._store.generated_texts.list_pending_translations(
                language_by_channel_id, model=translator.model_id, since=self._clock.now() - MAX_POST_AGE_SECONDS
            )
            channel_ids_by_translation: dict[tuple[int, str], list[int]] = defaultdict(list)
            turn_by_translation: dict[tuple[int, str], int] = {}
            translation_count_by_server_id: dict[int, int] = defaultdict(int)
            for article_id, channel_id, language in pending_translations:
                channel_ids_by_translation[article_id, language].append(channel_id)
                turn_by_translation.setdefault(
                    (article_id, language), translation_count_by_server_id[server_id_by_channel_id[channel_id]]
                )
                translation_count_by_server_id[server_id_by_channel_id[channel_id]] += 1
            remaining_translations = sorted(
                channel_ids_by_translation.keys() - attempted_translations,
                key=lambda translation: turn_by_translation[translation],
            )
            if not remaining_translations:
                return True
            for article_id, language in remaining_translations:
                attempted_translations.add((article_id, language))
                channel_ids = channel_ids_by_translation[article_id, language]
                server_ids_with_quota = [
                    server_id_by_channel_id[channel_id]
                    for channel_id in channel_ids
                    if await translator.has_quota(server_id_by_channel_id[channel_id])
                ]
                article = await self._store.articles.get(article_id)
                if not server_ids_with_quota or article is None:
                    continue
                if not await translator.translate(
                    article, language, server_id=server_ids_with_quota[0], channel_ids=channel_ids
                ):
                    return False
                self._context.wake_relay()  # An edit may be due now.
