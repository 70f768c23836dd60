"""A drill plans its faults by its seed, finds what is lost or repeated, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from bot.drill import drilled_bot
from bot.drill.bot_restarter import build_bot_environment
from bot.drill.discord_stand_in.discord_server import TOKEN, DiscordServer
from bot.drill.fault_plan import FaultKind, plan_faults
from bot.drill.post_comparison import MAX_DELAY_SECONDS, compare_posts, hide_post, read_posted_times
from tests.support.telex_command import ROOT, TelexCommand
from tests.support.wire.process_table import is_process_running, list_child_pids
from tests.support.wire.waiting import wait_until

KILL_SEED = next(seed for seed in range(1000) if plan_faults(3, seed, feed_count=3)[0].kind is FaultKind.BOT_KILLED)


def test_a_seed_plans_the_same_faults_of_every_kind_ten_a_minute_or_more():
    faults = plan_faults(300, 7, feed_count=3)
    assert faults == plan_faults(300, 7, feed_count=3)
    assert faults != plan_faults(300, 8, feed_count=3)
    kind_counts = Counter(fault.kind for fault in faults)
    assert kind_counts.keys() == set(FaultKind)
    assert max(kind_counts.values()) - min(kind_counts.values()) <= 1
    for minute in range(5):
        assert sum(60 * minute <= fault.at_seconds < 60 * (minute + 1) for fault in faults) >= 10


def test_lost_repeated_and_late_posts_are_told_apart():
    published_at_by_number = {1: 100.0, 2: 100.0, 3: 100.0, 4: 100.0}
    late_at = 101 + MAX_DELAY_SECONDS
    comparison = compare_posts(published_at_by_number, {1: [101.0], 2: [101.0, 102.0], 4: [late_at], 99: [101.0]})
    assert (comparison.lost_numbers, comparison.repeated_numbers, comparison.late_count) == ((3,), (2,), 1)
    assert comparison.compared_count == 4
    assert not comparison.is_good
    assert compare_posts({1: 100.0}, {1: [101.0]}).is_good
    assert not compare_posts({}, {}).is_good


def test_a_hidden_post_is_lost():
    discord = DiscordServer()
    channel = discord.changes.add_channel(discord.changes.add_server("Drill"), "news")
    for number in (1, 2):
        embed = {"title": f"Report {number}", "url": f"http://127.0.0.1/articles/{number}"}
        discord.changes.post(channel, discord.state.bot.id, {"embeds": [embed]})
    published_at_by_number = dict.fromkeys((1, 2), discord.state.now())
    assert compare_posts(published_at_by_number, read_posted_times(discord.state, [channel])).is_good
    hide_post(discord.state, [channel], [2])
    posted_times_by_number = read_posted_times(discord.state, [channel])
    assert compare_posts(published_at_by_number, posted_times_by_number).lost_numbers == (2,)
    with pytest.raises(LookupError):
        hide_post(discord.state, [channel], [2])


def test_the_drilled_bot_gets_none_of_the_operators_settings(monkeypatch):
    monkeypatch.setenv("TELEX_MODEL_URL", "http://model.example/v1")
    monkeypatch.setenv("DISCORD_TOKEN", "the operator's")
    environment = build_bot_environment({"DISCORD_TOKEN": "the stand-in's"})
    assert environment["DISCORD_TOKEN"] == "the stand-in's"
    assert "TELEX_MODEL_URL" not in environment
    assert environment["PATH"] == os.environ["PATH"]


async def test_the_bot_of_a_killed_drill_ends_too(tmp_path):
    environment = {
        "DISCORD_TOKEN": TOKEN,
        "TELEX_DATABASE": str(tmp_path / "telex.db"),
        drilled_bot.API_VARIABLE: "http://127.0.0.1:9/api/v10",  # nobody answers, so the bot tries again and again
        drilled_bot.GATEWAY_VARIABLE: "ws://127.0.0.1:9",
    }
    script = (
        "import asyncio, pathlib\n"
        "from bot.drill.bot_restarter import BotRestarter, build_bot_environment\n"
        f"restarter = BotRestarter(pathlib.Path({str(tmp_path)!r}), build_bot_environment({environment}))\n"
        "asyncio.run(restarter.run())"
    )
    drill = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT)
    try:
        await wait_until(lambda: list_child_pids(drill.pid))
        (bot_pid,) = list_child_pids(drill.pid)
        await wait_until(lambda: "connection failed" in (tmp_path / "bot.log").read_text())
    finally:
        drill.kill()
        await drill.wait()
    try:
        await wait_until(lambda: not is_process_running(bot_pid))
    finally:
        with suppress(ProcessLookupError):
            os.kill(bot_pid, signal.SIGKILL)


@pytest.mark.timeout(300)
def test_a_killed_bot_posts_each_article_once_and_the_self_test_fails(launcher, tmp_path):
    telex = TelexCommand(tmp_path, launcher)
    telex.environment["TMPDIR"] = tempfile.mkdtemp(dir=tmp_path)
    completed = telex("drill", "--minutes", "0.05", "--seed", str(KILL_SEED), "--self-test", status=1)
    fields = dict(line.split(": ", 1) for line in completed.stdout.splitlines() if ": " in line)
    assert fields["lost"].startswith("1 (")
    assert fields["repeated"] == "0"
    assert int(fields["posts compared"]) >= 4
    assert FaultKind.BOT_KILLED in completed.stdout
    assert FaultKind.BOT_KILLED in completed.stderr
    assert list(Path(telex.environment["TMPDIR"]).iterdir()) == []
    assert not (tmp_path / "news.db").exists()
