"""Adding a watch: for a person, or for a channel."""

import discord

from bot.client import interaction_places
from bot.core import locale
from bot.core.locale import _, amount, clickable
from bot.core.refusals import Refusal
from bot.posting.rendering import posts
from bot.posting.rendering.layout import blocks
from bot.posting.sending import message_places
from bot.posting.wording import search_notes
from bot.search.query.query_tree import Query
from bot.text import safe
from bot.watches import watch_matching
from bot.watches.watch_matching import CLOSED
from cogs.shared.place_options import Option, place, require_posting
from cogs.shared.rights import require_manage_with
from cogs.shared.views import Interaction, answer

FEEDS = "feed"
"""Whoever may use this command may let channels be told."""

_SHOWN = 150  # characters of a query
_NOTES = 1000  # UTF-16 units of what is said of its mistakes: a message takes 2,000 in all


async def watch_for(interaction: Interaction, query: str) -> None:
    """Watch for a query for the asker, or raise `Refusal`. The interaction has been acknowledged."""
    guild = interaction_places.server(interaction)
    if guild is None:
        raise Refusal(_("Run this in the server whose feeds you want to watch."))
    bot, person = interaction.client, interaction.user
    store = bot.store
    wanted = await watch_matching.check(store, query)
    feed_ids = await bot.visible_feed_ids(interaction)
    if not feed_ids:
        raise Refusal(_("You can’t see any channel here that follows a feed."))
    theirs = await store.watches.of_person(person.id)
    if len(theirs) >= watch_matching.MOST_OF_A_PERSON:
        raise Refusal(_full(watch_matching.MOST_OF_A_PERSON))
    direct = await message_places.direct(bot, person.id)
    if not isinstance(direct, discord.DMChannel):
        raise Refusal(_closed())
    added = await store.watches.add(
        server_id=guild.id,
        channel_id=direct.id,
        person_id=person.id,
        query=wanted.text,
        language=locale.current(),
        limit=watch_matching.MOST_OF_A_PERSON,
    )
    if added is None:
        raise Refusal(_full(watch_matching.MOST_OF_A_PERSON))
    watch, created = added
    reached = bool(theirs) and all(one.problem != CLOSED for one in theirs)
    try:
        reached = reached or await _reached(direct, wanted)
    finally:
        if created and not reached:
            await store.watches.remove(watch.id)
    if not reached:
        raise Refusal(_closed())
    await store.watches.present(person.id, guild.id)
    await bot.courier.look_again(direct.id)
    told = _("I’ll DM you new articles matching {query}, from the feeds you can see in {server}.").format(
        query=named(wanted.text), server=f"**{safe.line(guild.name, 100)}**"
    )
    await _answer(interaction, wanted, told, feed_ids, created=created)


async def watch_for_channel(interaction: Interaction, where: Option, query: str) -> None:
    """Watch for a query for a channel of this server, or raise `Refusal`: that is for managers."""
    bot = interaction.client
    wanted = await watch_matching.check(bot.store, query)
    await require_manage(interaction)
    target = await place(interaction, where)
    require_posting(target)
    feed_ids = await bot.courier.audience.feeds_of_channel(target.guild, target.id)
    if not feed_ids:
        raise Refusal(
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
        limit=watch_matching.MOST_OF_A_SERVER,
    )
    if added is None:
        raise Refusal(
            _("This server’s channels already have {count} watches, the maximum. Remove one first.").format(
                count=amount(watch_matching.MOST_OF_A_SERVER)
            )
        )
    await bot.courier.look_again(target.id)
    told = _(
        "I’ll post new articles matching {query} in {channel}, from its own feeds and from "
        "channels that all its members can see."
    ).format(channel=target.mention, query=named(wanted.text))
    await _answer(interaction, wanted, told, feed_ids, created=added[1])


async def _answer(
    interaction: Interaction, wanted: Query, told: str, feed_ids: set[int], *, created: bool
) -> None:
    """Say what will be told, and show what would have been."""
    lines = [told if created else _("You’re already watching this.") + " " + told]
    notes = "\n".join(safe.line(search_notes.sentence(note)) for note in wanted.notes)
    if notes:
        lines.append(safe.cut(notes, _NOTES))
    found = await interaction.client.newsroom.searcher.search(
        wanted, feed_ids=feed_ids, limit=1, sort="newest"
    )
    card: blocks.Layout = ()
    whole = [result for result in found.results if not result.partial]
    if whole:
        article = whole[0].article
        lines.append(_("Latest match:"))
        feed = await interaction.client.store.feeds.get(article.feed_id)
        card = posts.layout(article, feed)
    else:
        lines.append(_("No matches yet."))
    if found.suggestions:
        words = ", ".join(f"**{safe.line(word)}**" for word in found.suggestions)
        lines.append(_("Did you mean {words}?").format(words=words))
    await answer(interaction, (blocks.text("\n".join(lines)), *card))


async def _reached(direct: discord.DMChannel, wanted: Query) -> bool:
    """Whether a message to somebody, the first of a watch, shows that they accept any."""
    text = clickable(_("I’ll send new articles matching {query} here. Manage your watches with /watch list."))
    try:
        await direct.send(text.format(query=named(wanted.text)))
    except discord.Forbidden:
        return False
    return True


def _closed() -> str:
    return _("I can’t DM you. Allow direct messages in this server’s privacy settings, then try again.")


def _full(count: int) -> str:
    return clickable(
        _("You already have {count} watches, the maximum. Remove one first with /watch remove.")
    ).format(count=amount(count))


async def require_manage(interaction: Interaction) -> None:
    """Raises `Refusal` where the asker may not have channels told."""
    await require_manage_with(interaction, FEEDS)


def named(query: str) -> str:
    """A query as it can stand in a sentence."""
    return f"**{safe.line(query, _SHOWN)}**"
