"""/feed import and /feed export."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.limits import Limit
from bot.core.preferences import FilterMode, FilterPlace, FilterScope
from bot.feeds.parsing import opml
from bot.polling.following import opml_import
from cogs.feeds import feed_commands as feeds_cog
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import hide_channel, last_reply, message_text, text
from tests.support.scenario import START, follow, posted_titles, publish, three_items


def opml_document(addresses: Sequence[str]) -> bytes:
    rows = "".join(f'<outline text="Feed {n} R&D" xmlUrl="{url}">' for n, url in enumerate(addresses))
    return f"<opml><body>{rows}".encode()


async def test_a_file_is_followed_and_only_what_comes_later_is_posted(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*three_items()))
    known_feed = await follow(telex, feed_server, path="/known", title="Known")
    post_count_before = len(telex.posts())
    visit_count = len(feed_server.visits)
    document = opml_document([url, known_feed.url, "javascript:alert(1)"])
    answer = await telex.editor.slash(telex.news, "feed import", file=("list.opml", document))
    for part in (
        "✅ 1 feed added",
        "☑️ 1 feed was already followed",
        "❌ 1 feed has no usable address",
        "/feed list",
    ):
        assert part in message_text(answer)
    assert len(feed_server.visits) == visit_count, "nothing is fetched before its turn"
    feed = await telex.store.feeds.find(url)
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == post_count_before
    assert await telex.store.articles.count({feed.id}) == 3
    telex.clock.advance(60)
    await publish(telex, feed_server, feed, make_rss_item(4, title="Later", published=START + 60), *three_items())
    assert posted_titles(telex)[post_count_before:] == ["Later"]
    second_reply = await telex.editor.slash(telex.news, "feed import", file=("list.opml", document))
    assert "☑️ 2 feeds were already followed" in message_text(second_reply)


async def test_a_link_is_fetched_and_what_is_no_list_is_told(telex, feed_server):
    url = feed_server.serve("/list", opml_document([feed_server.origin + "/rss"]), content_type="text/plain")
    answer = await telex.editor.slash(telex.news, "feed import", link=url)
    assert "✅ 1 feed added" in message_text(answer)
    for link, expected_text in (
        (feed_server.serve("/page", "<p>no list</p>"), "I found no feeds in this"),
        (feed_server.origin + "/nothing", "No feed found at that address"),
        ("not an address", "isn’t a web address"),
        ("http://10.0.0.1/list", "private network"),
    ):
        assert expected_text in message_text(await telex.editor.slash(telex.news, "feed import", link=link))


async def test_one_list_at_a_time(telex, monkeypatch):
    assert "Give me either" in message_text(await telex.editor.slash(telex.news, "feed import"))
    cog = telex.bot.get_cog("FeedCog")
    assert isinstance(cog, feeds_cog.FeedCog)
    monkeypatch.setattr(cog, "_importing_server_ids", {telex.guild.id})
    answer = await telex.editor.slash(telex.news, "feed import", file=("a.opml", opml_document(["https://a.example/"])))
    assert "Wait until it’s done" in message_text(answer)


async def test_a_file_that_is_too_large_is_not_read(telex, monkeypatch):
    monkeypatch.setattr(opml, "MAX_OPML_BYTES", 10)
    answer = await telex.editor.slash(telex.news, "feed import", file=("a.opml", opml_document(["https://a.example/"])))
    assert "too large" in message_text(answer)


async def test_beyond_the_most_feeds_of_a_server_the_rest_is_listed(telex, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.FEEDS_PER_SERVER, 20)
    document = opml_document([f"https://a.example/{n}" for n in range(23)])
    answer = await telex.editor.slash(telex.news, "feed import", file=("a.opml", document))
    assert answer.response is not None
    assert "✅ 20 feeds added" in text(answer.response)
    assert "➖ 3 feeds left out" in text(answer.response)
    (report,) = last_reply(answer).attachments
    lines = (await report.read()).decode().splitlines()
    assert len(lines) == 23
    assert lines[-1] == "➖ Feed 22 R&D (https://a.example/22)"
    assert await telex.store.subscriptions.count(telex.guild.id) == 20


async def test_a_long_import_tells_how_far_it_is(telex, monkeypatch):
    monkeypatch.setattr(opml_import, "PROGRESS_INTERVAL_SECONDS", 0.0)
    progress: list[tuple[int, int]] = []

    async def tell(done: int, total: int) -> None:
        progress.append((done, total))

    newsroom = telex.newsroom
    feeds = opml.parse_outlines(opml_document([f"https://a.example/{n}" for n in range(3)]))
    await opml_import.follow_all(
        newsroom.store,
        newsroom.limits,
        newsroom.poller,
        feeds,
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        on_progress=tell,
    )
    assert progress == [(0, 3), (1, 3), (2, 3)]


async def test_an_address_with_a_secret_is_the_servers_own_masked_and_not_exported(telex):
    url = "https://user:hunter2hunter2@a.example/feed"
    answer = await telex.editor.slash(
        telex.news, "feed import", file=("a.opml", opml_document([url, "https://b.example/feed"]))
    )
    assert "2 feeds added" in message_text(answer)
    assert "hunter2" not in message_text(answer)
    assert await telex.store.feeds.find(url) is None
    assert await telex.store.feeds.find(url, telex.guild.id) is not None
    export_reply = await telex.editor.slash(telex.news, "feed export")
    assert "1 feed left out: its address contains a password" in message_text(export_reply)
    (file,) = last_reply(export_reply).attachments
    document = await file.read()
    assert b"hunter2" not in document
    assert [outline.url for outline in opml.parse_outlines(document).outlines] == ["https://b.example/feed"]


async def test_what_is_exported_is_imported_without_loss_and_hidden_channels_stay_hidden(telex, feed_server):
    hidden = telex.guild.create_text_channel("hidden")
    await follow(telex, feed_server, title='Tom & "Jerry" <été>')
    await follow(telex, feed_server, path="/two?a=1&b=2", title="Two")
    await follow(telex, feed_server, path="/three", title="Three", channel=hidden)
    export_reply = await telex.editor.slash(telex.news, "feed export")
    (file,) = last_reply(export_reply).attachments
    document = await file.read()
    pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert {outline.url for outline in opml.parse_outlines(document).outlines} == {feed.url for _, feed in pairs}
    assert 'Tom & "Jerry" <été>' in {
        exported_outline.title for exported_outline in opml.parse_outlines(document).outlines
    }
    target = telex.guild.create_text_channel("copy")
    await telex.editor.slash(telex.news, "feed import", file=("telex.opml", document), channel=target)
    copied = [
        feed.url
        for sub, feed in await telex.store.subscriptions.list_with_feeds(telex.guild.id)
        if sub.channel_id == target.id
    ]
    assert sorted(copied) == sorted(feed.url for _, feed in pairs)
    await telex.store.filters.add(
        FilterPlace(hidden.id, FilterScope.CHANNEL), [(FilterMode.EXCLUDE, "secretword")], user_id=1, limit=9
    )
    (file,) = last_reply(await telex.editor.slash(telex.news, "feed export")).attachments
    assert b"never secretword" in await file.read()
    hide_channel(telex, hidden, telex.editor)
    (file,) = last_reply(await telex.editor.slash(telex.news, "feed export")).attachments
    document = await file.read()
    assert b"#hidden" not in document
    assert b"secretword" not in document
    assert str(hidden.id).encode() not in document


async def test_without_feeds_or_the_right_to_post_that_is_told(telex):
    assert "/feed add" in message_text(await telex.editor.slash(telex.news, "feed export"))
    await telex.set_permissions(telex.news, send_messages=False)
    answer = await telex.editor.slash(telex.news, "feed import", file=("a.opml", opml_document(["https://a.example/"])))
    assert "**Send Messages**" in message_text(answer)
