"""Looks of subscriptions, servers and posts."""

from __future__ import annotations

import json

import pytest

from bot.core.preferences import PostLook, SettingChange, Style
from tests.support.samples import CHANNEL, SERVER, add_feed, deliver_pending, follow_feed, make_new_article, write_poll

PERSON = 8_000
COMPACT = PostLook(
    style=Style.COMPACT, shows_image=False, excerpt_length=0, colour=0x123456, prefix="Neu: é", role_id=77
)
HEADLINE = PostLook(style=Style.HEADLINE)


def test_look_is_serialized_with_json_keys():
    assert json.loads(str(PostLook(role_id=77, prefix="·"))) == {"role": 77, "prefix": "·"}
    assert PostLook.from_json('{"role": 77, "prefix": "·"}') == PostLook(role_id=77, prefix="·")


async def test_look_of_server_is_stored_with_history(store, clock):
    assert await store.preferences.get_look(SERVER) == PostLook()
    assert await store.preferences.set_look(SERVER, COMPACT, user_id=PERSON)
    assert not await store.preferences.set_look(SERVER, COMPACT, user_id=PERSON)
    assert await store.preferences.get_look(SERVER) == COMPACT
    assert await store.preferences.get_look(SERVER + 1) == PostLook()
    assert await store.preferences.set_look(SERVER, PostLook(), user_id=PERSON)
    first, second = await store.preferences.list_changes(SERVER, limit=9)
    assert (first.setting, first.channel_id, first.new_value) == ("look", None, None)
    assert first.old_value == second.new_value
    assert second.old_value is None


async def test_look_of_subscription_is_stored_with_history(store, feed, clock):
    subscription = await follow_feed(store, feed)
    set_look = store.subscriptions.set_look

    async def load_look() -> PostLook | None:
        reloaded_subscription = await store.subscriptions.get(subscription)
        return reloaded_subscription.look

    assert await load_look() is None
    assert await set_look(subscription, COMPACT, user_id=PERSON)
    assert await load_look() == COMPACT
    assert await set_look(subscription, PostLook(), user_id=PERSON)
    assert await load_look() == PostLook()
    assert await set_look(subscription, None, user_id=PERSON)
    assert await load_look() is None
    assert not await set_look(subscription + 1, COMPACT, user_id=PERSON)
    latest = (await store.preferences.list_changes(SERVER, limit=1))[0]
    assert latest == SettingChange(clock.now(), PERSON, "look", CHANNEL, feed.id, "{}", None)


@pytest.mark.parametrize(
    ("own", "servers", "expected"),
    [
        (None, PostLook(), PostLook()),
        (None, HEADLINE, HEADLINE),
        (COMPACT, HEADLINE, COMPACT),
        (PostLook(), HEADLINE, PostLook()),
    ],
)
async def test_post_uses_look_of_subscription_or_server(store, feed, own, servers, expected):
    subscription = await follow_feed(store, feed)
    await store.subscriptions.set_look(subscription, own, user_id=PERSON)
    await store.preferences.set_look(SERVER, servers, user_id=PERSON)
    await write_poll(store, feed, make_new_article(feed, "a"))
    (sent,) = await deliver_pending(store)
    assert sent.look == expected


async def test_new_look_applies_to_pending_posts_only(store, feed):
    subscription = await follow_feed(store, feed)
    await write_poll(store, feed, make_new_article(feed, "a"))
    (sent,) = await deliver_pending(store)
    await write_poll(store, feed, make_new_article(feed, "b"))
    await store.subscriptions.set_look(subscription, COMPACT, user_id=PERSON)
    (later,) = await deliver_pending(store)
    again = await store.dispatches.get(sent.id)
    assert (again.look, later.look) == (PostLook(), COMPACT)


async def test_catch_up_has_no_look_of_subscription(store, feed):
    await store.subscriptions.set_look(await follow_feed(store, feed), COMPACT, user_id=PERSON)
    await write_poll(store, feed, *(make_new_article(feed, name) for name in "abc"), max_pending_posts=1)
    looks = {sent.kind.value: sent.look for sent in await deliver_pending(store)}
    assert looks == {"catch-up": PostLook(), "post": COMPACT}


async def test_each_feed_of_channel_has_its_own_look(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await store.subscriptions.set_look(await follow_feed(store, first_feed), COMPACT, user_id=PERSON)
    await store.subscriptions.set_look(await follow_feed(store, second_feed), HEADLINE, user_id=PERSON)
    await write_poll(store, first_feed, make_new_article(first_feed, "a", published=1))
    await write_poll(store, second_feed, make_new_article(second_feed, "b", published=2))
    assert [sent.look for sent in await deliver_pending(store)] == [COMPACT, HEADLINE]
