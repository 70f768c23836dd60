"""Several processes on one PostgreSQL database: shared shards and takeovers."""

from __future__ import annotations

import asyncio
import inspect
import sys
from asyncio import Event
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import aiohttp
import discord
import pytest
from aiohttp import web
from discord.http import HTTPClient

from bot.core.clock import SystemClock
from bot.core.preferences import Preference
from bot.drill.discord_stand_in.state import Channel, Interaction, Permission, Person
from bot.posting.rendering.buttons import APPROVE_PROPOSAL_BUTTON, DECLINE_PROPOSAL_BUTTON, ButtonTemplate
from bot.processes.leases import SHARD_LEASE_KIND
from bot.store import Store
from tests.support import store_probe
from tests.support.feed_server import FeedServer, make_rss
from tests.support.postgres_server import simulate_takeover
from tests.support.samples import make_proposal
from tests.support.wire.bot_process import BotProcess
from tests.support.wire.crowd import LoadScene, open_load_scene

SHARDS = 4
ENVIRONMENT = {"WIRE_LEASES": "", "TELEX_SEED_REACTION": "false", "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8"}


def count_shards_by_process(crowd: LoadScene) -> Counter[str]:
    """Count the shards of each process."""
    leases = store_probe.load_rows(crowd.database, "lease")
    return Counter(lease["owner"] for lease in leases if lease["kind"] == SHARD_LEASE_KIND)


async def enqueue_and_wait(crowd: LoadScene, channels: list[Channel], name: str, posts: int) -> list[str]:
    """Enqueue posts in all channels, wait until nothing is pending, and return their titles."""
    titles = await crowd.owe(name, channels, posts)
    await crowd.discord.wait_until(
        lambda: all(dispatch.state == "sent" for dispatch in store_probe.load_outbox(crowd.database))
    )
    return titles


async def start_another_process(crowd: LoadScene, channels: list[Channel]) -> list[str]:
    """Start a process that takes half of the shards while posts are pending, and return their titles."""
    crowd.start(**ENVIRONMENT)
    await crowd.discord.wait_until(lambda: len(count_shards_by_process(crowd)) == 2)
    titles = await crowd.owe("third", channels, 2)
    await crowd.discord.wait_until(lambda: sorted(count_shards_by_process(crowd).values()) == [2, 2])
    return titles


def list_titles_by_channel(channels: list[Channel]) -> dict[int, list[str | None]]:
    return {channel.id: [message.title for message in channel.history()] for channel in channels}


async def search_by_direct_message(crowd: LoadScene) -> None:
    """Search by direct message as a member of servers of both processes, which have to ask each other."""
    discord = crowd.discord
    ada = discord.state.add_person("Ada")
    for server in discord.state.servers.values():
        server.role_ids_by_member_id[ada.id] = []
    direct = discord.changes.open_direct_channel(ada)
    for _ in range(20):
        discord.people.say(ada, direct, "search: Title")
        await discord.wait_until(lambda: direct.history()[-1].author_id != ada.id)
        answer = direct.history()[-1]
        if "far-0" in answer.render_visible_text() and "first-0" in answer.render_visible_text():
            return
        await asyncio.sleep(0.2)  # until it is in the index
    raise AssertionError(answer.render_visible_text())


@contextmanager
def log_on_failure(crowd: LoadScene, channels: list[Channel]) -> Iterator[None]:
    discord = crowd.discord
    try:
        yield
    except BaseException:
        diagnostics = discord.gateway.identify_payloads, list(map(str, discord.calls)), crowd.posts(channels)
        sys.stderr.write("\n".join(map(str, (*diagnostics, *(bot.log for bot in crowd.bots)))))
        raise


def count_session_waits(bot: BotProcess) -> int:
    """Count the log lines about an exhausted quota of sessions."""
    return bot.log.count("session quota exhausted")


def is_recorded_as_absent(crowd: LoadScene, channel: Channel) -> bool:
    """Whether the bot is recorded as absent from the channel's server."""
    return channel.server_id not in store_probe.list_joined_server_ids(crowd.database)


