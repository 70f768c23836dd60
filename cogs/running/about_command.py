"""Command /about: version and status of the bot."""

from discord import app_commands
from discord.app_commands import locale_str

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_number
from bot.core.version import __version__
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import Interaction, reply_with_card


class AboutCog(TelexCog):
    """Cog of the /about command."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.started_at = bot.services.clock.now()

    @app_commands.command(name="about", description=locale_str("Version and status"))
    async def about(self, interaction: Interaction) -> None:
        articles_repository = self.bot.store.articles
        facts = [
            (_("Version"), __version__),
            (_("Started"), f"<t:{self.started_at}:R>"),
            (
                _("Semantic search"),
                _("disabled") if self.bot.services.semantic_index is None else _("enabled"),
            ),
        ]
        if interaction_context.get_home_server(interaction) is not None:
            visible_feed_ids = await self.bot.load_visible_feed_ids(interaction)
            newest_articles = (
                await articles_repository.list_newest(visible_feed_ids, limit=1) if visible_feed_ids else []
            )
            facts += [
                (_("Feeds you can see here"), format_number(len(visible_feed_ids))),
                (_("Articles"), format_number(await articles_repository.count(visible_feed_ids))),
                (
                    _("Latest article"),
                    f"<t:{newest_articles[0].published}:R>" if newest_articles else _("none yet"),
                ),
            ]
        if await self.bot.is_owner(interaction.user):
            newest_published_at = await articles_repository.get_newest_published_at()
            facts.append(
                (
                    _("All servers"),
                    _("Servers: {servers} · feeds: {feeds} · articles: {articles} · newest: {age}").format(
                        servers=format_number(await self.bot.store.servers.count()),
                        feeds=format_number(await self.bot.store.feeds.count()),
                        articles=format_number(await articles_repository.count()),
                        age=f"<t:{newest_published_at}:R>" if newest_published_at else "–",
                    ),
                )
            )
        fact_lines = (f"**{fact_name}** · {fact_text}" for fact_name, fact_text in facts)
        title = _("About Telex")
        await reply_with_card(interaction, heading_block(title, *fact_lines))
