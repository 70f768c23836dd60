"""Lookup of the names of a server's channels, roles and tags over REST, without a gateway connection."""

import discord

from bot.operating.settings_files.server_names import ServerNames
from bot.posting.sending.send_outcomes import DISCORD_ERRORS


class NamesUnavailable(Exception):
    """Error for a server whose names cannot be looked up; the message is an English sentence for the operator."""


async def load_server_names(token: str, server_id: int) -> ServerNames:
    """Return the names of a server's text channels, forums, active threads and roles, and of its forums' tags.

    Raises NamesUnavailable if Discord rejects the token or does not answer, or if the bot is not in the server.
    """
    try:
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(token)
            guild = await client.fetch_guild(server_id, with_counts=False)
            channels = await guild.fetch_channels()
            threads = await guild.active_threads()
    except discord.LoginFailure as error:
        raise NamesUnavailable("Discord rejected DISCORD_TOKEN.") from error
    except (discord.NotFound, discord.Forbidden) as error:
        raise NamesUnavailable(f"The bot isn’t in a server {server_id}.") from error
    except (*DISCORD_ERRORS, OSError) as error:
        raise NamesUnavailable("Discord can’t be reached.") from error
    return ServerNames(
        guild.name,
        {
            channel.id: channel.name
            for channel in (*channels, *threads)
            if isinstance(channel, discord.TextChannel | discord.ForumChannel | discord.Thread)
        },
        {role.id: role.name for role in guild.roles if not role.is_default()},
        {
            channel.id: {tag.id: tag.name for tag in channel.available_tags}
            for channel in channels
            if isinstance(channel, discord.ForumChannel)
        },
    )
