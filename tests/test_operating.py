"""What Docker, systemd and `docs/operating.md` are told of Telex is so."""

import re
from pathlib import Path

import pytest
import typer

from bot.cli.main import app
from bot.cli.stop_signals import STOP_SECONDS
from bot.cli.terminal import USAGE_ERROR
from bot.client.sharding.shard_balance import SHUTDOWN_HANDOVER_SECONDS
from bot.core.preferences import ProcessRole
from tests.test_readme import list_setting_names

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
UNIT = (ROOT / "docs" / "telex.service").read_text("utf-8")
GUIDE = (ROOT / "docs" / "operating.md").read_text("utf-8")


def test_what_the_image_is_built_from_exists_and_is_let_through():
    (copied,) = re.findall(r"^COPY (pyproject.+) \./$", DOCKERFILE, re.MULTILINE)
    names = {*copied.split(), *re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE)}
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert names == set(let_through)
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE, UNIT, GUIDE], ids=["Dockerfile", "compose", "unit", "guide"])
def test_settings_that_are_named_exist(text):
    assert set(re.findall(r"TELEX_[A-Z_]+", text)) <= set(list_setting_names())


def test_all_agree_on_where_things_are():
    database = "/var/lib/telex/telex.db"
    for text in (DOCKERFILE, UNIT, GUIDE):
        database_paths = set(re.findall(r"TELEX_DATABASE=(/\S+)", text))
        assert database_paths == {database}
    assert "VOLUME /var/lib/telex\n" in DOCKERFILE
    assert '"telex:/var/lib/telex"' in COMPOSE
    assert "StateDirectory=telex\n" in UNIT
    assert "ExecStart=/opt/telex/bin/telex run\n" in UNIT
    assert "EnvironmentFile=/etc/telex.env\n" in UNIT
    assert "/etc/telex.env" in GUIDE


def test_several_processes_have_a_role_and_an_index_each_and_share_a_database():
    assert set(re.findall(r"TELEX_ROLES: (\w+)", COMPOSE)) == {role.value for role in ProcessRole}
    services = re.findall(r"^  (\w+):\n    <<: \*telex\n    profiles: \[server\]\n", COMPOSE, re.MULTILINE)
    assert len(services) == len(ProcessRole)
    for service in (*services, "telex"):
        assert f'volumes: ["{service}:/var/lib/telex"]' in COMPOSE
        assert f"--no-deps {service}" in GUIDE
    (address,) = re.findall(r"^TELEX_DATABASE=(postgresql:\S+)$", GUIDE, re.MULTILINE)
    database, user = (re.findall(rf"POSTGRES_{name}: (\w+)", COMPOSE)[0] for name in ("DB", "USER"))
    assert address == f"postgresql://{user}:…@postgres/{database}"
    assert f"TELEX_ROLES={ProcessRole.GATEWAY.value}\n" in GUIDE


def test_the_health_check_asks_where_health_is_told():
    (address,) = re.findall(r"TELEX_HEALTH_ADDRESS=(\S+)", DOCKERFILE)
    assert f"http://{address}/healthz" in DOCKERFILE


def test_wrong_use_is_not_tried_again():
    assert f"RestartPreventExitStatus={USAGE_ERROR}\n" in UNIT


def test_a_stop_is_heard_from_the_first_moment_and_has_time_to_hand_shards_over():
    assert re.search(r"^    init: true$", COMPOSE, re.MULTILINE)
    for pattern in (r"^    stop_grace_period: (\d+)s$", r"^TimeoutStopSec=(\d+)$"):
        (seconds,) = re.findall(pattern, COMPOSE + UNIT, re.MULTILINE)
        assert int(seconds) > STOP_SECONDS >= SHUTDOWN_HANDOVER_SECONDS + 20


def test_the_guide_names_commands_that_exist():
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group
    guide_commands = re.findall(r"(?:^telex|telex telex|--rm telex|\.db telex|`telex) ([a-z]+)", GUIDE, re.MULTILINE)
    assert {"feeds", "backup", "check", "run"} <= set(guide_commands) <= names


def test_commands_beside_the_service_read_its_settings():
    (function,) = re.findall(r"^telex\(\) \{\n(.+?)^\}", GUIDE, re.MULTILINE | re.DOTALL)
    assert "--property=EnvironmentFile=/etc/telex.env" in function
    (database,) = re.findall(r"TELEX_DATABASE=(\S+)", UNIT)
    assert f"--setenv=TELEX_DATABASE={database} " in function
    assert "/opt/telex/bin/telex" not in GUIDE.replace(function, "")
