"""The data sets as Prefect assets: what a publication made, and from what.

The open-source server shows them in its event feed (`prefect.asset.materialization.succeeded`).
"""

from __future__ import annotations

from prefect.assets import Asset, AssetProperties

from flows.settings import selected_company

DATASETS = ("chats", "statistics", "users", "user_details", "channel_accounts")


def export_asset(dataset: str) -> Asset:
    """What the vendor hands out."""
    what = "The users list" if dataset == "users" else f"The {dataset} export"
    return _asset(f"smartconnect://exports/{dataset}", f"{what} of SmartConnect")


def parquet_asset(dataset: str) -> Asset:
    """The published Parquet data set."""
    return _asset(f"parquet://current/{dataset}", f"{dataset}, one Parquet file a day")


def table_asset(dataset: str) -> Asset:
    """The published DuckDB table."""
    return _asset(f"duckdb://current/{dataset}", f"{dataset} in the published warehouse")


def published(dataset: str) -> tuple[Asset, Asset]:
    """Both of the published forms."""
    return parquet_asset(dataset), table_asset(dataset)


def _asset(key: str, description: str) -> Asset:
    company = selected_company()
    if company:
        key = key.replace("://", f"://company={company}/")
        description = f"{description} ({company})"
    return Asset(key=key, properties=AssetProperties(name=key, description=description))
