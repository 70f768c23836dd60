"""Discord's rules for messages and commands that its API description leaves out (docs: resources/message)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bot.drill.discord_stand_in.errors import build_error, build_form_error
from bot.drill.discord_stand_in.state import Channel, Json, Permission, State

IS_COMPONENTS_V2 = 1 << 15  # message flag
# Types of components, and styles of buttons (docs: components/reference)
BUTTON_TYPE, LINK_STYLE, PREMIUM_STYLE = 2, 5, 6
INTERACTIVE_TYPES = {2, 3, 5, 6, 7, 8}  # types of buttons and menus
ROW_TYPE, SECTION_TYPE, TEXT_TYPE = 1, 9, 10
V2_ONLY_TYPES = {SECTION_TYPE, TEXT_TYPE, 11, 12, 13, 14, 17}  # types of components that need Components V2
ATTACHMENT_PREFIX = "attachment://"
# In UTF-16 units, of all texts of the kind in a message together
MAX_CONTENT_LENGTH, MAX_EMBED_TEXTS_LENGTH, MAX_COMPONENT_TEXTS_LENGTH = 2000, 6000, 4000
MAX_URL_LENGTH, MAX_BUTTON_URL_LENGTH, MAX_CUSTOM_ID_LENGTH = 2048, 512, 100
MAX_V2_COMPONENTS, MAX_ROWS = 40, 5
COMMAND_NAME_PATTERN = re.compile(r"^[-_'\w]{1,32}$")


def count_utf16_units(text: str) -> int:
    """Return the length of a text in UTF-16 units, as Discord's clients count it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_message(body: Json) -> None:
    """Refuse a malformed message, as Discord would. Raises ApiError."""
    check_text(body)
    content = body.get("content") or ""
    embeds = body.get("embeds") or []
    components = body.get("components") or []
    if count_utf16_units(content) > MAX_CONTENT_LENGTH:
        raise build_form_error("content", "Must be 2000 or fewer in length.", "BASE_TYPE_MAX_LENGTH")
    if sum(_count_embed_utf16_units(embed) for embed in embeds) > MAX_EMBED_TEXTS_LENGTH:
        raise build_form_error("embeds", "Embed size exceeds maximum size of 6000", "MAX_EMBED_SIZE_EXCEEDED")
    for embed_index, embed in enumerate(embeds):
        _check_links(embed, f"embeds.{embed_index}")
    is_v2 = bool((body.get("flags") or 0) & IS_COMPONENTS_V2)
    _check_components(components, is_v2=is_v2)
    if is_v2 and (content or embeds):
        raise build_form_error("flags", "The 'content' and 'embeds' fields cannot be used with Components V2")


def check_edit(stored_parts: Json, body: Json) -> None:
    """Refuse an edit (`body`) of a message as Discord would; `stored_parts` is the message. Raises ApiError."""
    new_flags = body.get("flags", IS_COMPONENTS_V2) or 0
    if (stored_parts.get("flags") or 0) & IS_COMPONENTS_V2 and not new_flags & IS_COMPONENTS_V2:
        raise build_form_error("flags", "Components V2 cannot be taken away from a message")
    check_message({**stored_parts, **body})


def check_attachment_references(body: Json) -> None:
    """Refuse a picture `attachment://…` that the same request does not list. Raises ApiError.

    An edit lists what it keeps, too: https://discord.com/developers/docs/resources/message#edit-message
    """
    attachment_names = {attachment.get("filename") for attachment in body.get("attachments") or ()}
    for name in iter_attachment_names([body.get("components"), body.get("embeds")]):
        if name not in attachment_names:
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            raise build_form_error("components", f"The referenced attachment {name} was not found", code)


def iter_attachment_names(part_of_message: Any) -> Iterator[str]:
    """Yield the names of the attached files to which a part of a message refers as `attachment://name`."""
    if isinstance(part_of_message, str) and part_of_message.startswith(ATTACHMENT_PREFIX):
        yield part_of_message.removeprefix(ATTACHMENT_PREFIX)
    elif isinstance(part_of_message, dict | list):
        for part in part_of_message.values() if isinstance(part_of_message, dict) else part_of_message:
            yield from iter_attachment_names(part)


def check_not_empty(body: Json) -> None:
    """Refuse a message without anything to see. Raises ApiError."""
    if not any(body.get(part) for part in ("content", "embeds", "components", "attachments", "sticker_ids")):
        raise build_error(400, 50006)


