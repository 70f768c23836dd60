"""Whether sentences that a passage holds are kept, and those with another number or name are left out.

    python -m tests.benchmarks.citations

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

from bot.answers.answer_model import Quote
from bot.core.models import Article
from bot.text import excerpts
from bot.writing.citation_checks import supported_sentences
from tests.benchmarks.newsrooms import read, url_of

ARTICLES = 600
SENTENCES = 6  # of each
LENGTHS = range(40, 350)
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[a-zà-ÿ,] )[A-Z][a-zà-ÿ]{3,}")


def passage(text: str, document: dict[str, Any]) -> Quote:
    article = Article(
        id=1,
        key="",
        feed_id=1,
        page="",
        url=url_of(document),
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


def changed(sentence: str, pattern: re.Pattern[str], instead: str) -> str:
    """A sentence with one of what the pattern finds replaced, "" when there is none."""
    found = list(pattern.finditer(sentence))
    if not found:
        return ""
    match = random.choice(found)
    if instead.isdigit():
        instead = str(int(match[0]) + int(instead))
    return sentence[: match.start()] + instead + sentence[match.end() :]


def measured(language: str) -> tuple[Counter[str], Counter[str]]:
    """How many sentences of each kind were tried, and how many kept."""
    documents = read(f"articles/{language}")
    random.seed(1)
    random.shuffle(documents)
    names = [name for each in documents[-ARTICLES:] for name in _NAME.findall(each["text"][:1500])]
    tried: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for document in documents[:ARTICLES]:
        sentences = [each for each in excerpts.sentences(document["text"][:3000]) if len(each) in LENGTHS]
        own = passage(" ".join(sentences[:SENTENCES]), document)
        other = passage(random.choice(documents)["text"][:2000], document)
        for sentence in sentences[:SENTENCES]:
            name, number = random.choice(names), random.choice("1235")
            trials = {
                "as it is": (sentence, own),
                "another number": (changed(sentence, _NUMBER, number), own),
                "another name": ("" if name in own.text else changed(sentence, _NAME, name), own),
                "another article": (sentence, other),
            }
            for kind, (written, cited) in trials.items():
                if written:
                    tried[kind] += 1
                    kept[kind] += bool(supported_sentences(f"{written} [1]", [cited], language))
    return tried, kept


def main() -> None:
    table = Table("language", "sentence", "tried", "kept")
    for language in ("en", "fr"):
        tried, kept = measured(language)
        for kind, count in tried.items():
            table.add_row(language, kind, str(count), f"{kept[kind] / count:.3f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
