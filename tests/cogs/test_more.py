"""The buttons Discuss and Notify me under More."""

from __future__ import annotations

import asyncio

import discord
import pytest
from simcord.results import ResponseMessage

from bot.core.preferences import PostLook
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from cogs.reading import more_menu
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.interactions import (
    get_last_reply,
    list_button_labels,
    list_controls,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed, get_newest_article
from tests.support.store_probe import Column

ROLE_MENU_TYPE = 6  # https://discord.com/developers/docs/components/reference#component-object-component-types
MANAGE_ROLES = discord.Permissions(manage_roles=True).value


@pytest.fixture
async def post(telex, feed_server) -> discord.Message:
    """A post of the followed feed."""
    feed = await follow_feed(telex, feed_server)
    article = await get_newest_article(telex, feed)
    return next(message for message in telex.posts() if article.title in read_message_text(message))


async def open_more_menu(telex: World, post: discord.Message) -> ResponseMessage:
    return get_last_reply(await telex.reader.click(post, label="More"))


def list_thread_ids(telex: World) -> list[int]:
    guild = telex.bot.get_guild(telex.guild.id)
    return [thread.id for thread in guild.threads]


async def test_discuss_button_creates_one_thread_per_post(telex, post):
    await telex.set_permissions(telex.news, create_public_threads=False)
    assert "I need the Create Public Threads permission" in read_reply_text(
        await telex.reader.click(await open_more_menu(telex, post), label="Discuss")
    )
    await telex.set_permissions(telex.news)
    assert isinstance(post.channel, discord.TextChannel)
    thread_creations = [more_menu.get_or_create_thread(post.channel, post.id, "The same") for _ in range(2)]
    assert [thread.id for thread in await asyncio.gather(*thread_creations)] == [post.id, post.id]
    discuss_reply = await telex.reader.click(await open_more_menu(telex, post), label="Discuss")
    assert f"Talk about it in <#{post.id}>." in read_reply_text(discuss_reply)
    await telex.restart()
    second_reply = await telex.reader.click(await open_more_menu(telex, post), label="Discuss")
    assert f"<#{post.id}>" in read_reply_text(second_reply)
    assert list_thread_ids(telex) == [post.id]


async def test_discuss_button_requires_thread_permission(telex, post):
    menu = await open_more_menu(telex, post)
    everybody = telex.guild.default_role
    permissions = discord.Permissions(telex.env.backend.get_guild(telex.guild.id).everyone_role.permissions)
    permissions.create_public_threads = False
    telex.env.backend.edit_role(telex.guild.id, everybody.id, {"permissions": permissions.value})
    assert "You need the Create Public Threads permission" in read_reply_text(
        await telex.reader.click(menu, label="Discuss")
    )
    assert list_thread_ids(telex) == []


async def test_offered_role_can_be_taken_and_returned(telex, post):
    role = telex.guild.create_role("Space news", permissions=discord.Permissions.none())
    assert "Notify me" not in list_button_labels(await open_more_menu(telex, post))
    (article_id,) = (await telex.store.dispatches.get_by_message_id(post.id)).article_ids
    assert article_id
    (dispatch_id,) = [row.id for row in store_probe.load_outbox(telex.database) if row.message_id == post.id]
    store_probe.set_column(telex.database, Column.DISPATCH_LOOK, str(PostLook(role_id=role.id)), row_ids=[dispatch_id])
    backend = telex.env.backend
    backend.edit_role(
        telex.guild.id,
        telex.guild.roles["Editors"].id,
        {"permissions": discord.Permissions(manage_guild=True, manage_roles=True).value},
    )
    panel = await telex.run_as_editor("settings server")
    role_menu_id = list_role_menu_ids(get_last_reply(panel))[-1]
    permission_refusal = await telex.editor.select(get_last_reply(panel), [role], custom_id=role_menu_id)
    assert "I need the Manage Roles permission" in read_reply_text(permission_refusal)
    bot_role = telex.guild.roles[backend.bot_user.name]
    backend.edit_role(telex.guild.id, bot_role.id, {"permissions": INVITE_PERMISSIONS.value | MANAGE_ROLES})
    backend.edit_role(telex.guild.id, bot_role.id, {"position": 9})
    panel = await telex.run_as_editor("settings server")
    await telex.editor.select(get_last_reply(panel), [role], custom_id=list_role_menu_ids(get_last_reply(panel))[-1])
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).self_assignable_role_ids == (role.id,)
    menu = get_last_reply(await telex.reader.click(await open_more_menu(telex, post), label="Notify me"))
    assert f"You have <@&{role.id}>" in read_message_text(menu)
    guild = telex.bot.get_guild(telex.guild.id)
    member = guild.get_member(telex.reader.id) or await guild.fetch_member(telex.reader.id)
    assert role.id in {member_role.id for member_role in member.roles}
    menu = get_last_reply(await telex.reader.click(menu, label="Stop notifying me"))
    assert "You won’t be notified anymore." in read_message_text(menu)
    # Whoever gives it a permission takes it out of reach, on menus that are open too.
    backend.edit_role(telex.guild.id, role.id, {"permissions": discord.Permissions(manage_guild=True).value})
    refusal = await telex.reader.click(menu, label="Notify me")
    assert "You can’t take this role anymore." in read_reply_text(refusal)
    assert "Notify me" not in list_button_labels(await open_more_menu(telex, post))


def list_role_menu_ids(message: ResponseMessage) -> list[str]:
    return [str(component["custom_id"]) for component in list_controls(message) if component["type"] == ROLE_MENU_TYPE]
