"""Render the post of an article: a card with a large or small picture, a compact post, a headline.

An embed is used if a server chooses it or a role is mentioned: push notifications of Components V2 messages
show no text.
"""

from collections.abc import Sequence

import discord

from bot.core import i18n
from bot.core.i18n import _, format_count
from bot.core.models import Article, Feed
from bot.core.preferences import DEFAULT_APPEARANCE, PostLook, Style, Template
from bot.posting.rendering import buttons, discord_limits, messages, post_templates
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Gallery, Image, Layout, Section, Text
from bot.posting.rendering.messages import Message, linked
from bot.text import discord_text, urls

COMPACT_EXCERPT_LENGTH = 60
"""Length of the excerpt of a compact post, in UTF-16 units before markup is escaped."""
DEFAULT_EXCERPT_SENTENCES = 2
"""Maximum number of sentences of an excerpt, unless its length was configured."""

COMPACT_EMBED_EXCERPT_LENGTH = 140
"""Length of the excerpt of a compact embed, in UTF-16 units before markup is escaped."""

_MAX_AUTHOR_LENGTH, _MAX_TAG_LENGTH, _MAX_TAGS = 80, 30, 8
_MAX_OUTLET_LENGTH, _MAX_HEADLINE_OUTLET_LENGTH, _MAX_OTHER_OUTLET_LENGTH = 256, 80, 40
_MAX_ALSO_LENGTH = 2_500
"""Maximum length of the links to joined articles, so that they fit beside the longest excerpt."""


def render_post(
    article: Article,
    feed: Feed | None,
    *,
    language: str,
    look: PostLook = DEFAULT_APPEARANCE,
    mention: int | None = None,
    joined: Sequence[Article] = (),
    dedupe_key: str | None = None,
    by_webhook: bool = False,
) -> Message:
    """Return the post of an article, with labels in `language`, an ISO 639-1 code.

    `mention` is the id of a role to notify. `joined` are the articles that joined the post, in that order.
    `dedupe_key` is that of the dispatch if it is not the article's key. A post that goes `by_webhook` appears
    under its outlet's name and icon.
    """
    with i18n.language_scope(language):
        name = discord_text.to_plain_line(
            f"{look.prefix} {messages.title_of(article)}", messages.MAX_THREAD_NAME_LENGTH
        )
        outlet = _outlet(article, feed)
        signature = outlet_branding.webhook_identity(article.feed_id, outlet) if by_webhook else None
        if not uses_embed(look):
            return Message(
                name,
                layout=post_layout(
                    article, feed, look=look, joined=joined, omit_outlet=signature is not None
                ),
                webhook_identity=signature,
            )
        embed = _embed(article, outlet, feed.icon if feed else None, look)
        if look.template is not None:
            said = _fill_template(article._replace(outlet=outlet), look.template, look, joined=())
            embed.remove_author().remove_footer()
            embed.title = embed.url = embed.timestamp = None
            embed.description = "\n".join(filter(None, (said.title, said.body, said.footer)))
        items = [
            buttons.save_button(article.key),
            *buttons.open_buttons(article),
            buttons.more_button(article.key),
        ]
        menu = None
        if joined:
            embed.description = "\n\n".join(filter(None, (embed.description, also_line(joined))))
            another = _("Save another article on this story…")
            menu = buttons.save_menu(dedupe_key or article.key, joined, placeholder=another)
        view = buttons.view_of_items(*items, menu)
        return Message(name, embed, view, mentioned_role_id=mention, webhook_identity=signature)


def post_layout(
    article: Article,
    feed: Feed | None,
    *,
    look: PostLook = DEFAULT_APPEARANCE,
    joined: Sequence[Article] = (),
    omit_outlet: bool = False,
) -> Layout:
    """Return an article as a layout, in the current language.

    `omit_outlet` is for posts that appear under their outlet's name.
    """
    article = article._replace(outlet=_outlet(article, feed))
    picture = messages.image_block(article) if look.image else None
    if look.style in {Style.COMPACT, Style.HEADLINE}:
        return _compact_layout(article, look, joined, picture, signed=omit_outlet)
    own = ActionRow(
        buttons.save_button(article.key, joined=joined),
        *buttons.open_buttons(article),
        buttons.more_button(article.key, joined=joined),
    )
    head, foot = _text_parts(article, look, joined, signed=omit_outlet)
    shown: list[Block] = [Section(head, picture if look.style is Style.THUMBNAIL else None)]
    if picture is not None and look.style is not Style.THUMBNAIL:
        shown.append(Gallery((picture,)))
    shown.append(foot)
    colour = outlet_branding.colour(article.feed_id, article.outlet) if look.colour is None else look.colour
    return (Card((*shown, own), colour),)


