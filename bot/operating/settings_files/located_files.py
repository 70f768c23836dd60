"""Parsing of settings files, with the line of each part for error messages."""

import re

import msgspec

from bot.operating.settings_files.file_schema import FILE_VERSION, SettingsFile
from bot.operating.settings_files.yaml_documents import DocumentError, Path, parse_document

_PATH_PART_PATTERN = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN_FIELD_PATTERN = re.compile(r"unknown field `(.+)`")
_ENUM_PATTERN = re.compile(r"Invalid enum value '(.*)'")
_WORD_BY_SCHEMA_WORD = {
    "`": "",
    "Object missing required field": "Missing here:",
    "object": "mapping",
    "array": "list",
    "str": "text",
    "int": "number",
    "bool": "switch (true or false)",
    " | null": " or null",
    "Expected": "There should be a",
    ", got": ", not a",
}
"""Words for operators, by the words in msgspec's error messages that they replace, in this order."""


class LocatedFile:
    """Parsed settings file, valid by its schema, which knows the line of each of its parts for error messages."""

    def __init__(self, document_bytes: bytes) -> None:
        """Parse a file. Raises DocumentError."""
        content, self._line_by_path = parse_document(document_bytes)
        if not isinstance(content, dict) or "version" not in content:
            raise DocumentError("This is no settings file: it has no version.", 1)
        if content["version"] != FILE_VERSION:
            raise DocumentError(
                f"This file has version {content['version']} of the format. This Telex reads version {FILE_VERSION}.",
                self.find_line(("version",)),
            )
        try:
            self.settings = msgspec.convert(content, SettingsFile)
        except msgspec.ValidationError as error:
            raise self._locate_error(str(error)) from error

    def find_line(self, path: Path) -> int:
        """Return the line, from 1, of the part of the file at a path, or of the smallest part that contains it."""
        while path not in self._line_by_path:
            path = path[:-1]
        return self._line_by_path[path]

    def _locate_error(self, schema_message: str) -> DocumentError:
        message, _separator, path_text = schema_message.partition(" - at ")
        path: Path = tuple(
            int(index) if index else name for name, index in _PATH_PART_PATTERN.findall(path_text.replace("$", ""))
        )
        if match := _UNKNOWN_FIELD_PATTERN.search(message):
            return DocumentError(f"There’s no setting “{match[1]}” here.", self.find_line((*path, match[1])))
        if match := _ENUM_PATTERN.search(message):
            return DocumentError(f"“{match[1]}” isn’t possible for {path[-1]}.", self.find_line(path))
        for schema_word, word in _WORD_BY_SCHEMA_WORD.items():
            message = message.replace(schema_word, word)
        return DocumentError(f"{message}.", self.find_line(path))
