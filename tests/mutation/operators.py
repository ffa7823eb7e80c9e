"""Small mistakes that a programmer makes, as changes of a module's syntax tree: each is one place and what would stand there."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
_JOINED: dict[type[ast.boolop], type[ast.boolop]] = {ast.And: ast.Or, ast.Or: ast.And}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """The `number`-th place of a module where one can be made; `line` of the source, and the code before and after."""

    number: int
    line: int
    before: str
    after: str


def mistakes(source: str) -> tuple[Mistake, ...]:
    """Every mistake that can be made in a module, in the order of its text."""
    return tuple(
        Mistake(number=number, line=before.lineno, before=ast.unparse(before), after=ast.unparse(after))
        for number, (before, after) in enumerate(_changes(ast.parse(source)))
    )


def made(source: str, mistake: Mistake) -> str:
    """The module with the mistake in it; comments and layout are lost."""
    tree = ast.parse(source)
    before, after = next(found for number, found in enumerate(_changes(tree)) if number == mistake.number)
    return ast.unparse(ast.fix_missing_locations(_Exchange(before, after).visit(tree)))


class _Exchange(ast.NodeTransformer):
    """One node for another."""

    def __init__(self, before: ast.expr, after: ast.expr) -> None:
        self._before, self._after = before, after

    def visit(self, node: ast.AST) -> ast.AST:
        """The other one in its place."""
        return ast.copy_location(self._after, node) if node is self._before else self.generic_visit(node)


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each place and what would stand there; of texts, annotations and assertions nothing."""
    for node in _walk(tree):
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
                yield node, ast.Compare(left=left, ops=[_COMPARED[type(op)]()], comparators=[right])
            case ast.BoolOp(op=join, values=values):
                yield node, ast.BoolOp(op=_JOINED[type(join)](), values=values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield node, operand
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COUNTED and not _is_text(node):
                yield node, ast.BinOp(left=left, op=_COUNTED[type(op)](), right=right)
            case ast.Constant(value=bool() as value):
                yield node, ast.Constant(value=not value)
            case ast.Constant(value=int() as value):
                yield node, ast.Constant(value=value + 1)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yield node, ast.IfExp(test=ast.UnaryOp(op=ast.Not(), operand=test), body=body, orelse=orelse)
            case _:
                pass


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Functions only: what stands outside of them is names, tables and bounds, which have tests of their own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in child.body:
                yield from _within(statement)
        elif isinstance(child, ast.ClassDef):
            yield from _walk(child)


def _within(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assert | ast.JoinedStr | ast.Raise):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name == "annotation":
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                yield from _within(child)


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr) or _is_string(side) for side in (node.left, node.right))


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
