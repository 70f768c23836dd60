"""/feed filter: tried before it is kept, shown, removed, and named by /why."""

from __future__ import annotations

from bot.core.models import Feed
from bot.core.preferences import FilterMode
from bot.watches import subscription_filters
from tests.cogs.helpers import (
    NEXT,
    START,
    card,
    components,
    follow,
    hide,
    labels,
    last,
    newest,
    press,
    said,
    three,
)
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss
from tests.shown import title


async def first(world: World) -> str:
    """The id of the server's first subscription, as the autocomplete gives it."""
    return str((await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].id)


async def kept(world: World) -> list[tuple[str, str]]:
    return [
        (one.rule.value, one.query)
        for one in await world.store.filters.by_subscription_id(int(await first(world)))
    ]


async def appear(world: World, server: FeedServer, feed: Feed, *items: str) -> None:
    """The feed brings these, and they are posted or not."""
    server.serve("/rss", rss(*items, *three()))
    await world.poll_and_deliver(feed)


async def test_a_filter_is_tried_on_what_the_feed_had_before_it_is_kept(telex, feed_server):
    feed = await follow(telex, feed_server)
    asked = await telex.editor.slash(
        telex.news, "feed filter", feed=await first(telex), only="chips OR browser"
    )
    told = said(asked)
    assert "Would have posted 2 of the last 3 articles" in told
    assert "✅ [Chips get smaller]" in told
    assert "🚫 [Cities ban facial recognition]" in told
    assert "only `chips OR browser`" in told
    assert labels(last(asked)) == ["Save this filter", "Cancel"]
    assert await kept(telex) == []
    saved = await telex.editor.click(last(asked), label="Save this filter")
    assert "only `chips OR browser`" in said(saved)
    assert await kept(telex) == [("only", "chips OR browser")]
    before = len(telex.posts())
    await appear(
        telex,
        feed_server,
        feed,
        item(5, title="A vote on maps", published=START - 2),
        item(4, title="New chips", published=START - 1),
    )
    assert [title(post) for post in telex.posts()[before:]] == ["New chips"]


async def test_why_names_the_filter(telex, feed_server):
    feed = await follow(telex, feed_server)
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never="sponsored")
    assert "Would have posted 3 of the last 3 articles" in said(asked)
    await telex.editor.click(last(asked), label="Save this filter")
    await appear(telex, feed_server, feed, item(4, title="Sponsored: buy maps", published=START - 1))
    article = await newest(telex, feed)
    answer = await telex.reader.slash(telex.news, "why", link=article.url)
    assert "filtered out by: never `sponsored`" in said(answer)
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.reader.slash(telex.news, "why", link=article.url)
    assert "écarté par un filtre\u00a0: jamais `sponsored`" in said(answer)


async def test_cancelled_nothing_changes_and_a_filter_that_hides_everything_shows(telex, feed_server):
    await follow(telex, feed_server)
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never="chips")
    done = await telex.editor.click(last(asked), label="Cancel")
    assert "Nothing changed" in said(done)
    assert await kept(telex) == []
    rules = [(FilterMode.INCLUDE, "zebras")]
    await telex.store.filters.add(int(await first(telex)), rules, person_id=telex.editor.id, limit=10)
    assert "🟠 Filters let 0 of the last 3 articles through" in said(await card(telex))


async def test_both_kinds_are_tried_together_and_with_those_there_are(telex, feed_server):
    await follow(telex, feed_server)
    subscription = await first(telex)
    await telex.store.filters.add(
        int(subscription), [(FilterMode.EXCLUDE, "browser")], person_id=telex.editor.id, limit=10
    )
    asked = await telex.editor.slash(
        telex.news, "feed filter", feed=subscription, only="-vote", never="nanometres"
    )
    told = said(asked)
    assert "Would have posted 0 of the last 3 articles" in told
    for by in ("never `browser`", "never `nanometres`"):
        assert f"-# {by}" in told
    again = await telex.editor.slash(telex.news, "feed filter", feed=subscription, never="browser")
    assert "already" in said(again)


async def test_a_long_trial_has_pages(telex, feed_server):
    articles = [
        item(number, title=f"Story {number} of the day", published=START - 60 * number)
        for number in range(1, 56)
    ]
    await follow(telex, feed_server, *articles)
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), only="story")
    assert "Would have posted 50 of the last 50 articles" in said(asked)
    assert said(asked).count("✅") == 10
    later = await press(telex.editor, last(asked), NEXT)
    assert "Story 11 of" in said(later)
    assert "Story 1 of" not in said(later)
    await telex.editor.click(last(later), label="Save this filter")
    assert await kept(telex) == [("only", "story")]


async def test_a_feed_that_was_not_read_yet_can_be_filtered(telex, feed_server):
    await telex.follow(feed_server.serve("/rss", rss(*three(), title="Example News")))
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), only="chips")
    assert "nothing to test against" in said(asked)
    await telex.editor.click(last(asked), label="Save this filter")
    assert await kept(telex) == [("only", "chips")]


