"""Names of a server's channels, roles and tags, by which a settings file of another server finds their ids."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerNames:
    """Names of a server and its channels, roles and forum tags, as Discord has them.

    `channels` and `roles` map ids to names; `tags` maps the ids of forums to the names of their tags by id.
    """

    server_name: str
    channels: Mapping[int, str]
    roles: Mapping[int, str]
    tags: Mapping[int, Mapping[int, str]]

    def collect_all(self, server_id: int) -> dict[int, str]:
        """Return the names of the server with `server_id`, and of its channels, roles and tags, by id."""
        all_names = {server_id: self.server_name, **self.channels, **self.roles}
        for tag_name_by_id in self.tags.values():
            all_names |= tag_name_by_id
        return all_names
