"""The Docker image, the systemd unit and `docs/operating.md` agree with the program."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from bot.cli.command_process import USAGE_ERROR_STATUS
from bot.cli.main import app
from bot.cli.service_command import build_unit, find_private_folder
from bot.cli.stop_signals import STOP_SECONDS
from bot.client.sharding.shard_balance import SHUTDOWN_HANDOVER_SECONDS
from bot.core.preferences import ProcessRole
from tests.support.cases import check_cases
from tests.test_readme import list_setting_names

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
UNIT = (ROOT / "data" / "telex.service").read_text("utf-8")
GUIDE = (ROOT / "docs" / "operating.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
@pytest.mark.parametrize(
    "arguments", [("check", "docs/prometheus-rules.yml"), ("test", "tests/prometheus-rules.test.yml")]
)
def test_prometheus_accepts_alerts_and_their_tests(arguments):
    command, path = arguments
    done = subprocess.run(["promtool", command, "rules", path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_scrape_example_names_job_of_alerts():
    (example,) = re.findall(r"```yaml\n(scrape_configs:.+?)```", GUIDE, re.DOTALL)
    configuration = YAML(typ="safe").load(example)
    (scrape,) = configuration["scrape_configs"]
    alerts = (ROOT / "docs" / "prometheus-rules.yml").read_text("utf-8")
    assert set(re.findall(r'job="(\w+)"', alerts)) == {scrape["job_name"]}
    assert configuration["rule_files"] == ["prometheus-rules.yml"]


PUBLIC_PATHS = ("/websub/secret", "/feeds/secret/posts.xml", "/status", "/status.json")
PRIVATE_PATHS = ("/metrics", "/healthz", "/", "/statusx", "/status/x", "/a/feeds/", "/mcp")


def test_proxy_examples_pass_on_public_paths_alone():
    (caddy_paths,) = re.findall(r"^    @telex path (.+)$", GUIDE, re.MULTILINE)
    (nginx_pattern,) = re.findall(r"^    location ~ (\S+) \{$", GUIDE, re.MULTILINE)
    for path in (*PUBLIC_PATHS, *PRIVATE_PATHS):
        is_public = path in PUBLIC_PATHS
        assert any(fnmatchcase(path, pattern) for pattern in caddy_paths.split()) is is_public, path
        assert bool(re.search(nginx_pattern, path)) is is_public, path


def test_image_sources_exist_and_are_not_ignored():
    (copied,) = re.findall(r"^COPY (pyproject.+) \./$", DOCKERFILE, re.MULTILINE)
    names = {*copied.split(), *re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE)}
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert names == set(let_through)
    assert [name for name in names if not (ROOT / name).exists()] == []


@check_cases("text", [DOCKERFILE, COMPOSE, UNIT, GUIDE])
def test_named_settings_exist(text):
    assert set(re.findall(r"TELEX_[A-Z_]+", text)) <= set(list_setting_names())


def test_paths_agree_between_files():
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


def test_compose_processes_have_own_role_and_index():
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


class HealthHandler(BaseHTTPRequestHandler):
    """A health server whose status the test sets."""

    status = 503

    def do_GET(self) -> None:
        self.send_response(type(self).status if self.path == "/healthz" else 404)
        self.end_headers()


def test_image_health_check_requests_configured_port():
    (command,) = re.findall(r"^HEALTHCHECK [^\n]*\n    CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    executable, *arguments = json.loads(command)
    assert executable == "python"
    with HTTPServer(("127.0.0.1", 0), HealthHandler) as server, ThreadPoolExecutor() as executor:
        executor.submit(server.serve_forever)
        environment = os.environ | {"TELEX_HEALTH_ADDRESS": f"0.0.0.0:{server.server_port}"}
        for status, is_healthy in ((503, False), (200, True)):
            HealthHandler.status = status
            done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False)
            assert (done.returncode == 0) is is_healthy
        server.shutdown()


def test_hashed_versions_match_constraints():
    versions = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    versions = {normalize_package_name(name): version for name, version in versions.items()}
    hashed_text = (ROOT / "constraints-hashes.txt").read_text("utf-8")
    hashed_versions = dict(re.findall(r"^([\w.-]+)==(\S+)", hashed_text, re.MULTILINE))
    assert len(hashed_versions) > 50
    for name, version in hashed_versions.items():
        assert versions.get(normalize_package_name(name), version) == version
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    required_names = {normalize_package_name(re.split(r"[\s\[<>=;]", line)[0]) for line in requirements}
    assert required_names <= {normalize_package_name(name) for name in hashed_versions}


def normalize_package_name(name: str) -> str:
    """Return the normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@check_cases(
    ("executable", "command"),
    [
        ("/opt/telex/bin/telex", "/opt/telex/bin/telex"),
        ('/srv/my bots/100% "news"/telex', '"/srv/my bots/100%% \\"news\\"/telex"'),
    ],
)
def test_unit_runs_installed_executable(executable, command):
    unit = build_unit(Path(executable))
    assert f"\nExecStart={command} run\n" in unit
    assert len(unit.splitlines()) == len(UNIT.splitlines())


def test_folder_that_service_cannot_enter_is_named(tmp_path):
    executable = tmp_path / "telex" / "bin" / "telex"
    executable.parent.mkdir(parents=True)
    for folder in executable.parents:
        if folder.is_relative_to(tmp_path):
            folder.chmod(0o755)
    (tmp_path / "telex").chmod(0o700)
    assert find_private_folder(executable) in {tmp_path / "telex", *tmp_path.parents}
    assert find_private_folder(Path("/home/me/.local/bin/telex")) == Path("/home")
    assert find_private_folder(Path("/usr/bin/telex")) is None


def test_usage_error_prevents_restart():
    assert f"RestartPreventExitStatus={USAGE_ERROR_STATUS}\n" in UNIT


def test_stop_timeouts_cover_shard_handover():
    assert re.search(r"^    init: true$", COMPOSE, re.MULTILINE)
    for pattern in (r"^    stop_grace_period: (\d+)s$", r"^TimeoutStopSec=(\d+)$"):
        (seconds,) = re.findall(pattern, COMPOSE + UNIT, re.MULTILINE)
        assert int(seconds) > STOP_SECONDS >= SHUTDOWN_HANDOVER_SECONDS + 20


def test_guide_names_existing_commands():
    names = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group
    guide_commands = re.findall(r"(?:^telex|telex telex|--rm telex|\.db telex|`telex) ([a-z]+)", GUIDE, re.MULTILINE)
    assert {"feeds", "backup", "check", "run"} <= set(guide_commands) <= names


def test_commands_beside_service_read_its_settings():
    (function,) = re.findall(r"^telex\(\) \{\n(.+?)^\}", GUIDE, re.MULTILINE | re.DOTALL)
    assert "--property=EnvironmentFile=/etc/telex.env" in function
    (database,) = re.findall(r"TELEX_DATABASE=(\S+)", UNIT)
    assert f"--setenv=TELEX_DATABASE={database} " in function
    assert set(re.findall(r"/opt/telex/bin/telex \w+", GUIDE.replace(function, ""))) == {"/opt/telex/bin/telex service"}
