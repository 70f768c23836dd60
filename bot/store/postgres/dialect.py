"""Translation of the store's statements to PostgreSQL's syntax and psycopg's parameters."""

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""
      (?P<text> '(?:[^']|'')*' | "[^"]*" )          # only its percent signs are doubled
    | (?P<numbered> \?\d+ )
    | (?P<mark> \? )
    | (?<![:\w]) : (?P<named> [a-z_]\w* )
    | (?P<percent> % )
    | (?P<hint> \s+ INDEXED \s+ BY \s+ \w+ )         # hint for SQLite's planner
    | \b CROSS \s+ (?P<join> JOIN ) (?= \s+ \w+ (?: \s+ AS \s+ \w+ )? \s+ ON \b )  # planner hint
    | \b LIMIT \s+ - (?P<from_on> 1 ) (?= \s+ OFFSET )
    | \b LIMIT \s+ - (?P<unlimited> 1 ) \b
    | \b IN \s* (?P<none> \( \s* \) )
    | \b IS \s+ NOT (?P<distinct> \s+ ) (?= ['?:] )
    | \b IS (?P<same> \s+ ) (?= ['?:] )
    | \b json_array (?P<array> \( )                  # has other semantics in PostgreSQL 16
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
    "unlimited": "OFFSET 0",  # keeps the planner from flattening the subquery
    "distinct": "IS DISTINCT FROM ",
    "same": "IS NOT DISTINCT FROM ",
    "array": "json_build_array(",
    "column": '"left"',
}


@lru_cache(maxsize=4096)
def translate(sql: str, null_names: frozenset[str] = frozenset()) -> bytes:
    """Return a statement in PostgreSQL's syntax, with named parameters.

    Positional parameters get the names `1`, `2`, …. Parameters in `null_names` are written as NULL, because
    PostgreSQL cannot infer the type of a parameter that is None.
    """
    position = 0

    def replace_token(match: re.Match[str]) -> str:
        nonlocal position
        kind, token = match.lastgroup, match[0]
        assert kind is not None
        if kind == "text":
            return token.replace("%", "%%")
        if kind not in {"numbered", "named", "mark"}:
            return _REPLACEMENTS[kind]
        position += 1
        name = str(position) if kind == "mark" else token[1:]
        return "NULL" if name in null_names else f"%({name})s"

    return _TOKEN.sub(replace_token, sql).encode()
