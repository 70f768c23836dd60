"""Translation of the store's statements to PostgreSQL's syntax and psycopg's parameters."""

import re
from functools import lru_cache

_TOKEN_PATTERN = re.compile(
    r"""
      (?P<text> '(?:[^']|'')*' | "[^"]*" )          # only its percent signs are doubled
    | (?P<numbered> \?\d+ )
    | (?P<mark> \? )
    | (?<![:\w]) : (?P<named> [a-z_]\w* )
    | \b (?: (?P<not> NOT ) \s+ )? IN \  \( : (?P<list> \w+ ) \)
    | (?P<percent> % )
    | (?P<hint> \s+ INDEXED \s+ BY \s+ \w+ )         # hint for SQLite's planner
    | \b CROSS \s+ (?P<join> JOIN ) (?= \s+ \w+ (?: \s+ AS \s+ \w+ )? \s+ ON \b )  # planner hint
    | \b LIMIT \s+ - (?P<from_on> 1 ) (?= \s+ OFFSET )
    | \b LIMIT \s+ - (?P<unlimited> 1 ) \b
    | \b IN \s* (?P<none> \( \s* \) )
    | \b IS \s+ NOT (?P<distinct> \s+ ) (?= ['?:] )
    | \b IS (?P<same> \s+ ) (?= ['?:] )
    | \b json_array (?P<array> \( )                  # has other semantics in PostgreSQL 16
    """,
    re.VERBOSE,
)
_LIST_PATTERN = re.compile(r"\bIN \(:(\w+)\)")
_EMPTY_LIST = "'{}'"
_REPLACEMENT_BY_KIND = {
    "percent": "%%",
    "hint": "",
    "join": "JOIN",
    "from_on": "",
    "none": "IN (NULL)",
    "unlimited": "OFFSET 0",  # keeps the planner from flattening the subquery
    "distinct": "IS DISTINCT FROM ",
    "same": "IS NOT DISTINCT FROM ",
    "array": "json_build_array(",
}


@lru_cache(maxsize=4096)
def translate(sql: str, null_parameter_names: frozenset[str] = frozenset()) -> tuple[bytes, frozenset[str]]:
    """Return a statement in PostgreSQL's syntax, with named parameters, and the names of those that are lists.

    Positional parameters get the names `1`, `2`, …. Parameters in `null_parameter_names` are written as NULL,
    because PostgreSQL cannot infer the type of a parameter that is None.
    """
    parameter_position, list_names = 0, frozenset(_LIST_PATTERN.findall(sql))

    def replace_token(match: re.Match[str]) -> str:
        nonlocal parameter_position
        group_name, token = match.lastgroup, match[0]
        assert group_name is not None
        if group_name == "text":
            return token.replace("%", "%%")
        if group_name == "list":
            operator, list_name = "<> ALL" if match["not"] else "= ANY", match[group_name]
            return (
                f"{operator} ({_EMPTY_LIST})" if list_name in null_parameter_names else f"{operator} (%({list_name})s)"
            )
        if group_name not in {"numbered", "named", "mark"}:
            return _REPLACEMENT_BY_KIND[group_name]
        parameter_position += 1
        parameter_name = str(parameter_position) if group_name == "mark" else token[1:]
        if parameter_name in null_parameter_names:
            return "NULL"
        # Outside of IN a list is only compared with NULL, for which an empty list would have no type.
        return _EMPTY_LIST if parameter_name in list_names else f"%({parameter_name})s"

    statement = _TOKEN_PATTERN.sub(replace_token, sql)
    return statement.encode(), list_names
