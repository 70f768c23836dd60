"""Replacement and removal of leaves in a query tree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.search.query.query_tree import AllOf, AnyOf, Node, Not, Word, iter_leaves, iter_required_nodes, map_tree
from tests.support.cases import check_cases

A, B, GONE = Word("a"), Word("b"), Word("gone")
TREES: st.SearchStrategy[Node] = st.recursive(
    st.sampled_from([A, B, GONE]),
    lambda trees: (
        st.builds(Not, trees)
        | st.builds(AllOf, st.lists(trees, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(trees, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


def drop_gone(leaf: Word) -> Node | None:
    return None if leaf == GONE else leaf


def is_match(node: Node | None, texts: set[str]) -> bool:
    match node:
        case None:
            return True
        case Not(inner_node):
            return not is_match(inner_node, texts)
        case AllOf(nodes):
            return all(is_match(inner_node, texts) for inner_node in nodes)
        case AnyOf(nodes):
            return any(is_match(inner_node, texts) for inner_node in nodes)
    assert isinstance(node, Word)
    return node.text in texts


@given(TREES, st.sets(st.sampled_from(["a", "b", "gone"])))
def test_identity_mapping_keeps_matches(tree, texts):
    mapped_tree = map_tree(tree, lambda leaf: leaf)
    assert mapped_tree is not None
    assert is_match(mapped_tree, texts) is is_match(tree, texts)


@given(TREES)
def test_mapping_leaves_no_empty_nodes(tree):
    mapped_tree = map_tree(tree, drop_gone)
    nodes = [] if mapped_tree is None else [mapped_tree]
    assert GONE not in list(iter_leaves(nodes))
    while nodes:
        match nodes.pop():
            case Not(inner_node):
                assert not isinstance(inner_node, Not)
                nodes.append(inner_node)
            case AllOf(inner_nodes) | AnyOf(inner_nodes):
                assert len(inner_nodes) > 1
                nodes += inner_nodes


@check_cases(
    ("tree", "mapped_tree", "mapped_tree_if_true"),
    [
        (GONE, None, None),
        (Not(GONE), None, None),
        (Not(Not(A)), A, A),
        (AllOf((A, GONE)), A, A),
        (AllOf((A, GONE, B)), AllOf((A, B)), AllOf((A, B))),
        (AnyOf((A, GONE)), A, None),
        (AnyOf((A, GONE, B)), AnyOf((A, B)), None),
        (AllOf((A, AnyOf((B, GONE)))), AllOf((A, B)), A),
        (AnyOf((A, AllOf((B, GONE)))), AnyOf((A, B)), AnyOf((A, B))),
        (AllOf((GONE, Not(AllOf((GONE,))))), None, None),
    ],
)
def test_removed_leaf_counts_as_absent_or_true(tree, mapped_tree, mapped_tree_if_true):
    assert map_tree(tree, drop_gone) == mapped_tree
    assert map_tree(tree, drop_gone, is_removed_true=True) == mapped_tree_if_true


def test_leaves_and_required_nodes_are_iterated_at_any_depth():
    tree: Node = AllOf((A, AllOf((AnyOf((A, B)), Not(AllOf((B, Not(A))))))))
    assert list(iter_leaves([tree])) == [A, A, B, B, A]
    assert list(iter_leaves([tree], include_negated=False)) == [A, A, B]
    assert list(iter_required_nodes([tree])) == [A, AnyOf((A, B)), Not(AllOf((B, Not(A))))]
