"""The AWS client of an object store: how it is made, and what it raises told as an error of ours.

Endpoint and credentials are found by the client itself (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
~/.aws/…): they are no setting of ours, and in no message. What the store doesn't answer is retried
by the client; what then remains is told as one of two errors, by who can help.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
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

CONNECT_SECONDS = 10
_NOT_SET_UP = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ConfigNotFound,
    ConfigParseError,
)
_LATER = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "OperationAborted"}


def s3_client(tries: int, answer_seconds: float) -> S3Client:
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


@dataclass(frozen=True)
class Asking:
    """Asks a store, and tells what its client raises as one of ours; its own words stay out.

    Attributes:
        url: the store's, as a person knows it.
    """

    url: str

    @contextmanager
    def to(self, doing: str) -> Iterator[None]:
        """The client is asked within the block.

        Raises:
            StoreUnavailable: it doesn't answer, or isn't well.
            StoreRefused: it says no, or nothing says how to reach it.
        """
        try:
            yield
        except ClientError as error:
            raise self._of_answer(doing, error) from None
        except _NOT_SET_UP as error:
            raise self.refused(doing, type(error).__name__) from None
        except Boto3Error as error:
            if isinstance(error.__context__, ClientError):
                raise self._of_answer(doing, error.__context__) from None
            raise self._unavailable(doing, type(error).__name__) from None
        except BotoCoreError as error:
            raise self._unavailable(doing, type(error).__name__) from None
        except ValueError:  # an endpoint that is no URL; its text may hold anything
            raise self.refused(doing, "the endpoint is no URL") from None

    def _of_answer(self, doing: str, error: ClientError) -> StoreUnavailable | StoreRefused:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status >= 500 or status == 429 or code_of(error) in _LATER:
            return self._unavailable(doing, code_of(error))
        return self.refused(doing, code_of(error))

    def _unavailable(self, doing: str, came: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"To {doing}, {self.url} was asked; it can't be reached or isn't well ({came}). What "
            "is published on this machine stands, and the next run uploads what is missing."
        )

    def refused(self, doing: str, came: str) -> StoreRefused:
        """The error for what it doesn't do."""
        return StoreRefused(
            f"To {doing}, {self.url} was asked; it refuses ({came}). Look at "
            "SMARTCONNECT_STORE_URL or SMARTCONNECT_DATA_URL, AWS_ENDPOINT_URL, the credentials "
            "and what they may do, then run `smartconnect push` (docs/object-store.md)."
        )


def code_of(error: ClientError) -> str:
    """What the store calls it that it didn't do."""
    return str(error.response.get("Error", {}).get("Code", "no code"))
