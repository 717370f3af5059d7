"""``honeyframe profile``: what is kept where, and that nothing is overwritten."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.brokers.mosquitto import Mosquitto
from tests.python.command_line import Shell, environment, run_in_terminal
from tests.python.conftest import FakeKeyring

URI = "mqtts://x.s1.eu.hivemq.cloud"


def test_add_show_list_remove(shell: Shell, profiles: Path, keyring: FakeKeyring, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    done = shell(
        "profile", "add", "work", URI, "-u", "me", "-P", "canary-77", "-k", "15", "-V", "mqttv311", "--ca-file", str(tmp_path / "ca.pem")
    )
    assert (done.code, done.out) == (0, f"work: {URI}:8883 ({profiles / 'work.toml'})\n")
    assert keyring.kept == {("honeyframe", "me@x.s1.eu.hivemq.cloud"): "canary-77"}
    text = (profiles / "work.toml").read_text()
    assert text == (
        f'uri = "{URI}"\nusername = "me"\nprotocol = "3.1.1"\nkeepalive = 15.0\nca_file = "{tmp_path / "ca.pem"}"\nkeyring = true\n'
    )
    assert stat.S_IMODE((profiles / "work.toml").stat().st_mode) == 0o600
    shown = shell("profile", "show", "work")
    assert shown.out == f"# {profiles / 'work.toml'}\n# password: in the keyring\n{text}"
    assert shell("profile", "list").out.splitlines()[1].split() == ["work", f"{URI}:8883", "me", "in", "the", "keyring"]
    assert "canary-77" not in done.out + done.err + shown.out + text
    assert shell("profile", "remove", "work").code == 0
    assert keyring.kept == {}
    assert "no profiles in" in shell("profile", "list").err


def test_a_password_in_the_address_goes_into_the_keyring(shell: Shell, profiles: Path, keyring: FakeKeyring) -> None:
    done = shell("profile", "add", "work", "mqtts://me:c%2Fanary-77@h:1", "--no-ask")
    assert done.code == 0
    assert keyring.kept == {("honeyframe", "me@h"): "c/anary-77"}
    assert (profiles / "work.toml").read_text() == 'uri = "mqtts://h:1"\nusername = "me"\nkeyring = true\n'
    assert "process list" in done.err


def test_two_profiles_of_one_user_share_the_password(shell: Shell, profiles: Path, keyring: FakeKeyring) -> None:
    for name in ("a", "b"):
        assert shell("profile", "add", name, "mqtts://h", "-u", "me", "-P", "x").code == 0
    shell("profile", "remove", "a")
    assert keyring.kept == {("honeyframe", "me@h"): "x"}
    shell("profile", "remove", "b")
    assert keyring.kept == {}


def test_a_password_that_somebody_else_put_there_stays(shell: Shell, profiles: Path, keyring: FakeKeyring) -> None:
    keyring.kept["honeyframe", "me@h"] = "theirs"
    assert shell("profile", "add", "work", "mqtts://h", "-u", "me", "--no-ask").code == 0
    assert shell("profile", "remove", "work").code == 0
    assert keyring.kept == {("honeyframe", "me@h"): "theirs"}


def test_a_keyring_that_does_not_take_it(shell: Shell, profiles: Path, keyring: FakeKeyring) -> None:
    keyring.broken = True
    done = shell("profile", "add", "work", "mqtts://h", "-u", "me", "-P", "canary-77")
    assert done.code == 0
    assert "note: the password is not kept, and will be asked for: the keyring does not take it (RuntimeError)" in done.err
    assert "canary-77" not in done.err
    assert "keyring" not in (profiles / "work.toml").read_text()
    assert "asked for" in shell("profile", "list").out


def test_a_keyring_that_does_not_forget_is_told(
    shell: Shell, profiles: Path, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("profile", "add", "work", "mqtts://h", "-u", "me", "-P", "canary-77")
    monkeypatch.setattr(keyring, "delete_password", None)
    done = shell("profile", "remove", "work")
    assert done.code == 0
    assert "warning: the keyring, locked perhaps, did not forget the password" in done.err
    assert "'me@h'" in done.err
    assert not (profiles / "work.toml").exists()


def test_nothing_is_overwritten(shell: Shell, profiles: Path, keyring: FakeKeyring) -> None:
    shell("profile", "add", "work", "mqtts://h", "-u", "me", "-P", "first")
    before = (profiles / "work.toml").read_bytes()
    done = shell("profile", "add", "work", "mqtts://h", "-u", "me", "-P", "second")
    assert done.code == 2
    assert "there is a profile 'work' already, and it was left as it is" in done.err
    assert (profiles / "work.toml").read_bytes() == before
    assert keyring.kept == {("honeyframe", "me@h"): "first"}
    assert shell("profile", "add", "work", "mqtts://h", "-u", "me", "-P", "second", "--force").code == 0
    assert keyring.kept == {("honeyframe", "me@h"): "second"}


def test_a_half_written_one_stands_in_nobodys_way(shell: Shell, profiles: Path) -> None:
    assert shell("profile", "add", "good", "mqtt://h").code == 0
    (profiles / "bad.toml").write_text('uri = "mqtts://h.exam')
    done = shell("profile", "list")
    assert done.code == 1
    assert done.out.splitlines()[1].split() == ["good", "mqtt://h:1883", "none"]
    assert "error: profile 'bad' cannot be used: it is not TOML" in done.err
    for arguments in (["sub", "bad", "a"], ["read", "--profile", "bad", "a"], ["profile", "show", "bad"]):
        used = shell(*arguments)
        assert (used.code, used.out) == (2, "")
        assert "profile 'bad' cannot be used" in used.err
    assert (profiles / "bad.toml").exists()
    assert shell("profile", "remove", "bad").code == 0
    assert shell("profile", "list").code == 0


def test_an_unknown_one(shell: Shell, profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("profile", "add", "work", "mqtt://h")
    for arguments in (["profile", "show", "wrok"], ["profile", "remove", "wrok"], ["sub", "--profile", "wrok", "a"], ["sub", "wrok", "a"]):
        done = shell(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "did you mean 'work'?" in done.err
    monkeypatch.setenv("HONEYFRAME_PROFILE", "wrok")
    assert "no profile 'wrok'" in shell("sub", "a").err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["../x", "mqtt://h"], "cannot be a profile's name"),
        (["work"], "an address is missing"),
        (["work", "me:canary-77@h"], "that is no address"),
        (["work", "mqtt://h/topic"], "no topic is taken here"),
        (["work", "http://h"], "http"),
        (["work", "mqtt://h", "-P", "x"], "a password without a user name"),
        (["work", "mqtt://h", "--password-file", "/nonexistent"], "there is no file /nonexistent"),
        (["work", "mqtt://h", "--password-file", "canary-77"], "there is no file of that name, which is not shown"),
        (["work", "mqtt://h", "-h", "h"], "two addresses"),
    ],
)
def test_wrong_use_leaves_nothing_behind(shell: Shell, profiles: Path, arguments: list[str], told: str) -> None:
    done = shell("profile", "add", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "canary-77" not in done.err
    assert not profiles.exists() or list(profiles.iterdir()) == []


AS_NOBODY = """
import contextlib, os, sys
from honeyframe.cli import main
sys.argv = ["honeyframe", "profile", "add", "work", "mqtt://h"]
with contextlib.suppress(SystemExit):
    main()  # once where it can, so that everything is imported
