"""Where a database on a server is: an address whose password is never shown."""

from typing import Self
from urllib.parse import urlsplit

SCHEMES = ("postgresql://", "postgres://")


class DatabaseServer:
    """A database on a PostgreSQL server. As a text it is fit to be shown."""

    def __init__(self, address: str) -> None:
        """Raises ValueError for what is no such address, or names no database."""
        if not address.startswith(SCHEMES):
            raise ValueError("an address that begins with postgresql:// is needed")
        parts = urlsplit(address)
        if not parts.path.strip("/"):
            raise ValueError("the address ends with the name of a database, as in postgresql://host/telex")
        self.address = address
        where = parts.netloc.rpartition("@")[2]
        self._shown = f"postgresql://{where}/{parts.path.strip('/')}"

    @classmethod
    def of(cls, value: object) -> Self | None:
        """The one that a text is the address of; None for anything else."""
        return cls(value) if isinstance(value, str) and value.startswith(SCHEMES) else None

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"<{self._shown}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatabaseServer) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)
