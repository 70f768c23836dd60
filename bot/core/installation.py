"""The way in which this Telex was installed, and the command that adds an extra (optional packages) to it."""

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_UVX_CACHE_FOLDER = "archive-v0"
"""Folder in uv's cache that holds the temporary environments of `uvx`."""


def build_extra_command(extra: str) -> str:
    """Return the command that installs an extra (optional packages) in the way Telex itself was installed.

    For a container image without sources, return instructions instead. An environment of `uvx` is not kept: the
    command then runs Telex with the extra.
    """
    environment_folder = Path(sys.prefix)
    if (environment_folder / "uv-receipt.toml").is_file():
        return f"uv tool install 'telex[{extra}]'"
    if (environment_folder / "pipx_metadata.json").is_file():
        return f"pipx install --force 'telex[{extra}]'"
    if _UVX_CACHE_FOLDER in environment_folder.parts:
        return f"uvx --from 'telex[{extra}]' telex"
    origin = _read_origin()
    if "dir_info" not in origin:
        return _build_pip_install_command(_build_requirement(origin, extra))
    source_folder = Path(unquote(urlsplit(origin["url"]).path))
    if not (source_folder / "pyproject.toml").is_file():
        return f"add {extra} to EXTRAS in .env (EXTRAS={extra}), then docker compose up --detach --build"
    constraints_file = source_folder / "constraints.txt"
    return _build_pip_install_command(
        *(("-c", str(constraints_file)) if constraints_file.is_file() else ()),
        *(("-e",) if origin["dir_info"].get("editable") else ()),
        f"{source_folder}[{extra}]",
    )


def _read_origin() -> dict[str, Any]:
    """Return the record of where Telex was installed from, the content of `direct_url.json`.

    It is empty for an installation from a package index, and made up for a source checkout that is not installed.
    https://packaging.python.org/specifications/direct-url-data-structure/
    """
    try:
        origin: dict[str, Any] = json.loads(distribution("telex").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # A source checkout on the import path
        return {"url": _SOURCE_ROOT.as_uri(), "dir_info": {"editable": True}}
    return origin


def _build_requirement(origin: dict[str, Any], extra: str) -> str:
    if "url" not in origin:
        return f"telex[{extra}]"
    if vcs_info := origin.get("vcs_info"):
        return f"telex[{extra}] @ {vcs_info['vcs']}+{origin['url']}@{vcs_info['commit_id']}"
    return f"telex[{extra}] @ {origin['url']}"


def _build_pip_install_command(*arguments: str) -> str:
    pip_command = [sys.executable, "-m", "pip", "install"]
    if find_spec("pip") is None:  # uv creates environments without pip.
        pip_command = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*pip_command, *arguments])
