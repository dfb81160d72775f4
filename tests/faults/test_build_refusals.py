"""What refuses a version: failing tests and models, damaged input, unclean files.

Every refusal leaves the published version byte for byte as it was (faults D5, E7, E8,
E9, F4, and the promise that a failed test refuses the whole version).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration import build
from orchestration.build import BuildRefused, build_candidate, dbt_parse
from orchestration.ledger import Ledger
from orchestration.publish import PublishRefused, publish, version_path
from orchestration.settings import PROJECT_ROOT
from tests.faults.tiny import (
    AS_OF,
    TinySettings,
    check_intact,
    contents,
    copy_project,
    deliver,
    exports_of,
    judge,
    night,
    sale,
    tiny_settings,
)
from tests.faults.tiny_fixtures import Waiting

FCT = "models/marts/fct_sales.sql"
FCT_YAML = "models/marts/fct_sales.yml"


@pytest.fixture
def before(tiny: TinySettings) -> dict[str, bytes]:
    return contents(version_path(tiny, 1))


def refused(settings: TinySettings, before: dict[str, bytes]) -> str:
    """Run a night that must be refused; return its reasons."""
    with pytest.raises(BuildRefused) as caught:
        night(settings, "refused")
    check_intact(settings, 1)
    assert contents(version_path(settings, 1)) == before
    return str(caught.value)


def changed(tiny: TinySettings, **files: str) -> TinySettings:
    """Settings with a copy of the project in which files are replaced."""
    project = copy_project(tiny.home.parent / "project")
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tiny_settings(tiny.home, project)


def edited(tiny: TinySettings, name: str, old: str, new: str) -> TinySettings:
    text = (tiny.project / name).read_text(encoding="utf-8")
    assert old in text
    return changed(tiny, **{name: text.replace(old, new)})


# One row that breaks each kind of data test: unique, not_null, relationships,
# accepted_values, and a singular test.
BREAKING = {
    "unique_fct_sales_sale_no": [sale("b")],
    "not_null_fct_sales_sale_no": [sale("x", sale_no=None)],
    "relationships_fct_sales_shop_code__shop_code__ref_dim_shops_": [
        sale("x", shop_code=None)
    ],
    "accepted_values_fct_sales_shop_code__north__south": [sale("x", shop_code="west")],
    "assert_no_sale_is_negative": [sale("x", cents=-1)],
}


@pytest.mark.parametrize("test", BREAKING)
def test_each_kind_of_failing_data_test_refuses_the_version(
    test: str, tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = tiny
    if test.startswith("relationships"):
        # The shop is known by its sale: only another register could miss one.
        settings = edited(
            tiny, "models/marts/dim_shops.sql", "group by", "where false\ngroup by"
        )
    else:
        sales = exports_of(tiny)["sales"]
        deliver(tiny, sales, "20260303", [sale("ok"), *BREAKING[test]])
    reasons = refused(settings, before)
    assert f"Data test {test}" in reasons
    assert "failing row" in reasons
    query = reasons.split("The query: ")[1].split(".sql")[0] + ".sql"
    assert "select" in Path(query).read_text(encoding="utf-8").lower()


def test_promises_of_columns_are_one_test_that_names_each_broken_one(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    test = "tests/data/generic/columns_hold.sql"
    model = """\
models:
  - name: fct_sales
    data_tests:
      - columns_hold:
          arguments:
            not_null: [sale_no, shop_code, cents]
            unique: [sale_no, cents, [shop_code, cents]]
            accepted_values:
              shop_code: [north, south, "o'clock"]
              cents: [0, 100, 250]
