"""Full, failing and read-only disks; damaged and missing databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

import aiohttp
import pytest

from tests.support.wire.disks import (
    corrupt_tables,
    exhaust_disk,
    free_disk,
    lift_file_size_limit,
    limit_file_size,
    mount_small_disk,
    remount_disk,
)
from tests.support.wire.kills import NONCE_FORGOTTEN, find_delivery_faults
from tests.support.wire.scene import KINDS, Scene, open_scene
from tests.support.wire.waiting import wait_until
from tests.wire.test_away import list_bookmarked_titles
from tests.wire.test_restore import find_save_button_id, restore

NOTHING_DONE = "I can’t save anything right now, so that didn’t go through."
DAMAGED = "My database is damaged, so that didn’t go through."


@pytest.fixture
async def on_disk(discord_server, feed_server, launcher, tmp_path) -> AsyncIterator[Scene]:
    """A scene with its database on a small disk of its own."""
    with mount_small_disk(tmp_path) as disk:
        async with open_scene(
            discord_server, feed_server, launcher, tmp_path, speed=20, database=disk / "telex.db"
        ) as opened:
            yield opened


class Trouble:
    """A disk problem that stops writes to a scene's database, and its end."""

    def __init__(self, scene: Scene, *, full: bool) -> None:
        disk = scene.database_path.parent
        self.begin: Callable[[], None] = partial(exhaust_disk, disk) if full else partial(limit_file_size, scene)
        self.end: Callable[[], None] = partial(free_disk, disk) if full else partial(lift_file_size_limit, scene)
        self.words = "is full" if full else "The disk failed"


@pytest.fixture(params=["full", "failing"])
def trouble(request) -> Trouble:
    full = request.param == "full"
    return Trouble(request.getfixturevalue("on_disk" if full else "scene"), full=full)


@pytest.fixture
def troubled_scene(request, trouble) -> Scene:
    affected_scene: Scene = request.getfixturevalue("on_disk" if trouble.words == "is full" else "scene")
    return affected_scene


async def load_health(scene: Scene, port: int) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/healthz") as answer,
    ):
        return answer.status, await answer.text()


def list_owner_messages(scene: Scene) -> list[str]:
    """List the bot's messages to its owner."""
    channel = scene.discord.changes.open_direct_channel(scene.discord.state.bot_owner)
    return [message.content for message in channel.history() if message.author_id == scene.discord.state.bot.id]


def count_log_lines(scene: Scene, words: str) -> int:
    return sum(words in line for line in scene.bot.log.splitlines() if " ERROR " in line or " WARNING " in line)


async def test_write_failure_is_reported_and_nothing_is_lost(trouble, troubled_scene, unused_tcp_port):
    scene, discord = troubled_scene, troubled_scene.discord
    ada, bruno = (discord.people.join(scene.server.id, name) for name in ("Ada", "Bruno"))
    talk = discord.changes.add_channel(scene.server, "talk")
    bot = scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{unused_tcp_port}")
    await scene.wait_until_settled()
    (post,) = scene.list_messages("text")
    numbers = scene.add_articles(3)
    await scene.make_feeds_due()
    trouble.begin()

    async def is_unwell() -> bool:
        status, text = await load_health(scene, unused_tcp_port)
        return status == 503 and "the database is in trouble" in text and trouble.words in text

    discord.people.react(bruno, post)
    clicked = discord.people.click(ada, post, find_save_button_id(post))
    assert NOTHING_DONE in await scene.wait_for_response(clicked)
    interaction = discord.people.use_command(discord.state.bot_owner, talk, "feed alerts", channel=talk)
    assert NOTHING_DONE in await scene.wait_for_response(interaction)
    assert "Article 1" in await scene.wait_for_response(discord.people.use_command(ada, talk, "latest"))
    await wait_until(is_unwell)
    await wait_until(lambda: list_owner_messages(scene))
    refused = await scene.run_command(
        "backup", str(scene.database_path.with_name("copy.db")), status=1 if "full" in trouble.words else 0
    )
    assert "Traceback" not in refused
    assert bot.status is None

    trouble.end()
    await scene.wait_until_posted([1, *numbers])
    assert not find_delivery_faults(scene, [1, *numbers])

    async def is_reaction_stored() -> bool:
        return await list_bookmarked_titles(scene, bruno) == {"Article 1"}

    async def is_well() -> bool:
        return (await load_health(scene, unused_tcp_port))[0] == 200

    await wait_until(is_reaction_stored)
    assert not await list_bookmarked_titles(scene, ada)
    await wait_until(is_well)
    await wait_until(lambda: len(list_owner_messages(scene)) == 2)
    first, second = list_owner_messages(scene)
    assert trouble.words in first
    assert second.startswith("My database works again.")
    assert count_log_lines(scene, trouble.words) == 1
    assert count_log_lines(scene, "database recovered") == 1
    assert "Traceback" not in bot.log


