"""/feed import and /feed export."""

from __future__ import annotations

from collections.abc import Sequence

from bot.feeds.parsing import opml
from bot.polling.following import opml_import
from cogs.feeds import feed_commands as feeds_cog
from tests.cogs.helpers import START, follow, hide, last, said, text, three
from tests.feed_server import item, rss
from tests.shown import title


def listed(addresses: Sequence[str]) -> bytes:
    rows = "".join(f'<outline text="Feed {n} R&D" xmlUrl="{url}">' for n, url in enumerate(addresses))
    return f"<opml><body>{rows}".encode()


async def test_a_file_is_followed_and_only_what_comes_later_is_posted(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    known = await follow(telex, feed_server, path="/known", title="Known")
    before = len(telex.posts())
    asked = len(feed_server.visits)
    data = listed([url, known.url, "javascript:alert(1)"])
    answer = await telex.editor.slash(telex.news, "feed import", file=("list.opml", data))
    for part in (
        "✅ 1 feed added",
        "☑️ 1 feed was already followed",
        "❌ 1 feed has no usable address",
        "/feed list",
    ):
        assert part in said(answer)
    assert len(feed_server.visits) == asked, "nothing is fetched before its turn"
    feed = await telex.store.feeds.find(url)
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == before
    assert await telex.store.articles.count({feed.id}) == 3
    telex.clock.advance(60)
    feed_server.serve("/rss", rss(item(4, title="Later", published=START + 60), *three()))
    await telex.poll_and_deliver(feed)
    assert [title(post) for post in telex.posts()[before:]] == ["Later"]
    again = await telex.editor.slash(telex.news, "feed import", file=("list.opml", data))
    assert "☑️ 2 feeds were already followed" in said(again)


async def test_a_link_is_fetched_and_what_is_no_list_is_told(telex, feed_server):
    url = feed_server.serve("/list", listed([feed_server.origin + "/rss"]), content_type="text/plain")
    answer = await telex.editor.slash(telex.news, "feed import", link=url)
    assert "✅ 1 feed added" in said(answer)
    for link, told in (
        (feed_server.serve("/page", "<p>no list</p>"), "I found no feeds in this"),
        (feed_server.origin + "/nothing", "No feed found at that address"),
        ("not an address", "isn’t a web address"),
        ("http://10.0.0.1/list", "private network"),
    ):
        assert told in said(await telex.editor.slash(telex.news, "feed import", link=link))


async def test_one_list_at_a_time(telex, monkeypatch):
    assert "Give me either" in said(await telex.editor.slash(telex.news, "feed import"))
    cog = telex.bot.get_cog("FeedCog")
    assert isinstance(cog, feeds_cog.FeedCog)
    monkeypatch.setattr(cog, "_importing", {telex.guild.id})
    answer = await telex.editor.slash(
        telex.news, "feed import", file=("a.opml", listed(["https://a.example/"]))
    )
    assert "Wait until it’s done" in said(answer)


async def test_a_file_that_is_too_large_is_not_read(telex, monkeypatch):
    monkeypatch.setattr(opml, "MAX_BYTES", 10)
    answer = await telex.editor.slash(
        telex.news, "feed import", file=("a.opml", listed(["https://a.example/"]))
    )
    assert "too large" in said(answer)


async def test_beyond_the_most_feeds_of_a_server_the_rest_is_listed(telex, monkeypatch):
    monkeypatch.setattr(opml_import, "MAX_FEEDS_PER_SERVER", 20)
    data = listed([f"https://a.example/{n}" for n in range(23)])
    answer = await telex.editor.slash(telex.news, "feed import", file=("a.opml", data))
    assert answer.response is not None
    assert "✅ 20 feeds added" in text(answer.response)
    assert "➖ 3 feeds left out" in text(answer.response)
    (report,) = last(answer).attachments
    lines = (await report.read()).decode().splitlines()
    assert len(lines) == 23
    assert lines[-1] == "➖ Feed 22 R&D (https://a.example/22)"
    assert await telex.store.subscriptions.count(telex.guild.id) == 20


async def test_a_long_import_tells_how_far_it_is(telex, monkeypatch):
    monkeypatch.setattr(opml_import, "PROGRESS_INTERVAL_SECONDS", 0.0)
    told: list[tuple[int, int]] = []

    async def tell(done: int, total: int) -> None:
        told.append((done, total))

    newsroom = telex.newsroom
    feeds = opml.read_list(listed([f"https://a.example/{n}" for n in range(3)]))
    await opml_import.follow_all(
        newsroom.store,
        newsroom.poller,
        feeds,
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        tell=tell,
    )
    assert told == [(0, 3), (1, 3), (2, 3)]


async def test_an_address_with_a_secret_is_the_servers_own_masked_and_not_exported(telex):
    url = "https://user:hunter2hunter2@a.example/feed"
    answer = await telex.editor.slash(
        telex.news, "feed import", file=("a.opml", listed([url, "https://b.example/feed"]))
    )
    assert "2 feeds added" in said(answer)
    assert "hunter2" not in said(answer)
    assert await telex.store.feeds.find(url) is None
    assert await telex.store.feeds.find(url, telex.guild.id) is not None
    taken = await telex.editor.slash(telex.news, "feed export")
    assert "1 feed left out: its address contains a password" in said(taken)
    (file,) = last(taken).attachments
    document = await file.read()
    assert b"hunter2" not in document
    assert [one.url for one in opml.read_list(document).outlines] == ["https://b.example/feed"]


async def test_what_is_exported_is_imported_without_loss_and_hidden_channels_stay_hidden(telex, feed_server):
    hidden = telex.guild.create_text_channel("hidden")
    await follow(telex, feed_server, title='Tom & "Jerry" <été>')
    await follow(telex, feed_server, path="/two?a=1&b=2", title="Two")
    await follow(telex, feed_server, path="/three", title="Three", channel=hidden)
    taken = await telex.editor.slash(telex.news, "feed export")
    (file,) = last(taken).attachments
    document = await file.read()
    pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert {one.url for one in opml.read_list(document).outlines} == {feed.url for _, feed in pairs}
    assert 'Tom & "Jerry" <été>' in {one.title for one in opml.read_list(document).outlines}
    target = telex.guild.create_text_channel("copy")
    await telex.editor.slash(telex.news, "feed import", file=("telex.opml", document), channel=target)
    copied = [
        feed.url
        for sub, feed in await telex.store.subscriptions.list_with_feeds(telex.guild.id)
        if sub.channel_id == target.id
    ]
    assert sorted(copied) == sorted(feed.url for _, feed in pairs)
    hide(telex, hidden, telex.editor)
    (file,) = last(await telex.editor.slash(telex.news, "feed export")).attachments
    assert b"#hidden" not in await file.read()


async def test_without_feeds_or_the_right_to_post_that_is_told(telex):
    assert "/feed add" in said(await telex.editor.slash(telex.news, "feed export"))
    await telex.set_permissions(telex.news, send_messages=False)
    answer = await telex.editor.slash(
        telex.news, "feed import", file=("a.opml", listed(["https://a.example/"]))
    )
    assert "**Send Messages**" in said(answer)
