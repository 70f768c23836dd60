"""Silent posts on the wire, in every kind of channel."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, OUTLET_NAME_KINDS, QUICK_SPEED

SUPPRESS_NOTIFICATIONS = 1 << 12
"""https://discord.com/developers/docs/resources/message#message-object-message-flags"""


@pytest.mark.scene(kinds=(*KINDS, *OUTLET_NAME_KINDS), speed=QUICK_SPEED)
async def test_posts_are_silent_in_every_channel_and_after_crash(scene, discord_server):
    await scene.change_channel_setting(setting_registry.SILENT_POSTS, True, *scene.channels)
    await scene.change_channel_setting(setting_registry.DAILY_THREAD, True, "text")
    numbers = await scene.publish_and_poll(2)
    for kind in ("announcement", "forum"):
        discord_server.faults.drop(scene.get_send_route(kind), after_effect=False)
    discord_server.faults.run_callback("POST /webhooks/*/*", scene.kill, after_effect=False, drop=True)
    await scene.start().wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    for kind in scene.channels:
        posts = [message for message in scene.list_messages(kind) if message.list_custom_ids()]
        assert len(posts) == 3, kind
        assert all(post.parts["flags"] & SUPPRESS_NOTIFICATIONS for post in posts), kind
