"""Where a database is: the path of a file, or the address of a server, whose password is never shown."""

import re
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = frozenset({"postgresql", "postgres"})

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # of one letter it may be a drive
_KEYWORDS = re.compile(r"\b(dbname|host|hostaddr|password|user)\s*=")  # libpq's other form of an address
_HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[^][:]*)(:\d+)?", re.IGNORECASE)
_NO_ESCAPE = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_NEEDED = "the path of a file, or an address such as postgresql://user:password@host/name, is needed"


class DatabaseUrl:
    """A database on a PostgreSQL server. As a text it is fit to be shown."""

    def __init__(self, address: str) -> None:
        """Raises ValueError, which names no part of the address, for what is none, or names no database."""
        scheme, separator, location = address.partition("://")
        if not separator or scheme.lower() not in SCHEMES:
            raise ValueError(_NEEDED)
        self.address = f"postgresql://{location}"
        try:
            parts = urlsplit(self.address)
        except ValueError:  # which shows the password
            raise ValueError(_NEEDED) from None
        hosts = parts.netloc.rpartition("@")[2]
        if _NO_ESCAPE.search(location) or "@" in parts.path or parts.fragment:
            raise ValueError("in a password, write % as %25, @ as %40, / as %2F, # as %23 and ? as %3F")
        if not all(_HOST.fullmatch(host) for host in hosts.split(",")):
            raise ValueError(_NEEDED)
        if not parts.path.strip("/"):
            raise ValueError("the address ends with the name of a database, as in postgresql://host/telex")
        self._shown = f"postgresql://{hosts}/{parts.path.strip('/')}"

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<{self._shown}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseUrl) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


def parse_place(text: str) -> Path | DatabaseUrl:
    """Read the place of a database. Raises ValueError, without the text, for an address of anything else."""
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() in SCHEMES:
        return DatabaseUrl(text)
    if scheme is not None or _KEYWORDS.search(text):
        raise ValueError(_NEEDED)
    return Path(text)
