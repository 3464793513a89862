"""Every table, view and figure that readers find, made before a run loads anything."""

from __future__ import annotations

from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.martmaking import Company, make_marts
from warehouse.schema import fill_dictionary, make_dataset, make_meta, tables_there


@on_disk("make the tables")
def prepare_tables(writer: Writer, company: Company | None = None) -> None:
    """Make every table with its COMMENTs, and the data dictionary; idempotent, once a run.

    Args:
        writer: the open database.
        company: what figures are told by; None: as they were before.

    Raises:
        ContractChanged: a published column is gone from a contract.
    """
    contracts = list(writer.contracts.values())
    with writer.transaction() as connection:
        there = tables_there(connection)
        make_meta(connection, there)
        for contract in contracts:
            make_dataset(connection, contract, there)
        if make_marts(connection, writer.contracts, company, there):
            bump_revision(connection)
        fill_dictionary(connection, contracts)
