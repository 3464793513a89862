"""The reporting file that the settings name, read once for each run."""

from __future__ import annotations

from flows.settings import Settings, home
from warehouse.business import Business, read_business
from warehouse.martmaking import Company


def load_company(settings: Settings) -> Company:
    """What figures are told by; an office's hours where the default file isn't there.

    Raises:
        warehouse.errors.ReportingFileWrong: a file that is named isn't there, or a key is wrong.
    """
    path = home() / settings.reporting_file
    if "reporting_file" not in settings.model_fields_set and not path.exists():
        return Company(Business(), settings.time_zone, settings.company)
    return Company(read_business(path), settings.time_zone, settings.company)
