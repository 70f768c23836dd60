"""Encoding of reasons in the database, and old notations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.reasons import Reason, ReasonCode, SendProblem, WaitReason, WithheldReason
from tests.support.cases import check_cases

STORED_CODES: list[ReasonCode] = [*WithheldReason, *WaitReason, *SendProblem]
VALUES = st.dictionaries(
    st.text(min_size=1, max_size=8), st.text() | st.integers() | st.lists(st.text(), max_size=3).map(tuple), max_size=3
)


@given(st.sampled_from(STORED_CODES), VALUES)
def test_stored_reason_survives_encoding(code, values):
    reason = Reason(code, values)
    assert Reason.decode(reason.encode()) == reason


def test_reason_without_values_is_stored_as_unique_code():
    assert Reason(SendProblem.DMS_CLOSED).encode() == "closed"
    assert len({code.value for code in STORED_CODES}) == len(STORED_CODES)


@check_cases(
    ("stored_text", "reason"),
    [
        ("forbidden", Reason(SendProblem.FORBIDDEN)),
        (
            "forbidden create_posts embed_links",
            Reason(SendProblem.FORBIDDEN, {"permissions": ("create_posts", "embed_links")}),
        ),
        ("refused 400 200000 AutoMod: no", Reason(SendProblem.REFUSED, {"text": "400 200000 AutoMod: no"})),
        ("refused refused", Reason(SendProblem.REFUSED, {"text": "refused"})),
        ("few-outlets 2 3", Reason(WithheldReason.TOO_FEW_OUTLETS, {"count": 2, "least": 3})),
        ("trying rate limited for 77 s", Reason(SendProblem.RATE_LIMITED, {"seconds": 77})),
        (
            "trying no connection: Cannot connect to host discord.com:443 ssl:default [no route]",
            Reason(
                SendProblem.NO_CONNECTION, {"text": "Cannot connect to host discord.com:443 ssl:default [no route]"}
            ),
        ),
        ("trying no answer: [Errno 104] reset", Reason(SendProblem.NO_ANSWER, {"text": "[Errno 104] reset"})),
        ("trying the server is unavailable", Reason(SendProblem.SERVER_UNAVAILABLE)),
        ("trying 503 0 upstream: busy", Reason(SendProblem.ERROR_RESPONSE, {"text": "503 0 upstream: busy"})),
        ("trying ", Reason(SendProblem.ERROR_RESPONSE, {"text": ""})),
        ("trying locked", Reason(SendProblem.LOCKED)),
        ("trying forbidden", Reason(SendProblem.FORBIDDEN)),
        ("trying forbidden view_channel", Reason(SendProblem.FORBIDDEN, {"permissions": ("view_channel",)})),
        ("never sponsored", Reason(WithheldReason.FILTERED, {"modes": ("never",), "queries": ("sponsored",)})),
        (
            'only "face recognition" OR tag:ai\nonly [x]',
            Reason(
                WithheldReason.FILTERED,
                {"modes": ("only", "only"), "queries": ('"face recognition" OR tag:ai', "[x]")},
            ),
        ),
        *((code.value, Reason(code)) for code in STORED_CODES),
    ],
)
def test_old_notations_are_decoded(stored_text, reason):
    assert Reason.decode(stored_text) == reason


@check_cases("stored_text", ["", "what", "few-outlets two", '["new-code", {}]', "[1", "[]", '["gone", 3]'])
def test_unknown_notation_is_decoded_as_text(stored_text):
    assert Reason.decode(stored_text) == Reason(SendProblem.UNRECOGNIZED, {"text": stored_text})


def test_logged_reason_has_its_values():
    assert str(Reason(SendProblem.LOCKED)) == "locked"
    assert str(Reason(WithheldReason.TOO_FEW_OUTLETS, {"count": 2, "least": 3})) == "few-outlets count=2 least=3"
    missing_permissions = Reason(SendProblem.FORBIDDEN, {"permissions": ("view_channel", "embed_links")})
    assert str(missing_permissions) == "forbidden permissions=view_channel,embed_links"
