"""/about: version and status."""

from discord import app_commands
from discord.app_commands import locale_str

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core.locale import _, amount
from bot.core.version import __version__
from cogs.shared.lasting_items import TelexCog
from cogs.shared.panels import headed
from cogs.shared.views import Interaction, answer_card


class About(TelexCog):
    """Facts."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self.started = bot.newsroom.clock.now()

    @app_commands.command(name="about", description=locale_str("Version and status"))
    async def about(self, interaction: Interaction) -> None:
        articles = self.bot.store.articles
        facts = [
            (_("Version"), __version__),
            (_("Started"), f"<t:{self.started}:R>"),
            (_("Semantic search"), _("disabled") if self.bot.newsroom.meaning is None else _("enabled")),
        ]
        if interaction_places.server(interaction) is not None:
            visible = await self.bot.visible_feed_ids(interaction)
            newest = await articles.newest(visible, limit=1) if visible else []
            facts += [
                (_("Feeds you can see here"), amount(len(visible))),
                (_("Articles"), amount(await articles.count(visible))),
                (_("Latest article"), f"<t:{newest[0].published}:R>" if newest else _("none yet")),
            ]
        if await self.bot.is_owner(interaction.user):
            newest_time = await articles.newest_time()
            facts.append(
                (
                    _("All servers"),
                    _("Servers: {servers} · feeds: {feeds} · articles: {articles} · newest: {age}").format(
                        servers=amount(await self.bot.store.servers.count()),
                        feeds=amount(await self.bot.store.feeds.count()),
                        articles=amount(await articles.count()),
                        age=f"<t:{newest_time}:R>" if newest_time else "–",
                    ),
                )
            )
        lines = (f"**{name}** · {fact}" for name, fact in facts)
        title = _("About Telex")
        await answer_card(interaction, headed(title, *lines))
