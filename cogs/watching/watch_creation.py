"""Creation of watches (saved searches), for a user or a channel."""

import discord

from bot.client import interaction_context
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.core.limits import Limit
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.posting.rendering import posts
from bot.posting.rendering.layout import blocks
from bot.posting.wording import search_note_sentences
from bot.search.query.query_tree import Query
from bot.text import discord_text
from bot.watches import watch_matching
from cogs.shared.authorization import require_manager_command
from cogs.shared.channel_options import ChannelArgument, open_dm_channel, require_can_post, resolve_channel
from cogs.shared.views import Interaction, reply

MANAGER_COMMAND = "feed"
"""Name of the command whose permissions a user needs to create a watch for a channel."""

_MAX_BOLD_QUERY_LENGTH = 150
"""Maximum length in UTF-16 units of a query that a message shows in bold."""
_MAX_NOTES_LENGTH = 1000
"""Maximum length in UTF-16 units of the notes on a query in a confirmation."""


async def create_personal_watch(interaction: Interaction, query: str) -> None:
    """Create a watch (saved search) for the user of an acknowledged interaction, and confirm it in the reply.

    A user who has no watch that reaches them is first sent a direct message. Raises `RequestRejected` if the query is
    invalid or the user has too many watches, `UserFacingError` outside a server and if the user sees no feeds here or
    accepts no direct messages, or if Discord does not answer.
    """
    await reply(interaction, await add_personal_watch(interaction, query))


async def add_personal_watch(interaction: Interaction, query: str) -> blocks.Layout:
    """Create a watch (saved search) for the user of an acknowledged interaction, and return the confirmation.

    A user who has no watch that reaches them is first sent a direct message. Raises `RequestRejected` if the query is
    invalid or the user has too many watches, `UserFacingError` outside a server and if the user sees no feeds here or
    accepts no direct messages.
    """
    guild = interaction_context.get_home_server(interaction)
    if guild is None:
        raise UserFacingError(_("Run this in the server whose feeds you want to watch."))
    bot, user = interaction.client, interaction.user
    store = bot.store
    parsed_query = await watch_matching.parse_watch_query(store, query)
    feed_ids = await bot.load_visible_feed_ids(interaction)
    if not feed_ids:
        raise UserFacingError(_("You can’t see any channel here that follows a feed."))
    user_watches = await store.watches.list_by_user(user.id)
    max_watches = await bot.services.limits.load(Limit.WATCHES_PER_USER)
    if len(user_watches) >= max_watches:
        raise RequestRejected(Limit.WATCHES_PER_USER, count=max_watches)
    dm_channel = await open_dm_channel(interaction, refusal_text=_dms_closed_text())
    added_watch = await store.watches.add(
        server_id=guild.id,
        channel_id=dm_channel.id,
        user_id=user.id,
        query=parsed_query.text,
        language=i18n.current_language(),
        limit=max_watches,
    )
    if added_watch is None:
        raise RequestRejected(Limit.WATCHES_PER_USER, count=max_watches)
    watch, is_new_watch = added_watch
    can_dm = bool(user_watches) and all(
        user_watch.problem != Reason(SendProblem.DMS_CLOSED) for user_watch in user_watches
    )
    try:
        can_dm = can_dm or await _try_test_dm(dm_channel, parsed_query)
    finally:
        if is_new_watch and not can_dm:
            await store.watches.remove(watch.id)
    if not can_dm:
        raise UserFacingError(_dms_closed_text())
    await store.watches.mark_member_present(user.id, guild.id)
    await bot.outbox_relay.recheck_channel(dm_channel.id)
    confirmation = _("I’ll DM you new articles matching {query}, from the feeds you can see in {server}.").format(
        query=bold_query(parsed_query.text), server=f"**{discord_text.to_markdown_line(guild.name, 100)}**"
    )
    return await _build_confirmation(interaction, parsed_query, confirmation, feed_ids, is_new_watch=is_new_watch)


