"""/settings stories: what a channel takes, what /why says meanwhile, and what comes of it."""

from bot.cli import printing
from bot.core.preferences import Preference
from bot.posting.wording.post_explanations import explain
from tests.cogs.helpers import choose, follow, last, said, text
from tests.feed_server import item, rss

STORY = "Harbour bridge closes after cracks were found"


async def test_a_story_waits_for_two_outlets_and_says_so(telex, feed_server, monkeypatch):
    feed = await follow(telex, feed_server)
    panel = last(await telex.editor.slash(telex.news, "settings stories"))
    assert "**Outlets** · every story" in text(panel)
    panel = last(await choose(telex.editor, panel, "At least 2 outlets", "Outlets"))
    assert "This channel follows 1 outlet, so no story can reach 2." in text(panel)
    url = feed_server.serve("/rival", rss(item(901), title="The Rival"))
    other = await telex.store.feeds.add(url)
    await telex.poll(other)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id, channel_id=telex.news.id, feed_id=other.id, first_article_id=None
    )
    before = len(telex.posts())
    now = telex.clock.now()
    feed_server.serve("/rss", rss(item(11, title=STORY, published=now - 60)))
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == before
    link = "https://news.example/articles/11"
    why = said(await telex.editor.slash(telex.news, "why", link=link)).replace("\\", "")
    why_not = "Waiting for more outlets: 1 of 2 so far."
    assert why_not in why
    assert why_not in "".join(printing.explanation_lines(await explain(telex.store, link)))  # in a terminal
    panel = last(await telex.editor.slash(telex.news, "settings stories"))
    assert "1 story is waiting." in text(panel)
    assert "no story can reach" not in text(panel)
    listed = said(await telex.editor.slash(telex.news, "feed list"))
    assert "Stories: at least 2 outlets" in listed
    assert "real time" not in listed
    monkeypatch.setattr(telex.newsroom.websub, "is_pushed", {feed.id}.__contains__)
    assert said(await telex.editor.slash(telex.news, "feed list")).count("⚡ real time") == 1
    entry = item(12, title=STORY, published=now - 30).replace("news.example", "rival.example")
    feed_server.serve("/rival", rss(entry, item(901), title="The Rival"))
    await telex.poll_and_deliver(other)
    (post,) = telex.posts()[before:]
    assert STORY in text(post)
    assert "Also: " in text(post)
    assert "posted" in said(await telex.editor.slash(telex.news, "why", link=link))


async def test_the_best_of_the_day_comes_at_its_hour_and_the_rest_says_why_not(telex, feed_server):
    feed = await follow(telex, feed_server)
    panel = last(await telex.editor.slash(telex.news, "settings stories"))
    await choose(telex.editor, panel, "At most 1 story a day", "Best of")
    history = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**Best of the day**: no limit → at most 1 story a day" in history
    before = len(telex.posts())
    now = telex.clock.now()
    feed_server.serve("/rss", rss(item(12, published=now - 60), item(11, published=now - 90)))
    await telex.poll_and_deliver(feed)
    assert len(telex.posts()) == before
    link = "https://news.example/articles/11"
    telex.locales[telex.editor.id] = "fr"
    why = said(await telex.editor.slash(telex.news, "why", link=link)).replace("\\", "")
    assert "Seuls les meilleurs sujets du jour y sont publiés" in why
    due = await telex.store.held_posts.next_due()
    assert due is not None
    await telex.advance(due - now)
    await telex.deliver()
    (post,) = telex.posts()[before:]
    assert "Article 12" in text(post)
    await telex.advance(86_400)
    await telex.deliver()
    assert len(telex.posts()) == before + 1
    why = said(await telex.editor.slash(telex.news, "why", link=link))
    assert "il n’était pas parmi les meilleurs sujets du jour" in why
    chosen = await telex.store.preferences.of_channel(telex.news.id)
    assert chosen.best_a_day == 1
    changes = await telex.store.preferences.changes(telex.guild.id, limit=9)
    assert changes[0].setting == Preference.TOP_STORIES_PER_DAY
