"""An object store by the S3 protocol: a prefix of a bucket, and the few requests made of it.

This module is imported only where a store is set: its client costs a second.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from warehouse.storeclient import Asking, code_of, s3_client

ANSWER_SECONDS, TRIES = 60, 5
DELETE_AT_ONCE, CHUNK_BYTES = 1000, 1024 * 1024
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
        self._asking = Asking(self.url)
        with self._asking.to("find out how to reach it"):
            self._client = s3_client(tries, answer_seconds)

    def read(self, key: str) -> Found | None:
        """A small object as a whole; None where there is none."""
        with self._asking.to(f"read {key}"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
            content = answer["Body"].read()
        return Found(content, answer["ETag"], answer["LastModified"], _told_at(answer))

    def put(self, key: str, content: bytes) -> datetime:
        """Write an object, whole or not at all; when, by the store's clock."""
        with self._asking.to(f"write {key}"):
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
        with self._asking.to(f"write {key}"):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + key, Body=content, **condition
                )
            except ClientError as error:
                if code_of(error) in _CHANGED or (etag and code_of(error) in _MISSING):
                    return None
                raise
        sys.audit("smartconnect.point", "warehouse.store.object-put-if")
        return answer["ETag"]

    def upload(self, path: Path, key: str, sha256: str | None = None) -> None:
        """Send a file; the client sends a large one in parts, each tried again by itself.

        Its hash stands beside it, if told (`told_sha256`).
        """
        with self._asking.to(f"write {key}"):
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
        with self._asking.to(f"look at {key}"):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return {}
                raise
        return {"": key, **answer["Metadata"]}

    def chunks(self, key: str, offset: int = 0) -> Iterator[bytes] | None:
        """An object's bytes from `offset` on; None where there is none."""
        with self._asking.to(f"read {key}"):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + key, Range=f"bytes={offset}-"
                )
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
        return self._body(key, answer["Body"])

    def _body(self, key: str, body: Any) -> Iterator[bytes]:
        with self._asking.to(f"read {key}"):
            yield from body.iter_chunks(CHUNK_BYTES)

    def listed(self, folder: str) -> Iterator[Listed]:
        """Every object whose key begins so; a request for each thousand."""
        with self._asking.to(f"list {folder}"):
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
        wanted, doing = list(keys), "remove what is no longer needed"
        for first in range(0, len(wanted), DELETE_AT_ONCE):
            some = wanted[first : first + DELETE_AT_ONCE]
            with self._asking.to(doing):
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + k} for k in some], "Quiet": True},
                )
            sys.audit("smartconnect.point", "warehouse.store.objects-deleted")
            if failed := answer.get("Errors"):
                raise self._asking.refused(
                    "remove what is no longer needed", str(failed[0].get("Code"))
                )
        return len(wanted)

    def abort_uploads(self, folder: str, before: datetime) -> int:
        """Remove what uploads that were cut off have left in the store; says how many."""
        with self._asking.to("look for unfinished uploads"):
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
            raise self._asking.refused(
                "publish in it", "conditional writes are not kept (If-None-Match)"
            )


def _told_at(answer: Any) -> datetime:
    """The store's clock, by its answer; this machine's where it told none."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told).astimezone(UTC) if told else datetime.now(UTC)
