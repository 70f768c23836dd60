"""Actions of operators, the people who run Telex, that the audit log records."""

from enum import StrEnum


class AuditAction(StrEnum):
    """Action of an operator, as the audit log stores it. Comments name the values in the details of its entries.

    Its sentence is in `bot.posting.wording.audit_sentences`.
    """

    SERVER_LEAVE_REQUESTED = "server-leave"
    SERVER_BLOCKED = "server-block"
    SERVER_ALLOWED = "server-allow"
    SERVER_LIMITS_SET = "server-limits"  # limits: such as "feeds=500 watches=default"
    SERVER_ERASURE_REQUESTED = "server-erasure-request"
    SERVER_ERASED = "server-erasure"  # receipt: what was deleted, as JSON
    ALLOW_LIST_STARTED = "allow-list"  # count: of the servers that were put on it
    NOTICE_SENT = "notice-send"  # number, servers, text: its beginning
    NOTICE_CANCELLED = "notice-cancel"  # number, servers: those that do not get it
    MAINTENANCE_ON = "maintenance-on"
    MAINTENANCE_OFF = "maintenance-off"
    SOURCE_BLOCKED = "source-block"  # source, feeds: how many are followed
    SOURCE_UNBLOCKED = "source-allow"  # source, feeds
    SETTINGS_IMPORTED = "settings-import"  # count: how many settings changed
