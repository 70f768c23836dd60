"""Sentences for reasons, in English and French."""

from __future__ import annotations

from bot.answers.conversing.question_limits import QuestionRejection
from bot.core import i18n
from bot.core.limits import Limit
from bot.core.reasons import Reason, ReasonCode, ReasonValue, SendProblem, WaitReason, WithheldReason
from bot.operating.server_decisions import ServerDecisionRejection
from bot.operating.server_erasures import ErasureRejection
from bot.polling.following.follow_service import FollowFailure
from bot.polling.following.opml_import import OpmlFailure
from bot.polling.page_saver import SaveFailure
from bot.posting.wording.reason_sentences import describe_reason
from bot.posting.wording.refusal_sentences import refusal_sentence
from bot.store.records.operating_records import NoticeRejection
from bot.store.records.people_records import ProposalDecision, ProposalRejection
from bot.store.records.setup_records import SetupFailure
from bot.store.records.source_records import SourceRejection
from bot.watches.live_query_validation import QueryRejection
from tests.support.cases import check_cases

VALUES_BY_CODE: dict[ReasonCode, dict[str, ReasonValue]] = {
    WithheldReason.TOO_FEW_OUTLETS: {"count": 2, "least": 3},
    WithheldReason.FILTERED: {"modes": ("never", "only"), "queries": ("sponsored", "election")},
    WaitReason.QUIET_HOURS: {"until": 1_800_000_000, "time_zone": "Europe/Paris"},
    WaitReason.HOURLY_LIMIT: {"until": 1_800_000_000, "time_zone": "UTC"},
    WaitReason.MIN_INTERVAL: {"until": 1_800_000_000, "time_zone": "no/zone"},
    WaitReason.MORE_OUTLETS: {"count": 2, "least": 3},
    WaitReason.TOP_STORY_SELECTION: {"until": 1_800_000_000, "time_zone": "UTC"},
    SendProblem.REFUSED: {"text": "400 200000 AutoMod"},
    SendProblem.RATE_LIMITED: {"seconds": 3},
    SendProblem.NO_CONNECTION: {"text": "no route"},
    SendProblem.NO_ANSWER: {"text": "reset"},
    SendProblem.ERROR_RESPONSE: {"text": "503 0 busy."},
    SendProblem.UNRECOGNIZED: {"text": "words"},
}


def build_reason(code: ReasonCode) -> Reason:
    return Reason(code, VALUES_BY_CODE.get(code, {}))


@check_cases("code", [*WithheldReason, *WaitReason, *SendProblem])
def test_reason_has_sentence_in_both_languages(code):
    sentences = set()
    for language in ("en", "fr"):
        with i18n.language_scope(language):
            sentences.add(describe_reason(build_reason(code), when="today"))
    assert len(sentences) == 2
    for sentence in sentences:
        assert " " in sentence
        assert "{" not in sentence
        assert ("today" in sentence) is isinstance(code, WithheldReason)


@check_cases(
    "code",
    [
        *Limit,
        *FollowFailure,
        *OpmlFailure,
        *SaveFailure,
        *QueryRejection,
        *QuestionRejection,
        *ProposalRejection,
        *ServerDecisionRejection,
        *SourceRejection,
        *SetupFailure,
        *NoticeRejection,
        *ErasureRejection,
    ],
)
def test_rejection_has_sentence_in_both_languages(code):
    values: dict[str, ReasonValue] = {
        "address": "news.example",
        "words": "some words",
        "count": 3,
        "length": 300,
        "moment": 1_800_000_000,
        "decision": ProposalDecision.DECLINED,
        "user": 7,
        "source": "news.example",
        "limit": 9,
    }
    sentences = set()
    for language in ("en", "fr"):
        with i18n.language_scope(language):
            sentences.add(refusal_sentence(Reason(code, values)))
    assert len(sentences) == 2


def test_all_reason_codes_are_covered():
    covered_classes = {WithheldReason, WaitReason, SendProblem}
    covered_classes |= {
        Limit,
        FollowFailure,
        OpmlFailure,
        SaveFailure,
        QueryRejection,
        QuestionRejection,
        ProposalRejection,
        ServerDecisionRejection,
        SourceRejection,
        SetupFailure,
        NoticeRejection,
        ErasureRejection,
    }
    assert set(ReasonCode.__subclasses__()) == covered_classes


def test_sentences_are_unique():
    with i18n.language_scope("en"):
        sentences = [describe_reason(build_reason(code)) for code in (*WithheldReason, *WaitReason, *SendProblem)]
    assert len(set(sentences)) == len(sentences)


@check_cases(
    ("reason", "sentence"),
    [
        (
            Reason(SendProblem.FORBIDDEN, {"permissions": ("create_posts", "embed_links")}),
            "I’m missing permissions in this channel: Create Posts, Embed Links.",
        ),
        (build_reason(SendProblem.REFUSED), "Discord refused the message: 400 200000 AutoMod"),
        (
            build_reason(SendProblem.ERROR_RESPONSE),
            "Discord hasn’t accepted it yet: 503 0 busy. I’ll keep trying.",
        ),
        (build_reason(WaitReason.QUIET_HOURS), "Waiting until 09:00 (quiet hours)."),
        (build_reason(WaitReason.MIN_INTERVAL), "Waiting until 08:00 (time between posts)."),
        (build_reason(WaitReason.MORE_OUTLETS), "Waiting for more outlets: 2 of 3 so far."),
        (build_reason(WithheldReason.FILTERED), "filtered out by: never `sponsored`, only `election` (today)"),
    ],
)
def test_sentence_includes_values(reason, sentence):
    with i18n.language_scope("en"):
        assert describe_reason(reason, when="today") == sentence