def is_settled(crowd: LoadScene) -> bool:
    """Whether all dispatches are sent and none has to be edited."""
    outbox = store_probe.load_outbox(crowd.database)
    return all(dispatch.state == "sent" and dispatch.edit_due_at is None for dispatch in outbox)


class ManagerRace:
    """Proposed feeds in several servers, and two managers who decide on all of them at the same moment.

    The feeds do not answer until `feeds_released`: until then a process that accepts one is busy.
    """

    def __init__(self, crowd: LoadScene, channels: Sequence[Channel]) -> None:
        self.crowd, self.channels = crowd, channels
        self.titles = [f"paper{number}" for number in range(len(channels))]
        self.feeds_released = Event()
        self.visit_count = 0
        self._feed_servers: list[FeedServer] = []

    async def __aenter__(self) -> Self:
        state, changes = self.crowd.discord.state, self.crowd.discord.changes
        self.proposer, manager = state.add_person("Bruno"), state.add_person("Claire")
        self.managers = (state.bot_owner, manager)
        self.notices = changes.open_direct_channel(self.proposer)
        store = await Store.open(self.crowd.database, SystemClock())
        try:
            for number, (channel, title) in enumerate(zip(self.channels, self.titles, strict=True)):
                server = state.servers[channel.server_id or 0]
                role = changes.add_role(server, "Editors")
                changes.change_role(server, role, int(Permission.MANAGE_GUILD))
                server.role_ids_by_member_id |= {self.proposer.id: [], manager.id: [role.id]}
                feed_server = await FeedServer().start(f"127.0.0.{number + 2}")
                self._feed_servers.append(feed_server)
                await store.preferences.change(
                    Preference.ALERT_CHANNEL, channel.id, server_id=server.id, user_id=manager.id
                )
                proposal = make_proposal(
                    title,
                    server_id=server.id,
                    channel_id=channel.id,
                    user_id=self.proposer.id,
                    dm_channel_id=self.notices.id,
                    url=feed_server.handle("/feed", self._answer),
                )
                await store.proposals.add(proposal)
        finally:
            await store.close()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.feeds_released.set()
        for feed_server in self._feed_servers:
            await feed_server.stop()

    async def _answer(self, request: web.Request) -> web.Response:
        self.visit_count += 1
        await self.feeds_released.wait()
        title = self.titles[int(request.host.split(":")[0].rpartition(".")[2]) - 2]
        return web.Response(text=make_rss(title=title), content_type="application/rss+xml")

    def press(self, manager: Person, button: ButtonTemplate) -> list[Interaction]:
        """Press a button under all proposals as a manager."""
        messages = [channel.history()[0] for channel in self.channels]
        custom_ids = [
            next(custom_id for custom_id in message.list_custom_ids() if f":{button.name}:" in custom_id)
            for message in messages
        ]
        return [
            self.crowd.discord.people.click(manager, message, custom_id)
            for message, custom_id in zip(messages, custom_ids, strict=True)
        ]

    async def start_accepting(self) -> list[Interaction]:
        """Let a manager accept all proposals, and wait until the processes read the feeds, which don't answer yet."""
        await self.crowd.discord.wait_until(lambda: all(channel.history() for channel in self.channels))
        presses = self.press(self.managers[0], APPROVE_PROPOSAL_BUTTON)
        await self.crowd.discord.wait_until(lambda: self.visit_count == len(self.channels))
        return presses

    async def decline_and_find_problems(self, accepting_presses: list[Interaction]) -> list[str]:
        """Let the other manager decline all proposals where their servers are now, while the feeds answer."""
        await self.crowd.discord.wait_until(lambda: self.crowd.bots[-1].log.count("serving shard=") == SHARDS / 2)
        presses = [*accepting_presses, *self.press(self.managers[1], DECLINE_PROPOSAL_BUTTON)]
        self.feeds_released.set()
        await self.crowd.discord.wait_until(lambda: all(press.answered for press in presses))
        await self.crowd.discord.wait_until(lambda: is_settled(self.crowd))
        return self.find_problems()

    def find_problems(self) -> list[str]:
        """List proposals without exactly one message, decision, notice and, if accepted, subscription."""
        load_rows = store_probe.load_rows
        decisions = {row["title"]: row["decision"] for row in load_rows(self.crowd.database, "proposal")}
        follow_counts = Counter(row["channel_id"] for row in load_rows(self.crowd.database, "subscription"))
        problems = []
        for channel, title in zip(self.channels, self.titles, strict=True):
            notices = [notice for notice in self.notices.history() if title in notice.render_visible_text()]
            is_accepted = decisions[title] == "approved"
            figures = (len(channel.history()), len(notices), follow_counts[channel.id])
            if figures != (1, 1, is_accepted) or channel.history()[0].list_custom_ids():
                problems.append(f"{title} {decisions[title]}: {figures}")
            if any(("accepted" in notice.render_visible_text()) != is_accepted for notice in notices):
                problems.append(f"{title} {decisions[title]}: {notices[0].render_visible_text()}")
        return problems


