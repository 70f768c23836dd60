"""Reading of a YAML document with the lines of its parts, and writing of one with comments.

Of YAML 1.2, only what a settings file needs is read: mappings, lists, texts, integers, true, false and null. Anchors,
aliases and tags are rejected, because aliases can stand for any amount of data.
"""

import io
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from bot.core.received_values import parse_integer

MAX_DOCUMENT_BYTES = 4 * 2**20
"""Maximum size in bytes of a document that is read."""
MAX_DOCUMENT_NODES = 200_000
"""Maximum number of mappings, lists, keys and values in a document: the parser takes some 15 µs for each."""
_MAX_DEPTH = 10
"""Maximum number of mappings and lists inside each other."""
_VALUE_BY_WORD = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Values of the words that are no text, unless they are quoted (YAML 1.2.2, section 10.3.2)."""
_UNSTORABLE_CHAR_PATTERN = re.compile("[\x00\ud800-\udfff]")
"""Characters that YAML can escape and databases cannot store."""
_UNICODE_LINE_BREAK_PATTERN = re.compile("[\x85\u2028\u2029\ufeff]")
_INTEGER_PATTERN = re.compile(r"-?[0-9]{1,19}")

Path = tuple[str | int, ...]
"""Place in a document: keys of mappings and indexes of lists, from the top."""


class DocumentError(Exception):
    """Error for a document that cannot be used; `line` counts from 1, or is None for the document as a whole.

    The message is an English sentence for the operator. If it is empty, the cause of this error has the reason.
    """

    def __init__(self, message: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class YamlDocument(NamedTuple):
    """Content of a document as dictionaries, lists and scalars, and the line (from 1) of each part."""

    content: Any
    line_by_path: Mapping[Path, int]


def parse_document(document_bytes: bytes) -> YamlDocument:
    """Parse a YAML document that ends with the line `...`. Raises DocumentError."""
    if len(document_bytes) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"This file is larger than {MAX_DOCUMENT_BYTES // 2**20} MB, so it’s no settings file.")
    try:
        text = document_bytes.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("This isn’t text in UTF-8.", document_bytes[: error.start].count(b"\n") + 1) from error
    builder = _DocumentBuilder()
    try:
        for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)):
            builder.add(event)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else None
        raise DocumentError(f"This isn’t valid YAML: {error.problem}.", line) from error
    except (YAMLError, ValueError, OverflowError) as error:  # The last two for an escape above U+10FFFF.
        raise DocumentError("This isn’t valid YAML: it has characters that no text has.") from error
    if not builder.has_end_mark:
        raise DocumentError("This file is incomplete: it doesn’t end with the line “...”.", len(text.splitlines()) or 1)
    return YamlDocument(builder.content, builder.line_by_path)


class _DocumentBuilder:
    """Builder of the content of a YAML document from the events of a parser, without recursion."""

    def __init__(self) -> None:
        self.content: Any = None
        self.line_by_path: dict[Path, int] = {}
        self._path: list[str | int | None] = []
        self._containers: list[Any] = []
        self._document_count = self._node_count = 0
        self.has_end_mark = False

    def add(self, event: Event) -> None:
        """Add what an event of the YAML parser reports to the content. Raises DocumentError."""
        line = event.start_mark.line + 1
        if isinstance(event, NodeEvent):
            self._add_node(event, line)
        elif isinstance(event, DocumentStartEvent):
            self._document_count += 1
            if self._document_count > 1:
                raise DocumentError("This is more than one document.", line)
        elif isinstance(event, DocumentEndEvent):
            self.has_end_mark = bool(event.explicit)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._containers.pop()
            self._path.pop()
            self._advance()

    def _add_node(self, event: NodeEvent, line: int) -> None:
        self._node_count += 1
        if self._node_count > MAX_DOCUMENT_NODES:
            raise DocumentError(f"This has more than {MAX_DOCUMENT_NODES:,} entries, so it’s no settings file.", line)
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise DocumentError("Settings files can’t have anchors or aliases (& and *).", line)
        if getattr(event, "tag", None) is not None:
            raise DocumentError("Settings files can’t have tags (!).", line)
        if isinstance(event, ScalarEvent):
            if _UNSTORABLE_CHAR_PATTERN.search(event.value):
                raise DocumentError("This text has a character that can’t be stored.", line)
            if self._containers and isinstance(self._containers[-1], dict) and self._path[-1] is None:
                self._begin_entry(event, line)
            else:
                self._store(_resolve_scalar(event), line)
                self._advance()
            return
        if len(self._containers) == _MAX_DEPTH:
            raise DocumentError("This is nested too deeply for a settings file.", line)
        container: Any = {} if isinstance(event, MappingStartEvent) else []
        if self._containers and self._path[-1] is None:
            raise DocumentError("A key can’t be a list or a mapping.", line)
        self._store(container, line)
        self._containers.append(container)
        self._path.append(0 if isinstance(event, SequenceStartEvent) else None)

    def _begin_entry(self, event: ScalarEvent, line: int) -> None:
        scalar = _resolve_scalar(event)
        key = scalar if type(scalar) is int else event.value
        if key in self._containers[-1]:
            raise DocumentError(f"“{key}” is there twice.", line)
        self._path[-1] = key

    def _store(self, content: object, line: int) -> None:
        path = tuple(part for part in self._path if part is not None)
        self.line_by_path[path] = line
        if not self._containers:
            self.content = content
        elif isinstance(self._containers[-1], dict):
            self._containers[-1][self._path[-1]] = content
        else:
            self._containers[-1].append(content)

    def _advance(self) -> None:
        """Turn to the next entry of the innermost mapping or list."""
        if self._containers:
            index = self._path[-1]
            self._path[-1] = index + 1 if isinstance(self._containers[-1], list) and isinstance(index, int) else None


def _resolve_scalar(event: ScalarEvent) -> Any:  # noqa: ANN401 - any scalar
    is_plain = event.implicit[0]
    if is_plain and event.value in _VALUE_BY_WORD:
        return _VALUE_BY_WORD[event.value]
    if is_plain and _INTEGER_PATTERN.fullmatch(event.value):
        number = parse_integer(event.value.removeprefix("-"))
        if number is not None:
            return -number if event.value.startswith("-") else number
    return event.value


def serialize_document(heading: str, content: Mapping[str, Any], name_by_id: Mapping[int, str]) -> str:
    """Return a document as YAML that ends with the line `...`.

    `heading` becomes a comment above it. Numbers that are keys of `name_by_id` get the name as a comment.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = MAX_DOCUMENT_BYTES
    yaml.explicit_end = True
    yaml.representer.add_representer(
        type(None), lambda representer, _none: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    stream = io.StringIO()
    yaml.dump(_add_comments(content, name_by_id), stream)
    return "".join(f"# {line}\n" for line in heading.splitlines()) + stream.getvalue()


def _add_comments(content: Any, name_by_id: Mapping[int, str]) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(content, Mapping):
        commented_map = CommentedMap({key: _add_comments(part, name_by_id) for key, part in content.items()})
        for key, part in content.items():
            if isinstance(part, int) and part in name_by_id:
                commented_map.yaml_add_eol_comment(name_by_id[part], key, column=0)
        return commented_map
    if isinstance(content, list):
        commented_list = CommentedSeq([_add_comments(part, name_by_id) for part in content])
        for index, part in enumerate(content):
            if isinstance(part, int) and part in name_by_id:
                commented_list.yaml_add_eol_comment(name_by_id[part], index, column=0)
        return commented_list
    # The library writes these as they are in other quotes, and reads them as spaces.
    if isinstance(content, str) and _UNICODE_LINE_BREAK_PATTERN.search(content):
        return DoubleQuotedScalarString(content)
    return content
