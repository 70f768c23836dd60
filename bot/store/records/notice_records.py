"""Records of notices: texts of the operator that are posted once in every server's channel for alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.core.reasons import ReasonCode

DEFAULT_NOTICE_LANGUAGE = "en"
"""Code of the language whose text servers get if the operator's notice has none in theirs."""


class NoticeRejection(ReasonCode):
    """Reason why the operator's notice cannot be sent or cancelled, of which a sentence is made for the operator."""

    EMPTY = "notice-empty"
    TOO_LONG = "notice-too-long"  # count, limit: lengths in UTF-16 units
    NO_RECIPIENT = "notice-without-recipient"
    REPEATED = "notice-repeated"
    GONE = "notice-gone"


class NoticeReach(NamedTuple):
    """Numbers of servers that the operator's notice would reach now, that have no channel for alerts, or opted out."""

    reachable: int
    without_channel: int
    opted_out: int


class NoticeProgress(NamedTuple):
    """Numbers of servers by what became of the operator's notice in them.

    `withdrawn` counts those where it was not posted, because it was cancelled, became too old or was declined.
    """

    posted: int
    waiting: int
    failed: int
    without_channel: int
    opted_out: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A text of the operator for all servers, by language code, and how far it was posted.

    Times are Unix times in seconds; `cancelled_at` is None unless the notice was cancelled.
    """

    id: int
    texts: Mapping[str, str]
    created_at: int
    cancelled_at: int | None
    progress: NoticeProgress

    @property
    def is_in_progress(self) -> bool:
        """Whether some servers are still to get the notice."""
        return self.cancelled_at is None and self.progress.waiting > 0


def select_notice_text(texts: Mapping[str, str], language: str) -> str:
    """Return the text of a notice for a language code: in that language, else in English, else in any other."""
    return texts.get(language) or texts.get(DEFAULT_NOTICE_LANGUAGE) or next(iter(texts.values()))
