"""The location of a database: a file path, or a PostgreSQL URL whose password is never displayed."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

POSTGRES_SCHEMES = frozenset({"postgresql", "postgres"})
"""URL schemes of PostgreSQL."""

_SCHEME_PATTERN = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # One letter would be a Windows drive.
_LIBPQ_KEYWORD_PATTERN = re.compile(r"\b(dbname|host|hostaddr|password|user)\s*=")  # libpq's keyword/value form
_HOST_PATTERN = re.compile(r"(\[[0-9a-f:.%]+\]|[^][:]*)(:\d+)?", re.IGNORECASE)
_INVALID_ESCAPE_PATTERN = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_EXPECTED_FORMAT_SENTENCE = "the path of a file, or an address such as postgresql://user:password@host/name, is needed"


class DatabaseUrl:
    """The URL of a database on a PostgreSQL server; `str()` omits user, password and parameters.

    `address` is the whole URL, with the password: it must not be displayed or logged.
    """

    def __init__(self, address: str) -> None:
        """Parse a PostgreSQL URL.

        Raises ValueError if `address` is no PostgreSQL URL, names no database, or has characters in its password that
        must be escaped. The message of the error contains no part of the address.
        """
        scheme, separator, location = address.partition("://")
        if not separator or scheme.lower() not in POSTGRES_SCHEMES:
            raise ValueError(_EXPECTED_FORMAT_SENTENCE)
        self.address = f"postgresql://{location}"
        try:
            url_parts = urlsplit(self.address)
        except ValueError:  # Its message contains the password.
            raise ValueError(_EXPECTED_FORMAT_SENTENCE) from None
        hosts_text = url_parts.netloc.rpartition("@")[2]
        if _INVALID_ESCAPE_PATTERN.search(location) or "@" in url_parts.path or url_parts.fragment:
            raise ValueError("in a password, write % as %25, @ as %40, / as %2F, # as %23 and ? as %3F")
        if not all(_HOST_PATTERN.fullmatch(host) for host in hosts_text.split(",")):
            raise ValueError(_EXPECTED_FORMAT_SENTENCE)
        if not url_parts.path.strip("/"):
            raise ValueError("the address ends with the name of a database, as in postgresql://host/telex")
        self._redacted_url = f"postgresql://{hosts_text}/{url_parts.path.strip('/')}"

    def __str__(self) -> str:
        return self._redacted_url

    def __repr__(self) -> str:
        return f"<{self._redacted_url}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseUrl) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)


def parse_database_location(text: str) -> Path | DatabaseUrl:
    """Parse the location of a database: a file path or a PostgreSQL URL.

    Raises ValueError for any other URL, for an invalid PostgreSQL URL, for libpq's form `host=… dbname=…`, and for the
    path of a folder; its message does not contain the text.
    """
    text = text.strip()
    scheme_match = _SCHEME_PATTERN.match(text)
    if scheme_match is not None and scheme_match[1].lower() in POSTGRES_SCHEMES:
        return DatabaseUrl(text)
    if scheme_match is not None or _LIBPQ_KEYWORD_PATTERN.search(text):
        raise ValueError(_EXPECTED_FORMAT_SENTENCE)
    if os.path.isdir(text):  # noqa: PTH112 - a method of Path raises OSError for a name that is too long
        raise ValueError("the path of a file is needed, and this is a folder")
    return Path(text)
