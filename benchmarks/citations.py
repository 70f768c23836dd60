"""Whether sentences that a passage holds are kept, and those with another number or name are left out.

    python -m benchmarks.citations

Takes sentences of real articles as a model's, first as they are, then with a number or a name changed, and
cites the paragraph they come from; then as they are, citing another article.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import document_url, read_rows
from bot.answers.answer_model import Quote
from bot.core.models import Article
from bot.text import excerpts
from bot.writing.citation_checks import filter_supported_sentences

ARTICLES = 600
SENTENCES = 6  # of each
LENGTHS = range(40, 350)
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[a-zà-ÿ,] )[A-Z][a-zà-ÿ]{3,}")


def build_quote(text: str, document: dict[str, Any]) -> Quote:
    article = Article(
        id=1,
        key="",
        feed_id=1,
        page="",
        url=document_url(document),
        title="",
        summary="",
        text=text,
        body=text,
        author=None,
        outlet="",
        language=document["lang"],
        tags=(),
        image=None,
        published=0,
        found=0,
    )
    return Quote(text, article)


def replace_match(sentence: str, pattern: re.Pattern[str], replacement: str) -> str:
    """A sentence with one of what the pattern finds replaced, "" when there is none."""
    matches = list(pattern.finditer(sentence))
    if not matches:
        return ""
    match = random.choice(matches)
    if replacement.isdigit():
        replacement = str(int(match[0]) + int(replacement))
    return sentence[: match.start()] + replacement + sentence[match.end() :]


def measure_language(language: str) -> tuple[Counter[str], Counter[str]]:
    """How many sentences of each kind were tried, and how many kept."""
    documents = read_rows(f"articles/{language}")
    random.seed(1)
    random.shuffle(documents)
    names = [name for name_source in documents[-ARTICLES:] for name in _NAME.findall(name_source["text"][:1500])]
    tried_counts: Counter[str] = Counter()
    kept_counts: Counter[str] = Counter()
    for document in documents[:ARTICLES]:
        sentences = [
            candidate for candidate in excerpts.split_sentences(document["text"][:3000]) if len(candidate) in LENGTHS
        ]
        own_quote = build_quote(" ".join(sentences[:SENTENCES]), document)
        other_quote = build_quote(random.choice(documents)["text"][:2000], document)
        for sentence in sentences[:SENTENCES]:
            name, number = random.choice(names), random.choice("1235")
            trials = {
                "as it is": (sentence, own_quote),
                "another number": (replace_match(sentence, _NUMBER, number), own_quote),
                "another name": (
                    "" if name in own_quote.text else replace_match(sentence, _NAME, name),
                    own_quote,
                ),
                "another article": (sentence, other_quote),
            }
            for kind, (claim, cited_quote) in trials.items():
                if claim:
                    tried_counts[kind] += 1
                    kept_counts[kind] += bool(filter_supported_sentences(f"{claim} [1]", [cited_quote], language))
    return tried_counts, kept_counts


def main() -> None:
    table = Table("language", "sentence", "tried", "kept")
    for language in ("en", "fr"):
        tried_counts, kept_counts = measure_language(language)
        for kind, count in tried_counts.items():
            table.add_row(language, kind, str(count), f"{kept_counts[kind] / count:.3f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
