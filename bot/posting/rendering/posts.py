"""How the post of an article looks: a card with a large or a small picture, a few lines, a headline.

Or an embed, for servers that choose it, and where a role is told: the notification of a message in Components
V2 has no text, that of an embed has.
"""

from collections.abc import Sequence

import discord

from bot.core import locale
from bot.core.choices import USUAL, Look, Style, Template
from bot.core.locale import _, counted
from bot.core.models import Article, Feed
from bot.posting.rendering import buttons, discord_limits, messages, templates
from bot.posting.rendering.layout import blocks, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Gallery, Image, Layout, Row, Section, Text
from bot.posting.rendering.messages import Message, linked
from bot.text import safe, urls

LEAD = 60
"""UTF-16 units of the excerpt of a compact post before markup is escaped."""
SENTENCES = 2
"""Of an excerpt whose length nobody chose."""

COMPACT = 140
"""That of a compact embed."""

_AUTHOR, _TAG, _TAGS = 80, 30, 8  # of what a template names
_OUTLET, _SHORT, _OTHER = 256, 80, 40  # of an embed's author, a headline's outlet, one that tells it too
_ALSO = 2_500  # of all that tell it too: beside the longest excerpt it fits into a description


def post(
    article: Article,
    feed: Feed | None,
    *,
    language: str,
    look: Look = USUAL,
    mention: int | None = None,
    joined: Sequence[Article] = (),
    what: str | None = None,
    by_webhook: bool = False,
) -> Message:
    """The post of an article as it is to look, with labels in `language`.

    `mention` is a role to be told, `joined` are the articles that joined it, the first to join first; `what`
    is that of its dispatch, where it is not the article's key. One that goes `by_webhook` is signed by its
    outlet.
    """
    with locale.use(language):
        name = safe.plain(f"{look.prefix} {messages.title_of(article)}", messages.THREAD_NAME)
        outlet = _outlet(article, feed)
        signature = outlets.signature(article.feed_id, outlet) if by_webhook else None
        if not is_classic(look):
            return Message(
                name,
                layout=layout(article, feed, look=look, joined=joined, signed=signature is not None),
                signature=signature,
            )
        embed = _embed(article, outlet, feed.icon if feed else None, look)
        if look.template is not None:
            said = _said(article._replace(outlet=outlet), look.template, look, joined=())
            embed.remove_author().remove_footer()
            embed.title = embed.url = embed.timestamp = None
            embed.description = "\n".join(filter(None, (said.title, said.body, said.footer)))
        items = [buttons.save(article.key), *buttons.leading(article), buttons.more(article.key)]
        menu = None
        if joined:
            embed.description = "\n\n".join(filter(None, (embed.description, also(joined))))
            another = _("Save another article on this story…")
            menu = buttons.pick(what or article.key, joined, placeholder=another)
        view = buttons.row(*items, menu)
        return Message(name, embed, view, mention=mention, signature=signature)


def layout(
    article: Article,
    feed: Feed | None,
    *,
    look: Look = USUAL,
    joined: Sequence[Article] = (),
    signed: bool = False,
) -> Layout:
    """An article as a layout, in the language of this task.

    What is `signed` by its outlet does not name it again.
    """
    article = article._replace(outlet=_outlet(article, feed))
    picture = messages.picture_of(article) if look.image else None
    if look.style in {Style.COMPACT, Style.HEADLINE}:
        return _small(article, look, joined, picture, signed=signed)
    own = Row(
        buttons.save(article.key, joined=joined),
        *buttons.leading(article),
        buttons.more(article.key, joined=joined),
    )
    head, foot = _words(article, look, joined, signed=signed)
    shown: list[Block] = [Section(head, picture if look.style is Style.THUMBNAIL else None)]
    if picture is not None and look.style is not Style.THUMBNAIL:
        shown.append(Gallery((picture,)))
    shown.append(foot)
    colour = outlets.colour(article.feed_id, article.outlet) if look.colour is None else look.colour
    return (Card((*shown, own), colour),)


def _words(
    article: Article, look: Look, joined: Sequence[Article], *, signed: bool
) -> tuple[tuple[Text, ...], Text]:
    """What stands above the picture, and below it."""
    others = f"-# {also(joined)}" if joined else ""
    if look.template is None:
        return (outlets.byline(article, signed=signed), _story(article, look)), blocks.text(others)
    said = _said(article, look.template, look, joined)
    return (blocks.text(said.title), blocks.text(said.body)), blocks.text(said.footer)


def _said(article: Article, template: Template, look: Look, joined: Sequence[Article]) -> Template:
    """A template filled in; what became of the article and who else tells it is always said."""
    title = messages.title_of(article)
    values = {
        "title": messages.fit(f"{look.prefix} {title}".lstrip(), discord_limits.TITLE),
        "outlet": outlets.named(article.feed_id, article.outlet).replace("**", ""),
        "excerpt": _excerpt(article, messages.EXCERPT, look),
        "author": safe.line(article.author or "", _AUTHOR),
        "tags": ", ".join(safe.line(tag, _TAG) for tag in article.tags[:_TAGS]),
        "time": f"<t:{article.published}:R>",
        "link": messages.address(article.url),
        "also": _also_links(joined),
    }
    said = templates.filled(template, values)
    body = "\n".join(filter(None, (said.body, messages.mark(article))))
    others = f"-# {also(joined)}" if joined and not templates.names(template, "also") else ""
    return Template(said.title, body, "\n".join(filter(None, (said.footer, others))))


