"""A user's own account: name and password."""

from sqlalchemy.orm import Session

from paas.domain.account_views import UserView
from paas.domain.errors import Invalid
from paas.domain.permissions import Permission
from paas.domain.specs import Actor
from paas.engine.platform import Platform
from paas.services import passwords, throttling
from paas.services.allowed import needs
from paas.services.own import account, own_user
from paas.services.resets import set_password
from paas.store import accounts as people
from paas.store import audit

LONGEST_NAME = 100
WRONG = "The current password is not right"


@needs(Permission.ACCOUNT)
def profile(platform: Platform, actor: Actor) -> UserView:
    """The account of whoever asks, by sign-in or token."""
    with platform.store.read() as session:
        return people.view(session, account(session, actor))


@needs(Permission.ACCOUNT)
def update(
    platform: Platform,
    actor: Actor,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    current_password: str | None = None,
    new_password: str | None = None,
) -> UserView:
    """Change what is not None, all of it or nothing; raises ``Invalid``.

    A new password needs the current one. It ends the user's other sign-ins; API tokens stay.
    """
    names = {"first_name": first_name, "last_name": last_name}
    broken = [one for name, text in names.items() for one in name_refusals(name, text)]
    if broken:
        raise Invalid(broken)
    proof = None
    if new_password is not None:
        proof = _prove(platform, actor, current_password or "", new_password)
    with platform.store.write() as session:
        user = own_user(session, actor, lock=True)
        changed = [name for name, text in names.items() if text is not None]
        for name in changed:
            setattr(user, name, (names[name] or "").strip())
        if changed:
            audit.record(session, actor, "account.update", "user", user.uuid, changed=changed)
        if proof is not None:
            _change(session, actor, proof)
        return people.view(session, user)


@needs(Permission.ACCOUNT)
def change_password(platform: Platform, actor: Actor, current: str, new: str) -> UserView:
    """Change the password alone; see ``update``."""
    return update(platform, actor, current_password=current, new_password=new)


def _prove(platform: Platform, actor: Actor, current: str, new: str) -> tuple[str, str]:
    """The hash that the current password fitted, and that of the new one."""
    with platform.store.read() as session:
        user = own_user(session, actor)
    attempt = throttling.begin(platform, user.email, actor.source)
    if user.password is None or not passwords.matches(user.password, current):
        raise Invalid([WRONG])
    throttling.give_back(platform, attempt)
    return user.password, passwords.accept(new, user.email)


def _change(session: Session, actor: Actor, proof: tuple[str, str]) -> None:
    user = own_user(session, actor, lock=True)
    verified, kept = proof
    if user.password != verified:
        raise Invalid([WRONG])
    set_password(session, user, kept, but=actor.sign_in)
    audit.record(session, actor, "account.password", "user", user.uuid)


def name_refusals(name: str, text: str | None) -> list[str]:
    """Why this cannot be a person's first or last name; None is none."""
    if text is None or (len(text.strip()) <= LONGEST_NAME and (text.isprintable() or not text)):
        return []
    words = name.replace("_", " ")
    return [f"The {words} must have at most {LONGEST_NAME} characters, on one line"]
