"""Channels that can't be posted in: explanations, log lines and recovery."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.drill.discord_stand_in.state import Channel, Permission
from tests.support import store_probe
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, QUICK_SPEED, Scene
from tests.support.wire.waiting import wait_until

LINK = "https://news.example/articles/1"
MIN_ATTEMPTS = 3
"""Attempts after which the log must have one line only."""

SEND_ROUTES = ("POST /channels/*/messages", "POST /channels/*/threads")


def take_role(scene: Scene, *, back: bool = False) -> None:
    """Take the permission to send messages from all roles, or give it back."""
    for role in scene.server.roles.values():
        permissions = Permission(role.permissions)
        right = Permission.SEND_MESSAGES
        scene.discord.changes.change_role(
            scene.server, role, int(permissions | right if back else permissions & ~right)
        )


def require_tag(scene: Scene, *, demanded: bool = True) -> None:
    scene.channels["forum"].requires_tag = demanded
    scene.discord.changes.send_channel_update(scene.channels["forum"])


def restore_posting(scene: Scene) -> None:
    scene.discord.faults.clear()


@dataclass(frozen=True)
class Trouble:
    """A problem that keeps posts out of a channel, its end and its explanations."""

    begin: Callable[[Scene], object]
    explanation: str
    log_reason: str
    end: Callable[[Scene], object] = restore_posting


def fail(kind: str) -> Trouble:
    def begin(scene: Scene) -> None:
        scene.discord.faults.fail(scene.get_send_route(kind), 500, times=None)

    return Trouble(begin, "Discord hasn’t accepted it yet: 500", "500")


def forbid(kind: str) -> Trouble:
    def begin(scene: Scene) -> None:
        scene.discord.faults.refuse(scene.get_send_route(kind), 403, 50013, times=None)

    return Trouble(begin, "Discord won’t let me post in this channel", "forbidden")


def deny_existence(kind: str) -> Trouble:
    def begin(scene: Scene) -> None:
        scene.discord.faults.refuse(scene.get_send_route(kind), 404, 10003, times=None)

    return Trouble(begin, "I can’t find this channel", "gone")


def take_permission(permission: str) -> Trouble:
    """Build a trouble in which all roles lose the permission to send messages."""
    words = f"I’m missing permissions in this channel: {permission}"
    logged = f"forbidden permissions={permission.lower().replace(' ', '_')}"
    return Trouble(take_role, words, logged, lambda scene: take_role(scene, back=True))


LOCKED_THREAD = Trouble(
    lambda scene: scene.discord.changes.set_archived(scene.channels["thread"], is_locked=True),
    "The thread is archived and locked",
    "locked",
    lambda scene: scene.discord.changes.set_archived(scene.channels["thread"], is_archived=False, is_locked=False),
)
DEMANDED_TAG = Trouble(
    require_tag,
    "This forum requires a tag on every post",
    "needs-tag",
    lambda scene: require_tag(scene, demanded=False),
)
TROUBLES = {
    "errors": {
        "text": fail("text"),
        "announcement": fail("announcement"),
        "thread": forbid("thread"),
        "forum": forbid("forum"),
    },
    "refusals": {
        "text": forbid("text"),
        "announcement": deny_existence("announcement"),
        "thread": LOCKED_THREAD,
        "forum": DEMANDED_TAG,
    },
    "a role taken away": {
        "text": take_permission("Send Messages"),
        "announcement": take_permission("Send Messages"),
        "thread": deny_existence("thread"),
        "forum": take_permission("Create Posts"),
    },
}
"""Troubles of all kinds of channels at the same time."""


async def run_command(scene: Scene, place: Channel, command: str, **options: str) -> str:
    """Run a command as the server's owner and return the reply without escaping backslashes."""
    interaction = scene.discord.people.use_command(scene.discord.state.bot_owner, place, command, **options)
    return (await scene.wait_for_response(interaction)).replace("\\\\", "")


