"""Errors of the contract: the file can be read as a table, but not as the one promised.

The tree that they belong to is drawn in `transform.errors`.
"""

from __future__ import annotations

from transform.errors import TransformError


class ContractError(TransformError):
    """The export breaks its contract as a whole; the day's earlier data stays as it was."""


class MissingColumn(ContractError):
    """A column the dataset can't do without is under no known header."""


class AmbiguousColumn(ContractError):
    """Two columns have an equal claim to one field."""


class DateOrderConflict(ContractError):
    """A date can only be read with day and month swapped, against the rest of its column."""


class NoTimeOfDay(ContractError):
    """Every moment of the file is a bare date."""


class SchemaDrift(ContractError):
    """Columns are new, gone or renamed, and the mapping file says that this stops a load."""


class WrongWindow(ContractError):
    """Most rows lie outside the day asked for: the vendor has read the dates differently."""


class TooManyQuarantined(ContractError):
    """So many records break the contract that the file must have been misunderstood."""
