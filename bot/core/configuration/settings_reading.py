"""Reading of the settings at the start, with error messages that never contain a value.

Plain functions parse them, so that nothing but the command line's parser loads the library pydantic, some 10 MB.
"""

import math
import operator
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from io import StringIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from bot.core.configuration.database_url import DatabaseUrl, parse_database_location
from bot.core.configuration.host_rules import HostRule, parse_host_rules
from bot.core.configuration.settings import ENV_FILE, Network, Secret, Settings
from bot.core.discord_ids import parse_discord_id
from bot.core.preferences import ProcessRole, ServerPolicy

SETTING_FIELDS = {setting_field.name: setting_field for setting_field in fields(Settings)}
"""Fields of the settings by name."""

_MIN_NAME_SIMILARITY = 0.75
"""Minimum similarity (`difflib` ratio) at which an unknown name counts as a misspelt setting."""
_BOOLEAN_BY_WORD = dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True) | dict.fromkeys(
    ("0", "off", "f", "false", "n", "no"), False
)
"""Booleans by the words that operators may write for them, in lower case."""
_CONTROL_CHARACTER_PATTERN = re.compile(r"[\x00-\x1f\x7f]")
_HOST_PATTERN = re.compile(r"[\w.:-]+|\[[\da-fA-F:.]+\]")
"""Pattern of a host name or an IP address, an IPv6 address with or without brackets."""
_COMPARISONS = {"at least": operator.ge, "above": operator.gt, "at most": operator.le}
"""Comparisons of a number with its limits, by the words for them."""


class InvalidSettings(Exception):
    """Error raised when settings cannot be read; the message for the operator has a line per problem."""


def read_settings(**overrides: str) -> Settings:
    """Read all settings; `overrides` take precedence over the environment, and that over `.env`.

    A setting with a blank text has its default.

    Raises `InvalidSettings` if a setting or the file is invalid.
    """
    setting_by_name: dict[str, Any] = {}
    problem_by_name: dict[str, str] = {}
    for name, text in (read_setting_texts() | overrides).items():
        try:
            if text.strip():
                setting_by_name[name] = _parse_setting(name, text.strip())
        except ValueError as error:
            problem_by_name[name] = str(error)
    settings = Settings(**setting_by_name)
    problem_by_name = _find_conflicts(settings, problem_by_name.keys()) | problem_by_name
    if problem_by_name:
        raise InvalidSettings(
            "\n".join(
                f"{_build_variable_name(name)}: {problem_by_name[name]}."
                for name in SETTING_FIELDS
                if name in problem_by_name
            )
        )
    return settings


def read_setting_texts() -> dict[str, str]:
    """Return the texts of the settings that the environment or `.env` sets, by name; blank texts set nothing.

    Raises `InvalidSettings` if the file cannot be read or parsed.
    """
    _parse_env_file()
    text_by_variable = {
        variable_name.upper(): text
        # Editors on Windows begin the file with a byte order mark.
        for texts in (dotenv_values(ENV_FILE, encoding="utf-8-sig"), os.environ)
        for variable_name, text in texts.items()
        if text and text.strip()
    }
    return {
        name: text_by_variable[variable_name]
        for name in SETTING_FIELDS
        if (variable_name := _build_variable_name(name)) in text_by_variable
    }


def build_unknown_setting_warnings() -> list[str]:
    """Return a warning for each unknown variable that looks like a setting, with the closest known name if any.

    Raises `InvalidSettings` if the settings file cannot be read or parsed.
    """
    variable_names = {name.upper() for name in os.environ}
    variable_names.update(binding.key.upper() for binding in _parse_env_file() if binding.key)
    setting_names = list(map(_build_variable_name, SETTING_FIELDS))
    warnings = []
    for name in sorted(variable_names.difference(setting_names)):
        close_names = get_close_matches(name, setting_names, n=1, cutoff=_MIN_NAME_SIMILARITY)
        if name.startswith("TELEX_") or (close_names and name.startswith("DISCORD_")):
            suggestion = f"; did you mean {close_names[0]}?" if close_names else "."
            warnings.append(f"{name} isn't a setting of Telex{suggestion}")
    return warnings


