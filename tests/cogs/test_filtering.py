"""/feed filter for one feed: trial, list, removal, and /why."""

from __future__ import annotations

from bot.core.models import Feed
from bot.core.preferences import FilterMode, FilterPlace
from bot.watches import subscription_filters
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    NEXT,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    open_feed_card,
    press_button,
    press_icon_button,
    read_reply_text,
)
from tests.support.scenario import (
    START,
    follow_feed,
    get_first_subscription_id,
    get_newest_article,
    list_posted_titles,
    make_three_rss_items,
    publish_items,
)


async def list_saved_filters(world: World) -> list[tuple[str, str]]:
    return [
        (feed_filter.mode.value, feed_filter.query)
        for feed_filter in await world.store.filters.list_by_place(
            FilterPlace(int(await get_first_subscription_id(world)))
        )
    ]


async def publish_and_deliver(world: World, server: FeedServer, feed: Feed, *new_items: str) -> None:
    """Publish items in the feed, poll it and deliver the posts."""
    await publish_items(world, server, feed, *new_items, *make_three_rss_items())


async def test_filter_is_tried_on_recent_articles_before_saving(telex, feed, feed_server):
    trial = await telex.run_as_editor(
        "feed filter", feed=await get_first_subscription_id(telex), only="chips OR browser"
    )
    trial_text = read_reply_text(trial)
    assert "Would have posted 2 of the last 3 articles" in trial_text
    assert "✅ [Chips get smaller]" in trial_text
    assert "🚫 [Cities ban facial recognition]" in trial_text
    assert "only `chips OR browser`" in trial_text
    assert list_button_labels(get_last_reply(trial)) == ["Save this filter", "Cancel"]
    assert await list_saved_filters(telex) == []
    save_reply = await press_button(telex.editor, trial, "Save this filter")
    assert "only `chips OR browser`" in read_reply_text(save_reply)
    assert await list_saved_filters(telex) == [("only", "chips OR browser")]
    post_count_before = len(telex.posts())
    await publish_and_deliver(
        telex,
        feed_server,
        feed,
        make_rss_item(5, title="A vote on maps", published=START - 2),
        make_rss_item(4, title="New chips", published=START - 1),
    )
    assert list_posted_titles(telex)[post_count_before:] == ["New chips"]


async def test_why_names_the_filter(telex, feed, feed_server):
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="sponsored")
    assert "Would have posted 3 of the last 3 articles" in read_reply_text(trial)
    await press_button(telex.editor, trial, "Save this filter")
    await publish_and_deliver(
        telex, feed_server, feed, make_rss_item(4, title="Sponsored: buy maps", published=START - 1)
    )
    article = await get_newest_article(telex, feed)
    answer = await telex.run_as_reader("why", link=article.url)
    assert "filtered out by: never `sponsored`" in read_reply_text(answer)
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.run_as_reader("why", link=article.url)
    assert "écarté par un filtre\u00a0: jamais `sponsored`" in read_reply_text(answer)


async def test_cancelled_filter_is_not_saved_and_card_warns_of_empty_feed(telex, feed):
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="chips")
    final_reply = await press_button(telex.editor, trial, "Cancel")
    assert "Nothing changed" in read_reply_text(final_reply)
    assert await list_saved_filters(telex) == []
    rules = [(FilterMode.INCLUDE, "zebras")]
    await telex.store.filters.add(
        FilterPlace(int(await get_first_subscription_id(telex))), rules, user_id=telex.editor.id, limit=10
    )
    assert "🟠 Filters let 0 of the last 3 articles through" in read_reply_text(await open_feed_card(telex))


async def test_trial_includes_saved_filters(telex, feed):
    subscription = await get_first_subscription_id(telex)
    await telex.store.filters.add(
        FilterPlace(int(subscription)), [(FilterMode.EXCLUDE, "browser")], user_id=telex.editor.id, limit=10
    )
    trial = await telex.run_as_editor("feed filter", feed=subscription, only="-vote", never="nanometres")
    trial_text = read_reply_text(trial)
    assert "Would have posted 0 of the last 3 articles" in trial_text
    for filter_text in ("never `browser`", "never `nanometres`"):
        assert f"-# {filter_text}" in trial_text
    second_reply = await telex.run_as_editor("feed filter", feed=subscription, never="browser")
    assert "already" in read_reply_text(second_reply)


async def test_long_trial_has_pages(telex, feed_server):
    articles = [
        make_rss_item(number, title=f"Story {number} of the day", published=START - 60 * number)
        for number in range(1, 56)
    ]
    await follow_feed(telex, feed_server, *articles)
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), only="story")
    assert "Would have posted 50 of the last 50 articles" in read_reply_text(trial)
    assert read_reply_text(trial).count("✅") == 10
    second_page = await press_icon_button(telex.editor, get_last_reply(trial), NEXT)
    assert "Story 11 of" in read_reply_text(second_page)
    assert "Story 1 of" not in read_reply_text(second_page)
    await press_button(telex.editor, second_page, "Save this filter")
    assert await list_saved_filters(telex) == [("only", "story")]


async def test_unpolled_feed_can_be_filtered(telex, feed_server):
    await telex.follow(feed_server.serve("/rss", make_rss(*make_three_rss_items(), title="Example News")))
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), only="chips")
    assert "nothing to test against" in read_reply_text(trial)
    await press_button(telex.editor, trial, "Save this filter")
    assert await list_saved_filters(telex) == [("only", "chips")]


