"""Translation of the store's statements to SQLite's syntax: lists as parameters, and hints for the planner."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_TOKEN_PATTERN = re.compile(r"/\*\+ (?P<hint>[\w ]+) \*/|\bIN \(:(?P<list_parameter_name>\w+)\)")


@lru_cache(maxsize=4096)
def translate_statement(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement in SQLite's syntax, and the names of its parameters that are lists."""
    list_parameter_names: set[str] = set()

    def replace_token(match: re.Match[str]) -> str:
        if (list_parameter_name := match["list_parameter_name"]) is None:
            return match["hint"]
        list_parameter_names.add(list_parameter_name)
        return f"IN (SELECT value FROM json_each(:{list_parameter_name}))"

    return _TOKEN_PATTERN.sub(replace_token, sql), tuple(list_parameter_names)


def encode_lists(parameters: Mapping[str, Any], list_parameter_names: Iterable[str]) -> dict[str, Any]:
    """Return parameters with each list (a collection of integers or texts) as a JSON array, and None as it is."""
    encoded_parameters = dict(parameters)
    for list_parameter_name in list_parameter_names:
        if (members := parameters[list_parameter_name]) is not None:
            encoded_parameters[list_parameter_name] = json.dumps([*members])
    return encoded_parameters
