"""Gateway of the stand-in for Discord: websockets on which sessions start and resume, and get events."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from collections import deque
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, WSMsgType, web

from bot.drill.discord_stand_in import payloads
from bot.drill.discord_stand_in.state import Json, State

# Opcodes (docs: topics/opcodes-and-status-codes)
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK = 8, 9, 10, 11

# Intents: bits of the kinds of events that a session gets (docs: events/gateway#gateway-intents)
GUILDS = 1 << 0
GUILD_MESSAGES = 1 << 9
GUILD_REACTIONS = 1 << 10
DM_MESSAGES = 1 << 12
DM_REACTIONS = 1 << 13
MESSAGE_CONTENT = 1 << 15
PRIVILEGED = 1 << 1 | 1 << 8 | MESSAGE_CONTENT  # members, presences, content

# Codes with which the gateway closes a connection
AUTHENTICATION_FAILED, DISALLOWED_INTENTS = 4004, 4014


@dataclass
class Session:
    """Gateway session of an identified bot, which outlives its connection, so that it can be resumed."""

    id: str
    intents: int
    shard: tuple[int, int] | None  # number of the shard, number of all shards
    sequence: int = 0
    sent_payloads: deque[Json] = field(default_factory=lambda: deque(maxlen=2000))
    connection: GatewayConnection | None = None

    def serves(self, server_id: int | None) -> bool:
        if self.shard is None:
            return True
        shard_number, shard_count = self.shard
        return ((server_id or 0) >> 22) % shard_count == shard_number  # direct messages go to shard 0

    def push(self, event: str, event_data: Json) -> None:
        self.sequence += 1
        payload = {"op": DISPATCH, "t": event, "s": self.sequence, "d": event_data}
        self.sent_payloads.append(payload)
        if self.connection is not None:
            self.connection.send(payload)


class GatewayConnection:
    """Connection of a bot's process to the gateway, with a queue, so that no sender waits for a slow reader."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, is_compressed: bool) -> None:
        self.process_name: str = request.match_info["process_name"]
        self._socket, self._request = socket, request
        self._deflate = zlib.compressobj() if is_compressed else None
        self._queue: asyncio.Queue[Json | int] = asyncio.Queue()

    def send(self, payload: Json) -> None:
        self._queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close the connection with a code after the queued payloads have been sent."""
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """End the connection without a close frame, as a broken network does."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        while True:
            payload = await self._queue.get()
            try:
                if isinstance(payload, int):
                    await self._socket.close(code=payload)
                    return
                text = json.dumps(payload)
                if self._deflate is None:
                    await self._socket.send_str(text)
                else:
                    compressed_bytes = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                    await self._socket.send_bytes(compressed_bytes)
            except ConnectionError:
                return


class IdentifyLimits:
    """Limits on the start of sessions, by all processes together (docs: gateway, "Session Start Limit Object").

    Among shards with the same `id % max_concurrency`, one may start in `min_start_interval_seconds`; 0 means at any
    time. Of `max_starts` in all, `started_count` have started; `reset_after_seconds` is the time until more are
    allowed, as the gateway tells it. `refused_count` is the number of starts that were refused.
    """

    def __init__(self) -> None:
        self.max_concurrency = 1
        self.min_start_interval_seconds = 0.0
        self.max_starts = 1000
        self.started_count = 0
        self.reset_after_seconds = 86_400.0
        self.refused_count = 0
        self._last_started_at_by_bucket: dict[int, float] = {}

    def count_start(self, shard_number: int) -> bool:
        """Count a new session of a shard; return False, uncounted, if the shard may not begin one now."""
        bucket, now = shard_number % self.max_concurrency, time.monotonic()
        is_too_early = (
            now - self._last_started_at_by_bucket.get(bucket, -self.min_start_interval_seconds)
            < self.min_start_interval_seconds
        )
        if is_too_early or self.started_count >= self.max_starts:
            self.refused_count += 1
            return False
        self._last_started_at_by_bucket[bucket] = now
        self.started_count += 1
        return True

    def to_payload(self) -> Json:
        """Return the session start limits as Discord's `/gateway/bot` reports them."""
        return {
            "total": self.max_starts,
            "remaining": self.max_starts - self.started_count,
            "reset_after": round(self.reset_after_seconds * 1_000),
            "max_concurrency": self.max_concurrency,
        }