async def create_channel_watch(interaction: Interaction, channel_option: ChannelArgument, query: str) -> None:
    """Create a watch (saved search) for a channel of this server, and confirm it in the reply.

    Raises `RequestRejected` if the query is invalid or there are too many watches, `UserFacingError` if the channel is
    unsuitable or its readers can read no feed, and `NotAuthorized` if the user may not manage feeds.
    """
    bot = interaction.client
    parsed_query = await watch_matching.parse_watch_query(bot.store, query)
    await require_watch_manager(interaction)
    target_channel = await resolve_channel(interaction, channel_option)
    require_can_post(target_channel)
    feed_ids = await bot.outbox_relay.audience.find_feed_ids_readable_by_all_in(target_channel.guild, target_channel.id)
    if not feed_ids:
        raise UserFacingError(
            _("{channel} has no feeds to watch. Follow one there, or in a channel that everyone there can see.").format(
                channel=target_channel.mention
            )
        )
    max_watches = await bot.services.limits.load(Limit.WATCHES_PER_SERVER, target_channel.guild.id)
    added_watch = await bot.store.watches.add(
        server_id=target_channel.guild.id,
        channel_id=target_channel.id,
        user_id=None,
        query=parsed_query.text,
        language=None,
        limit=max_watches,
    )
    if added_watch is None:
        raise RequestRejected(Limit.WATCHES_PER_SERVER, count=max_watches)
    _watch, is_new_watch = added_watch
    await bot.outbox_relay.recheck_channel(target_channel.id)
    confirmation = _(
        "I’ll post new articles matching {query} in {channel}, from its own feeds and from "
        "channels that all its members can see."
    ).format(channel=target_channel.mention, query=bold_query(parsed_query.text))
    layout = await _build_confirmation(interaction, parsed_query, confirmation, feed_ids, is_new_watch=is_new_watch)
    await reply(interaction, layout)


async def _build_confirmation(
    interaction: Interaction, query: Query, confirmation: str, feed_ids: set[int], *, is_new_watch: bool
) -> blocks.Layout:
    """Return the confirmation of a watch (saved search), new or not, with notes on its query and the latest match."""
    text_lines = [confirmation if is_new_watch else _("You’re already watching this.") + " " + confirmation]
    notes_text = "\n".join(
        discord_text.to_markdown_line(search_note_sentences.note_sentence(note)) for note in query.notes
    )
    if notes_text:
        text_lines.append(discord_text.truncate_utf16(notes_text, _MAX_NOTES_LENGTH))
    search_page = await interaction.client.services.searcher.search(query, feed_ids=feed_ids, limit=1, sort="newest")
    example_layout: blocks.Layout = ()
    full_matches = [hit for hit in search_page.results if not hit.is_partial]
    if full_matches:
        article = full_matches[0].article
        text_lines.append(_("Latest match:"))
        feed = await interaction.client.store.feeds.get(article.feed_id)
        example_layout = posts.build_post_layout(article, feed)
    else:
        text_lines.append(_("No matches yet."))
    if search_page.suggestions:
        suggestions_text = ", ".join(
            f"**{discord_text.to_markdown_line(suggested_word)}**" for suggested_word in search_page.suggestions
        )
        text_lines.append(_("Did you mean {words}?").format(words=suggestions_text))
    return (blocks.text_block("\n".join(text_lines)), *example_layout)


async def _try_test_dm(dm_channel: discord.DMChannel, query: Query) -> bool:
    """Send a user's first direct message about watches, and return whether they accept direct messages."""
    test_message_text = linkify_commands(
        _("I’ll send new articles matching {query} here. Manage your watches with /watch list.")
    )
    try:
        await dm_channel.send(test_message_text.format(query=bold_query(query.text)))
    except discord.Forbidden:
        return False
    return True


def _dms_closed_text() -> str:
    return _("I can’t DM you. Allow direct messages in this server’s privacy settings, then try again.")


async def require_watch_manager(interaction: Interaction) -> None:
    """Raise `NotAuthorized` unless the user may create watches for channels."""
    await require_manager_command(interaction, MANAGER_COMMAND)


def bold_query(query: str) -> str:
    """Return a query escaped and in bold."""
    return f"**{discord_text.to_markdown_line(query, _MAX_BOLD_QUERY_LENGTH)}**"
