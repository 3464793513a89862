"""What several machines have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

_STORE_URL = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?$"


class SharingSettings(BaseModel):
    """The object store, leases, and the cluster that prepares days."""

    data_url: str | None = Field(
        None,
        pattern=_STORE_URL,
        description="All machines of a company share this prefix of an object store, "
        "`s3://bucket/prefix`: raw/, lake, quarantine and releases are there, and `data_dir` is "
        "each machine's working copy (docs/object-store.md); the sandbox's is `…-sandbox`.",
    )
    lease_seconds: float = Field(
        30.0,
        ge=1,
        description="With `data_url`: a machine that is silent for so long counts as dead, and "
        "others take over what it held.",
    )
    store_url: str | None = Field(
        None,
        pattern=_STORE_URL,
        description="Releases are mirrored to this prefix of an object store, "
        "`s3://bucket/prefix` (docs/object-store.md); the sandbox's to `…-sandbox`.",
    )
    store_grace_seconds: float = Field(
        86_400,
        ge=0,
        description="A release on the object store is kept for so long after the next one, also "
        "beyond `keep_releases`: for readers who began with it.",
    )
    task_runner: Literal["local", "dask", "ray"] = Field(
        "local",
        description="Where days are prepared: in the flow's own process, or on a cluster "
        "(docs/scale-out.md).",
    )
    cluster_address: str | None = Field(
        None,
        pattern=r"^[a-z]+://[^\s]+$|^[\w.-]+:\d+$|^auto$",
        description="The cluster's: `tcp://host:8786` of Dask's scheduler, `ray://host:10001` of "
        "Ray.",
    )