def build_effect_warnings(settings: Settings) -> list[str]:
    """Return a warning for each setting that has no effect without another one, or less protection than it seems.

    Raises `InvalidSettings` if the settings file cannot be read or parsed.
    """
    warnings = []
    if settings.model_url is None:
        warnings = [
            f"{_build_variable_name(name)} has no effect without TELEX_MODEL_URL, the address of the model’s server."
            for name in read_setting_texts()
            if name.startswith("model_")
        ]
    if settings.public_url is not None and not _is_private_connection(settings.public_url):
        warnings.append(
            "TELEX_PUBLIC_URL begins with http://, so the secret addresses of published feeds and what hubs push "
            "travel unencrypted. Use https://."
        )
    return warnings


def _is_private_connection(url: str) -> bool:
    """Return whether nobody on the way can read what is sent to a URL: by https, or on this machine."""
    url_parts = urlsplit(url)
    if url_parts.scheme == "https" or url_parts.hostname == "localhost":
        return True
    try:
        return ip_address(url_parts.hostname or "").is_loopback
    except ValueError:
        return False


def _build_variable_name(setting_name: str) -> str:
    name = setting_name.upper()
    return name if name == "DISCORD_TOKEN" else f"TELEX_{name}"


def _find_conflicts(settings: Settings, invalid_names: Collection[str]) -> dict[str, str]:
    """Return a sentence for each setting that does not go together with another, by name of the setting."""
    problem_by_name = {}
    if not isinstance(settings.database, DatabaseUrl):
        server_sentence = "a TELEX_DATABASE on a PostgreSQL server is needed, which processes can share"
        if len(settings.roles) < len(ProcessRole):
            problem_by_name["roles"] = server_sentence
        if settings.shards != "auto":
            problem_by_name["shards"] = server_sentence
    if settings.public_url is not None and settings.health_address is None and "health_address" not in invalid_names:
        problem_by_name["public_url"] = "TELEX_HEALTH_ADDRESS, which it leads to, is needed too"
    if (settings.reddit_secret is None) != (not settings.reddit_id):
        problem_by_name |= {"reddit_secret": "TELEX_REDDIT_ID and TELEX_REDDIT_SECRET are needed together"}
    return problem_by_name


def _parse_setting(name: str, text: str) -> object:
    """Parse the text of a setting. Raises ValueError, whose message says what is needed, without the text."""
    if _CONTROL_CHARACTER_PATTERN.search(text):
        raise ValueError("one line without control characters is needed")
    if (parse := _PARSERS.get(name)) is not None:
        return parse(text)
    plain_type: Any = SETTING_FIELDS[name].type
    if plain_type is bool:
        return _parse_boolean(text)
    if plain_type in (int, float):
        return _parse_number(name, text)
    if get_origin(plain_type) is Literal:
        if text.lower() not in get_args(plain_type):
            raise ValueError(_describe_choices(get_args(plain_type)))
        return text.lower()
    return text


def _parse_boolean(text: str) -> bool:
    if (boolean := _BOOLEAN_BY_WORD.get(text.lower())) is None:
        raise ValueError("true or false is needed")
    return boolean


def _parse_number(name: str, text: str) -> int | float:
    metadata = SETTING_FIELDS[name].metadata
    number_type = int if SETTING_FIELDS[name].type is int else float
    try:
        number = number_type(text)
    except ValueError:
        number = math.nan
    if all(is_within(number, metadata[limit]) for limit, is_within in _COMPARISONS.items() if limit in metadata):
        return number
    limits = " and ".join(f"{limit} {metadata[limit]}" for limit in _COMPARISONS if limit in metadata)
    raise ValueError(f"{'a whole number' if number_type is int else 'a number'}, {limits}, is needed")


def _describe_choices(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]} is needed"


def _parse_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("addresses or networks such as 192.168.0.0/16 are needed") from None


def _parse_roles(text: str) -> frozenset[ProcessRole]:
    role_names = [part.strip() for part in text.lower().split(",") if part.strip()]
    try:
        return frozenset(map(ProcessRole, role_names or ProcessRole))
    except ValueError:
        raise ValueError(_describe_choices(list(ProcessRole))) from None


