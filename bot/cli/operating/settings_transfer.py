"""Export of a server's settings to a file and import of them, as the commands of the terminal do it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot.cli import terminal
from bot.cli.command_context import run_with_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.cli.operating.server_argument import find_server_id
from bot.client.server_name_lookup import NamesUnavailable, load_server_names
from bot.core.preferences import OPERATOR_USER_ID, PROPOSALS_FROM_EVERYONE, PostLook, Preference, SettingKind
from bot.core.setting_registry import CHANNEL_SETTING_BY_NAME
from bot.core.user_errors import RequestRejected
from bot.operating.applicable_limits import Limits
from bot.operating.blocked_source_cache import BlockedSourceCache
from bot.operating.settings_files.file_export import export_settings
from bot.operating.settings_files.id_mapping import IdMapping
from bot.operating.settings_files.located_files import LocatedFile
from bot.operating.settings_files.server_names import ServerNames
from bot.operating.settings_files.setup_merging import SetupMerger
from bot.operating.settings_files.yaml_documents import MAX_DOCUMENT_BYTES, DocumentError
from bot.operating.setup_limits import load_setup_limits
from bot.posting.rendering.look_checks import find_look_error
from bot.posting.wording.refusal_sentences import find_error_sentence
from bot.store import Store
from bot.store.records.setup_records import (
    SettingKey,
    Setup,
    SetupChange,
    SetupFailure,
    SetupLimits,
    compare_setups,
    merge_changes,
    require_within_limits,
)
from bot.text import urls
from bot.watches.watch_matching import parse_watch_query

_SETTING_NAMES: Mapping[str, str] = {
    **{setting.column_name: name for name, setting in CHANNEL_SETTING_BY_NAME.items()},
    SettingKind.SUBSCRIPTION: "feed",
    SettingKind.LOOK: "look",
    SettingKind.FILTER: "filter",
    SettingKind.MENTION_RULE: "mention rule",
    SettingKind.FORUM_TAG: "tag rule",
    SettingKind.DIGEST: "digest",
    SettingKind.CHANNEL_WATCH: "watch",
    SettingKind.MONTHLY_REPORT: "monthly report",
}
"""Names of settings as in settings files, by database column of a channel's setting or by kind of setting."""
_SETTINGS_WITH_ID = {
    Preference.MANAGER_ROLE,
    Preference.SELF_ASSIGNABLE_ROLES,
    SettingKind.MENTION_RULE,
    SettingKind.FORUM_TAG,
}
"""Settings that always have the id of a role or of a forum's tag."""
MAX_PRINTED_CHANGES = 50
"""Number of changes of an import that are printed unless all are asked for."""


class ImportPlan(NamedTuple):
    """Changes that the import of a file makes to a server, its limits, and the names of its channels and tags by id.

    `name_by_id` also has the names of roles and of the server.
    """

    server_id: int
    changes: Sequence[SetupChange]
    limits: SetupLimits
    name_by_id: Mapping[int, str]


def build_file(server: str, channel_id: int | None) -> str:
    """Return the settings of a server, given by id or name, or of one of its channels, as a settings file.

    Without an answer of Discord, the file has no names, and a message says so. Exits if there is no such server or
    channel.
    """
    server_id = run_with_store(lambda store: find_server_id(store, server))
    setup = run_with_store(lambda store: store.setups.read(server_id))
    if not setup:
        exit_with_error(f"Telex isn’t in a server {server_id}. `telex servers` lists them.", USAGE_ERROR_STATUS)
    if channel_id is not None and all(key.channel_id != channel_id for key in setup):
        exit_with_error(f"Nothing is set up in a channel {channel_id} of this server.", USAGE_ERROR_STATUS)
    name_by_id: Mapping[int, str] = {}
    try:
        name_by_id = _load_server_names(server_id).collect_all(server_id)
    except NamesUnavailable as error:
        echo_stderr(f"{error} So the file has no names of channels and roles, and suits this server alone.")
    return export_settings(setup, server_id, name_by_id, channel_id=channel_id)


def plan_import(path: Path, target_server: str | None, channel_id: int | None) -> ImportPlan:
    """Return what the import of a file changes in the file's server, or in another one, given by id or name.

    Exits with a sentence if the file cannot be imported.
    """
    try:
        return _read_and_merge(path, target_server, channel_id)
    except OSError as error:
        exit_with_error(f"{path}: {error.strerror}", USAGE_ERROR_STATUS)
    except NamesUnavailable as error:
        exit_with_error(f"{error} Telex has to ask Discord for the channels and roles of this server.", FAILURE_STATUS)
    except DocumentError as error:
        place = path if error.line is None else f"{path}, line {error.line}"
        cause = error.__cause__
        sentence = str(error) or (find_error_sentence(cause) if isinstance(cause, Exception) else None)
        exit_with_error(f"{place}: {sentence}", USAGE_ERROR_STATUS)
    except RequestRejected as error:
        exit_with_error(f"{path}: {find_error_sentence(error)}", USAGE_ERROR_STATUS)


