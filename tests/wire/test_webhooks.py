"""Posts under the outlet's name, by webhooks."""

from __future__ import annotations

import pytest

from bot.drill.discord_stand_in.faults import Fault
from bot.drill.discord_stand_in.state import ChannelMessage, Permission
from tests.support import store_probe
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import OUTLET_NAME_KINDS, QUICK_SPEED, Scene
from tests.support.wire.waiting import wait_until


def list_authors(scene: Scene, kind: str) -> list[str]:
    """List the author names of a channel's messages."""
    bot = scene.discord.state.bot.name
    return [message.author["username"] if message.author else bot for message in scene.list_messages(kind)]


def find_newest_message(scene: Scene, kind: str) -> ChannelMessage:
    return scene.list_messages(kind)[-1]


@pytest.mark.scene(kinds=OUTLET_NAME_KINDS)
async def test_webhook_posts_have_outlet_name_buttons_edits_and_reactions(scene, discord_server):
    numbers = await scene.publish_and_poll(1)
    bot = scene.start()
    await scene.wait_until_settled()
    assert {name for kind in OUTLET_NAME_KINDS for name in list_authors(scene, kind)} == {"Example News"}
    assert len(discord_server.state.webhooks) == len(OUTLET_NAME_KINDS)
    assert not find_delivery_faults(scene, [1, *numbers])
    assert not scene.find_unfinished_posts()
    ada = discord_server.people.join(scene.server.id, "Ada")
    presses = []
    for kind in OUTLET_NAME_KINDS:
        save = next(
            custom_id
            for custom_id in find_newest_message(scene, kind).list_custom_ids()
            if custom_id.startswith("telex:save:")
        )
        presses.append(discord_server.people.click(ada, find_newest_message(scene, kind), save))
    await discord_server.wait_until(lambda: all(pressed.answered for pressed in presses))
    discord_server.people.react(ada, scene.list_messages("signed text")[0])
    await wait_until(lambda: len(store_probe.load_rows(scene.database, "bookmark")) == 2)
    await bot.stop()
    await scene.change_title(2, "Article 2 as it really was")
    scene.make_edits_due()
    bot = scene.start()
    await wait_until(
        lambda: all(
            "really was" in find_newest_message(scene, kind).render_visible_text() for kind in OUTLET_NAME_KINDS
        )
    )
    token = next(iter(discord_server.state.webhooks.values())).token
    assert token not in bot.log
    assert token.encode() not in scene.database_path.read_bytes()
    assert not find_delivery_faults(scene, [1, *numbers])


@pytest.mark.scene(kinds=("signed text", "signed forum"))
async def test_lost_webhook_is_created_again_or_bot_posts_itself(scene, discord_server):
    discord_server.changes.deny(scene.channels["signed forum"], Permission.MANAGE_WEBHOOKS)
    elsewhere = discord_server.changes.add_channel(scene.server, "elsewhere")
    webhooks = discord_server.state.webhooks

    def move_webhook() -> None:
        (webhook,) = webhooks.values()
        webhook.channel_id = elsewhere.id

    numbers = await scene.publish_and_poll(3)
    discord_server.faults.run_callback("POST /webhooks/*", webhooks.clear, skip=1)
    discord_server.faults.run_callback("POST /webhooks/*", move_webhook, skip=2)
    scene.start()
    await scene.wait_until_settled()
    assert not elsewhere.messages
    assert len(webhooks) == 2  # the moved one and that in its place
    assert list_authors(scene, "signed text") == ["Example News"] * 4
    assert list_authors(scene, "signed forum") == [discord_server.state.bot.name] * 4
    assert not find_delivery_faults(scene, [1, *numbers])


@pytest.mark.scene(kinds=OUTLET_NAME_KINDS, speed=QUICK_SPEED)
async def test_late_effect_or_crash_repeats_no_webhook_post(scene, discord_server):
    numbers = await scene.publish_and_poll(3)
    faults = discord_server.faults
    executing = "POST /webhooks/*/*"
    faults.add(Fault(route="POST /channels/*/webhooks", status=502, body={"code": 0}, after_effect=True))
    faults.fail_late(executing, 60 / scene.clock.speed, times=2)
    faults.rate_limit(executing, 60)
    faults.drop(executing, after_effect=True)
    faults.run_callback(executing, scene.kill, after_effect=True, drop=True)
    await scene.start().wait_for_exit()
    discord_server.changes.nonce_window_seconds = 0
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    assert {name for kind in OUTLET_NAME_KINDS for name in list_authors(scene, kind)} == {"Example News"}