def check_commands(commands: list[Json]) -> None:
    """Refuse commands whose names Discord would refuse. Raises ApiError."""
    command_names = set()
    for command_index, command in enumerate(commands):
        command_type = command.get("type", 1)
        name = command["name"]
        if command_type == 1 and (not COMMAND_NAME_PATTERN.match(name) or name != name.lower()):
            raise build_form_error(
                f"{command_index}.name", "Command name is invalid", "APPLICATION_COMMAND_INVALID_NAME"
            )
        if (command_type, name) in command_names:
            message = "Application command names must be unique"
            raise build_form_error(f"{command_index}.name", message, "APPLICATION_COMMANDS_DUPLICATE_NAME")
        command_names.add((command_type, name))


def number_components(components: list[Json]) -> list[Json]:
    """Return copies of components in which those without an id have the id that Discord gives them."""
    component_ids = iter(range(1, 1000))
    return [_number_component(component, component_ids) for component in components]


def normalize_message(body: Json) -> Json:
    """Return the parts of a message that a bot sent, in the form in which Discord returns them."""
    parts: Json = {"content": body.get("content") or "", "flags": body.get("flags") or 0}
    parts["embeds"] = [_normalize_embed(embed) for embed in body.get("embeds") or []]
    parts["attachments"] = body.get("attachments") or []
    parts["components"] = number_components(body.get("components") or [])
    return parts


def check_text(json_value: Any, field_path: str = "") -> None:
    """Refuse text that is not Unicode: half a surrogate pair. Raises ApiError."""
    if isinstance(json_value, str):
        try:
            json_value.encode()
        except UnicodeEncodeError:
            raise build_form_error(field_path or "content", "Invalid UTF-8") from None
    elif isinstance(json_value, dict):
        for key, member in json_value.items():
            check_text(member, f"{field_path}.{key}".strip("."))
    elif isinstance(json_value, list):
        for index, member in enumerate(json_value):
            check_text(member, f"{field_path}.{index}")


def _normalize_embed(embed: Json) -> Json:
    embed_payload = {**embed, "type": "rich"}
    for part in ("image", "thumbnail"):
        if embed_payload.get(part):
            embed_payload[part] = {
                **embed_payload[part],
                "proxy_url": embed_payload[part]["url"],
                "width": 1,
                "height": 1,
            }
    if embed_payload.get("timestamp", "").endswith("Z"):
        embed_payload["timestamp"] = embed_payload["timestamp"].replace("Z", "+00:00")
    return embed_payload


