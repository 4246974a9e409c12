"""The small changes that make a mutant of a function's source."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
_CALLED = {"minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}
_WITHOUT = {"abs", "round"}  # one argument, which stands in the call's place


def mutations(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """What is changed, in words, and the changed source; the docstring and annotations are left alone."""
    body = tree.body[0]
    assert isinstance(body, ast.FunctionDef)
    if ast.get_docstring(body) is not None:
        body.body = body.body[1:] or [ast.Pass()]
    body.returns = None
    places = [node for statement in body.body for node in ast.walk(statement)]
    index = {id(node): at for at, node in enumerate(ast.walk(tree))}
    for node in places:
        for words, make in _changes(node):
            changed = copy.deepcopy(tree)
            _replace(changed, list(ast.walk(changed))[index[id(node)]], make)
            yield words, changed
    ended = copy.deepcopy(tree)
    first = ended.body[0]
    assert isinstance(first, ast.FunctionDef)
    is_generator = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in places)
    first.body = ast.parse("yield from ()" if is_generator else "return []").body
    yield "ends at once", ended


Made = ast.AST | None


def _changes(node: ast.AST) -> Iterator[tuple[str, Made]]:
    """Words, and what takes the node's place; of a statement, None leaves it out."""
    told = ast.unparse(node) if not isinstance(node, ast.operator | ast.cmpop | ast.expr_context) else ""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        flipped = [_COMPARED[type(node.ops[0])](), *node.ops[1:]]
        yield f"{told} flipped", ast.Compare(node.left, flipped, node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATED:
        yield f"{told} with the opposite operator", ast.BinOp(node.left, _OPERATED[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp):
        yield f"{told} without its sign", node.operand
    elif isinstance(node, ast.BoolOp):
        yield (
            f"{told} with the other word",
            ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values),
        )
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield f"{told} one more", ast.Constant(node.value + 1)
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            always = copy.copy(node)
            always.test = ast.Constant(value)
            yield f"if {ast.unparse(node.test)}: always {value}", always
    elif isinstance(node, ast.Call):
        yield from _other_call(node, told)
    yield from _left_out(node, told)


def _other_call(node: ast.Call, told: str) -> Iterator[tuple[str, Made]]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in _CALLED:
        other = copy.deepcopy(node.func)
        setattr(other, "attr" if isinstance(other, ast.Attribute) else "id", _CALLED[called])
        yield f"{told} by {_CALLED[called]}", ast.Call(other, node.args, node.keywords)
    if called in _WITHOUT and len(node.args) == 1:
        yield f"{told} without {called}", node.args[0]


def _left_out(node: ast.AST, told: str) -> Iterator[tuple[str, Made]]:
    if isinstance(node, ast.AugAssign):
        yield f"{told} left out", None
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield f"{told[:60]} left out", ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load())))
    elif isinstance(node, ast.Starred) and isinstance(node.ctx, ast.Load):
        yield f"{told[:60]} left out", ast.Starred(ast.Tuple([], ast.Load()), ast.Load())


def _replace(tree: ast.Module, old: ast.AST, new: Made) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list) and any(item is old for item in value):
                at = next(i for i, item in enumerate(value) if item is old)
                value[at] = ast.Pass() if new is None else new
                return
