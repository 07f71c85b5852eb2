"""An S3-compatible object store: files and small bodies under keys of one bucket.

What goes wrong is a sentence: ``Unreachable`` when trying again may help, ``StoreRefused`` when
the settings or the rights have to change. No message and no log line has the secret key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from paas.domain.errors import StepFailed, Unreachable

CONNECT_SECONDS = 5
READ_SECONDS = 30
TRIES = 3
MISSING = ("404", "NoSuchKey", "NotFound")
TRY_AGAIN = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "503", "500")


class StoreRefused(StepFailed):
    """The object store answers and does not do what was asked."""


@dataclass(frozen=True)
class Bucket:
    """Where objects are kept, and who may. An empty endpoint is Amazon's own."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""


class ObjectStore:
    """The objects of a bucket; keys are relative to its prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @cached_property
    def _client(self) -> Any:
        # Loading boto3 takes a second, which only those wait for who have an object store.
        import boto3
        from botocore.config import Config

        session = boto3.Session(
            aws_access_key_id=self._bucket.access_key,
            aws_secret_access_key=self._bucket.secret_key,
            region_name=self._bucket.region,
        )
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            # The name of a bucket is no host name at most stores.
            s3={"addressing_style": "path"},
            # Stores that are not Amazon's need not know its newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return session.client("s3", endpoint_url=self._bucket.endpoint or None, config=config)

    def upload(self, key: str, path: Path) -> None:
        """Put a file; when this returns, the store has confirmed all of it."""
        with self._speaking(f"store {key}"):
            whole = path.stat().st_size
            self._client.upload_file(str(path), self._bucket.name, self._full(key))
            size = self._size(key)
        if size != whole:
            raise Unreachable(
                f"The object store has {size} bytes of {key}, and the file has {whole}; it is "
                "uploaded again later"
            )

    def put(self, key: str, body: bytes) -> None:
        """Put a small object."""
        with self._speaking(f"store {key}"):
            self._client.put_object(Bucket=self._bucket.name, Key=self._full(key), Body=body)

    def get(self, key: str) -> bytes | None:
        """A small object; None when there is none."""
        with self._speaking(f"read {key}"):
            try:
                answer = self._client.get_object(Bucket=self._bucket.name, Key=self._full(key))
                body: bytes = answer["Body"].read()
                return body
            except self._client.exceptions.NoSuchKey:
                return None

    def download(self, key: str, path: Path) -> bool:
        """Get an object into a file, whole or not at all; False when there is none."""
        partial = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            with self._speaking(f"read {key}"):
                if self._size(key) is None:
                    return False
                self._client.download_file(self._bucket.name, self._full(key), str(partial))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return True

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._speaking(f"remove {key}"):
            self._client.delete_object(Bucket=self._bucket.name, Key=self._full(key))

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so, in order."""
        found: list[str] = []
        cut = len(self._full(""))
        with self._speaking(f"list {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket.name, Prefix=self._full(prefix)
            )
            for page in pages:
                found += [one["Key"][cut:] for one in page.get("Contents", ())]
        return found

    def probe(self) -> None:
        """Write, read and remove an object; raises a sentence when one of these is not allowed."""
        key, body = f"probe-{uuid4().hex}", b"written to see whether it can be"
        self.put(key, body)
        if self.get(key) != body:
            raise StoreRefused("The object store gives back other bytes than it was given")
        self.delete(key)

    def _size(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.head_object(Bucket=self._bucket.name, Key=self._full(key))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in MISSING:
                return None
            raise
        size: int = answer["ContentLength"]
        return size

    def _full(self, key: str) -> str:
        return f"{self._bucket.prefix}/{key}" if self._bucket.prefix else key

    @contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        """Turn what the library raises into sentences."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._refusal(doing, error.response.get("Error", {})) from error
        except Boto3Error as error:
            # An upload wraps what happened, and says it in a text of its own.
            cause = error.__cause__ or error.__context__
            if isinstance(cause, ClientError):
                raise self._refusal(doing, cause.response.get("Error", {})) from error
            raise Unreachable(self._away(doing), detail=str(error)) from error
        except (BotoCoreError, OSError) as error:
            raise Unreachable(self._away(doing), detail=str(error)) from error

    def _where(self) -> str:
        place = self._bucket.endpoint or "Amazon S3"
        return f"the bucket '{self._bucket.name}' at {place}"

    def _away(self, doing: str) -> str:
        return f"Could not {doing}: {self._where()} does not answer. Look at the endpoint and at it"

    def _refusal(self, doing: str, told: dict[str, Any]) -> StepFailed | Unreachable:
        code, text = str(told.get("Code", "")), str(told.get("Message", ""))[:200]
        if code in TRY_AGAIN:
            return Unreachable(f"Could not {doing}: {self._where()} is busy ({code})")
        hint = HINTS.get(code, "Look at the s3_ settings and at the rights of the key")
        return StoreRefused(f"Could not {doing}: {self._where()} refused ({code} {text}). {hint}")


HINTS = {
    "NoSuchBucket": "Create the bucket, or name another one in s3_bucket",
    "InvalidAccessKeyId": "Look at s3_access_key",
    "SignatureDoesNotMatch": "Look at s3_secret_key and s3_region",
    "AccessDenied": "Give the key the right to read, write, list and remove objects there",
    "AuthorizationHeaderMalformed": "Look at s3_region",
}
