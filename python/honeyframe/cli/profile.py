"""``honeyframe profile``: brokers by name, so that a command line has neither address nor password."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import typer

from ..credentials import Secret
from . import options, terminal
from .ending import ExitCode, complain, ends_well
from .help import App, FullCommand

if TYPE_CHECKING:
    from ..profiles import Profile
    from ..uri import Address

profile = App(name="profile", help="Brokers by name: then `honeyframe sub work 'plant/#'` will do.", no_args_is_help=True)

_PARTS: Final = re.compile(r"([^/]*://)(?:([^/?#]*)@)?([^@]*)", re.DOTALL)  # scheme, user and password, the rest
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, _ . -", autocompletion=options.profiles_like)]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, _ . -")],
    address: Annotated[Secret | None, typer.Argument(metavar="[URI]", help="Such as mqtts://host", parser=options.hide)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the profile that has this name.")] = False,
    no_ask: Annotated[bool, typer.Option("--no-ask", help="Ask for neither user nor password; keep none.")] = False,
    host: options.Host = None,
    port: options.Port = None,
    tls: options.Tls = None,
    websockets: options.WebSockets = False,
    url: options.Url = None,
    username: options.Username = None,
    password: options.Password = None,
    password_file: options.PasswordFile = None,
    client_id: options.ClientId = None,
    protocol: options.Protocol = None,
    keepalive: options.KeepAlive = None,
    ca_file: options.CaFile = None,
    certificate: options.Certificate = None,
    key: options.Key = None,
    insecure: options.Insecure = False,
) -> ExitCode:
    """Give a broker a name.

    Its password goes into the system's keyring, never into the profile's file; without a keyring it is asked for each time.
    """
    from ..profiles import ProfileWriter, profile_path

    uri = _given_address(address, url, host, port, tls=tls, websockets=websockets)
    paths = {"password_file": password_file, "ca_file": ca_file, "certificate": certificate, "key": key}
    absolute = {key: None if path is None else _readable(path) for key, path in paths.items()}
    access = options.access_of(
        uri,
        username=username,
        password=password,
        client_id=client_id,
        protocol=protocol,
        keepalive=keepalive,
        insecure=insecure,
        **absolute,  # type: ignore[arg-type]
    )
    with ProfileWriter(name, replace=force) as writer:  # before anything is asked
        made, secret = _profile(name, access, ask=not no_ask)
        if secret is not None:
            made = _kept(made, secret)
        writer.write(made)
    typer.echo(f"{name}: {made.address.display} ({profile_path(name)})")
    return ExitCode.ok


def _given_address(
    address: Secret | None, url: Secret | None, host: str | None, port: int | None, *, tls: bool | None, websockets: bool
) -> Secret:
    from .access import find_place, is_address

    if address is not None and not is_address(address.reveal()):
        raise typer.BadParameter("that is no address: it begins with mqtts://, mqtt://, wss:// or ws://")
    place = find_place(
        [] if address is None else [address],
        url=url,
        host=host,
        port=port,
        tls=tls,
        websockets=websockets,
        from_environment=False,
    )
    if place.uri is None:
        raise typer.BadParameter("an address is missing, such as mqtts://xyz.s1.eu.hivemq.cloud")
    if place.topics:
        raise typer.BadParameter(f"no topic is taken here; found {', '.join(place.topics)}")
    return place.uri


def _readable(path: Path) -> Path:
    """Absolute: a profile is used in any directory."""
    place = path.expanduser().absolute()
    if not place.is_file():
        from ..credentials import may_be_shown

        named = place if may_be_shown(path.expanduser()) else "of that name, which is not shown: it may be the password itself"
        raise typer.BadParameter(f"there is no file {named}")
    return place


def _profile(name: str, access: options.Access, *, ask: bool) -> tuple[Profile, Secret | None]:
    """The profile without its password, and that."""
    from ..credentials import is_interactive
    from ..profiles import Profile
    from ..uri import read_address

    address = read_address(access.uri)
    password = access.password
    if password is None and address.has_password:
        password = _password_in(address)
    given = {key: value for key, value in access.options.items() if (key, value) != ("protocol", "auto")}
    user = given.pop("username", None) or address.username
    asks = ask and password is None and "password_file" not in given and is_interactive()
    if asks and user is None and address.is_hivemq_cloud:
        user = typer.prompt(f"User name for {address.host}", default="", show_default=False, err=True).strip() or None
    if asks and user is not None:
        password = _asked_password(f"Password for {user}@{address.host} (none: be asked each time)")
    settings = {"username": user} if user is not None else {}
    return Profile(name, _without_user(address), {**settings, **given}), password


def _asked_password(question: str) -> Secret | None:
    """getpass's prompt comes once the terminal shows nothing any more; typer's comes before."""
    try:
        secret = Secret(getpass.getpass(f"{question}: "))
    except EOFError:
        raise typer.Abort from None
    return secret if secret.reveal() else None


def _password_in(address: Address) -> Secret:
    match = _PARTS.fullmatch(address.full.reveal())
    return Secret(unquote(match[2].partition(":")[2]) if match else "")


def _without_user(address: Address) -> str:
    return _PARTS.sub(r"\1\3", address.full.reveal())


def _kept(made: Profile, password: Secret) -> Profile:
    """The profile as it is once the keyring has its password, or has not."""
    from dataclasses import replace

    from ..credentials import keep_password

    if made.username is None:
        raise typer.BadParameter("a password without a user name: -u names it")
    why = keep_password(made.username, made.address.host, password)
    if why is not None:
        complain("note", f"the password is not kept, and will be asked for: {why}")
    return replace(made, keyring=why is None)


def list_profiles() -> ExitCode:
    """The profiles there are."""
    from ..errors import InvalidArgumentError
    from ..profiles import directory, load_profile, profile_names

    rows: list[tuple[str, ...]] = []
    broken = False
    for name in profile_names():
        try:
            found = load_profile(name)
        except InvalidArgumentError as error:
            complain("error", str(error))
            broken = True
            continue
        rows.append((name, found.address.display, found.username or "", _password_of(found)))
    for line in _aligned([("NAME", "ADDRESS", "USER", "PASSWORD"), *rows]) if rows else ():
        typer.echo(line)
    if not rows and not broken:
        complain("note", f"no profiles in {directory()}\n  hint: honeyframe profile add NAME mqtts://...")
    return ExitCode.error if broken else ExitCode.ok


def show(name: _Name) -> ExitCode:
    """What a profile says, and where it is."""
    from ..profiles import load_profile, profile_path

    found = load_profile(name)
    typer.echo(f"# {profile_path(name)}\n# password: {_password_of(found)}")
    typer.echo(terminal.printable(found.to_toml()), nl=False)
    return ExitCode.ok


def remove(name: _Name) -> ExitCode:
    """Take a profile away, and its password out of the keyring."""
    from ..errors import InvalidArgumentError
    from ..profiles import has_profile, load_profile, profile_names, remove_profile

    try:
        found = load_profile(name)
    except InvalidArgumentError:  # a broken one can be removed as well; one that is not there cannot
        if not has_profile(name):
            raise
        remove_profile(name)
        return ExitCode.ok
    remove_profile(name)
    if found.keyring and found.username is not None and not any(_shares(found, other) for other in profile_names()):
        _forget(found.username, found.address.host)
    return ExitCode.ok


def _forget(user: str, host: str) -> None:
    from ..credentials import KEYRING_SERVICE, forget_password

    if not forget_password(user, host):
        place = f"service {KEYRING_SERVICE!r}, entry {f'{user}@{host}'!r}"
        complain("warning", f"the keyring, locked perhaps, did not forget the password: it stays there, if it was there ({place})")


def _shares(one: Profile, name: str) -> bool:
    """Whether the profile of this name has the same password in the keyring."""
    from ..errors import InvalidArgumentError
    from ..profiles import load_profile

    try:
        other = load_profile(name)
    except InvalidArgumentError:
        return False
    return other.keyring and (other.username, other.address.host) == (one.username, one.address.host)


def _password_of(found: Profile) -> str:
    if "password_file" in found.options:
        return str(found.options["password_file"])
    return "in the keyring" if found.keyring else "asked for" if found.username or found.address.is_hivemq_cloud else "none"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    shown = [[terminal.printable(cell) for cell in row] for row in rows]
    widths = [max(terminal.cells(row[number]) for row in shown) for number in range(len(shown[0]))]

    def line(row: list[str]) -> str:
        return "  ".join(cell + " " * (width - terminal.cells(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()

    return [line(row) for row in shown]


def _register(command: Any, name: str, **settings: Any) -> None:
    profile.command(name, **settings)(ends_well(command))


_register(add, "add", cls=FullCommand)
_register(list_profiles, "list")
_register(show, "show")
_register(remove, "remove")
