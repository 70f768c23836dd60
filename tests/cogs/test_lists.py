"""/feed import and /feed export of OPML files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bot.core.limits import Limit
from bot.core.preferences import Filter, FilterMode, FilterPlace, FilterScope, PostLook, SettingKind, Style, Template
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import ChannelOutline, Outline
from bot.polling.following import opml_plan
from tests.support.discord_world import invite_bot
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import START, follow_feed, list_posted_titles, make_three_rss_items, publish_items


def build_opml(addresses: Sequence[str]) -> bytes:
    rows = "".join(f'<outline text="Feed {n} R&D" xmlUrl="{url}">' for n, url in enumerate(addresses))
    return f"<opml><body>{rows}".encode()


async def test_import_follows_feeds_and_posts_only_later_articles(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    known_feed = await follow_feed(telex, feed_server, path="/known", title="Known")
    post_count_before = len(telex.posts())
    visit_count = len(feed_server.visits)
    document = build_opml([url, known_feed.url, "javascript:alert(1)"])
    answer = await telex.run_as_editor("feed import", file=("list.opml", document))
    for part in (
        "✅ 1 feed added",
        "☑️ 1 feed was already followed",
        "❌ 1 feed has no usable address",
        "/feed list",
    ):
        assert part in read_reply_text(answer)
    assert len(feed_server.visits) == visit_count, "nothing is fetched before its turn"
    feed = await telex.store.feeds.find(url)
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == post_count_before
    assert await telex.store.articles.count({feed.id}) == 3
    telex.clock.advance(60)
    await publish_items(
        telex, feed_server, feed, make_rss_item(4, title="Later", published=START + 60), *make_three_rss_items()
    )
    assert list_posted_titles(telex)[post_count_before:] == ["Later"]
    second_reply = await telex.run_as_editor("feed import", file=("list.opml", document))
    assert "☑️ 2 feeds were already followed" in read_reply_text(second_reply)


async def test_import_from_link_and_invalid_links(telex, feed_server):
    url = feed_server.serve("/list", build_opml([feed_server.origin + "/rss"]), content_type="text/plain")
    answer = await telex.run_as_editor("feed import", link=url)
    assert "✅ 1 feed added" in read_reply_text(answer)
    for link, expected_text in (
        (feed_server.serve("/page", "<p>no list</p>"), "I found no feeds in this"),
        (feed_server.origin + "/nothing", "No feed found at that address"),
        ("not an address", "isn’t a web address"),
        ("http://10.0.0.1/list", "private network"),
    ):
        assert expected_text in read_reply_text(await telex.run_as_editor("feed import", link=link))


async def test_import_requires_file_or_link(telex):
    assert "Give me either" in read_reply_text(await telex.run_as_editor("feed import"))


async def test_import_refuses_large_file(telex, monkeypatch):
    monkeypatch.setattr(opml, "MAX_OPML_BYTES", 10)
    answer = await telex.run_as_editor("feed import", file=("a.opml", build_opml(["https://a.example/"])))
    assert "too large" in read_reply_text(answer)


async def test_import_lists_feeds_beyond_limit(telex, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.FEEDS_PER_SERVER, 20)
    document = build_opml([f"https://a.example/{n}" for n in range(23)])
    answer = await telex.run_as_editor("feed import", file=("a.opml", document))
    assert answer.response is not None
    assert "✅ 20 feeds added" in read_message_text(answer.response)
    assert "➖ 3 feeds left out" in read_message_text(answer.response)
    (report,) = get_last_reply(answer).attachments
    lines = (await report.read()).decode().splitlines()
    assert len(lines) == 23
    assert lines[-1] == "➖ Feed 22 R&D (https://a.example/22)"
    assert await telex.store.subscriptions.count(telex.guild.id) == 20
    # Beyond what one import adds, it isn't the operator's limit that is named.
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.FEEDS_PER_SERVER, 100)
    monkeypatch.setattr(opml_plan, "MAX_IMPORTED_SUBSCRIPTIONS", 2)
    answer = await telex.run_as_editor("feed import", file=("a.opml", document))
    assert answer.response is not None
    assert "➖ 1 feed left out: an import reads up to 5,000 and adds up to 1,000." in read_message_text(answer.response)
    assert "limits this server" not in read_message_text(answer.response)


async def test_url_with_password_is_masked_and_not_exported(telex):
    url = "https://user:hunter2hunter2@a.example/feed"
    answer = await telex.run_as_editor("feed import", file=("a.opml", build_opml([url, "https://b.example/feed"])))
    assert "2 feeds added" in read_reply_text(answer)
    assert "hunter2" not in read_reply_text(answer)
    assert await telex.store.feeds.find(url) is None
    assert await telex.store.feeds.find(url, telex.guild.id) is not None
    export_reply = await telex.run_as_editor("feed export")
    assert "1 feed left out: its address contains a password" in read_reply_text(export_reply)
    (file,) = get_last_reply(export_reply).attachments
    document = await file.read()
    assert b"hunter2" not in document
    assert [outline.url for outline in opml.parse_outlines(document).outlines] == ["https://b.example/feed"]


async def test_export_omits_hidden_channels(telex, feed_server):
    hidden_channel = telex.guild.create_text_channel("hidden")
    await follow_feed(telex, feed_server, title='Tom & "Jerry" <été>')
    await follow_feed(telex, feed_server, path="/two?a=1&b=2", title="Two")
    await follow_feed(telex, feed_server, path="/three", title="Three", channel=hidden_channel)
    export_reply = await telex.run_as_editor("feed export")
    (file,) = get_last_reply(export_reply).attachments
    document = await file.read()
    pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    assert {outline.url for outline in opml.parse_outlines(document).outlines} == {feed.url for _, feed in pairs}
    assert 'Tom & "Jerry" <été>' in {
        exported_outline.title for exported_outline in opml.parse_outlines(document).outlines
    }
    await telex.store.filters.add(
        FilterPlace(hidden_channel.id, FilterScope.CHANNEL), [(FilterMode.EXCLUDE, "secretword")], user_id=1, limit=9
    )
    (file,) = get_last_reply(await telex.run_as_editor("feed export")).attachments
    assert b"never secretword" in await file.read()
    hide_channel(telex, hidden_channel, telex.editor)
    (file,) = get_last_reply(await telex.run_as_editor("feed export")).attachments
    document = await file.read()
    assert b"#hidden" not in document
    assert b"secretword" not in document
    assert str(hidden_channel.id).encode() not in document


async def test_import_of_export_restores_channels_filters_and_looks(telex, feed_server):
    tech, store = telex.guild.create_text_channel("tech"), telex.store
    feeds = [
        await follow_feed(telex, feed_server),
        await follow_feed(telex, feed_server, path="/2", title="Two", channel=tech),
    ]
    await telex.follow(feeds[0].url, tech)
    subscription = await store.subscriptions.find(telex.news.id, feeds[0].id)
    for place, mode, query, ends_at in (
        (FilterPlace(subscription.id), FilterMode.INCLUDE, '"facial recognition" OR title:engine', None),
        (FilterPlace(subscription.id), FilterMode.EXCLUDE, "chips", START + 86_400),
        (FilterPlace(tech.id, FilterScope.CHANNEL), FilterMode.EXCLUDE, "crypto & more", None),
    ):
        assert await store.filters.add(place, [(mode, query)], user_id=1, limit=9, ends_at=ends_at)
    look = PostLook(style=Style.HEADLINE, prefix="News:", template=Template("{title}"))
    await store.subscriptions.set_look(subscription.id, look, user_id=1)
    setup = await store.setups.read(telex.guild.id)
    (file,) = get_last_reply(await telex.run_as_editor("feed export")).attachments
    document = await file.read()
    same_list = await telex.run_as_editor("feed import", file=("telex.opml", document))
    assert "nothing new" in read_reply_text(same_list)

    for channel, feed in ((telex.news, feeds[0]), (tech, feeds[0]), (tech, feeds[1])):
        await store.subscriptions.unfollow(channel.id, feed.id)
    (channel_filter,) = await store.filters.list_by_place(FilterPlace(tech.id, FilterScope.CHANNEL))
    await store.filters.remove(FilterPlace(tech.id, FilterScope.CHANNEL), [channel_filter.id], user_id=1)
    general = telex.guild.create_text_channel("general")
    setup_before = await store.setups.read(telex.guild.id)
    preview = await telex.editor.slash(general, "feed import", file=("telex.opml", document))
    assert f"<#{telex.news.id}> · 1 feed · 2 filters · 1 look\n" in read_reply_text(preview)
    assert f"<#{tech.id}> · 2 feeds · 1 filter" in read_reply_text(preview)
    assert await store.subscriptions.count(telex.guild.id) == 0
    report = await press_button(telex.editor, preview, "Import")
    assert "✅ 3 feeds added" in read_reply_text(report)
    assert await store.setups.read(telex.guild.id) == setup
    changes = await store.preferences.list_changes(telex.guild.id, limit=6)
    assert {change.user_id for change in changes} == {telex.editor.id}
    undo_reply = await press_button(telex.editor, report, "Undo the import")
    assert read_reply_text(undo_reply) == "### Import undone\n↩️ 3 feeds removed\n↩️ 1 filter removed"
    assert await store.setups.read(telex.guild.id) == setup_before


async def test_import_moves_feeds_of_unusable_channels_with_filters(telex):
    elsewhere = invite_bot(telex.env, "elsewhere").create_text_channel("forged")
    hidden_channel, muted = telex.guild.create_text_channel("hidden"), telex.guild.create_text_channel("muted")
    hide_channel(telex, hidden_channel, telex.editor)
    await telex.set_permissions(muted, send_messages=False)
    voice = telex.guild.create_voice_channel("voice")
    channels = [elsewhere, hidden_channel, muted, voice]
    exclude_filters = [Filter(0, FilterMode.EXCLUDE, f"word{n}") for n in range(9)]
    invalid_filters = [
        Filter(0, mode, query) for mode, query in ((FilterMode.INCLUDE, "the"), (FilterMode.EXCLUDE, "before:2020"))
    ]
    groups = [
        (
            ChannelOutline(channel.id, f"*{n}*", (*exclude_filters[:2], Filter(0, FilterMode.INCLUDE, "whole"))),
            [Outline("A", f"https://a.example/{n}", None, None, channel.id, (*exclude_filters[1:], *invalid_filters))],
        )
        for n, channel in enumerate(channels)
    ]
    looks = [PostLook(prefix=prefix) for prefix in ("x" * 41, "\ud800", "\0", "a\nb")]
    looks.append(PostLook(template=Template("{unknown}")))
    groups += [
        (groups[0][0], [replace(groups[0][1][0], url=f"https://b.example/{n}", filters=(), look=look)])
        for n, look in enumerate(looks)
    ]
    groups.append(
        (ChannelOutline(telex.news.id, "news", (exclude_filters[0], Filter(0, FilterMode.INCLUDE, "whole"))), [])
    )
    document = opml.serialize_opml("x", groups, now=START)
    preview = await telex.run_as_editor("feed import", file=("telex.opml", document))
    assert f"<#{telex.news.id}> · 9 feeds · 56 filters" in read_reply_text(preview)
    assert r"there for you: \*0\*, \*1\*, \*2\*, \*3\*. These feeds go to " + f"<#{telex.news.id}>" in read_reply_text(
        preview
    )
    assert "➖ 14 filters or looks left out" in read_reply_text(preview)
    assert "All in #news" not in list_button_labels(get_last_reply(preview)), "nothing but one channel is left"
    await press_button(telex.editor, preview, "Import")
    setup = await telex.store.setups.read(telex.guild.id)
    assert {key.channel_id for key in setup if key.feed is not None} == {telex.news.id}
    filter_counts = Counter(key.feed for key in setup if key.setting == SettingKind.FILTER)
    assert sorted(filter_counts.values()) == [1, 3, 3, 3, 3, 3, 10, 10, 10, 10]


async def test_import_is_previewed_again_after_changes(telex):
    tech = telex.guild.create_text_channel("tech")
    outlines = [Outline(str(n), f"https://a.example/{n}", None, None, tech.id) for n in range(3)]
    document = opml.serialize_opml("x", [(ChannelOutline(tech.id, "#tech"), outlines)], now=START)
    preview = await telex.run_as_editor("feed import", file=("telex.opml", document))
    assert f"<#{tech.id}> · 3 feeds" in read_reply_text(preview)
    gathered_preview = await press_button(telex.editor, preview, "All in #news")
    assert f"<#{telex.news.id}> · 3 feeds" in read_reply_text(gathered_preview)
    preview = await press_button(telex.editor, gathered_preview, "Each in its own channel")
    assert f"<#{tech.id}> · 3 feeds" in read_reply_text(preview)
    hide_channel(telex, tech, telex.editor)
    second_preview = await press_button(telex.editor, preview, "Import")
    assert "Something changed" in read_reply_text(second_preview)
    assert f"<#{telex.news.id}> · 3 feeds" in read_reply_text(second_preview)
    assert await telex.store.subscriptions.count(telex.guild.id) == 0
    report = await press_button(telex.editor, second_preview, "Import")
    assert "✅ 3 feeds added" in read_reply_text(report)
    assert await telex.store.subscriptions.load_channel_ids(telex.guild.id) == {telex.news.id}
    # Undo takes back only what is as it was imported.
    feed = await telex.store.feeds.find("https://a.example/1")
    subscription = await telex.store.subscriptions.find(telex.news.id, feed.id)
    await telex.store.filters.add(FilterPlace(subscription.id), [(FilterMode.EXCLUDE, "ads")], user_id=1, limit=9)
    telex.locales[telex.editor.id] = "fr"
    undo_reply = await press_button(telex.editor, report, "Undo the import")
    assert read_reply_text(undo_reply).splitlines()[1:] == [
        "↩️ 2 flux retirés",
        "❌ 1 flux reste : il a été modifié depuis, ou son salon vous est caché",
    ]
    assert await telex.store.subscriptions.load_feed_ids([telex.news.id]) == {feed.id}


async def test_export_without_feeds_and_import_without_permission(telex):
    assert "/feed add" in read_reply_text(await telex.run_as_editor("feed export"))
    await telex.set_permissions(telex.news, send_messages=False)
    answer = await telex.run_as_editor("feed import", file=("a.opml", build_opml(["https://a.example/"])))
    assert "**Send Messages**" in read_reply_text(answer)
