"""Mapping of the ids in a settings file to the channels, roles and tags of the server that it is imported into."""

from collections.abc import Mapping

from bot.operating.settings_files.server_names import ServerNames
from bot.text.discord_text import to_plain_line


class IdMapping:
    """Mapping of ids in a settings file to ids of a server.

    An id that exists in the server stays as it is; another becomes that of the only channel, role or tag with its name.
    `name_by_id` has the names in the file, `server_names` the names in the server. If the latter is None, because
    Discord was not asked, all ids stay as they are.
    """

    def __init__(self, name_by_id: Mapping[int, str], server_names: ServerNames | None) -> None:
        self._name_by_id, self._server_names = name_by_id, server_names

    def map_channel(self, channel_id: int) -> int:
        """Return the server's id for a channel of the file. Raises ValueError with a sentence if there is none."""
        return (
            channel_id if self._server_names is None else self._map(channel_id, self._server_names.channels, "channel")
        )

    def map_role(self, role_id: int) -> int:
        """Return the server's id for a role of the file. Raises ValueError with a sentence if there is none."""
        if self._server_names is None:
            return role_id
        return self._map(role_id, self._server_names.roles, "role")

    def map_tag(self, tag_id: int, channel_id: int) -> int:
        """Return the id for a tag of the file in a forum of the server (`channel_id`).

        Raises ValueError with a sentence if there is none.
        """
        if self._server_names is None:
            return tag_id
        return self._map(tag_id, self._server_names.tags.get(channel_id, {}), "tag")

    def _map(self, id_: int, server_name_by_id: Mapping[int, str], noun: str) -> int:
        if id_ in server_name_by_id:
            return id_
        name = self._name_by_id.get(id_)
        if name is None:
            raise ValueError(f"The server has no {noun} {id_}, and the file doesn’t name it.")
        ids = [server_id for server_id, server_name in server_name_by_id.items() if to_plain_line(server_name) == name]
        if not ids:
            raise ValueError(f"The server has no {noun} {id_}, and none named “{name}”.")
        if len(ids) > 1:
            raise ValueError(f"The server has {len(ids)} {noun}s named “{name}”, so it’s unclear which one is meant.")
        return ids[0]
