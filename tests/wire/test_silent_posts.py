"""Silent posts on the wire, in every kind of channel."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, QUICK, SIGNED

SUPPRESS_NOTIFICATIONS = 1 << 12
"""https://discord.com/developers/docs/resources/message#message-object-message-flags"""


@pytest.mark.scene(kinds=(*KINDS, *SIGNED), speed=QUICK)
async def test_posts_are_silent_in_every_channel_and_after_crash(scene, discord_server):
    await scene.prefer(setting_registry.SILENT_POSTS, True, *scene.channels)
    await scene.prefer(setting_registry.DAILY_THREAD, True, "text")
    numbers = await scene.publish(2)
    for kind in ("announcement", "forum"):
        discord_server.faults.drop(scene.sending(kind), after_effect=False)
    discord_server.faults.run_callback("POST /webhooks/*/*", scene.kill, after_effect=False, drop=True)
    await scene.start().wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    for kind in scene.channels:
        posts = [message for message in scene.messages(kind) if message.list_custom_ids()]
        assert len(posts) == 3, kind
        assert all(post.parts["flags"] & SUPPRESS_NOTIFICATIONS for post in posts), kind
