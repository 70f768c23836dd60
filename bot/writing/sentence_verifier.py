"""Verification of generated sentences: the model is asked once whether the cited passages support each of them."""

from collections.abc import Sequence

from bot.writing import prompts
from bot.writing.citation_checks import Passage, Sentence
from bot.writing.model_client import ModelClient
from bot.writing.model_tasks import ModelFailure, ModelTask, UnusableReply, parse_json_reply

MAX_REPLY_TOKENS = 200
"""Maximum number of tokens that the model may generate for a verification."""

_INSTRUCTIONS = (
    "You check sentences against numbered passages of news articles. For each sentence: do the passages whose numbers "
    "stand after it (all passages where none stand) support all of it? Check who did what to whom, every name, number, "
    "date and place, every cause, comparison, negation and degree of certainty. A sentence may be in another language, "
    "shorter, or in other words, and may name what the question or the sentence before names. It is not supported if "
    "any part stands nowhere in these passages, differs from them, or follows only from other passages or your own "
    'knowledge. Answer only with JSON, one value a sentence, in order: {"supported": [true, false]}'
)


async def verify_sentences(
    client: ModelClient,
    sentences: Sequence[Sentence],
    passages: Sequence[Passage],
    *,
    question: str = "",
    server_id: int | None = None,
    deadline: float | None = None,
    is_background: bool = False,
    with_article_details: bool = True,
) -> tuple[bool, ...] | ModelFailure:
    """Ask the model whether each sentence is supported by the passages that it cites, or by all if it cites none.

    Returns a verdict for each sentence, or the failure of the model. Citations are 1-based numbers into `passages`. The
    model is shown only the passages that some sentence cites, or all if none does, and before them the `question` that
    the sentences answer; with `with_article_details`, each passage has its title, outlet and date. `deadline` is a time
    of the event loop; `is_background`: no user waits for the verdicts.
    """
    cited_numbers = {number for sentence in sentences for number in sentence.citations}
    shown_passages = [
        (number, passage) for number, passage in enumerate(passages, 1) if not cited_numbers or number in cited_numbers
    ]
    sentence_lines = [
        f"Sentence {number}: {prompts.neutralize(sentence.text, prompts.MAX_PASSAGE_LENGTH)}"
        + "".join(f" [{citation}]" for citation in sentence.citations)
        for number, sentence in enumerate(sentences, 1)
    ]

    def parse_verdicts(reply: str) -> tuple[bool, ...]:
        verdicts = parse_json_reply(reply).get("supported")
        if (
            not isinstance(verdicts, list)
            or len(verdicts) != len(sentences)
            or not all(isinstance(verdict, bool) for verdict in verdicts)
        ):
            raise UnusableReply("a verification without a verdict for each sentence")
        return tuple(verdicts)

    verdicts = await client.complete(
        prompts.build_prompt(
            ModelTask.VERIFY_SENTENCES,
            _INSTRUCTIONS,
            shown_passages,
            lines_before=[prompts.format_question_line(question)] if question else (),
            lines_after=sentence_lines,
            with_article_details=with_article_details,
        ),
        parse_verdicts,
        max_tokens=MAX_REPLY_TOKENS,
        server_id=server_id,
        deadline=deadline,
        is_background=is_background,
        is_json=True,
    )
    if not isinstance(verdicts, ModelFailure):
        client.usage[ModelTask.VERIFY_SENTENCES].dropped_sentences += verdicts.count(False)
    return verdicts