async def test_unrecorded_post_is_not_sent_again(trouble, troubled_scene):
    """The bot continues once a full disk has room; after a failing disk, another bot takes over."""
    scene, dies = troubled_scene, "failed" in trouble.words
    scene.discord.changes.nonce_window_seconds = NONCE_FORGOTTEN
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = scene.add_articles(2)
    await scene.make_feeds_due()
    scene.discord.faults.run_callback("POST /channels/*/messages", trouble.begin, after_effect=True)
    await wait_until(lambda: count_log_lines(scene, trouble.words))
    if dies:
        bot.kill()
        await bot.wait_for_exit()
        scene.start()
    else:
        await scene.clock.sleep(20)
        trouble.end()
    await scene.wait_until_posted([1, *numbers])
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_full_disk_at_start_ends_bot_with_reason(on_disk):
    exhaust_disk(on_disk.database_path.parent)
    bot = on_disk.start()
    assert await bot.wait_for_exit() == 1
    assert "telex.db is full" in bot.log
    assert "Traceback" not in bot.log
    free_disk(on_disk.database_path.parent)
    on_disk.start()
    await on_disk.wait_until_settled()
    assert not find_delivery_faults(on_disk, [1])


async def test_read_only_disk_at_start_ends_bot_with_reason(on_disk):
    disk = on_disk.database_path.parent
    remount_disk(disk, "ro")
    bot = on_disk.start()
    assert await bot.wait_for_exit() == 1
    assert "Read-only file system" in bot.log or "may not be written to" in bot.log
    assert "Traceback" not in bot.log
    check_table = await on_disk.run_command("check", status=1)
    assert "may not be written to" in " ".join(check_table.replace("│", " ").split())  # It wraps at 80 columns.
    remount_disk(disk, "rw")
    on_disk.start()
    await on_disk.wait_until_settled()
    assert not find_delivery_faults(on_disk, [1])


async def test_damaged_database_at_start_explains_what_to_do(scene):
    content = scene.database_path.read_bytes()
    for damage, words in (
        (content[:4096], "is damaged"),
        (b"", "is not a database, or its beginning is damaged"),
    ):
        scene.database_path.write_bytes(damage + b"\xa5" * (len(content) - len(damage)))
        bot = scene.start()
        assert await bot.wait_for_exit() == 1
        assert words in bot.log
        assert words.split()[-1] in await scene.run_command("check", status=1)
        assert "Traceback" not in bot.log
    assert "restore a backup" in bot.log