def _read_and_merge(path: Path, target_server: str | None, channel_id: int | None) -> ImportPlan:
    """Return what the import of a settings file changes in a server.

    Raises OSError if it cannot be read, NamesUnavailable, and DocumentError or RequestRejected if it is invalid.
    """
    with path.open("rb") as stream:
        file = LocatedFile(stream.read(MAX_DOCUMENT_BYTES + 1))
    server_id = file.settings.server.id
    if target_server is not None:
        server_id = run_with_store(lambda store: find_server_id(store, target_server))
    setup = run_with_store(lambda store: store.setups.read(server_id))
    if not setup:
        raise RequestRejected(SetupFailure.NOT_IN_SERVER)
    imported_channel_ids = {section.id for section in file.settings.channels if channel_id in {None, section.id}}
    if channel_id is None and isinstance(file.settings.server.alert_channel, int):
        imported_channel_ids.add(file.settings.server.alert_channel)
    merge = partial(_merge_file, file=file, setup=setup, server_id=server_id, channel_id=channel_id)
    stored_channel_ids = {key.channel_id for key in setup if key.channel_id is not None}
    if imported_channel_ids <= stored_channel_ids and server_id == file.settings.server.id:
        plan = run_with_store(partial(merge, server_names=None))
        if not any(map(_sets_role_or_tag, plan.changes)):
            return plan
    server_names = _load_server_names(server_id)
    # Discord doesn't list archived threads.
    all_channels = {**dict.fromkeys(stored_channel_ids, ""), **server_names.channels}
    return run_with_store(partial(merge, server_names=replace(server_names, channels=all_channels)))


async def _merge_file(
    store: Store,
    *,
    file: LocatedFile,
    setup: Setup,
    server_id: int,
    server_names: ServerNames | None,
    channel_id: int | None,
) -> ImportPlan:
    """Return what a settings file changes in a server.

    Raises DocumentError or RequestRejected if it cannot be imported.
    """

    async def normalize_watch_query(query: str) -> str:
        return (await parse_watch_query(store, query)).text

    merger = SetupMerger(
        file,
        setup,
        IdMapping(file.settings.names, server_names),
        now=store.clock.now(),
        parse_watch_query=normalize_watch_query,
        find_look_error=find_look_error,
        blocked_sources=await BlockedSourceCache(store).load(),
    )
    changes = compare_setups(setup, await merger.merge(channel_id=channel_id))
    limits = await load_setup_limits(Limits(load_settings_or_exit(), store), server_id)
    require_within_limits(setup, merge_changes(setup, changes), limits)
    name_by_id = file.settings.names if server_names is None else server_names.collect_all(server_id)
    return ImportPlan(server_id, changes, limits, name_by_id)


def _sets_role_or_tag(change: SetupChange) -> bool:
    """Return whether a setting has a role or the tag of a forum after a change."""
    if change.new_text is None:
        return False
    match change.key.setting:
        case SettingKind.LOOK:
            return PostLook.from_json(change.new_text).role_id is not None
        case Preference.PROPOSER_POLICY:
            return change.new_text != PROPOSALS_FROM_EVERYONE
        case setting:
            return setting in _SETTINGS_WITH_ID


def _load_server_names(server_id: int) -> ServerNames:
    """Return the names in a server from Discord. Raises NamesUnavailable."""
    token = load_settings_or_exit().discord_token
    if token is None:
        raise NamesUnavailable("DISCORD_TOKEN is not set.")
    return run_async(partial(load_server_names, token.text, server_id))


def print_plan(plan: ImportPlan, *, prints_all: bool) -> None:
    """Print what an import changes; with `prints_all` every change, else the first `MAX_PRINTED_CHANGES`."""
    if not plan.changes:
        echo_stderr("Nothing changes: the server has these settings already.")
        return
    printed_changes = plan.changes if prints_all else plan.changes[:MAX_PRINTED_CHANGES]
    terminal.print_table(
        "1 change" if len(plan.changes) == 1 else f"{len(plan.changes):,} changes",
        ("where", "setting", "before", "after"),
        [
            (
                _describe_place(change.key, plan.name_by_id),
                _name_setting(change.key.setting),
                "–" if change.old_text is None else change.old_text,
                "–" if change.new_text is None else change.new_text,
            )
            for change in printed_changes
        ],
    )
    if unprinted_count := len(plan.changes) - len(printed_changes):
        echo_stderr(f"{unprinted_count:,} more. `--all` shows them.")


def _describe_place(key: SettingKey, name_by_id: Mapping[int, str]) -> str:
    if key.channel_id is None:
        return "server"
    channel_text = f"{name_by_id.get(key.channel_id) or 'channel'} ({key.channel_id})"
    return channel_text if key.feed is None else f"{channel_text}, {urls.redact(key.feed.url)}"


def _name_setting(setting: str) -> str:
    return _SETTING_NAMES.get(setting) or Preference(setting).name.lower()


def apply_plan(plan: ImportPlan) -> None:
    """Make the changes of an import, all or none; exit with a sentence if that is not possible any more."""
    try:
        run_with_store(
            lambda store: store.setups.apply(
                plan.server_id, plan.changes, user_id=OPERATOR_USER_ID, limits=plan.limits, tag_names=plan.name_by_id
            )
        )
    except RequestRejected as error:
        exit_with_error(str(find_error_sentence(error)), USAGE_ERROR_STATUS)
    echo_stderr("Changed. A running bot notices within seconds, and posts no older articles of new feeds.")
