"""/feed look and /settings look: the panel with a preview, and the saved look."""

from __future__ import annotations

from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.builders import RoleHandle
from simcord.enums import OverwriteType
from simcord.results import InteractionResult, ResponseMessage

from bot.core.preferences import PostLook, Style, Template
from bot.posting.wording.look_labels import style_label
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    list_button_labels,
    list_components,
    list_controls,
    open_feed_card,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed, get_first_subscription_id

USE_LABEL = "Use this look"
FORM_LABEL = "Prefix, colour, excerpt…"


async def load_subscription_look(world: World) -> PostLook | None:
    return (await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].look


async def open_look_panel(world: World, server: FeedServer) -> InteractionResult:
    """Follow a feed and open the panel of its look."""
    await follow_feed(world, server)
    return await world.run_as_editor("feed look", feed=await get_first_subscription_id(world))


async def choose_style(world: World, panel: InteractionResult, style: Style) -> InteractionResult:
    custom_id, _options = find_menu(get_panel_message(panel))
    return await world.editor.select(get_panel_message(panel), [style.value], custom_id=custom_id)


async def choose_roles(world: World, panel: InteractionResult, *roles: RoleHandle) -> InteractionResult:
    custom_id = next(
        component["custom_id"] for component in list_controls(get_panel_message(panel)) if component["type"] == 6
    )
    return await world.editor.select(get_panel_message(panel), list(roles), custom_id=custom_id)


async def submit_look_form(world: World, panel: InteractionResult, **fields: str) -> InteractionResult:
    form = await world.editor.click(get_panel_message(panel), label=FORM_LABEL)
    return await world.editor.submit_modal(form, fields)


def get_panel_message(panel: InteractionResult) -> ResponseMessage:
    """Return the message of the panel, which a classic post may follow."""
    assert panel.response is not None
    return panel.response


def get_preview_text(panel: InteractionResult) -> str:
    """Return the text of the previewed post."""
    return read_message_text(get_panel_message(panel)).partition("\n")[2]


