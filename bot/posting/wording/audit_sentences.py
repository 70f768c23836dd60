"""Sentences on what operators did, for the audit log."""

from collections.abc import Mapping

from bot.core.audit_actions import AuditAction
from bot.core.i18n import N_, _, format_number
from bot.store.records.operating_records import AuditEntry

_SENTENCE_BY_ACTION: Mapping[str, str] = {
    AuditAction.SERVER_LEAVE_REQUESTED: N_("had the bot leave the server"),
    AuditAction.SERVER_BLOCKED: N_("blocked the server"),
    AuditAction.SERVER_ALLOWED: N_("allowed the server"),
    AuditAction.SERVER_LIMITS_SET: N_("set limits of the server: {limits}"),
    AuditAction.SERVER_ERASURE_REQUESTED: N_("asked to erase the server’s data"),
    AuditAction.SERVER_ERASED: N_("erased the server’s data"),
    AuditAction.ALLOW_LIST_STARTED: N_("put the bot’s servers on the allow-list: {count}"),
    AuditAction.NOTICE_SENT: N_("sent notice {number}: “{text}”"),
    AuditAction.NOTICE_CANCELLED: N_("cancelled notice {number} (servers that don’t get it: {servers})"),
    AuditAction.MAINTENANCE_ON: N_("turned maintenance on"),
    AuditAction.MAINTENANCE_OFF: N_("turned maintenance off"),
    AuditAction.SOURCE_BLOCKED: N_("blocked {source} (feeds that servers follow: {feeds})"),
    AuditAction.SOURCE_UNBLOCKED: N_("unblocked {source} (feeds that servers follow: {feeds})"),
    AuditAction.SETTINGS_IMPORTED: N_("imported settings from a file (changes: {count})"),
}


def describe_audit_entry(entry: AuditEntry) -> str:
    """Return what an operator did, in the current language and without the server's name; values are plain text.

    An action that only a newer version of Telex knows, which may share the database, is returned as its code.
    """
    sentence = _SENTENCE_BY_ACTION.get(entry.action)
    if sentence is None:
        return entry.action
    text_by_name = {
        name: format_number(detail) if isinstance(detail, int) else detail for name, detail in entry.details.items()
    }
    return _(sentence).format(**text_by_name)
