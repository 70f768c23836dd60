"""Saved pages are visible only to their user, in everything that shows articles."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from bot.answers import answer_pipeline
from bot.cli.article_files import export_articles
from bot.core.models import Article, Feed
from bot.core.user_models import saved_pages_feed_id
from bot.digests.trend_detection import TrendPeriod
from bot.posting.rendering.trend_charts import load_trends
from bot.posting.wording.post_explanations import explain_link, find_articles_at
from bot.search.index.search_engine import CompletionField
from bot.search.more_like_this import find_similar_articles
from bot.search.searching import build_article_json, build_search_result_json
from tests.cogs.test_digests import advance_until_due, start_digest
from tests.cogs.test_link_saving import save_link, serve_page
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss_item
from tests.support.interactions import get_last_reply, hide_channel, read_message_text, read_reply_text
from tests.support.scenario import follow_feed, get_newest_article, list_posted_texts, publish_items
from tests.support.store_probe import Column

PUBLIC_TITLE = "The harbour lantern festival opens on Sunday in Bristol"
SAVED_TITLE = "The harbour lantern festival opens on Sunday in Bristol, zeppelin and all"
SAVED_TEXT = "The harbour lantern festival opens on Sunday in Bristol, with a zeppelin over the harbour. "
SECRETS = ("zeppelin", "Zeppelin", "Coast Weekly", "/lamp")


@dataclass
class Case:
    """A visible feed and a page on the same story that the reader saved."""

    world: World
    server: FeedServer
    feed: Feed
    link: str

    async def list_feed_ids(self) -> list[int]:
        return [feed.id for feed in await self.world.store.feeds.list_all()]

    async def search(self, query: str, *, feed_ids: Sequence[int] | None = None, user_id: int | None = None) -> str:
        search = self.world.newsroom.searcher.search
        page = await search(query, limit=50, feed_ids=feed_ids, user_id=user_id)
        return json.dumps([build_search_result_json(hit) for hit in page.results]) + str((page.notes, page.suggestions))


def render_articles(articles: list[Article]) -> str:
    return json.dumps([build_article_json(article) for article in articles])


async def list_articles_in_terminal(case: Case) -> str:
    articles = case.world.store.articles
    export_file = io.StringIO()
    await export_articles(case.world.store, export_file)
    newest = render_articles(await articles.list_newest(None, limit=99))
    assert await articles.count() == len(export_file.getvalue().splitlines())
    assert await articles.list_newest(None, outlet="Coast Weekly", limit=9) == []
    return newest + export_file.getvalue()


async def list_feeds(case: Case) -> str:
    feeds = case.world.store.feeds
    names = [feed.title for feed in await feeds.list_all()] + await feeds.find_outlets(None, "", 99)
    return f"{names} lantern"


async def search_in_terminal(case: Case) -> str:
    queries = (
        "harbour",
        "harbour zepelin",
        "source:Coast",
        '"harbour lantern"',
        "harbour lang:en",
        "harbour OR moon",
    )
    return " ".join([await case.search(query) for query in queries])


async def search_as_other_user(case: Case) -> str:
    editor, feed_ids = case.world.editor.id, await case.list_feed_ids()
    bookmarked = await case.search("harbour is:bookmarked", feed_ids=feed_ids, user_id=editor)
    assert "lantern" not in bookmarked
    not_bookmarked = await case.search("harbour -is:bookmarked", feed_ids=feed_ids, user_id=editor)
    return bookmarked + not_bookmarked + await case.search("harbour", feed_ids=feed_ids)


async def complete_words(case: Case) -> str:
    searcher, feed_ids = case.world.newsroom.searcher, await case.list_feed_ids()
    completions = [
        await searcher.suggest_completions(field, prefix, feed_ids=feed_ids, limit=9)
        for field in (None, *CompletionField)
        for prefix in ("lan", "zep", "coa")
    ]
    return str(completions)


async def ask_in_terminal(case: Case) -> str:
    question = "When does the harbour lantern festival open?"
    answers = [
        await answer_pipeline.answer_question(case.world.newsroom.searcher, text, feed_ids=None)
        for text in (question, "What flies over the harbour?", "What’s new in Bristol?")
    ]
    return json.dumps([answer.as_json() for answer in answers])


async def ask_publicly_as_saver(case: Case) -> str:
    mention = f"<@{case.world.env.backend.bot_user.id}>"
    await case.world.reader.send(case.world.news, f"{mention} when does the harbour lantern festival open?")
    await case.world.reader.send(case.world.news, f"{mention} search: harbour sky")
    public_answer = await case.world.reader.slash(
        case.world.news, "ask", question="What flies over the harbour?", public=True
    )
    return read_reply_text(public_answer) + " ".join(list_posted_texts(case.world))


async def run_commands(case: Case) -> str:
    world, replies = case.world, []
    for command, options in (
        ("search", {"query": "harbour"}),
        ("search", {"query": "harbour is:bookmarked"}),
        ("latest", {}),
        ("ask", {"question": "When does the harbour lantern festival open?"}),
        ("why", {"link": "harbour lantern"}),
        ("bookmarks", {}),
        ("trends", {}),
        ("about", {}),
        ("feed list", {}),
        ("privacy", {}),
    ):
        world.clock.advance(60)
        replies.append(read_reply_text(await world.run_as_editor(command, **options)))
    return " ".join(replies)


async def find_similar(case: Case) -> str:
    article = await get_newest_article(case.world, case.feed)
    searcher, feed_ids = case.world.newsroom.searcher, await case.list_feed_ids()
    page = await find_similar_articles(searcher, article, feed_ids=feed_ids, limit=9)
    return PUBLIC_TITLE + render_articles([hit.article for hit in page.results])


async def match_stories(case: Case) -> str:
    """Publish the story in another outlet: the saved page is no part of it, so no post waits for or joins it."""
    world, store = case.world, case.world.store
    channel = world.guild.create_text_channel("stories")
    other_feed = await follow_feed(world, case.server, path="/other", title="Other Voice", channel=channel)
    item = make_rss_item(77, title=SAVED_TITLE.partition(",")[0], published=world.clock.now() - 30)
    await publish_items(world, case.server, other_feed, item, title="Other Voice")
    article = await get_newest_article(world, other_feed)
    similar_pairs = store_probe.load_rows(world.database, "similar_article")
    related_ids = {pair[column] for pair in similar_pairs for column in ("article_id", "earlier_id")}
    saved_articles = await store.articles.list_newest([saved_pages_feed_id(world.reader.id)], limit=9)
    assert article.id in related_ids
    assert not related_ids & {saved_article.id for saved_article in saved_articles}
    recent = await store.stories.list_recent(0, 0, limit=99, lead_length=99)
    coverage = await store.stories.load_other_coverage([article.id], await case.list_feed_ids(), 0.0)
    return f"{recent} {coverage} {list_posted_texts(world, channel)}"


async def send_digests(case: Case) -> str:
    await start_digest(case.world)
    await advance_until_due(case.world)
    await case.world.deliver()
    return list_posted_texts(case.world)[-1]


async def detect_trends(case: Case) -> str:
    services = case.world.newsroom
    trends = await load_trends(
        services.store, services.occasional_workers, await case.list_feed_ids(), TrendPeriod.WEEK, services.clock.now()
    )
    return f"{trends} lantern"


async def match_watches(case: Case) -> str:
    world = case.world
    for query in ("zeppelin", "lantern"):
        await world.store.watches.add(
            server_id=world.guild.id, channel_id=world.news.id, user_id=None, query=query, language="en", limit=9
        )
    serve_page(case.server, "/second", title=f"Second {SAVED_TITLE}", text=SAVED_TEXT)
    await save_link(world, case.server.origin + "/second")
    await world.deliver()
    assert store_probe.load_rows(world.database, "watch_match") == []
    return "lantern"


async def explain_in_terminal(case: Case) -> str:
    found_articles = await find_articles_at(case.world.store, case.link)
    assert found_articles == []
    assert await case.world.store.articles.load_stored_articles_by_url([case.link]) == {}
    return f"{await explain_link(case.world.store, case.link)} lantern"


async def call_assistant_tools(case: Case) -> str:
    news_tools = importlib.import_module("bot.assistants.news_tools")

    async def find_all_feeds() -> None:
        return None

    server = news_tools.build_server(case.world.newsroom, find_all_feeds)
    replies = [
        await server.call_tool(tool, arguments)
        for tool, arguments in (
            ("search", {"query": "harbour"}),
            ("ask", {"question": "When does the harbour lantern festival open?", "queries": ["harbour sky"]}),
            ("latest", {}),
            ("latest", {"source": "Coast Weekly"}),
            ("trends", {}),
            ("feeds", {}),
            ("article", {"url": (await get_newest_article(case.world, case.feed)).url}),
            ("story", {"url": (await get_newest_article(case.world, case.feed)).url}),
        )
    ]
    with pytest.raises(Exception, match="No article is known"):
        await server.call_tool("article", {"url": case.link})
    return str(replies)


async def filter_by_meaning(case: Case) -> str:
    vectors = case.world.store.encoded_articles
    saved_articles = await case.world.store.articles.list_newest([saved_pages_feed_id(case.world.reader.id)], limit=9)
    saved_ids = {article.id for article in saved_articles}
    assert saved_ids
    newest_ids = await vectors.list_newest_ids(feed_ids=None, since=None, before=None, limit=99)
    assert newest_ids
    assert not saved_ids & set(newest_ids)
    assert await vectors.filter_ids(saved_ids, feed_ids=None, since=None, before=None) == set()
    assert await vectors.filter_existing_ids(saved_ids) == saved_ids
    return "lantern"


READERS: tuple[Callable[[Case], Awaitable[str]], ...] = (
    list_articles_in_terminal,
    list_feeds,
    search_in_terminal,
    search_as_other_user,
    complete_words,
    ask_in_terminal,
    ask_publicly_as_saver,
    run_commands,
    find_similar,
    detect_trends,
    explain_in_terminal,
    call_assistant_tools,
    filter_by_meaning,
    match_watches,
    match_stories,
    send_digests,
)
"""Functions that read or show articles, without buttons and whole commands.