def _text_parts(
    article: Article, look: PostLook, joined: Sequence[Article], *, signed: bool
) -> tuple[tuple[Text, ...], Text]:
    """Return the texts above the picture, and the one below it."""
    others = f"-# {also_line(joined)}" if joined else ""
    if look.template is None:
        return (
            outlet_branding.byline(article, omit_outlet=signed),
            _headline_text(article, look),
        ), blocks.text(others)
    said = _fill_template(article, look.template, look, joined)
    return (blocks.text(said.title), blocks.text(said.body)), blocks.text(said.footer)


def _fill_template(
    article: Article, template: Template, look: PostLook, joined: Sequence[Article]
) -> Template:
    """Return a template filled in; status lines and joined outlets are added if it lacks them."""
    title = messages.title_of(article)
    values = {
        "title": messages.escape_to_fit(f"{look.prefix} {title}".lstrip(), discord_limits.EMBED_TITLE_LENGTH),
        "outlet": outlet_branding.tile_and_name(article.feed_id, article.outlet).replace("**", ""),
        "excerpt": _excerpt(article, messages.EXCERPT_LENGTH, look),
        "author": discord_text.to_markdown_line(article.author or "", _MAX_AUTHOR_LENGTH),
        "tags": ", ".join(
            discord_text.to_markdown_line(tag, _MAX_TAG_LENGTH) for tag in article.tags[:_MAX_TAGS]
        ),
        "time": f"<t:{article.published}:R>",
        "link": messages.safe_url(article.url),
        "also": _outlet_links(joined),
    }
    said = post_templates.fill_template(template, values)
    body = "\n".join(filter(None, (said.body, messages.status_lines(article))))
    others = f"-# {also_line(joined)}" if joined and not post_templates.uses_field(template, "also") else ""
    return Template(said.title, body, "\n".join(filter(None, (said.footer, others))))


def _headline_text(article: Article, look: PostLook) -> Text:
    title = messages.title_of(article)
    excerpt = _excerpt(article, messages.EXCERPT_LENGTH, look)
    rest = "\n".join(("", *filter(None, (excerpt, messages.status_lines(article)))))
    return blocks.text(*(f"### {form}{rest}" for form in _title_variants(article, title, look)))


def _compact_layout(
    article: Article, look: PostLook, joined: Sequence[Article], picture: Image | None, *, signed: bool
) -> Layout:
    """Return a compact post or a headline: few lines, without a card."""
    title = messages.title_of(article)
    compact = look.style is Style.COMPACT
    if look.template is not None:
        said = _fill_template(article, look.template, look, joined)
        text = blocks.text("\n".join(filter(None, (said.title, said.body, said.footer))))
        return _with_accessory(article, text, joined, picture if compact else None)
    lead = _excerpt(article, COMPACT_EXCERPT_LENGTH, look) if compact else ""
    last = outlet_branding.byline(article, _outlet_count_link(joined), omit_outlet=signed).variants[0]
    rest = "\n".join(("", *filter(None, (lead, messages.status_lines(article), last))))
    text = blocks.text(*(f"**{form}**{rest}" for form in _title_variants(article, title, look)))
    return _with_accessory(article, text, joined, picture if compact else None)


def _with_accessory(article: Article, text: Text, joined: Sequence[Article], picture: Image | None) -> Layout:
    """Return a text with a picture beside it and buttons below, or with the Save button beside it.

    The second form is used without picture and audio, if one button can name all joined articles.
    """
    save = buttons.save_button(article.key, joined=joined, labelled=False)
    listen = buttons.open_buttons(article)[-1] if article.audio is not None else None
    if picture is None and listen is None and len(joined) <= buttons.MAX_JOINED_PER_BUTTON:
        return (Section((text,), save),)
    more = buttons.more_button(article.key, joined=joined, labelled=False)
    return (Section((text,), picture), ActionRow(save, listen, more))


