"""List of the feeds that post in channels that a member can see, in /feeds."""

from collections.abc import Awaitable, Callable
from itertools import groupby

from bot.core.i18n import _, format_count
from bot.posting.rendering import messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.wording.feed_names import bold_feed_name
from bot.text import discord_text, urls
from cogs.feeds.follow_flow import add_site_button
from cogs.feeds.proposing.proposal_flow import can_propose
from cogs.feeds.subscription_options import FollowedFeed, list_readable_subscriptions
from cogs.shared.authorization import can_use_manager_command
from cogs.shared.paging import PagedMixin
from cogs.shared.views import AckMode, Interaction, OwnedView

_PAGE_SIZE = 12
"""Number of feeds on a page."""
_MAX_ADDRESS_LENGTH = 80
"""Maximum length in UTF-16 units of the address that is shown of a feed."""


class FeedDirectory(PagedMixin, OwnedView):
    """Pages of the feeds in channels that the user can see, by channel, with a button to follow or propose another one.

    `open_source_flow` opens the steps that follow the feed at an address or, for other users than managers, propose it.
    """

    def __init__(
        self, interaction: Interaction, open_source_flow: Callable[[Interaction, str], Awaitable[None]]
    ) -> None:
        super().__init__(interaction)
        self._open_source_flow = open_source_flow

    async def render(self, interaction: Interaction) -> None:
        """Show the current page, with what the user may see and do now."""
        followed_feeds = sorted(
            await list_readable_subscriptions(interaction),
            key=lambda followed_feed: followed_feed.subscription.channel_id,
        )
        page_count = max(1, -(-len(followed_feeds) // _PAGE_SIZE))
        self.page_index = min(self.page_index, page_count - 1)
        page_feeds = followed_feeds[self.page_index * _PAGE_SIZE : (self.page_index + 1) * _PAGE_SIZE]
        heading = format_count("{count} feed you can read", "{count} feeds you can read", len(followed_feeds))
        if not followed_feeds:
            heading = _("No feed posts in a channel that you can see.")
        channel_texts = [
            "\n".join((f"<#{channel_id}>", *map(_format_feed_line, channel_feeds)))
            for channel_id, channel_feeds in groupby(
                page_feeds, lambda followed_feed: followed_feed.subscription.channel_id
            )
        ]
        button_label = _("Follow a feed")
        has_add_button = await can_use_manager_command(interaction, "feed")
        if not has_add_button:
            button_label, has_add_button = _("Propose a feed"), await can_propose(interaction)
        add_button = add_site_button(
            self,
            self._open_source_flow,
            button_label,
            ack_mode=AckMode.EPHEMERAL_MESSAGE,
            emoji=emoji_for(Icon.ADD),
        )
        page_buttons = self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count)
        card_blocks: tuple[Block, ...] = (
            text_block(f"### {heading}"),
            *([Separator()] if channel_texts else []),
            *map(text_block, channel_texts),
            ActionRow(*page_buttons),
            ActionRow(add_button if has_add_button else None),
        )
        await self.display(interaction, (Card(card_blocks, outlet_branding.DEFAULT_COLOUR),))


def _format_feed_line(followed_feed: FollowedFeed) -> str:
    """Return a line with the name of a feed and its address without secrets, which links to the feed's site."""
    feed = followed_feed.feed
    redacted_url = urls.redact(feed.url)
    address_markup = discord_text.to_markdown_line(redacted_url.removeprefix("https://"), _MAX_ADDRESS_LENGTH)
    if feed.site_url and not urls.has_secret(feed.site_url):
        address_markup = messages.link_markup(address_markup, feed.site_url)
    return f"• {bold_feed_name(feed)} ·\xa0{address_markup}"  # The dot goes to the next line with a long address.
