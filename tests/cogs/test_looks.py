"""/feed look: the real message in a panel, which changes nothing before it is used."""

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
    button_labels,
    components,
    find_menu,
    last_reply,
    message_text,
    open_feed_card,
    parts,
    text,
)
from tests.support.scenario import first_subscription_id, follow

USE = "Use this look"
FORM = "Prefix, colour, excerpt…"


async def subscription_look(world: World) -> PostLook | None:
    return (await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].look


async def open_look_panel(world: World, server: FeedServer) -> InteractionResult:
    """The panel of a feed that was read."""
    await follow(world, server)
    return await world.editor.slash(world.news, "feed look", feed=await first_subscription_id(world))


async def choose_style(world: World, panel: InteractionResult, style: Style) -> InteractionResult:
    custom_id, _options = find_menu(panel_message(panel))
    return await world.editor.select(panel_message(panel), [style.value], custom_id=custom_id)


async def choose_roles(world: World, panel: InteractionResult, *roles: RoleHandle) -> InteractionResult:
    custom_id = next(component["custom_id"] for component in components(panel_message(panel)) if component["type"] == 6)
    return await world.editor.select(panel_message(panel), list(roles), custom_id=custom_id)


async def submit_look_form(world: World, panel: InteractionResult, **fields: str) -> InteractionResult:
    form = await world.editor.click(panel_message(panel), label=FORM)
    return await world.editor.submit_modal(form, fields)


def panel_message(panel: InteractionResult) -> ResponseMessage:
    """The panel itself, below which a classic post may stand."""
    assert panel.response is not None
    return panel.response


def preview_text(panel: InteractionResult) -> str:
    """What the post in the panel says."""
    return text(panel_message(panel)).partition("\n")[2]


