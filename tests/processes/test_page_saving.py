"""Saving pages with several processes on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from bot.client.services import Services, open_services
from bot.core.preferences import ProcessRole
from tests.cogs.test_link_saving import TITLE, serve_page

PERSON = 77
Pair = tuple[Services, Services]


@pytest.fixture
def database_engine() -> str:
    return "postgres"


@pytest.fixture
async def pair(settings, clock) -> AsyncIterator[Pair]:
    """A gateway process and a poller process."""
    async with AsyncExitStack() as stack:
        rooms = []
        for role in (ProcessRole.GATEWAY, ProcessRole.POLLER):
            index = settings.index_folder.with_name(role.name)
            own = replace(settings, index=index, roles=frozenset({role}))
            rooms.append(await stack.enter_async_context(open_services(own, clock)))
        yield rooms[0], rooms[1]


async def find_no_article(_url: str) -> None:
    return None


async def test_page_saved_by_gateway_is_found_by_every_process(pair, feed_server):
    link = serve_page(feed_server)
    gateway, poller = pair
    await gateway.page_saver.save(link, user_id=PERSON, find_readable_article=find_no_article)
    for room in pair:
        page = await room.searcher.search("zeppelin is:bookmarked", feed_ids=[], user_id=PERSON)
        assert [hit.article.title for hit in page.results] == [TITLE]
        assert not (await room.searcher.search("zeppelin", feed_ids=None)).results
    assert await poller.store.saved_pages.count(PERSON) == 1


async def test_page_saved_by_two_processes_at_once_is_stored_once(pair, feed_server):
    link = serve_page(feed_server)
    saved = await asyncio.gather(
        *(room.page_saver.save(link, user_id=PERSON, find_readable_article=find_no_article) for room in pair)
    )
    assert sorted(is_new is True for _article, is_new in saved) == [False, True]
    assert await pair[0].store.saved_pages.count(PERSON) == 1