def _parse_shards(text: str) -> str:
    if text.lower() == "auto":
        return "auto"
    match = re.fullmatch(r"(\d+)-(\d+)/(\d+)", text)
    if match is None or not int(match[1]) <= int(match[2]) < int(match[3]):
        raise ValueError("auto, or shards such as 0-7/16, are needed; all of 16 are 0-15/16")
    return text


def _parse_server_id(text: str) -> int:
    if (server_id := parse_discord_id(text)) is None:
        raise ValueError("the ID of a server is needed; Discord copies it in developer mode")
    return server_id


def _parse_server_policy(text: str) -> ServerPolicy:
    try:
        return ServerPolicy(text.lower())
    except ValueError:
        raise ValueError(_describe_choices(list(ServerPolicy))) from None


def _parse_web_page(text: str) -> str:
    if not _is_address(text, ("https",)) or any(character in text for character in "()<>"):
        raise ValueError("an address that begins with https:// is needed")
    return text


def _parse_model_url(text: str) -> str:
    url = _parse_base_url(text, example="http://127.0.0.1:11434/v1")
    if "@" in urlsplit(url).netloc:
        raise ValueError("a name or key does not belong in the address; a model’s is TELEX_MODEL_KEY")
    return url


def _parse_public_url(text: str) -> str:
    url = _parse_base_url(text, example="https://telex.example")
    if "@" in urlsplit(url).netloc:
        raise ValueError("a name or password does not belong in the address, which everybody sees")
    return url


def _parse_base_url(text: str, *, example: str) -> str:
    if not _is_address(text, ("http", "https")) or "?" in text or "#" in text:
        raise ValueError(f"an address such as {example} is needed, without ? and #")
    return text.rstrip("/")


def _is_address(text: str, schemes: Collection[str]) -> bool:
    """Return whether a text is a URL with one of some schemes, a host and a valid port, if any."""
    try:
        url_parts = urlsplit(text)
        return url_parts.scheme in schemes and bool(url_parts.hostname) and url_parts.port != 0 and " " not in text
    except ValueError:
        return False


def _parse_health_address(text: str) -> tuple[str, int]:
    host, _separator, port = text.rpartition(":")
    if not (_HOST_PATTERN.fullmatch(host) and port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise ValueError("an address and a port such as 127.0.0.1:8080 are needed")
    return host.strip("[]"), int(port)


def _parse_index_folder(text: str) -> Path:
    if os.path.isfile(text):  # noqa: PTH113 - a method of Path raises OSError for a name that is too long
        raise ValueError("the path of a folder is needed, and this is a file")
    return Path(text)


def _read_host_rules(text: str) -> dict[str, HostRule]:
    try:
        return parse_host_rules(Path(text).read_text("utf-8"))
    except UnicodeError as error:
        raise ValueError("the file is no text in UTF-8") from error
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from error


def _parse_secret_key(text: str) -> Secret:
    for key in text.split(","):
        try:
            is_valid_key = len(urlsafe_b64decode(key.strip())) == 32  # noqa: PLR2004  # https://github.com/fernet/spec
        except ValueError:
            is_valid_key = False
        if not is_valid_key:
            raise ValueError("what `telex rekey --new` prints is needed")
    return Secret(text)


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "allow_private_addresses": _parse_networks,
    "database": parse_database_location,
    "discord_token": Secret,
    "health_address": _parse_health_address,
    "hosts": _read_host_rules,
    "index": _parse_index_folder,
    "model_key": Secret,
    "model_url": _parse_model_url,
    "owner_server": _parse_server_id,
    "privacy_url": _parse_web_page,
    "public_url": _parse_public_url,
    "reddit_secret": Secret,
    "roles": _parse_roles,
    "secret_key": _parse_secret_key,
    "servers": _parse_server_policy,
    "shards": _parse_shards,
    "support_url": _parse_web_page,
    "terms_url": _parse_web_page,
    "trusted_proxies": _parse_networks,
}
"""Functions that parse the texts of settings that are no plain text, number or choice, by setting."""


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
