"""Building blocks of messages in Discord's Components V2: the content of a message as data.

Functions make a `Layout`, a tuple of blocks, from data. `layout_views.build_static_view` makes a discord.py view
of the layout, and `fitting` keeps the layout within Discord's limits: long texts are shortened, nothing is refused.

    from bot.posting.rendering import buttons
    from bot.posting.rendering.layout import blocks, layout_views, outlet_branding
    from bot.posting.rendering.layout.blocks import ActionRow, Card, Image, Item, Section, Separator

    def search_page(query: str, articles: Sequence[Article], page_buttons: Sequence[Item]) -> blocks.Layout:
        sections = [
            Section(
                (blocks.text_block(link_markup(article.title, article.url), article.title),),
                Image(article.image_url, article.title) if article.image_url else buttons.save_button(article.key),
            )
            for article in articles
        ]
        heading = blocks.text_block(f"### {query}")
        return (Card((heading, Separator(), *sections, ActionRow(*page_buttons)), COLOUR),)

    await channel.send(view=layout_views.build_static_view(search_page(query, articles)))

- A text has variants, longest first; a shorter one is used where the message gets too long.
- A section without an accessory becomes texts; rows without items and pictures without a URL are dropped.
- `outlet_branding` has the tile (emoji), the colour and the byline of an outlet, `icons` the emoji of buttons.
- Panels whose buttons call coroutine functions are `cogs.shared.views.OwnedView`s.
- Texts are markup: escape what a feed or a user wrote (`bot.text.discord_text`).
- A message sent as a layout stays one: edits need a layout too, without content or embed.
"""