async def test_database_damaged_while_running_stops_posts_until_restored(scene, tmp_path, unused_tcp_port):
    file, discord = scene.database_path, scene.discord
    ada = discord.people.join(scene.server.id, "Ada")
    bot = scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{unused_tcp_port}")
    await scene.wait_until_settled()
    await scene.run_command("backup", str(tmp_path / "backup.db"))
    numbers = scene.add_articles(2)
    await scene.make_feeds_due()
    await scene.wait_until_posted([1, *numbers])
    before = {kind: len(scene.list_messages(kind)) for kind in KINDS}
    corrupt_tables(file, "delivery_status")
    later = scene.add_articles(1)
    await scene.make_feeds_due()
    await wait_until(lambda: count_log_lines(scene, "is damaged"))
    (post, *_) = scene.list_messages("text")
    clicked = discord.people.click(ada, post, find_save_button_id(post))
    assert DAMAGED in await scene.wait_for_response(clicked)
    await wait_until(lambda: list_owner_messages(scene))
    (alarm,) = list_owner_messages(scene)
    assert alarm.startswith("My database is damaged, so I’ve stopped writing to it")
    assert (await load_health(scene, unused_tcp_port))[0] == 503
    assert {kind: len(scene.list_messages(kind)) for kind in KINDS} == before
    assert count_log_lines(scene, "is damaged") == 1
    assert "Traceback" not in bot.log
    assert "is damaged" in await scene.run_command("check", status=1)
    await bot.stop()

    restore(tmp_path / "backup.db", file)
    assert "FAILED" not in await scene.run_command("check")
    await scene.make_feeds_due()
    scene.start()
    await scene.wait_until_posted([1, *numbers, *later])
    assert not find_delivery_faults(scene, [1, *numbers, *later])


def delete_database(scene: Scene) -> None:
    for file in scene.database_path.parent.glob("telex.db*"):
        if file.is_file():
            file.unlink()


def replace_database(scene: Scene) -> None:
    other_database = scene.database_path.with_name("other.db")
    other_database.touch()
    other_database.replace(scene.database_path)


def unmount_database(scene: Scene) -> None:
    scene.database_path.parent.rename(scene.database_path.parent.with_name("elsewhere"))


@pytest.mark.parametrize("lose", [delete_database, replace_database, unmount_database])
async def test_missing_database_is_reported_and_stops_posts(
    discord_server, feed_server, launcher, tmp_path, unused_tcp_port, lose
):
    disk = tmp_path / "disk"
    disk.mkdir()
    async with open_scene(discord_server, feed_server, launcher, tmp_path, database=disk / "telex.db") as scene:
        ada = discord_server.people.join(scene.server.id, "Ada")
        bot = scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{unused_tcp_port}")
        await scene.wait_until_settled()
        (post,) = scene.list_messages("text")
        scene.add_articles(2)
        await scene.make_feeds_due()
        lose(scene)

        async def is_unwell() -> bool:
            return (await load_health(scene, unused_tcp_port))[0] == 503

        await wait_until(is_unwell)
        await wait_until(lambda: list_owner_messages(scene))
        clicked = discord_server.people.click(ada, post, find_save_button_id(post))
        assert NOTHING_DONE in await scene.wait_for_response(clicked)
        await scene.clock.sleep(60)
        message_ids = {
            message.id
            for channel in scene.channels.values()
            for discord_channel in discord_server.state.channels.values()
            if channel.id in {discord_channel.id, discord_channel.parent_id}
            for message in discord_channel.history()
        }
        assert len(message_ids) == len(KINDS)
        assert "is gone" in list_owner_messages(scene)[0]
        assert count_log_lines(scene, "is gone") == 1
        assert "Traceback" not in bot.log
        bot.kill()


async def test_bot_without_its_folder_ends_when_another_runs(discord_server, feed_server, launcher, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    async with open_scene(discord_server, feed_server, launcher, tmp_path, database=disk / "telex.db") as scene:
        first = scene.start()
        await scene.wait_until_settled()
        scene.database_path.with_name("telex.db.lock").unlink()
        assert "already running" in await scene.run_command("run", status=1)
        unmount_database(scene)
        second = scene.start()
        assert await first.wait_for_exit() == 1
        assert "Another Telex runs" in first.log
        assert second.status is None
        discord_server.gateway.duplicate_shards.clear()  # for a moment both spoke with Discord