`test_command_permissions.py` and `test_forged.py` test those, with a saved page among the articles.
"""


async def test_saved_page_is_hidden_from_others_everywhere(telex, feed_server):
    item = make_rss_item(1, title=PUBLIC_TITLE, body=f"{PUBLIC_TITLE}, at six.", published=telex.clock.now() - 60)
    feed = await follow_feed(telex, feed_server, item)
    link = serve_page(feed_server, title=SAVED_TITLE, text=SAVED_TEXT)
    assert (await save_link(telex, link)).startswith("Saved for you alone.")
    case = Case(telex, feed_server, feed, link)
    own_results = await case.search("harbour is:bookmarked", feed_ids=[feed.id], user_id=telex.reader.id)
    assert "zeppelin" in own_results
    for reader_function in READERS:
        shown_text = await reader_function(case)
        assert "lantern" in shown_text, reader_function.__name__
        assert not [secret for secret in SECRETS if secret in shown_text], reader_function.__name__


async def test_saved_page_and_article_of_same_url_stay_separate(telex, feed_server):
    link = serve_page(feed_server, title=SAVED_TITLE, text=SAVED_TEXT)
    await save_link(telex, link)
    saved_before = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=1)
    item = make_rss_item(1, title=PUBLIC_TITLE, body="A teaser…").replace("https://news.example/articles/1", link)
    feed = await follow_feed(telex, feed_server, item)
    article = await get_newest_article(telex, feed)
    assert article.url == link
    assert "zeppelin" not in article.body
    assert await telex.store.page_fetches.find_text_of_page(article.page_key) is None
    assert [found_article.id for found_article in await find_articles_at(telex.store, link)] == [article.id]
    assert len(list_posted_texts(telex)) == 1  # The page was new to the channel, although somebody had saved it.
    await publish_items(telex, feed_server, feed, item.replace("A teaser…", "A longer teaser…"))
    assert await telex.store.bookmarks.list_by_user(telex.reader.id, limit=1) == saved_before


async def test_saved_page_does_not_use_text_of_hidden_article(telex, feed_server):
    secret_channel = telex.guild.create_text_channel("secret")
    link = serve_page(feed_server, title="The public page", text="What everybody reads on this page. ")
    item = make_rss_item(1, title="For subscribers", body="What only subscribers read. " * 9)
    item = item.replace("https://news.example/articles/1", link)
    feed = await follow_feed(telex, feed_server, item, channel=secret_channel)
    store_probe.set_column(telex.database, Column.FEED_SERVER_ID, telex.guild.id, row_ids=[feed.id])
    hide_channel(telex, secret_channel, telex.reader)
    answer = await save_link(telex, link)
    assert answer.startswith("Saved for you alone.")
    assert "The public page" in answer
    assert "subscribers" not in answer
    assert "subscribers" not in read_message_text(get_last_reply(await telex.run_as_reader("bookmarks")))


async def test_feed_ids_do_not_collide_with_saved_pages(telex, feed_server):
    """SQLite numbers a row one above the largest ID, which is negative if only feeds of saved pages exist."""
    await save_link(telex, serve_page(feed_server))
    feed = await follow_feed(telex, feed_server)
    assert feed.id == 1
