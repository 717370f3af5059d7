"""Profiles: brokers by name, each in a TOML file of its own in the user's configuration. A password is in the keyring, never in there.

A file for each: a broken one stands in nobody's way, and two that are written at once do not lose each other.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from . import credentials
from .credentials import Secret
from .directories import config_directory
from .errors import InvalidArgumentError
from .events import printable
from .uri import Address, read_address
from .user_files import NoHomeError, give_name

PROFILE_VARIABLE: Final = "HONEYFRAME_PROFILE"
_SUFFIX: Final = ".toml"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MAX_BYTES: Final = 65_536

#: What a profile may say beside its address: options of ``connect`` by their names there, and their types in TOML.
_OPTIONS: Final[Mapping[str, tuple[type, ...]]] = {
    "username": (str,),
    "password_file": (str,),
    "protocol": (str,),
    "client_id": (str,),
    "keepalive": (int, float, str),
    "ca_file": (str,),
    "ca_directory": (str,),
    "client_certificate": (str,),
    "client_key": (str,),
    "insecure": (bool,),
}
_KEYS: Final = ("uri", "keyring", *_OPTIONS)


@dataclass(frozen=True)
class Profile:
    """A broker's address without a password, options of ``connect``, and whether the keyring has the password."""

    name: str
    uri: str
    options: Mapping[str, Any] = field(default_factory=dict)
    keyring: bool = False

    @property
    def address(self) -> Address:
        return read_address(Secret(self.uri))

    @property
    def username(self) -> str | None:
        found: str | None = self.options.get("username")
        return found if found is not None else self.address.username

    def to_toml(self) -> str:
        """The file's text."""
        options = {key: self.options[key] for key in _OPTIONS if key in self.options}
        items = {"uri": self.uri, **options} | ({"keyring": True} if self.keyring else {})
        return "".join(f"{key} = {_toml(value)}\n" for key, value in items.items())


def directory() -> Path:
    """Where profiles are, in the user's configuration."""
    return config_directory() / "profiles"


def profile_names() -> list[str]:
    """Of all there are, readable or not, in order."""
    try:
        found = [entry.stem for entry in directory().iterdir() if entry.suffix == _SUFFIX and _NAME.fullmatch(entry.stem)]
    except (FileNotFoundError, NotADirectoryError, NoHomeError):
        return []
    except OSError as error:
        raise InvalidArgumentError(f"profiles cannot be read: {directory()}: {error.strerror}") from None
    return sorted(found)


def check_name(name: str) -> str:
    """Raises InvalidArgumentError for what is no profile's name: it is a file's as well."""
    if not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            f"{printable(repr(name))} cannot be a profile's name: letters, digits, '_', '.', '-', at most 64, a letter or digit first"
        )
    return name


def profile_path(name: str) -> Path:
    """The file of a profile, whether it is there or not."""
    return directory() / f"{check_name(name)}{_SUFFIX}"


def has_profile(name: str) -> bool:
    """Whether there is a profile of this name, readable or not."""
    try:
        return bool(_NAME.fullmatch(name)) and os.path.lexists(profile_path(name))
    except NoHomeError:
        return False


# --- reading


def load_profile(name: str) -> Profile:
    """The profile of this name.

    Raises:
        InvalidArgumentError: there is none, or its file cannot be read or understood; the message says where and what to do.
    """
    path = profile_path(name)
    try:
        with path.open("rb") as file:
            own = os.fstat(file.fileno())
            data = file.read(_MAX_BYTES + 1)
        around = path.parent.stat()
    except FileNotFoundError:
        raise _unknown(name) from None
    except OSError as error:
        raise InvalidArgumentError(f"profile {name!r} cannot be read: {path}: {error.strerror}") from None
    _check_owner(name, path, own, "600")
    _check_owner(name, path.parent, around, "700")
    if len(data) > _MAX_BYTES:
        raise _broken(name, f"it has more than {_MAX_BYTES:,} bytes")
    try:
        content = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise _broken(name, "it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        told = str(error).split(": ")[0]  # behind a colon it quotes what it found
        raise _broken(name, f"it is not TOML: {printable(told)}") from None
    return _checked(name, content)


def _check_owner(name: str, place: Path, found: os.stat_result, mode: str) -> None:
    """Who can change the address can have the password sent to it: by the file, or by another one in its place."""
    told = f"profile {name!r} is not used"
    if found.st_uid not in (os.geteuid(), 0):
        raise InvalidArgumentError(f"{told}: {place} belongs to another user", hint=f"chown {os.geteuid()} {place}, if you trust it.")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise InvalidArgumentError(f"{told}: others on this machine can change {place}", hint=f"chmod {mode} {place}")


def _unknown(name: str) -> InvalidArgumentError:
    known = profile_names()
    near = difflib.get_close_matches(name, known, n=1)
    there = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}" if known else "there is none yet"
    return InvalidArgumentError(f"no profile {name!r}: {there}", hint=f"honeyframe profile add {name} mqtts://… makes it.")


