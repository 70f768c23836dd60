"""The command `telex mcp`, which serves the stored news to assistants."""

from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import run_with_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.client import logs
from bot.client.services import Services, open_services
from bot.core.installation import build_extra_command

if TYPE_CHECKING:
    from bot.client.public_channels import PublicFeedLookup

commands = typer.Typer()


@commands.command()
def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve holders of tokens over HTTP.")] = False,
    host: Annotated[str, typer.Option(help="With --http: the address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="With --http: the port.")] = 8765,
    new_token_server_id: Annotated[
        int | None,
        typer.Option("--new-token", metavar="SERVER", help="Print a new token for a Discord server, by its ID."),
    ] = None,
    revoke_server_id: Annotated[
        int | None, typer.Option("--revoke", metavar="SERVER", help="Revoke all tokens of a Discord server, by its ID.")
    ] = None,
) -> None:
    """Let AI assistants search and ask (Model Context Protocol).

    They connect over standard streams, or over HTTP with tokens.
    """
    settings = load_settings_or_exit()
    if new_token_server_id is not None:
        if (token := run_with_store(lambda store: store.assistant_tokens.create(new_token_server_id))) is None:
            exit_with_error(f"The bot isn’t in a server with the ID {new_token_server_id}.", FAILURE_STATUS)
        terminal.echo_stdout(token)
        return
    if revoke_server_id is not None:
        revoked_count = run_with_store(lambda store: store.assistant_tokens.revoke(revoke_server_id))
        echo_stderr(f"Tokens revoked: {revoked_count}.")
        return
    if find_spec("mcp") is None:
        exit_with_error(f"This needs an extra: {build_extra_command('mcp')}", FAILURE_STATUS)
    if http and settings.discord_token is None:
        exit_with_error(
            "DISCORD_TOKEN is needed, to ask Discord what everybody in a server may read.", USAGE_ERROR_STATUS
        )
    logs.configure_logging(settings)
    from bot.assistants import serving  # noqa: PLC0415 - needs the extra

    async def serve_tools() -> None:
        async with open_services(settings, create=False) as services:
            if not http:
                await serving.serve_stdio(services)
                return
            from bot.client.public_channels import LookupUnavailable, open_public_feed_lookup  # noqa: PLC0415 - importing discord.py takes a second

            assert settings.discord_token is not None
            bot_token = settings.discord_token.text
            try:
                async with open_public_feed_lookup(bot_token, services.store, services.clock) as public_feed_lookup:
                    await serve_over_http(services, public_feed_lookup)
            except LookupUnavailable as error:
                exit_with_error(str(error), FAILURE_STATUS)

    async def serve_over_http(services: Services, public_feed_lookup: "PublicFeedLookup") -> None:
        local_url = f"http://{host}:{port}"
        public_url = settings.public_url or (None if _is_unusable_elsewhere(host) else local_url)
        echo_stderr(f"Serving {local_url}/mcp" + (f", on the web {public_url}/mcp" if public_url else ""))
        await services.store.assistant_tokens.set_public_url(public_url and f"{public_url}/mcp")
        http_app = serving.build_http_app(services, public_feed_lookup, base_url=public_url or local_url)
        try:
            await serving.serve_http(http_app, host, port, settings.trusted_proxies)
        finally:
            await services.store.assistant_tokens.set_public_url(None)

    run_async(serve_tools, runs_until_stopped=True)


def _is_unusable_elsewhere(host: str) -> bool:
    """Return whether a host to listen on cannot be given to other machines as an address.

    Such hosts are `localhost`, loopback addresses, and the addresses that stand for all interfaces (0.0.0.0).
    """
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified
