"""Rendering of an article's post: a card with a large or small picture, a compact post, or a headline.

A look is what a server chose for how its posts appear: style, picture, length of the excerpt, colour, prefix of
the title, mentioned role, template. An embed is used if a server chooses it or a role is mentioned: push
notifications of Components V2 messages show no text.
"""

from collections.abc import Sequence

import discord

from bot.core import i18n
from bot.core.i18n import _, format_count
from bot.core.models import Article, Feed
from bot.core.preferences import DEFAULT_LOOK, PostLook, Style, Template
from bot.posting.rendering import buttons, discord_limits, messages, post_templates
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Gallery, Image, Layout, Section, Text
from bot.posting.rendering.messages import Message, link_markup
from bot.text import discord_text, urls

COMPACT_EXCERPT_LENGTH = 60
"""Default maximum length of a compact post's excerpt, in UTF-16 units before markup is escaped."""
DEFAULT_EXCERPT_SENTENCES = 2
"""Maximum number of sentences of a post's excerpt, unless its length was set or it is in an embed without template."""

COMPACT_EMBED_EXCERPT_LENGTH = 140
"""Default maximum length of the excerpt in a compact embed, in UTF-16 units before markup is escaped."""

_MAX_AUTHOR_LENGTH, _MAX_TAG_LENGTH, _MAX_TAGS_LISTED = 80, 30, 8
_MAX_OUTLET_LENGTH, _MAX_HEADLINE_OUTLET_LENGTH, _MAX_OTHER_OUTLET_LENGTH = 256, 80, 40
_MAX_OUTLET_LINKS_LENGTH = 2_500
"""Maximum length in UTF-16 units of a post's links to other outlets' articles, to fit beside the longest excerpt."""


def render_post(
    article: Article,
    feed: Feed | None,
    *,
    language: str,
    look: PostLook = DEFAULT_LOOK,
    mentioned_role_ids: Sequence[int] = (),
    joined_articles: Sequence[Article] = (),
    dedupe_key: str | None = None,
    by_webhook: bool = False,
) -> Message:
    """Return the message of an article's post, with labels in `language`, an ISO 639-1 code.

    `look` says how it appears. `joined_articles` are articles on the same story that were added to the post, in that
    order. `mentioned_role_ids` are the ids of the roles to notify. `dedupe_key` is the queued message's unique key, or
    None if that is the article's key. With `by_webhook` the post appears under its outlet's name and icon, unless the
    outlet has no name or Discord forbids it.
    """
    with i18n.language_scope(language):
        thread_name = discord_text.to_plain_line(
            f"{look.prefix} {messages.format_title(article)}", messages.MAX_THREAD_NAME_LENGTH
        )
        outlet_name = _outlet_name(article, feed)
        webhook_identity = outlet_branding.get_webhook_identity(article.feed_id, outlet_name) if by_webhook else None
        if not (uses_embed(look) or mentioned_role_ids):
            return Message(
                thread_name,
                layout=build_post_layout(
                    article,
                    feed,
                    look=look,
                    joined_articles=joined_articles,
                    omit_outlet=webhook_identity is not None,
                ),
                webhook_identity=webhook_identity,
            )
        embed = _build_embed(article, outlet_name, feed.icon_url if feed else None, look)
        if look.template is not None:
            filled_template = _fill_template(
                article._replace(outlet=outlet_name), look.template, look, joined_articles=()
            )
            embed.remove_author().remove_footer()
            embed.title = embed.url = embed.timestamp = None
            embed.description = "\n".join(
                filter(None, (filled_template.title, filled_template.body, filled_template.footer))
            )
        post_buttons = [
            buttons.save_button(article.key),
            *buttons.make_open_buttons(article),
            buttons.make_comments_button(article),
            buttons.more_button(article.key),
            buttons.STORY_BUTTON(article.key) if joined_articles else None,
        ]
        save_menu = None
        if joined_articles:
            embed.description = "\n\n".join(filter(None, (embed.description, also_markup(joined_articles))))
            placeholder = _("Save another article on this story…")
            save_menu = buttons.save_menu(dedupe_key or article.key, joined_articles, placeholder=placeholder)
        view = buttons.view_of_items(*post_buttons, save_menu)
        return Message(
            thread_name,
            embed,
            view,
            mentioned_role_ids=tuple(mentioned_role_ids),
            webhook_identity=webhook_identity,
        )


def build_post_layout(
    article: Article,
    feed: Feed | None,
    *,
    look: PostLook = DEFAULT_LOOK,
    joined_articles: Sequence[Article] = (),
    omit_outlet: bool = False,
) -> Layout:
    """Return the post of an article as a layout (message as data), in the current language.

    `joined_articles` are articles on the same story that were added to the post. `omit_outlet` is for posts that
    appear under their outlet's name.
    """
    article = article._replace(outlet=_outlet_name(article, feed))
    picture = messages.image_block(article) if look.shows_image else None
    if look.style in {Style.COMPACT, Style.HEADLINE}:
        return _compact_layout(article, look, joined_articles, picture, omit_outlet=omit_outlet)
    button_row = ActionRow(
        buttons.save_button(article.key, joined_articles=joined_articles),
        *buttons.make_open_buttons(article),
        buttons.make_comments_button(article),
        buttons.more_button(article.key, joined_articles=joined_articles),
        buttons.STORY_BUTTON(article.key) if joined_articles else None,
    )
    texts_above_picture, text_below_picture = _texts_around_picture(
        article, look, joined_articles, omit_outlet=omit_outlet
    )
    card_blocks: list[Block] = [Section(texts_above_picture, picture if look.style is Style.THUMBNAIL else None)]
    if picture is not None and look.style is not Style.THUMBNAIL:
        card_blocks.append(Gallery((picture,)))
    card_blocks.append(text_below_picture)
    colour = outlet_branding.outlet_colour(article.feed_id, article.outlet) if look.colour is None else look.colour
    return (Card((*card_blocks, button_row), colour),)


def _texts_around_picture(
    article: Article, look: PostLook, joined_articles: Sequence[Article], *, omit_outlet: bool
) -> tuple[tuple[Text, ...], Text]:
    """Return the text blocks above the picture of an article's post, and the text block below the picture."""
    also_text = f"-# {also_markup(joined_articles)}" if joined_articles else ""
    if look.template is None:
        return (
            outlet_branding.byline_block(article, omit_outlet=omit_outlet),
            _headline_block(article, look),
        ), blocks.text_block(also_text)
    filled_template = _fill_template(article, look.template, look, joined_articles)
    return (
        blocks.text_block(filled_template.title),
        blocks.text_block(filled_template.body),
    ), blocks.text_block(filled_template.footer)


def _fill_template(
    article: Article, template: Template, look: PostLook, joined_articles: Sequence[Article]
) -> Template:
    """Return a template filled in for an article.

    Lines on a retraction, correction and translation are added to its body, and the outlets of articles added to the
    post (joined) to its footer if the template does not show them.
    """
    title = messages.format_title(article)
    value_by_field = {
        "title": messages.escape_to_fit(f"{look.prefix} {title}".lstrip(), discord_limits.MAX_EMBED_TITLE_LENGTH),
        "outlet": outlet_branding.emoji_and_name(article.feed_id, article.outlet).replace("**", ""),
        "excerpt": _excerpt_markup(article, messages.EXCERPT_LENGTH, look),
        "author": discord_text.to_markdown_line(article.author or "", _MAX_AUTHOR_LENGTH),
        "tags": ", ".join(
            discord_text.to_markdown_line(tag, _MAX_TAG_LENGTH) for tag in article.tags[:_MAX_TAGS_LISTED]
        ),
        "time": f"<t:{article.published}:R>",
        "link": messages.safe_url(article.url),
        "also": _outlet_links(joined_articles),
        "comments": _comments_link(article),
    }
    filled_template = post_templates.fill_template(template, value_by_field)
    body = "\n".join(filter(None, (filled_template.body, messages.status_lines_markup(article))))
    also_text = (
        f"-# {also_markup(joined_articles)}"
        if joined_articles and not post_templates.uses_field(template, "also")
        else ""
    )
    return Template(filled_template.title, body, "\n".join(filter(None, (filled_template.footer, also_text))))


def _headline_block(article: Article, look: PostLook) -> Text:
    title = messages.format_title(article)
    excerpt = _excerpt_markup(article, messages.EXCERPT_LENGTH, look)
    following_lines = "\n".join(("", *filter(None, (excerpt, messages.status_lines_markup(article)))))
    return blocks.text_block(
        *(f"### {title_variant}{following_lines}" for title_variant in _title_variants(article, title, look))
    )


def _compact_layout(
    article: Article,
    look: PostLook,
    joined_articles: Sequence[Article],
    picture: Image | None,
    *,
    omit_outlet: bool,
) -> Layout:
    """Return the layout of a compact post or of a headline, which have few lines and no card."""
    title = messages.format_title(article)
    is_compact = look.style is Style.COMPACT
    if look.template is not None:
        filled_template = _fill_template(article, look.template, look, joined_articles)
        text = blocks.text_block(
            "\n".join(filter(None, (filled_template.title, filled_template.body, filled_template.footer)))
        )
        return _with_accessory(article, text, joined_articles, picture if is_compact else None)
    excerpt = _excerpt_markup(article, COMPACT_EXCERPT_LENGTH, look) if is_compact else ""
    byline = outlet_branding.byline_block(
        article, _outlet_count_link(joined_articles), omit_outlet=omit_outlet
    ).variants[0]
    following_lines = "\n".join(("", *filter(None, (excerpt, messages.status_lines_markup(article), byline))))
    text = blocks.text_block(
        *(f"**{title_variant}**{following_lines}" for title_variant in _title_variants(article, title, look))
    )
    return _with_accessory(article, text, joined_articles, picture if is_compact else None)


def _with_accessory(article: Article, text: Text, joined_articles: Sequence[Article], picture: Image | None) -> Layout:
    """Return the layout of a post's text with the picture or, if it is the only button, the Save button beside it.

    With a picture, audio, a discussion or a story, all buttons are below the text.
    """
    save_button = buttons.save_button(article.key, joined_articles=joined_articles, with_label=False)
    link_buttons = [
        buttons.make_open_buttons(article)[-1] if article.audio_url is not None else None,
        buttons.make_comments_button(article),
    ]
    if picture is None and not any(link_buttons) and not joined_articles:
        return (Section((text,), save_button),)
    more_button = buttons.more_button(article.key, joined_articles=joined_articles, with_label=False)
    story_button = buttons.STORY_BUTTON(article.key) if joined_articles else None
    return (Section((text,), picture), ActionRow(save_button, *link_buttons, more_button, story_button))


def _title_variants(article: Article, title: str, look: PostLook) -> tuple[str, str]:
    """Return two variants of the title with the post's prefix: as a link, and as text in case the link is too long."""
    title_markup = messages.escape_to_fit(f"{look.prefix} {title}".lstrip(), discord_limits.MAX_EMBED_TITLE_LENGTH)
    return link_markup(title_markup, article.url, messages.MAX_URL_LENGTH), title_markup


def _excerpt_markup(article: Article, default_length: int, look: PostLook) -> str:
    excerpt_length = default_length if look.excerpt_length is None else look.excerpt_length
    max_sentences = DEFAULT_EXCERPT_SENTENCES if look.excerpt_length is None else None
    return messages.excerpt_markup(article, excerpt_length, max_sentences=max_sentences) if excerpt_length else ""


def _outlet_name(article: Article, feed: Feed | None) -> str:
    return article.outlet or (feed.outlet or feed.title if feed else "")


def uses_embed(look: PostLook) -> bool:
    """Return whether all posts with a look (settings) are embeds, and not only those that mention a role by a rule.

    An edit must not turn an embed into a layout or back.
    """
    return look.style is Style.CLASSIC or look.role_id is not None


