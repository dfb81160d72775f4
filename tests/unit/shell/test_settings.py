"""Settings: one typed place, and refusals that a person can act on."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from orchestration.settings import (
    PROJECT_ROOT,
    Settings,
    SettingsError,
    allowed,
    load_settings,
    parse_size,
    variable,
)


def test_defaults_lie_in_the_project_wherever_the_command_is_typed(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.home == PROJECT_ROOT / "data"
    assert settings.exports == PROJECT_ROOT / "exports"
    assert (settings.threads, settings.memory_limit) == (2, "4GB")
    assert settings.timezone == "Asia/Shanghai"
    assert settings.as_of is None


def test_environment_sets_and_override_wins(monkeypatch):
    monkeypatch.setenv("TAKT_THREADS", "3")
    assert load_settings().threads == 3
    assert load_settings(threads=5).threads == 5
    assert load_settings(threads=None).threads == 3


def test_empty_variable_means_not_set(monkeypatch):
    monkeypatch.setenv("TAKT_AS_OF", "")
    assert load_settings().as_of is None


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-07-01T02:00+08:00", "Europe/Berlin", datetime(2026, 6, 30, 18)),
        ("2026-07-01T02:00", "Asia/Shanghai", datetime(2026, 6, 30, 18)),
        ("2026-07-01", "Europe/Berlin", datetime(2026, 6, 30, 22)),
        ("2026-07-01T02:00:00Z", "Asia/Shanghai", datetime(2026, 7, 1, 2)),
    ],
)
def test_as_of_without_offset_is_local_to_the_time_zone(text, zone, moment):
    assert load_settings(as_of=text, timezone=zone).as_of == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAKT_THREADS", "many"),
        ("TAKT_THREADS", "0"),
        ("TAKT_THREADS", "2.5"),
        ("TAKT_TIMEZONE", "Mars/Olympus"),
        ("TAKT_AS_OF", "yesterday"),
        ("TAKT_MEMORY_LIMIT", "4"),
        ("TAKT_MEMORY_LIMIT", "1MB"),
        ("TAKT_MEMORY_LIMIT", "4GB'; drop"),
        ("TAKT_SETTLE_SECONDS", "-1"),
        ("TAKT_LIMIT_RATIO", "0"),
        ("TAKT_LIMIT_UNPACKED", "big"),
    ],
)
def test_malformed_value_is_refused_with_name_value_and_what_is_allowed(
    monkeypatch, name, value
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    message = str(refusal.value)
    assert f'{name} = "{value}"' in message
    assert allowed(name.removeprefix("TAKT_").lower()) in message


def test_unknown_variable_is_refused_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("TAKT_TREADS", "3")
    with pytest.raises(SettingsError, match=r'TAKT_TREADS = "3": .*TAKT_THREADS'):
        load_settings()


def test_every_problem_is_named_at_once(monkeypatch):
    monkeypatch.setenv("TAKT_TREADS", "3")
    monkeypatch.setenv("TAKT_THREADS", "x")
    monkeypatch.setenv("TAKT_TIMEZONE", "y")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 3


def test_fault_point_variable_is_no_setting_and_no_error(monkeypatch):
    monkeypatch.setenv("TAKT_FAULT", "publish.before_flip:kill")
    load_settings()


def test_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("TAKT_PII_KEY", "tooshort")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "tooshort" not in str(refusal.value)
    monkeypatch.delenv("TAKT_PII_KEY")
    monkeypatch.setenv("TAKT_PI_KEY", "a misspelt name of a secret")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "misspelt" not in str(refusal.value)
    assert "secret0123456789" not in repr(load_settings_without_env(monkeypatch))


def load_settings_without_env(monkeypatch) -> Settings:
    monkeypatch.delenv("TAKT_PI_KEY")
    return load_settings(pii_key="secret0123456789")


def test_home_inside_the_exports_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="TAKT_HOME"):
        load_settings(home=tmp_path / "data", exports=tmp_path)


def test_settings_reach_a_child_process_unchanged(monkeypatch, tmp_path):
    settings = load_settings(
        home=tmp_path, as_of="2026-07-01T02:00", pii_key="secret0123456789"
    )
    assert pickle.loads(pickle.dumps(settings)) == settings
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("1MiB", 2**20), ("0.5 KiB", 512)]
)
def test_sizes_are_decimal_or_binary(text, size):
    assert parse_size(text) == size


def test_every_setting_says_what_it_is_and_what_is_allowed():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert allowed(name), name
        assert variable(name).startswith("TAKT_")


def test_the_page_of_settings_names_each_with_its_default_and_what_is_allowed():
    page = (PROJECT_ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("`TAKT_"):
            rows[cells[0].strip("`")] = (cells[1].strip("`"), cells[2])
    told = {}
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"{field.default}"
        told[variable(name)] = (default.removesuffix(".0"), allowed(name))
    # Without a moment of its own a night is computed for now.
    told["TAKT_AS_OF"] = ("now", allowed("as_of"))
    assert rows == told
