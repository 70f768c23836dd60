"""/story and the button Story so far."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.answers.timeline.developments import Development, DifferingNumber
from bot.answers.timeline.story_search import MAX_STORY_ARTICLES
from bot.answers.timeline.story_timeline import MAX_DEVELOPMENTS, StoryTimeline
from bot.core.models import Feed
from bot.posting.rendering.layout.layout_views import build_static_view
from bot.store.outbox.held_posts import JOIN_EDIT_INTERVAL_SECONDS
from bot.text import discord_text
from bot.writing.model_tasks import ModelTask
from cogs.reading.story_commands import story_layout
from tests.answers.timeline.articles import make_article
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_components,
    list_controls,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.model_service import ModelService
from tests.support.samples import make_new_article
from tests.support.scenario import follow_feed, publish_items

HOUR = 3600
CUT = "The undersea cable Nordwave was cut in the night by the anchor of a cargo ship."
QUEUE = "{} ships are waiting above the Nordwave cable outside the zone that the coast guard closed."
ARTICLES = (
    ("Circuit", 60, "Ship’s anchor cuts the Nordwave cable", CUT),
    ("Socket", 59, "Anchor of a cargo ship cuts the Nordwave cable", "It lies in two pieces after the storm, say all."),
    ("Circuit", 30, "Repair crew reaches the severed Nordwave cable", "The crew of the Nordwave cable wants ten days."),
    ("Circuit", 4, "Ships queue in the North Sea above the Nordwave cable", QUEUE.format("Twelve")),
    ("Socket", 3, "Ships queue above the Nordwave cable in the North Sea", QUEUE.format("Fifteen")),
)


async def publish_story(
    telex: World, server: FeedServer, articles: tuple[tuple[str, int, str, str], ...] = ARTICLES
) -> dict[str, Feed]:
    """Publish a story in two outlets, one article after the other, after a first poll of their feeds."""
    now = telex.clock.now()
    items: dict[str, list[str]] = {}
    feeds: dict[str, Feed] = {}
    for number, outlet in enumerate(dict.fromkeys(outlet for outlet, *_ in articles)):
        items[outlet] = [make_rss_item(number + 1, title=f"{outlet}: welcome", published=now - 200 * HOUR)]
        feeds[outlet] = await follow_feed(telex, server, *items[outlet], path=f"/{outlet}", title=outlet)
    for number, (outlet, hours_ago, title, body) in enumerate(articles, 100):
        items[outlet].insert(0, make_rss_item(number, title=title, body=body, published=now - hours_ago * HOUR))
        await publish_items(telex, server, feeds[outlet], *items[outlet], title=outlet)
    return feeds


async def test_story_lists_developments_with_quote_outlet_and_link(telex, feed_server):
    await publish_story(telex, feed_server)
    answer = get_last_reply(await telex.run_as_reader("story", words="nordwave cable"))
    lines = read_message_text(answer).splitlines()
    assert answer.ephemeral
    assert lines[0] == "### Nordwave cable: the story so far"
    assert lines[1] == "-# 3 developments in 3 days · 5 articles from 2 outlets"
    quotes = [line for line in lines if line.startswith("> ")]
    assert quotes == [f"> {CUT}", "> The crew of the Nordwave cable wants ten days.", f"> {QUEUE.format('Twelve')}"]
    sources = [line for line in lines if "**Circuit**" in line]
    assert sources[0].endswith(
        "[Ship’s anchor cuts the Nordwave cable](https://news.example/articles/100) ·\xa0+1 outlet"
    )
    days = [line for line in lines if line.startswith("-# **<t:")]
    assert len(days) == 3
    assert "**Newest**" in days[-1]
    assert (
        "⚖️ **Outlets differ:** [Twelve ships](https://news.example/articles/103) (Circuit), "
        "[Fifteen](https://news.example/articles/104) (Socket)" in lines
    )
    assert list_button_labels(answer) == ["Watch", "Newest first", "Ask", "Enough of this story"]


async def test_order_button_edits_message_after_restart(telex, feed_server):
    await publish_story(telex, feed_server)
    answer = get_last_reply(await telex.run_as_reader("story", words="nordwave cable"))
    await telex.restart()
    await telex.reader.click(answer, label="Newest first")
    quotes = [line for line in read_message_text(answer).splitlines() if line.startswith("> ")]
    assert quotes[0] == f"> {QUEUE.format('Twelve')}"
    assert quotes[-1] == f"> {CUT}"
    assert "Oldest first" in list_button_labels(answer)
    await telex.reader.click(answer, label="Oldest first")
    assert read_message_text(answer).index(CUT) < read_message_text(answer).index(QUEUE.format("Twelve"))


async def test_story_offers_watch_and_question(telex, feed_server):
    await publish_story(telex, feed_server)
    answer = get_last_reply(await telex.run_as_reader("story", words="nordwave"))
    assert "**Nordwave cable**" in read_reply_text(await telex.reader.click(answer, label="Watch"))
    (watch,) = await telex.store.watches.list_by_user(telex.reader.id)
    assert watch.query == "Nordwave cable"
    window = await telex.reader.click(answer, label="Ask")
    assert window.modal is not None


async def test_story_button_is_only_on_posts_of_stories(telex, feed_server):
    fresh_articles = [(outlet, hours // 30, title, body) for outlet, hours, title, body in ARTICLES]
    await publish_story(telex, feed_server, tuple(fresh_articles))
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS + 1)
    await telex.deliver()
    story_post = next(post for post in telex.posts() if "Also: " in read_message_text(post))
    single_post = next(post for post in telex.posts() if "Repair crew" in read_message_text(post))
    assert "Story so far" in list_button_labels(story_post)
    assert "Story so far" not in list_button_labels(single_post)
    story = await telex.reader.click(story_post, label="Story so far")
    assert get_last_reply(story).ephemeral
    assert "3 developments" in read_reply_text(story)


async def test_search_results_and_answers_offer_story(telex, feed_server):
    await publish_story(telex, feed_server)
    results = get_last_reply(await telex.run_as_reader("search", query="nordwave"))
    story = await select_option(telex.reader, results, "Ship", "A story so far")
    assert "3 developments" in read_reply_text(story)
    single_article_reply = get_last_reply(await telex.run_as_reader("search", query="severed"))
    assert not any(
        component.get("placeholder") == "A story so far…" for component in list_controls(single_article_reply)
    )
    answer = get_last_reply(await telex.run_as_reader("ask", question="What cut the undersea cable Nordwave?"))
    assert "3 developments" in read_reply_text(await telex.reader.click(answer, label="Story so far"))


async def test_story_omits_hidden_feeds(telex, feed_server):
    await publish_story(telex, feed_server)
    vault = telex.guild.create_text_channel("vault")
    secret = make_rss_item(900, title="Nordwave cable: secret papers", body="The secret papers on the Nordwave cable.")
    feed_server.serve("/secret", make_rss(secret, title="Secret"))
    secret_feed = await telex.follow(f"{feed_server.origin}/secret", vault)
    await telex.poll(secret_feed)
    assert "secret papers" in read_reply_text(await telex.run_as_reader("story", words="nordwave"))
    hide_channel(telex, vault, telex.reader)
    assert "secret papers" not in read_reply_text(await telex.run_as_reader("story", words="nordwave"))
    # A public story uses only feeds that the whole channel may read, also in the other order.
    public_story = get_last_reply(await telex.run_as_editor("story", words="nordwave", public=True))
    assert not public_story.ephemeral
    assert "secret papers" not in read_message_text(public_story)
    await telex.editor.click(public_story, label="Newest first")
    assert "secret papers" not in read_message_text(public_story)
    assert "secret papers" in read_reply_text(await telex.run_as_editor("story", words="nordwave"))


async def test_story_without_or_with_single_article(telex, feed_server):
    await publish_story(telex, feed_server, ARTICLES[:1])
    empty_reply = read_reply_text(await telex.run_as_reader("story", words="*kraken*"))
    assert empty_reply.startswith(r"No story on “\*kraken\*” in the channels you can see.")
    single_article_reply = get_last_reply(await telex.run_as_reader("story", words="nordwave"))
    assert "-# Only one article on this so far" in read_message_text(single_article_reply)
    assert CUT in read_message_text(single_article_reply)
    assert list_button_labels(single_article_reply) == ["Watch", "Ask", "Enough of this story"]


async def test_headline_with_colon_is_quoted_in_heading(telex, feed_server):
    await publish_story(telex, feed_server, (("Circuit", 60, "Nordwave: why the cable was cut", CUT),))
    answer = await telex.run_as_reader("story", words="nordwave")
    assert read_reply_text(answer).startswith("### The story so far of “Nordwave\\: why the cable was cut”\n")
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.run_as_reader("story", words="nordwave")
    heading = read_reply_text(answer).splitlines()[0]
    assert heading == "### L’histoire jusqu’ici de «\u00a0Nordwave\\: why the cable was cut\u00a0»"


async def test_story_in_french_keeps_original_quotes(telex, feed_server):
    await publish_story(telex, feed_server)
    telex.locales[telex.reader.id] = "fr"
    answer = get_last_reply(await telex.run_as_reader("story", words="nordwave"))
    assert "### Nordwave cable\u00a0: l’histoire jusqu’ici" in read_message_text(answer)
    assert "-# 3 épisodes en 3 jours · 5\u00a0articles de 2 médias" in read_message_text(answer)
    assert "⚖️ **Les médias divergent\u00a0:**" in read_message_text(answer)
    assert f"> {CUT}" in read_message_text(answer)
    assert list_button_labels(answer) == ["M’alerter", "Du plus récent", "Demander", "Assez de ce sujet"]


async def test_development_prefers_language_of_user(telex, feed_server):
    title, body = (
        "Cloudflare Nordwave 7.2 outage in Oslo",
        "The Cloudflare Nordwave 7.2 outage in Oslo is over, all say.",
    )
    french = "Cloudflare Nordwave 7.2 : panne à Oslo"
    articles = [
        make_article(1, title, body),
        make_article(2, french, "La panne de Cloudflare Nordwave 7.2 à Oslo est finie.", language="fr"),
    ]
    from bot.answers.timeline.developments import build_developments  # noqa: PLC0415

    similar_pairs = [(1, 2, 0.9)]
    assert [development.line for development in build_developments(articles, similar_pairs, "fr")] == [articles[1].body]
    assert [development.line for development in build_developments(articles, similar_pairs, "en")] == [body]


def make_timeline(count: int, omitted_count: int = 4) -> StoryTimeline:
    """Build a timeline with texts and links of maximal length, full of markup."""
    developments = tuple(
        Development(
            make_article(number, "*_" * 150, outlet="~|" * 40)._replace(url=f"https://news.example/{'a' * 280}"),
            "[`" * 100,
            1_780_000_000 + number * 90_000,
            ("a", "b", "c"),
            tuple(
                DifferingNumber("12 ships " * 20, "*" * 80, f"https://news.example/{'b' * 280}") for _third in range(3)
            ),
        )
        for number in range(count)
    )
    return StoryTimeline(
        seed=developments[0].article,
        query_text="nordwave " * 40,
        topic="_" * 60,
        shown_developments=developments,
        omitted_count=omitted_count,
        article_count=500,
        outlet_count=90,
        zone=__import__("datetime").UTC,
    )


@check_cases("newest_first", [False, True])
async def test_longest_story_drops_links_before_lines(newest_first):
    summary = "A sentence of the summary that is long. " * 12
    layout = story_layout(make_timeline(MAX_DEVELOPMENTS), newest_first=newest_first, can_watch=True, summary=summary)
    view = build_static_view(layout)
    shown_texts = [item.content for item in view.walk_children() if hasattr(item, "content")]
    assert sum(map(discord_text.count_utf16_units, shown_texts)) <= 4000
    assert sum(1 for _item in view.walk_children()) <= 40
    assert sum("> " in shown_text for shown_text in shown_texts) == MAX_DEVELOPMENTS
    assert any("4 more in" in shown_text for shown_text in shown_texts)
    usual_texts = story_layout(make_timeline(2, 0), newest_first=newest_first, can_watch=True)
    assert "https://news.example" in str(usual_texts)


async def test_story_of_five_hundred_articles_is_bounded(telex, feed_server):
    now = telex.clock.now()
    feeds = [await follow_feed(telex, feed_server, path=f"/{number}", title=f"Outlet {number}") for number in range(20)]
    words = ("waits", "rests", "moves", "breaks", "floats")
    articles = [
        (
            feed.id,
            make_new_article(
                feed,
                f"cable {number} {feed.id}",
                title=f"Nordwave cable {words[number % 5]} in storm number {number}",
                text=f"The Nordwave cable {words[number % 5]} after {number + 2} ships came by. Nobody said more.",
                published=now - number * 1800,
                language="en",
                outlet=f"Outlet {feed.id}",
            ),
        )
        for number in range(25)
        for feed in feeds
    ]
    assert await telex.store.articles.import_batch(articles) == 500
    answer = get_last_reply(await telex.run_as_reader("story", words="nordwave cable"))
    quotes = [line for line in read_message_text(answer).splitlines() if line.startswith("> ")]
    assert 1 <= len(quotes) <= MAX_DEVELOPMENTS
    assert len(list_components(answer)) <= 40
    count = re.search(r"· (\d+) articles from 20 outlets", read_message_text(answer))
    assert count is not None
    assert 100 <= int(count[1]) <= MAX_STORY_ARTICLES


@pytest.fixture
def service(feed_server) -> ModelService:
    return ModelService(feed_server)


class TestWithModel:
    @pytest.fixture
    def settings(self, settings, service):
        return replace(settings, model_url=service.url, model_name="small", model_daily=40)

    async def test_summary_keeps_only_supported_sentences(self, telex, feed_server, service):
        long_text = f"{CUT} Its operator Skagen Link expects three weeks of repair. " * 5
        await publish_story(telex, feed_server, (("Circuit", 60, ARTICLES[0][2], long_text), *ARTICLES[1:]))
        service.answer_with("An anchor cut the Nordwave cable. A dragon was seen.", ModelTask.SUMMARIZE)
        from tests.support.model_service import support_unless  # noqa: PLC0415

        service.answer_with(support_unless("dragon"), ModelTask.VERIFY_SENTENCES)
        answer = get_last_reply(await telex.run_as_reader("story", words="nordwave"))
        lines = read_message_text(answer).splitlines()
        assert lines[2] == "An anchor cut the Nordwave cable."
        assert lines[3] == "-# ✍️ Written by small from these sources. It can be wrong."
        assert "dragon" not in read_message_text(answer)
        request_count = len(service.requests)
        await telex.reader.click(answer, label="Newest first")
        assert len(service.requests) == request_count  # the summary is cached
        assert "An anchor cut the Nordwave cable." in read_message_text(answer)

    async def test_story_is_shown_without_summary_if_model_fails(self, telex, feed_server, service):
        await publish_story(telex, feed_server)
        answer = read_message_text(get_last_reply(await telex.run_as_reader("story", words="nordwave")))
        assert "3 developments" in answer
        assert "✍️" not in answer
