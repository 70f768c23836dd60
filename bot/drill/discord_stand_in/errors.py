"""Discord's errors, by status and code (Discord's documentation: topics/opcodes-and-status-codes)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Error with which the stand-in for Discord answers: a status, and `code`, `message` and perhaps `errors`."""

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message}
        if errors:
            self.body["errors"] = errors


MESSAGE_BY_CODE = {
    10003: "Unknown Channel",
    10004: "Unknown Guild",
    10007: "Unknown Member",
    10008: "Unknown Message",
    10013: "Unknown User",
    10014: "Unknown Emoji",
    10015: "Unknown Webhook",
    10062: "Unknown interaction",
    10063: "Unknown application command",
    30007: "Maximum number of webhooks reached (15)",
    30010: "Maximum number of reactions reached (20)",
    40060: "Interaction has already been acknowledged.",
    40033: "This message has already been crossposted.",
    40067: "A tag is required to create a forum post in this channel",
    50001: "Missing Access",
    50007: "Cannot send messages to this user",
    50013: "Missing Permissions",
    50024: "Cannot execute action on this channel type",
    50005: "Cannot edit a message authored by another user",
    50006: "Cannot send an empty message",
    50027: "Invalid Webhook Token",
    50035: "Invalid Form Body",
    50068: "Invalid message type",
    50083: "Thread is archived",
    160004: "A thread has already been created for this message",
    220001: "Webhooks posted to forum channels must have a thread_name or thread_id",
    220003: "Webhooks can only create threads in forum channels",
}
"""Messages of Discord's errors, by code."""


def build_error(status: int, code: int) -> ApiError:
    """Return an error of Discord's API with the message that Discord has for its code."""
    return ApiError(status, code, MESSAGE_BY_CODE[code])


def build_form_error(field_path: str, message: str, field_code: str = "BASE_TYPE_BAD") -> ApiError:
    """Return the error of a refused form, with the path of the wrong field ("embeds.0.title") and its own code."""
    nested_errors: dict[str, Any] = {"_errors": [{"code": field_code, "message": message}]}
    for key in reversed(field_path.split(".")):
        nested_errors = {key: nested_errors}
    return ApiError(400, 50035, MESSAGE_BY_CODE[50035], nested_errors)
