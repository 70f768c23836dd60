"""Lists of feeds as OPML files: brought to a channel, and taken from a server."""

import io
from collections.abc import Iterator

import discord

from bot.core.locale import _, amount, clickable, counted
from bot.core.models import Feed
from bot.core.refusals import Refusal
from bot.feeds import fetch_errors
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import FeedList
from bot.polling.following import list_import
from bot.polling.following.feed_search import MOST_FEEDS
from bot.polling.following.list_import import Imported
from bot.posting.rendering.layout.blocks import Block, Rule, text
from bot.posting.wording.feed_causes import describe
from bot.text import safe
from cogs.feeds import subscription_options
from cogs.shared.panels import headed
from cogs.shared.place_options import Place, channel_name, require_posting
from cogs.shared.views import Interaction, answer_card

_LINES = 15
"""Lines of a report in the message itself; a longer one is a file."""
_MOST = 3000  # characters of it


async def bring(
    interaction: Interaction, target: Place, file: discord.Attachment | None, link: str | None
) -> None:
    """Follow the feeds of a file or of what is at a link, and report. Raises `Refusal`."""
    advice = require_posting(target)
    feeds = await _list(interaction, file, link)

    async def tell(done: int, total: int) -> None:
        await interaction.edit_original_response(
            content=_("{done} of {total} feeds done…").format(done=amount(done), total=amount(total))
        )

    newsroom = interaction.client.newsroom
    result = await list_import.follow_all(
        newsroom.store,
        newsroom.poller,
        feeds,
        server_id=target.guild.id,
        channel_id=target.id,
        tell=tell,
        person_id=interaction.user.id,
    )
    await interaction.client.courier.look_again(target.id)
    lines = list(_report(result))
    heading = _("Imported into {channel}").format(channel=target.mention)
    shown: list[Block] = [headed(heading, *_counts(result))]
    if 0 < len(lines) <= _LINES:
        shown += [Rule(), text(safe.cut(safe.markdown("\n".join(lines)), _MOST)), Rule()]
    if result.added:
        note = clickable(
            _(
                "New articles will be posted; older ones can only be searched. Feeds are checked one after "
                "another: /feed list shows their status."
            )
        )
        shown.append(text(f"-# {note}"))
    if advice:
        shown.append(text(advice))
    await answer_card(interaction, *shown)
    if len(lines) > _LINES:
        report = discord.File(io.BytesIO("\n".join(lines).encode()), filename="telex-import.txt")
        await interaction.followup.send(file=report, ephemeral=True)


async def _list(interaction: Interaction, file: discord.Attachment | None, link: str | None) -> FeedList:
    newsroom = interaction.client.newsroom
    if (file is None) is (link is None):
        raise Refusal(_("Give me either an OPML file or its address."))
    if link is not None:
        return await list_import.fetched_list(newsroom.fetcher, newsroom.workers, link)
    assert file is not None
    if file.size > opml.MAX_BYTES:
        raise Refusal(describe(fetch_errors.TOO_LARGE))
    try:
        data = await file.read()
    except (discord.HTTPException, discord.NotFound) as error:
        raise Refusal(_("Discord didn’t give me the file. Try again.")) from error
    return await list_import.read_list(newsroom.workers, data)


def _counts(result: Imported) -> Iterator[str]:
    if count := len(result.added):
        yield "✅ " + counted("{count} feed added", "{count} feeds added", count)
    if count := len(result.known):
        yield "☑️ " + counted(
            "{count} feed was already followed", "{count} feeds were already followed", count
        )
    if count := len(result.broken):
        yield "❌ " + counted(
            "{count} feed has no usable address", "{count} feeds have no usable address", count
        )
    if count := len(result.left_out) + result.skipped:
        yield "➖ " + counted(
            "{count} feed left out: the limit is {most} per server",
            "{count} feeds left out: the limit is {most} per server",
            count,
            most=amount(MOST_FEEDS),
        )


def _report(result: Imported) -> Iterator[str]:
    for mark, names in (
        ("✅", result.added),
        ("☑️", result.known),
        ("❌", result.broken),
        ("➖", result.left_out),
    ):
        yield from (f"{mark} {name}" for name in names)


async def send(interaction: Interaction) -> None:
    """Send the feeds that the server follows where the asker sees it. Raises `Refusal` without any."""
    assert interaction.guild is not None
    groups: dict[int, list[Feed]] = {}
    for subscription, feed in await subscription_options.visible(interaction):
        groups.setdefault(subscription.channel_id, []).append(feed)
    if not groups:
        raise Refusal(clickable(_("No feeds here yet. Start with /feed add or /feed packs.")))
    named: dict[str, list[Feed]] = {}
    for channel_id, feeds in groups.items():
        named.setdefault(channel_name(interaction.guild, channel_id), []).extend(feeds)
    document, left_out = list_import.exported(
        named.items(), interaction.guild.name, now=interaction.client.newsroom.clock.now()
    )
    said = [
        clickable(
            _("This server’s feeds, by channel. Import the file in a feed reader or with /feed import.")
        )
    ]
    if left_out:
        said.append(
            counted(
                "{count} feed left out: its address contains a password or key.",
                "{count} feeds left out: their addresses contain a password or key.",
                left_out,
            )
        )
    file = discord.File(io.BytesIO(document), filename="telex.opml")
    await interaction.edit_original_response(content="\n".join(said), attachments=[file])
