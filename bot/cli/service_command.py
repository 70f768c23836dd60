"""The command `telex service`, which prints the unit with which systemd runs this installation."""

import stat
import sys
import sysconfig
from pathlib import Path

import typer

from bot import DATA
from bot.cli import terminal
from bot.cli.command_process import FAILURE_STATUS, echo_stderr, exit_with_error

_TEMPLATE_EXECUTABLE = "/opt/telex/bin/telex"
"""Path of the executable in the template, `data/telex.service`."""
_PROTECTED_FOLDERS = tuple(map(Path, ("/home", "/root", "/run/user")))
"""Folders that the unit's `ProtectHome=` makes inaccessible; `man systemd.exec`."""

commands = typer.Typer()


@commands.command()
def service() -> None:
    """Print a unit for systemd that runs this installation, for /etc/systemd/system/telex.service."""
    executable = _find_executable()
    if executable is None:
        exit_with_error("A service needs an installed Telex, and this is a folder with its sources.", FAILURE_STATUS)
    terminal.echo_stdout(build_unit(executable).rstrip())
    for path in (executable, Path(sys.base_prefix), DATA):
        if (folder := find_private_folder(path)) is not None:
            echo_stderr(
                f"The service runs as a user of its own, who can't read {folder}. Install Telex where everybody can: "
                "sudo python3 -m venv /opt/telex && sudo /opt/telex/bin/pip install telex"
            )
            break


def build_unit(executable: Path) -> str:
    """Return the unit that runs an executable. Its path is quoted as `man systemd.service` asks, if it must be."""
    command = str(executable).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    if any(character in command for character in " \t\"'\\;"):
        command = f'"{command}"'
    return (DATA / "telex.service").read_text("utf-8").replace(_TEMPLATE_EXECUTABLE, command)


def find_private_folder(path: Path) -> Path | None:
    """Return the uppermost folder on a path that the service cannot enter, or None."""
    for folder in (*reversed(path.absolute().parents), path):
        if folder in _PROTECTED_FOLDERS or (folder.is_dir() and not folder.stat().st_mode & stat.S_IXOTH):
            return folder
    return None


def _find_executable() -> Path | None:
    """Return the path of the command `telex`: the one that runs, or else the one of this environment."""
    for path in (Path(sys.argv[0]).absolute(), Path(sysconfig.get_path("scripts")) / "telex"):
        if path.name == "telex" and path.is_file():
            return path
    return None
