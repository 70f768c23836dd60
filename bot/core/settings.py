"""All settings, typed, read from the environment and then from `.env`, and validated at the start."""

import re
from base64 import urlsafe_b64decode
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    Field,
    InstanceOf,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.core.database_url import DatabaseUrl, parse_database_location
from bot.core.host_rules import HostRule, parse_host_rules
from bot.core.preferences import ProcessRole

Network = IPv4Network | IPv6Network

ENV_FILE = Path(".env")
"""Path of the settings file in the working directory."""


class Settings(BaseSettings):
    """All settings.

    Each is read from the variable `TELEX_` with the setting's name in capitals, the token from
    `DISCORD_TOKEN`.
    """

    model_config = SettingsConfigDict(
        env_prefix="TELEX_",
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # Editors on Windows write a byte order mark.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    discord_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("DISCORD_TOKEN", "discord_token"),
        description="The bot's token, from the Discord developer portal. Without one `telex` starts a demo.",
    )
    database: Path | InstanceOf[DatabaseUrl] = Field(
        default=Path("data/telex.db"),
        description="The database file, created when missing; or the address of a database on a PostgreSQL "
        "server (15 or newer), `postgresql://user:password@host/name`, with the extra `postgres`.",
    )
    roles: Annotated[frozenset[ProcessRole], NoDecode] = Field(
        default=frozenset(ProcessRole),
        description="What this process does when several share a PostgreSQL database: `gateway` connects to "
        "Discord, `poller` fetches feeds. Separate both with a comma.",
    )
    shards: str = Field(
        default="auto",
        description="Discord shards that this process may take on a PostgreSQL database: `auto`, which "
        "shares as many as Discord recommends with the other processes, or a range such as `0-7/16`, "
        "which every process then needs.",
    )
    index: Path | None = Field(
        default=None,
        description="Folder of the search index, which is rebuilt when it is missing; by default beside the "
        "database, or `data/telex-index` when the database is on a server.",
    )
    language: Literal["en", "fr"] = Field(
        default="en", description="Language of posts in servers whose own language Telex doesn’t speak."
    )
    contact: str = Field(
        default="",
        description="Email address or web page where publishers can reach you; sent in the User-Agent.",
    )
    allow_private_addresses: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Private addresses or networks that feeds may be fetched from, separated by commas.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(ip_network("127.0.0.0/8"), ip_network("::1")),
        description="Addresses or networks of your web servers, separated by commas: only these are believed "
        "when they name the caller in `X-Forwarded-For`.",
    )
    hosts: Annotated[dict[str, HostRule] | None, NoDecode] = Field(
        default=None,
        description="TOML file with rules for single hosts: headers, a user agent, the time between requests, a proxy.",
    )
    reddit_id: str = Field(
        default="",
        description="Client id of an application of yours at Reddit, for its posts where feeds are refused.",
    )
    reddit_secret: SecretStr | None = Field(default=None, description="Secret of that application.")
    poll_concurrency: int = Field(default=32, ge=1, le=512, description="Feeds fetched at the same time.")
    fetch_timeout: float = Field(default=30, gt=0, le=300, description="Seconds that a whole request may take.")
    parse_timeout: float = Field(default=5, gt=0, le=60, description="Seconds that a feed may take to parse.")
    max_feed_bytes: int = Field(
        default=10 * 2**20, ge=2**16, description="Largest feed document after decompression, in bytes."
    )
    catch_up_after: int = Field(
        default=10,
        ge=1,
        le=100,
        description="Posts that may wait for a channel before the rest share one catch-up message.",
    )
    seed_reaction: bool = Field(default=True, description="Put a 🔖 reaction under every post.")
    full_text: Literal["never", "search", "always"] = Field(
        default="search",
        description="Read an article's page when its feed has only a teaser: `never`; `search`, for search, "
        "answers and watches; or `always`, for the excerpts of posts too. robots.txt is honoured.",
    )
    keep_texts_days: int = Field(default=0, ge=0, description="Days to keep article texts; 0 keeps them forever.")
    semantic: bool = Field(
        default=True,
        description="Also find articles by meaning, if the extra `semantic` is installed.",
    )
    model_url: str | None = Field(
        default=None,
        description="Base URL of a server with the OpenAI chat API that writes answers from the articles "
        "found, such as `http://127.0.0.1:11434/v1`. Without one, answers are quoted word for word.",
    )
    model_name: str = Field(default="", description="Name of the model on that server.")
    model_key: SecretStr | None = Field(default=None, description="Key for that server, sent as a bearer token.")
    model_timeout: float = Field(
        default=30,
        gt=0,
        le=300,
        description="Seconds that the server may take; after that, answers are quoted word for word.",
    )
    model_characters: int = Field(
        default=8_000,
        ge=2_000,
        le=100_000,
        description="Characters of articles that the server is shown for an answer; 8,000 fit 4,096 tokens with the "
        "answer.",
    )
    model_verify: bool = Field(
        default=True,
        description="Ask the model of each sentence that it wrote whether the articles support it. `false`, for small "
        "machines: a sentence is shown only if it is in the language of the question and of the article, and all its "
        "numbers, dates and names stand in the passage; nothing is translated.",
    )
    model_daily: int = Field(
        default=2000,
        ge=0,
        description="Summaries and translations that the model may write per day for all Discord servers, a "
        "quarter of them for any one; 0 for none. Each is written once.",
    )
    privacy_url: str | None = Field(
        default=None,
        description="Web page with your privacy policy, which `/help` and `/privacy` link to; "
        "`docs/privacy.md` says what Telex itself does.",
    )
    terms_url: str | None = Field(
        default=None, description="Web page with the terms of your service, which `/help` links to."
    )
    support_url: str | None = Field(
        default=None,
        description="Web page where people can ask you, such as the invitation to a Discord server, which `/help` and "
        "the status page link to.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Encrypts the addresses of feeds that contain a password or key. Of several keys, "
        "separated by commas, the first encrypts and all decrypt. `telex rekey --new` creates one.",
    )
    health_address: Annotated[tuple[str, int] | None, NoDecode] = Field(
        default=None,
        description="Address and port, such as `127.0.0.1:8080`, that serve `/healthz` and `/metrics`.",
    )
    public_url: str | None = Field(
        default=None,
        description="Public address of `TELEX_HEALTH_ADDRESS`, such as `https://telex.example`: hubs push "
        "feeds there (WebSub), and channels and bookmarks can be read there as feeds. Have your web server pass "
        "on `/websub/`, `/feeds/` and `/status`, `/mcp` to `telex mcp --http` if you run it, and nothing else.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged to standard error."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, or `json` for one JSON object per line."
    )

    @field_validator("allow_private_addresses", "trusted_proxies", mode="before")
    @classmethod
    def _parse_networks(cls, networks: object) -> object:
        if isinstance(networks, str):
            try:
                return tuple(ip_network(part.strip()) for part in networks.split(",") if part.strip())
            except ValueError:
                raise ValueError("addresses or networks such as 192.168.0.0/16 are needed") from None
        return networks

    @field_validator("roles", mode="before")
    @classmethod
    def _parse_roles(cls, roles: object) -> object:
        if isinstance(roles, str):
            roles = [part.strip() for part in roles.split(",") if part.strip()] or list(ProcessRole)
        return roles

    @field_validator("roles", mode="after")
    @classmethod
    def _require_server_for_single_role(
        cls, roles: frozenset[ProcessRole], info: ValidationInfo
    ) -> frozenset[ProcessRole]:
        if len(roles) < len(ProcessRole) and not isinstance(info.data.get("database"), DatabaseUrl):
            raise ValueError("a TELEX_DATABASE on a PostgreSQL server is needed, which processes can share")
        return roles

    @field_validator("shards", mode="after")
    @classmethod
    def _validate_shards(cls, shards: str, info: ValidationInfo) -> str:
        if shards != "auto":
            match = re.fullmatch(r"(\d+)-(\d+)/(\d+)", shards)
            if match is None or not int(match[1]) <= int(match[2]) < int(match[3]):
                raise ValueError("auto, or shards such as 0-7/16, are needed; all of 16 are 0-15/16")
            if not isinstance(info.data.get("database"), DatabaseUrl):
                raise ValueError("a TELEX_DATABASE on a PostgreSQL server is needed, which processes can share")
        return shards

    @property
    def shard_range(self) -> tuple[range, int] | None:
        """The shards that this process may take and their total number, or None if Discord decides."""
        if self.shards == "auto":
            return None
        first_shard, last_shard, shard_count = map(int, re.findall(r"\d+", self.shards))
        return range(first_shard, last_shard + 1), shard_count

    @field_validator("database", mode="before")
    @classmethod
    def _parse_database(cls, database: object) -> object:
        return parse_database_location(database) if isinstance(database, str) else database

    def build_sibling_path(self, suffix: str) -> Path:
        """Return the path of a file beside the database file.

        For a database on a server, the path is beside the default database file.
        """
        file = self.database if isinstance(self.database, Path) else Path("data/telex")
        return file.with_name(f"{file.name}{suffix}")

    @property
    def index_folder(self) -> Path:
        """The folder of the search index."""
        return self.index or self.build_sibling_path("-index")

    @field_validator("privacy_url", "terms_url", "support_url", mode="after")
    @classmethod
    def _validate_web_page(cls, url: str | None) -> str | None:
        if url is None or not url.strip():
            return None
        if not url.strip().startswith("https://") or any(character in url.strip() for character in " ()<>"):
            raise ValueError("an address that begins with https:// is needed")
        return url.strip()

    @field_validator("public_url", "model_url", mode="after")
    @classmethod
    def _validate_base_url(cls, url: str | None) -> str | None:
        if url is None or not url.strip():
            return None
        url_parts = urlsplit(url.strip())
        if url_parts.scheme not in {"http", "https"} or not url_parts.hostname or url_parts.query or url_parts.fragment:
            raise ValueError("an address such as http://127.0.0.1:11434/v1 is needed, without ? and #")
        if url_parts.username is not None or url_parts.password is not None:
            raise ValueError("a name or key does not belong in the address; a model’s is TELEX_MODEL_KEY")
        return url.strip().rstrip("/")

    @field_validator("public_url", mode="after")
    @classmethod
    def _require_health_address(cls, public_url: str | None, info: ValidationInfo) -> str | None:
        if public_url is not None and info.data.get("health_address", "wrong") is None:
            raise ValueError("TELEX_HEALTH_ADDRESS, which it leads to, is needed too")
        return public_url

    @field_validator("health_address", mode="before")
    @classmethod
    def _parse_health_address(cls, address: object) -> object:
        if not isinstance(address, str):
            return address
        if not address.strip():
            return None
        host, separator, port = address.strip().rpartition(":")
        if not (host and separator and port.isascii() and port.isdecimal() and int(port) < 2**16):
            raise ValueError("an address and a port such as 127.0.0.1:8080 are needed")
        return host.strip("[]"), int(port)

    @field_validator("hosts", mode="before")
    @classmethod
    def _read_host_rules(cls, hosts: object) -> object:
        if not isinstance(hosts, str):
            return hosts
        if not hosts.strip():
            return None
        try:
            return parse_host_rules(Path(hosts.strip()).read_text("utf-8"))
        except (OSError, UnicodeError) as error:
            raise ValueError("the file cannot be read") from error

    @field_validator("reddit_secret", mode="after")
    @classmethod
    def _require_reddit_id(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if bool(secret) != bool(info.data.get("reddit_id", "wrong")):
            raise ValueError("TELEX_REDDIT_ID and TELEX_REDDIT_SECRET are needed together")
        return secret

    @field_validator("secret_key", mode="after")
    @classmethod
    def _validate_secret_key(cls, secret_key: SecretStr | None) -> SecretStr | None:
        for key in secret_key.get_secret_value().split(",") if secret_key else ():
            try:
                is_valid_key = len(urlsafe_b64decode(key.strip())) == 32  # noqa: PLR2004  # https://github.com/fernet/spec
            except ValueError:
                is_valid_key = False
            if not is_valid_key:
                raise ValueError("what `telex rekey --new` prints is needed")
        return secret_key

    @field_validator("discord_token", "model_key", "reddit_secret", "secret_key", mode="before")
    @classmethod
    def _blank_to_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value
