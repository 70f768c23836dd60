"""Restored backups: nothing is repeated, and old buttons still work."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from bot.core import setting_registry
from bot.drill.discord_stand_in.state import ChannelMessage, Person
from tests.support import store_probe
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.wire.kills import STORY_TITLE, find_delivery_faults, hold_stories
from tests.support.wire.scene import KINDS, Scene
from tests.support.wire.server_inspector import find_article_numbers
from tests.support.wire.waiting import wait_until

# PostgreSQL's backups are its own; that the bot reads back on a restored one, `test_processes` shows.
pytestmark = [
    pytest.mark.parametrize("database_engine", ["sqlite"]),
    pytest.mark.scene(kinds=("text", "forum")),  # What is sent is found in both; the first test has all kinds.
]


def restore(backup: Path, database: Path) -> None:
    """Replace the database by a backup; the folder of the search index stays."""
    for old in database.parent.glob(f"{database.name}*"):
        if old.is_file():
            old.unlink()
    backup.rename(database)


def find_save_button_id(post: ChannelMessage) -> str:
    (name,) = [name for name in post.list_custom_ids() if name.startswith("telex:save:")]
    return name


async def load_bookmarked_urls(scene: Scene, person: Person) -> set[str]:
    """Load the URLs of a person's bookmarks."""
    async with scene.open_newsroom() as newsroom:
        return {bookmark.article.url for bookmark in await newsroom.store.bookmarks.list_by_user(person.id, limit=100)}


@pytest.mark.scene
async def test_restored_backup_repeats_nothing_and_old_buttons_work(scene, tmp_path):
    discord = scene.discord
    discord.faults.delay("POST /channels/*/*", 0.05, times=None)
    numbers = await scene.publish_and_poll(8)
    bot = scene.start()
    await discord.wait_until(lambda: len(scene.list_messages("text")) >= 3)
    backup_output = await scene.run_command("backup", str(tmp_path / "backup.db"))
    assert "and verified" in backup_output
    assert scene.count_open_dispatches(), "the burst was over before the backup"
    discord.faults.clear()
    await scene.wait_until_posted([1, *numbers])
    numbers += scene.add_articles(3)
    await scene.make_feeds_due()
    await scene.wait_until_posted(numbers)
    before = {kind: len(scene.list_messages(kind)) for kind in KINDS}
    bot.kill()
    await bot.wait_for_exit()

    restore(tmp_path / "backup.db", scene.database_path)
    later = scene.add_articles(2)
    await scene.make_feeds_due()
    scene.start()
    await scene.wait_until_posted([*numbers, *later])
    assert not find_delivery_faults(scene, [1, *numbers, *later])
    assert {kind: len(scene.list_messages(kind)) - count for kind, count in before.items()} == dict.fromkeys(KINDS, 2)

    for index, kind in enumerate(KINDS):
        ada = discord.people.join(scene.server.id, f"Reader {index}")
        posts = scene.list_messages(kind)
        for post in posts:
            clicked = discord.people.click(ada, post, find_save_button_id(post))
            await wait_until(partial(getattr, clicked, "answered"))
        article_urls = {
            f"https://news.example/articles/{number}" for post in posts for number in find_article_numbers(post)
        }
        assert len(article_urls) == len(posts)

        async def all_are_bookmarked(person: Person = ada, expected_urls: set[str] = article_urls) -> bool:
            return await load_bookmarked_urls(scene, person) == expected_urls

        await wait_until(all_are_bookmarked)


async def test_old_database_of_move_is_refused_and_repeats_nothing_when_reused(scene, tmp_path):
    await scene.run_bot([1])
    old = tmp_path / "old.db"
    shutil.copy(scene.database_path, old)
    numbers = await scene.publish_and_poll(3)
    await scene.run_bot(numbers)

    restore(old, scene.database_path)
    later = scene.add_articles(1)
    await scene.make_feeds_due()
    store_probe.insert_rows(scene.database_path, "meta", [{"name": "moved", "value": "postgresql://host/telex"}])
    refused = scene.start()
    assert await refused.wait_for_exit() == 2
    assert "was moved to postgresql://host/telex: set TELEX_DATABASE" in refused.log
    bot = scene.start("run", "--again")
    await scene.wait_until_posted([*numbers, *later])
    assert not find_delivery_faults(scene, [1, *numbers, *later])
    await bot.stop()
    await scene.run_bot()


async def test_forum_with_many_archived_threads_is_reconciled(scene, tmp_path):
    bot = scene.start()
    await scene.wait_until_posted([1])
    await scene.back_up(tmp_path / "backup.db")
    numbers = scene.add_articles(2)
    await scene.make_feeds_due()
    await scene.wait_until_posted(numbers)
    await bot.stop()
    changes, forum = scene.discord.changes, scene.channels["forum"]
    for message in scene.list_messages("forum"):
        changes.set_archived(scene.discord.state.channels[message.channel_id])
    for number in range(260):
        body = {"content": f"What {number} asks"}
        changes.set_archived(
            changes.open_thread(forum, scene.discord.state.bot_owner.id, f"Question {number}", body=body)
        )
    restore(tmp_path / "backup.db", scene.database_path)
    later = scene.add_articles(1)
    await scene.make_feeds_due()
    scene.start()
    await scene.wait_until_posted([*numbers, *later])
    assert not find_delivery_faults(scene, [1, *numbers, *later])


async def test_catch_up_after_backup_is_recognised(scene, tmp_path):
    scene.catch_up_after = 3
    bot = scene.start()
    await scene.wait_until_posted([1])
    await scene.back_up(tmp_path / "backup.db")
    numbers = await scene.publish_and_poll(8)
    await scene.wait_until_posted(numbers)
    await bot.stop()
    restore(tmp_path / "backup.db", scene.database_path)
    later = scene.add_articles(1)
    await scene.make_feeds_due()
    scene.start()
    await scene.wait_until_posted([*numbers, *later])
    repeated_counts = {
        kind: {number: count for number, count in scene.count_posts(kind).items() if count > 1}
        for kind in scene.channels
    }
    assert not any(repeated_counts.values()), repeated_counts
    assert all(scene.count_posts(kind)[later[0]] == 1 for kind in scene.channels)


async def post_digests(
    scene: Scene, *, before: bool, tmp_path: Path, days: int, brief: bool = False
) -> tuple[list[int], int]:
    """Send digests after a backup, which holds some of their articles if they were set up `before` it.

    With `brief`, a person gets them too. Restore the backup; return the articles and the time of the first digest.
    """
    await scene.run_bot([1])
    numbers = []
    if before:
        await scene.add_channel_digests()
    if brief:
        await scene.add_personal_digest()
    if before:
        numbers += await scene.publish_and_poll(2)
    await scene.back_up(tmp_path / "backup.db")
    if not before:
        await scene.add_channel_digests()
    dues = []
    for _day in range(days):
        numbers += await scene.publish_and_poll(2)
        dues.append(scene.make_digests_due())
        await scene.run_bot(numbers)
    assert all(scene.count_posts(kind)[number] == 1 for kind in scene.channels for number in numbers)
    restore(tmp_path / "backup.db", scene.database_path)
    return numbers, dues[0]


def find_repeated_articles(scene: Scene, numbers: list[int]) -> list[str]:
    return [
        f"{kind} {number}"
        for kind in scene.channels_by_kind
        for number in numbers
        if scene.count_posts(kind)[number] != 1
    ]


async def test_digest_after_backup_is_not_repeated(scene, tmp_path):
    numbers, due = await post_digests(scene, before=True, tmp_path=tmp_path, days=2, brief=True)
    messages = {kind: len(scene.list_messages(kind)) for kind in scene.channels_by_kind}
    scene.make_digests_due(due)
    later = scene.add_articles(1)
    await scene.make_feeds_due()
    bot = scene.start()
    await wait_until(lambda: not scene.count_due_digests())
    await wait_until(lambda: scene.load_stored_numbers() == {1, *numbers, *later})
    await bot.stop()
    assert {kind: len(scene.list_messages(kind)) for kind in scene.channels_by_kind} == messages  # that day's was sent
    scene.make_digests_due()
    await scene.run_bot(later)
    assert not find_repeated_articles(scene, [*numbers, *later])
    assert {kind: len(scene.list_messages(kind)) - count for kind, count in messages.items()} == dict.fromkeys(
        scene.channels_by_kind, 1
    )
    deliveries = store_probe.load_deliveries(scene.database)
    reasons = Counter(delivery.reason for delivery in deliveries if delivery.state == "withheld")
    assert reasons == {"told": len(scene.channels) * len(numbers)}


async def test_digested_article_is_not_posted_after_restore(scene, tmp_path):
    for before in (True, False):
        numbers, _due = await post_digests(scene, before=before, tmp_path=tmp_path, days=1)
        if before:
            await scene.delete_channel_digests()
        later = scene.add_articles(1)
        await scene.make_feeds_due()
        await scene.run_bot(later)
        assert not find_repeated_articles(scene, [*numbers, *later]), before


async def follow_rival(scene: Scene) -> tuple[str, str]:
    """Let the channels follow another publisher of the same pages too, and return the URLs of both feeds."""
    serve_rival_copies(scene, [1])
    rival = f"{scene.feeds.origin}/rival.xml"
    async with scene.open_newsroom() as newsroom:
        feed = await newsroom.store.feeds.add(rival, outlet="Rival")
        await scene.poll_feed(newsroom, rival)
        for channel in scene.channels.values():
            await newsroom.store.subscriptions.follow(
                server_id=scene.server.id, channel_id=channel.id, feed_id=feed.id, first_article_id=None
            )
    return scene.url, rival


def serve_rival_copies(scene: Scene, numbers: list[int]) -> None:
    """Serve the pages of these articles in the other feed, with GUIDs and titles of its own."""
    now = scene.clock.now()
    items = [
        make_rss_item(number, title=f"Rival: article {number}", published=now - 1).replace(
            f">article-{number}<", f">rival-{number}<"
        )
        for number in numbers
    ]
    scene.feeds.serve("/rival.xml", make_rss(*reversed(items)))


async def poll_urls(scene: Scene, *urls: str) -> None:
    """Poll these feeds in this order while no bot runs."""
    async with scene.open_newsroom() as newsroom:
        for url in urls:
            await scene.poll_feed(newsroom, url)


@pytest.mark.parametrize("after", [100, 3])
async def test_page_of_two_feeds_is_not_repeated_in_any_order(scene, tmp_path, after):
    """The posts are single, or partly gathered in a catch-up."""
    scene.catch_up_after = after
    feed_url, rival_url = await follow_rival(scene)
    bot = scene.start()
    await scene.wait_until_posted([1])
    await scene.back_up(tmp_path / "backup.db")
    await bot.stop()
    numbers = scene.add_articles(6)
    serve_rival_copies(scene, numbers)
    await poll_urls(scene, feed_url, rival_url)
    await scene.run_bot(numbers)
    assert not find_repeated_articles(scene, numbers)
    restore(tmp_path / "backup.db", scene.database_path)
    await poll_urls(scene, rival_url, feed_url)
    later = scene.add_articles(1)
    await poll_urls(scene, feed_url)
    await scene.run_bot([*numbers, *later])
    assert not find_repeated_articles(scene, [*numbers, *later])


async def test_digest_pending_in_backup_omits_delivered_articles(scene, tmp_path):
    """Its articles came in a catch-up, or in a later digest, after the backup."""
    for stopped in (True, False):
        await scene.run_bot([1])
        await scene.add_channel_digests()
        numbers = await scene.publish_and_poll(2)
        scene.make_digests_due()
        for kind in scene.channels:
            scene.discord.faults.refuse(scene.get_send_route(kind), 403, 50013, times=None)
        bot = scene.start()
        await wait_until(lambda: any(post.kind == "digest" and post.attempts for post in scene.load_outbox()))
        await wait_until(lambda: not scene.count_due_digests())
        backup = tmp_path / f"backup-{stopped}.db"
        await scene.back_up(backup)
        await bot.stop()
        scene.discord.faults.clear()
        scene.clear_channel_problems()
        if stopped:
            await scene.delete_channel_digests()
        else:
            numbers += await scene.publish_and_poll(1)
            scene.make_digests_due()
        await scene.run_bot(numbers)
        assert not find_repeated_articles(scene, numbers)
        restore(backup, scene.database_path)
        scene.clear_channel_problems()
        later = scene.add_articles(1)
        await scene.make_feeds_due()
        bot = scene.start()
        await wait_until(partial(has_articles, scene, later))
        await scene.wait_until_settled()
        await bot.stop()
        scene.make_digests_due()
        await scene.run_bot(later)
        assert not find_repeated_articles(scene, [*numbers, *later]), stopped
        await scene.delete_channel_digests()


def has_articles(scene: Scene, numbers: list[int]) -> bool:
    return scene.load_stored_numbers().issuperset(numbers)


