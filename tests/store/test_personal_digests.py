"""Personal digests and feeds of channels in the store."""

from __future__ import annotations

from bot.core.preferences import PersonalDigestPlan
from bot.core.reasons import Reason, SendProblem
from tests.support.samples import CHANNEL, SERVER, add_followed_feed, deliver_pending, make_new_article, write_poll

DIRECT, PERSON = 12, 21


async def test_personal_digest_is_enqueued_once_and_not_while_paused(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, *(make_new_article(feed, name, published=clock.now()) for name in "ab"))
    await deliver_pending(store)
    plan = PersonalDigestPlan(weekday=None, minute=480, topic_queries=("chips",))
    digests = store.personal_digests

    async def save(changed: PersonalDigestPlan = plan) -> None:
        await digests.save(changed, user_id=PERSON, channel_id=DIRECT, server_id=SERVER, language="fr")

    await save()
    digest = await digests.get_by_user(PERSON)
    assert (digest.plan, digest.language, digest.covered_until) == (plan, "fr", None)
    before = clock.now()
    clock.advance(digest.due_at - before)
    assert await digests.list_due(clock.now()) == [digest]
    since, until = before, clock.now() + 1
    all_candidates = await digests.gather_candidates([feed.id], None, (), since=since, until=until, user_id=0)
    article_id = all_candidates.candidates[0].article_id
    assert len(all_candidates.candidates) == 2
    topic_candidates = await digests.gather_candidates(
        [feed.id], (), (article_id,), since=since, until=until, user_id=0
    )
    assert [candidate.article_id for candidate in topic_candidates.candidates] == [article_id]
    payload = f'{{"since": {since}, "sections": []}}'
    assert await digests.enqueue_due(digest, payload, until=clock.now(), listed_article_ids=[article_id])
    # The next digest includes the period of this one if it is still pending.
    assert await digests.find_pending_period_start(DIRECT) == since
    assert not await digests.enqueue_due(digest, '{"sections": []}', until=clock.now(), listed_article_ids=[article_id])
    dispatch = await store.dispatches.claim(DIRECT)
    assert (dispatch.user_id, dispatch.server_id, dispatch.article_ids) == (PERSON, 0, (article_id,))
    assert await digests.find_pending_period_start(DIRECT) is None
    await digests.pause(PERSON)
    assert await digests.get_next_due_at() is None
    await save()
    await store.dispatches.block_channel(DIRECT, Reason(SendProblem.DMS_CLOSED), None)
    assert await digests.get_next_due_at() is None
    await save(PersonalDigestPlan(weekday=0, minute=0))
    assert await digests.get_next_due_at() is not None
    assert await digests.delete(PERSON)
    assert not await digests.delete(PERSON)


async def test_only_latest_token_gives_channel_feed(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "a", published=clock.now()))
    await deliver_pending(store)
    first, second = [
        await store.channel_feeds.create_token(server_id=SERVER, channel_id=CHANNEL, user_id=PERSON) for _ in range(2)
    ]
    assert await store.channel_feeds.get_by_token(first) is None
    shared = await store.channel_feeds.get_by_token(second)
    assert (shared.server_id, shared.channel_id) == (SERVER, CHANNEL)
    assert len(await store.channel_feeds.list_posted_articles(CHANNEL, 50)) == 1
    assert await store.channel_feeds.list_digests(CHANNEL, 10) == []
    assert await store.channel_feeds.revoke_token(server_id=SERVER, channel_id=CHANNEL, user_id=PERSON)
    assert await store.channel_feeds.get_by_token(second) is None