async def test_filters_are_listed_and_removed(telex, feed):
    subscription = await get_first_subscription_id(telex)
    empty_reply = await telex.run_as_editor("feed filter", feed=subscription)
    assert "every article is posted" in read_reply_text(empty_reply)
    assert list_button_labels(get_last_reply(empty_reply)) == ["Add…"]
    rules = [(FilterMode.EXCLUDE, "chips"), (FilterMode.INCLUDE, "`maps`"), (FilterMode.INCLUDE, "vote")]
    await telex.store.filters.add(FilterPlace(int(subscription)), rules, user_id=telex.editor.id, limit=10)
    list_reply = await telex.run_as_editor("feed filter", feed=subscription)
    assert "1. never `chips`\n2. only `'maps'`\n3. only `vote`" in read_reply_text(list_reply)
    assert "Filters let 1 of the last 3 articles through" in read_reply_text(list_reply)
    assert "matching one is enough" in read_reply_text(list_reply)
    shortened_reply = await press_button(telex.editor, list_reply, "Remove 2")
    assert "Removed: only `'maps'`" in read_reply_text(shortened_reply)
    assert await list_saved_filters(telex) == [("never", "chips"), ("only", "vote")]
    overview = read_reply_text(await open_feed_card(telex))
    assert "-# look: card · never `chips`, only `vote`" in overview
    assert "🟠" not in overview
    shortened_reply = await press_button(telex.editor, shortened_reply, "Remove 1")
    await press_button(telex.editor, shortened_reply, "Remove 1")
    assert await list_saved_filters(telex) == []
    changes = await telex.store.preferences.list_changes(telex.guild.id, limit=3)
    assert [(change.setting, change.user_id, change.old_value, change.new_value) for change in changes] == [
        ("filter", telex.editor.id, "only vote", None),
        ("filter", telex.editor.id, "never chips", None),
        ("filter", telex.editor.id, "only `maps`", None),
    ]


async def test_filter_is_added_from_list(telex, feed, monkeypatch):
    list_reply = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex))
    form = await press_button(telex.editor, list_reply, "Add…")
    empty_form_reply = await telex.editor.submit_modal(form, {"only": "", "never": " "})
    assert list_button_labels(get_last_reply(empty_form_reply)) == ["Add…"]
    form = await press_button(telex.editor, empty_form_reply, "Add…")
    trial = await telex.editor.submit_modal(form, {"only": "", "never": "chips"})
    assert "Would have posted 2 of the last 3 articles" in read_reply_text(trial)
    assert await list_saved_filters(telex) == []
    final_reply = await press_button(telex.editor, trial, "Save this filter")
    assert read_reply_text(final_reply).startswith("Saved. **Example News** in <#")
    assert await list_saved_filters(telex) == [("never", "chips")]
    monkeypatch.setattr(subscription_filters, "MAX_FILTERS_PER_PLACE", 1)
    list_reply = get_last_reply(await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex)))
    (add_button,) = [component for component in list_controls(list_reply) if component.get("label") == "Add…"]
    assert add_button["disabled"]


async def test_filters_per_feed_are_limited(telex, feed_server, monkeypatch):
    monkeypatch.setattr(subscription_filters, "MAX_FILTERS_PER_PLACE", 2)
    await follow_feed(telex, feed_server)
    subscription = await get_first_subscription_id(telex)
    first_trial = await telex.run_as_editor("feed filter", feed=subscription, only="a1", never="a2")
    second_trial = await telex.run_as_editor("feed filter", feed=subscription, never="a3")
    await press_button(telex.editor, first_trial, "Save this filter")
    refusal = await press_button(telex.editor, second_trial, "Save this filter")
    assert "up to 2 filters here" in read_reply_text(refusal)
    full_reply = await telex.run_as_editor("feed filter", feed=subscription, never="a4")
    assert "up to 2 filters here" in read_reply_text(full_reply)
    assert len(await list_saved_filters(telex)) == 2


async def test_invalid_filter_query_is_refused(telex, feed):
    for query in ("chips since:7d", "is:bookmarked", "the"):
        refusal = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never=query)
        assert list_button_labels(get_last_reply(refusal)) == [], query
    assert await list_saved_filters(telex) == []


async def test_filter_of_unfollowed_or_hidden_feed_is_refused(telex, feed):
    subscription = await get_first_subscription_id(telex)
    lounge = telex.guild.create_text_channel("lounge")
    first_trial = await telex.editor.slash(lounge, "feed filter", feed=subscription, never="chips")
    second_trial = await telex.editor.slash(lounge, "feed filter", feed=subscription, never="chips")
    hide_channel(telex, telex.news, telex.editor)
    refusal = await press_button(telex.editor, first_trial, "Save this filter")
    assert "isn’t followed there anymore" in read_reply_text(refusal)
    assert await list_saved_filters(telex) == []
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    refusal = await press_button(telex.editor, second_trial, "Save this filter")
    assert "isn’t followed there anymore" in read_reply_text(refusal)


async def test_title_is_escaped_in_trial(telex, feed_server):
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(1, title="[x](https://evil.example) **@everyone** <@1>", published=START - 5),
    )
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="chips")
    trial_text = read_reply_text(trial)
    assert "](https://evil" not in trial_text
    assert "**@everyone" not in trial_text


async def test_trial_in_french(telex, feed):
    telex.locales[telex.editor.id] = "fr"
    trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="chips")
    assert "Articles publiés : 2 sur les 3 derniers" in read_reply_text(trial)
    assert list_button_labels(get_last_reply(trial)) == ["Enregistrer ce filtre", "Annuler"]
