"""The objects that a task deploys, from templates that the program renders at `pulumi up` and the task's params.

The Task mounts the ConfigMap with the templates; rules/given.ts has the rules for filling them in.
"""

import ast
import operator
import re
import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from deployments import CONFIG_MAP, read_deployments
from json_object import JsonObject
from task_support import TaskError

HOLE = re.compile(r"\$\{(?P<formula>[^}|]*)(?:\|(?P<otherwise>[^}]*))?\}")
NUMBER = "$number"
# Marks a field or an item that an empty param removes.
GONE = object()

Values = Mapping[str, str | list[str]]


def render(kind: str, case: Mapping[str, str], values: Values) -> list[JsonObject]:
    """The objects of a kind ("model", "runtime" or "chat") for a case, in the order in which to apply them.

    `values` has the params by name; a list of values becomes as many items of the list that contains the param.
    """
    templates = read_deployments("templates.json")[kind]
    found = next((template for template in templates if template["when"].items() <= case.items()), None)
    if found is None:
        raise TaskError(
            f"ConfigMap {CONFIG_MAP} has no template of a {kind} for {dict(case)}: run pulumi up with this version"
        )
    filled: list[JsonObject] = fill(found["objects"], values)
    return filled


def fill(node: Any, values: Values) -> Any:
    """Fills in the values in a template, or a part of one; any JSON type."""
    if isinstance(node, dict):
        if node.keys() == {NUMBER}:
            return int(reckon(node[NUMBER], values))
        filled = {key: fill(item, values) for key, item in node.items()}
        kept = {key: item for key, item in filled.items() if item is not GONE}
        return kept if kept or not filled else GONE
    if isinstance(node, list):
        items = [item for part in node for item in filled_items(part, values)]
        return items if items or not node else GONE
    return filled_text(node, values) if isinstance(node, str) else node


def filled_items(part: object, values: Values) -> list[object]:
    whole = HOLE.fullmatch(part) if isinstance(part, str) else None
    several = values.get(whole["formula"]) if whole else None
    if isinstance(several, list):
        return list(several)
    filled = fill(part, values)
    return [] if filled is GONE else [filled]


def filled_text(text: str, values: Values) -> object:
    def value(hole: re.Match[str]) -> str:
        return str(reckon(hole["formula"], values)) or hole["otherwise"] or ""

    whole = HOLE.fullmatch(text)
    return (value(whole) or GONE) if whole else HOLE.sub(value, text)


OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Mult: operator.mul,
    ast.Sub: operator.sub,
    ast.FloorDiv: operator.floordiv,
}


def whole_cores(quantity: str) -> int:
    """Whole cores in a CPU quantity, at least one."""
    cores = Decimal(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)
    return max(1, int(cores))


FUNCTIONS: dict[str, Callable[..., str | int]] = {
    "min": lambda one, other: min(int(one), int(other)),
    "whole_cores": whole_cores,
    "random_secret": lambda: secrets.token_hex(32),
}


def reckon(formula: str, values: Values) -> str | int:
    """A param's text, or the whole number that a formula evaluates to."""

    def of(node: ast.expr) -> str | int:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name) if isinstance(value := values.get(name), str):
                return value
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](int(of(left)), int(of(right)))
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in FUNCTIONS:
                return FUNCTIONS[name](*map(of, arguments))
        raise TaskError(
            f"ConfigMap {CONFIG_MAP} asks for {formula!r}, which this task does not know: run pulumi up of its version"
        )

    return of(ast.parse(formula, mode="eval").body)