async def test_look_panel_previews_post_at_each_choice(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    assert get_panel_message(panel).ephemeral
    assert read_message_text(telex.posts()[0]) in read_message_text(get_panel_message(panel))
    assert list_button_labels(get_panel_message(panel))[:3] == ["Save", "Read", "More"]
    panel = await choose_style(telex, panel, Style.COMPACT)
    assert "\n**[Cities ban facial" in read_message_text(get_panel_message(panel))
    panel = await choose_style(telex, panel, Style.FULL)
    panel = await submit_look_form(telex, panel, prefix="🔒 Net ·", colour="#abc", excerpt="0")
    assert "### [🔒 Net · Cities ban facial recognition]" in get_preview_text(panel)
    assert "moratorium" not in get_preview_text(panel)
    assert any(part.get("accent_color") == 0xAABBCC for part in list_components(get_panel_message(panel)))
    panel = await choose_style(telex, panel, Style.HEADLINE)
    assert "\n**[🔒 Net · Cities ban" in read_message_text(get_panel_message(panel))
    assert await load_subscription_look(telex) is None
    final_reply = await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert "from its next post" in read_reply_text(final_reply)
    assert await load_subscription_look(telex) == PostLook(
        style=Style.HEADLINE, prefix="🔒 Net ·", colour=0xAABBCC, excerpt_length=0
    )
    (change,) = await telex.store.preferences.list_changes(telex.guild.id, limit=9)
    assert (change.setting, change.user_id, change.old_value) == ("look", telex.editor.id, None)


async def test_classic_post_is_previewed_below_panel(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.CLASSIC)
    assert get_last_reply(panel).embeds[0].title == "Cities ban facial recognition"
    assert "Preview below" in read_message_text(get_panel_message(panel))
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(style=Style.CLASSIC)


async def test_picture_can_be_hidden_and_cancel_changes_nothing(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    panel = await telex.editor.click(get_panel_message(panel), label="Hide the picture")
    assert "Show the picture" in list_button_labels(get_panel_message(panel))
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(shows_image=False)
    second_panel = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    second_panel = await choose_style(telex, second_panel, Style.COMPACT)
    assert "Nothing changed" in read_reply_text(
        await telex.editor.click(get_panel_message(second_panel), label="Cancel")
    )
    assert await load_subscription_look(telex) == PostLook(shows_image=False)


async def test_look_is_reset_to_server_default(telex, feed_server):
    await telex.store.preferences.set_look(telex.guild.id, PostLook(style=Style.HEADLINE), user_id=telex.editor.id)
    panel = await open_look_panel(telex, feed_server)
    assert "Default for this server" in read_reply_text(panel)
    assert "###" not in get_preview_text(panel)
    panel = await choose_style(telex, panel, Style.FULL)
    assert "Default for this server" not in read_reply_text(panel)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook()
    second_reply = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    second_reply = await telex.editor.click(get_panel_message(second_reply), label="Server’s default")
    assert "###" not in get_preview_text(second_reply)
    await telex.editor.click(get_panel_message(second_reply), label=USE_LABEL)
    assert await load_subscription_look(telex) is None


async def test_invalid_colour_and_excerpt_are_refused(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    for invalid_text in ("red", "#12345"):
        assert "isn’t a colour code" in read_reply_text(await submit_look_form(telex, panel, colour=invalid_text))
    for invalid_text in ("1001", "-1", "²"):
        assert "isn’t a length" in read_reply_text(await submit_look_form(telex, panel, excerpt=invalid_text))
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(style=Style.COMPACT)


async def test_valid_fields_are_kept_beside_invalid_one(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    assert "isn’t a colour code" in read_reply_text(
        await submit_look_form(telex, panel, prefix="News", colour="red", excerpt="120")
    )
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(prefix="News", excerpt_length=120)


async def test_prefix_is_escaped_and_cleaned(telex, feed_server):
    panel = await submit_look_form(telex, await open_look_panel(telex, feed_server), prefix="**@everyone**\u202e <@&1>")
    assert "**@everyone**" not in get_preview_text(panel)
    assert "everyone" in get_preview_text(panel)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    look = await load_subscription_look(telex)
    assert look.prefix == "**@everyone** <@&1>"


async def test_unpolled_feed_is_previewed_with_example(telex, feed_server):
    await telex.follow(feed_server.serve("/rss", make_rss(title="Example News")))
    panel = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    assert "[An article’s title](" in get_preview_text(panel)


async def test_feed_preview_and_card_show_look(telex, feed):
    look = PostLook(style=Style.COMPACT, shows_image=False, prefix="Net ·")
    await telex.store.subscriptions.set_look(int(await get_first_subscription_id(telex)), look, user_id=telex.editor.id)
    preview = await telex.run_as_editor("feed preview", feed=await get_first_subscription_id(telex))
    assert "**[Net · Cities ban facial recognition](" in read_reply_text(preview)
    list_text = read_reply_text(await open_feed_card(telex))
    assert "-# look: compact, no picture, “Net ·”" in list_text


async def test_settings_history_describes_looks_and_filters(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    filter_trial = await telex.run_as_editor("feed filter", feed=await get_first_subscription_id(telex), never="chips")
    await telex.editor.click(get_panel_message(filter_trial), label="Save this filter")
    history_text = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Post appearance**: same as the server → compact" in history_text
    assert "**Filter**: none → never `chips`" in history_text


async def submit_template(world: World, panel: InteractionResult, **fields: str) -> InteractionResult:
    form = await world.editor.click(get_panel_message(panel), label="Template…")
    return await world.editor.submit_modal(form, {"title": "", "body": "", "footer": ""} | fields)


async def test_template_is_previewed_and_invalid_one_refused(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    panel = await submit_template(telex, panel, title="{title} in {outlet}", footer="-# {time}")
    assert "\nCities ban facial recognition in " in read_message_text(get_panel_message(panel))
    error_reply = await submit_template(telex, panel, title="{titel}")
    assert "I don’t know the field `{titel}`" in read_reply_text(error_reply)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    look = await load_subscription_look(telex)
    assert look == PostLook(template=Template("{title} in {outlet}", "", "-# {time}"))
    second_panel = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    second_panel = await submit_template(telex, second_panel)
    assert "### [Cities ban facial recognition]" in get_preview_text(second_panel)
    await telex.editor.click(get_panel_message(second_panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook()


# Roles


async def test_mentionable_role_is_mentioned(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    panel = await choose_roles(telex, await open_look_panel(telex, feed_server), readers)
    assert get_last_reply(panel).content == f"<@&{readers.id}>"
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(role_id=readers.id)
    second_reply = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    await telex.editor.click(get_panel_message(await choose_roles(telex, second_reply)), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook()


async def test_unmentionable_role_is_refused(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    panel = await open_look_panel(telex, feed_server)
    refusal = await choose_roles(telex, panel, staff)
    assert "You can’t mention" in read_reply_text(refusal)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) is None


async def test_mention_permission_allows_all_roles_but_everyone(telex, feed_server):
    permissions = discord.Permissions(manage_guild=True, mention_everyone=True).value
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": permissions})
    panel = await open_look_panel(telex, feed_server)
    assert "You can’t mention" in read_reply_text(await choose_roles(telex, panel, telex.guild.default_role))
    staff = telex.guild.create_role("Staff")
    panel = await choose_roles(telex, panel, staff)
    assert "won’t be mentioned" in read_message_text(get_panel_message(panel))
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(role_id=staff.id)


async def test_mention_permission_is_checked_again_on_save(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    panel = await choose_roles(telex, await open_look_panel(telex, feed_server), readers)
    telex.env.backend.edit_role(telex.guild.id, readers.id, {"mentionable": False})
    refusal = await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert "You can’t mention" in read_reply_text(refusal)
    assert await load_subscription_look(telex) is None


async def test_role_chosen_by_other_user_is_preserved(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await follow_feed(telex, feed_server)
    await telex.store.subscriptions.set_look(
        int(await get_first_subscription_id(telex)), PostLook(role_id=staff.id), user_id=telex.reader.id
    )
    panel = await telex.run_as_editor("feed look", feed=await get_first_subscription_id(telex))
    panel = await choose_style(telex, panel, Style.COMPACT)
    await telex.editor.click(get_panel_message(panel), label=USE_LABEL)
    assert await load_subscription_look(telex) == PostLook(style=Style.COMPACT, role_id=staff.id)


# The server's look


async def test_server_look_applies_to_feeds_without_own_look(telex, feed):
    reply = await telex.run_as_editor("settings look")
    assert "### [Cities ban facial recognition](" in get_preview_text(reply)
    reply = await choose_style(telex, reply, Style.HEADLINE)
    await telex.editor.click(get_panel_message(reply), label=USE_LABEL)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook(style=Style.HEADLINE)
    reply = await telex.run_as_editor("feed preview", feed=await get_first_subscription_id(telex))
    assert "###" not in read_reply_text(reply)
    history_text = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Post appearance**: default → headline" in history_text
    second_reply = await telex.run_as_editor("settings look")
    second_reply = await telex.editor.click(get_panel_message(second_reply), label="Default")
    await telex.editor.click(get_panel_message(second_reply), label=USE_LABEL)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook()


async def test_server_settings_open_look_panel_with_permission(telex, feed):
    settings_panel = await telex.run_as_editor("settings server")
    look_panel = await telex.editor.click(get_panel_message(settings_panel), label="Choose…")
    assert "### [Cities ban facial recognition](" in get_preview_text(look_panel)
    saved_reply = await telex.editor.click(
        get_panel_message(await choose_style(telex, look_panel, Style.COMPACT)), label=USE_LABEL
    )
    assert "Saved. New posts look like this" in read_reply_text(saved_reply)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook(style=Style.COMPACT)
    settings_panel = await telex.run_as_editor("settings server")
    look_panel = await telex.run_as_editor("settings server")
    look_panel = await telex.editor.click(get_panel_message(look_panel), label="Choose…")
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    for pending_click in (
        telex.editor.click(get_panel_message(settings_panel), label="Choose…"),
        telex.editor.click(get_panel_message(look_panel), label=USE_LABEL),
    ):
        assert "Manage Server" in read_reply_text(await pending_click)


async def test_server_look_without_feeds_is_previewed_with_example(telex):
    panel = await telex.run_as_editor("settings look")
    assert "[An article’s title](" in get_preview_text(panel)


async def test_server_role_requires_mention_permission_everywhere(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    overwrite = Overwrite(
        target_id=telex.editor.id,
        type=OverwriteType.MEMBER,
        allow=discord.Permissions(mention_everyone=True).value,
        deny=0,
    )
    telex.env.backend.set_overwrite(telex.news.id, overwrite)
    assert f"<@&{staff.id}>" in read_message_text(
        get_panel_message(await choose_roles(telex, await open_look_panel(telex, feed_server), staff))
    )
    refusal = await choose_roles(telex, await telex.run_as_editor("settings look"), staff)
    assert "You can’t mention" in read_reply_text(refusal)


# Rights


async def test_look_form_requires_permission_on_submit(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    form = await telex.editor.click(get_panel_message(panel), label=FORM_LABEL)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    assert "Manage Server" in read_reply_text(await telex.editor.submit_modal(form, {"prefix": "x"}))
    assert await load_subscription_look(telex) is None


async def test_look_panel_in_french(telex, feed_server):
    telex.locales[telex.editor.id] = "fr"
    panel = await open_look_panel(telex, feed_server)
    assert "Apparence de" in read_message_text(get_panel_message(panel))
    assert "Utiliser cette apparence" in list_button_labels(get_panel_message(panel))
    options: list[dict[str, Any]] = find_menu(get_panel_message(panel))[1]
    assert [option["label"] for option in options] == [
        "Carte",
        "Carte à petite image",
        "Compacte",
        "Titre seul",
        "Classique",
    ]


async def test_all_styles_are_offered_by_name(telex, feed_server):
    options: list[dict[str, Any]] = find_menu(get_panel_message(await open_look_panel(telex, feed_server)))[1]
    labels = {option["value"]: option["label"].lower() for option in options}
    assert labels == {style.value: style_label(style).lower() for style in Style}


async def test_moving_feed_with_role_requires_mention_permission(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await open_look_panel(telex, feed_server)
    feed = await get_first_subscription_id(telex)
    await telex.store.subscriptions.set_look(int(feed), PostLook(role_id=staff.id), user_id=1)
    other_channel = telex.guild.create_text_channel("other")
    refusal = await telex.run_as_editor("feed move", feed=feed, channel=other_channel)
    assert "You can’t mention" in read_reply_text(refusal)
    telex.env.backend.edit_role(telex.guild.id, staff.id, {"mentionable": True})
    move_reply = await telex.run_as_editor("feed move", feed=feed, channel=other_channel)
    assert "Moved" in read_reply_text(move_reply)
