"""What the settings say of personal data: policies, their key, and who may read what is kept."""

from __future__ import annotations

from rich.console import Console

from flows.errors import NotConfigured
from flows.settings import Settings, home, load_settings, require_company
from transform.errors import TransformError
from transform.privacy import Policy, Privacy
from transform.pseudonyms import PersonalKeys, add_key
from warehouse.layout import DataDirectory
from warehouse.storedfiles import StoredFiles


def load_privacy(settings: Settings) -> Privacy:
    """The company's policies with their key; all is kept where nothing is said.

    Raises:
        transform.errors.UnusablePolicy: a policy can't be kept to.
        transform.errors.UnusableKey: the key file isn't there or isn't safe.
    """
    policies = {name: Policy(said) for name, said in settings.personal.items()}
    return Privacy(policies, load_keys(settings))


def load_keys(settings: Settings) -> PersonalKeys | None:
    """The key for pseudonyms and suppression lists; None where no file is named.

    Raises:
        transform.errors.UnusableKey: the file isn't there or isn't safe.
    """
    if settings.personal_key_file is None:
        return None
    path = home() / settings.personal_key_file
    return PersonalKeys.load(path, data_root=settings.data_root)


def data_directory(settings: Settings) -> DataDirectory:
    """The company's data directory, its readers and where its files are as the settings have it.

    Raises:
        NotConfigured: there are several companies, and none is chosen.
    """
    require_company(settings)
    layout = DataDirectory(
        settings.data_root,
        group=settings.published_group,
        personal_published=settings.publish_personal,
        months_published=settings.compact == "months",
        company=settings.company,
    )
    if settings.data_store is not None:
        layout.files = StoredFiles(settings.data_store, layout)
    return layout


def make_key(console: Console, *, rotate: bool) -> int:
    """Make the key that SMARTCONNECT_PERSONAL_KEY_FILE names, or add a version to it."""
    try:
        told = _made_key(load_settings(), rotate=rotate)
    except (NotConfigured, TransformError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    console.print(told, markup=False, highlight=False)
    return 0


def _made_key(settings: Settings, *, rotate: bool) -> str:
    if settings.personal_key_file is None:
        raise NotConfigured(
            "Say in SMARTCONNECT_PERSONAL_KEY_FILE where the key is to be: outside the data "
            "directory, and in another backup than the data."
        )
    path, data_root = home() / settings.personal_key_file, settings.data_root
    if path.exists() and not rotate:
        newest = PersonalKeys.load(path, data_root=data_root).versions[-1]
        return f"{path} has version {newest} already; --rotate adds one."
    version = add_key(path, data_root=data_root)
    again = " Run `smartconnect rebuild`: pseudonyms of two versions don't meet."
    return (
        f"{path} has version {version} now. Keep a copy apart from the data: without it nobody who "
        "was erased is recognised, and no pseudonym can be made again."
        + (again if version > 1 else "")
    )
