"""Role mentions of posts and mention rules."""

from __future__ import annotations

from bot.core.models import MentionOutcome, PostMention
from bot.core.preferences import MentionRule
from bot.core.reasons import Reason, SendProblem
from bot.store import Store
from bot.store.records.outbox_records import RoleMentionCounts
from tests.support.samples import CHANNEL, SERVER, add_followed_feed, make_new_article, write_poll

AI, POLITICS, GONE = 501, 502, 503
EVERY_ROLE = {AI, POLITICS}


async def claim_new_post(store: Store, feed, name: str) -> int:
    await write_poll(store, feed, make_new_article(feed, name, published=store.clock.now()))
    dispatch = await store.dispatches.claim(CHANNEL)
    assert dispatch is not None
    return dispatch.id


async def mark_sent(store: Store, dispatch_id: int) -> None:
    await store.dispatches.mark_sent(dispatch_id, message_id=dispatch_id, thread_id=None, sent_at=store.clock.now())


async def test_role_is_mentioned_within_highest_limit_of_its_rules(store, clock):
    feed = await add_followed_feed(store)
    rules = [MentionRule(AI, "a", 1), MentionRule(AI, "b", 2), MentionRule(POLITICS, "c", 1), MentionRule(GONE, "d", 9)]

    async def decide(dispatch_id: int) -> tuple[int, ...]:
        return await store.post_mentions.decide(dispatch_id, rules, mentionable_role_ids=EVERY_ROLE)

    first_id = await claim_new_post(store, feed, "1")
    assert await decide(first_id) == (AI, POLITICS)
    assert await decide(first_id) == (AI, POLITICS)  # Another attempt takes nothing from the limit.
    assert (await store.dispatches.get(first_id)).mentioned_role_ids == (AI, POLITICS)
    await mark_sent(store, first_id)
    second_id = await claim_new_post(store, feed, "2")
    assert await decide(second_id) == (AI,)
    await store.dispatches.mark_failed(second_id, Reason(SendProblem.REFUSED))
    third_id = await claim_new_post(store, feed, "3")
    assert await decide(third_id) == (AI,)  # Posts that weren't sent don't count.
    await mark_sent(store, third_id)
    fourth_id = await claim_new_post(store, feed, "4")
    assert await decide(fourth_id) == ()
    await mark_sent(store, fourth_id)
    assert await store.post_mentions.count_recent([AI, POLITICS, 9]) == [
        RoleMentionCounts(AI, 2, 1),
        RoleMentionCounts(POLITICS, 1, 2),
    ]
    (status,) = await store.delivery_statuses.list_by_page_key(make_new_article(feed, "4").page_key)
    assert status.mentions == (
        PostMention(AI, "b", MentionOutcome.OVER_LIMIT),
        PostMention(POLITICS, "c", MentionOutcome.OVER_LIMIT),
        PostMention(GONE, "d", MentionOutcome.NOT_ALLOWED),
    )
    clock.advance(86_400)
    fifth_id = await claim_new_post(store, feed, "5")
    assert await decide(fifth_id) == (AI, POLITICS)
    assert await store.post_mentions.decide(fifth_id, [], mentionable_role_ids=()) == ()  # The rules were removed.
    assert (await store.dispatches.get(fifth_id)).mentioned_role_ids == ()


async def test_mention_rules_are_saved_replaced_limited_and_removed(store):
    place = {"server_id": SERVER, "channel_id": CHANNEL, "user_id": 8}
    rule = MentionRule(AI, "openai OR anthropic", 5)
    assert await store.mention_rules.save(rule, **place, limit=2)
    assert await store.mention_rules.save(rule._replace(daily_limit=7), **place, limit=2)
    assert await store.mention_rules.save(MentionRule(POLITICS, "vote", 1), **place, limit=2)
    assert not await store.mention_rules.save(MentionRule(GONE, "x", 1), **place, limit=2)
    assert await store.mention_rules.list_by_channel(CHANNEL) == [
        rule._replace(daily_limit=7),
        MentionRule(POLITICS, "vote", 1),
    ]
    assert await store.mention_rules.remove(rule, **place)
    assert not await store.mention_rules.remove(rule, **place)
    changes = await store.preferences.list_changes(SERVER, limit=9)
    values = [(change.old_value, change.new_value) for change in changes if change.setting == "mention_rule"]
    assert values == [
        (f"{AI} 7 openai OR anthropic", None),
        (None, f"{POLITICS} 1 vote"),
        (f"{AI} 5 openai OR anthropic", f"{AI} 7 openai OR anthropic"),
        (None, f"{AI} 5 openai OR anthropic"),
    ]
    await store.mention_rules.remove_by_role(POLITICS)
    assert await store.mention_rules.list_by_channel(CHANNEL) == []
