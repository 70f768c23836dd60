"""Reading of the settings at the start, with error messages that never contain a value."""

import os
from difflib import get_close_matches
from io import StringIO
from typing import Any

from dotenv.parser import Binding, parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bot.core.settings import ENV_FILE, Settings

_MIN_NAME_SIMILARITY = 0.75
"""Minimum similarity (`difflib` ratio) at which an unknown name counts as a misspelt setting."""


class InvalidSettings(Exception):
    """Error raised when settings cannot be read; the message for the operator has a line per problem."""


def read_settings(**overrides: str) -> Settings:
    """Read all settings; `overrides` take precedence over the environment and `.env`.

    Raises `InvalidSettings` if a setting or the file is invalid.
    """
    _parse_env_file()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # Texts, as in the environment
    except ValidationError as error:
        sentence_by_setting: dict[str, str] = {}
        for problem in error.errors():
            name = _build_setting_name(str(problem["loc"][0]))
            sentence_by_setting.setdefault(name, f"{name}: {_describe_problem(name, problem)}.")
        raise InvalidSettings("\n".join(sentence_by_setting.values())) from None  # The cause contains values.


def build_unknown_setting_warnings() -> list[str]:
    """Return a warning for each unknown variable that looks like a setting, with the closest known name if any.

    Raises `InvalidSettings` if the settings file cannot be read or parsed.
    """
    variable_names = {name.upper() for name in os.environ}
    variable_names.update(binding.key.upper() for binding in _parse_env_file() if binding.key)
    setting_names = list(map(_build_setting_name, Settings.model_fields))
    warnings = []
    for name in sorted(variable_names.difference(setting_names)):
        close_names = get_close_matches(name, setting_names, n=1, cutoff=_MIN_NAME_SIMILARITY)
        if name.startswith("TELEX_") or (close_names and name.startswith("DISCORD_")):
            suggestion = f"; did you mean {close_names[0]}?" if close_names else "."
            warnings.append(f"{name} isn't a setting of Telex{suggestion}")
    return warnings


def _build_setting_name(field_name: str) -> str:
    name = field_name.upper()
    return name if name == "DISCORD_TOKEN" else f"TELEX_{name}"


def _describe_problem(setting_name: str, problem: Any) -> str:  # noqa: ANN401 - pydantic's error dictionary
    match problem["type"]:
        case "value_error":
            return str(problem["ctx"]["error"])
        case "literal_error" | "enum":
            choices_text = problem["ctx"]["expected"].replace("'", "")
            return f"{choices_text} is needed"
        case "bool_parsing":
            return "true or false is needed"
    return _describe_number(Settings.model_fields[setting_name.removeprefix("TELEX_").lower()])


def _describe_number(field: FieldInfo) -> str:
    bound_phrases = [
        f"{label} {getattr(bound, attribute_name)}"
        for bound in field.metadata
        for attribute_name, label in (("ge", "at least"), ("gt", "above"), ("le", "at most"))
        if hasattr(bound, attribute_name)
    ]
    number_kind = "a whole number" if field.annotation is int else "a number"
    return f"{number_kind}, {' and '.join(bound_phrases)}, is needed"


def _parse_env_file() -> list[Binding]:
    """Parse the lines of the settings file, if it exists. Raises `InvalidSettings` if it cannot be read or parsed."""
    if not ENV_FILE.is_file():
        return []
    try:
        env_text = ENV_FILE.read_text("utf-8-sig")
    except OSError as error:
        raise InvalidSettings(f"The file .env cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        env_text = "\0"
    if "\0" in env_text:  # NUL bytes point to UTF-16.
        raise InvalidSettings("The file .env isn't UTF-8, perhaps UTF-16: save it as UTF-8.")
    bindings = list(parse_stream(StringIO(env_text)))
    if invalid_lines := [str(binding.original.line) for binding in bindings if binding.error]:
        raise InvalidSettings(f"The file .env, line {', '.join(invalid_lines)}: NAME=value is needed.")
    return bindings