async def kill_process_while_it_posts(crowd: LoadScene, bot: BotProcess, channels: list[Channel]) -> list[str]:
    """Kill one of two bots, and let somebody bookmark a post in each channel before the other has all shards.

    Returns the titles of what was posted meanwhile. Nothing of a session that could be resumed is lost.
    """
    discord = crowd.discord

    def kill_and_bookmark() -> None:
        bot.kill()
        for channel in channels:
            discord.people.react(discord.people.join(channel.server_id or 0, "Dora"), channel.history()[0])

    identify_count = len(discord.gateway.identify_payloads)
    discord.faults.run_callback("POST /channels/*/messages", kill_and_bookmark, after_effect=True, drop=True, skip=1)
    titles = await enqueue_and_wait(crowd, channels, "second", 2)
    assert list(count_shards_by_process(crowd).values()) == [SHARDS]
    # A resumed session would not describe its servers to the other process, which therefore starts its own.
    new_session_count = len(discord.gateway.identify_payloads) - identify_count
    assert (new_session_count, discord.gateway.resume_count) == (SHARDS // 2, 0)
    await discord.wait_until(lambda: len(store_probe.load_rows(crowd.database, "bookmark")) == len(channels))
    return titles


async def kick_bot(crowd: LoadScene, channel: Channel) -> None:
    crowd.discord.changes.kick(crowd.discord.state.servers[channel.server_id])
    await crowd.discord.wait_until(lambda: is_recorded_as_absent(crowd, channel))


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        (discord.AutoShardedClient.launch_shard, "(self, gateway, shard_id, *, initial=False)"),
        (discord.AutoShardedClient.launch_shards, "(self)"),
        (HTTPClient.get_bot_gateway, "(self)"),
        (HTTPClient.ws_connect, "(self, url, *, compress=0)"),
    ],
)
def test_discord_py_methods_have_expected_signatures(method, signature):
    """These public methods are undocumented and may change; `bot/client/sharding` depends on their signatures."""
    actual_signature = inspect.signature(method)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in actual_signature.parameters.values()]
    assert str(inspect.Signature(bare)) == signature


@pytest.fixture
def unused_tcp_ports(unused_tcp_port_factory) -> list[int]:
    """Free ports of loopback, for two processes."""
    return [unused_tcp_port_factory() for _ in range(2)]


async def load_shard_figures(crowd: LoadScene, port: int, connected: int) -> tuple[int, int]:
    """Load the connected and all shards from a status page, once the database has `connected` connected shards."""
    await crowd.discord.wait_until(
        lambda: sum(row["connected_shards"] for row in store_probe.load_rows(crowd.database, "process")) == connected
    )
    async with aiohttp.request("GET", f"http://127.0.0.1:{port}/status.json") as answer:
        status = await answer.json()
    return status["connected_shards"], status["shards"]


