"""Collaboration: the planted quarter, the workbooks, and hand-made counter cases."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import openpyxl
import pandas as pd
import pytest

from demo import collaboration as office
from demo.clock import DAY, NONE, load_calendars, moment, month_of
from demo.company import account
from demo.truth import periods
from demo.world import World

END = moment(2026, 7, 1, 2)
CALENDARS = load_calendars()


@pytest.fixture(scope="module")
def people():
    return office.build(World(CALENDARS, seed=7, scale=1))


@pytest.fixture(scope="module")
def kpis(people):
    return account([people], END)["kpis"]


def feed(process, export: str):
    return next(one for one in process.feeds if one.export == export)


def book(process, export: str, path: str):
    """One exported workbook."""
    source = feed(process, export)
    number = [file.path for file in source.files].index(path)
    data = source.render(source.rows_of(number), source.files[number])
    return openpyxl.load_workbook(io.BytesIO(data))


@pytest.mark.parametrize("seed", [7, 11, 12])
def test_one_quarter_has_no_solution_and_is_zero(seed):
    """PL15: a closed quarter without solution is 0 ÷ 1, every other has 1 to 3."""
    process = office.build(World(CALENDARS, seed=seed, scale=1))
    quarters = account([process], END)["kpis"][office.ADOPTED.code]["quarter"]
    found = {label: cells["all"]["observable"] for label, cells in quarters.items()}
    assert list(found) == [
        *("2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2")
    ]
    assert {cell["den"] for cell in found.values()} == {1}
    assert found.pop("2026-Q1")["num"] == 0
    assert {cell["num"] for cell in found.values()} <= {1, 2, 3}


def test_one_ratee_has_two_peers(people):
    ratings = people.state.ratings.drop_duplicates(["cycle", "ratee", "rater"])
    peers = ratings[ratings["group"] == office.PEER]
    sizes = peers.groupby(["cycle", "ratee"]).size()
    assert sizes[sizes < 3].tolist() == [2]
    assert sizes[sizes < 3].index[0][0] == 2
    alarm, _, hidden = people.findings({})
    assert alarm["range"] == [0, 1]
    assert hidden["ratees"] == 1


def test_without_the_plant_the_quarter_is_like_the_others():
    off = World(CALENDARS, seed=7, scale=1, without=frozenset({"PL15"}))
    process = office.build(off)
    found = account([process], END)
    quarters = found["kpis"][office.ADOPTED.code]["quarter"]
    assert quarters["2026-Q1"]["all"]["observable"]["num"] >= 1
    assert found["findings"] == []


def test_departments_are_large_enough_to_be_shown(people, kpis):
    rosters = people.state.roster.groupby(["month", "department"]).size()
    assert rosters.min() >= office.SMALL
    for code in (office.PARTICIPATION.code, office.SUGGESTIONS.code):
        for cells in kpis[code]["month"].values():
            assert "small_group" not in cells["all"]["observable"]["excluded"]


def test_a_workbook_has_three_sheets_with_a_title_above_the_header(people):
    pages = book(people, "sheets.ideas", "sheets/collab_202503.xlsx")
    assert pages.sheetnames == ["会议", "建议", "人员"]
    headers = [[cell.value for cell in page[2]] for page in pages]
    assert headers[0][:4] == ["会议编号", "召开日期", "参与部门", "工号"]
    assert headers[1][-1] == "测量日期"
    assert headers[2] == ["工号", "部门", "在岗开始", "在岗结束", "请假天数"]
    for page, export in zip(pages, ("meetings", "ideas", "roster"), strict=True):
        source = feed(people, f"sheets.{export}")
        number = [file.period for file in source.files].index("202503")
        rows = source.rows_of(number)
        cells = list(page.iter_rows(min_row=3, values_only=True))
        assert sum(any(c is not None for c in row) for row in cells) == len(rows)
        assert len(cells) == len(rows) + rows["blank"].sum()


def test_flags_and_dates_are_written_in_many_ways(people):
    """D12."""
    page = book(people, "sheets.meetings", "sheets/collab_202503.xlsx")["会议"]
    rows = list(page.iter_rows(min_row=3, values_only=True))
    rows = [row for row in rows if row[0] is not None]
    assert {row[5] for row in rows} == {"是", "√", 1, "Y", "否", "×", 0, "N"}
    kinds = {type(row[1]) for row in rows}
    assert kinds == {str, datetime}
    days = {row[1] if isinstance(row[1], str) else row[1].date() for row in rows}
    assert {str(day)[:7] for day in days} == {"2025-03"}


def test_workbooks_come_on_the_last_day_and_ratings_twice_a_year(people):
    sheets, ratings = feed(people, "sheets.roster"), feed(people, "hr.ratings_360")
    assert len(sheets.written(moment(2025, 1, 31, 17))) == 0
    assert len(sheets.written(moment(2025, 1, 31, 18))) == 1
    assert len(sheets.written(END)) == 18
    assert [ratings.files[n].path for n in ratings.written(moment(2026, 2, 1))] == [
        "hr/ratings_2025H1.xlsx",
        "hr/ratings_2025H2.xlsx",
    ]


def test_an_idea_is_exported_again_when_something_comes_of_it(people):
    rows = feed(people, "sheets.ideas").rows
    done = rows.loc[rows["measured"] >= 0, "case"]
    versions = rows[rows["case"].isin(done)].groupby("case")["file"].nunique()
    assert versions.min() >= 2
    assert versions.max() >= 3
    known = feed(people, "sheets.ideas").in_force(moment(2025, 6, 30, 20))
    assert known["updated"].max() < moment(2025, 7, 1)


def test_a_moment_without_workbooks_has_nothing_to_count(people):
    found = account([people], moment(2025, 1, 15))["kpis"]
    cell = found[office.PARTICIPATION.code]["month"]["2025-01"]["all"]
    assert cell["observable"]["n"] == 0
    assert cell["true"]["den"] > 0


# --- cases worked by hand -------------------------------------------------------

MARCH = month_of(2025, 3)
TENTH = moment(2025, 3, 10)


def staff(*sizes: int, leave: dict[int, int] | None = None) -> pd.DataFrame:
    """A roster of March 2025 with so many people per department."""
    department = np.repeat(np.arange(len(sizes)), sizes)
    rows = pd.DataFrame({"person": np.arange(len(department)), "month": MARCH})
    rows["department"] = department
    rows["leave"] = rows["person"].map(leave or {}).fillna(0).astype(int)
    return rows


MEETINGS = ["meeting", "person", "departments", "cancelled", "on_leave", "attended"]
IDEAS = [
    *("person", "departments", "submitted", "adopted", "measured"),
    *("metric", "baseline", "result"),
]
RATINGS = ["cycle", "ratee", "rater", "group", "item", "score"]


def counted(kpi, roster, meetings=(), ideas=(), ratings=(), now=None) -> dict:
    """Period → segment → observable parts of hand-made rows."""
    meetings = pd.DataFrame(list(meetings), columns=MEETINGS, dtype=int)
    for name in MEETINGS[3:]:
        meetings[name] = meetings[name].astype(bool)
    meetings["day"], meetings["invited"] = TENTH // DAY, True
    tally = office.count(
        CALENDARS["office"],
        roster,
        meetings,
        pd.DataFrame(list(ideas), columns=IDEAS, dtype=int),
        pd.DataFrame(list(ratings), columns=RATINGS, dtype=int),
        now or moment(2025, 4, 1),
    )
    found = periods(kpi, tally, tally, END // DAY, "month")
    return {
        label: {name: cell["observable"] for name, cell in cells.items()}
        for label, cells in found.items()
    }


def parts(num: int, den: int, n: int, **excluded: int) -> dict:
    blank = {"open": 0, "undecided": 0}
    return {"num": num, "den": den, "n": n, **blank, "excluded": excluded}


def test_invitations_are_counted_by_meeting_and_department():
    """Meeting 0 of two departments: 1 of 2 and 1 of 1 come, one is on leave.

    Meeting 1 is cancelled, 2 of one department, 3 has a guest of four colleagues.
    """
    both, one = 0b11, 0b1
    rows = [
        *[(0, 0, both, 0, 0, 1), (0, 1, both, 0, 0, 0), (0, 2, both, 0, 1, 0)],
        *[(0, 5, both, 0, 0, 1), (1, 0, both, 1, 1, 0), (1, 1, both, 1, 0, 0)],
        *[(2, 0, one, 0, 0, 1), (3, 10, both, 0, 0, 1), (3, 99, both, 0, 0, 1)],
    ]
    found = counted(office.PARTICIPATION, staff(5, 5, 4), meetings=rows)["2025-03"]
    excluded = {"meeting_cancelled": 1, "single_department": 1, "on_leave": 1}
    assert found["销售部"] == parts(1, 2, 1, **excluded)
    assert found["客服部"] == parts(1, 1, 1)
    assert found["仓储部"] == parts(0, 0, 0, small_group=1)
    assert found["all"] == parts(2, 3, 2, small_group=2, **excluded)


def idea(person: int = 0, departments: int = 0b11, **rest: int) -> tuple:
    blank = dict.fromkeys(IDEAS, NONE)
    blank |= {"person": person, "departments": departments, "submitted": TENTH}
    return tuple({**blank, **rest}.values())


def test_suggestions_are_counted_per_person_in_post():
    """Three ideas of five people, one of them on leave for all 21 working days."""
    ideas = [idea(0), idea(0), idea(1), idea(0, submitted=moment(2025, 2, 28))]
    roster = staff(5, 5, leave={4: 21, 5: 20})
    found = counted(office.SUGGESTIONS, roster, ideas=ideas)["2025-03"]
    assert found["销售部"] == parts(3, 4, 1, on_leave=1)
    assert found["客服部"] == parts(0, 5, 1)


def test_a_solution_needs_two_departments_and_an_empty_quarter_is_zero():
    ideas = [
        idea(adopted=TENTH),
        idea(adopted=TENTH, departments=0b1),
        idea(),
        idea(adopted=moment(2025, 5, 5)),
    ]
    found = counted(office.ADOPTED, staff(5), ideas=ideas, now=moment(2025, 10, 1))
    assert {label: cells["company"] for label, cells in found.items()} == {
        "2025-03": parts(1, 1, 2),
        "2025-05": parts(1, 0, 1),
        "2025-06": parts(0, 1, 1),
        "2025-09": parts(0, 1, 1),
    }


def test_gains_are_basis_points_signed_by_direction():
    """Time 80 → 72: +1000. Rate 80 → 72: −1000. Cost 8 → 9: −1250."""
    done = {"adopted": TENTH, "measured": TENTH + DAY}
    ideas = [
        idea(**done, metric=0, baseline=8_000, result=7_200),
        idea(**done, metric=3, baseline=8_000, result=7_200),
        idea(**done, metric=1, baseline=800, result=900),
        idea(adopted=TENTH, metric=1, baseline=800),
        idea(**done, metric=1, baseline=0, result=900),
    ]
    found = counted(office.GAIN, staff(5), ideas=ideas)["2025-03"]
    assert found["company"] == parts(-1_250, 3, 3, not_measured=2)


def test_basis_points_round_half_up():
    """10,000 ÷ 8 is exact; ± 0.625 goes to 1 and −1, ± 0.5 to 1 and 0."""
    part = np.array([1, 1, -1, 1, -1])
    whole = np.array([8, 16_000, 16_000, 20_000, 20_000])
    assert office.basis_points(part, whole).tolist() == [1_250, 1, -1, 1, 0]


def answers(ratee: int, rater: int, group: int, *scores: int) -> list[tuple]:
    return [(0, ratee, rater, group, n, score) for n, score in enumerate(scores)]


@pytest.fixture
def team() -> pd.DataFrame:
    """Five people in June 2025, the last month of the first cycle."""
    return staff(5).assign(month=month_of(2025, 6))


def test_ratings_weigh_the_groups_that_may_be_shown(team):
    """Manager 4,4,4,4 = 75; peers 5 = 100, 3 = 50, 3 = 50: mean 66.67.

    Ratee 0: (4 × 75 + 3 × 66.67) ÷ 7 = 71.43. Ratee 1 has two peers: 75. Ratee 2: of
    four reports one answers half: 100, 75, 75 → 83.33, no manager. Ratee 3: manager
    answers three of four: 5, 5, 3 → 83.33. Ratee 4 has only two peers: dropped, and
    four remain: too small a group.
    """
    rows = [
        *answers(0, 90, 0, 4, 4, 4, 4),
        *answers(0, 1, 1, 5, 5, 5, 5),
        *answers(0, 2, 1, 3, 3, 3, 3),
        *answers(0, 3, 1, 3, 3, 3, 3),
        *answers(0, 0, 3, 1, 1, 1, 1),
        *answers(1, 90, 0, 4, 4, 4, 4),
        *answers(1, 2, 1, 1, 1, 1, 1),
        *answers(1, 3, 1, 1, 1, 1, 1),
        *answers(2, 0, 2, 5, 5, 5, 5),
        *answers(2, 1, 2, 4, 4, 4, 4),
        *answers(2, 3, 2, 4, 4, 4, 4),
        *answers(2, 4, 2, 1, 1, NONE, NONE),
        *answers(3, 90, 0, 5, 5, 3, NONE),
        *answers(4, 0, 1, 5, 5, 5, 5),
        *answers(4, 1, 1, 5, 5, 5, 5),
    ]
    frame = pd.DataFrame(rows, columns=RATINGS)
    scores = [office.overall(frame[frame["ratee"] == one], 4) for one in range(5)]
    assert scores == [7_143, 7_500, 8_333, 8_333, None]
    found = counted(office.RATING, team, ratings=rows)["2025-06"]
    assert found["销售部"] == parts(0, 0, 0, too_few_raters=1, small_group=1)
    rows += answers(4, 90, 0, 3, 3, 3, 3)
    found = counted(office.RATING, team, ratings=rows)["2025-06"]
    assert found["销售部"] == parts(7_143 + 7_500 + 8_333 + 8_333 + 5_000, 5, 1)


def test_half_hundredths_round_up():
    """Manager 75, peers 75, reports 75 but for one item of one: 72.91666….

    (4 × 75 + 3 × 75 + 3 × 72.91666…) ÷ 10 = 74.375, and 7437.5 becomes 7438.
    """
    groups = [(90, 0), (1, 1), (2, 1), (3, 1), (4, 2), (5, 2)]
    rows = [one for rater, g in groups for one in answers(0, rater, g, 4, 4, 4, 4)]
    rows += answers(0, 6, 2, 4, 4, 4, 3)
    assert office.overall(pd.DataFrame(rows, columns=RATINGS), 4) == 7_438
