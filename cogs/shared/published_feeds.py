"""Text blocks for the panels that publish a feed at a secret address."""

from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.posting.publishing.feed_serializers import build_feed_url
from bot.posting.rendering.layout.blocks import Text, text_block
from cogs.shared.views import Interaction


def require_public_url(interaction: Interaction) -> str:
    """Return the bot's web address. Raises `UserFacingError` if it has none."""
    public_url = interaction.client.services.settings.public_url
    if public_url is None:
        raise UserFacingError(
            _("I have no web address, so I can’t publish feeds. Whoever runs this bot needs to set TELEX_PUBLIC_URL.")
        )
    return public_url


def feed_address_blocks(public_url: str, token: str, label_by_entry_kind: dict[str, str]) -> list[Text]:
    """Return the blocks that show the addresses of new feeds, and how to use them.

    `token` is the secret part of the addresses. The keys of `label_by_entry_kind` are what the entries of a feed
    are, such as "posts" or "stories", which is part of its address; a label may be empty.
    """
    hint_text = _("For RSS or JSON, replace .atom with .rss or .json. Copy them now: I won’t show them again.")
    return [
        *(
            text_block(
                "\n".join(filter(None, (label, f"```\n{build_feed_url(public_url, token, entry_kind, 'atom')}\n```")))
            )
            for entry_kind, label in label_by_entry_kind.items()
        ),
        text_block(f"-# {hint_text}"),
    ]
