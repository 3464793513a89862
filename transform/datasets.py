"""The datasets, by name. Each one's contract is declared once, in a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transform.chats_contract import CHATS
from transform.contract import Dataset
from transform.incoming_contract import INCOMING
from transform.statistics_contract import STATISTICS
from transform.users_contract import USERS

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (CHATS, STATISTICS, USERS, INCOMING)}
)

__all__ = ["CHATS", "DATASETS", "INCOMING", "STATISTICS", "USERS"]
