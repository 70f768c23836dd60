"""Silent posts on the wire: in each kind of channel, by webhook too, and when one is sent a second time."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, QUICK, SIGNED

SUPPRESS_NOTIFICATIONS = 1 << 12
"""https://discord.com/developers/docs/resources/message#message-object-message-flags"""


@pytest.mark.scene(kinds=(*KINDS, *SIGNED), speed=QUICK)
async def test_posts_are_silent_wherever_they_go_and_still_are_when_a_crash_has_them_sent_again(scene, discord_server):
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