def _broken(name: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"profile {name!r} cannot be used: {why} ({profile_path(name)})",
        hint=f"Edit the file, or write it anew: honeyframe profile add {name} mqtts://… --force",
    )


def _checked(name: str, content: dict[str, Any]) -> Profile:
    for key, value in content.items():
        if key == "password":
            raise _broken(name, "it has a password, which belongs into the keyring")
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            raise _broken(name, f"unknown key {printable(repr(key))}" + (f"; did you mean {near[0]!r}?" if near else ""))
        wanted = {"uri": (str,), "keyring": (bool,), **_OPTIONS}[key]
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise _broken(name, f"{key} must be a {' or '.join(kind.__name__ for kind in wanted)}")
    if not content.get("uri"):
        raise _broken(name, "it has no uri: it may have been cut off")
    options = {key: content[key] for key in _OPTIONS if key in content}
    profile = Profile(name, content["uri"], options, bool(content.get("keyring", False)))
    try:
        has_password = profile.address.has_password
    except InvalidArgumentError as error:
        raise _broken(name, f"its uri: {error.message}") from None
    if has_password:
        raise _broken(name, "its uri has a password, which belongs into the keyring")
    if profile.keyring and profile.username is None:
        raise _broken(name, "keyring = true needs a username, whose password it is")
    return profile


def with_profile(
    name: str, secrets: Mapping[str, Secret | None], options: Mapping[str, Any]
) -> tuple[dict[str, Secret | None], dict[str, Any]]:
    """Secrets and options of ``connect`` as the profile completes them: what is not None was given, and stays.

    Raises:
        InvalidArgumentError: the profile cannot be used, or its password is in a keyring that does not give it, and nobody is there to ask.
    """
    if secrets.get("uri") is not None:
        raise InvalidArgumentError("uri and profile are both given: pass one of them")
    profile = load_profile(name)
    found, completed = dict(secrets), dict(options)
    found["uri"] = Secret(profile.uri)
    user = completed.get("username")
    own_user = user is None or user == profile.username
    has_password = found.get("password") is not None or completed.get("password_file") is not None
    for key, value in profile.options.items():
        if key == "password_file" and (has_password or not own_user):
            continue  # it is of the profile's user
        if completed.get(key) is None:
            completed[key] = value
    if profile.keyring and own_user and not has_password:
        found["password"] = _kept_password(profile)
    return found, completed


def _kept_password(profile: Profile) -> Secret:
    """The keyring's, else a prompt's; never the environment's, which may be of another broker."""
    user, address = profile.username, profile.address
    assert user is not None
    password = credentials._from_keyring(user, address.host) or credentials._from_prompt(address, user).password
    if password is None:
        raise InvalidArgumentError(
            f"profile {profile.name!r} has its password in the keyring, which does not give the one of {printable(user)}@{address.host}",
            hint=f"It may be locked, or missing: unlock it, pass a password, or honeyframe profile add {profile.name} … --force",
        )
    return password


# --- writing


class ProfileWriter:
    """A file beside the profile's own, so that what cannot be written is known before anything else is done::

    with ProfileWriter("work", replace=False) as writer:
        writer.write(profile)
    """

    def __init__(self, name: str, *, replace: bool) -> None:
        self._path = profile_path(name)
        self._name = name
        self._replace = replace
        if not replace and has_profile(name):
            raise _exists(name)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file, part = tempfile.mkstemp(dir=self._path.parent, prefix=f".{name}.", suffix=".part")  # with mode 0600
        except OSError as error:
            raise _unwritable(self._path.parent, error) from None
        self._part = Path(part)

    def write(self, profile: Profile) -> None:
        """The profile appears whole, or not at all."""
        try:
            with open(self._file, "wb", closefd=False) as file:
                file.write(profile.to_toml().encode())
                file.flush()
                os.fsync(self._file)
            if self._replace:
                self._part.replace(self._path)
            else:
                give_name(self._part, self._path)
        except FileExistsError:
            raise _exists(self._name) from None
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def __enter__(self) -> ProfileWriter:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


def remove_profile(name: str) -> None:
    """Takes the file away. Raises InvalidArgumentError where there is none, or it cannot be removed."""
    path = profile_path(name)
    try:
        path.unlink()
    except FileNotFoundError:
        raise _unknown(name) from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _exists(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"there is a profile {name!r} already, and it was left as it is",
        hint=f"honeyframe profile show {name} shows it; --force writes it anew.",
    )


def _unwritable(path: Path, error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"profiles cannot be written: {path}: {error.strerror}",
        hint="XDG_CONFIG_HOME names another directory for them; without a profile, give the address each time or set MQTT_SERVER.",
    )


def _toml(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    escaped = "".join(f"\\u{ord(c):04x}" if c < " " or c == "\x7f" else {"\\": "\\\\", '"': '\\"'}.get(c, c) for c in value)
    return f'"{escaped}"'