async def test_processes_share_shards_and_take_over_after_failures(
    discord_server, launcher, tmp_path, server_databases, unused_tcp_ports
):
    discord = discord_server
    limits, server = discord.gateway.limits, server_databases.empty()
    discord.shard_count, limits.max_starts, limits.min_start_interval_seconds, limits.reset_after_seconds = (
        SHARDS,
        SHARDS // 2,
        0.05,
        0.2,
    )
    async with open_load_scene(discord, launcher, tmp_path, server) as crowd:
        channels_by_shard = [crowd.server(2, (shard, SHARDS)) for shard in range(SHARDS)]
        channels = [server_channels[0] for server_channels in channels_by_shard]
        titles = await crowd.owe("first", channels, 2)
        await crowd.owe("far", far := crowd.server(1, (3, SHARDS)), 1)
        first_bot, second_bot = (
            crowd.start(**ENVIRONMENT, TELEX_HEALTH_ADDRESS=f"127.0.0.1:{port}") for port in unused_tcp_ports
        )
        with log_on_failure(crowd, channels):
            await discord.wait_until(
                lambda: crowd.posts(channels) == SHARDS and max(map(count_session_waits, (first_bot, second_bot)))
            )
            await asyncio.sleep(2 * limits.reset_after_seconds)
            assert (limits.started_count, max(map(count_session_waits, (first_bot, second_bot)))) == (SHARDS // 2, 1)
            assert await load_shard_figures(crowd, unused_tcp_ports[0], SHARDS // 2) == (SHARDS // 2, SHARDS)
            limits.max_starts = 1_000
            await discord.wait_until(lambda: crowd.posts(channels) == 2 * SHARDS)
            # The first process to log in may have taken all, and hands over half of them then.
            await discord.wait_until(lambda: sorted(count_shards_by_process(crowd).values()) == [2, 2])
            assert await load_shard_figures(crowd, unused_tcp_ports[1], SHARDS) == (SHARDS, SHARDS)
            await search_by_direct_message(crowd)

            titles += await kill_process_while_it_posts(crowd, first_bot, channels)

            async with ManagerRace(crowd, [server_channels[1] for server_channels in channels_by_shard]) as race:
                presses = await race.start_accepting()
                titles += await start_another_process(crowd, channels)
                assert await race.decline_and_find_problems(presses) == []
            titles += await enqueue_and_wait(crowd, channels, "fourth", 1)
            assert second_bot.log.count("handing over shard=") == SHARDS / 2
            discord.gateway.refuse("2", spared_count=1)
            await discord.wait_until(lambda: sorted(count_shards_by_process(crowd).values()) == [1, 3])
            titles += await enqueue_and_wait(crowd, channels, "one refused", 1)
            discord.gateway.refuse("2")
            await discord.wait_until(lambda: sorted(count_shards_by_process(crowd).values()) == [SHARDS])
            assert "gateway connections lost" in second_bot.log
            titles += await enqueue_and_wait(crowd, channels, "refused", 1)
            discord.gateway.refused_process_names.clear()
            await discord.wait_until(lambda: sorted(count_shards_by_process(crowd).values()) == [2, 2])
            await kick_bot(crowd, far[0])

            await second_bot.stop()
            assert second_bot.log.count("handing over shard=") > SHARDS / 2 + 1  # the second may not be served yet
            titles += await enqueue_and_wait(crowd, channels, "fifth", 1)
            assert is_recorded_as_absent(crowd, far[0])  # though who has its shard again did not hear of it

            discord.gateway.refused_process_names.add("4")
            fourth_bot = crowd.start(**ENVIRONMENT)
            await discord.wait_until(lambda: "gateway unreachable" in fourth_bot.log)
            simulate_takeover(server)
            await discord.wait_until(lambda: crowd.bots[2].status is not None and fourth_bot.status is not None)
            assert all(bot.status == 1 and "has to start again" in bot.log for bot in crowd.bots[2:])
            crowd.start(**ENVIRONMENT)
            titles += await enqueue_and_wait(crowd, channels, "sixth", 1)
    assert list_titles_by_channel(channels) == {channel.id: titles for channel in channels}
    assert (discord.gateway.duplicate_shards, discord.gateway.limits.refused_count) == ([], 0)
