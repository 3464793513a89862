"""Pseudonyms: one word a person, a key that is safe where it lies, and versions of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from transform.errors import UnusableKey
from transform.pseudonyms import KEY_BYTES, PersonalKeys, PersonalKind, add_key, normalised

PHONE, NAME = PersonalKind.PHONE, PersonalKind.NAME


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "personal.key"
    path.parent.mkdir()
    add_key(path, data_root=tmp_path / "data")
    return path


def load(path: Path, tmp_path: Path) -> PersonalKeys:
    return PersonalKeys.load(path, data_root=tmp_path / "data")


@pytest.mark.promise("secrets-key")
@pytest.mark.parametrize(
    "written",
    [
        "+7 916 123-45-67",
        "8 (916) 123-45-67",
        "79161234567",
        "9161234567",
        "007 916 1234567",
        "79161234567.0",
        "79161234567@c.us",
        "+7 916 123-45-67 доб. 12",
        "\u202a+7\u00a0916\u00a0123‑45‑67\u202c",
        "＋７９１６１２３４５６７",
    ],
)
def test_one_phone_is_one_number_however_it_is_written(written: str) -> None:
    assert normalised(written, PHONE) == "79161234567"


def test_another_country_keeps_its_code_and_no_number_stays_what_it_is() -> None:
    assert normalised("+375 29 123-45-67", PHONE) == "375291234567"
    assert normalised("+81 90 1234 5678", PHONE) == "819012345678"
    assert normalised("Скрыт", PHONE) == "скрыт"


def test_one_name_is_one_word_and_a_text_keeps_every_character() -> None:
    assert normalised("  ПЁТР\u00a0 Иванов\u200b ", NAME) == "петр иванов"
    assert normalised("Пётр", NAME) == normalised("Петр", NAME)
    assert normalised(" Да ", PersonalKind.TEXT) == " Да "


def test_a_pseudonym_is_stable_says_its_version_and_differs_by_kind_and_key(
    key_file: Path, tmp_path: Path
) -> None:
    keys = load(key_file, tmp_path)
    word = keys.pseudonym("8 916 123-45-67", PHONE)
    assert re.fullmatch(r"p1:[a-z2-7]{26}", word)
    assert word == load(key_file, tmp_path).pseudonym("+79161234567", PHONE)
    assert word != keys.pseudonym("+79161234567", PersonalKind.ID)
    assert keys.pseudonym("", PHONE) == "" == keys.pseudonym("  ", NAME)
    other = tmp_path / "other.key"
    add_key(other, data_root=tmp_path / "data")
    assert load(other, tmp_path).pseudonym("+79161234567", PHONE) != word


def test_a_new_version_is_used_for_new_values_and_finds_the_old_ones(
    key_file: Path, tmp_path: Path
) -> None:
    before = load(key_file, tmp_path)
    assert add_key(key_file, data_root=tmp_path / "data") == 2
    after = load(key_file, tmp_path)
    assert after.versions == (1, 2)
    assert before.fingerprint != after.fingerprint
    newest, oldest = after.pseudonyms_of("+79161234567", PHONE)
    assert newest == after.pseudonym("+79161234567", PHONE)
    assert newest.startswith("p2:")
    assert oldest == before.pseudonym("+79161234567", PHONE)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


@pytest.mark.promise("secrets-key")
def test_a_key_that_is_not_safe_is_refused(key_file: Path, tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o620):
        key_file.chmod(mode)
        with pytest.raises(UnusableKey, match="chmod 600"):
            load(key_file, tmp_path)
    key_file.chmod(0o600)
    inside = tmp_path / "data" / "state" / "personal.key"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(key_file.read_bytes())
    inside.chmod(0o600)
    link = tmp_path / "link.key"
    link.symlink_to(inside)
    for path in (inside, link):
        with pytest.raises(UnusableKey, match="inside the data directory"):
            load(path, tmp_path)
        with pytest.raises(UnusableKey, match="inside the data directory"):
            add_key(path, data_root=tmp_path / "data")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("1:" + "ab" * (KEY_BYTES - 1), "shorter than 32 bytes"),
        ("", "holds no key"),
        ("# nothing yet\n", "holds no key"),
        ("1:" + "ab" * KEY_BYTES + "\n1:" + "cd" * KEY_BYTES, "line 2"),
        ("secret-canary", "line 1"),
        ("1:" + "xy" * KEY_BYTES, "line 1"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_and_never_shown(
    tmp_path: Path, content: str, why: str
) -> None:
    path = tmp_path / "personal.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UnusableKey, match=why) as refused:
        load(path, tmp_path)
    for line in content.splitlines():
        assert (
            line.startswith("#")
            or line.partition(":")[2] not in str(refused.value)[100:]
            or (":" not in line)
        )
    assert "canary" not in str(refused.value)


def test_keys_are_not_in_what_is_printed(key_file: Path, tmp_path: Path) -> None:
    secret = key_file.read_text().strip().partition(":")[2]
    keys = load(key_file, tmp_path)
    assert secret not in repr(keys)
    assert str(bytes.fromhex(secret)) not in repr(keys)
