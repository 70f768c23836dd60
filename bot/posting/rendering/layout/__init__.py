"""Building blocks of messages in Discord's Components V2: what a message shows, as data.

A view is a function from data to a `Layout`, a tuple of blocks. `layout_views.static_view` makes the message
of it and keeps it within Discord's limits (`fitting`): what is too long is shortened, nothing is refused.

    from bot.posting.rendering import buttons
    from bot.posting.rendering.layout import blocks, outlets, layout_views
    from bot.posting.rendering.layout.blocks import Card, Image, Row, Rule, Section

    def found(query: str, articles: Sequence[Article]) -> blocks.Layout:
        results = [
            Section(
                (blocks.text(f"**{linked(title(one), one.url)}**", f"**{title(one)}**"), outlets.byline(one)),
                beside=Image(one.image, one.title) if one.image else buttons.save(one.key),
            )
            for one in articles
        ]
        card = Card((blocks.text(f"### {heading}"), Rule(), *results, Row(previous, following)), COLOUR)
        return (card,)

    await channel.send(view=layout_views.static(found(query, articles)))

- A text has one form or several, the longest first; a shorter form is taken where the message gets too long.
- A section without anything beside it, a row without items and a picture without a usable address are what is
  left of them.
- `outlets` has the tile, the colour and the line of an outlet; `icons` the emoji of buttons.
- Panels whose buttons call coroutine functions are `cogs.shared.views.OwnedView`s.
- Texts are markup: make what a feed or a person wrote harmless first (`bot.text.discord_text`).
- A message that was sent so stays so: later edits need a layout too, and no content or embed beside it.
"""
