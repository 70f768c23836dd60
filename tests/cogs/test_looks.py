"""/feed look: the real message in a panel, which changes nothing before it is used."""

from __future__ import annotations

from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.builders import RoleHandle
from simcord.enums import OverwriteType
from simcord.results import InteractionResult, ResponseMessage

from bot.core.preferences import PostLook, Style, Template
from tests.cogs.helpers import (
    card,
    components,
    follow,
    labels,
    last,
    menu,
    parts,
    said,
    text,
)
from tests.discord_world import World
from tests.feed_server import FeedServer, rss

USE = "Use this look"
FORM = "Prefix, colour, excerpt…"


async def first(world: World) -> str:
    """The id of the server's first subscription, as the autocomplete gives it."""
    return str((await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].id)


async def chosen(world: World) -> PostLook | None:
    return (await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].look


async def panel(world: World, server: FeedServer) -> InteractionResult:
    """The panel of a feed that was read."""
    await follow(world, server)
    return await world.editor.slash(world.news, "feed look", feed=await first(world))


async def style(world: World, shown: InteractionResult, value: Style) -> InteractionResult:
    custom_id, _options = menu(board(shown))
    return await world.editor.select(board(shown), [value.value], custom_id=custom_id)


async def mention(world: World, shown: InteractionResult, *roles: RoleHandle) -> InteractionResult:
    custom_id = next(one["custom_id"] for one in components(board(shown)) if one["type"] == 6)
    return await world.editor.select(board(shown), list(roles), custom_id=custom_id)


async def typed(world: World, shown: InteractionResult, **values: str) -> InteractionResult:
    form = await world.editor.click(board(shown), label=FORM)
    return await world.editor.submit_modal(form, values)


def board(shown: InteractionResult) -> ResponseMessage:
    """The panel itself, below which a classic post may stand."""
    assert shown.response is not None
    return shown.response


def preview(shown: InteractionResult) -> str:
    """What the post in the panel says."""
    return text(board(shown)).partition("\n")[2]


async def test_the_panel_shows_the_real_message_at_each_choice(telex, feed_server):
    shown = await panel(telex, feed_server)
    assert board(shown).ephemeral
    assert text(telex.posts()[0]) in text(board(shown))
    assert labels(board(shown))[:3] == ["Save", "Read", "More"]
    shown = await style(telex, shown, Style.COMPACT)
    assert "\n**[Cities ban facial" in text(board(shown))
    shown = await style(telex, shown, Style.FULL)
    shown = await typed(telex, shown, prefix="🔒 Net ·", colour="#abc", excerpt="0")
    assert "### [🔒 Net · Cities ban facial recognition]" in preview(shown)
    assert "moratorium" not in preview(shown)
    assert any(one.get("accent_color") == 0xAABBCC for one in parts(board(shown)))
    shown = await style(telex, shown, Style.HEADLINE)
    assert "\n**[🔒 Net · Cities ban" in text(board(shown))
    assert await chosen(telex) is None
    done = await telex.editor.click(board(shown), label=USE)
    assert "from its next post" in said(done)
    assert await chosen(telex) == PostLook(
        style=Style.HEADLINE, prefix="🔒 Net ·", colour=0xAABBCC, excerpt=0
    )
    (change,) = await telex.store.preferences.changes(telex.guild.id, limit=9)
    assert (change.setting, change.person_id, change.old) == ("look", telex.editor.id, None)


async def test_a_classic_post_is_shown_below_the_panel(telex, feed_server):
    shown = await style(telex, await panel(telex, feed_server), Style.CLASSIC)
    assert last(shown).embeds[0].title == "Cities ban facial recognition"
    assert "Preview below" in text(board(shown))
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(style=Style.CLASSIC)


async def test_the_picture_is_taken_away_and_given_back_and_cancelled_nothing_changes(telex, feed_server):
    shown = await panel(telex, feed_server)
    shown = await telex.editor.click(board(shown), label="Hide the picture")
    assert "Show the picture" in labels(board(shown))
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(image=False)
    again = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    again = await style(telex, again, Style.COMPACT)
    assert "Nothing changed" in said(await telex.editor.click(board(again), label="Cancel"))
    assert await chosen(telex) == PostLook(image=False)


async def test_a_look_goes_back_to_the_servers(telex, feed_server):
    await telex.store.preferences.set_look(
        telex.guild.id, PostLook(style=Style.HEADLINE), person_id=telex.editor.id
    )
    shown = await panel(telex, feed_server)
    assert "Default for this server" in said(shown)
    assert "###" not in preview(shown)
    shown = await style(telex, shown, Style.FULL)
    assert "Default for this server" not in said(shown)
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook()
    again = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    again = await telex.editor.click(board(again), label="Server’s default")
    assert "###" not in preview(again)
    await telex.editor.click(board(again), label=USE)
    assert await chosen(telex) is None


