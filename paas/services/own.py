"""The account of whoever asks."""

from sqlalchemy.orm import Session

from paas.domain.errors import Forbidden
from paas.domain.specs import Actor
from paas.store.accounts import LOCK
from paas.store.people import User


def account(session: Session, actor: Actor) -> User:
    """The user whom the actor is, or for whom its token works; else ``Forbidden``."""
    if actor.user_id is None:
        raise Forbidden("This is for somebody with an account; sign in first")
    return session.get_one(User, actor.user_id)


def own_user(session: Session, actor: Actor, *, lock: bool = False) -> User:
    """The row of the actor's account; raises ``Forbidden`` for all but a signed-in user.

    An API token works for its user and is not the user: whoever finds one must not be able to
    change the password or to make further tokens.
    """
    if actor.user_id is None or actor.sign_in is None:
        raise Forbidden("This is for a signed-in user; a token cannot do it. Sign in first")
    return session.get_one(User, actor.user_id, with_for_update=LOCK if lock else None)