def _count_embed_utf16_units(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for embed_field in embed.get("fields") or []:
        texts += [embed_field.get("name"), embed_field.get("value")]
    return sum(count_utf16_units(text) for text in texts if text)


def _check_links(embed: Json, embed_path: str) -> None:
    links = {"url": embed.get("url")}
    for field_name in ("image", "thumbnail"):
        links[f"{field_name}.url"] = (embed.get(field_name) or {}).get("url")
    for field_name in ("author", "footer"):
        links[f"{field_name}.icon_url"] = (embed.get(field_name) or {}).get("icon_url")
    links["author.url"] = (embed.get("author") or {}).get("url")
    for link_path, link in links.items():
        allowed_schemes = ("http://", "https://") if link_path == "url" else ("http://", "https://", "attachment://")
        if link is not None and (not link.lower().startswith(allowed_schemes) or len(link) > MAX_URL_LENGTH):
            raise build_form_error(f"{embed_path}.{link_path}", "Not a well formed URL.", "URL_TYPE_INVALID_URL")


def _check_components(components: list[Json], *, is_v2: bool) -> None:
    all_components = list(_iter_nested_components(components))
    custom_ids = set()
    for component in all_components:
        if component["type"] not in INTERACTIVE_TYPES:
            continue
        style = component.get("style")
        if component["type"] == BUTTON_TYPE and style in {LINK_STYLE, PREMIUM_STYLE}:
            if style == LINK_STYLE and len(component.get("url", "")) > MAX_BUTTON_URL_LENGTH:
                raise build_form_error("components", "Must be 512 or fewer in length.", "BASE_TYPE_MAX_LENGTH")
            continue
        custom_id = component.get("custom_id")
        if not custom_id or len(custom_id) > MAX_CUSTOM_ID_LENGTH:
            raise build_form_error("components", "A custom id is required", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED")
        if custom_id in custom_ids:
            message = "Component custom id cannot be duplicated"
            raise build_form_error("components", message, "COMPONENT_CUSTOM_ID_DUPLICATED")
        custom_ids.add(custom_id)
    _check_layout(all_components, is_v2=is_v2)
    texts = [component.get("content", "") for component in all_components if component["type"] == TEXT_TYPE]
    if sum(map(count_utf16_units, texts)) > MAX_COMPONENT_TEXTS_LENGTH:
        raise build_form_error("components", "Text of all components exceeds 4000", "COMPONENT_DISPLAYABLE_TEXT_SIZE")
    if is_v2 and len(all_components) > MAX_V2_COMPONENTS:
        raise build_form_error("components", "At most 40 components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED")
    if not is_v2 and len(components) > MAX_ROWS:
        raise build_form_error("components", "Must be 5 or fewer in length.", "BASE_TYPE_BAD_LENGTH")


def _check_layout(all_components: list[Json], *, is_v2: bool) -> None:
    for component in all_components:
        _check_component(component, is_v2=is_v2)
        media_objects = [item["media"] for item in component.get("items") or []]
        media_objects += [component["media"]] if component.get("media") else []
        for url in (media["url"] for media in media_objects):
            if not url.lower().startswith(("http://", "https://", "attachment://")) or len(url) > MAX_URL_LENGTH:
                raise build_form_error("components", "Not a well formed URL.", "URL_TYPE_INVALID_URL")


def _check_component(component: Json, *, is_v2: bool) -> None:
    """Refuse a component in the wrong place, or one that needs Components V2. Raises ApiError."""
    component_type, inner_components = component["type"], component.get("components") or []
    if component_type in V2_ONLY_TYPES and not is_v2:
        raise build_form_error("components", "Value of field 'type' must be one of (1,).", "BASE_TYPE_CHOICES")
    max_components = {ROW_TYPE: 5, SECTION_TYPE: 3}.get(component_type)
    if max_components is not None and not 1 <= len(inner_components) <= max_components:
        raise build_form_error(
            "components", f"Must be between 1 and {max_components} in length.", "BASE_TYPE_BAD_LENGTH"
        )
    if component_type == SECTION_TYPE and not component.get("accessory"):
        raise build_form_error("components", "This field is required", "BASE_TYPE_REQUIRED")
    if component_type == TEXT_TYPE and not component.get("content", "").strip():
        raise build_form_error("components", "This field is required", "BASE_TYPE_REQUIRED")


def _iter_nested_components(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from _iter_nested_components(component.get("components") or [])
        if component.get("accessory"):
            yield component["accessory"]


def _number_component(component: Json, component_ids: Iterator[int]) -> Json:
    numbered_component = {**component, "id": component.get("id") or next(component_ids)}
    if numbered_component.get("components"):
        numbered_component["components"] = [
            _number_component(inner_component, component_ids) for inner_component in numbered_component["components"]
        ]
    if numbered_component.get("emoji"):
        numbered_component["emoji"] = {
            key: str(emoji_value) if key == "id" else emoji_value
            for key, emoji_value in numbered_component["emoji"].items()
            if emoji_value is not None
        }
    if numbered_component.get("default_values"):
        numbered_component["default_values"] = [
            {**default_value, "id": str(default_value["id"])} for default_value in numbered_component["default_values"]
        ]
    if numbered_component.get("accessory"):
        numbered_component["accessory"] = _number_component(numbered_component["accessory"], component_ids)
    for media_key in ("media", "file"):
        if isinstance(numbered_component.get(media_key), dict):
            numbered_component[media_key] = _normalize_media(numbered_component[media_key], numbered_component["id"])
    if "items" in numbered_component:
        numbered_component["items"] = [
            {**item, "media": _normalize_media(item["media"], numbered_component["id"])}
            for item in numbered_component["items"]
        ]
    return numbered_component


def _normalize_media(media: Json, component_id: int) -> Json:
    return {
        **media,
        "id": str(component_id),
        "proxy_url": media["url"],
        "width": 1,
        "height": 1,
        "content_type": "image/png",
    }


def find_notified_role_ids(state: State, channel: Channel, author_id: int, body: Json) -> tuple[int, ...]:
    """Return the ids of the roles that a new message notifies (docs: resources/message, "Allowed Mentions Object").

    They are the roles that its content mentions, that `allowed_mentions` lets through and that the author may mention.
    """
    if channel.server_id is None:
        return ()
    allowed_mentions = body.get("allowed_mentions") or {"parse": ["roles"]}
    allows_all_roles = "roles" in allowed_mentions.get("parse", ())
    allowed_role_ids = {int(role_id) for role_id in allowed_mentions.get("roles") or ()}
    can_mention_all = bool(state.compute_permissions(author_id, channel) & Permission.MENTION_EVERYONE)
    roles = state.servers[channel.server_id].roles
    return tuple(
        role_id
        for role_id in dict.fromkeys(int(number) for number in re.findall(r"<@&(\d+)>", body.get("content") or ""))
        if role_id in roles
        and (allows_all_roles or role_id in allowed_role_ids)
        and (can_mention_all or roles[role_id].mentionable)
    )
