"""A visitor of the demo's page, driven through simcord's private functions as it has no public ones."""

from __future__ import annotations

from typing import Any

from simcord.actors import MemberActor
from simcord.env import Env
from simcord.preview import Preview


class Visitor:
    """A page of the preview, with the actions of a browser."""

    def __init__(self, env: Env, preview: Preview, viewer: MemberActor | None = None) -> None:
        self.env, self.preview = env, preview
        self.page = preview._open_page(None if viewer is None else str(viewer.id), None)  # noqa: SLF001

    async def act(self, kind: str, **details: Any) -> dict[str, Any]:
        return await self.preview._action(  # noqa: SLF001
            self.page.id,
            {
                "protocol_version": 3,
                "sequence": self.page.last_sequence + 1,
                "request_id": kind,
                "generation": self.page.generation,
                "bot_generation": self.env._generation,  # noqa: SLF001
                "published_revision": self.page.revision,
                "kind": kind,
                **details,
            },
        )

    def list_place_ids(self) -> dict[str, str]:
        """Map the names of the places to their IDs."""
        return {place["name"]: place["id"] for place in self.page.snapshot["viewers"]}

    async def go(self, name: str) -> None:
        answer = await self.act("viewer", viewer_id=self.list_place_ids()[name])
        assert not answer["rejected"], answer
        assert self.page.snapshot["viewerId"] == self.list_place_ids()[name]

    async def run(self, command: str, **details: Any) -> dict[str, Any]:
        entry = next(
            catalog_entry
            for catalog_entry in self.page.command_catalog["entries"]
            if catalog_entry["invocation"] == command
        )
        return await self.act(
            "run_command",
            command_id=entry["commandId"],
            path=entry["path"],
            schema_fingerprint=entry["schemaFingerprint"],
            options={},
            **details,
        )

    def list_texts(self) -> list[str]:
        return [message["content"] for message in self.list_messages()]

    def list_messages(self) -> list[dict[str, Any]]:
        return list(self.page.snapshot["messages"].values())
