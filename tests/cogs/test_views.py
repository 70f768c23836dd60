"""Expiry of views, and their class hierarchy."""

from collections.abc import Iterator

import discord

from bot.drill.discord_stand_in import rules
from cogs.shared.views import OwnedView
from tests.cogs.test_reading import make_numbered_items
from tests.support.interactions import (
    BACK,
    NEXT,
    forge_click,
    get_button_custom_id,
    get_last_reply,
    list_button_labels,
    list_controls,
    press_button,
    press_icon_button,
    read_reply_text,
)
from tests.support.scenario import follow_feed

MAX_CLASSES = 4
"""Maximal depth of the class hierarchy of views: a reader has to open each class."""
EXPIRED = "These buttons have expired. Run the command again."


def count_classes(view: type) -> int:
    """Count the classes of cogs from the top of the hierarchy to a view, itself included."""
    return max(map(count_classes, view.__bases__), default=0) + view.__module__.startswith("cogs.")


def list_subclasses(view: type) -> Iterator[type]:
    subclasses: list[type] = view.__subclasses__()
    for subclass in subclasses:
        yield subclass
        yield from list_subclasses(subclass)


def test_view_classes_are_not_deep():
    views = set(list_subclasses(OwnedView))
    assert {"SearchPages", "ChannelDigestPanel"} <= {view.__name__ for view in views}
    assert [view for view in views if count_classes(view) > MAX_CLASSES] == []


async def test_expired_pages_lose_buttons(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(12))
    search_reply = await telex.run_as_reader("search", query="robots")
    await telex.advance(15 * 60)
    assert read_reply_text(search_reply).endswith(EXPIRED)
    assert list_controls(get_last_reply(search_reply)) == []


async def test_pages_expire_though_edit_times_out(telex, feed_server, monkeypatch):
    async def time_out(*_args: object, **_kwargs: object) -> None:
        raise TimeoutError

    await follow_feed(telex, feed_server, *make_numbered_items(12))
    pages = await telex.run_as_reader("latest")
    view = OwnedView.find_live_view(get_button_custom_id(get_last_reply(pages), "Share…"), telex.bot)
    assert view is not None
    monkeypatch.setattr(discord.Interaction, "edit_original_response", time_out)
    await view.on_timeout()


async def test_expired_page_keeps_picture(telex):
    """Discord looks for the picture among the attachments of the same request."""
    help_page = await telex.run_as_reader("help")
    await telex.advance(15 * 60)
    assert read_reply_text(help_page).endswith(EXPIRED)
    expiry = telex.env.http_requests[-1].json
    rules.check_attachment_references(expiry)
    assert list(rules.iter_attachment_names(expiry)) == ["telex.png"]
    (picture,) = get_last_reply(help_page).attachments
    assert picture.filename == "telex.png"


async def test_click_restarts_expiry_of_page(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(12))
    search_reply = await telex.run_as_reader("search", query="robots")
    await telex.advance(10 * 60)
    next_page_reply = await press_icon_button(telex.reader, get_last_reply(search_reply), NEXT)
    await telex.advance(10 * 60)
    assert EXPIRED not in read_reply_text(next_page_reply)
    await press_icon_button(telex.reader, get_last_reply(next_page_reply), BACK)


async def test_click_after_restart_gets_expiry_notice(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(12))
    search_reply = await telex.run_as_reader("search", query="robots")
    await telex.restart()
    answer = await press_icon_button(telex.reader, get_last_reply(search_reply), NEXT)
    assert read_reply_text(answer) == EXPIRED
    assert get_last_reply(answer).ephemeral


async def test_second_click_on_replaced_button_changes_nothing(telex, feed):
    subscription = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0]
    confirmation = await telex.run_as_editor("feed remove", feed=str(subscription.id))
    remove_button_id = get_button_custom_id(get_last_reply(confirmation), "Stop following")
    final_reply = await press_button(telex.editor, confirmation, "Stop following")
    assert final_reply.followups == []
    second_reply = await forge_click(telex.editor, telex.news, get_last_reply(confirmation), remove_button_id)
    assert second_reply.acknowledged
    assert second_reply.followups == []
    assert await telex.store.subscriptions.list_with_feeds(telex.guild.id) == []


async def test_form_submitted_after_cancel_is_expired(telex, feed, feed_server):
    (subscription, _feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    panels = {
        "setup": ({}, "Add a site…", {"line": feed_server.origin}),
        "feed look": ({"feed": str(subscription.id)}, "Prefix, colour, excerpt…", {"prefix": "News"}),
    }
    for name, (options, button_label, fields) in panels.items():
        panel = await telex.run_as_editor(name, **options)
        window = await telex.editor.click(get_last_reply(panel), label=button_label)
        closing_reply = await press_button(telex.editor, panel, "Cancel")
        answer = await telex.editor.submit_modal(window, fields)
        assert read_reply_text(answer) == EXPIRED, name
        assert get_last_reply(answer).components == []
        assert read_reply_text(closing_reply) == "Nothing changed."
        assert not list_button_labels(get_last_reply(closing_reply))
    assert (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0].look is None


async def test_expired_menu_says_to_open_it_again(telex, feed):
    menu = await telex.reader.click(telex.posts()[-1], label="More")
    await telex.advance(15 * 60)
    assert read_reply_text(menu).endswith("These buttons have expired. Open the menu again.")


async def test_menu_opened_before_restart_says_to_open_it_again(telex, feed):
    menu = get_last_reply(await telex.reader.click(telex.posts()[-1], label="More"))
    await telex.restart()
    answer = await telex.reader.click(menu, label="Like")
    assert read_reply_text(answer) == "These buttons have expired. Open the menu again."
