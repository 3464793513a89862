"""Keyed pseudonyms: the same person is the same word, and only the key's holder can tell who.

A plain hash of a phone number protects nobody: all numbers are tried in minutes. So it is
HMAC-SHA256 under a key that is kept outside the data, over the kind of value and the value as
`normalised` writes it. The key file has a line a version, `1:<hex>`; new values take the newest,
and the older ones stay, so that what was written under them can still be found.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import stat
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from transform.errors import UnusableKey

KEY_BYTES = 32
_PSEUDONYM_BYTES = 16  # 128 bits: no two values of a company ever meet
_LINE = re.compile(r"([1-9][0-9]{0,5}):([0-9a-fA-F]+)")
_EXTENSION = re.compile(r"(?:доб|вн|ext|@).*", re.IGNORECASE | re.DOTALL)
_ABROAD, _TRUNK, _RUSSIA = "00", "8", "7"
_NATIONAL_DIGITS, _FULL_DIGITS = 10, 11


class PersonalKind(StrEnum):
    """What a personal value is: values of one kind have one pseudonym, in whatever column."""

    PHONE = "phone"
    NAME = "name"
    EMAIL = "email"
    ID = "id"  # a thread, a login
    TEXT = "text"  # to the last character


def normalised(value: str, kind: PersonalKind) -> str:
    """The one spelling that is hashed: `8 (916) 123-45-67` and `+79161234567` are one phone."""
    if kind is PersonalKind.TEXT:
        return value
    visible = "".join(
        char for char in unicodedata.normalize("NFKC", value) if unicodedata.category(char) != "Cf"
    )
    plain = " ".join(visible.split())
    if kind is PersonalKind.PHONE:
        return _phone(plain) or plain.casefold()
    if kind is PersonalKind.ID:
        return plain
    return plain.casefold().replace("ё", "е")


def _phone(text: str) -> str:
    """Digits with the country's code; a Russian number may be written with 8 or without any."""
    number = _EXTENSION.sub("", re.sub(r"\.0+$", "", text))
    digits = "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())
    if "+" in number:
        return digits
    if digits.startswith(_ABROAD):
        return digits.removeprefix(_ABROAD)
    if len(digits) == _FULL_DIGITS and digits.startswith(_TRUNK):
        return _RUSSIA + digits[1:]
    return _RUSSIA + digits if len(digits) == _NATIONAL_DIGITS else digits


@dataclass(frozen=True)
class PersonalKeys:
    """The versions of a company's key, the newest last. Never shown, never written elsewhere."""

    _keys: tuple[tuple[int, bytes], ...] = field(repr=False)

    @classmethod
    def load(cls, path: Path, *, data_root: Path) -> PersonalKeys:
        """Read a key file, which must be its owner's alone and outside the data.

        Raises:
            UnusableKey: it isn't, or no key can be read from it.
        """
        _refuse_inside(path, data_root)
        keys = _parsed(path, _private_text(path))
        if not keys:
            raise _unusable(path, "it holds no key", "Make one with `smartconnect personal-key`.")
        return cls(tuple(sorted(keys.items())))

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions there are, the newest last."""
        return tuple(version for version, _ in self._keys)

    @property
    def fingerprint(self) -> str:
        """A word for the newest key by which a change of it is seen; it tells nothing of it."""
        return pseudonym_under(self._keys[-1], "", "fingerprint")

    def pseudonym(self, value: str, kind: PersonalKind) -> str:
        """The word for a value under the newest key; nothing stays nothing."""
        spelled = normalised(value, kind)
        return pseudonym_under(self._keys[-1], spelled, kind) if spelled else ""

    def pseudonyms_of(self, value: str, kind: PersonalKind) -> tuple[str, ...]:
        """The words for a value under each version, the newest first: to find it wherever it is."""
        spelled = normalised(value, kind)
        return tuple(pseudonym_under(key, spelled, kind) for key in reversed(self._keys))


def pseudonym_under(key: tuple[int, bytes], spelled: str, kind: str) -> str:
    """`p<version>:<base32>`; the kind is part of what is hashed."""
    version, secret = key
    digest = hmac.digest(secret, f"{kind}\0{spelled}".encode(errors="surrogatepass"), "sha256")
    word = base64.b32encode(digest[:_PSEUDONYM_BYTES]).decode().rstrip("=").lower()
    return f"p{version}:{word}"


def add_key(path: Path, *, data_root: Path) -> int:
    """Add a new random version to a key file, or make one; says which version it is.

    Raises:
        UnusableKey: the file is inside the data, open to others, or holds something else.
    """
    _refuse_inside(path, data_root)
    text = _private_text(path) if path.exists() else ""
    version = max(_parsed(path, text), default=0) + 1
    lines = [*text.splitlines(), f"{version}:{secrets.token_hex(KEY_BYTES)}"]
    try:
        _write_private(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise _unusable(path, os.strerror(error.errno or 0), "Name another place.") from None
    return version


def _write_private(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    sys.audit("smartconnect.point", "transform.pseudonyms.key_written")


def _refuse_inside(path: Path, data_root: Path) -> None:
    if path.resolve().is_relative_to(data_root.resolve()):
        raise _unusable(
            path,
            f"it is inside the data directory {data_root}",
            "Whoever copies the data would copy the key: keep it elsewhere.",
        )


def _private_text(path: Path) -> str:
    """The text of a file that nobody but its owner may read or write."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise _unusable(
            path,
            f"it can't be read ({os.strerror(error.errno or 0)})",
            "Correct SMARTCONNECT_PERSONAL_KEY_FILE, or make it with `smartconnect personal-key`.",
        ) from None
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise _unusable(
            path,
            f"others may read or write it (mode {stat.S_IMODE(status.st_mode):04o})",
            "Make it yours alone: chmod 600.",
        )
    return content.decode("ascii", errors="replace")


def _parsed(path: Path, text: str) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for number, line in _lines(text):
        match = _LINE.fullmatch(line)
        if match is None or len(match[2]) % 2 or int(match[1]) in keys:
            raise _unusable(
                path,
                f"line {number} is no `version:hex` of its own",
                "Restore the file from a backup.",
            )
        if len(match[2]) < 2 * KEY_BYTES:
            raise _unusable(
                path,
                f"the key of line {number} is shorter than {KEY_BYTES} bytes",
                "A short key can be guessed: make one with `smartconnect personal-key`.",
            )
        keys[int(match[1])] = bytes.fromhex(match[2])
    return keys


def _lines(text: str) -> Sequence[tuple[int, str]]:
    stripped = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def _unusable(path: Path, came: str, cure: str) -> UnusableKey:
    return UnusableKey(f"The key for personal data in {path}", came, cure)