async def test_what_cannot_be_is_refused_and_nothing_lost(telex, feed_server):
    shown = await style(telex, await panel(telex, feed_server), Style.COMPACT)
    for value in ("red", "#12345"):
        assert "isn’t a colour code" in said(await typed(telex, shown, colour=value))
    for value in ("1001", "-1", "²"):
        assert "isn’t a length" in said(await typed(telex, shown, excerpt=value))
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(style=Style.COMPACT)


async def test_what_is_right_in_the_form_is_kept_beside_what_is_refused(telex, feed_server):
    shown = await panel(telex, feed_server)
    assert "isn’t a colour code" in said(
        await typed(telex, shown, prefix="News", colour="red", excerpt="120")
    )
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(prefix="News", excerpt=120)


async def test_a_prefix_is_plain_and_short(telex, feed_server):
    shown = await typed(telex, await panel(telex, feed_server), prefix="**@everyone**\u202e <@&1>")
    assert "**@everyone**" not in preview(shown)
    assert "everyone" in preview(shown)
    await telex.editor.click(board(shown), label=USE)
    look = await chosen(telex)
    assert look.prefix == "**@everyone** <@&1>"


async def test_a_feed_that_was_not_read_yet_has_an_example(telex, feed_server):
    await telex.follow(feed_server.serve("/rss", rss(title="Example News")))
    shown = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    assert "[An article’s title](" in preview(shown)


async def test_the_preview_and_the_list_show_the_look(telex, feed_server):
    await follow(telex, feed_server)
    look = PostLook(style=Style.COMPACT, image=False, prefix="Net ·")
    await telex.store.subscriptions.set_look(int(await first(telex)), look, person_id=telex.editor.id)
    shown = await telex.editor.slash(telex.news, "feed preview", feed=await first(telex))
    assert "**[Net · Cities ban facial recognition](" in said(shown)
    listed = said(await card(telex))
    assert "-# look: compact, no picture, “Net ·”" in listed


async def test_the_history_tells_looks_and_filters_in_words(telex, feed_server):
    shown = await style(telex, await panel(telex, feed_server), Style.COMPACT)
    await telex.editor.click(board(shown), label=USE)
    asked = await telex.editor.slash(telex.news, "feed filter", feed=await first(telex), never="chips")
    await telex.editor.click(board(asked), label="Save this filter")
    told = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**Post appearance**: same as the server → compact" in told
    assert "**Filter**: none → never `chips`" in told


async def template(world: World, shown: InteractionResult, **values: str) -> InteractionResult:
    form = await world.editor.click(board(shown), label="Template…")
    return await world.editor.submit_modal(form, {"title": "", "body": "", "footer": ""} | values)


async def test_a_template_is_shown_with_the_real_message_and_a_mistake_is_explained_and_not_kept(
    telex, feed_server
):
    shown = await panel(telex, feed_server)
    shown = await template(telex, shown, title="{title} in {outlet}", footer="-# {time}")
    assert "\nCities ban facial recognition in " in text(board(shown))
    wrong = await template(telex, shown, title="{titel}")
    assert "I don’t know the field `{titel}`" in said(wrong)
    await telex.editor.click(board(shown), label=USE)
    look = await chosen(telex)
    assert look == PostLook(template=Template("{title} in {outlet}", "", "-# {time}"))
    again = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    again = await template(telex, again)
    assert "### [Cities ban facial recognition]" in preview(again)
    await telex.editor.click(board(again), label=USE)
    assert await chosen(telex) == PostLook()


# Roles


