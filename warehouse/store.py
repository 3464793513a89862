"""An object store by the S3 protocol: a prefix of a bucket, and the few requests made of it.

Endpoint and credentials are found by the AWS client itself (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
~/.aws/…): they are no setting of ours, and in no message. What the store doesn't answer is retried
by the client; what then remains is told as one of two errors, by who can help. This module is
imported only where a store is set.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from warehouse.errors import StoreRefused, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS, ANSWER_SECONDS, TRIES = 10, 60, 5
DELETE_AT_ONCE, CHUNK_BYTES = 1000, 1024 * 1024
_NOT_SET_UP = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ConfigNotFound,
    ConfigParseError,
)
_LATER = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "OperationAborted"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_MISSING = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class Found:
    """An object as it was read: `at` is when, by the store's clock."""

    content: bytes
    etag: str
    modified: datetime
    at: datetime


@dataclass(frozen=True)
class Listed:
    """An object of a listing; `key` is below the prefix, `at` is when, by the store's clock."""

    key: str
    size_bytes: int
    modified: datetime
    at: datetime
    etag: str


class ObjectStore:
    """All objects below `s3://bucket/prefix`; every key here is below that prefix.

    Args:
        url: the prefix.
        tries: how often something is asked that the store doesn't answer.
        answer_seconds: how long an answer is waited for.
    """

    def __init__(
        self, url: str, *, tries: int = TRIES, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        with self._asked("find out how to reach it"):
            self._client = _client(tries, answer_seconds)

    def read(self, key: str) -> Found | None:
        """A small object as a whole; None where there is none."""
        with self._asked(f"read {key}"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
            content = answer["Body"].read()
        return Found(content, answer["ETag"], answer["LastModified"], _told_at(answer))

    def put(self, key: str, content: bytes) -> datetime:
        """Write an object, whole or not at all; when, by the store's clock."""
        with self._asked(f"write {key}"):
            answer = self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=content
            )
        sys.audit("smartconnect.point", "warehouse.store.object-put")
        return _told_at(answer)

    def put_if(self, key: str, content: bytes, etag: str | None) -> bool:
        """Write an object if it still has that etag, or, with None, if there is none.

        Returns:
            False where another has been there. Also where the answer to our own was lost and it was
            asked again: who wants to know reads it.
        """
        return self.write_if(key, content, etag) is not None

    def write_if(self, key: str, content: bytes, etag: str | None) -> str | None:
        """As `put_if`; the new etag, or None where another has been there."""
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        with self._asked(f"write {key}"):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + key, Body=content, **condition
                )
            except ClientError as error:
                if _code(error) in _CHANGED or (etag and _code(error) in _MISSING):
                    return None
                raise
        sys.audit("smartconnect.point", "warehouse.store.object-put-if")
        return answer["ETag"]

    def upload(self, path: Path, key: str, sha256: str | None = None) -> None:
        """Send a file; the client sends a large one in parts, each tried again by itself.

        Its hash stands beside it, if told (`told_sha256`).
        """
        with self._asked(f"write {key}"):
            self._client.upload_file(
                str(path),
                self._bucket,
                self._prefix + key,
                ExtraArgs={"Metadata": {"sha256": sha256}} if sha256 else None,
                Config=TransferConfig(max_concurrency=4),
            )
        sys.audit("smartconnect.point", "warehouse.store.file-uploaded")

    def told_sha256(self, key: str) -> str | None:
        """The hash that an object was uploaded with; None where there is no such object or hash."""
        return self._described(key).get("sha256")

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return "" in self._described(key)

    def _described(self, key: str) -> dict[str, str]:
        """What was told of an object when it was uploaded; nothing at all where there is none."""
        with self._asked(f"look at {key}"):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return {}
                raise
        return {"": key, **answer["Metadata"]}

    def chunks(self, key: str, offset: int = 0) -> Iterator[bytes] | None:
        """An object's bytes from `offset` on; None where there is none."""
        with self._asked(f"read {key}"):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + key, Range=f"bytes={offset}-"
                )
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
        return self._body(key, answer["Body"])

    def _body(self, key: str, body: Any) -> Iterator[bytes]:
        with self._asked(f"read {key}"):
            yield from body.iter_chunks(CHUNK_BYTES)

    def listed(self, folder: str) -> Iterator[Listed]:
        """Every object whose key begins so; a request for each thousand."""
        with self._asked(f"list {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + folder
            )
            for page in pages:
                for told in page.get("Contents", []):
                    key = told["Key"].removeprefix(self._prefix)
                    at = _told_at(page)
                    yield Listed(key, told["Size"], told["LastModified"], at, told["ETag"])

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; says how many."""
        wanted = list(keys)
        for first in range(0, len(wanted), DELETE_AT_ONCE):
            some = wanted[first : first + DELETE_AT_ONCE]
            with self._asked("remove what is no longer needed"):
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + k} for k in some], "Quiet": True},
                )
            sys.audit("smartconnect.point", "warehouse.store.objects-deleted")
            if failed := answer.get("Errors"):
                raise self._refused("remove what is no longer needed", str(failed[0].get("Code")))
        return len(wanted)

    def abort_uploads(self, folder: str, before: datetime) -> int:
        """Remove what uploads that were cut off have left in the store; says how many."""
        with self._asked("look for unfinished uploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix + folder
            )
            old = [u for page in pages for u in page.get("Uploads", []) if u["Initiated"] < before]
            for upload in old:
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
                sys.audit("smartconnect.point", "warehouse.store.upload-aborted")
        return len(old)

    def prove_conditions(self, key: str) -> None:
        """See that the store keeps its word about conditional writes, with an object of its own.

        Raises:
            StoreRefused: it doesn't, so that two loaders could overwrite each other's publication.
        """
        self.put(key, json.dumps({"for": "a conditional write, which must fail"}).encode())
        kept = self.put_if(key, b"{}", None) or self.put_if(key, b"{}", '"another"')
        self.delete([key])
        if kept:
            raise self._refused("publish in it", "conditional writes are not kept (If-None-Match)")

    @contextmanager
    def _asked(self, doing: str) -> Iterator[None]:
        """Tell what the client raises as one of ours; its own words stay out."""
        try:
            yield
        except ClientError as error:
            raise self._of_answer(doing, error) from None
        except _NOT_SET_UP as error:
            raise self._refused(doing, type(error).__name__) from None
        except Boto3Error as error:
            if isinstance(error.__context__, ClientError):
                raise self._of_answer(doing, error.__context__) from None
            raise self._unavailable(doing, type(error).__name__) from None
        except BotoCoreError as error:
            raise self._unavailable(doing, type(error).__name__) from None
        except ValueError:  # an endpoint that is no URL; its text may hold anything
            raise self._refused(doing, "the endpoint is no URL") from None

    def _of_answer(self, doing: str, error: ClientError) -> StoreUnavailable | StoreRefused:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status >= 500 or status == 429 or _code(error) in _LATER:
            return self._unavailable(doing, _code(error))
        return self._refused(doing, _code(error))

    def _unavailable(self, doing: str, came: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"To {doing}, {self.url} was asked; it can't be reached or isn't well ({came}). What "
            "is published on this machine stands, and the next run uploads what is missing."
        )

    def _refused(self, doing: str, came: str) -> StoreRefused:
        return StoreRefused(
            f"To {doing}, {self.url} was asked; it refuses ({came}). Look at "
            "SMARTCONNECT_STORE_URL or SMARTCONNECT_DATA_URL, AWS_ENDPOINT_URL, the credentials "
            "and what they may do, then run `smartconnect push` (docs/object-store.md)."
        )


def _client(tries: int, answer_seconds: float) -> S3Client:
    """The AWS client; a store of one's own is asked by path, as most of them want it."""
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)  # below it, headers are told
    session = boto3.Session()
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=answer_seconds,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=32,
    )
    client = session.client("s3", config=config)
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return client
    told = getattr(client.meta.config, "s3", None) or {}
    if "addressing_style" in told:
        return client
    return session.client("s3", config=config.merge(Config(s3={"addressing_style": "path"})))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "no code"))


def _told_at(answer: Any) -> datetime:
    """The store's clock, by its answer; this machine's where it told none."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told).astimezone(UTC) if told else datetime.now(UTC)
