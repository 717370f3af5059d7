"""Where user name and password come from, in which order, and that they are not seen."""

from __future__ import annotations

import copy
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from honeyframe import credentials
from honeyframe.credentials import CredentialFileWarning, Secret, find_credentials, read_password_file, warn_about_transport
from honeyframe.errors import CredentialInNotebookWarning, InsecureTLSWarning, InsecureTransportWarning, InvalidArgumentError
from honeyframe.uri import Address, read_address


def address(uri: str = "mqtts://broker.example") -> Address:
    return read_address(Secret(uri))


def found(uri: str = "mqtts://broker.example", **given: Any) -> tuple[str | None, str | None, str]:
    """(user name, password, where from)"""
    if "password" in given:
        given["password"] = Secret(given["password"])
    one = find_credentials(address(uri), **given)
    return one.username, None if one.password is None else one.password.reveal(), one.source


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("from-file\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody is there, and answers; what was asked."""
    questions: list[str] = []

    def answer(prompt: str = "") -> str:
        questions.append(prompt)
        return "typed"

    monkeypatch.setattr(credentials, "is_interactive", lambda: True)
    monkeypatch.setattr("getpass.getpass", answer)
    monkeypatch.setattr("builtins.input", answer)
    return questions


class TestOrder:
    def test_argument_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        assert found("mqtts://ann:in-uri@h", username="bob", password="given") == ("bob", "given", "argument")

    def test_then_the_uri(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        assert found("mqtts://ann:in-uri@h") == (None, None, "uri")  # the core reads it there

    def test_then_the_environment(self, monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        monkeypatch.setenv("MQTT_PASSWORD_FILE", str(password_file))
        assert found() == ("eve", "from-environment", "MQTT_PASSWORD")

    def test_then_the_file(self, monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        monkeypatch.setenv("MQTT_PASSWORD_FILE", str(password_file))
        assert found() == ("eve", "from-file", "MQTT_PASSWORD_FILE")

    def test_then_the_keyring(self, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
        kept = {("ann", "broker.example"): Secret("from-keyring")}
        monkeypatch.setattr(credentials, "_from_keyring", lambda user, host: kept.get((user, host)))
        assert found(username="ann") == ("ann", "from-keyring", "keyring")
        assert asked == []

    def test_then_the_prompt(self, asked: list[str]) -> None:
        assert found(username="ann") == ("ann", "typed", "prompt")
        assert asked == ["Password for ann@broker.example: "]

    def test_a_user_name_is_asked_for_on_hivemq_cloud(self, asked: list[str]) -> None:
        assert found("mqtts://x.s1.eu.hivemq.cloud") == ("typed", "typed", "prompt")
        assert asked == ["User name for x.s1.eu.hivemq.cloud: ", "Password for typed@x.s1.eu.hivemq.cloud: "]

    def test_else_anonymous(self, asked: list[str]) -> None:
        assert found() == (None, None, "anonymous")
        assert asked == []

    def test_nobody_is_asked_who_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(credentials, "is_interactive", lambda: False)
        assert found("mqtts://x.s1.eu.hivemq.cloud") == (None, None, "anonymous")
        assert found(username="ann") == ("ann", None, "user name alone")

    def test_a_prompt_that_cannot_be_shown(self, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
        def refuse(prompt: str) -> str:
            raise RuntimeError("getpass was called, but this frontend does not support input requests")

        monkeypatch.setattr("getpass.getpass", refuse)
        assert found(username="ann") == ("ann", None, "user name alone")

    def test_ctrl_c_in_the_prompt_is_ctrl_c(self, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
        def interrupt(prompt: str) -> str:
            raise KeyboardInterrupt

        monkeypatch.setattr("getpass.getpass", interrupt)
        with pytest.raises(KeyboardInterrupt):
            found(username="ann")

    def test_password_file_argument_comes_before_the_environment(self, monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        assert found(password_file=password_file) == ("eve", "from-file", "password_file")

    def test_the_environments_user_name_goes_with_a_password_argument(self, monkeypatch: pytest.MonkeyPatch, password_file: Path) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        assert found(password="given") == ("eve", "given", "argument")
        assert found(password_file=password_file) == ("eve", "from-file", "password_file")
        assert found("mqtts://ann@h", password="given") == ("ann", "given", "argument")
        assert found(username="bob", password="given") == ("bob", "given", "argument")
        monkeypatch.setenv("MQTT_SERVER", "mqtts://mine.example")
        assert found("mqtts://other.example", password="given") == (None, "given", "argument")

    def test_two_passwords_are_one_too_many(self, password_file: Path) -> None:
        with pytest.raises(InvalidArgumentError, match="both given"):
            found(password="given", password_file=password_file)


class TestOnlyTheBrokerItWasMeantFor:
    def test_the_environments_password_stays_with_its_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_SERVER", "mqtts://mine.example")
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        assert found("mqtts://mine.example:8884") == ("eve", "from-environment", "MQTT_PASSWORD")
        assert found("mqtts://other.example") == (None, None, "anonymous")

    def test_the_environments_password_stays_with_its_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "eve")
        monkeypatch.setenv("MQTT_PASSWORD", "from-environment")
        monkeypatch.setattr(credentials, "is_interactive", lambda: False)
        assert found(username="ann") == ("ann", None, "user name alone")
        assert found(username="eve") == ("eve", "from-environment", "MQTT_PASSWORD")


class TestPasswordFile:
    def test_the_first_line_counts(self, tmp_path: Path) -> None:
        path = tmp_path / "password"
        path.write_bytes(b"\xef\xbb\xbfgeheim \xc3\xbc\r\nsecond line\n")
        path.chmod(0o600)
        assert read_password_file(path).reveal() == "geheim ü"

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
    def test_others_may_read_it(self, password_file: Path, mode: int) -> None:
        password_file.chmod(mode)
        with pytest.warns(CredentialFileWarning, match="chmod 600"):
            assert read_password_file(password_file).reveal() == "from-file"

    @pytest.mark.parametrize(("content", "fault"), [(b"", "empty first line"), (b"\nsecret", "empty first line"), (b"\xff", "not UTF-8")])
    def test_bad_content(self, tmp_path: Path, content: bytes, fault: str) -> None:
        path = tmp_path / "password"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InvalidArgumentError, match=fault):
            read_password_file(path)

    @pytest.mark.parametrize("password", ["canary-52", "can/ary-52", "canary-52" * 40])
    def test_a_password_in_a_files_place_is_not_shown(self, password: str) -> None:
        with pytest.raises(InvalidArgumentError, match="password file cannot be read: ") as refused:
            read_password_file(password)
        assert "ary-52" not in str(refused.value)
        assert "password=" in refused.value.hint

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgumentError, match="No such file"):
            read_password_file(tmp_path / "none")
        with pytest.raises(InvalidArgumentError, match="directory"):
            read_password_file(tmp_path)


class TestKeyring:
    def test_service_and_key(self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
        monkeypatch.undo()  # the real _from_keyring
        asked: list[tuple[str, str]] = []
        module = types.ModuleType("keyring")

        def get_password(service: str, key: str) -> str:
            asked.append((service, key))
            return "kept"

        module.get_password = get_password  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)
        assert credentials._from_keyring("ann", "broker.example") == Secret("kept")
        assert asked == [("honeyframe", "ann@broker.example")]

    def test_a_broken_keyring_is_no_keyring(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        module = types.ModuleType("keyring")

        def get_password(service: str, key: str) -> str:
            raise RuntimeError("no backend")

        module.get_password = get_password  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "keyring", module)
        assert credentials._from_keyring("ann", "h") is None
        monkeypatch.setitem(sys.modules, "keyring", None)  # not installed
        assert credentials._from_keyring("ann", "h") is None


class TestSecret:
    def test_neither_prints_nor_travels(self) -> None:
        secret = Secret("canary-7")
        assert "canary-7" not in f"{secret} {secret!r} {secret!s} {[secret]} {secret:>20}"
        for travel in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                travel(secret)
        assert not hasattr(secret, "__dict__")

    def test_credentials_do_not_print(self) -> None:
        assert "canary-7" not in repr(find_credentials(address(), username="ann", password=Secret("canary-7")))


class TestWarnings:
    def test_a_password_without_tls(self) -> None:
        with pytest.warns(InsecureTransportWarning, match="mqtts://"):
            warn_about_transport(address("mqtt://broker.example"), has_password=True, insecure=False)
        with pytest.warns(InsecureTransportWarning, match="wss://"):
            warn_about_transport(address("ws://broker.example"), has_password=True, insecure=False)

    @pytest.mark.parametrize(("uri", "has_password"), [("mqtt://broker.example", False), ("mqtt://localhost", True), ("mqtts://h", True)])
    def test_nothing_to_warn_about(self, uri: str, has_password: bool) -> None:
        warn_about_transport(address(uri), has_password=has_password, insecure=False)

    def test_insecure_tls(self) -> None:
        with pytest.warns(InsecureTLSWarning, match=r"broker\.example") as caught:
            warn_about_transport(address(), has_password=False, insecure=True)
        assert caught[0].filename == __file__

    def test_a_password_in_a_notebook_warns_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(credentials, "in_notebook", lambda: True)
        monkeypatch.setattr(credentials, "_warned_about_uri", False)
        with pytest.warns(CredentialInNotebookWarning):
            found("mqtts://ann:canary-7@h")
        assert found("mqtts://ann:canary-7@h") == (None, None, "uri")
