"""What can go wrong between a file and typed rows, one class per way to recover.

    TransformError                 base: says what was asked, what came, what to do
    ├── UnreadableExport           the file is no table that can be read: ask for the export again
    ├── InvalidMapping             the mapping file says what can't be meant: correct its line
    ├── UnusableKey                the key for personal data: make it, or make it private
    ├── UnusablePolicy             a policy for personal data can't be kept to: correct it
    ├── UnusablePerson             who is to be erased isn't told: say it whole
    └── ContractError              (contract_errors.py) a table, but not the one promised
        ├── MissingColumn          name the column in the mapping file
        ├── AmbiguousColumn        say in the mapping file which of two columns is meant
        ├── DateOrderConflict      say in the mapping file how the dates are written
        ├── NoTimeOfDay            name the column that holds the time of day
        ├── SchemaDrift            say in the mapping file what the changed columns mean
        ├── WrongWindow            compare the days asked for with the days that came
        └── TooManyQuarantined     look at the reasons in the quarantine, then mend the mapping

No message holds a cell's value (values are personal data), except a date that contradicts its file.
"""

from __future__ import annotations


class TransformError(Exception):
    """An export can't become typed rows.

    Args:
        asked: what was attempted, with the dataset or the file's place.
        came: what was found instead: counts, positions, headers; never personal data.
        cure: what the person who reads this can do about it.
    """

    def __init__(self, asked: str, came: str, cure: str) -> None:
        super().__init__(f"{asked}: {came}. {cure}")
        self.asked = asked
        self.came = came
        self.cure = cure

    def __reduce__(self) -> tuple[type[TransformError], tuple[str, str, str]]:
        # The default would call the class with one argument: errors cross process borders.
        return type(self), (self.asked, self.came, self.cure)


class UnreadableExport(TransformError):
    """The file is no table that can be read whole and truthfully; nothing of it was loaded."""


class InvalidMapping(TransformError):
    """The mapping file can't be read or says what can't be meant; nothing was started."""


class UnusablePolicy(TransformError):
    """A policy for personal data names nothing known or can't be kept to; nothing was started."""


class UnusableKey(TransformError):
    """The key for personal data can't be used or isn't safe where it is; nothing was started."""


class UnusablePerson(TransformError):
    """Who is to be erased isn't told, or not well enough; nothing was started."""
