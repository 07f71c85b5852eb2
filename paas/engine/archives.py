"""The archives of releases in the object store: brought there, fetched back, removed.

Where there is an object store, each release's archive lies there a minute after it was made, and
as long as its app is not deleted. Locally only the newest releases keep theirs.
"""

from functools import lru_cache

import structlog

from paas.domain.errors import StepFailed, Unreachable
from paas.domain.live import LiveSettings
from paas.engine.attempt import Attempt
from paas.engine.log_archive import move_old_lines
from paas.engine.platform import Platform
from paas.store import releases
from paas.store.base import utcnow
from paas.store.models import App, Release
from paas.tools.object_store import Bucket, ObjectStore

log = structlog.get_logger(__name__)


def bucket_of(live: LiveSettings) -> Bucket | None:
    """The bucket that the settings name; None when they do not name all that is needed."""
    if not (live.s3_bucket and live.s3_access_key and live.s3_secret_key):
        return None
    return Bucket(
        name=live.s3_bucket,
        access_key=live.s3_access_key,
        secret_key=live.s3_secret_key,
        endpoint=live.s3_endpoint,
        region=live.s3_region,
        prefix=live.s3_prefix,
    )


def object_store(platform: Platform) -> ObjectStore | None:
    """The store to read from: also after it was given up, for what it still has."""
    bucket = bucket_of(platform.live.now())
    return _opened(bucket) if bucket else None


# Making a client takes longer than most of what is asked of it.
_opened = lru_cache(maxsize=4)(ObjectStore)


def key_of(app_uuid: str, release_uuid: str) -> str:
    """Where the archive of a release is in the store."""
    return f"releases/{app_uuid}/{release_uuid}.tar.gz"


def look_after(platform: Platform) -> None:
    """One round of a store that is in use: new archives and old lines go there."""
    store = object_store(platform)
    if store is None:
        return
    try:
        if platform.live.now().uses_s3:
            bring_new(platform, store)
            move_old_lines(platform, store)
        remove_old(platform, store)
    except (Unreachable, StepFailed) as error:
        log.warning("archives are not up to date", error=error.message, detail=error.detail)


def bring_new(platform: Platform, store: ObjectStore) -> int:
    """Upload archives that this machine has and the store has not; returns how many."""
    with platform.store.read() as session:
        waiting = releases.not_stored(session)
    count = 0
    for app_uuid, release_uuid, key, name in waiting:
        path = platform.folder("releases") / app_uuid / name
        if platform.stopping():
            break
        if not path.is_file():
            continue  # It is another machine's, or was superseded a moment ago.
        store.upload(key_of(app_uuid, release_uuid), path)
        with platform.store.write() as session:
            session.get_one(Release, key).stored_at = utcnow()
        count += 1
    return count


def remove_old(platform: Platform, store: ObjectStore) -> None:
    """Remove the archives of deleted apps."""
    with platform.store.read() as session:
        gone = releases.stored_of_deleted(session)
    for app_id, app_uuid in gone:
        for key in store.keys(f"releases/{app_uuid}/"):
            store.delete(key)
        with platform.store.write() as session:
            releases.forget_stored(session, app_id)


def ensure_local(attempt: Attempt, release_id: int) -> None:
    """See that a release's archive lies on this machine, from the object store if need be.

    Raises ``StepFailed`` when it is nowhere, ``Unreachable`` when it may come later.
    """
    platform = attempt.platform
    with platform.store.read() as session:
        release = session.get_one(Release, release_id)
        app_uuid = session.get_one(App, release.app_id).uuid
    folder = platform.folder("releases") / app_uuid
    if release.archive and (folder / release.archive).is_file():
        return
    name = f"{release.uuid}.tar.gz"
    store = object_store(platform)
    if store is None or not _may_have(platform, release):
        raise StepFailed(_nowhere(release))
    folder.mkdir(mode=0o700, exist_ok=True)
    attempt.say(f"fetching the source of version {release.number} from the object store")
    if not store.download(key_of(app_uuid, release.uuid), folder / name):
        if release.stored_at is None:
            raise Unreachable(
                f"The source of version {release.number} lies on another machine, which has not "
                "brought it to the object store yet"
            )
        raise StepFailed(_nowhere(release))
    with attempt.write() as session:
        session.get_one(Release, release_id).archive = name


def _may_have(platform: Platform, release: Release) -> bool:
    on_its_way = bool(release.archive) and platform.live.now().uses_s3
    return release.stored_at is not None or on_its_way


def _nowhere(release: Release) -> str:
    return (
        f"The source of version {release.number} is no longer kept on this machine. Deploy its "
        f"commit {release.sha[:12]} instead"
    )