del os.environ["XDG_CONFIG_HOME"]
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
main()
"""


def test_a_home_that_is_read_only(tmp_path: Path) -> None:
    """As a user to whom the mode of a directory says something, which it does not to root."""
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    for path in (home, home / ".config"):
        path.chmod(0o555)
    outer = tmp_path
    while not outer.stat().st_mode & stat.S_IXOTH:
        outer.chmod(outer.stat().st_mode | stat.S_IXOTH)
        outer = outer.parent
    kept = environment(HOME=str(home), XDG_CONFIG_HOME=str(tmp_path / "writable"))
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, env=kept, timeout=30, check=False)
    assert (done.returncode, done.stdout.count("\n")) == (2, 1), done.stderr
    where = "Library/Application Support" if sys.platform == "darwin" else ".config"
    assert f"error: profiles cannot be written: {home}/{where}/honeyframe/profiles: Permission denied\n" in done.stderr
    assert "hint: XDG_CONFIG_HOME names another directory" in done.stderr


KEYRING = """
import json, pathlib
KEPT = pathlib.Path(__file__).with_name("kept.json")
def _all(): return json.loads(KEPT.read_text()) if KEPT.exists() else {}
def get_password(service, user): return _all().get(service + " " + user)
def set_password(service, user, password): KEPT.write_text(json.dumps({**_all(), service + " " + user: password}))
"""


def test_from_a_terminal_to_a_message(profiles: Path, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The password is typed once, unseen, and then a name will do."""
    (tmp_path / "keyring.py").write_text(KEYRING)
    port = mosquitto.uri("mqtt").rpartition(":")[2]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    code, screen = run_in_terminal("profile", "add", "plant", f"mqtt://both@127.0.0.1:{port}", keys=b"both-password\n", **path)
    assert code == 0, screen
    assert "Password for both@127.0.0.1 (none: be asked each time): " in screen
    assert "both-password" not in screen
    assert (profiles / "plant.toml").read_text() == f'uri = "mqtt://127.0.0.1:{port}"\nusername = "both"\nkeyring = true\n'
    code, screen = run_in_terminal("pub", "plant", "test/cli-profile", "-m", "hello", **path)
    assert (code, screen) == (0, "")