async def test_the_filters_are_listed_and_removed_one_by_one(telex, feed_server):
    await follow(telex, feed_server)
    subscription = await first(telex)
    empty = await telex.editor.slash(telex.news, "feed filter", feed=subscription)
    assert "every article is posted" in said(empty)
    assert labels(last(empty)) == ["Add…"]
    rules = [(FilterMode.EXCLUDE, "chips"), (FilterMode.INCLUDE, "`maps`"), (FilterMode.INCLUDE, "vote")]
    await telex.store.filters.add(int(subscription), rules, person_id=telex.editor.id, limit=10)
    listed = await telex.editor.slash(telex.news, "feed filter", feed=subscription)
    assert "1. never `chips`\n2. only `'maps'`\n3. only `vote`" in said(listed)
    assert "Filters let 1 of the last 3 articles through" in said(listed)
    assert "matching one is enough" in said(listed)
    fewer = await telex.editor.click(last(listed), label="Remove 2")
    assert "Removed: only `'maps'`" in said(fewer)
    assert await kept(telex) == [("never", "chips"), ("only", "vote")]
    overview = said(await card(telex))
    assert "-# look: card · never `chips`, only `vote`" in overview
    assert "🟠" not in overview
    fewer = await telex.editor.click(last(fewer), label="Remove 1")
    await telex.editor.click(last(fewer), label="Remove 1")
    assert await kept(telex) == []
    changes = await telex.store.preferences.changes(telex.guild.id, limit=3)
    assert [(one.setting, one.person_id, one.old, one.new) for one in changes] == [
        ("filter", telex.editor.id, "only vote", None),
        ("filter", telex.editor.id, "never chips", None),
        ("filter", telex.editor.id, "only `maps`", None),
    ]


async def test_a_filter_is_added_from_the_list(telex, feed_server, monkeypatch):
    await follow(telex, feed_server)
    listed = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex))
    form = await telex.editor.click(last(listed), label="Add…")
    nothing = await telex.editor.submit_modal(form, {"only": "", "never": " "})
    assert labels(last(nothing)) == ["Add…"]
    form = await telex.editor.click(last(nothing), label="Add…")
    trial = await telex.editor.submit_modal(form, {"only": "", "never": "chips"})
    assert "Would have posted 2 of the last 3 articles" in said(trial)
    assert await kept(telex) == []
    done = await telex.editor.click(last(trial), label="Save this filter")
    assert said(done).startswith("Saved. Filters of **Example News**")
    assert await kept(telex) == [("never", "chips")]
    monkeypatch.setattr(subscription_filters, "MAX_FILTERS_PER_SUBSCRIPTION", 1)
    listed = last(await telex.editor.slash(telex.news, "feed filter", feed=await first(telex)))
    (add,) = [one for one in components(listed) if one.get("label") == "Add…"]
    assert add["disabled"]


async def test_there_can_be_only_so_many(telex, feed_server, monkeypatch):
    monkeypatch.setattr(subscription_filters, "MAX_FILTERS_PER_SUBSCRIPTION", 2)
    await follow(telex, feed_server)
    subscription = await first(telex)
    asked = await telex.editor.slash(telex.news, "feed filter", feed=subscription, only="a1", never="a2")
    also = await telex.editor.slash(telex.news, "feed filter", feed=subscription, never="a3")
    await telex.editor.click(last(asked), label="Save this filter")
    refused = await telex.editor.click(last(also), label="Save this filter")
    assert "can have up to 2 filters" in said(refused)
    full = await telex.editor.slash(telex.news, "feed filter", feed=subscription, never="a4")
    assert "can have up to 2 filters" in said(full)
    assert len(await kept(telex)) == 2


async def test_what_cannot_be_a_filter_is_refused(telex, feed_server):
    await follow(telex, feed_server)
    for query in ("chips since:7d", "is:bookmarked", "the"):
        asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never=query)
        assert labels(last(asked)) == [], query
    assert await kept(telex) == []


async def test_a_filter_is_not_kept_for_a_feed_that_is_gone_or_hidden(telex, feed_server):
    feed = await follow(telex, feed_server)
    subscription = await first(telex)
    lounge = telex.guild.create_text_channel("lounge")
    asked = await telex.editor.slash(lounge, "feed filter", feed=subscription, never="chips")
    other = await telex.editor.slash(lounge, "feed filter", feed=subscription, never="chips")
    hide(telex, telex.news, telex.editor)
    refused = await telex.editor.click(last(asked), label="Save this filter")
    assert "isn’t followed there anymore" in said(refused)
    assert await kept(telex) == []
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    refused = await telex.editor.click(last(other), label="Save this filter")
    assert "isn’t followed there anymore" in said(refused)


async def test_a_hostile_title_is_no_markup_in_a_trial(telex, feed_server):
    await follow(
        telex, feed_server, item(1, title="[x](https://evil.example) **@everyone** <@1>", published=START - 5)
    )
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never="chips")
    told = said(asked)
    assert "](https://evil" not in told
    assert "**@everyone" not in told


async def test_a_trial_in_french(telex, feed_server):
    await follow(telex, feed_server)
    telex.locales[telex.editor.id] = "fr"
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never="chips")
    assert "2 publiés sur les 3 derniers articles" in said(asked)
    assert labels(last(asked)) == ["Enregistrer ce filtre", "Annuler"]
