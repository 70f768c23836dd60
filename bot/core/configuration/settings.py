"""All settings, typed: what an operator can set in the environment or in `.env`."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from bot.core.configuration.database_url import DatabaseUrl
from bot.core.configuration.host_rules import HostRule
from bot.core.preferences import ProcessRole, ServerPolicy

Network = IPv4Network | IPv6Network

ENV_FILE = Path(".env")
"""Path of the settings file in the working directory."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A token, password or key, whose text `str()` and `repr()` omit."""

    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, which are read and checked against their limits by `bot.core.configuration.settings_reading`.

    Each is read from the variable `TELEX_` with the setting's name in capitals, the token from
    `DISCORD_TOKEN`. A number's limits are in its metadata: "at least", "above", "at most".
    """

    discord_token: Secret | None = field(
        default=None,
        metadata={
            "description": "The bot's token, from the Discord developer portal. Without one `telex` starts a demo."
        },
    )
    database: Path | DatabaseUrl = field(
        default=Path("data/telex.db"),
        metadata={
            "description": "The database file, created when missing; or the address of a database on a PostgreSQL "
            "server (15 or newer), `postgresql://user:password@host/name`, with the extra `postgres`."
        },
    )
    roles: frozenset[ProcessRole] = field(
        default=frozenset(ProcessRole),
        metadata={
            "description": "What this process does when several share a PostgreSQL database: `gateway` connects to "
            "Discord, `poller` fetches feeds. Separate both with a comma."
        },
    )
    owner_server: int | None = field(
        default=None,
        metadata={
            "description": "ID of your own Discord server, where you get `/owner`: the servers that use your bot, "
            "limits and notices. By default there is no such command."
        },
    )
    servers: ServerPolicy = field(
        default=ServerPolicy.ALL,
        metadata={
            "description": "Which servers may use the bot: `all` that you haven’t blocked, or `allowed`: only those "
            "that you allowed (`telex servers allow`, `/owner`). It leaves the others."
        },
    )
    shards: str = field(
        default="auto",
        metadata={
            "description": "Discord shards that this process may take on a PostgreSQL database: `auto`, which "
            "shares as many as Discord recommends with the other processes, or a range such as `0-7/16`, "
            "which every process then needs."
        },
    )
    index: Path | None = field(
        default=None,
        metadata={
            "description": "Folder of the search index, which is rebuilt when it is missing; by default beside the "
            "database, or `data/telex-index` when the database is on a server."
        },
    )
    language: Literal["en", "fr"] = field(
        default="en", metadata={"description": "Language of posts in servers whose own language Telex doesn’t speak."}
    )
    contact: str = field(
        default="",
        metadata={"description": "Email address or web page where publishers can reach you; sent in the User-Agent."},
    )
    allow_private_addresses: tuple[Network, ...] = field(
        default=(),
        metadata={"description": "Private addresses or networks that feeds may be fetched from, separated by commas."},
    )
    trusted_proxies: tuple[Network, ...] = field(
        default=(ip_network("127.0.0.0/8"), ip_network("::1")),
        metadata={
            "description": "Addresses or networks of your web servers, separated by commas: only these are believed "
            "when they name the caller in `X-Forwarded-For`."
        },
    )
    hosts: dict[str, HostRule] | None = field(
        default=None,
        metadata={
            "description": "TOML file with rules for single hosts: headers, a user agent, the time between requests, "
            "a proxy."
        },
    )
    reddit_id: str = field(
        default="",
        metadata={
            "description": "Client id of an application of yours at Reddit, for its posts where feeds are refused."
        },
    )
    reddit_secret: Secret | None = field(default=None, metadata={"description": "Secret of that application."})
    poll_concurrency: int = field(
        default=32, metadata={"at least": 1, "at most": 512, "description": "Feeds fetched at the same time."}
    )
    fetch_timeout: float = field(
        default=30.0, metadata={"above": 0, "at most": 300, "description": "Seconds that a whole request may take."}
    )
    parse_timeout: float = field(
        default=5.0, metadata={"above": 0, "at most": 60, "description": "Seconds that a feed may take to parse."}
    )
    max_feed_bytes: int = field(
        default=10 * 2**20,
        metadata={
            "at least": 2**16,
            "at most": 2**28,
            "description": "Largest feed document after decompression, in bytes.",
        },
    )
    catch_up_after: int = field(
        default=10,
        metadata={
            "at least": 1,
            "at most": 100,
            "description": "Posts that may wait for a channel before the rest share one catch-up message.",
        },
    )
    max_feeds_per_server: int = field(
        default=200,
        metadata={
            "at least": 0,
            "at most": 100_000,
            "description": "Feeds that the channels of a server may follow. Lowering this or another limit removes "
            "nothing; `telex servers limits` sets other limits for a single server.",
        },
    )
    max_watches_per_server: int = field(
        default=50,
        metadata={"at least": 0, "at most": 100_000, "description": "Watches that the channels of a server may have."},
    )
    max_digests_per_server: int = field(
        default=10,
        metadata={"at least": 0, "at most": 100_000, "description": "Channels of a server that may have a digest."},
    )
    max_watches_per_user: int = field(
        default=25, metadata={"at least": 0, "at most": 100_000, "description": "Watches that a person may have."}
    )
    max_saved_pages_per_user: int = field(
        default=500,
        metadata={"at least": 0, "at most": 100_000, "description": "Pages that a person may save by their links."},
    )
    max_bookmarks_per_user: int = field(
        default=5_000,
        metadata={"at least": 0, "at most": 100_000, "description": "Bookmarks that a person may have."},
    )
    seed_reaction: bool = field(default=True, metadata={"description": "Put a 🔖 reaction under every post."})
    full_text: Literal["never", "search", "always"] = field(
        default="search",
        metadata={
            "description": "Read an article's page when its feed has only a teaser: `never`; `search`, for search, "
            "answers and watches; or `always`, for the excerpts of posts too. robots.txt is honoured."
        },
    )
    keep_texts_days: int = field(
        default=0,
        metadata={"at least": 0, "at most": 36_500, "description": "Days to keep article texts; 0 keeps them forever."},
    )
    semantic: bool = field(
        default=True, metadata={"description": "Also find articles by meaning, if the extra `semantic` is installed."}
    )
    model_url: str | None = field(
        default=None,
        metadata={
            "description": "Base URL of a server with the OpenAI chat API that writes answers from the articles "
            "found, such as `http://127.0.0.1:11434/v1`. Without one, answers are quoted word for word."
        },
    )
    model_name: str = field(default="", metadata={"description": "Name of the model on that server."})
    model_key: Secret | None = field(
        default=None, metadata={"description": "Key for that server, sent as a bearer token."}
    )
    model_timeout: float = field(
        default=30.0,
        metadata={
            "above": 0,
            "at most": 300,
            "description": "Seconds that the server may take; after that, answers are quoted word for word.",
        },
    )
    model_characters: int = field(
        default=8_000,
        metadata={
            "at least": 2_000,
            "at most": 100_000,
            "description": "Characters of articles that the server is shown for an answer; 8,000 fit 4,096 tokens with "
            "the answer.",
        },
    )
    model_verify: bool = field(
        default=True,
        metadata={
            "description": "Ask the model of each sentence that it wrote whether the articles support it. `false`, for "
            "small machines: a sentence is shown only if it is in the language of the question and of the article, and "
            "all its numbers, dates and names stand in the passage; nothing is translated."
        },
    )
    model_daily: int = field(
        default=2000,
        metadata={
            "at least": 0,
            "at most": 1_000_000,
            "description": "Summaries and translations that the model may write per day for all Discord servers, a "
            "quarter of them for any one; 0 for none. Each is written once.",
        },
    )
    privacy_url: str | None = field(
        default=None,
        metadata={
            "description": "Web page with your privacy policy, which `/help` and `/privacy` link to; "
            "`docs/privacy.md` says what Telex itself does."
        },
    )
    terms_url: str | None = field(
        default=None, metadata={"description": "Web page with the terms of your service, which `/help` links to."}
    )
    support_url: str | None = field(
        default=None,
        metadata={
            "description": "Web page where people can ask you, such as the invitation to a Discord server, which "
            "`/help` and the status page link to."
        },
    )
    secret_key: Secret | None = field(
        default=None,
        metadata={
            "description": "Encrypts the addresses of feeds that contain a password or key. Of several keys, "
            "separated by commas, the first encrypts and all decrypt. `telex rekey --new` creates one."
        },
    )
    health_address: tuple[str, int] | None = field(
        default=None,
        metadata={"description": "Address and port, such as `127.0.0.1:8080`, that serve `/healthz` and `/metrics`."},
    )
    public_url: str | None = field(
        default=None,
        metadata={
            "description": "Public address of `TELEX_HEALTH_ADDRESS`, such as `https://telex.example`: hubs push "
            "feeds there (WebSub), and channels and bookmarks can be read there as feeds. Have your web server pass "
            "on `/websub/`, `/feeds/` and `/status`, `/mcp` to `telex mcp --http` if you run it, and nothing else."
        },
    )
    log_level: Literal["debug", "info", "warning", "error"] = field(
        default="info", metadata={"description": "How much is logged to standard error."}
    )
    log_format: Literal["text", "json"] = field(
        default="text", metadata={"description": "`text` for people, or `json` for one JSON object per line."}
    )

    @property
    def shard_range_and_count(self) -> tuple[range, int] | None:
        """The numbers of the shards that this process may take, and the count of all; None if Discord decides."""
        if self.shards == "auto":
            return None
        first_shard, last_shard, shard_count = map(int, re.findall(r"\d+", self.shards))
        return range(first_shard, last_shard + 1), shard_count

    def build_sibling_path(self, suffix: str) -> Path:
        """Return the path of a file beside the database file.

        For a database on a server, the path is beside the default database file.
        """
        database_file = self.database if isinstance(self.database, Path) else Path("data/telex")
        return database_file.with_name(f"{database_file.name}{suffix}")

    @property
    def index_folder(self) -> Path:
        """The folder of the search index."""
        return self.index or self.build_sibling_path("-index")
