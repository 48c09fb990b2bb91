"""What a mutant changes: cosmic-ray's operators that give plausible code, and those it lacks."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import cosmic_ray.plugins
import parso
from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Keyword, Name, PythonNode, String
from parso.tree import BaseNode, Leaf, NodeOrLeaf

Position = tuple[tuple[int, int], tuple[int, int]]

_BINARY: Final = ("Add_Sub", "Sub_Add", "Mul_Add", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul", "RShift_LShift", "LShift_RShift")
_SETS: Final = ("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitOr")
_COMPARISONS: Final = (
    "Eq_NotEq",
    "NotEq_Eq",
    "Lt_LtE",
    "Lt_GtE",
    "LtE_Lt",
    "LtE_Gt",
    "Gt_GtE",
    "Gt_LtE",
    "GtE_Gt",
    "GtE_Lt",
    "Is_IsNot",
    "IsNot_Is",
)
_CORE: Final = (
    *(f"ReplaceBinaryOperator_{name}" for name in (*_BINARY, *_SETS)),
    *(f"ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
    *(f"ReplaceUnaryOperator_Delete_{name}" for name in ("Not", "USub", "Invert")),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop"),
)
"""Of the eleven ways to replace `|` and the seven to replace `==` those that a slip of the hand would write. The others raise
`TypeError` in any test, so they would flatter the score."""


class _Replace(Operator):
    """Exchanges leaves."""

    pairs: dict[str, str]
    example: str

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, Leaf) and node.value in self.pairs and self.suits(node):
            yield node.start_pos, node.end_pos

    def suits(self, leaf: Leaf) -> bool:
        raise NotImplementedError

    def mutate(self, node: Any, index: int) -> Any:
        node.value = self.pairs[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return tuple(Example(cls.example.format(old), cls.example.format(new)) for old, new in cls.pairs.items())


class ReplaceMembership(_Replace):
    """`in` becomes `not in`."""

    pairs = {"in": "not in"}
    example = "a {} b"

    def suits(self, leaf: Leaf) -> bool:
        return isinstance(leaf, Keyword) and leaf.parent is not None and leaf.parent.type == "comparison"


class ReplaceNotMembership(Operator):
    """`not in` becomes `in`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, PythonNode) and node.type == "comp_op" and node.get_code(include_prefix=False) == "not in":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        del node.children[0]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("a not in b", "a in b"),)


class ReplaceQuantifier(_Replace):
    """`any` becomes `all`, `min` becomes `max`, and back."""

    pairs = {"any": "all", "all": "any", "min": "max", "max": "min"}
    example = "{}(a)"

    def suits(self, leaf: Leaf) -> bool:
        after = leaf.get_next_leaf()
        before = leaf.get_previous_leaf()
        return isinstance(leaf, Name) and after is not None and after.value == "(" and (before is None or before.value != ".")


class NegateFilter(Operator):
    """The condition of a comprehension is negated."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, PythonNode) and node.type == "comp_if":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1] = parso.parse(f" (not ({node.children[1].get_code().strip()}))")
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("[a for a in b if a]", "[a for a in b if (not (a))]"),)


class CatchOther(Operator):
    """An `except` catches another exception than before."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, BaseNode) and node.type == "except_clause":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1] = parso.parse(" ZeroDivisionError")
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("try: a\nexcept B: c", "try: a\nexcept ZeroDivisionError: c"),)


class ChangeText(Operator):
    """A string has `XX` put before its first character."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if (isinstance(node, String) or node.type == "fstring_string") and not _stands_alone(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        if isinstance(node, String):
            start = len(node.string_prefix) + (3 if node.value.endswith(('"""', "'''")) else 1)
            node.value = f"{node.value[:start]}XX{node.value[start:]}"
        else:
            node.value = f"XX{node.value}"
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("a = 'b'", "a = 'XXb'"),)


class RemoveStatement(Operator):
    """A call, a `yield`, a `raise` or an augmented assignment is left out."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Position]:
        if isinstance(node, BaseNode) and node.type == "simple_stmt" and not _is_text(node.children[0]):
            first = node.children[0]
            augmented = (
                first.type == "expr_stmt"
                and first.children[1].type in ("operator", "augassign")
                and first.children[1].get_code().strip() != "="
            )
            if augmented or first.type in ("atom_expr", "power", "yield_expr", "raise_stmt"):
                yield first.start_pos, first.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        first = node.children[0]
        node.children[0] = parso.parse(f"{first.get_first_leaf().prefix}pass")
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("a.append(b)\n", "pass\n"),)


_OWN: Final = (ReplaceMembership, ReplaceNotMembership, ReplaceQuantifier, NegateFilter, CatchOther, ChangeText, RemoveStatement)


def operators() -> dict[str, Callable[[], Operator]]:
    """The operators in use, by the name the session has for them."""
    return {
        **{f"core/{name}": cosmic_ray.plugins.get_operator(f"core/{name}") for name in _CORE},
        **{f"policies/{kind.__name__}": kind for kind in _OWN},
    }


def is_metadata(node: NodeOrLeaf) -> bool:
    """Whether a node says nothing the code acts on: it stands in a decorator, an annotation, an import or `__all__`."""
    child: Any = node
    parent: Any = node.parent
    while parent is not None:
        kind = parent.type
        if kind in ("decorator", "import_from", "import_name", "tfpdef"):
            return True
        if kind == "annassign" and child is parent.children[1]:
            return True
        if kind == "funcdef" and child is parent.annotation:
            return True
        if kind == "expr_stmt" and parent.children[0].get_code().strip() == "__all__":
            return True
        child, parent = parent, parent.parent
    return False


def _is_text(node: NodeOrLeaf) -> bool:
    return node.type in ("string", "strings", "fstring")


def _stands_alone(node: NodeOrLeaf) -> bool:
    """Whether a string is a statement: a docstring."""
    parent = node.parent
    while parent is not None and parent.type in ("strings", "fstring"):
        parent = parent.parent
    return parent is not None and parent.type in ("simple_stmt", "file_input")
