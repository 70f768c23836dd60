"""Text of Discord messages with Components V2, in the order in which people read it."""

from __future__ import annotations

import re
from typing import Any

TEXT_DISPLAY_TYPE = 10
"""Type of a component with text (docs: components/reference)."""
TITLE_PATTERN = re.compile(r"^(?:### |\*\*)(?:\[((?:[^\[\]\\]|\\.)+)\]\((\S+)\)|(.+?))(?:\*\*)?$", re.MULTILINE)
"""Heading or bold line; its groups are the text and the address of a link, or the text without a link."""
_ESCAPE_PATTERN = re.compile(r"\\(.)")


def flatten_components(components: list[Any]) -> list[dict[str, Any]]:
    """Return components and the components within them, in reading order."""
    pending_components, flat_components = list(components), []
    while pending_components:
        component = dict(pending_components.pop(0))
        flat_components.append(component)
        accessories = [component["accessory"]] if component.get("accessory") else []
        pending_components = [*component.get("components", ()), *accessories, *pending_components]
    return flat_components


def extract_layout_text(components: list[Any]) -> str:
    """Return the text of a layout, a line for each text component."""
    return "\n".join(
        component["content"] for component in flatten_components(components) if component["type"] == TEXT_DISPLAY_TYPE
    )


def find_headline(components: list[Any]) -> str | None:
    """Return the text of the first heading or bold line of a layout, or None if there is none."""
    match = TITLE_PATTERN.search(extract_layout_text(components))
    return _ESCAPE_PATTERN.sub(r"\1", match[1] or match[3]) if match else None
