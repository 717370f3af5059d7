"""Brokers by name: written whole and private, read with care, and completed by what is passed beside them."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.brokers.mosquitto import Mosquitto
from tests.python.conftest import FakeKeyring

import honeyframe as hf
from honeyframe.credentials import Secret
from honeyframe.errors import InvalidArgumentError
from honeyframe.profiles import Profile, ProfileWriter, has_profile, load_profile, profile_names, remove_profile, with_profile
from honeyframe.user_files import NoHomeError

WORK = Profile("work", "mqtts://h.example:8883", {"username": "me", "protocol": "3.1.1", "keepalive": 15.5, "insecure": True}, keyring=True)


def save(profile: Profile, *, replace: bool = False) -> None:
    with ProfileWriter(profile.name, replace=replace) as writer:
        writer.write(profile)


def test_a_profile_comes_back_as_it_was_saved(profiles: Path) -> None:
    assert profile_names() == []
    save(WORK)
    assert load_profile("work") == WORK
    assert profile_names() == ["work"]
    assert [path.name for path in profiles.iterdir()] == ["work.toml"]  # nothing half-written beside it


def test_nobody_else_can_read_it(profiles: Path) -> None:
    before = os.umask(0)
    try:
        save(WORK)
    finally:
        os.umask(before)
    assert stat.S_IMODE((profiles / "work.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE(profiles.stat().st_mode) == 0o700


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(profiles: Path, text: str) -> None:
    save(Profile("odd", "mqtt://h", {"client_id": text, "username": text}), replace=True)
    assert load_profile("odd").options == {"client_id": text, "username": text}


def test_one_that_is_there_is_not_overwritten(profiles: Path) -> None:
    save(WORK)
    other = Profile("work", "mqtt://other")
    with pytest.raises(InvalidArgumentError, match="a profile 'work' already"):
        save(other)
    assert load_profile("work") == WORK
    save(other, replace=True)
    assert load_profile("work") == other


def test_of_two_that_are_made_at_once_the_first_stays(profiles: Path) -> None:
    with ProfileWriter("work", replace=False) as slow:
        save(WORK)
        with pytest.raises(InvalidArgumentError, match="already"):
            slow.write(Profile("work", "mqtt://other"))
    assert load_profile("work") == WORK
    assert [path.name for path in profiles.iterdir()] == ["work.toml"]


def test_a_write_that_fails_leaves_the_old_one(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(WORK)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InvalidArgumentError, match=r"cannot be written.*No space left"):
        save(Profile("work", "mqtt://other"), replace=True)
    assert load_profile("work") == WORK
    assert [path.name for path in profiles.iterdir()] == ["work.toml"]


def test_a_file_system_without_links(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save(WORK)
    assert load_profile("work") == WORK


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x", "a b", "x" * 65, "é", "a\n", "\x1b[31m"])
def test_names_that_are_none(profiles: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be a profile's name") as refused:
        load_profile(name)
    assert "\x1b" not in str(refused.value)
    assert not has_profile(name)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no uri: it may have been cut off"),
        (b'uri = "mqtts://h.exam', "it is not TOML"),
        (b'uri = "mqtts://h"\nuser', "it is not TOML"),
        (b'uri = "mqtts://h"\nusername = "\xff"\n', "not UTF-8"),
        (b'uri = "mqtts://h"\npasword_file = "x"\n', "unknown key 'pasword_file'; did you mean 'password_file'"),
        (b'uri = "mqtts://h"\npassword = "canary-12"\n', "belongs into the keyring"),
        (b'uri = "mqtts://me:canary-12@h"\n', "belongs into the keyring"),
        (b'uri = "mqtts://h"\nkeyring = true\n', "keyring = true needs a username"),
        (b"uri = 7\n", "uri must be a str"),
        (b'uri = "mqtts://h"\nkeepalive = true\n', "keepalive must be a int or float or str"),
        (b'uri = "http://h"\n', "its uri"),
        (b"#" * 70_000, "more than 65,536 bytes"),
        (b'uri = canary-12\nuri = "', "it is not TOML"),
    ],
)
def test_a_broken_one_is_told_with_its_file_and_what_to_do(profiles: Path, content: bytes, told: str) -> None:
    profiles.mkdir(parents=True)
    (profiles / "work.toml").write_bytes(content)
    (profiles / "work.toml").chmod(0o600)
    with pytest.raises(InvalidArgumentError) as refused:
        load_profile("work")
    assert told in str(refused.value)
    assert str(profiles / "work.toml") in str(refused.value)
    assert "--force" in str(refused.value)
    assert "canary-12" not in str(refused.value)
    save(WORK, replace=True)
    assert load_profile("work") == WORK


def test_one_that_others_can_change_is_not_used(profiles: Path) -> None:
    save(WORK)
    (profiles / "work.toml").chmod(0o666)
    with pytest.raises(InvalidArgumentError, match="others on this machine can change"):
        load_profile("work")


def test_a_directory_that_others_can_change_is_not_used(profiles: Path) -> None:
    save(WORK)
    for mode in (0o770, 0o1777):
        profiles.chmod(mode)
        with pytest.raises(InvalidArgumentError, match=r"others on this machine can change .*/profiles\n.*chmod 700"):
            load_profile("work")
    profiles.chmod(0o755)
    assert load_profile("work") == WORK


def test_one_of_another_user_is_not_used(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(WORK)
    owner = (profiles / "work.toml").stat().st_uid
    real = os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        found[stat.ST_UID] = owner + 1
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", of_another)
    with pytest.raises(InvalidArgumentError, match=r"work\.toml belongs to another user"):
        load_profile("work")


def test_without_a_home_there_are_none(no_home: None) -> None:
    assert (profile_names(), has_profile("work")) == ([], False)
    with pytest.raises(NoHomeError, match=r"there is no home directory for this user\n  hint: Set HOME, or XDG_CONFIG_HOME"):
        load_profile("work")


def test_an_unknown_one_is_told_with_what_was_perhaps_meant(profiles: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no profile 'work': there is none yet"):
        load_profile("work")
    save(WORK)
    with pytest.raises(InvalidArgumentError, match="no profile 'wrok': did you mean 'work'"):
        load_profile("wrok")
    with pytest.raises(InvalidArgumentError, match="no profile 'zzz': there are work"):
        remove_profile("zzz")
    remove_profile("work")
    assert profile_names() == []


def test_what_is_passed_goes_before_what_the_profile_says(profiles: Path, keyring: FakeKeyring) -> None:
    keyring.kept["honeyframe", "me@h.example"] = "kept"
    save(WORK)
    secrets, options = with_profile("work", {}, {"keepalive": 5, "protocol": None})
    assert secrets == {"uri": Secret("mqtts://h.example:8883"), "password": Secret("kept")}
    assert options == {"username": "me", "protocol": "3.1.1", "keepalive": 5, "insecure": True}
    secrets, options = with_profile("work", {"password": Secret("given")}, {"username": "me"})
    assert secrets["password"] == Secret("given")
    with pytest.raises(InvalidArgumentError, match="both given"):
        with_profile("work", {"uri": Secret("mqtt://h")}, {})


def test_what_is_passed_goes_before_it_though_it_is_the_default(profiles: Path, keyring: FakeKeyring) -> None:
    keyring.kept["honeyframe", "me@h.example"] = "kept"
    save(WORK)
    explicit = {"protocol": "auto", "insecure": False, "keepalive": 30, "client_id": ""}
    assert with_profile("work", {}, explicit)[1] == {"username": "me", **explicit}


def test_connect_verifies_whatever_the_profile_says(profiles: Path, mosquitto: Mosquitto) -> None:
    save(Profile("plant", mosquitto.uri("mqtts", "127.0.0.1"), {"username": "both", "insecure": True}))
    with pytest.raises(hf.errors.TLSError):
        hf.connect(profile="plant", password="both-password", insecure=False)


def test_a_keyring_that_gives_nothing_is_asked_for_or_refused(
    profiles: Path, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "canary-of-another")
    save(WORK)
    with pytest.raises(InvalidArgumentError, match=r"keyring, which does not give the one of me@h\.example") as refused:
        hf.connect(profile="work")
    assert "profile add work … --force" in str(refused.value)
    monkeypatch.setattr("honeyframe.credentials.is_interactive", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: "typed")
    assert with_profile("work", {}, {})[0]["password"] == Secret("typed")
    assert with_profile("work", {"password": Secret("given")}, {})[0]["password"] == Secret("given")


def test_a_password_is_of_its_user_alone(profiles: Path, keyring: FakeKeyring) -> None:
    keyring.kept["honeyframe", "me@h.example"] = "kept"
    save(WORK)
    save(Profile("filed", "mqtts://h.example", {"username": "me", "password_file": "/p"}))
    secrets, _ = with_profile("work", {}, {"username": "other"})
    assert secrets.get("password") is None
    _, options = with_profile("filed", {}, {"username": "other"})
    assert "password_file" not in options
    _, options = with_profile("filed", {}, {})
    assert options["password_file"] == "/p"


def test_the_keyring_goes_before_an_environment_that_is_of_another_broker(
    profiles: Path, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.kept["honeyframe", "me@h.example"] = "kept"
    monkeypatch.setenv("MQTT_PASSWORD", "of-another")
    save(WORK)
    assert with_profile("work", {}, {})[0]["password"] == Secret("kept")


def test_connect_and_read_mqtt_take_a_profile(profiles: Path, keyring: FakeKeyring, access: dict[str, Any]) -> None:
    keyring.kept["honeyframe", "both@127.0.0.1"] = access["password"]
    save(Profile("plant", access["uri"], {"username": "both", "client_id": "by-profile", "protocol": "3.1.1"}, keyring=True))
    with hf.connect(profile="plant") as client:
        info = client.info()
        assert (info["client_id"], info["protocol"]) == ("by-profile", "3.1.1")
        client.publish("test/profiles", {"x": 1}, qos=1, retain=True)
    try:
        frame = hf.read_mqtt(None, "test/profiles", rows=1, seconds=5, profile="plant")
        assert frame["x"].tolist() == [1]
    finally:
        with hf.connect(profile="plant") as client:
            client.publish("test/profiles", b"", qos=1, retain=True)
    with pytest.raises(InvalidArgumentError, match="both given"):
        hf.connect(access["uri"], profile="plant")
