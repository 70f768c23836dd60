"""Translation of the store's statements to psycopg's parameters: named ones, lists and untyped NULLs."""

import re
from functools import lru_cache

_TOKEN_PATTERN = re.compile(
    r"""
      (?P<quoted_text> '(?:[^']|'')*' | "[^"]*" )  # only its percent signs are doubled
    | (?P<percent> % )
    | (?P<question_mark> \? )
    | \b (?P<not> NOT\  )? IN\ \( : (?P<list_name> \w+ ) \)
    | (?<! [:\w] ) : (?P<parameter_name> [a-z_]\w* )
    """,
    re.VERBOSE,
)
_LIST_PATTERN = re.compile(r"\bIN \(:(\w+)\)")
_EMPTY_LIST = "'{}'"


@lru_cache(maxsize=4096)
def translate_statement(sql: str, null_parameter_names: frozenset[str] = frozenset()) -> tuple[bytes, frozenset[str]]:
    """Return a statement with psycopg's named parameters, and the names of those that are lists.

    Positional parameters get the names `1`, `2`, …. Parameters in `null_parameter_names` are written as NULL, or as an
    empty list after IN, because PostgreSQL cannot infer the type of a parameter that is None.
    """
    position, list_names = 0, frozenset(_LIST_PATTERN.findall(sql))

    def replace_token(match: re.Match[str]) -> str:
        nonlocal position
        if match["quoted_text"] or match["percent"]:
            return match[0].replace("%", "%%")
        if name := match["list_name"]:
            members = _EMPTY_LIST if name in null_parameter_names else f"%({name})s"
            return f"{'<> ALL' if match['not'] else '= ANY'} ({members})"
        position += match["question_mark"] is not None
        name = match["parameter_name"] or str(position)
        if name in null_parameter_names:
            return "NULL"
        # Outside of IN a list is only compared with NULL, for which an empty list would have no type.
        return _EMPTY_LIST if name in list_names else f"%({name})s"

    return _TOKEN_PATTERN.sub(replace_token, sql).encode(), list_names
