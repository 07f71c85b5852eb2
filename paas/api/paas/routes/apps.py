"""Apps: all of a team, one, a new one, a changed one, and one no more."""

from flask import Blueprint


def register(blueprint: Blueprint) -> None:
    """Add this file's routes."""
