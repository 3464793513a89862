"""The mapping file that the settings name, read once for each run."""

from __future__ import annotations

from flows.settings import Settings, home
from transform.mapping import MappingFile, read_mapping


def load_mapping(settings: Settings) -> MappingFile:
    """The company's words about its files; nothing where the default file isn't there.

    Raises:
        transform.errors.InvalidMapping: a file that is named isn't there, or a line is wrong.
    """
    path = home() / settings.mapping_file
    if "mapping_file" not in settings.model_fields_set and not path.exists():
        return MappingFile()
    return read_mapping(path)