class Gateway:
    """Gateway of the stand-in for Discord: its sessions with bots, and the events that they get."""

    def __init__(self, state: State, token: str) -> None:
        self._state = state
        self._token = token
        self.url = ""
        self.refused_process_names: set[str] = set()
        """Names of the bot's processes whose connections are broken; the URL that a process uses ends with its name."""
        self.sessions: dict[str, Session] = {}
        self.heartbeat_interval = 41.25  # seconds
        self.allowed_privileged_intents = 0
        """The privileged intents that the developer portal has switched on, as bits."""
        self.identify_payloads: list[Json] = []
        """Data of the accepted identify requests (starts of sessions), in order."""
        self.resume_count = 0
        """Number of the bot's gateway sessions that were resumed."""
        self.limits = IdentifyLimits()
        self.duplicate_shards: list[str] = []
        """Text `shard (number, count)` for each shard identified while an earlier session of it was connected."""

    @property
    def connections(self) -> list[tuple[Session, GatewayConnection]]:
        """Sessions that are connected, each with its connection."""
        return [(session, session.connection) for session in self.sessions.values() if session.connection is not None]

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a connection to the gateway until it ends. Raises ConnectionError for a process that is refused."""
        if request.match_info["process_name"] in self.refused_process_names:
            raise ConnectionError
        socket = web.WebSocketResponse(max_msg_size=2**20)
        await socket.prepare(request)
        connection = GatewayConnection(socket, request, is_compressed=request.query.get("compress") == "zlib-stream")
        writer = asyncio.create_task(connection.write())
        connection.send({"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_interval * 1000)}})
        session: Session | None = None
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    session = self._receive(json.loads(frame.data), connection, session)
        finally:
            writer.cancel()
            if session is not None and session.connection is connection:
                session.connection = None
        return socket

    def dispatch(self, event: str, event_data: Json, *, server_id: int | None = None, intents: int = 0) -> None:
        """Push an event to the sessions of the server's shard that have one of `intents`, or any if `intents` is 0.

        Events without a server go to shard 0.
        """
        for session in self.sessions.values():
            if (not intents or session.intents & intents) and session.serves(server_id):
                session.push(event, self._redact(event, event_data, session))

    def request_reconnect(self) -> None:
        """Ask all connected clients to reconnect and resume (opcode 7)."""
        for _session, connection in self.connections:
            connection.send({"op": RECONNECT, "d": None})

    def invalidate(self, *, is_resumable: bool = False) -> None:
        """Tell all connected clients that their sessions are invalid (opcode 9); drop them unless `is_resumable`."""
        for session, connection in self.connections:
            connection.send({"op": INVALID_SESSION, "d": is_resumable})
            if not is_resumable:
                session.connection = None
                del self.sessions[session.id]

    def cut(self) -> None:
        """Break all connections without a close frame."""
        for _session, connection in self.connections:
            connection.cut()

    def refuse(self, process_name: str, *, spared_count: int = 0) -> None:
        """Break a bot process's connections, except the first `spared_count` of them, and all that it opens later."""
        self.refused_process_names.add(process_name)
        process_connections = [
            connection for _session, connection in self.connections if connection.process_name == process_name
        ]
        for connection in process_connections[spared_count:]:
            connection.cut()

    async def stop(self) -> None:
        for _session, connection in self.connections:
            connection.close(WSCloseCode.GOING_AWAY)
        await asyncio.sleep(0)

    def _receive(self, payload: Json, connection: GatewayConnection, session: Session | None) -> Session | None:
        operation = payload["op"]
        if operation == IDENTIFY:
            return self._identify(payload["d"], connection)
        if operation == RESUME:
            return self._resume(payload["d"], connection)
        if operation == HEARTBEAT:
            connection.send({"op": ACK})
        elif operation == REQUEST_MEMBERS:
            self._send_members(payload["d"], session)
        return session

    def _identify(self, identify_data: Json, connection: GatewayConnection) -> Session | None:
        if identify_data["token"] != self._token:
            connection.close(AUTHENTICATION_FAILED)
            return None
        if identify_data["intents"] & PRIVILEGED & ~self.allowed_privileged_intents:
            connection.close(DISALLOWED_INTENTS)
            return None
        shard = tuple(identify_data["shard"]) if "shard" in identify_data else None
        if not self.limits.count_start(shard[0] if shard else 0):
            connection.send({"op": INVALID_SESSION, "d": False})
            return None
        self.identify_payloads.append(identify_data)
        self.duplicate_shards += [
            f"shard {shard}" for old_session, _connection in self.connections if old_session.shard == shard
        ]
        session = Session(secrets.token_hex(16), identify_data["intents"], shard, connection=connection)
        for old_session in [
            old_session
            for old_session in self.sessions.values()
            if old_session.connection is None and old_session.shard == shard
        ]:
            del self.sessions[old_session.id]
        self.sessions[session.id] = session
        bot = self._state.bot
        bot_servers = [
            server for server in self._state.servers.values() if server.has_member(bot.id) and session.serves(server.id)
        ]
        ready_payload: Json = {
            "v": 10,
            "user": payloads.build_own_user(bot),
            "guilds": [{"id": str(server.id), "unavailable": True} for server in bot_servers],
            "session_id": session.id,
            "resume_gateway_url": self.url + connection.process_name,
            "application": {"id": str(bot.id), "flags": 0},
        }
        if shard is not None:
            ready_payload["shard"] = list(shard)
        session.push("READY", ready_payload)
        for server in bot_servers:
            if server.is_available:
                session.push("GUILD_CREATE", payloads.build_server_create_event(self._state, server))
        return session

    def _resume(self, resume_data: Json, connection: GatewayConnection) -> Session | None:
        session = self.sessions.get(resume_data["session_id"])
        if session is None or resume_data["token"] != self._token:
            connection.send({"op": INVALID_SESSION, "d": False})
            return None
        missed_payloads = [payload for payload in session.sent_payloads if payload["s"] > resume_data["seq"]]
        session.connection = connection
        for payload in missed_payloads:
            connection.send(payload)
        session.push("RESUMED", {})
        self.resume_count += 1
        return session

    def _send_members(self, request_data: Json, session: Session | None) -> None:
        server = self._state.servers.get(int(request_data["guild_id"]))
        if session is None or server is None:
            return
        chunk: Json = {
            "guild_id": str(server.id),
            "members": [
                payloads.build_member(self._state, server, person_id) for person_id in server.role_ids_by_member_id
            ],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if "nonce" in request_data:
            chunk["nonce"] = request_data["nonce"]
        session.push("GUILD_MEMBERS_CHUNK", chunk)

    def _redact(self, event: str, event_data: Json, session: Session) -> Json:
        """Return an event, without the content of a message that a session without the intent for it may not see.

        A bot always sees its own messages, those that mention it, and direct messages.
        """
        bot_id = str(self._state.bot.id)
        if (
            event not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}
            or session.intents & MESSAGE_CONTENT
            or "guild_id" not in event_data
            or event_data["author"]["id"] == bot_id
            or any(mentioned_user["id"] == bot_id for mentioned_user in event_data["mentions"])
        ):
            return event_data
        return {**event_data, "content": "", "embeds": [], "attachments": [], "components": []}
