"""What runs inside and beside a local guest: standard library only, started by ``guest.py``.

The verbs run once per task of a deployment and must start fast, so each module imports little
and ``asyncio`` is left to the supervisor.
"""
