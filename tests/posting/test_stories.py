"""One story, one message, through the whole bot: feeds, the decision, the post, its edits and its buttons."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord
import pytest

from bot.core import setting_registry
from bot.core.models import Article, Feed
from bot.core.preferences import Preference
from bot.posting.rendering import buttons
from bot.posting.rendering.buttons import MAX_JOINED_PER_BUTTON
from bot.posting.rendering.posts import also_markup
from bot.store.outbox.story_merging import JOIN_EDIT_INTERVAL_SECONDS, JOIN_WINDOW_SECONDS
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.message_texts import list_components, text, title
from tests.support.scenario import posted_titles

BAN = "Amazon bans police use of its facial recognition for a year"
AGAIN = "Amazon halts police use of face recognition software for one year"
THIRD = "Amazon stops police from using facial recognition Rekognition for a year"
OTHER = "Microsoft bans police use of its facial recognition"


@dataclass
class Outlets:
    """Feeds of several outlets that channels follow; each published something else before a test begins."""

    world: World
    server: FeedServer
    feeds: dict[str, Feed] = field(default_factory=dict)
    items: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    async def begin(self, *outlets: str, language: str = "en") -> None:
        for outlet in outlets:
            self.items[outlet] = []
            await self._serve(outlet, f"Welcome to {outlet}", language)
            self.feeds[outlet] = await self.world.follow(self.server.origin + f"/{outlet}")
            await self.world.poll(self.feeds[outlet])
        await self.world.deliver()

    async def publish(self, outlet: str, title: str, *, delivered: bool = True) -> int:
        """Publish an article now, have it found, and sent unless said; its number."""
        number = await self._serve(outlet, title, "en")
        await self.world.poll(self.feeds[outlet])
        if delivered:
            await self.world.deliver()
        return number

    async def _serve(self, outlet: str, title: str, language: str) -> int:
        self.count += 1
        published = self.world.clock.now() - 60
        self.items[outlet].insert(
            0, make_rss_item(self.count, title=title, published=published, body=f"What {outlet} knows of it.")
        )
        self.server.serve(f"/{outlet}", make_rss(*self.items[outlet], title=outlet, language=language))
        return self.count


@pytest.fixture
async def outlets(telex, feed_server) -> Outlets:
    new_outlets = Outlets(telex, feed_server)
    await new_outlets.begin("The Verge", "Numerama", "Wired")
    return new_outlets


def last_post(world: World) -> discord.Message:
    return world.posts()[-1]


async def test_the_same_event_from_several_feeds_is_one_post(telex, outlets):
    await outlets.publish("The Verge", BAN)
    post_count_before = len(telex.posts())
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    second = await outlets.publish("Numerama", AGAIN)
    assert len(telex.posts()) == post_count_before
    assert title(last_post(telex)) == BAN
    byline, *_middle_lines, also_line = text(last_post(telex)).splitlines()
    assert "**The Verge**" in byline
    assert also_line == f"-# Also: [Numerama](https://news.example/articles/{second})"
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    third = await outlets.publish("Wired", THIRD)
    assert len(telex.posts()) == post_count_before
    post_text = text(last_post(telex))
    assert f"/{second}) · [Wired](https://news.example/articles/{third})" in post_text


async def test_another_company_is_another_post(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", OTHER)
    assert posted_titles(telex)[-2:] == [BAN, OTHER]


async def test_what_comes_within_minutes_is_shown_by_one_edit(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", AGAIN)
    await outlets.publish("Wired", THIRD)
    assert "Also" not in text(last_post(telex))
    assert last_post(telex).edited_at is None
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS + 1)
    await telex.deliver()
    post_text = text(last_post(telex))
    assert "[Numerama]" in post_text
    assert "[Wired]" in post_text


async def test_what_joins_before_the_post_is_sent_goes_with_it(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN)
    assert "[Numerama]" in text(last_post(telex))
    assert last_post(telex).edited_at is None


async def test_a_day_after_the_post_it_is_a_post_again(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await telex.advance(JOIN_WINDOW_SECONDS + 1)
    await outlets.publish("Numerama", AGAIN)
    assert posted_titles(telex)[-1] == AGAIN


async def test_a_channel_that_wants_every_article_gets_every_article(telex, outlets):
    await telex.set_channel_setting(setting_registry.JOIN_STORIES, False, telex.news)
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", AGAIN)
    assert posted_titles(telex)[-2:] == [BAN, AGAIN]


async def test_posts_of_a_french_server_say_it_in_french(telex, outlets):
    await telex.set_preference(Preference.LANGUAGE, "fr")
    await outlets.publish("The Verge", BAN, delivered=False)
    number = await outlets.publish("Numerama", AGAIN)
    post_text = text(last_post(telex))
    assert post_text.endswith(f"Aussi\u00a0: [Numerama](https://news.example/articles/{number})")


async def test_a_post_that_somebody_deleted_leaves_its_story_to_the_next(telex, outlets):
    await outlets.publish("The Verge", BAN)
    telex.env.backend.delete_message(telex.news.id, last_post(telex).id)
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    await outlets.publish("Numerama", AGAIN)
    await telex.deliver()
    assert posted_titles(telex)[-1] == AGAIN
    await telex.deliver()
    assert posted_titles(telex).count(AGAIN) == 1


async def test_an_edit_that_discord_refuses_for_good_costs_no_article(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    telex.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, message="Missing Access")
    await outlets.publish("Numerama", AGAIN)
    await telex.deliver()
    assert posted_titles(telex)[-2:] == [BAN, AGAIN]


async def test_a_post_that_discord_refuses_leaves_its_story_to_the_next(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN, delivered=False)
    for _attempt in range(3):  # as it is, without pictures, without links
        telex.env.inject_error("POST", "/channels/*/messages", status=400, code=50035, message="Invalid")
    await telex.deliver()
    assert posted_titles(telex)[-1] == AGAIN
    assert BAN not in posted_titles(telex)


async def test_after_a_crash_the_message_still_comes_to_name_what_joined(telex, outlets, stop_at):
    """Stopped after it was sent and before that was written: which of the story it named is not known."""
    await outlets.publish("The Verge", BAN, delivered=False)
    stop_at("send", "after")
    await telex.deliver()
    await outlets.publish("Numerama", AGAIN, delivered=False)
    await telex.restart()
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS + 10)
    await telex.deliver()
    await telex.deliver()
    assert posted_titles(telex).count(BAN) == 1
    assert "Also: [Numerama]" in text(last_post(telex))


async def test_what_joined_can_be_kept_and_is_found_by_itself(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN)
    post = last_post(telex)
    more_menu = await telex.reader.click(post, label="More")
    assert more_menu.response.ephemeral
    assert f"**[{AGAIN}](" in text(more_menu.response)
    save = next(
        part["custom_id"] for part in list_components(more_menu.response) if "telex:save" in part.get("custom_id", "")
    )
    await telex.reader.click(more_menu.response, custom_id=save)
    bookmarks = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=10)
    assert [bookmark.article.title for bookmark in bookmarks] == [AGAIN]
    await telex.reader.react(post, buttons.BOOKMARK_EMOJI)
    bookmarks = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=10)
    assert {saved_bookmark.article.title for saved_bookmark in bookmarks} == {AGAIN, BAN}
    search_page = await telex.newsroom.searcher.search("halts software", feed_ids=None)
    assert [hit.article.title for hit in search_page.results] == [AGAIN]


def build_article(number: int, **fields: object) -> Article:
    article_fields: dict[str, object] = {
        "id": number, "key": f"k{number}", "feed_id": 1, "page_key": "p", "url": f"https://a.example/{number}",
        "title": "t", "summary": "", "text": "", "body": "", "author": None, "outlet": f"Outlet {number}",
        "language": "en", "tags": (), "image_url": None, "published": 0, "found_at": 0,
    }  # fmt: skip
    return Article(**(article_fields | fields))  # type: ignore[arg-type]


def test_a_line_stays_short_and_harmless_whatever_joins():
    many_articles = [build_article(number, url=f"https://a.example/{'x' * 480}{number}") for number in range(30)]
    line = also_markup(many_articles)
    assert len(line) < 2_600
    assert line.endswith(f"{30 - line.count('](')} more")
    assert line.count("](") <= MAX_JOINED_PER_BUTTON
    hostile = build_article(1, outlet="[x](https://evil.example) @everyone **b**", url="https://a.example/)[y](z")
    hostile_line = also_markup([hostile])
    assert "](https://evil" not in hostile_line
    assert "](https://a.example/%29[y]%28z)" in hostile_line
    assert "**" not in hostile_line.replace("\\*", "")


def test_an_outlet_without_a_name_is_its_site():
    assert also_markup([build_article(1, outlet="")]) == "Also: [a.example](https://a.example/1)"
