"""Rules for requests to single hosts: headers, a user agent, the time between requests, and a proxy.

The operator writes them into a TOML file, with a table for each host:

    ["news.example"]
    user_agent = "Mozilla/5.0 (compatible; Telex)"
    seconds_between_requests = 60
    proxy = "http://proxy.example:3128"
    headers = { X-Api-Key = "…" }
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

MAX_SECONDS_BETWEEN_REQUESTS = 86_400
"""Maximum number of seconds that a rule may set between two requests to a host."""

_HOST_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_HEADER_NAME_PATTERN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE_PATTERN = re.compile(r"[\x20-\x7e]*")


class HostRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rule for requests to a host and to its subdomains.

    `user_agent` is None for Telex's own; `proxy` is the URL of an HTTP proxy, or None for a direct connection.
    """

    headers: dict[str, str] = msgspec.field(default_factory=dict)
    user_agent: str | None = None
    seconds_between_requests: Annotated[float, msgspec.Meta(ge=0, le=MAX_SECONDS_BETWEEN_REQUESTS)] = 0
    proxy: str | None = None

    def build_headers(self) -> dict[str, str]:
        """Return the headers of a request to the host, which replace Telex's own."""
        return self.headers if self.user_agent is None else {**self.headers, "User-Agent": self.user_agent}


NO_RULE = HostRule()
"""Rule for a host without one: requests are sent as to any host."""


def parse_host_rules(toml_text: str) -> dict[str, HostRule]:
    """Return the rules of a TOML file by host name.

    Raises ValueError, whose message names no value, if the text is not TOML or a rule is invalid.
    """
    try:
        rule_by_host = msgspec.convert(tomllib.loads(toml_text), dict[str, HostRule])
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line \d+", str(error))  # The rest of the message may name a secret.
        raise ValueError(f"the file is not TOML{f' {place[0]}' if place else ''}") from error
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    for host, rule in rule_by_host.items():
        if not _HOST_PATTERN.fullmatch(host):
            raise ValueError(f"a host name such as news.example is needed instead of {host!r}")
        for name, header in rule.build_headers().items():
            if not (_HEADER_NAME_PATTERN.fullmatch(name) and _HEADER_VALUE_PATTERN.fullmatch(header)):
                raise ValueError(f"a header of {host} has characters that no header may have")
        if rule.proxy is not None and not (
            urlsplit(rule.proxy).scheme in {"http", "https"} and urlsplit(rule.proxy).hostname
        ):
            raise ValueError(f"the proxy of {host} needs an address such as http://proxy.example:3128")
    return rule_by_host


def find_host_rule(rule_by_host: Mapping[str, HostRule], host: str) -> HostRule:
    """Return the rule of a host or of the closest domain above it, or `NO_RULE`."""
    domain = host.lower() if rule_by_host else ""
    while domain:
        if domain in rule_by_host:
            return rule_by_host[domain]
        domain = domain.partition(".")[2]
    return NO_RULE
