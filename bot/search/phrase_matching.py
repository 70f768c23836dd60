"""What the index cannot tell: whether the very words of a phrase stand in an article."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from bot.core.models import Article, NewArticle
from bot.search.query_syntax import AllOf, AnyOf, Condition, Filter, Node, Not, Phrase, Word
from bot.text import skimming, terms

READ = 200_000  # characters of a text


def has_phrase(node: Node) -> bool:
    """Whether a part of a query depends on a phrase."""
    if isinstance(node, AllOf | AnyOf):
        return any(map(has_phrase, node.nodes))
    return has_phrase(node.node) if isinstance(node, Not) else isinstance(node, Phrase)


class Exactly:
    """Parts of a query that articles are held against, as `store.phrases` asks it."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.read = 0  # articles that were held against them
        self._nodes = nodes
        self._phrases = [node for node in nodes if isinstance(node, Phrase)]

    def tells(self, title: str, body: str) -> bool | None:
        """Whether all are true of an article with this title and text, None where these cannot tell."""
        self.read += 1
        told: bool | None = len(self._phrases) == len(self._nodes)
        for phrase in self._phrases:
            text = title if phrase.title else f"{title} {skimming.APART} {body[:READ]}"
            found = skimming.has_phrase(text, phrase.words)
            if found is False:
                return False
            if found is None:
                told = None
        return told or None

    def holds(self, article: Article) -> bool:
        """Whether all are true of the article."""
        return all(map(InWords(article).holds, self._nodes))


class InWords:
    """An article against which parts of a query are held."""

    def __init__(self, article: Article | NewArticle) -> None:
        self._article = article

    def holds(self, node: Node) -> bool:
        """Whether a part of a query is true of the article. Dates and bookmarks are taken for true."""
        if isinstance(node, Not):
            return not self.holds(node.node)
        if isinstance(node, AllOf):
            return all(map(self.holds, node.nodes))
        if isinstance(node, AnyOf):
            return any(map(self.holds, node.nodes))
        if isinstance(node, Phrase):
            return self._has_words(node)
        if isinstance(node, Word):
            return self._has_forms(node)
        return self._has(node)

    def _has_forms(self, node: Word) -> bool:
        found = self._title_terms if node.title else self._title_terms | self._body_terms
        in_one = terms.written_in_one(node.text)
        wanted = list(filter(None, map(terms.alternatives, node.words)))
        if in_one and (len(wanted) < 2 or not found.isdisjoint(in_one)):  # noqa: PLR2004 - as `plan` asks
            return not found.isdisjoint(in_one)
        return all(not found.isdisjoint(forms) for forms in wanted)

    def _has_words(self, phrase: Phrase) -> bool:
        line = _line(phrase.words)
        told = skimming.has_phrase(self._article.title, phrase.words)
        if told or (told is None and line in self._title_words):
            return True
        if phrase.title:
            return False
        told = skimming.has_phrase(self._article.body[:READ], phrase.words)
        return line in self._body_words if told is None else told

    def _has(self, condition: Condition) -> bool:
        article, value = self._article, str(condition.value)
        if condition.filter is Filter.LANGUAGE:
            return article.language == value
        if condition.filter is Filter.IMAGE:
            return bool(article.image)
        if condition.filter is Filter.SOURCE:
            return _named(terms.outlet_tokens, value, article.outlet)
        if condition.filter is Filter.AUTHOR:
            return _named(terms.author_tokens, value, article.author or "")
        if condition.filter is Filter.TAG:
            return any(_named(terms.tag_tokens, value, tag) for tag in article.tags)
        return True

    @cached_property
    def _title_words(self) -> str:
        return _line(terms.words(self._article.title))

    @cached_property
    def _body_words(self) -> str:
        return _line(terms.words(self._article.body[:READ]))

    @cached_property
    def _title_terms(self) -> set[str]:
        return set(terms.stems(self._article.title, self._article.language))

    @cached_property
    def _body_terms(self) -> set[str]:
        return set(terms.stems(self._article.body[:READ], self._article.language))


def _line(words: list[str] | tuple[str, ...]) -> str:
    return f" {' '.join(words)} "


def _named(tokens: Callable[[str], tuple[str, ...]], wanted: str, name: str) -> bool:
    """Whether a name has these words in a row, or all of them in one."""
    asked, known = tokens(wanted), tokens(name)
    if not asked or not known:
        return False
    several = asked[:-1] if len(asked) > 1 else asked
    return _line(several) in _line(known) or asked[-1] in known
