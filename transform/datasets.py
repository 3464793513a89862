"""The datasets, by name. Each one's contract is declared once, in a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transform.accounts_contract import CHANNEL_ACCOUNTS
from transform.chats_contract import CHATS
from transform.contract import Dataset
from transform.incoming_contract import INCOMING
from transform.statistics_contract import STATISTICS
from transform.users_contract import USER_DETAILS, USERS

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (CHATS, STATISTICS, USERS, USER_DETAILS, CHANNEL_ACCOUNTS, INCOMING)
    }
)

__all__ = [
    "CHANNEL_ACCOUNTS",
    "CHATS",
    "DATASETS",
    "INCOMING",
    "STATISTICS",
    "USERS",
    "USER_DETAILS",
]
