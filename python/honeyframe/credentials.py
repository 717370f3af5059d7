"""Where the user name and the password come from, and how they are kept from sight.

The order: the arguments ``password=`` or ``password_file=``, the URI, ``MQTT_PASSWORD``, the file that ``MQTT_PASSWORD_FILE`` names, the
keyring, a hidden prompt.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from .errors import CredentialInNotebookWarning, HoneyframeWarning, InsecureTLSWarning, InsecureTransportWarning, InvalidArgumentError
from .events import warn

if TYPE_CHECKING:
    from .uri import Address

USERNAME_VARIABLE: Final = "MQTT_USERNAME"
PASSWORD_VARIABLE: Final = "MQTT_PASSWORD"
PASSWORD_FILE_VARIABLE: Final = "MQTT_PASSWORD_FILE"
KEYRING_SERVICE: Final = "honeyframe"
MAX_PASSWORD_FILE_BYTES: Final = 65_536

_log = logging.getLogger("honeyframe")
_warned_about_uri = False


class Secret:
    """A text that neither prints nor pickles. Tracebacks with local variables show ``***``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def type_name(self) -> str:
        """Of what was wrapped, which is not a str where somebody passed something else: it is refused by this name, and not shown."""
        return type(self._text).__name__

    def reveal(self) -> str:
        """The text itself; grep for this to audit every use."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied into a file")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))


@dataclass(frozen=True)
class Credentials:
    """What goes into CONNECT beside the address. ``password`` is None where the URI carries it, or there is none."""

    username: str | None
    password: Secret | None
    source: str


class CredentialFileWarning(HoneyframeWarning):
    """A password file that other users of this machine can read."""


def find_credentials(
    address: Address, *, username: str | None = None, password: Secret | None = None, password_file: str | os.PathLike[str] | None = None
) -> Credentials:
    """User name and password for ``address``, from the first place that has them.

    The environment's are meant for the broker in ``MQTT_SERVER`` where that is set, and go to no other host.

    Raises:
        InvalidArgumentError: ``password`` and ``password_file`` are both given, or a password file cannot be used.
    """
    if password is not None and password_file is not None:
        raise InvalidArgumentError("password and password_file are both given: pass one of them")
    user = username if username is not None else address.username
    if password is not None or password_file is not None:
        user = user if user is not None else _environment_username(address)
        if password is not None:
            return Credentials(user, password, "argument")
        assert password_file is not None
        return Credentials(user, read_password_file(password_file), "password_file")
    if address.has_password:
        _warn_about_password_in_uri()
        return Credentials(username, None, "uri")
    return _from_surroundings(address, user)


def _from_surroundings(address: Address, user: str | None) -> Credentials:
    named = _environment_username(address)
    if user is None or named is None or user == named:  # MQTT_PASSWORD belongs to MQTT_USERNAME, not to another user
        user = user if user is not None else named
        found = _environment_password(address)
        if found is not None:
            return Credentials(user, *found)
    if user is not None:
        kept = _from_keyring(user, address.host)
        if kept is not None:
            return Credentials(user, kept, "keyring")
    if user is not None or address.is_hivemq_cloud:
        return _from_prompt(address, user)
    return Credentials(None, None, "anonymous")


def _environment_is_meant_for(address: Address) -> bool:
    from .uri import ADDRESS_VARIABLE, read_address

    server = os.environ.get(ADDRESS_VARIABLE, "").strip()
    if not server:
        return True
    try:
        meant = read_address(Secret(server)).host == address.host
    except ValueError:  # an unreadable MQTT_SERVER names no broker at all
        return False
    if not meant:
        _log.info("credentials in the environment are for the broker in %s and are not sent to %s", ADDRESS_VARIABLE, address.host)
    return meant


def _environment_username(address: Address) -> str | None:
    name = os.environ.get(USERNAME_VARIABLE)
    return name if name and _environment_is_meant_for(address) else None


def _environment_password(address: Address) -> tuple[Secret, str] | None:
    text = os.environ.get(PASSWORD_VARIABLE)
    path = os.environ.get(PASSWORD_FILE_VARIABLE)
    if not (text or path) or not _environment_is_meant_for(address):
        return None
    if text:
        return Secret(text), PASSWORD_VARIABLE
    assert path is not None
    return read_password_file(path), PASSWORD_FILE_VARIABLE


def read_password_file(path: str | os.PathLike[str]) -> Secret:
    """The first line of the file at ``path``, which should be readable by its owner alone (mode 0600).

    Raises:
        InvalidArgumentError: the file is not there, is not readable, is empty, or is not UTF-8.
    """
    place = Path(path).expanduser()
    try:
        with place.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = _first_line(file.read(MAX_PASSWORD_FILE_BYTES))
    except OSError as error:
        named = f" {str(place)!r}" if may_be_shown(place) else ""
        hint = (
            "" if named else "Its name is not shown, since it may be the password itself: that goes into password=, and a file's path here."
        )
        raise InvalidArgumentError(f"password file{named} cannot be read: {error.strerror}", hint=hint) from None
    if stat.S_ISREG(mode) and mode & 0o077:
        warn(
            f"password file {str(place)!r} has mode {stat.S_IMODE(mode):04o}: others on this machine may read it. Run: chmod 600 {place}",
            CredentialFileWarning,
        )
    if secret is None:
        raise InvalidArgumentError(f"password file {str(place)!r} is not UTF-8 text")
    if not secret.reveal():
        raise InvalidArgumentError(f"password file {str(place)!r} has an empty first line: the password goes there")
    return secret


def may_be_shown(place: Path) -> bool:
    """Whether this is a file's path rather than a password that was passed as one: it is there, or at least its directory is."""
    there = os.path.exists(place)  # noqa: PTH110 - where a name is too long, a Path's own raises
    return there or (place.parent != Path() and os.path.isdir(place.parent))  # noqa: PTH112


