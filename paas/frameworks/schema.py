"""The schema of a framework file, taken from the example file that documents it.

The example holds every key once. Its values tell the types: a text, a number, a list, a mapping
with keys of its own, or, where the example's keys are in capitals, a mapping whose keys are names
of variables. Where a list is expected, one item alone stands for a list of one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
WORDS: dict[type, str] = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    float: "a number with a point",
    list: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


@dataclass(frozen=True)
class Shape:
    """What a value may be: exactly one of the three is set, ``variables`` for open mappings."""

    scalar: type | None = None
    items: "Shape | None" = None
    keys: Mapping[str, "Shape"] | None = None
    variables: bool = False

    def words(self) -> str:
        """The type as a message names it."""
        if self.items is not None:
            return f"a list, each item {self.items.words()}"
        return "a mapping" if self.keys is not None else WORDS[self.scalar or str]


def derive(example: object) -> Shape:
    """The shape that an example value stands for."""
    if isinstance(example, list):
        shape = derive(example[0])
        for item in example[1:]:
            shape = _merged(shape, derive(item))
        return Shape(items=shape)
    if isinstance(example, dict):
        variables = all(VARIABLE.fullmatch(key) for key in example)
        return Shape(keys={k: derive(v) for k, v in example.items()}, variables=variables)
    return Shape(scalar=type(example))


def _merged(one: Shape, other: Shape) -> Shape:
    if one.items is not None and other.items is not None:
        return Shape(items=_merged(one.items, other.items))
    if one.keys is not None and other.keys is not None:
        keys = dict(one.keys)
        for key, shape in other.keys.items():
            keys[key] = _merged(keys[key], shape) if key in keys else shape
        return Shape(keys=keys)
    if one != other:
        raise ValueError("an example gives one key two types")
    return one


def broken_rules(value: object, shape: Shape, place: str = "") -> list[str]:
    """Sentences ``place: what is wrong``, with every broken rule."""
    if shape.items is not None:
        if not isinstance(value, list):
            return broken_rules(value, shape.items, place)
        return [
            line
            for index, item in enumerate(value)
            for line in broken_rules(item, shape.items, f"{place}[{index}]")
        ]
    if shape.keys is not None:
        if not isinstance(value, dict):
            return [_wrong_type(value, shape, place)]
        return _broken_keys(value, shape, place)
    return [] if type(value) is shape.scalar else [_wrong_type(value, shape, place)]


def _broken_keys(value: dict[object, object], shape: Shape, place: str) -> list[str]:
    known = shape.keys or {}
    broken = []
    for key, item in value.items():
        inner = f"{place}.{_short(key)}" if place else _short(key)
        if shape.variables:
            if not isinstance(key, str) or not VARIABLE.fullmatch(key):
                broken.append(f"{inner}: must be the name of a variable, in capitals")
            else:
                broken += broken_rules(item, next(iter(known.values())), inner)
        elif key in known:
            broken += broken_rules(item, known[str(key)], inner)
        else:
            broken.append(f"{inner}: unknown key")
    return broken


def _wrong_type(value: object, shape: Shape, place: str) -> str:
    got = WORDS.get(type(value), "a value of another kind")
    hint = " (put it in quotes)" if shape.scalar is str and isinstance(value, int | float) else ""
    return f"{place or 'the file'}: must be {shape.words()}, not {got}{hint}"


def _short(key: object) -> str:
    text = str(key) if isinstance(key, str | int | float) else type(key).__name__
    return text if len(text) <= 60 and text.isprintable() else repr(text[:60])
