"""Previews of posts, visible only to the user."""

import discord

from bot.core.i18n import _, linkify_commands
from bot.core.models import Article, Feed
from bot.core.preferences import PostLook
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import posts, role_mentions
from bot.posting.rendering.messages import Message
from bot.posting.wording.feed_names import bold_feed_name
from cogs.feeds.subscription_options import FollowedFeed
from cogs.shared.views import Interaction


async def render_post_preview(
    interaction: Interaction, article: Article, feed: Feed, channel_id: int, look: PostLook
) -> Message:
    """Return the message with which an article would be posted now in a channel of the user's current server."""
    assert interaction.guild is not None
    client, server_id = interaction.client, interaction.guild.id
    language = await client.languages.for_channel(server_id, channel_id)
    role_id = look.role_id
    is_mentioned = role_id is not None and role_mentions.can_bot_mention(client, server_id, channel_id, role_id)
    mentioned_role_ids = [role_id] if role_id is not None and is_mentioned else []
    return posts.render_post(article, feed, language=language, look=look, mentioned_role_ids=mentioned_role_ids)


async def show_preview(interaction: Interaction, followed_feed: FollowedFeed) -> None:
    """Show the newest article of a feed as a post. Raises `UserFacingError` if the feed has no article."""
    subscription, feed = followed_feed
    newest_articles = await interaction.client.store.articles.list_newest([feed.id], limit=1)
    if not newest_articles:
        raise UserFacingError(
            linkify_commands(_("I haven’t read {feed} yet. Check it now with /feed refresh.")).format(
                feed=bold_feed_name(feed)
            )
        )
    look = subscription.look or await interaction.client.store.preferences.get_look(subscription.server_id)
    message = await render_post_preview(interaction, newest_articles[0], feed, subscription.channel_id, look)
    edit_kwargs = {
        "embed": None,
        **message.send_kwargs(),
        "content": message.content,
        "allowed_mentions": _NO_MENTIONS,
    }
    await interaction.edit_original_response(**edit_kwargs)


async def send_private_preview(interaction: Interaction, message: Message) -> discord.WebhookMessage:
    """Send a post as an ephemeral message, which only the user sees."""
    message_kwargs = {**message.send_kwargs(), "content": message.content, "allowed_mentions": _NO_MENTIONS}
    send_kwargs = {
        argument_name: argument for argument_name, argument in message_kwargs.items() if argument is not None
    }
    return await interaction.followup.send(ephemeral=True, wait=True, **send_kwargs)


def make_sample_article(feed: Feed) -> Article:
    """Return a sample article, to preview the posts of a feed without articles."""
    return Article(
        id=0,
        key="sample",
        feed_id=feed.id,
        page_key="",
        url=feed.site_url or "https://example.org/",
        title=_("An article’s title"),
        summary=_("The beginning of its text goes here, as long as you like."),
        text="",
        body="",
        author=None,
        outlet=feed.outlet or feed.title,
        language=None,
        tags=(),
        image_url=None,
        published=feed.added_at,
        found_at=feed.added_at,
    )


_NO_MENTIONS = discord.AllowedMentions.none()