def _story(article: Article, look: Look) -> Text:
    title = messages.title_of(article)
    excerpt = _excerpt(article, messages.EXCERPT, look)
    rest = "\n".join(("", *filter(None, (excerpt, messages.mark(article)))))
    return blocks.text(*(f"### {form}{rest}" for form in _titled(article, title, look)))


def _small(
    article: Article, look: Look, joined: Sequence[Article], picture: Image | None, *, signed: bool
) -> Layout:
    """A headline, or a compact post: without a card, and few lines."""
    title = messages.title_of(article)
    compact = look.style is Style.COMPACT
    if look.template is not None:
        said = _said(article, look.template, look, joined)
        text = blocks.text("\n".join(filter(None, (said.title, said.body, said.footer))))
        return _beside(article, text, joined, picture if compact else None)
    lead = _excerpt(article, LEAD, look) if compact else ""
    last = outlets.byline(article, _also_counted(joined), signed=signed).forms[0]
    rest = "\n".join(("", *filter(None, (lead, messages.mark(article), last))))
    text = blocks.text(*(f"**{form}**{rest}" for form in _titled(article, title, look)))
    return _beside(article, text, joined, picture if compact else None)


def _beside(article: Article, text: Text, joined: Sequence[Article], picture: Image | None) -> Layout:
    """A text with a picture at its right and buttons below, or where one is enough with that at its right."""
    save = buttons.save(article.key, joined=joined, labelled=False)
    listen = buttons.leading(article)[-1] if article.audio is not None else None
    if picture is None and listen is None and len(joined) <= buttons.MOST_JOINED:
        return (Section((text,), save),)
    more = buttons.more(article.key, joined=joined, labelled=False)
    return (Section((text,), picture), Row(save, listen, more))


def _titled(article: Article, title: str, look: Look) -> tuple[str, str]:
    """The title with its prefix as a link, and without it for where that gets too long."""
    shown = messages.fit(f"{look.prefix} {title}".lstrip(), discord_limits.TITLE)
    return linked(shown, article.url, messages.URL), shown


def _excerpt(article: Article, usual: int, look: Look) -> str:
    length = usual if look.excerpt is None else look.excerpt
    most = SENTENCES if look.excerpt is None else None
    return messages.excerpt(article, length, most=most) if length else ""


def _outlet(article: Article, feed: Feed | None) -> str:
    return article.outlet or (feed.outlet or feed.title if feed else "")


def is_classic(look: Look) -> bool:
    """Whether posts of a look are embeds, which must not change while a message is edited."""
    return look.style is Style.CLASSIC or look.role is not None


def _embed(article: Article, outlet: str, icon: str | None, look: Look) -> discord.Embed:
    title = messages.title_of(article)
    shown = discord.Embed(colour=outlets.COLOUR if look.colour is None else look.colour)
    prefixed = f"{look.prefix} {title}".lstrip()
    outlet = safe.plain(outlet, _OUTLET)
    if look.style is Style.HEADLINE:
        headline = f"**{linked(messages.fit(prefixed, discord_limits.TITLE), article.url)}**"
        line = f"{headline} · {messages.fit(outlet, _SHORT)}" if outlet else headline
        shown.description = "\n".join(filter(None, (line, messages.mark(article))))
        return shown
    shown.title = messages.fit(prefixed, discord_limits.TITLE)
    if buttons.is_link(article.url) and safe.length(article.url) <= messages.URL:
        shown.url = article.url
    small = look.style in {Style.COMPACT, Style.THUMBNAIL}
    usual = COMPACT if look.style is Style.COMPACT else messages.EXCERPT
    length = usual if look.excerpt is None else look.excerpt
    excerpt = messages.excerpt(article, length) if length else ""
    shown.description = "\n".join(filter(None, (excerpt, messages.mark(article)))) or None
    shown.timestamp = messages.moment(article.published)
    if outlet and small:
        shown.set_footer(text=outlet)
    elif outlet:
        shown.set_author(name=outlet, icon_url=messages.picture_url(icon))
    picture = messages.picture_url(article.image) if look.image else None
    if small:
        shown.set_thumbnail(url=picture)
    else:
        shown.set_image(url=picture)
    return shown


def also(joined: Sequence[Article]) -> str:
    """The outlets of these articles, each with its link, in the language of this task."""
    return _("Also: {links}").format(links=_also_links(joined))


def _also_links(joined: Sequence[Article]) -> str:
    """The same without a word before them; "" where there are none."""
    told: list[str] = []
    free = _ALSO
    for article in joined[: buttons.MOST_JOINED]:
        name = safe.plain(article.outlet, _OTHER) or urls.host(article.url)
        link = linked(safe.markdown(name), article.url)
        free -= safe.length(link)
        if free < 0:
            break
        told.append(link)
    left_out = len(joined) - len(told)
    if left_out:
        told.append(counted("{count} more", "{count} more", left_out))
    return " · ".join(told)


def _also_counted(joined: Sequence[Article]) -> str:
    """How many outlets tell it too, with a link to the first of them; "" where none does."""
    if not joined:
        return ""
    number = len({article.outlet for article in joined})
    told = counted("+{count} outlet", "+{count} outlets", number)
    return linked(told, joined[0].url)
