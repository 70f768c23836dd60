"""Posts of stories: articles that join, edits and buttons."""

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
from bot.store.outbox.held_posts import JOIN_EDIT_INTERVAL_SECONDS, JOIN_WINDOW_SECONDS
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.message_texts import find_title, list_components, read_message_text
from tests.support.scenario import list_posted_titles

BAN = "Amazon bans police use of its facial recognition for a year"
AGAIN = "Amazon halts police use of face recognition software for one year"
THIRD = "Amazon stops police from using facial recognition Rekognition for a year"
OTHER = "Microsoft bans police use of its facial recognition"


@dataclass
class Outlets:
    """Followed feeds of several outlets, with one unrelated article each."""

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
        """Publish and poll an article, deliver it unless told not to, and return its number."""
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


def get_last_post(world: World) -> discord.Message:
    return world.posts()[-1]


async def test_articles_of_same_story_share_post(telex, outlets):
    await outlets.publish("The Verge", BAN)
    post_count_before = len(telex.posts())
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    second = await outlets.publish("Numerama", AGAIN)
    assert len(telex.posts()) == post_count_before
    assert find_title(get_last_post(telex)) == BAN
    byline, *_middle_lines, also_line = read_message_text(get_last_post(telex)).splitlines()
    assert "**The Verge**" in byline
    assert also_line == f"-# Also: [Numerama](https://news.example/articles/{second})"
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    third = await outlets.publish("Wired", THIRD)
    assert len(telex.posts()) == post_count_before
    post_text = read_message_text(get_last_post(telex))
    assert f"/{second}) · [Wired](https://news.example/articles/{third})" in post_text


async def test_different_story_gets_own_post(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", OTHER)
    assert list_posted_titles(telex)[-2:] == [BAN, OTHER]


async def test_articles_within_minutes_are_joined_by_one_edit(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", AGAIN)
    await outlets.publish("Wired", THIRD)
    assert "Also" not in read_message_text(get_last_post(telex))
    assert get_last_post(telex).edited_at is None
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS + 1)
    await telex.deliver()
    post_text = read_message_text(get_last_post(telex))
    assert "[Numerama]" in post_text
    assert "[Wired]" in post_text


async def test_article_joins_pending_post_before_it_is_sent(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN)
    assert "[Numerama]" in read_message_text(get_last_post(telex))
    assert get_last_post(telex).edited_at is None


async def test_article_after_join_window_gets_own_post(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await telex.advance(JOIN_WINDOW_SECONDS + 1)
    await outlets.publish("Numerama", AGAIN)
    assert list_posted_titles(telex)[-1] == AGAIN


async def test_stories_are_not_joined_when_switched_off(telex, outlets):
    await telex.set_channel_setting(setting_registry.JOIN_STORIES, False, telex.news)
    await outlets.publish("The Verge", BAN)
    await outlets.publish("Numerama", AGAIN)
    assert list_posted_titles(telex)[-2:] == [BAN, AGAIN]


async def test_joined_outlets_are_named_in_french(telex, outlets):
    await telex.set_preference(Preference.LANGUAGE, "fr")
    await outlets.publish("The Verge", BAN, delivered=False)
    number = await outlets.publish("Numerama", AGAIN)
    post_text = read_message_text(get_last_post(telex))
    assert post_text.endswith(f"Aussi\u00a0: [Numerama](https://news.example/articles/{number})")


async def test_next_article_is_posted_after_post_was_deleted(telex, outlets):
    await outlets.publish("The Verge", BAN)
    telex.env.backend.delete_message(telex.news.id, get_last_post(telex).id)
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    await outlets.publish("Numerama", AGAIN)
    await telex.deliver()
    assert list_posted_titles(telex)[-1] == AGAIN
    await telex.deliver()
    assert list_posted_titles(telex).count(AGAIN) == 1


async def test_article_is_posted_when_edit_is_rejected(telex, outlets):
    await outlets.publish("The Verge", BAN)
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS)
    telex.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, message="Missing Access")
    await outlets.publish("Numerama", AGAIN)
    await telex.deliver()
    assert list_posted_titles(telex)[-2:] == [BAN, AGAIN]


async def test_joined_article_is_posted_when_post_is_rejected(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN, delivered=False)
    for _attempt in range(3):  # as it is, without pictures, without links
        telex.env.inject_error("POST", "/channels/*/messages", status=400, code=50035, message="Invalid")
    await telex.deliver()
    assert list_posted_titles(telex)[-1] == AGAIN
    assert BAN not in list_posted_titles(telex)


async def test_joined_article_is_named_after_crash(telex, outlets, stop_at):
    """The stop comes after the send and before its record, so it's unknown which articles the message named."""
    await outlets.publish("The Verge", BAN, delivered=False)
    stop_at("send", "after")
    await telex.deliver()
    await outlets.publish("Numerama", AGAIN, delivered=False)
    await telex.restart()
    await telex.advance(JOIN_EDIT_INTERVAL_SECONDS + 10)
    await telex.deliver()
    await telex.deliver()
    assert list_posted_titles(telex).count(BAN) == 1
    assert "Also: [Numerama]" in read_message_text(get_last_post(telex))


async def test_joined_article_can_be_saved_and_searched(telex, outlets):
    await outlets.publish("The Verge", BAN, delivered=False)
    await outlets.publish("Numerama", AGAIN)
    post = get_last_post(telex)
    more_menu = await telex.reader.click(post, label="More")
    assert more_menu.response.ephemeral
    assert f"**[{AGAIN}](" in read_message_text(more_menu.response)
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


def test_also_line_is_short_and_escaped():
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


def test_outlet_without_name_is_named_by_its_site():
    assert also_markup([build_article(1, outlet="")]) == "Also: [a.example](https://a.example/1)"
