"""A damaged search index, and one on a full disk: posts go on, and it recovers."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.support.search import damage
from tests.support.search.library import list_modes
from tests.support.wire.disks import exhaust_disk, free_disk, mount_small_disk
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.waiting import wait_until


async def load_health(port: int) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/healthz") as answer,
    ):
        return answer.status, await answer.text()


def find_current_index_folder(folder: Path) -> Path:
    """Return the folder of the current index."""
    return folder / (folder / "current").read_text(encoding="ascii")


async def test_index_damaged_during_searches_is_rebuilt(scene, tmp_path, unused_tcp_port):
    bot = scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{unused_tcp_port}", TELEX_INDEX=str(tmp_path / "own"))
    await scene.wait_until_settled()
    ada = scene.discord.people.join(scene.server.id, "Ada")
    talk = scene.discord.changes.add_channel(scene.server, "talk")

    async def is_found(number: int) -> bool:
        interaction = scene.discord.people.use_command(ada, talk, "search", query=f"article {number}")
        return f"articles/{number}" in await scene.wait_for_response(interaction)

    await wait_until(lambda: is_found(1))
    damaged = find_current_index_folder(tmp_path / "own")
    for path in damage.list_index_files(damaged):
        with path.open("r+b") as file:
            file.write(b"U" * path.stat().st_size)
    numbers: list[int] = []
    for _poll in range(3):
        numbers += scene.add_articles(2)
        await scene.make_feeds_due()
        await scene.wait_until_posted([1, *numbers])
    assert not find_delivery_faults(scene, [1, *numbers])
    await wait_until(lambda: is_found(numbers[-1]))
    assert find_current_index_folder(tmp_path / "own") != damaged
    assert (await load_health(unused_tcp_port))[0] == 200
    assert "drwxr-xr-x" not in list_modes(tmp_path / "own")
    assert bot.status is None


async def test_full_disk_of_index_is_logged_once_and_recovered(scene, tmp_path, unused_tcp_port):
    with mount_small_disk(tmp_path) as disk:
        bot = scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{unused_tcp_port}", TELEX_INDEX=str(disk / "own"))
        await scene.wait_until_settled()
        await wait_until((disk / "own" / "current").exists)
        exhaust_disk(disk)
        numbers = scene.add_articles(2)
        await scene.make_feeds_due()

        async def is_unwell() -> bool:
            status, text = await load_health(unused_tcp_port)
            return status == 503 and "the search index cannot be written: the disk is full" in text

        async def is_well() -> bool:
            return (await load_health(unused_tcp_port))[0] == 200

        await wait_until(is_unwell)
        await scene.wait_until_posted([1, *numbers])
        await scene.clock.sleep(120)
        assert bot.log.count("search index write failed") == 1
        free_disk(disk)
        await wait_until(is_well)
        assert bot.log.count("search index write recovered") == 1
        assert "Traceback" not in bot.log
        await bot.stop()