async def test_the_panel_shows_the_real_message_at_each_choice(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    assert panel_message(panel).ephemeral
    assert text(telex.posts()[0]) in text(panel_message(panel))
    assert button_labels(panel_message(panel))[:3] == ["Save", "Read", "More"]
    panel = await choose_style(telex, panel, Style.COMPACT)
    assert "\n**[Cities ban facial" in text(panel_message(panel))
    panel = await choose_style(telex, panel, Style.FULL)
    panel = await submit_look_form(telex, panel, prefix="🔒 Net ·", colour="#abc", excerpt="0")
    assert "### [🔒 Net · Cities ban facial recognition]" in preview_text(panel)
    assert "moratorium" not in preview_text(panel)
    assert any(part.get("accent_color") == 0xAABBCC for part in parts(panel_message(panel)))
    panel = await choose_style(telex, panel, Style.HEADLINE)
    assert "\n**[🔒 Net · Cities ban" in text(panel_message(panel))
    assert await subscription_look(telex) is None
    final_reply = await telex.editor.click(panel_message(panel), label=USE)
    assert "from its next post" in message_text(final_reply)
    assert await subscription_look(telex) == PostLook(
        style=Style.HEADLINE, prefix="🔒 Net ·", colour=0xAABBCC, excerpt_length=0
    )
    (change,) = await telex.store.preferences.list_changes(telex.guild.id, limit=9)
    assert (change.setting, change.user_id, change.old_value) == ("look", telex.editor.id, None)


async def test_a_classic_post_is_shown_below_the_panel(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.CLASSIC)
    assert last_reply(panel).embeds[0].title == "Cities ban facial recognition"
    assert "Preview below" in text(panel_message(panel))
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(style=Style.CLASSIC)


async def test_the_picture_is_taken_away_and_given_back_and_cancelled_nothing_changes(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    panel = await telex.editor.click(panel_message(panel), label="Hide the picture")
    assert "Show the picture" in button_labels(panel_message(panel))
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(shows_image=False)
    second_panel = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    second_panel = await choose_style(telex, second_panel, Style.COMPACT)
    assert "Nothing changed" in message_text(await telex.editor.click(panel_message(second_panel), label="Cancel"))
    assert await subscription_look(telex) == PostLook(shows_image=False)


async def test_a_look_goes_back_to_the_servers(telex, feed_server):
    await telex.store.preferences.set_look(telex.guild.id, PostLook(style=Style.HEADLINE), user_id=telex.editor.id)
    panel = await open_look_panel(telex, feed_server)
    assert "Default for this server" in message_text(panel)
    assert "###" not in preview_text(panel)
    panel = await choose_style(telex, panel, Style.FULL)
    assert "Default for this server" not in message_text(panel)
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook()
    second_reply = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    second_reply = await telex.editor.click(panel_message(second_reply), label="Server’s default")
    assert "###" not in preview_text(second_reply)
    await telex.editor.click(panel_message(second_reply), label=USE)
    assert await subscription_look(telex) is None


async def test_what_cannot_be_is_refused_and_nothing_lost(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    for invalid_text in ("red", "#12345"):
        assert "isn’t a colour code" in message_text(await submit_look_form(telex, panel, colour=invalid_text))
    for invalid_text in ("1001", "-1", "²"):
        assert "isn’t a length" in message_text(await submit_look_form(telex, panel, excerpt=invalid_text))
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(style=Style.COMPACT)


async def test_what_is_right_in_the_form_is_kept_beside_what_is_refused(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    assert "isn’t a colour code" in message_text(
        await submit_look_form(telex, panel, prefix="News", colour="red", excerpt="120")
    )
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(prefix="News", excerpt_length=120)


async def test_a_prefix_is_plain_and_short(telex, feed_server):
    panel = await submit_look_form(telex, await open_look_panel(telex, feed_server), prefix="**@everyone**\u202e <@&1>")
    assert "**@everyone**" not in preview_text(panel)
    assert "everyone" in preview_text(panel)
    await telex.editor.click(panel_message(panel), label=USE)
    look = await subscription_look(telex)
    assert look.prefix == "**@everyone** <@&1>"


async def test_a_feed_that_was_not_read_yet_has_an_example(telex, feed_server):
    await telex.follow(feed_server.serve("/rss", make_rss(title="Example News")))
    panel = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    assert "[An article’s title](" in preview_text(panel)


async def test_the_preview_and_the_list_show_the_look(telex, feed_server):
    await follow(telex, feed_server)
    look = PostLook(style=Style.COMPACT, shows_image=False, prefix="Net ·")
    await telex.store.subscriptions.set_look(int(await first_subscription_id(telex)), look, user_id=telex.editor.id)
    preview = await telex.editor.slash(telex.news, "feed preview", feed=await first_subscription_id(telex))
    assert "**[Net · Cities ban facial recognition](" in message_text(preview)
    list_text = message_text(await open_feed_card(telex))
    assert "-# look: compact, no picture, “Net ·”" in list_text


async def test_the_history_tells_looks_and_filters_in_words(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    await telex.editor.click(panel_message(panel), label=USE)
    filter_trial = await telex.editor.slash(
        telex.news, "feed filter", feed=await first_subscription_id(telex), never="chips"
    )
    await telex.editor.click(panel_message(filter_trial), label="Save this filter")
    history_text = message_text(await telex.editor.slash(telex.news, "settings history"))
    assert "**Post appearance**: same as the server → compact" in history_text
    assert "**Filter**: none → never `chips`" in history_text


async def submit_template(world: World, panel: InteractionResult, **fields: str) -> InteractionResult:
    form = await world.editor.click(panel_message(panel), label="Template…")
    return await world.editor.submit_modal(form, {"title": "", "body": "", "footer": ""} | fields)


async def test_a_template_is_shown_with_the_real_message_and_a_mistake_is_explained_and_not_kept(telex, feed_server):
    panel = await open_look_panel(telex, feed_server)
    panel = await submit_template(telex, panel, title="{title} in {outlet}", footer="-# {time}")
    assert "\nCities ban facial recognition in " in text(panel_message(panel))
    error_reply = await submit_template(telex, panel, title="{titel}")
    assert "I don’t know the field `{titel}`" in message_text(error_reply)
    await telex.editor.click(panel_message(panel), label=USE)
    look = await subscription_look(telex)
    assert look == PostLook(template=Template("{title} in {outlet}", "", "-# {time}"))
    second_panel = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    second_panel = await submit_template(telex, second_panel)
    assert "### [Cities ban facial recognition]" in preview_text(second_panel)
    await telex.editor.click(panel_message(second_panel), label=USE)
    assert await subscription_look(telex) == PostLook()


# Roles


async def test_a_role_that_everybody_may_mention_is_mentioned(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    panel = await choose_roles(telex, await open_look_panel(telex, feed_server), readers)
    assert last_reply(panel).content == f"<@&{readers.id}>"
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(role_id=readers.id)
    second_reply = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    await telex.editor.click(panel_message(await choose_roles(telex, second_reply)), label=USE)
    assert await subscription_look(telex) == PostLook()


async def test_a_role_that_the_asker_may_not_mention_stays_out(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    panel = await open_look_panel(telex, feed_server)
    refusal = await choose_roles(telex, panel, staff)
    assert "You can’t mention" in message_text(refusal)
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) is None


async def test_who_may_mention_all_roles_chooses_any_but_everyone_and_hears_that_the_bot_may_not(telex, feed_server):
    rights = discord.Permissions(manage_guild=True, mention_everyone=True).value
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": rights})
    panel = await open_look_panel(telex, feed_server)
    assert "You can’t mention" in message_text(await choose_roles(telex, panel, telex.guild.default_role))
    staff = telex.guild.create_role("Staff")
    panel = await choose_roles(telex, panel, staff)
    assert "won’t be mentioned" in text(panel_message(panel))
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(role_id=staff.id)


async def test_the_right_to_mention_is_checked_again_when_the_look_is_used(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    panel = await choose_roles(telex, await open_look_panel(telex, feed_server), readers)
    telex.env.backend.edit_role(telex.guild.id, readers.id, {"mentionable": False})
    refusal = await telex.editor.click(panel_message(panel), label=USE)
    assert "You can’t mention" in message_text(refusal)
    assert await subscription_look(telex) is None


async def test_a_role_that_somebody_else_chose_stays_when_the_rest_changes(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await follow(telex, feed_server)
    await telex.store.subscriptions.set_look(
        int(await first_subscription_id(telex)), PostLook(role_id=staff.id), user_id=telex.reader.id
    )
    panel = await telex.editor.slash(telex.news, "feed look", feed=await first_subscription_id(telex))
    panel = await choose_style(telex, panel, Style.COMPACT)
    await telex.editor.click(panel_message(panel), label=USE)
    assert await subscription_look(telex) == PostLook(style=Style.COMPACT, role_id=staff.id)


# The server's look


async def test_the_servers_look_holds_for_feeds_without_their_own(telex, feed_server):
    await follow(telex, feed_server)
    reply = await telex.editor.slash(telex.news, "settings look")
    assert "### [Cities ban facial recognition](" in preview_text(reply)
    reply = await choose_style(telex, reply, Style.HEADLINE)
    await telex.editor.click(panel_message(reply), label=USE)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook(style=Style.HEADLINE)
    reply = await telex.editor.slash(telex.news, "feed preview", feed=await first_subscription_id(telex))
    assert "###" not in message_text(reply)
    history_text = message_text(await telex.editor.slash(telex.news, "settings history"))
    assert "**Post appearance**: default → headline" in history_text
    second_reply = await telex.editor.slash(telex.news, "settings look")
    second_reply = await telex.editor.click(panel_message(second_reply), label="Default")
    await telex.editor.click(panel_message(second_reply), label=USE)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook()


async def test_the_panel_of_the_server_opens_its_look_for_who_may(telex, feed_server):
    await follow(telex, feed_server)
    settings_panel = await telex.editor.slash(telex.news, "settings server")
    look_panel = await telex.editor.click(panel_message(settings_panel), label="Choose…")
    assert "### [Cities ban facial recognition](" in preview_text(look_panel)
    saved_reply = await telex.editor.click(
        panel_message(await choose_style(telex, look_panel, Style.COMPACT)), label=USE
    )
    assert "Saved. New posts look like this" in message_text(saved_reply)
    assert await telex.store.preferences.get_look(telex.guild.id) == PostLook(style=Style.COMPACT)
    settings_panel = await telex.editor.slash(telex.news, "settings server")
    look_panel = await telex.editor.slash(telex.news, "settings server")
    look_panel = await telex.editor.click(panel_message(look_panel), label="Choose…")
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    for pending_click in (
        telex.editor.click(panel_message(settings_panel), label="Choose…"),
        telex.editor.click(panel_message(look_panel), label=USE),
    ):
        assert "Manage Server" in message_text(await pending_click)


async def test_the_servers_look_is_shown_by_an_example_where_nothing_is_followed(telex):
    panel = await telex.editor.slash(telex.news, "settings look")
    assert "[An article’s title](" in preview_text(panel)


async def test_the_servers_role_is_one_that_the_asker_may_mention_everywhere(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    overwrite = Overwrite(
        target_id=telex.editor.id,
        type=OverwriteType.MEMBER,
        allow=discord.Permissions(mention_everyone=True).value,
        deny=0,
    )
    telex.env.backend.set_overwrite(telex.news.id, overwrite)
    assert f"<@&{staff.id}>" in text(
        panel_message(await choose_roles(telex, await open_look_panel(telex, feed_server), staff))
    )
    refusal = await choose_roles(telex, await telex.editor.slash(telex.news, "settings look"), staff)
    assert "You can’t mention" in message_text(refusal)


# Rights


async def test_who_lost_the_right_changes_no_look_in_a_window_that_was_open(telex, feed_server):
    panel = await choose_style(telex, await open_look_panel(telex, feed_server), Style.COMPACT)
    form = await telex.editor.click(panel_message(panel), label=FORM)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    assert "Manage Server" in message_text(await telex.editor.submit_modal(form, {"prefix": "x"}))
    assert await subscription_look(telex) is None


async def test_the_panel_in_french(telex, feed_server):
    telex.locales[telex.editor.id] = "fr"
    panel = await open_look_panel(telex, feed_server)
    assert "Apparence de" in text(panel_message(panel))
    assert "Utiliser cette apparence" in button_labels(panel_message(panel))
    options: list[dict[str, Any]] = find_menu(panel_message(panel))[1]
    assert [option["label"] for option in options] == [
        "Carte",
        "Carte à petite image",
        "Compacte",
        "Titre seul",
        "Classique",
    ]


async def test_every_style_is_offered_under_its_name(telex, feed_server):
    options: list[dict[str, Any]] = find_menu(panel_message(await open_look_panel(telex, feed_server)))[1]
    labels = {option["value"]: option["label"].lower() for option in options}
    assert labels == {style.value: style_label(style).lower() for style in Style}


async def test_a_feed_that_mentions_a_role_is_moved_only_by_who_may_mention_it_there(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await open_look_panel(telex, feed_server)
    feed = await first_subscription_id(telex)
    await telex.store.subscriptions.set_look(int(feed), PostLook(role_id=staff.id), user_id=1)
    other_channel = telex.guild.create_text_channel("other")
    refusal = await telex.editor.slash(telex.news, "feed move", feed=feed, channel=other_channel)
    assert "You can’t mention" in message_text(refusal)
    telex.env.backend.edit_role(telex.guild.id, staff.id, {"mentionable": True})
    move_reply = await telex.editor.slash(telex.news, "feed move", feed=feed, channel=other_channel)
    assert "Moved" in message_text(move_reply)