def _title_variants(article: Article, title: str, look: PostLook) -> tuple[str, str]:
    """Return the title with its prefix as a link, and unlinked for when that gets too long."""
    shown = messages.escape_to_fit(f"{look.prefix} {title}".lstrip(), discord_limits.EMBED_TITLE_LENGTH)
    return linked(shown, article.url, messages.MAX_URL_LENGTH), shown


def _excerpt(article: Article, usual: int, look: PostLook) -> str:
    length = usual if look.excerpt is None else look.excerpt
    most = DEFAULT_EXCERPT_SENTENCES if look.excerpt is None else None
    return messages.excerpt(article, length, max_sentences=most) if length else ""


def _outlet(article: Article, feed: Feed | None) -> str:
    return article.outlet or (feed.outlet or feed.title if feed else "")


def uses_embed(look: PostLook) -> bool:
    """Return whether posts of a look are embeds, which an edit must not change."""
    return look.style is Style.CLASSIC or look.role is not None


def _embed(article: Article, outlet: str, icon: str | None, look: PostLook) -> discord.Embed:
    title = messages.title_of(article)
    shown = discord.Embed(colour=outlet_branding.DEFAULT_COLOUR if look.colour is None else look.colour)
    prefixed = f"{look.prefix} {title}".lstrip()
    outlet = discord_text.to_plain_line(outlet, _MAX_OUTLET_LENGTH)
    if look.style is Style.HEADLINE:
        headline = (
            f"**{linked(messages.escape_to_fit(prefixed, discord_limits.EMBED_TITLE_LENGTH), article.url)}**"
        )
        line = (
            f"{headline} · {messages.escape_to_fit(outlet, _MAX_HEADLINE_OUTLET_LENGTH)}"
            if outlet
            else headline
        )
        shown.description = "\n".join(filter(None, (line, messages.status_lines(article))))
        return shown
    shown.title = messages.escape_to_fit(prefixed, discord_limits.EMBED_TITLE_LENGTH)
    if buttons.is_link(article.url) and discord_text.utf16_length(article.url) <= messages.MAX_URL_LENGTH:
        shown.url = article.url
    small = look.style in {Style.COMPACT, Style.THUMBNAIL}
    usual = COMPACT_EMBED_EXCERPT_LENGTH if look.style is Style.COMPACT else messages.EXCERPT_LENGTH
    length = usual if look.excerpt is None else look.excerpt
    excerpt = messages.excerpt(article, length) if length else ""
    shown.description = "\n".join(filter(None, (excerpt, messages.status_lines(article)))) or None
    shown.timestamp = messages.as_datetime(article.published)
    if outlet and small:
        shown.set_footer(text=outlet)
    elif outlet:
        shown.set_author(name=outlet, icon_url=messages.usable_image_url(icon))
    picture = messages.usable_image_url(article.image) if look.image else None
    if small:
        shown.set_thumbnail(url=picture)
    else:
        shown.set_image(url=picture)
    return shown


def also_line(joined: Sequence[Article]) -> str:
    """Return the linked outlets of the joined articles, in the current language."""
    return _("Also: {links}").format(links=_outlet_links(joined))


def _outlet_links(joined: Sequence[Article]) -> str:
    """Return the linked outlets of the joined articles without an introduction; "" if there are none."""
    told: list[str] = []
    free = _MAX_ALSO_LENGTH
    for article in joined[: buttons.MAX_JOINED_PER_BUTTON]:
        name = discord_text.to_plain_line(article.outlet, _MAX_OTHER_OUTLET_LENGTH) or urls.host(article.url)
        link = linked(discord_text.escape_markdown(name), article.url)
        free -= discord_text.utf16_length(link)
        if free < 0:
            break
        told.append(link)
    left_out = len(joined) - len(told)
    if left_out:
        told.append(format_count("{count} more", "{count} more", left_out))
    return " · ".join(told)


def _outlet_count_link(joined: Sequence[Article]) -> str:
    """Return the number of joined outlets as a link to the first article; "" if there are none."""
    if not joined:
        return ""
    number = len({article.outlet for article in joined})
    told = format_count("+{count} outlet", "+{count} outlets", number)
    return linked(told, joined[0].url)