def get_max_attempts(scene: Scene, kind: str) -> int:
    """Return the highest number of attempts of a channel's posts."""
    channel_id = scene.channels[kind].id
    return max((post.attempts for post in scene.load_outbox() if post.channel_id == channel_id), default=0)


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.scene(speed=QUICK_SPEED)
async def test_blocked_channel_is_explained_and_logged_once(scene, name):
    troubles = TROUBLES[name]
    talk = scene.discord.changes.add_channel(scene.server, "talk")
    for trouble in troubles.values():
        trouble.begin(scene)
    bot = scene.start()
    await wait_until(lambda: all(get_max_attempts(scene, kind) >= MIN_ATTEMPTS for kind in troubles))
    listed = await run_command(scene, talk, "feed list")
    explained = await run_command(scene, talk, "why", link=LINK)
    printed = await scene.run_command("why", LINK)
    for kind, trouble in troubles.items():
        channel_id = scene.channels[kind].id
        assert re.search(rf"🟠 [^<]*{re.escape(trouble.explanation)}(?:[^<]|</)*<#{channel_id}>", listed), listed
        assert re.search(rf"<#{channel_id}>: waiting to be posted since <t:\d+:f>\. {trouble.explanation}", explained)
        assert re.search(rf"channel {channel_id}: waiting to be posted since .*\. {trouble.explanation}", printed)
        logged_reasons = re.findall(rf"channel blocked channel_id={channel_id} reason=(.*)", bot.log)
        assert [trouble.log_reason in line for line in logged_reasons] == [True], logged_reasons
    for trouble in troubles.values():
        trouble.end(scene)
    await scene.wait_until_posted([1])
    assert not find_delivery_faults(scene, [1])
    assert "posted" in await run_command(scene, talk, "why", link=LINK)
    assert "🟠" not in await run_command(scene, talk, "feed list")
    for kind in troubles:
        assert bot.log.count(f"channel unblocked channel_id={scene.channels[kind].id}") == 1
    assert "Traceback" not in bot.log


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_deleted_channel_is_listed_and_logged_once(scene):
    deleted_channel = scene.channels["text"]
    talk = scene.discord.changes.add_channel(scene.server, "talk")
    scene.discord.changes.remove_channel(deleted_channel)
    bot = scene.start()
    await wait_until(lambda: get_max_attempts(scene, "text") >= MIN_ATTEMPTS)
    listed = await run_command(scene, talk, "feed list")
    assert re.search(rf"🟠 [^<]*I can’t find this channel[^<]*<#{deleted_channel.id}>", listed), listed
    assert "I can’t find this channel" in await scene.run_command("why", LINK)
    assert bot.log.count(f"channel blocked channel_id={deleted_channel.id} reason=gone") == 1
    del scene.channels["text"]
    assert not find_delivery_faults(scene, [1])


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_why_explains_posts_dropped_by_kick(scene):
    await scene.run_bot()
    (number,) = await scene.publish_and_poll(1)
    scene.discord.changes.kick(scene.server)
    link = f"https://news.example/articles/{number}"
    scene.start()
    await wait_until(lambda: not scene.count_open_dispatches())
    assert "I wasn’t in the server at that time" in await scene.run_command("why", link)
    scene.discord.changes.invite(scene.server)
    talk = scene.discord.changes.add_channel(scene.server, "talk")
    await wait_until(lambda: scene.server.id in store_probe.list_joined_server_ids(scene.database))
    await scene.clock.sleep(60)
    (later,) = scene.add_articles(1)
    await scene.make_feeds_due()
    await wait_until(lambda: scene.count_posts("text")[later])
    explained = await run_command(scene, talk, "why", link=link)
    assert explained.count("not posted: I wasn’t in the server at that time") == len(KINDS)
    assert not any(scene.count_posts(kind)[number] for kind in KINDS)


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_network_outage_loses_no_post_and_logs_little(scene):
    discord = scene.discord
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = await scene.publish_and_poll(4)
    discord.faults.run_callback(SEND_ROUTES[0], discord.cut_off, after_effect=True, drop=True, skip=1)
    started_at = scene.clock.now()
    await wait_until(lambda: discord.is_offline)
    await wait_until(lambda: scene.clock.now() - started_at > 900)
    assert bot.status is None
    printed = await scene.run_command("why", f"https://news.example/articles/{numbers[-1]}")
    assert printed.count("waiting to be posted since") == len(KINDS)
    log = bot.log
    assert log.count("shard disconnected") == 1
    assert all(log.count(f"channel blocked channel_id={channel.id} ") <= 1 for channel in scene.channels.values())
    assert len([line for line in log.splitlines() if " INFO " not in line]) <= 3 + len(KINDS)
    discord.is_offline = False
    await scene.wait_until_posted([1, *numbers])
    assert not find_delivery_faults(scene, [1, *numbers])
    assert "Traceback" not in bot.log
