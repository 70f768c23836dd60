"""Worker processes and their pool."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.answers.briefing.topic_relevance import score_topic_relevance
from bot.core.concurrency.worker_pool import RECYCLE_RSS_BYTES, WorkerDied, WorkerPool, WorkerTimeout
from bot.digests.bar_charts import draw_charts
from bot.feeds.fetch_errors import FeedError
from bot.polling import drafts
from bot.stories import preference_model
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.wire.process_table import is_process_running
from tests.support.workers import worker_calls as calls


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool()
    yield pool
    await pool.close()


async def _wait_until_gone(pid: int) -> None:
    while is_process_running(pid):  # noqa: ASYNC110 - the process is not ours to wait for
        await asyncio.sleep(0.01)


async def test_one_process_handles_many_calls(workers):
    first = await workers.run(calls.pid, timeout=60)
    assert await workers.run(calls.add, 1, 2, timeout=60) == 3
    body = os.urandom(2**20) * 8
    assert await workers.run(calls.echo, body, timeout=10) == body
    assert await workers.run(calls.chatter, timeout=60) == "done"
    assert await workers.run(calls.pid, timeout=60) == first != os.getpid()


async def test_idle_process_ends_and_next_call_starts_another():
    workers = WorkerPool(max_idle_seconds=0.05)
    first = await workers.run(calls.pid, timeout=60)
    await _wait_until_gone(first)
    second = await workers.run(calls.pid, timeout=60)
    assert second != first
    await workers.close()
    await _wait_until_gone(second)


async def test_busy_process_is_not_ended_as_idle(tmp_path):
    workers = WorkerPool(2, max_idle_seconds=0.05)
    own_path, other_path = str(tmp_path / "mine"), str(tmp_path / "other")
    call = asyncio.create_task(workers.run(calls.meet, own_path, other_path, timeout=20))
    await asyncio.sleep(0)  # its turn comes first
    await _wait_until_gone(await workers.run(calls.pid, timeout=60))
    assert await workers.run(calls.meet, other_path, own_path, timeout=10)
    assert await call
    await workers.close()


async def test_unneeded_process_ends(tmp_path):
    workers = WorkerPool(2, max_idle_seconds=0.1, min_idle_workers=1)
    first_path, second_path = str(tmp_path / "left"), str(tmp_path / "right")
    meetings = (
        workers.run(calls.meet, *paths, timeout=20) for paths in ((first_path, second_path), (second_path, first_path))
    )
    pids = set(await asyncio.gather(*meetings))
    while len(running_pids := {await workers.run(calls.pid, timeout=60), *filter(is_process_running, pids)}) > 1:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert running_pids < pids
    await workers.close()


async def test_exception_arrives_with_its_attributes(workers):
    first = await workers.run(calls.pid, timeout=60)
    with pytest.raises(FeedError) as caught:
        await workers.run(calls.refuse, timeout=60)
    assert (caught.value.code, caught.value.detail, caught.value.retry_after) == (
        "rate-limited",
        "come back later",
        60,
    )
    with pytest.raises(calls.OddError, match="because of the test"):  # not made from its arguments
        await workers.run(calls.refuse_oddly, timeout=60)
    assert await workers.run(calls.pid, timeout=60) == first


async def test_unsupported_or_mistyped_result_is_error(workers):
    with pytest.raises(TypeError, match="unsupported"):
        await workers.run(calls.give_what_cannot_travel, timeout=60)
    with pytest.raises(WorkerDied, match="cannot be read"):
        await workers.run(calls.lie, timeout=60)
    assert await workers.run(calls.add, 1, 1, timeout=60) == 2


async def test_hostile_worker_response_is_not_executed(workers, tmp_path):
    for answer in calls.HOSTILE_ANSWERS:
        with pytest.raises(WorkerDied):
            await workers.run(calls.answer_with, answer.replace(b"PATH", bytes(tmp_path / "x")), timeout=60)
        assert not (tmp_path / "x").exists(), answer
    assert await workers.run(calls.add, 1, 1, timeout=60) == 2


async def test_worker_environment_has_no_secrets(workers, monkeypatch):
    for name in (
        "DISCORD_TOKEN",
        "TELEX_SECRET_KEY",
        "TELEX_MODEL_KEY",
        "TELEX_DATABASE",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.setenv(name, "hunter2")
    surroundings = await workers.run(calls.describe_environment, timeout=60)
    assert "PATH" in surroundings
    assert "hunter2" not in surroundings


async def test_hanging_call_is_killed(workers):
    first = await workers.run(calls.pid, timeout=60)
    with pytest.raises(WorkerTimeout):
        await workers.run(calls.hang, timeout=0.05)
    assert await workers.run(calls.pid, timeout=60) != first
    await _wait_until_gone(first)


async def test_call_that_holds_the_interpreter_lock_is_killed(workers):
    await workers.run(calls.pid, timeout=60)
    with pytest.raises(WorkerTimeout):
        await workers.run(calls.hang_in_c, 60, timeout=0.05)
    assert await workers.run(calls.add, 1, 1, timeout=60) == 2


async def test_crashed_process_raises_worker_died(workers):
    for call in (calls.crash, calls.end, calls.eat_memory, calls.recurse):
        with pytest.raises(WorkerDied):
            await workers.run(call, timeout=10)
    assert await workers.run(calls.add, 1, 1, timeout=60) == 2


async def test_worker_that_died_while_idle_is_replaced(workers):
    first = await workers.run(calls.pid, timeout=60)
    os.kill(first, signal.SIGKILL)
    await _wait_until_gone(first)
    await asyncio.sleep(0.01)
    assert await workers.run(calls.pid, timeout=60) != first


async def test_worker_with_much_memory_is_replaced(workers):
    first = await workers.run(calls.pid, timeout=60)
    assert await workers.run(calls.keep_memory, RECYCLE_RSS_BYTES, timeout=60) == RECYCLE_RSS_BYTES
    assert await workers.run(calls.pid, timeout=60) != first


async def test_loaded_modules_are_frozen_for_garbage_collector(workers):
    assert await workers.run(gc.get_freeze_count, timeout=60) == 0
    frozen_count = await workers.run(gc.get_freeze_count, timeout=60)
    assert frozen_count > 1000
    await workers.run(calls.echo, b"", timeout=60)
    assert await workers.run(gc.get_freeze_count, timeout=60) > frozen_count


async def test_signals_do_not_stop_workers(workers):
    first = await workers.run(calls.pid, timeout=60)
    os.kill(first, signal.SIGINT)
    os.kill(first, signal.SIGTERM)
    assert await workers.run(calls.pid, timeout=60) == first
    assert os.getpgid(first) != os.getpgid(0)


async def test_modules_in_working_directory_are_not_imported(workers, tmp_path):
    for name in ("bot", "pickle"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('hijacked')")
    assert await workers.run(calls.add, 1, 1, timeout=60) == 2


async def test_sequential_calls_share_one_process():
    pool = WorkerPool(2)
    await pool.run(calls.pid, timeout=60)
    assert len(set(await asyncio.gather(*(pool.run(calls.pid, timeout=60) for _ in range(3))))) == 1
    await pool.close()


async def test_calls_run_in_order(workers, tmp_path):
    path = tmp_path / "notes"
    words = [f"call {number}" for number in range(20)]
    await asyncio.gather(*(workers.run(calls.note, str(path), word, timeout=60) for word in words))
    assert path.read_text().splitlines() == words


async def test_cancelled_call_frees_worker(workers):
    await workers.run(calls.pid, timeout=60)
    running = asyncio.create_task(workers.run(calls.hang, timeout=60))
    waiting = asyncio.create_task(workers.run(calls.hang, timeout=60))
    following = asyncio.create_task(workers.run(calls.add, 1, 1, timeout=60))
    await asyncio.sleep(0.01)
    waiting.cancel()
    running.cancel()
    assert await following == 2
    assert running.cancelled()
    assert waiting.cancelled()


async def test_call_cancelled_at_its_turn_frees_the_turn(workers):
    running = asyncio.create_task(workers.run(calls.add, 1, 1, timeout=60))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(workers.run(calls.hang, timeout=60))
    running.add_done_callback(lambda _: waiting.cancel())
    await asyncio.wait([running, waiting])
    assert await workers.run(calls.add, 2, 2, timeout=60) == 4


async def test_closing_cancels_calls_and_ends_process(tmp_path):
    pool = WorkerPool()
    path = tmp_path / "pid"
    running = asyncio.create_task(pool.run(calls.say_and_hang, str(path), timeout=60))
    waiting = asyncio.create_task(pool.run(calls.add, 1, 1, timeout=60))
    while not (path.exists() and path.read_text()):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    await pool.close()
    await asyncio.wait([running, waiting])
    assert running.cancelled()
    assert waiting.cancelled()
    assert not is_process_running(int(path.read_text()))
    with pytest.raises(asyncio.CancelledError):
        await pool.run(calls.add, 1, 1, timeout=60)


async def test_closing_cancels_call_while_process_starts():
    for round_count in range(1, 4):
        pool = WorkerPool()
        call = asyncio.create_task(pool.run(calls.pid, timeout=60))
        for _ in range(round_count):
            await asyncio.sleep(0)
        await pool.close()
        await asyncio.wait([call])
        assert call.cancelled()


@pytest.mark.parametrize("call", ["say_and_hang", "say_and_answer_late"])
async def test_killed_script_without_main_guard_leaves_no_worker(tmp_path, call):
    script = tmp_path / "script.py"
    root = str(Path(calls.__file__).parents[3])
    script.write_text(
        textwrap.dedent(f"""
        import asyncio, os, signal, sys, threading, time
        sys.path.insert(0, {root!r})
        import bot.core.concurrency.worker_pool
        from tests.support.workers import worker_calls

        def die():
            while not (os.path.exists("pid") and os.path.getsize("pid")):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=die).start()
        asyncio.run(bot.core.concurrency.worker_pool.WorkerPool().run(worker_calls.{call}, "pid", timeout=0.5))
        """)
    )
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, str(script)], cwd=tmp_path, check=False, stderr=subprocess.PIPE
    )
    assert process.returncode == -signal.SIGKILL
    assert process.stderr == b""  # the worker has it too, and it is read until both have ended
    await _wait_until_gone(int((tmp_path / "pid").read_text()))


async def test_large_parent_does_not_recycle_workers():
    """`ru_maxrss` survives fork and exec: every call in a grown bot would have started a process."""
    ballast = bytearray(300 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    workers = WorkerPool()
    try:
        processes = {await workers.run(os.getpid, timeout=10) for _ in range(3)}
    finally:
        await workers.close()
    assert len(processes) == 1


async def test_worker_does_not_import_modules_of_bot_only(workers):
    """Modules that each worker imports take their memory once more."""
    body = make_rss(make_rss_item(0)).encode()
    document = await workers.run(drafts.parse_feed, body, "", "https://news.example/feed", timeout=20)
    assert len(document.entry_keys) == 1
    assert (
        await workers.run(preference_model.learn_preferences, [], [], 0, timeout=20) == preference_model.NO_PREFERENCES
    )
    assert await workers.run(score_topic_relevance, [], ["news"], [1.0], None, timeout=20) == []
    assert await workers.run(draw_charts, (), timeout=20) == ()
    loaded = await workers.run(calls.list_loaded_modules, timeout=60)
    assert "feedparser" in loaded
    assert loaded.isdisjoint({"asyncio", "aiohttp", "babel", "importlib.metadata", "pydantic", "trafilatura"})


async def test_bot_does_not_import_modules_of_workers_only():
    """Parsers, drawing and Prometheus metrics are imported only where they run."""
    source = "import sys, bot.cli.main, bot.client.discord_client, cogs; print(*sys.modules)"
    module_names = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", source], text=True)
    loaded = set(module_names.split())
    assert {"discord", "cogs"} <= loaded
    assert loaded.isdisjoint(
        {"feedparser", "selectolax", "trafilatura", "lxml", "PIL", "prometheus_client", "aiohttp.web"}
    )