async def test_a_role_that_everybody_may_mention_is_mentioned(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    shown = await mention(telex, await panel(telex, feed_server), readers)
    assert last(shown).content == f"<@&{readers.id}>"
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(role=readers.id)
    again = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    await telex.editor.click(board(await mention(telex, again)), label=USE)
    assert await chosen(telex) == PostLook()


async def test_a_role_that_the_asker_may_not_mention_stays_out(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    shown = await panel(telex, feed_server)
    refused = await mention(telex, shown, staff)
    assert "You can’t mention" in said(refused)
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) is None


async def test_who_may_mention_all_roles_chooses_any_but_everyone_and_hears_that_the_bot_may_not(
    telex, feed_server
):
    rights = discord.Permissions(manage_guild=True, mention_everyone=True).value
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": rights})
    shown = await panel(telex, feed_server)
    assert "You can’t mention" in said(await mention(telex, shown, telex.guild.default_role))
    staff = telex.guild.create_role("Staff")
    shown = await mention(telex, shown, staff)
    assert "won’t be mentioned" in text(board(shown))
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(role=staff.id)


async def test_the_right_to_mention_is_checked_again_when_the_look_is_used(telex, feed_server):
    readers = telex.guild.create_role("Readers", mentionable=True)
    shown = await mention(telex, await panel(telex, feed_server), readers)
    telex.env.backend.edit_role(telex.guild.id, readers.id, {"mentionable": False})
    refused = await telex.editor.click(board(shown), label=USE)
    assert "You can’t mention" in said(refused)
    assert await chosen(telex) is None


async def test_a_role_that_somebody_else_chose_stays_when_the_rest_changes(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await follow(telex, feed_server)
    await telex.store.subscriptions.set_look(
        int(await first(telex)), PostLook(role=staff.id), person_id=telex.reader.id
    )
    shown = await telex.editor.slash(telex.news, "feed look", feed=await first(telex))
    shown = await style(telex, shown, Style.COMPACT)
    await telex.editor.click(board(shown), label=USE)
    assert await chosen(telex) == PostLook(style=Style.COMPACT, role=staff.id)


# The server's look


async def test_the_servers_look_holds_for_feeds_without_their_own(telex, feed_server):
    await follow(telex, feed_server)
    shown = await telex.editor.slash(telex.news, "settings look")
    assert "### [Cities ban facial recognition](" in preview(shown)
    shown = await style(telex, shown, Style.HEADLINE)
    await telex.editor.click(board(shown), label=USE)
    assert await telex.store.preferences.look(telex.guild.id) == PostLook(style=Style.HEADLINE)
    shown = await telex.editor.slash(telex.news, "feed preview", feed=await first(telex))
    assert "###" not in said(shown)
    told = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**Post appearance**: default → headline" in told
    again = await telex.editor.slash(telex.news, "settings look")
    again = await telex.editor.click(board(again), label="Default")
    await telex.editor.click(board(again), label=USE)
    assert await telex.store.preferences.look(telex.guild.id) == PostLook()


async def test_the_panel_of_the_server_opens_its_look_for_who_may(telex, feed_server):
    await follow(telex, feed_server)
    shown = await telex.editor.slash(telex.news, "settings server")
    opened = await telex.editor.click(board(shown), label="Choose…")
    assert "### [Cities ban facial recognition](" in preview(opened)
    kept = await telex.editor.click(board(await style(telex, opened, Style.COMPACT)), label=USE)
    assert "Saved. New posts look like this" in said(kept)
    assert await telex.store.preferences.look(telex.guild.id) == PostLook(style=Style.COMPACT)
    shown = await telex.editor.slash(telex.news, "settings server")
    opened = await telex.editor.slash(telex.news, "settings server")
    opened = await telex.editor.click(board(opened), label="Choose…")
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    for act in (
        telex.editor.click(board(shown), label="Choose…"),
        telex.editor.click(board(opened), label=USE),
    ):
        assert "Manage Server" in said(await act)


async def test_the_servers_look_is_shown_by_an_example_where_nothing_is_followed(telex):
    shown = await telex.editor.slash(telex.news, "settings look")
    assert "[An article’s title](" in preview(shown)


async def test_the_servers_role_is_one_that_the_asker_may_mention_everywhere(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    overwrite = Overwrite(
        target_id=telex.editor.id,
        type=OverwriteType.MEMBER,
        allow=discord.Permissions(mention_everyone=True).value,
        deny=0,
    )
    telex.env.backend.set_overwrite(telex.news.id, overwrite)
    assert f"<@&{staff.id}>" in text(board(await mention(telex, await panel(telex, feed_server), staff)))
    refused = await mention(telex, await telex.editor.slash(telex.news, "settings look"), staff)
    assert "You can’t mention" in said(refused)


# Rights


async def test_who_lost_the_right_changes_no_look_in_a_window_that_was_open(telex, feed_server):
    shown = await style(telex, await panel(telex, feed_server), Style.COMPACT)
    form = await telex.editor.click(board(shown), label=FORM)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    assert "Manage Server" in said(await telex.editor.submit_modal(form, {"prefix": "x"}))
    assert await chosen(telex) is None


async def test_the_panel_in_french(telex, feed_server):
    telex.locales[telex.editor.id] = "fr"
    shown = await panel(telex, feed_server)
    assert "Apparence de" in text(board(shown))
    assert "Utiliser cette apparence" in labels(board(shown))
    options: list[dict[str, Any]] = menu(board(shown))[1]
    assert [one["label"] for one in options] == [
        "Carte",
        "Carte à petite image",
        "Compacte",
        "Titre seul",
        "Classique",
    ]


async def test_a_feed_that_mentions_a_role_is_moved_only_by_who_may_mention_it_there(telex, feed_server):
    staff = telex.guild.create_role("Staff")
    await panel(telex, feed_server)
    feed = await first(telex)
    await telex.store.subscriptions.set_look(int(feed), PostLook(role=staff.id), person_id=1)
    other = telex.guild.create_text_channel("other")
    refused = await telex.editor.slash(telex.news, "feed move", feed=feed, channel=other)
    assert "You can’t mention" in said(refused)
    telex.env.backend.edit_role(telex.guild.id, staff.id, {"mentionable": True})
    moved = await telex.editor.slash(telex.news, "feed move", feed=feed, channel=other)
    assert "Moved" in said(moved)
