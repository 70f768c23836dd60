"""Erasure and export of the data of a server."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, NamedTuple

import pytest

from bot.core.configuration.database_url import DatabaseUrl
from bot.store import Store
from bot.store.operating.server_data import MAX_SEND_SECONDS, MIN_ABSENCE_SECONDS
from bot.store.operating.server_rows import SERVER_ROWS, TABLES_WITHOUT_SERVER_DATA
from tests.store import sql
from tests.store.test_erasure import read_database_bytes
from tests.support.store_probe import Column, DatabaseLocation, load_rows, open_connection, set_column

SERVER, OTHER_SERVER = 700_000_000_000_000_000, 800_000_000_000_000_000
SHARED_FEED, SHARED_ARTICLE = 1, 1
PERSON = 900_000_000_000_000_000


class Row(NamedTuple):
    """A row of a table, and the columns that an erasure of the server clears: None if it deletes the row."""

    table: str
    columns: dict[str, Any]
    cleared: tuple[str, ...] | None


def list_tables(place: DatabaseLocation) -> set[str]:
    if isinstance(place, DatabaseUrl):
        rows = sql.run(place, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'telex'")
    else:
        rows = sql.run(place, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {row[0] for row in rows}


def build_dispatch(dispatch_id: int, channel_id: int, kind: str = "post", **columns: Any) -> dict[str, Any]:
    cells = {"id": dispatch_id, "channel_id": channel_id, "kind": kind, "dedupe_key": str(dispatch_id), "state": "sent"}
    return cells | columns


def build_shared_rows() -> list[Row]:
    return [
        Row("feed", {"id": SHARED_FEED, "url": "https://shared.example/feed"}, ()),
        Row("article", {"id": SHARED_ARTICLE, "feed_id": SHARED_FEED, "key": "shared", "title": "Shared"}, ()),
        Row("notice", {"id": 1, "texts": "{}"}, ()),
    ]


def build_server_rows(server: int) -> list[Row]:
    """Build rows of each table that belong to a server, and rows of a user of the server."""
    number = 1_000 if server == SERVER else 2_000
    channel, direct = server + 1, server + 2
    private_feed, token_feed, private, tokened = number, number + 1, number, number + 1
    mute, dm_mute, private_mute = range(number, number + 3)
    post, watch_post, proposal_post, outcome_post, digest_post, dm_digest_post = range(number, number + 6)
    in_server, in_channel = {"server_id": server}, {"channel_id": channel}
    of_private, of_shared = {"article_id": private}, {"article_id": SHARED_ARTICLE}
    of_person = {"user_id": PERSON + number}
    translation, summary = {"kind": "translation"} | in_server, {"kind": "summary"} | in_server
    deleted_rows: list[tuple[str, dict[str, Any]]] = [
        ("server", {"id": server, "left_at": 2}),
        ("channel", {"id": channel} | in_server),
        ("notice_recipient", {"notice_id": 1} | in_server),
        ("feed", {"id": private_feed, "url": f"https://user:word@{number}.example/feed"} | in_server),
        ("feed", {"id": token_feed, "url": f"https://{number}.example/rss?auth=f3a9c1d27be84c55a1b2c3d4e5f60718"}),
        ("article", {"id": private, "feed_id": private_feed, "key": str(private)}),
        ("article", {"id": tokened, "feed_id": token_feed, "key": str(tokened)}),
        ("identity", {"feed_id": private_feed} | of_private),
        ("quota_overflow", {"feed_id": private_feed, "kind": "entries"}),
        ("skipped_entry", {"feed_id": private_feed}),
        ("push_subscription", {"feed_id": private_feed, "token": f"token {number}", "secret": "hush"}),
        ("arrival", of_private),
        ("encoded_article", of_private),
        ("similar_article", {"earlier_id": SHARED_ARTICLE} | of_private),
        ("similar_article", {"earlier_id": tokened} | of_shared),
        ("page_fetch", of_private),
        ("generated_text", translation | of_private),
        ("generated_text", {"model": str(number)} | summary | of_shared),
        *(
            ("subscription", {"id": number + place, "feed_id": feed_id} | in_channel)
            for place, feed_id in enumerate((private_feed, token_feed, SHARED_FEED))
        ),
        ("filter", {"id": number, "rule": "only", "subscription_id": number}),
        ("filter", {"id": number + 1, "rule": "only"} | in_channel),
        ("filter", {"id": number + 2, "rule": "only"} | in_server),
        ("forum_tag", in_channel),
        ("mention_rule", in_channel),
        ("daily_thread", in_channel),
        ("channel_feed", {"hash": b"c%d" % number} | in_channel),
        ("assistant_token", {"hash": b"a%d" % number} | in_server),
        ("setting_change", {"id": number} | in_server | of_person),
        ("digest", {"id": number} | in_channel),
        ("story_mute", {"id": mute} | in_channel | in_server | of_person),
        ("story_mute", {"id": private_mute, "channel_id": direct} | in_server | of_person),
        ("muted_article", {"mute_id": mute} | of_shared),
        ("muted_article", {"mute_id": private_mute} | of_private),
        ("proposal", {"id": number} | in_server | in_channel),
        ("proposer", {"id": number, "proposal_id": number} | in_channel | of_person),
        ("blocked_proposer", in_server | of_person),
        ("watch", {"id": number} | in_server | in_channel),
        ("watch", {"id": number + 1, "channel_id": direct} | in_server),
        ("dispatch", build_dispatch(post, channel)),
        ("dispatch", build_dispatch(watch_post, direct, "watch", watch_id=number + 1, state="waiting")),
        ("dispatch", build_dispatch(proposal_post, direct, "notice", proposal_id=number, state="claimed")),
        ("dispatch", build_dispatch(outcome_post, direct, "notice", proposer_id=number)),
        ("dispatch", build_dispatch(digest_post, channel, "digest")),
        ("dispatch", build_dispatch(dm_digest_post, direct, "digest")),
        ("post_mention", {"dispatch_id": post, "outcome": "mentioned"}),
        ("delivery_status", {"dispatch_id": post} | in_channel | of_shared),
        ("blocked_article", in_channel | of_shared),
        ("watch_match", {"watch_id": number + 1, "dispatch_id": watch_post} | of_shared),
        ("digest_article", {"dispatch_id": digest_post} | of_shared),
        ("digest_article", {"dispatch_id": dm_digest_post} | of_private),
        ("question", {"id": number} | in_server | in_channel | of_person),
        ("question_source", {"question_id": number} | of_shared),
        ("vote", {"question_id": number} | of_person),
        ("opinion", {"opinion": "liked"} | in_server | of_person | of_shared),
        ("reaction_batch", {"feed_id": SHARED_FEED, "kind": "liked"} | in_server),
        ("bookmark", {"message_id": 1} | in_server | in_channel | of_person | of_private),
        ("erased_bookmark", of_private),
    ]
    place_columns = ("server_id", "channel_id", "message_id")
    return [
        Row("channel", {"id": direct} | of_person, ()),
        *(Row(table, columns, None) for table, columns in deleted_rows),
        Row("generated_text", {"model": str(number)} | translation | of_shared, ("server_id",)),
        Row("personal_digest", {"channel_id": direct} | in_server, ("server_id",)),
        Row("story_mute", {"id": dm_mute, "channel_id": direct} | in_server | of_person, ("server_id",)),
        Row("muted_article", {"mute_id": dm_mute} | of_shared, ()),
        Row("bookmark", {"message_id": 1} | in_server | in_channel | of_person | of_shared, place_columns),
    ]


def insert_rows(place: DatabaseLocation, rows: list[Row]) -> None:
    """Insert rows; required columns that a row does not name get a value of their type."""
    required_columns = load_required_columns(place, {row.table for row in rows})
    with open_connection(place) as connection:
        for row in rows:
            columns = required_columns[row.table] | row.columns
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {row.table} ({', '.join(columns)}) VALUES ({marks})"
            connection.execute(statement, tuple(columns.values()))


def load_required_columns(place: DatabaseLocation, tables: set[str]) -> dict[str, dict[str, Any]]:
    """Load the required columns of each table, with a value of their type."""
    value_by_type = {"INTEGER": 1, "TEXT": "t", "BLOB": b"b", "REAL": 0.5} | {
        "bigint": 1,
        "text": "t",
        "bytea": b"b",
        "double precision": 0.5,
    }
    if isinstance(place, DatabaseUrl):
        statement = (
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'telex' "
            "AND table_name = ? AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
        )
    else:
        statement = 'SELECT name, type FROM pragma_table_info(?) WHERE "notnull" = 1 AND dflt_value IS NULL'
    return {
        table: {name: value_by_type[kind] for name, kind in sql.run(place, statement, (table,))} for table in tables
    }


def load_all(place: DatabaseLocation) -> dict[str, Counter[str]]:
    """Load all rows as text, by table."""
    tables = list_tables(place) - {"schema_version"}
    return {table: Counter(repr(sorted(row.items())) for row in load_rows(place, table)) for table in tables}


async def test_every_table_is_declared_for_server_data(store, settings):
    declared_tables = {rows.table for rows in SERVER_ROWS}
    assert not declared_tables & TABLES_WITHOUT_SERVER_DATA
    assert list_tables(settings.database) | {"schema_version"} == declared_tables | TABLES_WITHOUT_SERVER_DATA
    assert {row.table for row in build_server_rows(SERVER)} == declared_tables  # So the tests have rows of every table.


async def test_erasure_deletes_only_data_of_server(store, settings, monkeypatch):
    place = settings.database
    monkeypatch.setattr("bot.store.operating.server_data.BATCH_SIZE", 1)
    rows_by_server = {server: build_server_rows(server) for server in (SERVER, OTHER_SERVER)}
    insert_rows(place, build_shared_rows() + rows_by_server[SERVER] + rows_by_server[OTHER_SERVER])
    expected_deleted = Counter(row.table for row in rows_by_server[SERVER] if row.cleared is None)
    expected_cleared = Counter(row.table for row in rows_by_server[SERVER] if row.cleared)
    for server in (SERVER, OTHER_SERVER):
        before = load_all(place)
        assert not await store.server_data.request_erasure(server, user_id=PERSON)
        with monkeypatch.context() as interruption:  # In the last transaction
            interruption.setattr("bot.store.operating.server_data.build_receipt", lambda *_arguments: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                await store.server_data.erase_next(is_bot_running=False)
        assert (await store.server_data.count_rows(server))["server"] == 1
        assert len(load_rows(place, "delivery_status")) < len(before["delivery_status"])
        erasure = await store.server_data.erase_next(is_bot_running=False)
        after = load_all(place)
        receipt = json.loads(erasure.receipt)
        assert (receipt["deleted"], receipt["cleared"]) == (expected_deleted, expected_cleared)
        for table in before.keys() - {"article_change", "audit_entry", "meta"}:
            deleted, added = before[table] - after[table], after[table] - before[table]
            assert deleted.total() - added.total() == expected_deleted[table], table
            assert added.total() == expected_cleared[table], table
        del after["audit_entry"]
        traces = str(server), str(server + 1)
        assert not [row for rows in after.values() for row in rows if any(trace in row for trace in traces)]
        digest = receipt.pop("sha256")
        assert digest == hashlib.sha256(json.dumps(receipt).encode()).hexdigest()
        entry, request = await store.audit_log.list_entries(server_id=server)
        assert (entry.details["receipt"], entry.user_id, request.user_id) == (erasure.receipt, PERSON, PERSON)
        assert str(PERSON)[:10] not in erasure.receipt
    await store.check()


async def test_erasure_waits_for_leaving_and_for_messages_being_sent(store, settings, clock):
    insert_rows(settings.database, build_shared_rows() + build_server_rows(SERVER))
    await store.servers.mark_joined(SERVER)
    assert await store.server_data.request_erasure(SERVER, user_id=None)
    assert await store.server_data.erase_next(is_bot_running=False) is None
    await store.servers.mark_left(SERVER)
    assert await store.server_data.erase_next(is_bot_running=True) is None
    clock.advance(MIN_ABSENCE_SECONDS)
    set_column(settings.database, Column.CLAIMED_AT, clock.now(), row_ids=[1_002])
    assert await store.server_data.erase_next(is_bot_running=True) is None
    clock.advance(MAX_SEND_SECONDS)
    assert (await store.server_data.erase_next(is_bot_running=True)).server_id == SERVER
    assert await store.server_data.erase_next(is_bot_running=True) is None
    await store.servers.mark_joined(SERVER)
    assert await store.server_data.count_rows(SERVER) == {"server": 1}  # The server starts again without data.


async def test_erased_server_leaves_no_trace_in_files_after_kill(store, settings, clock, database_engine):
    if database_engine == "postgres":
        pytest.skip("the files of a server are its own")
    insert_rows(settings.database, build_shared_rows() + build_server_rows(SERVER))
    secrets = (SERVER + 1).to_bytes(8), b"user:word@", b"f3a9c1d27be84c55a1b2c3d4e5f60718"
    assert all(secret in read_database_bytes(settings.database) for secret in secrets)
    await store.server_data.request_erasure(SERVER, user_id=None)
    await store.server_data.erase_next(is_bot_running=False)
    reopened = await Store.open(settings.database, clock)
    await store.close()
    assert await reopened.server_data.scrub_erased()
    assert not [secret for secret in secrets if secret in read_database_bytes(settings.database)]
    await reopened.close()


async def test_export_has_data_of_server_without_secrets_and_users(store, settings, database_engine, monkeypatch):
    if database_engine == "postgres":  # Several batches of each list.
        monkeypatch.setattr("bot.store.postgres.postgres_connection._ITERATED_BATCH_SIZE", 1)
    server_rows = build_server_rows(SERVER)
    insert_rows(settings.database, build_shared_rows() + server_rows + build_server_rows(OTHER_SERVER))
    pieces: list[str] = []
    await store.server_data.export(SERVER, pieces.append)
    text = "".join(pieces)
    document = json.loads(text)
    assert (document["format"], document["version"], document["server_id"]) == ("telex-server", 1, str(SERVER))
    row_count_by_table = Counter(row.table for row in server_rows if row.cleared != ())
    exported_counts = Counter({table: len(rows) for table, rows in document["tables"].items()})
    assert exported_counts + Counter(document["counted_only"]) == row_count_by_table
    assert {"opinion", "bookmark", "question", "vote", "proposer"} <= document["counted_only"].keys()
    assert not {"opinion", "bookmark", "question", "vote", "proposer"} & document["tables"].keys()
    for secret in (
        "word",
        "f3a9c1d27be84c55a1b2c3d4e5f60718",
        "hush",
        b"c1000".hex(),
        b"a1000".hex(),
        str(PERSON)[:12],
    ):
        assert secret not in text
    assert str(OTHER_SERVER)[:9] not in text
    assert {feed["url"] for feed in document["followed_feeds"]} >= {"https://shared.example/feed"}
    assert [article["title"] for article in document["posted_articles"]] == ["Shared"]
    (channel,) = document["tables"]["channel"]
    assert channel["id"] == str(SERVER + 1)
    assert await store.server_data.count_rows(SERVER) == row_count_by_table


async def test_pending_personal_digest_is_rebuilt_after_erasure(store, settings, clock):
    place = settings.database
    insert_rows(place, build_shared_rows() + build_server_rows(SERVER))
    sql.run(place, """UPDATE dispatch SET state = 'waiting', payload = '{"since": 7}' WHERE id = 1005""")
    await store.server_data.request_erasure(SERVER, user_id=None)
    await store.server_data.erase_next(is_bot_running=False)
    assert load_rows(place, "dispatch") == load_rows(place, "digest_article") == []
    (digest,) = load_rows(place, "personal_digest")
    assert (digest["due_at"], digest["covered_until"], digest["server_id"]) == (clock.now(), 7, None)
