"""The store's statements in PostgreSQL's words and psycopg's parameters."""

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""
      (?P<text> '(?:[^']|'')*' | "[^"]*" )          # its percent signs are doubled, nothing else
    | (?P<numbered> \?\d+ )
    | (?P<mark> \? )
    | (?<![:\w]) : (?P<named> [a-z_]\w* )
    | (?P<percent> % )
    | (?P<hint> \s+ INDEXED \s+ BY \s+ \w+ )         # for SQLite's planner
    | \b CROSS \s+ (?P<join> JOIN ) (?= \s+ \w+ (?: \s+ AS \s+ \w+ )? \s+ ON \b )  # likewise
    | \b LIMIT \s+ - (?P<from_on> 1 ) (?= \s+ OFFSET )
    | \b LIMIT \s+ - (?P<unlimited> 1 ) \b
    | \b IN \s* (?P<none> \( \s* \) )
    | \b IS \s+ NOT (?P<distinct> \s+ ) (?= ['?:] )
    | \b IS (?P<same> \s+ ) (?= ['?:] )
    | \b json_array (?P<array> \( )                  # of which PostgreSQL 16 makes something else
    | (?<! \. ) \b (?P<column> left ) \b
    """,
    re.VERBOSE,
)
_REPLACEMENTS = {
    "percent": "%%",
    "hint": "",
    "join": "JOIN",
    "from_on": "",
    "none": "IN (NULL)",
    "unlimited": "OFFSET 0",  # what keeps a planner from taking a subquery apart
    "distinct": "IS DISTINCT FROM ",
    "same": "IS NOT DISTINCT FROM ",
    "array": "json_build_array(",
    "column": '"left"',
}


@lru_cache(maxsize=4096)
def translate(sql: str, missing: frozenset[str] = frozenset()) -> bytes:
    """A statement of the store's in PostgreSQL's words, all its parameters named: those in order `1`, `2`, ….

    What is `missing` is written out as NULL: a parameter without a value has no type either.
    """
    place = 0

    def piece(match: re.Match[str]) -> str:
        nonlocal place
        kind, found = match.lastgroup, match[0]
        assert kind is not None
        if kind == "text":
            return found.replace("%", "%%")
        if kind not in {"numbered", "named", "mark"}:
            return _REPLACEMENTS[kind]
        place += 1
        name = str(place) if kind == "mark" else found[1:]
        return "NULL" if name in missing else f"%({name})s"

    return _TOKEN.sub(piece, sql).encode()