"""
    text = (PROJECT_ROOT / test).read_text(encoding="utf-8")
    settings = changed(tiny, **{test: text, FCT_YAML: model})
    rows = [
        sale("quoted", shop_code="o'clock", cents=0),
        *(sale("twice", shop_code="o'clock", cents=n) for n in (100, 250)),
        sale("west", shop_code="west", cents=7),
        sale("blank", shop_code="south", cents=None),
        sale("blank again", shop_code="south", cents=None),
    ]
    deliver(tiny, exports_of(tiny)["sales"], "20260303", rows)
    reasons = refused(settings, before)
    assert (
        "Data test columns_hold_fct_sales on fct_sales: "
        "cents is not null fails in 3 rows, "
        "shop_code in ('north', 'south', 'o''clock') fails in 1 row, "
        "cents in (0, 100, 250) fails in 1 row, "
        "unique (sale_no) fails in 1 row, "
        "unique (cents) fails in 1 row, "
        "unique (shop_code, cents) fails in 1 row."
    ) in reasons


def test_a_warning_where_it_is_declared_is_listed_and_published(
    tiny: TinySettings,
) -> None:
    with Ledger.open(tiny.ledger_path) as ledger:
        exports = list(exports_of(tiny).values())
        candidate = build_candidate(tiny, ledger, exports, "warned", AS_OF)
    assert candidate.warnings == ("not_null_fct_sales_cents",)


def test_a_warning_that_was_not_declared_refuses(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = edited(
        tiny, FCT_YAML, "{severity: warn}", "{error_if: '> 100', warn_if: '> 0'}"
    )
    assert "not_null_fct_sales_cents" in refused(settings, before)


def test_a_failing_model_is_named_and_its_followers_are_counted(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = changed(
        tiny,
        **{
            "models/marts/dim_shops.sql": "select shop_code + 'x' as shop_code "
            "from {{ ref('stg_shop__sales') }}"
        },
    )
    reasons = refused(settings, before)
    assert "Model dim_shops (models/marts/dim_shops.sql) ended with error" in reasons
    assert "were skipped after these failures" in reasons
    assert "fct_sales" in reasons


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cast(1 as double) / 0", "is not a number or infinite"),
        ("cast('nan' as double)", "is not a number or infinite"),
        ("sum(cents) over ()", "is HUGEINT"),
        ("cast(sold_at as timestamptz)", "is TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_a_mart_that_no_reader_should_see_refuses(
    expression: str, message: str, tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = changed(
        tiny,
        **{
            "models/marts/fct_odd.sql": f"select {expression} as odd "
            "from {{ ref('stg_shop__sales') }}"
        },
    )
    assert f"fct_odd.odd {message}" in refused(settings, before)


def test_a_relation_left_over_by_dbt_refuses(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = edited(
        tiny,
        FCT,
        "-- Grain",
        "{% do run_query('create table main.x__dbt_tmp as select 1 as i') %}\n-- Grain",
    )
    assert "x__dbt_tmp is left over" in refused(settings, before)


def test_a_node_that_did_not_run_refuses(
    tiny: TinySettings, before: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build._dbt

    def without_one(settings, arguments, *rest, **named):  # type: ignore[no-untyped-def]
        if arguments[0] == "build":
            place = arguments.index("resource_type:unit_test")
            arguments = [*arguments[:place], "fct_freshness", *arguments[place:]]
        return run(settings, arguments, *rest, **named)

    monkeypatch.setattr(build, "_dbt", without_one)
    reasons = refused(tiny, before)
    assert "1 expected nodes are missing from the results: fct_freshness" in reasons


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ("materialized='incremental'", "is incremental"),
        ("materialized='external'", "is external"),
        ("on_error='continue'", "on_error: continue"),
        ("post_hook='select 1'", "post-hook"),
        ("grants={'select': ['everybody']}", "grants"),
    ],
)
def test_a_banned_configuration_refuses(
    configuration: str, message: str, tiny: TinySettings, before: dict[str, bytes]
) -> None:
    settings = edited(
        tiny, FCT, "-- Grain", "{{ config(" + configuration + ") }}\n-- Grain"
    )
    assert message in refused(settings, before)


def test_stored_failures_refuse(tiny: TinySettings, before: dict[str, bytes]) -> None:
    settings = edited(
        tiny, FCT_YAML, "{severity: warn}", "{severity: warn, store_failures: true}"
    )
    assert "store_failures" in refused(settings, before)


def test_bytes_changed_after_the_gate_refuse(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    path = next(tiny.lake.rglob("*.parquet"))
    other = next(p for p in tiny.lake.rglob("*.parquet") if p != path)
    shutil.copyfile(other, path)
    reasons = refused(tiny, before)
    assert "are not the bytes that were judged" in reasons
    assert path.name in reasons


def test_a_lake_file_that_is_gone_refuses(
    tiny: TinySettings, before: dict[str, bytes]
) -> None:
    next(tiny.lake.rglob("*.parquet")).unlink()
    assert "are missing" in refused(tiny, before)


def test_an_admission_taken_back_during_the_build_is_not_published(
    waiting: Waiting, tiny: TinySettings, before: dict[str, bytes]
) -> None:
    built = waiting.candidate_in(tiny)
    with Ledger.open(tiny.ledger_path) as ledger:
        judge(ledger, built.batches[-1].batch.seq, "FAIL")
        with pytest.raises(BuildRefused, match="is not any more"):
            publish(tiny, ledger, built)
    check_intact(tiny, 1)
    assert contents(version_path(tiny, 1)) == before


def test_a_row_planted_in_the_candidate_is_noticed(
    waiting: Waiting, tiny: TinySettings, before: dict[str, bytes]
) -> None:
    built = waiting.candidate_in(tiny)
    with duckdb.connect(str(built.path)) as connection:
        connection.execute(
            "insert into fct_sales select 'planted', shop_code, cents, "
            "cents_per_sale, sold_at from fct_sales limit 1"
        )
    with (
        Ledger.open(tiny.ledger_path) as ledger,
        pytest.raises(PublishRefused, match="4 rows instead of 3"),
    ):
        publish(tiny, ledger, built)
    assert contents(version_path(tiny, 1)) == before


def test_cells_that_change_rows_are_noticed(
    waiting: Waiting, tiny: TinySettings
) -> None:
    """Same values in every column, but two sales have swapped their shops."""
    built = waiting.candidate_in(tiny)
    with duckdb.connect(str(built.path)) as connection:
        connection.execute(
            "update fct_sales set shop_code = case sale_no when 'a' then 'south' "
            "when 'c' then 'north' else shop_code end"
        )
    with (
        Ledger.open(tiny.ledger_path) as ledger,
        pytest.raises(PublishRefused, match="cells changed rows"),
    ):
        publish(tiny, ledger, built)


@pytest.mark.parametrize("damage", ["cut", "zero", "flip"])
def test_a_damaged_build_file_is_not_published_and_the_next_night_is(
    damage: str, waiting: Waiting, tiny: TinySettings
) -> None:
    built = waiting.candidate_in(tiny)
    whole = bytearray(built.path.read_bytes())
    if damage == "cut":
        built.path.write_bytes(whole[: len(whole) // 2])
    elif damage == "zero":
        built.path.write_bytes(b"")
    else:
        for position in range(4096 * 3, len(whole), 4096):
            whole[position] ^= 0xFF
        built.path.write_bytes(whole)
    with (
        Ledger.open(tiny.ledger_path) as ledger,
        pytest.raises((duckdb.Error, PublishRefused)),
    ):
        publish(tiny, ledger, built)
    check_intact(tiny, 1)
    night(tiny, "next")
    check_intact(tiny, 2)


def test_a_write_ahead_log_beside_the_candidate_refuses(
    waiting: Waiting, tiny: TinySettings
) -> None:
    built = waiting.candidate_in(tiny)
    built.path.with_name(built.path.name + ".wal").write_bytes(b"left over")
    with (
        Ledger.open(tiny.ledger_path) as ledger,
        pytest.raises(BuildRefused, match="lies beside the candidate"),
    ):
        publish(tiny, ledger, built)
    check_intact(tiny, 1)


def test_a_full_disk_is_told_before_anything_is_built(
    tiny: TinySettings, before: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tiny.home)._replace(free=10 * 2**20)
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: usage)
    reasons = refused(tiny, before)
    assert "10 MiB free" in reasons
    assert "takt prune" in reasons


def test_a_project_that_cannot_be_parsed_says_where(tiny: TinySettings) -> None:
    settings = changed(tiny, **{FCT: "select * from {{ ref('nowhere') }}"})
    with pytest.raises(build.ProjectError, match="nowhere"):
        dbt_parse(settings)
    check_intact(tiny, 1)


def test_the_build_file_is_released(tiny: TinySettings) -> None:
    with Ledger.open(tiny.ledger_path) as ledger:
        exports = list(exports_of(tiny).values())
        candidate = build_candidate(tiny, ledger, exports, "open", AS_OF)
    held = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            held.append(str(link.readlink()))
        except OSError:
            continue
    assert str(candidate.path) not in held


def test_unit_tests_of_dbt_stay_out_of_the_night(tiny: TinySettings) -> None:
    """The tiny project's unit test fails; it is run by `make test`, not by a night."""
    night(tiny, "next")
    check_intact(tiny, 2)
