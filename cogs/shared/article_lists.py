"""Articles in a list, as a search shows them: title, excerpt, outlet, others on it, picture or button."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.locale import _, amount, counted
from bot.core.models import Article
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Item, Section, Text
from bot.posting.rendering.messages import linked
from bot.search.searching import Result
from bot.store import Store
from bot.store.records.content_records import ALONE, Teller
from bot.text import excerpts, safe
from cogs.shared.article_cards import Spans, bold, title_forms

_EXCERPT = 110  # UTF-16 units
_NAMED = 2  # outlets beside the article's own
_OUTLET = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article in a list: an excerpt with the spans that match, small notes, who else tells of it.

    `below` are lines of markup under it, `beside` is what stands at its right where it has no picture: a Save
    button unless said, nothing where it is not `savable`. In a message that stays in a channel none is: by
    Save buttons the courier tells its posts from other messages.
    """

    article: Article
    excerpt: str = ""
    marks: Spans = ()
    notes: tuple[str, ...] = ()
    tellers: Sequence[Teller] = ()
    below: tuple[str, ...] = ()
    beside: Item | None = None
    savable: bool = True

    def block(self) -> Section:
        """Its block: the picture at its right, or where there is none a Save button."""
        article, (link, name) = self.article, title_forms(self.article)
        shown, marks = excerpts.around(self.excerpt, list(self.marks), _EXCERPT)
        withdrawn = "" if article.retracted is None else _("⚠️ withdrawn")
        small = outlets.byline(article, withdrawn, *self.notes).forms[0]
        heading = f"**{link}**"
        middle = [bold(shown, marks)] if shown else []
        texts = Text(
            tuple(
                "\n".join(filter(None, parts))
                for parts in (
                    (heading, *middle, small, self._also(), *self.below),
                    (heading, *middle, small, self._counted(), *self.below),
                    (heading, small, *self.below),
                    (f"**{name}**", small),
                )
            )
        )
        save = buttons.save(article.key, labelled=False) if self.savable else None
        return Section((texts,), messages.picture_of(article) or self.beside or save)

    def _also(self) -> str:
        named = [linked(safe.line(teller.outlet, _OUTLET), teller.url) for teller in self.tellers[:_NAMED]]
        if not named:
            return ""
        if left := len(self.tellers) - len(named):
            named.append(f"+{amount(left)}")
        return "-# " + _("Also: {links}").format(links=" · ".join(named))

    def _counted(self) -> str:
        count = len(self.tellers)
        if not count:
            return ""
        more = counted("{count} more outlet on this story", "{count} more outlets on this story", count)
        return f"-# {more}"


def entry_of(found: Result) -> Entry:
    """A search result."""
    note = ""
    if found.alike:
        note = _("similar meaning")
    elif found.partial:
        note = _("close match") if found.near else _("partial match")
    return Entry(article=found.article, excerpt=found.excerpt, marks=found.marks, notes=(note,))


def lead_of(article: Article) -> Entry:
    """An article with the beginning of its text."""
    return Entry(article=article, excerpt=messages.beginning(article, _EXCERPT))


async def with_tellers(store: Store, entries: Iterable[Entry], feed_ids: Collection[int]) -> list[Entry]:
    """The same with the other outlets of these feeds that tell of each."""
    listed = list(entries)
    tellers: Mapping[int, Sequence[Teller]] = await store.stories.tellers(
        [entry.article.id for entry in listed], feed_ids, ALONE
    )
    return [replace(entry, tellers=tellers.get(entry.article.id, ())) for entry in listed]