async def test_restored_watch_reports_only_new_articles(scene, tmp_path):
    await scene.add_watches()
    bot = scene.start()
    await scene.wait_until_settled()
    await scene.back_up(tmp_path / "backup.db")
    numbers = []
    for count in (1, 3):
        numbers += await scene.publish_and_poll(count)
        scene.end_watch_cooldowns()
        await scene.wait_until_posted(numbers)
    await bot.stop()
    assert not find_watch_faults(scene, numbers)
    restore(tmp_path / "backup.db", scene.database_path)
    later = scene.add_articles(2)
    await scene.make_feeds_due()
    bot = scene.start()
    await scene.wait_until_posted([*numbers, *later])
    assert not find_watch_faults(scene, [*numbers, *later])
    last = await scene.publish_and_poll(1)
    scene.end_watch_cooldowns()
    await scene.wait_until_posted(last)
    await bot.stop()
    assert not find_watch_faults(scene, [*numbers, *later, *last])


def find_watch_faults(scene: Scene, numbers: list[int]) -> list[str]:
    """List the articles that a watch did not report exactly once."""
    return [
        f"{name} {number}: {scene.count_posts(name)[number]}"
        for name in scene.watchers
        for number in numbers
        if scene.count_posts(name)[number] != 1
    ]


@pytest.mark.scene(kinds=("text", "signed forum"))
async def test_story_released_after_backup_is_not_posted_again(scene, tmp_path):
    """The backup holds the story, so the restored bot holds it again; the forum's post is by a webhook."""
    kinds = ("text", "signed forum")
    await hold_stories(scene)
    (held_number,) = await scene.publish_and_poll(1, about=STORY_TITLE)
    await scene.back_up(tmp_path / "outlets.db")
    numbers = [held_number, await scene.publish_in_other_outlet(held_number, about=STORY_TITLE)]
    await scene.run_bot(numbers)
    restore(tmp_path / "outlets.db", scene.database_path)
    (later,) = await scene.publish_and_poll(1, about="Another story")
    numbers += [later, await scene.publish_in_other_outlet(later, about="Another story")]
    await scene.run_bot(numbers)
    assert not find_delivery_faults(scene, numbers)

    await scene.change_channel_setting(setting_registry.MIN_OUTLETS, None, *kinds)
    await scene.change_channel_setting(setting_registry.TOP_STORIES_PER_DAY, 20, *kinds)
    best_numbers = await scene.publish_and_poll(1)
    await scene.back_up(tmp_path / "best.db")
    scene.make_top_stories_due()
    await scene.run_bot(best_numbers)
    restore(tmp_path / "best.db", scene.database_path)
    scene.make_top_stories_due()
    bot = scene.start()
    await wait_until(lambda: not find_delivery_faults(scene, [*numbers, *best_numbers]))
    await bot.stop()
    assert not find_delivery_faults(scene, [*numbers, *best_numbers])


@pytest.mark.scene(kinds=("text",))
async def test_post_is_recognised_by_any_joined_article(scene, feed_server, tmp_path):
    outlets = [f"{scene.feeds.origin}/outlet-{number}.xml" for number in range(2, 14)]
    for number, url in enumerate(outlets, 2):
        feed_server.serve(f"/outlet-{number}.xml", make_rss(title=f"Outlet {number}"))
        await scene.follow_additional_feed(url)
    await scene.run_bot()
    await scene.back_up(tmp_path / "backup.db")
    now = scene.clock.now()
    for number in range(2, 14):
        entry = make_rss_item(number, title=STORY_TITLE, published=now - 20 + number)
        entry = entry.replace("news.example", f"outlet-{number}.example")
        feed_server.serve(f"/outlet-{number}.xml", make_rss(entry, title=f"Outlet {number}"))
    await poll_feeds_in_order(scene, outlets)
    await scene.run_bot()
    assert len(scene.list_messages("text")) == 2
    restore(tmp_path / "backup.db", scene.database_path)
    await poll_feeds_in_order(scene, outlets[::-1])
    await scene.run_bot()
    assert len(scene.list_messages("text")) == 2


async def poll_feeds_in_order(scene: Scene, urls: list[str]) -> None:
    """Poll these feeds in this order while no bot runs."""
    async with scene.open_newsroom() as newsroom:
        for url in urls:
            await newsroom.poller.poll(await newsroom.store.feeds.add(url), wait_for_host=False)
