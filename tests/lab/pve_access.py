"""Who may do what: roles, access lists and tokens as Proxmox 9 reads them."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fakepve import shapes
from fakepve.model import PveError

ROOT = "root@pam"
PRIVILEGES = frozenset(shapes.PRIVILEGES)
# The paths that GET /access/permissions always looks at.
STANDING_PATHS = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")


@dataclass(frozen=True)
class Grant:
    """One line of the access list. ``who`` is a user, or a token as ``user@realm!name``."""

    path: str
    who: str
    role: str
    propagate: bool


class Access:
    """Mixin: replaces the fake's additive lists, in which a token has all its user's rights.

    The deepest path with a grant for somebody replaces what is inherited from above, pools add
    the rights of their own path to members, and a token with privilege separation has what both
    it and its user have (PVE::AccessControl, PVE::RPCEnvironment).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Anything but None makes the fake ask allowed(); the lists themselves are kept here.
        self.acl: dict[str, Any] | None = {}
        self.roles = {name: frozenset(privileges) for name, privileges in shapes.ROLES.items()}
        self.grants: list[Grant] = []
        self.full_tokens: set[str] = set()

    def add_role(self, name: str, privileges: Iterable[str]) -> None:
        """Make a role; a privilege that Proxmox 9 does not know raises ``ValueError``."""
        wanted = frozenset(privileges)
        if unknown := sorted(wanted - PRIVILEGES):
            raise ValueError(f"invalid privilege '{unknown[0]}'")
        self.roles[name] = wanted

    def add_user(self, user: str, password: str = "") -> None:
        """Make a user such as ``paas@pve``; it may do nothing yet."""
        self.users.setdefault(user, password or secrets.token_hex(8))

    def add_token(
        self, user: str, name: str, *privileges: str, separate: bool = True, secret: str = ""
    ) -> str:
        """Make a token, and its user; returns it as the header wants it: ``user!name=secret``.

        With privileges, user and token get them on ``/``. Without ``separate`` the token has all
        its user's rights.
        """
        if user != ROOT:
            self.add_user(user)
        token = f"{user}!{name}"
        self.apitokens[token] = secret or secrets.token_hex(16)
        if not separate:
            self.full_tokens.add(token)
        if privileges:
            self.add_role(f"{name}-role", privileges)
            self.grant("/", user, f"{name}-role")
            self.grant("/", token, f"{name}-role")
        return f"{token}={self.apitokens[token]}"

    def grant(self, path: str, who: str, role: str, propagate: bool = True) -> None:
        """Add a line to the access list, as ``pveum acl modify`` does."""
        if role not in self.roles:
            raise ValueError(f"role '{role}' does not exist")
        self.grants.append(Grant(path.rstrip("/") or "/", who, role, propagate))

    def withdraw(self, path: str, who: str, role: str | None = None) -> None:
        """Take lines off the access list again; all of that path and person without a role."""
        self.grants = [
            g
            for g in self.grants
            if not (g.path == path and g.who == who and role in (None, g.role))
        ]

    def held(self, who: str, path: str) -> frozenset[str]:
        """The privileges somebody has on a path."""
        if who == ROOT:
            return PRIVILEGES
        user, _, name = who.partition("!")
        if not name:
            return self._listed(who, path)
        if who in self.full_tokens:
            return self.held(user, path)
        return self._listed(who, path) & self.held(user, path)

    def _listed(self, who: str, path: str) -> frozenset[str]:
        roles = self._roles_on(who, path)
        for pool in self._pools_of(path):
            roles = roles | self._roles_on(who, f"/pool/{pool}")
        if "NoAccess" in roles:
            return frozenset()
        return frozenset().union(*(self.roles[role] for role in roles))

    def _roles_on(self, who: str, path: str) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for level in _levels(path):
            here = frozenset(
                g.role
                for g in self.grants
                if g.path == level and g.who == who and (g.propagate or level == path)
            )
            found = here or found
        return found

    def _pools_of(self, path: str) -> list[str]:
        kind, _, name = path.strip("/").partition("/")
        if kind == "vms":
            return [pool for pool, vmids in self.pools.items() if str(name) in map(str, vmids)]
        if kind == "storage":
            return [pool for pool, info in self.pool_info.items() if name in info["storage"]]
        return []

    def allowed(self, user: str, path: str, priv: str) -> bool:
        """Whether somebody has a privilege; ``a|b`` asks for one of them."""
        return bool(self.held(user, path).intersection(priv.split("|")))

    def check_permissions(
        self,
        user: str | None,
        perms: Mapping[str, Any] | None,
        values: Mapping[str, Any],
        declared: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse what the schema's rule does not allow, to a separated token of root too."""
        if user is None or not user.startswith(f"{ROOT}!") or user in self.full_tokens:
            super().check_permissions(user, perms, values, declared)
            return
        if perms is not None and perms.get("user") in ("all", "world"):
            return
        rule = (perms or {}).get("check")
        fine, why = (
            self._check(user, rule, values, declared) if rule else (False, "user != root@pam")
        )
        if not fine:
            raise PveError(
                403, f"Permission check failed ({why})" if why else "Permission check failed"
            )

    async def _permissions(self, v: Mapping[str, Any], user: str) -> dict[str, dict[str, int]]:
        who = v.get("userid") or user
        paths = {v["path"]} if v.get("path") else self._known_paths()
        found = {path: self._spreading(who, path) for path in sorted(paths)}
        return {path: held for path, held in found.items() if held}

    def _spreading(self, who: str, path: str) -> dict[str, int]:
        """What somebody holds on a path, and whether it holds below it too."""
        below = self.held(who, f"{path.rstrip('/')}/below")
        return {privilege: int(privilege in below) for privilege in sorted(self.held(who, path))}

    def _known_paths(self) -> set[str]:
        paths = {*STANDING_PATHS, *(grant.path for grant in self.grants)}
        for pool, vmids in self.pools.items():
            paths.update(f"/vms/{vmid}" for vmid in vmids)
            paths.update(f"/storage/{name}" for name in self.pool_info[pool]["storage"])
        return paths


def _levels(path: str) -> list[str]:
    """``/``, then each path on the way down to ``path``."""
    parts = [part for part in path.split("/") if part]
    return ["/", *("/" + "/".join(parts[: n + 1]) for n in range(len(parts)))]
