"""The table and the tests belong together."""

import importlib
import pkgutil

from tests.lab import faults
from tests.lab.faults import table

LEAST = 24
HERE = "test_table"


def test_each_row_is_a_test() -> None:
    modules = [each.name for each in pkgutil.iter_modules(faults.__path__)]
    tests = {
        table.name_of(name)
        for module in modules
        if module.startswith("test_") and module != HERE
        for name in vars(importlib.import_module(f"{faults.__name__}.{module}"))
        if name.startswith("test_")
    }
    assert tests == set(table.rows())
    assert len(tests) >= LEAST
