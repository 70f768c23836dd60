"""Buttons that are too old say so."""

from tests.cogs.helpers import BACK, NEXT, button, components, follow, forge, labels, last, press, said
from tests.cogs.test_reading import many
from tests.wire import rules

EXPIRED = "These buttons have expired. Run the command again."


async def test_pages_say_that_they_expired_and_lose_their_buttons(telex, feed_server):
    await follow(telex, feed_server, *many(12))
    found = await telex.reader.slash(telex.news, "search", query="robots")
    await telex.advance(15 * 60)
    assert said(found).endswith(EXPIRED)
    assert components(last(found)) == []


async def test_a_page_with_a_picture_keeps_it_when_it_expires(telex):
    """In the way of Discord, which looks for it among the attachments of the same request."""
    help_page = await telex.reader.slash(telex.news, "help")
    await telex.advance(15 * 60)
    assert said(help_page).endswith(EXPIRED)
    expiry = telex.env.http_requests[-1].json
    rules.check_references(expiry)
    assert list(rules.references(expiry)) == ["telex.png"]
    (picture,) = last(help_page).attachments
    assert picture.filename == "telex.png"


async def test_a_click_gives_a_page_its_time_again(telex, feed_server):
    await follow(telex, feed_server, *many(12))
    found = await telex.reader.slash(telex.news, "search", query="robots")
    await telex.advance(10 * 60)
    turned = await press(telex.reader, last(found), NEXT)
    await telex.advance(10 * 60)
    assert EXPIRED not in said(turned)
    await press(telex.reader, last(turned), BACK)


async def test_a_click_after_a_restart_is_answered_in_words(telex, feed_server):
    await follow(telex, feed_server, *many(12))
    found = await telex.reader.slash(telex.news, "search", query="robots")
    await telex.restart()
    answer = await press(telex.reader, last(found), NEXT)
    assert said(answer) == EXPIRED
    assert last(answer).ephemeral


async def test_a_second_click_on_what_is_not_shown_any_more_changes_nothing(telex, feed_server):
    await follow(telex, feed_server)
    subscription = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0]
    asked = await telex.editor.slash(telex.news, "feed remove", feed=str(subscription.id))
    remove = button(last(asked), "Stop following")
    done = await telex.editor.click(last(asked), label="Stop following")
    assert done.followups == []
    again = await forge(telex.editor, telex.news, last(asked), remove)
    assert again.acknowledged
    assert again.followups == []
    assert await telex.store.subscriptions.list_with_feeds(telex.guild.id) == []


async def test_a_window_that_is_sent_after_its_panel_was_closed_brings_no_dead_buttons(telex, feed_server):
    await follow(telex, feed_server)
    (subscription, _feed), *_rest = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    panels = {
        "setup": ({}, "Add a site…", {"line": feed_server.origin}),
        "feed look": ({"feed": str(subscription.id)}, "Prefix, colour, excerpt…", {"prefix": "News"}),
    }
    for name, (options, opens, filled) in panels.items():
        shown = await telex.editor.slash(telex.news, name, **options)
        window = await telex.editor.click(last(shown), label=opens)
        closed = await telex.editor.click(last(shown), label="Cancel")
        answer = await telex.editor.submit_modal(window, filled)
        assert said(answer) == EXPIRED, name
        assert last(answer).components == []
        assert said(closed) == "Nothing changed."
        assert not labels(last(closed))
    assert (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0].look is None


async def test_a_menu_that_a_button_opened_says_to_open_it_again(telex, feed_server):
    await follow(telex, feed_server)
    menu = await telex.reader.click(telex.posts()[-1], label="More")
    await telex.advance(15 * 60)
    assert said(menu).endswith("These buttons have expired. Open the menu again.")


async def test_a_menu_that_a_button_opened_before_a_restart_says_to_open_it_again(telex, feed_server):
    await follow(telex, feed_server)
    menu = last(await telex.reader.click(telex.posts()[-1], label="More"))
    await telex.restart()
    answer = await telex.reader.click(menu, label="Like")
    assert said(answer) == "These buttons have expired. Open the menu again."
