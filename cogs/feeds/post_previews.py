"""Posts as they would be sent, shown to who sets them up."""

import discord

from bot.core.choices import Look
from bot.core.locale import _
from bot.core.models import Article, Feed
from bot.posting.rendering import mentioned_roles, posts
from bot.posting.rendering.messages import Message
from cogs.feeds.subscription_options import Pair
from cogs.shared.views import Interaction


async def as_posted(
    interaction: Interaction, article: Article, feed: Feed, channel_id: int, look: Look
) -> Message:
    """The post of an article in a channel of this server, as it would be sent now."""
    assert interaction.guild is not None
    client, server_id = interaction.client, interaction.guild.id
    language = await client.languages.of(server_id, channel_id)
    mention = mentioned_roles.mentioned(client, server_id, channel_id, look)
    return posts.post(article, feed, language=language, look=look, mention=mention)


async def look_of(interaction: Interaction, pair: Pair) -> Look:
    """How the posts of a subscription look: its own look, or the server's."""
    return pair[0].look or await interaction.client.store.preferences.look(pair[0].server_id)


async def reply(interaction: Interaction, message: Message) -> None:
    """Show a post in the reply to an interaction that was acknowledged."""
    shown = {"embed": None, **message.body(), "content": message.content, "allowed_mentions": _NOBODY}
    await interaction.edit_original_response(**shown)


async def follow_up(interaction: Interaction, message: Message) -> discord.WebhookMessage:
    """Show a post in another message, to the asker alone."""
    parts = {**message.body(), "content": message.content, "allowed_mentions": _NOBODY}
    shown = {name: part for name, part in parts.items() if part is not None}
    return await interaction.followup.send(ephemeral=True, wait=True, **shown)


def sample(feed: Feed) -> Article:
    """What stands for the articles of a feed that was not read yet."""
    return Article(
        id=0,
        key="sample",
        feed_id=feed.id,
        page="",
        url=feed.site_url or "https://example.org/",
        title=_("An article’s title"),
        summary=_("The beginning of its text goes here, as long as you like."),
        text="",
        body="",
        author=None,
        outlet=feed.outlet or feed.title,
        language=None,
        tags=(),
        image=None,
        published=feed.added,
        found=feed.added,
    )


_NOBODY = discord.AllowedMentions.none()
