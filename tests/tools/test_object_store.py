"""Objects come back as they were put; what goes wrong is a sentence without the secret."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.domain.errors import PaasError, Unreachable
from paas.tools.object_store import Bucket, ObjectStore, StoreRefused
from tests import s3


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with s3.server() as found:
        yield found


@pytest.mark.parametrize("prefix", ["", "paas/builds"])
def test_objects_come_back_as_they_were_put(url: str, tmp_path: Path, prefix: str) -> None:
    bucket = s3.bucket(url, prefix)
    store = ObjectStore(bucket)
    # Larger than a part of an upload.
    (tmp_path / "big").write_bytes(body := os.urandom(9 * 1024 * 1024))
    store.upload("releases/a/big", tmp_path / "big")
    store.put("logs/a/small", b"small")
    assert store.download("releases/a/big", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == body
    assert store.get("logs/a/small") == b"small"
    assert store.keys("") == ["logs/a/small", "releases/a/big"]
    assert store.keys("logs/") == ["logs/a/small"]
    whole = ObjectStore(Bucket(bucket.name, s3.ACCESS, s3.SECRET, url)).keys("")
    assert all(key.startswith(prefix) for key in whole)


def test_what_is_not_there_is_no_error(url: str, tmp_path: Path) -> None:
    store = ObjectStore(s3.bucket(url))
    assert store.get("none") is None
    assert not store.download("none", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    store.delete("none")
    assert store.keys("none") == []


def test_a_probe_leaves_nothing(url: str) -> None:
    store = ObjectStore(s3.bucket(url))
    store.probe()
    assert store.keys("") == []


def test_a_bucket_that_is_not_there_is_told_with_what_to_do(url: str, tmp_path: Path) -> None:
    store = ObjectStore(Bucket("no-such-bucket", s3.ACCESS, s3.SECRET, url))
    (tmp_path / "file").write_bytes(b"x")
    for attempt in (store.probe, lambda: store.upload("a", tmp_path / "file")):
        with pytest.raises(StoreRefused, match=r"NoSuchBucket.*Create the bucket"):
            attempt()


@pytest.mark.parametrize(
    ("status", "code", "kind", "hint"),
    [
        (403, "AccessDenied", StoreRefused, "Give the key the right"),
        (403, "InvalidAccessKeyId", StoreRefused, "Look at s3_access_key"),
        (403, "SignatureDoesNotMatch", StoreRefused, "Look at s3_secret_key"),
        (418, "Teapot", StoreRefused, "Look at the s3_ settings"),
        (503, "SlowDown", Unreachable, "is busy"),
    ],
)
def test_a_refusal_says_what_to_do_and_never_the_secret(
    status: int,
    code: str,
    kind: type[PaasError],
    hint: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "file").write_bytes(b"x" * 9 * 1024 * 1024)
    with s3.refusing(status, code) as url:
        store = ObjectStore(Bucket("bucket", s3.ACCESS, s3.SECRET, url))
        for attempt in (
            lambda: store.put("a", b"x"),
            lambda: store.upload("a", tmp_path / "file"),
            lambda: store.keys("a"),
        ):
            with pytest.raises(kind, match=hint) as refused:
                attempt()
            said = f"{refused.value} {refused.value.detail} {refused.value!r} {caplog.text}"
            assert s3.SECRET not in said
    assert s3.SECRET not in repr(Bucket("bucket", s3.ACCESS, s3.SECRET))


def test_a_store_that_does_not_answer_may_do_so_later(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        store = ObjectStore(Bucket("bucket", s3.ACCESS, s3.SECRET, f"http://127.0.0.1:{port}"))
        (tmp_path / "file").write_bytes(b"x")
        for attempt in (store.probe, lambda: store.upload("a", tmp_path / "file")):
            with pytest.raises(Unreachable, match="does not answer"):
                attempt()


def test_what_is_half_fetched_never_has_the_name(tmp_path: Path) -> None:
    with s3.refusing(403, "AccessDenied") as url:
        store = ObjectStore(Bucket("bucket", s3.ACCESS, s3.SECRET, url))
        with pytest.raises(StoreRefused):
            store.download("a", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
