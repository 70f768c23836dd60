"""Creation of watches, for a user or a channel."""

import discord

from bot.client import interaction_context
from bot.core import i18n
from bot.core.i18n import _, format_number, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import posts
from bot.posting.rendering.layout import blocks
from bot.posting.sending import message_targets
from bot.posting.wording import search_note_sentences
from bot.search.query.query_tree import Query
from bot.text import discord_text
from bot.watches import watch_matching
from bot.watches.watch_matching import DMS_CLOSED
from cogs.shared.authorization import require_manager_command
from cogs.shared.channel_options import ChannelArgument, require_can_post, resolve_channel
from cogs.shared.views import Interaction, reply

MANAGER_COMMAND = "feed"
"""Name of the command whose permissions a watch of a channel requires."""

_MAX_QUERY_LENGTH = 150
_MAX_NOTES_LENGTH = 1000
"""Maximum length in UTF-16 units of the notes on a query. A message holds 2,000 in all."""


async def create_personal_watch(interaction: Interaction, query: str) -> None:
    """Create a watch for the user of an acknowledged interaction.

    Raises `UserFacingError` if the query is invalid, the limit is reached or direct messages are closed.
    """
    guild = interaction_context.home_server(interaction)
    if guild is None:
        raise UserFacingError(_("Run this in the server whose feeds you want to watch."))
    bot, person = interaction.client, interaction.user
    store = bot.store
    wanted = await watch_matching.parse_watch_query(store, query)
    feed_ids = await bot.visible_feed_ids(interaction)
    if not feed_ids:
        raise UserFacingError(_("You can’t see any channel here that follows a feed."))
    theirs = await store.watches.of_person(person.id)
    if len(theirs) >= watch_matching.MAX_WATCHES_PER_PERSON:
        raise UserFacingError(_limit_reached_text(watch_matching.MAX_WATCHES_PER_PERSON))
    direct = await message_targets.open_dm(bot, person.id)
    if not isinstance(direct, discord.DMChannel):
        raise UserFacingError(_dms_closed_text())
    added = await store.watches.add(
        server_id=guild.id,
        channel_id=direct.id,
        person_id=person.id,
        query=wanted.text,
        language=i18n.current_language(),
        limit=watch_matching.MAX_WATCHES_PER_PERSON,
    )
    if added is None:
        raise UserFacingError(_limit_reached_text(watch_matching.MAX_WATCHES_PER_PERSON))
    watch, created = added
    reached = bool(theirs) and all(one.problem != DMS_CLOSED for one in theirs)
    try:
        reached = reached or await _try_dm(direct, wanted)
    finally:
        if created and not reached:
            await store.watches.remove(watch.id)
    if not reached:
        raise UserFacingError(_dms_closed_text())
    await store.watches.mark_member_present(person.id, guild.id)
    await bot.courier.recheck_channel(direct.id)
    told = _("I’ll DM you new articles matching {query}, from the feeds you can see in {server}.").format(
        query=bold_query(wanted.text), server=f"**{discord_text.to_markdown_line(guild.name, 100)}**"
    )
    await _confirm(interaction, wanted, told, feed_ids, created=created)


async def create_channel_watch(interaction: Interaction, where: ChannelArgument, query: str) -> None:
    """Create a watch for a channel of this server.

    Raises `UserFacingError` if the query or channel is unsuitable or the limit is reached, `NotAuthorized`
    unless the user manages feeds.
    """
    bot = interaction.client
    wanted = await watch_matching.parse_watch_query(bot.store, query)
    await require_watch_manager(interaction)
    target = await resolve_channel(interaction, where)
    require_can_post(target)
    feed_ids = await bot.courier.audience.feeds_readable_by_all_in(target.guild, target.id)
    if not feed_ids:
        raise UserFacingError(
            _(
                "{channel} has no feeds to watch. Follow one there, or in a channel that everyone there can "
                "see."
            ).format(channel=target.mention)
        )
    added = await bot.store.watches.add(
        server_id=target.guild.id,
        channel_id=target.id,
        person_id=None,
        query=wanted.text,
        language=None,
        limit=watch_matching.MAX_WATCHES_PER_SERVER,
    )
    if added is None:
        raise UserFacingError(
            _("This server’s channels already have {count} watches, the maximum. Remove one first.").format(
                count=format_number(watch_matching.MAX_WATCHES_PER_SERVER)
            )
        )
    await bot.courier.recheck_channel(target.id)
    told = _(
        "I’ll post new articles matching {query} in {channel}, from its own feeds and from "
        "channels that all its members can see."
    ).format(channel=target.mention, query=bold_query(wanted.text))
    await _confirm(interaction, wanted, told, feed_ids, created=added[1])


async def _confirm(
    interaction: Interaction, wanted: Query, told: str, feed_ids: set[int], *, created: bool
) -> None:
    """Confirm the watch and show its latest match."""
    lines = [told if created else _("You’re already watching this.") + " " + told]
    notes = "\n".join(
        discord_text.to_markdown_line(search_note_sentences.note_sentence(note)) for note in wanted.notes
    )
    if notes:
        lines.append(discord_text.truncate_utf16(notes, _MAX_NOTES_LENGTH))
    found = await interaction.client.newsroom.searcher.search(
        wanted, feed_ids=feed_ids, limit=1, sort="newest"
    )
    card: blocks.Layout = ()
    whole = [result for result in found.results if not result.partial]
    if whole:
        article = whole[0].article
        lines.append(_("Latest match:"))
        feed = await interaction.client.store.feeds.get(article.feed_id)
        card = posts.post_layout(article, feed)
    else:
        lines.append(_("No matches yet."))
    if found.suggestions:
        words = ", ".join(f"**{discord_text.to_markdown_line(word)}**" for word in found.suggestions)
        lines.append(_("Did you mean {words}?").format(words=words))
    await reply(interaction, (blocks.text("\n".join(lines)), *card))


async def _try_dm(direct: discord.DMChannel, wanted: Query) -> bool:
    """Send the first message of a watch. Return whether the user accepts direct messages."""
    text = linkify_commands(
        _("I’ll send new articles matching {query} here. Manage your watches with /watch list.")
    )
    try:
        await direct.send(text.format(query=bold_query(wanted.text)))
    except discord.Forbidden:
        return False
    return True


def _dms_closed_text() -> str:
    return _("I can’t DM you. Allow direct messages in this server’s privacy settings, then try again.")


def _limit_reached_text(count: int) -> str:
    return linkify_commands(
        _("You already have {count} watches, the maximum. Remove one first with /watch remove.")
    ).format(count=format_number(count))


async def require_watch_manager(interaction: Interaction) -> None:
    """Raise `NotAuthorized` unless the user may create watches for channels."""
    await require_manager_command(interaction, MANAGER_COMMAND)


def bold_query(query: str) -> str:
    """Return a query escaped and in bold."""
    return f"**{discord_text.to_markdown_line(query, _MAX_QUERY_LENGTH)}**"
