"""Requests to a language model: their tasks, their prompts, and how their replies are read."""

import json
import re
from enum import Enum, StrEnum
from typing import Any, NamedTuple

MAX_REPLY_LENGTH = 20_000
"""Maximum length in characters of a reply without its reasoning; a longer reply is unusable."""

_REASONING_PATTERN = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_CODE_FENCE_PATTERN = re.compile(r"\A```(?:json)?\s*(.*?)\s*```\Z", re.DOTALL)


class ModelTask(StrEnum):
    """Task that a language model is asked to do; the system message of a request names it."""

    REWRITE_QUESTION = "rewrite"  # Turn a question, with the questions before it, into search queries.
    ANSWER = "answer"  # Answer a question from passages of articles.
    VERIFY_SENTENCES = "verify"  # Say which sentences that the model wrote are supported by their sources.
    SUMMARIZE = "summarize"  # Sum up an article or a story.
    TRANSLATE = "translate"  # Translate an article.


class ModelFailure(Enum):
    """Reason why a request to the model yields nothing."""

    SERVICE = "service"  # The service did not reply in time, replied with an error, or is paused after a failure.
    OUTPUT = "output"  # The reply cannot be used.


class UnusableReply(Exception):
    """Error raised when the text of a model cannot be used; its message says why."""


class Prompt(NamedTuple):
    """Messages of a request to a language model.

    `boundary` is the random mark between its instructions and untrusted text.
    """

    task: ModelTask
    messages: list[dict[str, str]]
    boundary: str

    @property
    def instructions(self) -> str:
        """The instructions in the system message."""
        return self.messages[0]["content"]


def strip_reasoning(reply: str) -> str:
    """Return a reply without the model's reasoning. Raises UnusableReply if what remains is too long."""
    text = _REASONING_PATTERN.sub("", reply).strip()
    if len(text) > MAX_REPLY_LENGTH:
        raise UnusableReply(f"a reply of more than {MAX_REPLY_LENGTH} characters")
    return text


def parse_json_reply(reply: str) -> dict[str, Any]:
    """Return the JSON object that a reply consists of, with or without a code fence.

    Raises UnusableReply if it is anything else.
    """
    try:
        document = json.loads(_CODE_FENCE_PATTERN.sub(r"\1", strip_reasoning(reply)))
    except (ValueError, RecursionError) as error:
        raise UnusableReply("a reply that is not JSON") from error
    if not isinstance(document, dict):
        raise UnusableReply("a reply that is not a JSON object")
    return document
