"""Settings read at the start, and what is wrong with them: a sentence a setting, none with its value."""

import os
from difflib import get_close_matches
from io import StringIO
from typing import Any

from dotenv.parser import Binding, parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bot.core.settings import ENV_FILE, Settings

_LEAST_LIKENESS = 0.75  # of names, as difflib counts, from which on one may be meant by the other


class WrongSettings(Exception):
    """Settings that cannot be used. The message is for whoever runs Telex, a line a setting."""


def read_settings(**values: str) -> Settings:
    """Read all settings; `values` go before the environment and `.env`. Raises `WrongSettings`."""
    _parse_env_file()
    try:
        return Settings(**values)  # type: ignore[arg-type]  # texts, as the environment has them
    except ValidationError as error:
        sentences: dict[str, str] = {}
        for problem in error.errors():
            name = _setting_name(str(problem["loc"][0]))
            sentences.setdefault(name, f"{name}: {_describe(name, problem)}.")
        raise WrongSettings("\n".join(sentences.values())) from None  # the cause shows values


def unknown_settings() -> list[str]:
    """Describe what looks like a setting of Telex and is none, each with the setting that may be meant."""
    names = {name.upper() for name in os.environ}
    names.update(binding.key.upper() for binding in _parse_env_file() if binding.key)
    known = list(map(_setting_name, Settings.model_fields))
    sentences = []
    for name in sorted(names.difference(known)):
        near = get_close_matches(name, known, n=1, cutoff=_LEAST_LIKENESS)
        if name.startswith("TELEX_") or (near and name.startswith("DISCORD_")):
            meant = f"; did you mean {near[0]}?" if near else "."
            sentences.append(f"{name} isn't a setting of Telex{meant}")
    return sentences


def _setting_name(field: str) -> str:
    name = field.upper()
    return name if name == "DISCORD_TOKEN" else f"TELEX_{name}"


def _describe(name: str, problem: Any) -> str:  # noqa: ANN401 - pydantic's own dictionary
    match problem["type"]:
        case "value_error":
            return str(problem["ctx"]["error"])
        case "literal_error" | "enum":
            choices = problem["ctx"]["expected"].replace("'", "")
            return f"{choices} is needed"
        case "bool_parsing":
            return "true or false is needed"
    return _describe_number(Settings.model_fields[name.removeprefix("TELEX_").lower()])


def _describe_number(field: FieldInfo) -> str:
    bounds = [
        f"{words} {getattr(bound, name)}"
        for bound in field.metadata
        for name, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"))
        if hasattr(bound, name)
    ]
    kind = "a whole number" if field.annotation is int else "a number"
    return f"{kind}, {' and '.join(bounds)}, is needed"


def _parse_env_file() -> list[Binding]:
    """Read the lines of `.env`. Raises `WrongSettings` where that cannot be done."""
    if not ENV_FILE.is_file():
        return []
    try:
        text = ENV_FILE.read_text("utf-8-sig")
    except OSError as error:
        raise WrongSettings(f"The file .env cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # as UTF-16 has them
        raise WrongSettings("The file .env isn't UTF-8, perhaps UTF-16: save it as UTF-8.")
    bindings = list(parse_stream(StringIO(text)))
    if wrong := [str(binding.original.line) for binding in bindings if binding.error]:
        raise WrongSettings(f"The file .env, line {', '.join(wrong)}: NAME=value is needed.")
    return bindings
