"""`telex settings`: export, preview and import of a settings file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.preferences import OPERATOR_USER_ID
from bot.operating.settings_files.yaml_documents import MAX_DOCUMENT_BYTES
from bot.store import Store
from bot.store.records.setup_records import Setup, compare_setups
from tests.store.test_setups import LIMITS, MANAGER, build_full_setup
from tests.support.clocks import ManualClock
from tests.support.samples import CHANNEL, SERVER
from tests.support.telex_command import TelexCommand


async def create_store(folder: Path) -> None:
    store = await Store.open(folder / "news.db", ManualClock())
    await store.servers.mark_joined(SERVER)
    changes = compare_setups(await store.setups.read(SERVER), build_full_setup(CHANNEL, 4_000_000_000))
    await store.setups.apply(SERVER, changes, user_id=MANAGER, limits=LIMITS)
    await store.close()


async def read_setup(folder: Path) -> Setup:
    store = await Store.open(folder / "news.db", ManualClock())
    try:
        return await store.setups.read(SERVER)
    finally:
        await store.close()


async def list_changers(folder: Path) -> list[int | None]:
    store = await Store.open(folder / "news.db", ManualClock())
    try:
        return [change.user_id for change in await store.preferences.list_changes(SERVER, limit=2)]
    finally:
        await store.close()


@pytest.fixture
def telex(tmp_path, launcher) -> TelexCommand:
    asyncio.run(create_store(tmp_path))
    return TelexCommand(tmp_path, launcher)


def test_settings_are_imported_after_confirmation(tmp_path, telex):
    exported = telex("settings", "export", str(SERVER))
    assert "DISCORD_TOKEN is not set" in exported.stderr
    path = tmp_path / "settings.yaml"
    path.write_text(exported.stdout, "utf-8")
    assert "Nothing changes" in telex("settings", "import", str(path)).stderr

    changed_text = exported.stdout.replace("max_posts_per_hour: 30", "max_posts_per_hour: 2")
    path.write_text(changed_text.replace("- mars", "- venus"), "utf-8")
    setup = asyncio.run(read_setup(tmp_path))
    refused = telex("settings", "import", str(path), status=1, given="n\n")
    assert "3 changes" in refused.stdout
    assert "max_posts_per_hour" in refused.stdout
    assert asyncio.run(read_setup(tmp_path)) == setup
    # One channel of the file alone, and after that the rest of it.
    assert "3 changes" in telex("settings", "import", str(path), "--channel", str(CHANNEL), given="y\n").stdout
    assert "Nothing changes" in telex("settings", "import", str(path), "--yes").stderr
    assert telex("settings", "export", str(SERVER)).stdout == path.read_text("utf-8")
    assert asyncio.run(list_changers(tmp_path)) == [OPERATOR_USER_ID] * 2
    (entry,) = telex.json("servers", "audit", "--json")
    assert (entry["action"], entry["server"], entry["details"]) == ("settings-import", str(SERVER), {"count": 3})
    # Of many changes, the first are printed.
    feeds = "".join(f"      - url: https://{number}.example/feed\n" for number in range(60))
    path.write_text(path.read_text("utf-8").replace("    feeds:\n", f"    feeds:\n{feeds}"), "utf-8")
    preview = telex("settings", "import", str(path), status=1, given="n\n")
    assert preview.stdout.count(".example/feed") == 50
    assert "10 more. `--all` shows them." in preview.stderr
    preview = telex("settings", "import", str(path), "--all", status=1, given="n\n")
    assert preview.stdout.count(".example/feed") == 60


def test_invalid_file_changes_nothing(tmp_path, telex):
    exported_text = telex("settings", "export", str(SERVER)).stdout
    setup = asyncio.run(read_setup(tmp_path))
    path = tmp_path / "settings.yaml"
    telex("sources", "block", "blocked.example")
    feeds = "".join(f"      - url: https://{number}.example/feed\n" for number in range(300))
    for text, sentence in {
        exported_text[: exported_text.index("    feeds:")]: "line 52: This file is incomplete",
        exported_text.replace("version: 1", "version: 7"): "line 3: This file has version 7 of the format",
        exported_text.replace("  language: fr", "  lingo: fr", 1): "line 6: There’s no setting “lingo” here.",
        exported_text.replace("query: climate", "query: the"): "Nearly every article has these words: the.",
        exported_text.replace(
            "    feeds:\n", f"    feeds:\n{feeds}"
        ): "Too many feeds: whoever runs this bot limits this server to 200.",
        exported_text.replace("    feeds:\n", "    feeds:\n      - url: https://blocked.example/\n"): "blocked.example",
        exported_text.replace("query: crypto", "query: ["): "This isn’t valid YAML",
        "x" * (MAX_DOCUMENT_BYTES + 1): "larger than 4 MB",
        exported_text.replace(f"id: {CHANNEL}", "id: 99"): "Telex has to ask Discord",
        exported_text.replace(f"alert_channel: {CHANNEL}", "alert_channel: 98"): "Telex has to ask Discord",
        exported_text.replace(f"id: {SERVER}", "id: 99"): "Telex isn’t in this server.",
    }.items():
        path.write_text(text, "utf-8")
        status = 1 if "ask Discord" in sentence else 2
        refused = telex("settings", "import", str(path), "--yes", status=status)
        assert sentence in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert "No such file" in telex("settings", "import", "absent.yaml", status=2).stderr
    path.write_text(exported_text, "utf-8")
    assert "This file has no channel 7." in telex("settings", "import", str(path), "--channel", "7", status=2).stderr
    unknown_id = str(1180 * 10**15)
    assert f"Telex isn’t in a server {unknown_id}" in telex("settings", "export", unknown_id, status=2).stderr
    assert "Nothing is set up" in telex("settings", "export", str(SERVER), "--channel", "99", status=2).stderr
    assert asyncio.run(read_setup(tmp_path)) == setup
