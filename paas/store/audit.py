"""The audit log: written in the transaction of the change that it tells of."""

from sqlalchemy.orm import Session

from paas.domain.specs import Actor
from paas.store.people import AuditEntry


def record(
    session: Session,
    actor: Actor,
    action: str,
    kind: str,
    object_id: str,
    /,
    *,
    in_tenant: int | None = None,
    **details: object,
) -> None:
    """Note a change: ``record(session, actor, "app.scale", "app", app.uuid, replicas=3)``.

    It stands in the log of the actor's tenant, or of the one that an administrator acts upon.
    ``details`` are JSON values without secrets.
    """
    session.add(
        AuditEntry(
            tenant_id=actor.tenant_id if in_tenant is None else in_tenant,
            user_id=actor.user_id,
            actor=actor.name,
            source=actor.source,
            action=action,
            kind=kind,
            object=object_id,
            details=details,
        )
    )
