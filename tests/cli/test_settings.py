"""Settings: errors, secrets, databases and extras."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import checks, main
from bot.core import installation
from bot.core.configuration.database_url import DatabaseUrl, parse_database_location
from bot.core.configuration.settings import Secret, Settings
from bot.core.configuration.settings_reading import InvalidSettings, read_settings
from bot.core.preferences import ProcessRole, ServerPolicy
from bot.search.semantic import article_encoder
from tests.support.telex_command import make_article_line

SECRET = "hunter2-and-more"


INVALID_SETTINGS_BY_NAME = {
    "TELEX_POLL_CONCURRENCY": "none",
    "TELEX_FETCH_TIMEOUT": "0",
    "TELEX_SEED_REACTION": "perhaps",
    "TELEX_LANGUAGE": "de",
    "TELEX_ROLES": "a,b",
    "TELEX_SHARDS": "7",
    "TELEX_ALLOW_PRIVATE_ADDRESSES": "here",
    "TELEX_MODEL_URL": f"https://user:{SECRET}@model.example",
    "TELEX_SECRET_KEY": SECRET,
    "TELEX_PUBLIC_URL": "https://telex.example",
}


READING_COMMANDS = (
    ("backup", "copy.db"),
    ("feeds",),
    ("feeds", "remove", "https://a.example"),
    ("search", "x"),
    ("ask", "x"),
    ("questions",),
    ("latest",),
    ("why", "https://a.example"),
    ("export", "-"),
    ("mcp",),
    ("rekey",),
)


def test_invalid_settings_are_named_without_their_values(telex):
    telex.environment |= INVALID_SETTINGS_BY_NAME | {"DISCORD_TOKEN": f"MTIz.{SECRET}.x"}
    for command in ("run", "check", "feeds"):
        lines = telex(command, status=2).stderr.splitlines()
        assert {error_line.partition(":")[0] for error_line in lines} == set(INVALID_SETTINGS_BY_NAME)
        assert len(lines) == len(INVALID_SETTINGS_BY_NAME)
        assert "Input" not in "".join(lines)
        assert "MTIz" not in "".join(lines)
        assert SECRET not in "".join(lines)
    assert list(telex.folder.iterdir()) == []


def test_environment_precedes_file_and_text_is_parsed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(
        b"\xef\xbb\xbfDISCORD_TOKEN=abc\nTELEX_CONTACT='a # b'\nTELEX_MODEL_NAME=${TELEX_CONTACT}!\nTELEX_LANGUAGE=xx\n"
    )
    for name in filter(re.compile("TELEX_|DISCORD_TOKEN").match, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("TELEX_LANGUAGE", "fr")
    monkeypatch.setenv("TELEX_CONTACT", "")
    monkeypatch.setenv("telex_seed_reaction", "No")
    monkeypatch.setenv("TELEX_POLL_CONCURRENCY", " 4 ")
    settings = read_settings(roles="poller", database=f"postgresql://me:{SECRET}@host/telex")
    assert settings == Settings(
        discord_token=Secret("abc"),
        database=DatabaseUrl(f"postgresql://me:{SECRET}@host/telex"),
        roles=frozenset({ProcessRole.POLLER}),
        language="fr",
        contact="a # b",
        poll_concurrency=4,
        seed_reaction=False,
        model_name="a # b!",
    )
    assert "abc" not in f"{settings} {settings.discord_token}"
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("poll_concurrency", "513", "a whole number, at least 1 and at most 512, is needed"),
        ("fetch_timeout", "nan", "a number, above 0 and at most 300, is needed"),
        ("keep_texts_days", "9" * 22, "a whole number, at least 0 and at most 36500, is needed"),
        ("contact", "me@example.com\r\nHost: x", "one line without control characters is needed"),
        ("model_url", "http://host:99999", r"an address such as http://127.0.0.1:11434/v1 is needed, without \? and #"),
        ("public_url", "telex.example", r"an address such as https://telex.example is needed, without \? and #"),
        ("support_url", "https://", "an address that begins with https:// is needed"),
        ("health_address", "http://127.0.0.1:8080", "an address and a port such as 127.0.0.1:8080 are needed"),
        ("database", ".", "the path of a file is needed, and this is a folder"),
        ("index", __file__, "the path of a folder is needed, and this is a file"),
        ("log_level", "warn", "debug, info, warning or error is needed"),
        ("roles", "gateway", "a TELEX_DATABASE on a PostgreSQL server is needed, which processes can share"),
    ],
)
def test_invalid_setting_explains_valid_values(monkeypatch, tmp_path, name, text, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSettings, match=rf"^TELEX_{name.upper()}: {sentence}\.$"):
        read_settings(**{name: text})


def test_choices_are_case_insensitive(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = read_settings(
        log_level="DEBUG", language="FR", full_text="Always", log_format="JSON", servers="Allowed", shards="AUTO"
    )
    assert (settings.log_level, settings.language, settings.full_text) == ("debug", "fr", "always")
    assert (settings.log_format, settings.servers, settings.shards) == ("json", ServerPolicy.ALLOWED, "auto")
    server = "postgresql://me@host/telex"
    assert read_settings(roles="Gateway", database=server).roles == frozenset({ProcessRole.GATEWAY})


def test_settings_without_effect_or_protection_are_named(telex):
    telex("migrate")
    telex.environment |= {"TELEX_MODEL_NAME": "qwen", "TELEX_MODEL_KEY": SECRET, "TELEX_HEALTH_ADDRESS": "127.0.0.1:0"}
    errors = telex("feeds").stderr
    for name in ("TELEX_MODEL_NAME", "TELEX_MODEL_KEY"):
        assert f"{name} has no effect without TELEX_MODEL_URL" in errors
    assert SECRET not in errors
    assert "TELEX_MODEL_TIMEOUT" not in errors
    telex.environment |= {"TELEX_MODEL_URL": "http://127.0.0.1:1/v1", "TELEX_PUBLIC_URL": "http://telex.example"}
    (warning,) = telex("latest", "--json").stderr.splitlines()
    assert warning.startswith("TELEX_PUBLIC_URL begins with http://, so the secret addresses")
    for url in ("https://telex.example", "http://127.0.0.1:8080", "http://localhost"):
        telex.environment["TELEX_PUBLIC_URL"] = url
        assert telex("latest", "--json").stderr == ""


def test_blank_setting_is_unset(telex):
    for text in ("", " \n"):
        telex.environment |= dict.fromkeys(
            [*INVALID_SETTINGS_BY_NAME, "DISCORD_TOKEN", "TELEX_HEALTH_ADDRESS", "TELEX_INDEX"], text
        )
        telex("migrate")
        telex("feeds")


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg://", "mysql://", "sqlite:///", "postgresql:"])
def test_url_of_other_database_is_rejected(telex, scheme):
    address = telex.environment["TELEX_DATABASE"] = f"{scheme}telex:{SECRET}@127.0.0.1/telex"
    done = telex("check", status=2)
    assert done.stderr.startswith("TELEX_DATABASE: the path of a file, or an address such as postgresql://")
    assert SECRET not in done.stdout + done.stderr
    del telex.environment["TELEX_DATABASE"]
    telex("move", address, "file.db", status=2)
    assert list(telex.folder.iterdir()) == []


@pytest.mark.parametrize("address", ["POSTGRESQL://me:{}@host/telex", "Postgres://me:{}@one:5432,two/telex"])
def test_database_scheme_is_case_insensitive_and_password_hidden(address):
    server = parse_database_location(address.format(SECRET))
    assert isinstance(server, DatabaseUrl)
    assert server.address.startswith(f"postgresql://me:{SECRET}@")
    assert SECRET not in f"{server} {server!r}"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:hun/ter2@host/telex",
        "postgresql://me:hun%ter2@host/telex",
        "postgresql://me:hunter2/telex",
        "postgresql://me:hun[ter2@host/telex",
        "postgresql://me:hun\u2100ter2@host/telex",
        "postgresql://me:hun#ter2@host/telex",
        "host=here dbname=telex password=hunter2",
    ],
)
def test_unescaped_password_is_not_shown(address):
    with pytest.raises(ValueError, match=r"needed|write %|ends with") as refused:
        parse_database_location(address)
    assert "ter2" not in str(refused.value)


def test_plain_path_is_file():
    assert parse_database_location(" data/telex.db ") == Path("data/telex.db")


def test_misspelt_setting_suggests_correct_name(telex):
    telex("migrate")
    telex.environment["TELEX_LANGAUGE"] = "fr"
    (telex.folder / ".env").write_text("TELEX_LOG_LEVL=debug\nCOMPOSE_PROFILES=server\nDISCORD_TOKN=x\n")
    for command, status in (("check", 0), ("run", 2)):
        errors = telex(command, status=status).stderr
        assert "TELEX_LANGAUGE isn't a setting of Telex; did you mean TELEX_LANGUAGE?" in errors
        assert "TELEX_LOG_LEVL isn't a setting of Telex; did you mean TELEX_LOG_LEVEL?" in errors
        assert "DISCORD_TOKN isn't a setting of Telex; did you mean DISCORD_TOKEN?" in errors
        assert "COMPOSE" not in errors
    telex.environment["TELEX_LOG_FORMAT"] = "json"
    first, *_further_lines = telex("run", status=2).stderr.splitlines()
    assert "DISCORD_TOKN" in json.loads(first)["message"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("DISCORD_TOKEN=abc\n".encode("utf-16"), "isn't UTF-8"),
        ("DISCORD_TOKEN=abc\n".encode("utf-16-le"), "isn't UTF-8"),
        (b"TELEX_CONTACT=x\nDISCORD_TOKEN: abc\n", "line 2: NAME=value is needed"),
        (b"\xef\xbb\xbfTELEX_LANGUAGE=xx\n", "TELEX_LANGUAGE: en or fr"),
    ],
)
def test_unreadable_settings_file_is_described(telex, content, sentence):
    (telex.folder / ".env").write_bytes(content)
    done = telex("run", status=2)
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "abc" not in done.stderr


@pytest.mark.parametrize(
    ("database", "commands"), [("away/news.db", READING_COMMANDS), ("empty.db", READING_COMMANDS[:3])]
)
def test_reading_commands_do_not_create_database(telex, database, commands):
    telex.environment |= {"TELEX_LANGAUGE": "fr", "TELEX_SECRET_KEY": telex("rekey", "--new").stdout.strip()}
    telex.environment["TELEX_DATABASE"] = database
    if database == "empty.db":
        (telex.folder / database).touch()
    before = list(telex.folder.iterdir())
    for command in commands:
        done = telex(*command, status=2)
        output = "".join((done.stdout + done.stderr).split())
        assert "TELEX_LANGAUGE" in output
        for word in str(telex.folder / database).split("/"):
            assert word in output.replace("│", "")
        assert list(telex.folder.iterdir()) == before
        assert [file.stat().st_size for file in before] == [0] * len(before)


@pytest.mark.parametrize("database", ["away/news.db", "news.db", "empty.db"])
def test_check_before_first_start_says_where_database_will_be(telex, database):
    telex.environment["TELEX_DATABASE"] = database
    (telex.folder / "empty.db").touch()
    before = list(telex.folder.iterdir())
    output = "".join(telex("check").stdout.replace("│", "").split())
    assert "FAILED" not in output
    assert f"okdatabasenoneyet:`telexrun`creates{telex.folder / database}," in output
    assert list(telex.folder.iterdir()) == before


def test_check_names_folder_in_which_database_cannot_be_created(telex):
    (telex.folder / "file").touch()
    telex.environment["TELEX_DATABASE"] = "file/news.db"
    output = "".join(telex("check", status=2).stdout.replace("│", "").split())
    assert "FAILEDdatabase" in output
    assert f"{telex.folder}/file" in output
    assert "Traceback" not in output


def test_check_warns_of_package_that_other_distribution_also_has(telex, tmp_path):
    metadata_folder = tmp_path / "library" / "newsbot-1.dist-info"
    metadata_folder.mkdir(parents=True)
    (metadata_folder / "METADATA").write_text("Metadata-Version: 2.1\nName: newsbot\nVersion: 1\n")
    (metadata_folder / "RECORD").write_text("cogs/__init__.py,,\ncogs/music.py,,\n")
    command = [sys.executable, "-m", "bot", "check"]
    environment = telex.environment | {"PYTHONPATH": str(metadata_folder.parent)}
    done = subprocess.run(
        command, cwd=telex.folder, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "".join("warning packages cogs is also a package of newsbot".split()) in "".join(
        done.stdout.replace("│", "").split()
    )
    assert "uv tool install telex" in done.stderr
    assert "packages" not in telex("check").stdout


def test_move_without_database_contacts_no_server(telex):
    done = telex("move", "away.db", f"postgresql://me:{SECRET}@127.0.0.1:9/telex", status=2)
    assert done.stderr == f"There is no database at {telex.folder / 'away.db'}.\n"


@pytest.mark.parametrize("command", [("migrate",), ("poll",), ("import", "-")])
def test_writing_command_creates_database(telex, command):
    telex(*command, given=make_article_line(1))
    telex("feeds")


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (
            {"url": "file://{folder}", "dir_info": {"editable": True}},
            "-c {folder}/constraints.txt -e '{folder}[demo]'",
        ),
        ({"url": "file://{folder}", "dir_info": {}}, "-c {folder}/constraints.txt '{folder}[demo]'"),
        ({"url": "https://x.example/telex.whl"}, "'telex[demo] @ https://x.example/telex.whl'"),
        (
            {"url": "https://x.example/telex", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "'telex[demo] @ git+https://x.example/telex@abc'",
        ),
        ({}, "'telex[demo]'"),
    ],
)
@pytest.mark.parametrize("has_pip", [True, False])
def test_extra_is_installed_like_telex(monkeypatch, tmp_path, origin, command, has_pip):
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    origin_info = json.loads(json.dumps(origin).replace("{folder}", str(tmp_path)))
    monkeypatch.setattr(installation, "_read_origin", lambda: origin_info)
    monkeypatch.setattr(installation, "find_spec", lambda _name: has_pip or None)
    pip = f"{sys.executable} -m pip" if has_pip else f"uv pip install --python {sys.executable}"
    start = f"{pip} install" if has_pip else pip
    assert installation.build_extra_command("demo") == f"{start} {command.replace('{folder}', str(tmp_path))}"


@pytest.mark.parametrize(
    ("file_name", "command"),
    [
        ("uv-receipt.toml", "uv tool install 'telex[demo]'"),
        ("pipx_metadata.json", "pipx install --force 'telex[demo]'"),
        ("archive-v0/x/pyvenv.cfg", "uvx --from 'telex[demo]' telex"),
    ],
)
def test_extra_of_installed_tool_uses_same_tool(monkeypatch, tmp_path, file_name, command):
    file = tmp_path / file_name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    monkeypatch.setattr(sys, "prefix", str(file.parent))
    assert installation.build_extra_command("demo") == command


def test_start_without_token_and_demo_explains_both(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    monkeypatch.setattr(main, "_is_demo_installed", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        main.app([])
    error = capsys.readouterr().err
    assert "https://discord.com/developers/applications" in error
    assert installation.build_extra_command("demo") in error


async def test_command_for_extra_is_below_checks(monkeypatch, newsroom):
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: None)
    (check,) = [
        semantic_check
        async for semantic_check in checks.run_checks(newsroom.settings)
        if semantic_check.subject == "semantic search"
    ]
    assert check.detail == "off: its extra isn’t installed"
    assert check.advice == f"To turn on semantic search: {installation.build_extra_command('semantic')}"


def test_extra_is_built_into_image(monkeypatch, tmp_path):
    origin = {"url": f"file://{tmp_path}/gone", "dir_info": {}}
    monkeypatch.setattr(installation, "_read_origin", lambda: origin)
    assert "EXTRAS=demo" in installation.build_extra_command("demo")


def test_used_port_of_demo_is_explained(telex):
    with socket.create_server(("127.0.0.1", 0)) as occupied_socket:
        port = str(occupied_socket.getsockname()[1])
        done = telex("demo", "--no-browser", "--port", port, status=1)
    assert done.stderr.splitlines() == [
        f"The demo can't use port {port}: Address already in use. Give it another with --port, or leave --port out."
    ]
    assert "Traceback" not in done.stderr


INTERRUPTING_FINDER = """
import signal
import sys

class InterruptingFinder:
    def find_spec(self, name, path=None, target=None):
        if name == "{interrupted_module}":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background commands ignore it
sys.meta_path.insert(0, InterruptingFinder())
"""
"""A `sitecustomize` module that raises SIGINT while Python imports a module."""


@pytest.mark.parametrize("interrupted_module", ["bot.cli.checks", "bot.store"])
def test_interrupt_during_import_exits_cleanly(telex, tmp_path, interrupted_module):
    finder_source = INTERRUPTING_FINDER.format(interrupted_module=interrupted_module)
    (tmp_path / "sitecustomize.py").write_text(finder_source)
    python_path = os.pathsep.join([str(tmp_path), *filter(None, [telex.environment.get("PYTHONPATH")])])
    completed = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=telex.folder,
        env=telex.environment | {"PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=False,
    )
    last_line = completed.stderr.splitlines()[-1]
    assert (completed.returncode, last_line) == (130, "Stopped before it began.")