def _build_embed(article: Article, outlet_name: str, icon_url: str | None, look: PostLook) -> discord.Embed:
    title = messages.format_title(article)
    embed = discord.Embed(colour=outlet_branding.DEFAULT_COLOUR if look.colour is None else look.colour)
    prefixed_title = f"{look.prefix} {title}".lstrip()
    outlet_name = discord_text.to_plain_line(outlet_name, _MAX_OUTLET_LENGTH)
    if look.style is Style.HEADLINE:
        title_text = messages.escape_to_fit(prefixed_title, discord_limits.MAX_EMBED_TITLE_LENGTH)
        headline = f"**{link_markup(title_text, article.url)}**"
        headline_line = (
            f"{headline} · {messages.escape_to_fit(outlet_name, _MAX_HEADLINE_OUTLET_LENGTH)}"
            if outlet_name
            else headline
        )
        embed.description = "\n".join(filter(None, (headline_line, messages.status_lines_markup(article))))
        return embed
    embed.title = messages.escape_to_fit(prefixed_title, discord_limits.MAX_EMBED_TITLE_LENGTH)
    if buttons.is_web_url(article.url) and discord_text.count_utf16_units(article.url) <= messages.MAX_URL_LENGTH:
        embed.url = article.url
    has_small_picture = look.style in {Style.COMPACT, Style.THUMBNAIL}
    default_excerpt_length = COMPACT_EMBED_EXCERPT_LENGTH if look.style is Style.COMPACT else messages.EXCERPT_LENGTH
    excerpt_length = default_excerpt_length if look.excerpt_length is None else look.excerpt_length
    excerpt = messages.excerpt_markup(article, excerpt_length) if excerpt_length else ""
    embed.description = "\n".join(filter(None, (excerpt, messages.status_lines_markup(article)))) or None
    embed.timestamp = messages.to_datetime(article.published)
    if outlet_name and has_small_picture:
        embed.set_footer(text=outlet_name)
    elif outlet_name:
        embed.set_author(name=outlet_name, icon_url=messages.usable_image_url(icon_url))
    image_url = messages.usable_image_url(article.image_url) if look.shows_image else None
    if has_small_picture:
        embed.set_thumbnail(url=image_url)
    else:
        embed.set_image(url=image_url)
    return embed


def also_markup(joined_articles: Sequence[Article]) -> str:
    """Return a line of links to the articles added to a post (joined), as many as fit, in the current language."""
    return _("Also: {links}").format(links=_outlet_links(joined_articles))


def _outlet_links(joined_articles: Sequence[Article]) -> str:
    """Return links to the articles that were added to a post, labelled with their outlets; "" if there are none."""
    links: list[str] = []
    remaining_length = _MAX_OUTLET_LINKS_LENGTH
    for article in joined_articles[: buttons.MAX_JOINED_PER_BUTTON]:
        outlet_name = discord_text.to_plain_line(article.outlet, _MAX_OTHER_OUTLET_LENGTH) or urls.parse_host(
            article.url
        )
        link = link_markup(discord_text.escape_markdown(outlet_name), article.url)
        remaining_length -= discord_text.count_utf16_units(link)
        if remaining_length < 0:
            break
        links.append(link)
    omitted_count = len(joined_articles) - len(links)
    if omitted_count:
        links.append(format_count("{count} more", "{count} more", omitted_count))
    return " · ".join(links)


def _comments_link(article: Article) -> str:
    """Return a link to the discussion of an article, labelled with the number of comments; "" if there is none."""
    comments_url = buttons.get_comments_url(article)
    return "" if comments_url is None else link_markup(buttons.comments_label(article), comments_url)


def _outlet_count_link(joined_articles: Sequence[Article]) -> str:
    """Return the number of outlets of the articles added to a post, as a link to the first; "" if there are none."""
    if not joined_articles:
        return ""
    outlet_count = len({article.outlet for article in joined_articles})
    link_text = format_count("+{count} outlet", "+{count} outlets", outlet_count)
    return link_markup(link_text, joined_articles[0].url)