def _first_line(data: bytes) -> Secret | None:
    """None where it is not UTF-8: raised here, an error would have the password in its traceback's local variables."""
    try:
        return Secret(data.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def _from_keyring(user: str, host: str) -> Secret | None:
    try:
        import keyring
    except Exception:  # not installed, or installed and broken: either way there is no keyring
        return None
    try:
        text = keyring.get_password(KEYRING_SERVICE, f"{user}@{host}")
    except Exception as error:  # a locked or missing backend is no reason not to connect
        _log.debug("the keyring gives nothing: %s", type(error).__name__)
        return None
    return Secret(text) if text else None


def keep_password(user: str, host: str, password: Secret) -> str | None:
    """Puts it into the keyring, where :func:`find_credentials` looks; None, or why it is not there."""
    try:
        import keyring
    except Exception:
        return "there is no keyring: pip install 'honeyframe[keyring]'"
    try:
        keyring.set_password(KEYRING_SERVICE, f"{user}@{host}", password.reveal())
    except Exception as error:  # its words may hold anything
        return f"the keyring does not take it ({type(error).__name__})"
    return None if _from_keyring(user, host) == password else "the keyring does not keep it"


def forget_password(user: str, host: str) -> bool:
    """Takes it out of the keyring; whether that was done."""
    try:
        import keyring

        keyring.delete_password(KEYRING_SERVICE, f"{user}@{host}")
    except Exception as error:  # not installed, locked, or not in there
        _log.debug("the keyring forgets nothing: %s", type(error).__name__)
        return False
    return True


def _from_prompt(address: Address, user: str | None) -> Credentials:
    if not is_interactive():
        return Credentials(user, None, "user name alone" if user else "anonymous")
    import getpass

    try:
        if user is None:
            user = input(f"User name for {address.host}: ").strip() or None
        if user is None:
            return Credentials(None, None, "anonymous")
        text = getpass.getpass(f"Password for {user}@{address.host}: ")
    except Exception as error:  # EOF; a notebook run without a person (StdinNotImplementedError); a terminal that went away
        _log.debug("no prompt possible: %s", type(error).__name__)
        return Credentials(user, None, "user name alone" if user else "anonymous")
    return Credentials(user, Secret(text) if text else None, "prompt")


def is_interactive() -> bool:
    """Whether somebody can answer a prompt: a terminal, or a notebook's front end."""
    return in_notebook() or (sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty())


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, of whatever front end."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def warn_about_transport(address: Address, *, has_password: bool, insecure: bool) -> None:
    """Warns where the credential or the data can be read or changed on the way."""
    if insecure and address.uses_tls:
        warn(
            f"insecure=True: neither certificate nor host name of {address.host} is checked: whoever sits in between reads the password",
            InsecureTLSWarning,
        )
    if has_password and not address.uses_tls and not address.is_loopback:
        secure = {"mqtt": "mqtts", "ws": "wss"}.get(address.scheme, "mqtts")
        warn(
            f"the password goes unencrypted to {address.host} ({address.scheme}://): use {secure}://",
            InsecureTransportWarning,
        )


def _warn_about_password_in_uri() -> None:
    global _warned_about_uri
    if _warned_about_uri or not in_notebook():
        return
    _warned_about_uri = True
    warn(
        "a password in a URI is saved with the notebook. Leave it out to be asked for it, or set MQTT_PASSWORD", CredentialInNotebookWarning
    )
