"""Layout blocks of messages and Discord's limits on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Card,
    Gallery,
    Image,
    Layout,
    Section,
    Separator,
    Text,
)
from bot.text import discord_text
from tests.posting.test_messages import ARTICLE
from tests.support.cases import check_cases

PICTURE = Image("https://news.example/picture.jpg", "A picture")
TEXTS = st.builds(
    lambda text, length, forms: blocks.text_block(*(text * length for _ in range(forms)), text),
    st.sampled_from(["", " \n", "a", "é🙂 ", "line\n", "**[x](https://a.example/)**"]),
    st.integers(1, 400),
    st.integers(0, 2),
)


def save_buttons() -> st.SearchStrategy[discord.ui.Button[Any]]:
    return st.builds(lambda number: buttons.save_button(f"key{number}"), st.integers(0, 10**9))


BLOCKS = st.one_of(
    TEXTS,
    st.builds(
        Section,
        st.lists(TEXTS, max_size=5).map(tuple),
        st.one_of(st.none(), st.just(PICTURE), st.just(Image("")), save_buttons()),
    ),
    st.builds(lambda number: Gallery((PICTURE,) * number), st.integers(0, 12)),
    st.builds(Separator, st.booleans()),
    st.builds(lambda items: ActionRow(*items, None), st.lists(save_buttons(), max_size=7)),
)
CARDS = st.builds(Card, st.lists(BLOCKS, max_size=12).map(tuple), st.just(0x123456))


def list_sent_components(layout: Layout) -> list[dict[str, Any]]:
    """List all components of the message, nested ones too."""

    def iter_components(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for component in components:
            yield component
            yield from iter_components(component.get("components") or [])
            if "accessory" in component:
                yield component["accessory"]

    return list(
        iter_components(
            [
                dict(top_level_component)
                for top_level_component in layout_views.build_static_view(layout).to_components()
            ]
        )
    )


def join_layout_text(layout: Layout) -> str:
    return "\n".join(component["content"] for component in list_sent_components(layout) if component["type"] == 10)


@settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(BLOCKS, CARDS), max_size=6).map(tuple))
async def test_any_layout_is_within_discord_limits(layout):
    button_ids = {item.custom_id for item in blocks.list_items(layout) if isinstance(item, discord.ui.Button)}
    components = list_sent_components(layout)
    assert len(components) <= 40
    texts = [text_component["content"] for text_component in components if text_component["type"] == 10]
    assert all(text.strip("\n") for text in texts)
    assert sum(map(discord_text.count_utf16_units, texts)) <= 4000
    for component in components:
        children = component.get("components", [])
        if component["type"] == 1:
            assert 1 <= len(children) <= 5
        elif component["type"] == 9:
            assert 1 <= len(children) <= 3
            assert component["accessory"]
        elif component["type"] == 12:
            assert 1 <= len(component["items"]) <= 10
    sent_ids = {
        child["custom_id"] for sent_row in components if sent_row["type"] == 1 for child in sent_row["components"]
    }
    row_button_ids = {
        item.custom_id
        for block in blocks.iter_blocks(layout)
        if isinstance(block, ActionRow)
        for item in block.items
        if isinstance(item, discord.ui.Button)
    }
    assert sent_ids <= row_button_ids <= button_ids
    assert sent_ids == row_button_ids or len(components) > 30  # rows are the last to go


async def test_longest_text_is_shortened_and_last_lines_dropped():
    link, lines = (
        "[a](https://news.example/" + "x" * 1500 + ")",
        [f"line {number}" * 20 for number in range(60)],
    )
    text = join_layout_text((Card((blocks.text_block(link, "a"), blocks.text_block("\n".join(lines)))),))
    assert text.startswith("a\nline 0")
    assert lines[20] in text
    assert lines[-1] not in text


async def test_excess_sections_lose_pictures_but_no_text():
    sections = tuple(Section((blocks.text_block(f"Story {number}"),), PICTURE) for number in range(15))
    components = list_sent_components((Card((*sections, ActionRow(buttons.save_button("key")))),))
    assert [text_component["content"] for text_component in components if text_component["type"] == 10] == [
        f"Story {n}" for n in range(15)
    ]
    assert 5 < sum(component["type"] == 11 for component in components) < 15


async def test_images_and_link_buttons_can_be_stripped():
    layout: Layout = (
        Card(
            (
                Section((blocks.text_block("A"),), PICTURE),
                Gallery((PICTURE,)),
                ActionRow(buttons.make_link_button("https://a.example/")),
            )
        ),
        ActionRow(buttons.save_button("key")),
    )
    bare_layout = blocks.without_link_buttons(blocks.without_images(layout))
    assert blocks.join_texts(bare_layout) == "A"
    assert [item.custom_id for item in blocks.list_items(bare_layout)] == ["telex:save:key"]  # type: ignore[attr-defined]
    assert PICTURE.url not in str(layout_views.build_static_view(bare_layout).to_components())
    assert PICTURE.url in str(layout_views.build_static_view(layout).to_components())
    assert not blocks.list_items(blocks.without_items(layout))


@check_cases(("name", "letter"), [("The Verge", "V"), ("Le Monde", "M"), ("01net", "0"), ("新聞", "")])
def test_outlet_has_initial_and_stable_colour(name, letter):
    assert outlet_branding.get_initial(name) == letter
    assert (
        outlet_branding.outlet_colour(1, name)
        == outlet_branding.outlet_colour(2, name.upper())
        in outlet_branding.INITIAL_COLOURS
    )


def test_byline_shows_outlet_icon_and_escapes_markup():
    article = ARTICLE._replace(outlet="**Kernel** & Co.")
    byline_before = outlet_branding.byline_block(article).variants[0]
    outlet_branding.set_emoji({article.feed_id: outlet_branding.Tile("<:o_1:5>", 0x123456)}, {})
    try:
        assert outlet_branding.byline_block(article, "more") == Text(
            (f"-# <:o_1:5> **\\*\\*Kernel\\*\\* & Co.** · <t:{article.published}:R> · more",)
        )
        assert outlet_branding.outlet_colour(article.feed_id, article.outlet) == 0x123456
    finally:
        outlet_branding.set_emoji({}, {})
    assert byline_before.startswith(("-# 🟦", "-# 🟧", "-# 🟩", "-# 🟪", "-# 🟨", "-# 🟥", "-# 🟫"))
