"""Argument of commands that names a server by its id or its name."""

from typing import Annotated

import typer

from bot.cli.command_process import USAGE_ERROR_STATUS, exit_with_error
from bot.core.discord_ids import parse_discord_id
from bot.store import Store
from bot.text.discord_text import to_plain_line

_MAX_LISTED_SERVERS = 10
"""Maximum number of servers that are listed if several have a name."""

ServerArgument = Annotated[str, typer.Argument(metavar="SERVER", help="ID of a server, or its name.")]
"""Type of the argument with the id or the name of a server."""


async def find_server_id(store: Store, id_or_name: str) -> int:
    """Return the id of the server with an id or name; an id may also be of a server that the bot was never in.

    An id is never looked for among names, because anybody can name a server like the id of another one. If no server
    or more than one has the name, print so and exit (2). Raises StoreError.
    """
    if (server_id := parse_discord_id(id_or_name)) is not None:
        return server_id
    matching_servers = await store.server_directory.find_servers(id_or_name)
    if len(matching_servers) != 1:
        ids_text = ", ".join(str(server_id) for server_id, _name in matching_servers[:_MAX_LISTED_SERVERS])
        exit_with_error(
            f"Several servers have that name; give the ID of one: {ids_text}."
            if matching_servers
            else f"No server has the ID or name “{to_plain_line(id_or_name)}”. See `telex servers`.",
            USAGE_ERROR_STATUS,
        )
    return matching_servers[0][0]


async def name_server(store: Store, server_id: int) -> str:
    """Return the name of a server with its id, or the id alone if it has no known name. Raises StoreError."""
    overview = await store.server_directory.get_overview(server_id)
    return f"{to_plain_line(overview.name)} ({server_id})" if overview is not None and overview.name else str(server_id)
