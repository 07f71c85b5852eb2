"""Where Python would import a file from."""

import posixpath
import re

from paas.frameworks.source import Source

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def import_place(source: Source, path: str, folder: str) -> tuple[str, str]:
    """The folder to put on the path, and the module's dotted name; "" for one without a name.

    A file belongs to the package of its folder when there is an ``__init__.py``, or when its own
    imports name that folder; else it is a script, and its folder is where imports begin.
    """
    root, file = posixpath.split(path)
    stem = file.removesuffix(".py")
    names = [] if stem == "__init__" else [stem]
    text = source.text(path)
    while root not in ("", folder) and _is_package(source, root, text):
        root, name = posixpath.split(root)
        names.insert(0, name)
    if not names or not all(IDENTIFIER.fullmatch(name) for name in names):
        return root, ""
    return root, ".".join(names)


def _is_package(source: Source, folder: str, text: str) -> bool:
    if source.has(f"{folder}/__init__.py"):
        return True
    name = re.escape(posixpath.basename(folder))
    own_import = rf"^[ \t]*(?:from|import)[ \t]+(?:{name}\b|\.)"
    return re.search(own_import, text, re.MULTILINE) is not None
