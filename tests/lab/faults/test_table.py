"""The table and the tests belong together."""

import importlib
import pkgutil

from tests.lab import faults
from tests.lab.faults import table

LEAST = 24
# These are about no row: what they show, nobody is told.
OTHERS = ("test_table", "test_takeover")


def test_each_row_is_a_test() -> None:
    modules = [each.name for each in pkgutil.iter_modules(faults.__path__)]
    tests = {
        table.name_of(name)
        for module in modules
        if module.startswith("test_") and module not in OTHERS
        for name in vars(importlib.import_module(f"{faults.__name__}.{module}"))
        if name.startswith("test_")
    }
    assert tests == set(table.rows())
    assert len(tests) >= LEAST
