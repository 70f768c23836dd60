"""Questions and votes in the store."""

from __future__ import annotations

from typing import Any

from bot.store import Store
from tests.support.samples import SERVER, make_new_article, write_poll

ANNA, BEN = 11, 12


async def add_question(store: Store, text: str = "Who bought Slack?", **changes: Any) -> int:
    field_values: dict[str, Any] = {
        "server_id": SERVER,
        "channel_id": 2,
        "user_id": ANNA,
        "text": text,
        "language": "en",
        "is_public": True,
        "is_answered": True,
    }
    return await store.questions.add(**field_values | changes)


async def test_question_is_stored_with_place_and_previous_question(store, feed, clock):
    (article,) = (await write_poll(store, feed, make_new_article(feed, "a"))).new_article_ids
    first = await add_question(store)
    second = await add_question(
        store, "And when?", article_id=article, previous_question_id=first, is_answered=False, message_id=7
    )
    question = await store.questions.get(second)
    assert (question.text, question.asked_at, question.user_id) == ("And when?", clock.now(), ANNA)
    assert (question.previous_question_id, question.article_id, question.is_answered) == (first, article, False)


async def test_question_about_missing_article_is_stored(store):
    question = await store.questions.get(await add_question(store, article_id=99, previous_question_id=98))
    assert (question.article_id, question.previous_question_id) == (None, None)


async def test_question_is_found_by_message_in_its_channel_only(store):
    question = await add_question(store, message_id=7)
    await store.questions.set_answer_message(question, 8)
    for message in (7, 8):
        question_record = await store.questions.get_by_message_id(message, 2)
        assert question_record.id == question
        assert await store.questions.get_by_message_id(message, 3) is None
    assert await store.questions.get_by_message_id(9, 2) is None


async def test_last_question_of_channel_is_public_and_recent(store, clock):
    assert await store.questions.find_last_public(2, 0) is None
    await add_question(store, "First?", message_id=1)
    clock.advance(10)
    await add_question(store, "Mine alone?", is_public=False)
    await add_question(store, "Elsewhere?", channel_id=3)
    last = await store.questions.find_last_public(2, 0)
    assert last.text == "First?"
    assert await store.questions.find_last_public(2, clock.now()) is None


async def test_vote_counts_once_and_can_be_changed_or_removed(store):
    question = await add_question(store)
    vote = store.questions.vote
    assert await vote(question, ANNA, is_helpful=True) is True
    assert await vote(question, BEN, is_helpful=False) is False
    assert await vote(question, ANNA, is_helpful=False) is False
    (tally,) = await store.questions.load_stats(0)
    assert (tally.helpful_count, tally.unhelpful_count) == (0, 2)
    assert await vote(question, BEN, is_helpful=False) is None
    (tally,) = await store.questions.load_stats(0)
    assert (tally.helpful_count, tally.unhelpful_count) == (0, 1)


async def test_vote_on_missing_question_is_not_stored(store):
    await store.questions.vote(123, ANNA, is_helpful=True)
    assert await store.questions.list_votes_by_user(ANNA) == []


async def test_same_questions_are_counted_together(store, clock):
    await add_question(store, "Où est l'été ?", is_answered=False)
    clock.advance(5)
    await add_question(store, "ou est l'ete", user_id=BEN, is_answered=False)
    await add_question(store, "Answered?")
    (tally,) = await store.questions.load_stats(0)
    assert (tally.ask_count, tally.answer_count, tally.last_asked_at) == (2, 0, clock.now())
    assert len(await store.questions.load_stats(0, include_helpful=True)) == 2
    assert await store.questions.load_stats(clock.now() + 1, include_helpful=True) == []


async def test_question_that_helped_is_not_listed(store):
    question = await add_question(store)
    await store.questions.vote(question, ANNA, is_helpful=True)
    await store.questions.vote(question, BEN, is_helpful=False)
    assert await store.questions.load_stats(0) == []


async def test_erasure_deletes_questions_and_votes_of_user(store):
    mine = await add_question(store)
    theirs = await add_question(store, "And when?", user_id=BEN, previous_question_id=mine)
    await store.questions.vote(mine, BEN, is_helpful=True)
    await store.questions.vote(theirs, ANNA, is_helpful=True)
    assert await store.questions.count(ANNA) == 1
    assert (await store.erase_user(ANNA)).question_count == 1
    assert await store.questions.list_by_user(ANNA) == []
    assert await store.questions.list_votes_by_user(ANNA) == []
    assert await store.questions.list_votes_by_user(BEN) == []
    remaining_question = await store.questions.get(theirs)
    assert remaining_question.previous_question_id is None


async def test_purged_questions_lose_their_votes(store, clock):
    old = await add_question(store)
    await store.questions.vote(old, BEN, is_helpful=True)
    clock.advance(100)
    new = await add_question(store)
    assert await store.questions.purge(clock.now()) == 1
    assert await store.questions.get(old) is None
    assert await store.questions.get(new) is not None
    assert await store.questions.list_votes_by_user(BEN) == []


async def test_purged_server_loses_its_questions(store, clock):
    await add_question(store)
    await store.servers.mark_left(SERVER)
    clock.advance(10)
    await store.servers.purge(clock.now())
    assert await store.questions.count(ANNA) == 0


async def test_questions_of_user_are_limited(store, clock, monkeypatch):
    monkeypatch.setattr("bot.store.people.questions.MAX_QUESTIONS_PER_USER", 3)
    first = await add_question(store)
    for _ in range(3):
        clock.advance(1)
        await add_question(store)
    assert await store.questions.count(ANNA) == 3
    assert await store.questions.get(first) is None
