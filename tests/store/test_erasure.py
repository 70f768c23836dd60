"""Erasure of a user's data from tables and files."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bot.core.preferences import PostLook
from bot.store import Store
from bot.store.records.people_records import OpinionKind
from tests.support.clocks import ManualClock
from tests.support.samples import SERVER, add_feed, make_new_article, write_poll
from tests.support.store_probe import require_database_file

DIRECT = 1_200_000_000_000_000_001
USER_IDS = tuple((1 << 59) + 7_919 * number for number in range(1, 9))
ANNA, BEN = USER_IDS[:2]


def read_database_bytes(path: Path) -> bytes:
    """Read the bytes of all files of the database."""
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*") if file.is_file())


def count_traces(person_id: int, path: Path) -> int:
    database_bytes = read_database_bytes(path)
    return database_bytes.count(person_id.to_bytes(8)) + database_bytes.count(str(person_id).encode())


async def fill_store(store: Store, clock: ManualClock) -> list[int]:
    """Record mixed actions of eight users and return the article IDs."""
    feed = await add_feed(store, "Paper")
    new = [make_new_article(feed, f"n{number}", title=f"Title {number}") for number in range(60)]
    ids = list((await write_poll(store, feed, *new)).new_article_ids)
    chance, questions = Random(4), []
    for turn in range(500):
        person = chance.choice(USER_IDS)
        article = chance.choice(ids)
        await store.bookmarks.add(person, article, server_id=SERVER, channel_id=2, message_id=turn)
        if turn % 5 == 0:
            await store.bookmarks.remove(person, article)
        if turn % 4 == 0:
            opinion = chance.choice((OpinionKind.OPENED, OpinionKind.LIKED, OpinionKind.DISLIKED))
            await store.opinions.record(opinion, server_id=SERVER, user_id=person, article_id=article)
        if turn % 3 == 0:
            text = f"What did {person} want to know? " * chance.randrange(1, 9)
            questions.append(
                await store.questions.add(
                    server_id=SERVER,
                    channel_id=2,
                    user_id=person,
                    text=text,
                    language="en",
                    is_public=True,
                    is_answered=False,
                )
            )
            await store.questions.vote(chance.choice(questions), person, is_helpful=True)
        if turn % 10 == 0:
            page = make_new_article(
                feed, f"p{turn}", title=f"Page of {person}", text=f"Words of {person}. " * (turn * 4)
            )
            assert await store.saved_pages.add(person, page, max_pages=99)
        if turn % 50 == 0:
            await store.bookmark_feeds.create_token(person, language="en")
        clock.advance(1)
    for number, person in enumerate(USER_IDS):
        await store.watches.add(
            server_id=SERVER,
            channel_id=DIRECT + number,
            user_id=person,
            query=f"secret{number}",
            language=None,
            limit=9,
        )
        await store.server_access.change(number + 1, is_allowed=False, user_id=person)
        await store.preferences.set_look(SERVER, PostLook(prefix=str(number)), user_id=person)
    return ids


@pytest.mark.parametrize("person", [ANNA, USER_IDS[-1]])
async def test_erased_user_leaves_no_trace_in_files(store, clock, settings, person):
    path = require_database_file(settings.database)
    await fill_store(store, clock)
    assert count_traces(person, path) > 100
    erased = await store.erase_user(person)
    assert (
        min(
            erased.bookmark_count,
            erased.question_count,
            erased.vote_count,
            erased.watch_count,
            erased.anonymized_change_count,
            erased.opinion_count,
        )
        > 0
    )
    assert count_traces(person, path) == 0
    assert count_traces(BEN, path) > 100
    assert await store.bookmarks.count(BEN) > 0
    await store.check()
    await store.close()
    assert count_traces(person, path) == 0


async def test_erased_bookmark_is_not_restored_by_old_reaction(store):
    feed = await add_feed(store, "Paper")
    first, second = (
        await write_poll(store, feed, make_new_article(feed, "a"), make_new_article(feed, "b"))
    ).new_article_ids
    await store.bookmarks.add(ANNA, first)
    await store.bookmarks.add(ANNA, second)
    await store.bookmarks.remove(ANNA, second)
    assert (await store.erase_user(ANNA)).bookmark_count == 1
    for article in (first, second):
        assert not await store.bookmarks.add(ANNA, article, restores_removed=False)
        assert any(
            [
                await store.bookmarks.add(other_person_id, article, restores_removed=False)
                for other_person_id in USER_IDS[1:]
            ]
        )
    assert await store.bookmarks.load_removed_urls(ANNA) == ()
    assert await store.bookmarks.add(ANNA, first)
    assert await store.bookmarks.remove(ANNA, first)
    assert not await store.bookmarks.add(ANNA, first, restores_removed=False)
    assert (await store.erase_user(ANNA)).bookmark_count == 0
