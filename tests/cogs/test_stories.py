"""/settings stories: minimum of outlets and best of the day."""

from bot.cli import printing
from bot.core import setting_registry
from bot.posting.wording.post_explanations import explain_link
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_last_reply, read_message_text, read_reply_text, select_option
from tests.support.scenario import publish_items, run_why

STORY = "Harbour bridge closes after cracks were found"


async def test_story_is_held_until_two_outlets_report_it(telex, feed, feed_server, monkeypatch):
    panel = get_last_reply(await telex.run_as_editor("settings stories"))
    assert "**Outlets** · every story" in read_message_text(panel)
    panel = get_last_reply(await select_option(telex.editor, panel, "At least 2 outlets", "Outlets"))
    assert "This channel follows 1 outlet, so no story can reach 2." in read_message_text(panel)
    url = feed_server.serve("/rival", make_rss(make_rss_item(901), title="The Rival"))
    rival_feed = await telex.store.feeds.add(url)
    await telex.poll(rival_feed)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id, channel_id=telex.news.id, feed_id=rival_feed.id, first_article_id=None
    )
    post_count_before = len(telex.posts())
    now = telex.clock.now()
    await publish_items(telex, feed_server, feed, make_rss_item(11, title=STORY, published=now - 60))
    assert len(telex.posts()) == post_count_before
    link = "https://news.example/articles/11"
    reason = (await run_why(telex, link, person=telex.editor)).replace("\\", "")
    held_reason = "Waiting for more outlets: 1 of 2 so far."
    assert held_reason in reason
    assert held_reason in "".join(printing.format_explanation(await explain_link(telex.store, link)))  # in a terminal
    panel = get_last_reply(await telex.run_as_editor("settings stories"))
    assert "1 story is waiting." in read_message_text(panel)
    assert "no story can reach" not in read_message_text(panel)
    list_text = read_reply_text(await telex.run_as_editor("feed list"))
    assert "Stories: at least 2 outlets" in list_text
    assert "real time" not in list_text
    monkeypatch.setattr(telex.newsroom.websub_subscriber, "is_pushed", {feed.id}.__contains__)
    assert read_reply_text(await telex.run_as_editor("feed list")).count("⚡ real time") == 1
    entry = make_rss_item(12, title=STORY, published=now - 30).replace("news.example", "rival.example")
    await publish_items(telex, feed_server, rival_feed, entry, make_rss_item(901), title="The Rival")
    (post,) = telex.posts()[post_count_before:]
    assert STORY in read_message_text(post)
    assert "Also: " in read_message_text(post)
    assert "posted" in await run_why(telex, link, person=telex.editor)


async def test_best_of_day_is_posted_when_due(telex, feed, feed_server):
    panel = get_last_reply(await telex.run_as_editor("settings stories"))
    await select_option(telex.editor, panel, "At most 1 story a day", "Best of")
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Best of the day**: no limit → at most 1 story a day" in history
    post_count_before = len(telex.posts())
    now = telex.clock.now()
    await publish_items(
        telex, feed_server, feed, make_rss_item(12, published=now - 60), make_rss_item(11, published=now - 90)
    )
    assert len(telex.posts()) == post_count_before
    link = "https://news.example/articles/11"
    telex.locales[telex.editor.id] = "fr"
    reason = (await run_why(telex, link, person=telex.editor)).replace("\\", "")
    assert "Seuls les meilleurs sujets du jour y sont publiés" in reason
    due = await telex.store.held_posts.get_next_due_at()
    assert due is not None
    await telex.advance(due - now)
    await telex.deliver()
    (post,) = telex.posts()[post_count_before:]
    assert "Article 12" in read_message_text(post)
    await telex.advance(86_400)
    await telex.deliver()
    assert len(telex.posts()) == post_count_before + 1
    reason = await run_why(telex, link, person=telex.editor)
    assert "il n’était pas parmi les meilleurs sujets du jour" in reason
    preferences = await telex.store.preferences.get_by_channel(telex.news.id)
    assert preferences[setting_registry.TOP_STORIES_PER_DAY] == 1
    changes = await telex.store.preferences.list_changes(telex.guild.id, limit=9)
    assert changes[0].setting == setting_registry.TOP_STORIES_PER_DAY.column_name
