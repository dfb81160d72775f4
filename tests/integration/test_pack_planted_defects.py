"""Each invariant of a pack, seen to fail: a check that cannot fail checks nothing.

One sound case of every pack, by hand, in an otherwise empty warehouse; then one defect
at a time is planted and undone, and the SQL of the dbt test runs against it. Findings
on the sound rows must be none.
"""

from __future__ import annotations

import pytest

from orchestration.build import Candidate
from orchestration.settings import PROJECT_ROOT
from tests.helpers.parsed import parsed
from tests.helpers.warehouse import Warehouse, copy_warehouse, dbt

# Table → rows; columns that are not named are NULL.
SOUND = {
    "stg_crm__leads": """
        lead_id,created_at,assigned_at
        A,2026-03-02 01:00,2026-03-02 02:00
    """,
    "stg_crm__followups": """
        followup_id,lead_id,contacted_at,is_by_person
        f1,A,2026-03-03 01:00,true
        f2,A,2026-03-03 02:00,false
    """,
    "int_leads__events": """
        event_id,process_instance_id,activity_code
        A-capture,A,capture
        A-assign,A,assign
        A-contact-f1,A,follow_up
        A-contact-f2,A,auto_mail
    """,
    "int_leads__instances": """
        process_instance_id,known_since_at
        A,2026-03-02 01:00
        later,2026-04-02 01:00
    """,
    "int_leads__lead_days": """
        process_instance_id,local_date,lead_day_count,contact_count,automatic_count
        A,2026-03-02,1,0,0
        A,2026-03-03,1,1,1
    """,
    "stg_telephony__calls": """
        call_id,queue_seconds,talk_seconds,hold_seconds,wrap_seconds,is_answered,transfer_count,score
        c1,20,100,30,50,true,1,5
        c2,40,,,,false,0,
    """,
    "int_calls__calls_linked": """
        call_id,issue_id,started_at,score
        c1,c1,2026-03-02 10:00,5
        c2,c1,2026-03-03 10:00,
    """,
    "int_calls__events": """
        event_id,process_instance_id,activity_code,started_at,occurred_at
        c1-queue,c1,queue,2026-03-02 10:00,2026-03-02 10:00:20
        c1-transfer,c1,transfer,2026-03-02 10:00:20,2026-03-02 10:00:20
        c1-hold,c1,hold,2026-03-02 10:00:20,2026-03-02 10:00:50
        c1-resolve,c1,resolve,2026-03-02 10:00:50,2026-03-02 10:02:30
        c1-wrap_up,c1,wrap_up,2026-03-02 10:02:30,2026-03-02 10:03:20
        c1-rate,c1,rate,2026-03-02 10:03:20,2026-03-02 10:03:20
        c2-queue,c1,queue,2026-03-03 10:00,2026-03-03 10:00:40
    """,
    "int_calls__instances": """
        process_instance_id,opened_at
        c1,2026-03-02 10:00
    """,
    "stg_mes__inspections": """
        inspection_id,inspection_no,inspected_at,released_at
        L-01,1,2026-03-02 01:00,
        L-02,2,2026-03-03 01:00,2026-03-03 02:00
    """,
    "int_quality__events": """
        event_id,process_instance_id,activity_code
        L-01,L,inspect_first
        L-02,L,reinspect
        L-02-release,L,release
    """,
    "int_quality__instances": """
        process_instance_id,known_since_at
        L,2026-03-02 01:00
    """,
    "stg_sheets__ideas": """
        idea_no,person_id,month_on,submitted_on,adopted_on,measured_on
        I,p1,2026-03-01,2026-03-02,2026-03-09,2026-03-23
    """,
    "stg_sheets__invitations": """
        meeting_id,person_id,is_cancelled
        M,p1,false
        cancelled,p1,true
    """,
    "stg_sheets__roster": """
        month_on,person_id
        2026-03-01,p1
    """,
    "stg_hr__ratings": """
        cycle_code
        2025H1
    """,
    "int_collaboration__events": """
        event_id,process_instance_id,activity_code
        I-suggest,I,suggest
        I-adopt,I,adopt
        I-verify,I,verify
        meeting-M-meet,meeting-M,meet
        cycle-2025H1-rate_360,cycle-2025H1,rate_360
    """,
    "int_collaboration__instances": """
        process_instance_id
        I
        meeting-M
        cycle-2025H1
    """,
    "int_collaboration__people_placed": """
        month_on,person_id,idea_count
        2026-03-01,p1,1
    """,
    "int_collaboration__invitations_placed": """
        meeting_id,person_id,held_at,unit_code,is_small_unit,department_count,is_on_leave,is_cancelled
        M,p1,2026-03-02 16:00,销售部,false,2,false,false
        M,p2,2026-03-02 16:00,销售部,false,2,true,false
    """,
    "kpi_collaboration__meeting_participation_pct": """
        subject_id,denominator,exclusion_reason
        M-销售部,1,
        M-销售部-on_leave,,on_leave
    """,
    "int_collaboration__people_rated": """
        cycle_code,cycle_to_on,ratee_id,unit_code
        2025H1,2025-06-30,p1,销售部
    """,
    "kpi_collaboration__rating_360_score": """
        subject_id,segment_code,measured_on,denominator,state
        销售部-2025H1,销售部,2025-06-30,5,counted
    """,
    "stg_erp__orders": """
        order_no,received_at,dispatched_at
        O,2026-03-02 01:00,2026-03-02 01:30
    """,
    "stg_wms__picks": """
        order_no,pick_started_at,picked_at
        O,2026-03-02 02:00,2026-03-02 02:05
        O,2026-03-02 02:05,2026-03-02 02:10
    """,
    "stg_carrier__shipment_events": """
        order_no,event_id,event_code
        O,s1,accepted
        O,s2,delivered
    """,
    "stg_survey__delivery_answers": """
        order_no,answer_id,answered_on
        O,O-01,2026-03-05
        ,no-order-1,2026-03-05
    """,
    "int_orders__events": """
        event_id,process_instance_id,activity_code,source_rows
        O-receive,O,receive,1
        O-dispatch,O,dispatch,1
        O-pick-01,O,pick,2
        O-scan-s1,O,hand_over,1
        O-scan-s2,O,deliver,1
        O-answer-O-01,O,survey,1
    """,
    "int_orders__instances": """
        process_instance_id,known_since_at,delivered_at
        O,2026-03-02 01:00,2026-03-04 01:00
    """,
    "kpi_orders__delivery_satisfaction_score": """
        subject_id
        O-01
        no-order-1
    """,
    "stg_helpdesk__complaint_events": """
        event_id,event_code,event_at
        e1,received,2026-03-02 01:00
        e2,assigned,2026-03-02 01:10
        e3,handling_started,2026-03-02 02:00
        e4,handled,2026-03-02 03:00
    """,
    "int_complaints__events": """
        event_id,process_instance_id,activity_code,source_rows
        e1,C,receive,1
        e2,C,assign,1
        e4,C,handle,2
    """,
    "int_complaints__instances": """
        process_instance_id,known_since_at
        C,2026-03-02 01:00
    """,
    "stg_erp__purchase_order_lines": """
        requisition_line_no,requested_at,po_issued_at
        R,2026-03-02 01:00,2026-03-04 01:00
    """,
    "int_procurement__events": """
        event_id,process_instance_id,activity_code
        R-request,R,request
        R-issue_po,R,issue_po
    """,
    "int_procurement__instances": """
        process_instance_id,known_since_at
        R,2026-03-02 01:00
    """,
    "fct_procurement_price_changes": """
        month_start_on,item_code,price_effect_cny,mix_effect_cny
        2026-03-01,A,0.125,0.275
        2026-03-01,B,0,-0.75
    """,
    "fct_kpi_values": """
        kpi_code,period_grain,segment_code,period_start,value
        procurement.unit_price_cny,month,all,2026-02-01,2
        procurement.unit_price_cny,month,all,2026-03-01,1.65
    """,
    "stg_finance__monthly_revenues": """
        month_start_on,revenue_cents,is_intercompany
        2025-02-01,100,false
        2026-02-01,120,false
        2026-02-01,999,true
    """,
    "kpi_company__revenue_vs_prior_year_pct": """
        measured_on,numerator,denominator
        2026-02-28,120,100
    """,
    "int_kpi_freshness": """
        kpi_code,data_as_of
        leads.assignment_hours,2026-03-31 16:00
        calls.handle_seconds,2026-03-31 16:00
        calls.satisfaction_score,2026-03-31 16:00
        calls.fcr_pct,2026-03-31 16:00
        quality.first_pass_yield_pct,2026-03-31 16:00
        quality.return_rate_pct,2026-03-31 16:00
        collaboration.meeting_participation_pct,2026-03-31 16:00
        collaboration.rating_360_score,2026-03-31 16:00
        orders.dispatch_minutes,2026-03-31 16:00
        orders.delivery_satisfaction_score,2026-03-31 16:00
        complaints.resolution_hours,2026-03-31 16:00
        complaints.dispatch_accuracy_pct,2026-03-31 16:00
        procurement.cycle_hours,2026-03-31 16:00
        company.revenue_vs_prior_year_pct,2026-03-31 16:00
    """,
    "fct_kpi_observations": """
        kpi_code,subject_id
        leads.assignment_hours,A
        calls.handle_seconds,c1
        calls.handle_seconds,c2
        calls.satisfaction_score,c1
        calls.fcr_pct,c1
        quality.first_pass_yield_pct,L
        quality.return_rate_pct,O
        orders.dispatch_minutes,O
        complaints.resolution_hours,C
        complaints.dispatch_accuracy_pct,e2
        procurement.cycle_hours,R
    """,
}

# Test, and what a bug would do to the tables.
DEFECTS = [
    (
        "assert_leads__every_event_has_an_instance",
        "delete from int_leads__instances where process_instance_id = 'A'",
    ),
    (
        "assert_leads__every_row_is_in_an_event",
        "delete from int_leads__events where activity_code = 'assign'",
    ),
    (
        "assert_leads__every_row_is_in_an_event",
        "update int_leads__events set activity_code = 'follow_up' "
        "where activity_code = 'auto_mail'",
    ),
    (
        "assert_leads__every_lead_is_in_every_kpi",
        "delete from fct_kpi_observations where kpi_code like 'leads.%'",
    ),
    (
        "assert_leads__every_contact_is_on_one_day",
        "update int_leads__lead_days set contact_count = 2 where contact_count = 1",
    ),
    (
        "assert_leads__every_contact_is_on_one_day",
        "delete from int_leads__lead_days where automatic_count = 1",
    ),
    (
        "assert_calls__every_event_has_an_instance",
        "update int_calls__events set process_instance_id = 'c2' "
        "where event_id = 'c2-queue'",
    ),
    (
        "assert_calls__every_second_is_in_an_event",
        "update int_calls__events set occurred_at = occurred_at + interval 1 second "
        "where activity_code = 'resolve'",
    ),
    (
        "assert_calls__every_second_is_in_an_event",
        "delete from int_calls__events where activity_code = 'transfer'",
    ),
    (
        "assert_calls__every_call_and_issue_is_in_every_kpi",
        "delete from fct_kpi_observations where subject_id = 'c2'",
    ),
    (
        "assert_calls__every_call_and_issue_is_in_every_kpi",
        "delete from int_calls__instances",
    ),
    (
        "assert_quality__every_event_has_an_instance",
        "delete from int_quality__instances",
    ),
    (
        "assert_quality__every_inspection_is_an_event",
        "update int_quality__events set activity_code = 'inspect_first' "
        "where activity_code = 'reinspect'",
    ),
    (
        "assert_quality__every_lot_and_delivery_is_accounted_for",
        "delete from fct_kpi_observations where kpi_code = 'quality.return_rate_pct'",
    ),
    (
        "assert_collaboration__every_event_has_an_instance",
        "delete from int_collaboration__instances "
        "where process_instance_id = 'meeting-M'",
    ),
    (
        "assert_collaboration__every_row_is_in_an_event",
        "delete from int_collaboration__events where activity_code = 'verify'",
    ),
    (
        "assert_collaboration__every_invitation_is_accounted_for",
        "update kpi_collaboration__meeting_participation_pct set denominator = 2 "
        "where denominator = 1",
    ),
    (
        "assert_collaboration__every_invitation_is_accounted_for",
        "delete from kpi_collaboration__meeting_participation_pct",
    ),
    (
        "assert_collaboration__every_idea_has_a_person_and_month",
        "update int_collaboration__people_placed set idea_count = 0",
    ),
    (
        "assert_collaboration__no_person_is_named",
        "update int_collaboration__events set resource_id = 'p1'",
    ),
    (
        "assert_collaboration__no_person_is_named",
        "update int_collaboration__instances set requester_id = 'p1'",
    ),
    (
        "assert_collaboration__no_person_is_named",
        "insert into fct_kpi_observations (kpi_code, subject_id) "
        "values ('collaboration.rating_360_score', '2025H1-p1')",
    ),
    (
        "assert_collaboration__ratings_are_of_groups",
        "update kpi_collaboration__rating_360_score set denominator = 4",
    ),
    (
        "assert_collaboration__ratings_are_of_groups",
        "delete from kpi_collaboration__rating_360_score",
    ),
    ("assert_orders__every_event_has_an_instance", "delete from int_orders__instances"),
    (
        "assert_orders__every_row_is_in_an_event",
        "update int_orders__events set source_rows = 1 where source_rows = 2",
    ),
    (
        "assert_orders__every_order_is_in_every_kpi",
        "delete from fct_kpi_observations where kpi_code = 'orders.dispatch_minutes'",
    ),
    (
        "assert_orders__every_answer_is_in_the_score",
        "delete from kpi_orders__delivery_satisfaction_score "
        "where subject_id = 'no-order-1'",
    ),
    (
        "assert_complaints__every_event_has_an_instance",
        "delete from int_complaints__instances",
    ),
    (
        "assert_complaints__every_row_is_in_an_event",
        "update int_complaints__events set source_rows = 1 where source_rows = 2",
    ),
    (
        "assert_complaints__every_complaint_is_in_every_kpi",
        "update fct_kpi_observations set subject_id = 'C2' where subject_id = 'C'",
    ),
    (
        "assert_procurement__every_event_has_an_instance",
        "delete from int_procurement__instances",
    ),
    (
        "assert_procurement__every_line_is_an_instance",
        "delete from int_procurement__instances",
    ),
    (
        "assert_procurement__every_time_is_an_event",
        "delete from int_procurement__events where activity_code = 'issue_po'",
    ),
    (
        "assert_procurement__every_line_is_in_every_kpi",
        "delete from fct_kpi_observations where kpi_code = 'procurement.cycle_hours'",
    ),
    (
        "assert_procurement__price_and_mix_add_up",
        "update fct_procurement_price_changes set mix_effect_cny = 0 "
        "where item_code = 'B'",
    ),
    (
        "assert_procurement__price_and_mix_add_up",
        "delete from fct_procurement_price_changes",
    ),
    (
        "assert_company__every_month_is_in_the_kpi",
        "update kpi_company__revenue_vs_prior_year_pct set denominator = 1099",
    ),
]


@pytest.fixture(scope="module")
def sound(
    empty: Candidate, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, dict[str, str]]:
    """The sound rows, and the SQL of every singular test."""
    folder = tmp_path_factory.mktemp("sound")
    warehouse = copy_warehouse(empty.path, folder)
    for table, rows in SOUND.items():
        warehouse.load(table, rows)
    command = ["compile", "--select", "test_type:singular"]
    assert dbt(folder, *command, manifest=parsed().manifest).success
    compiled = (folder / "target" / "compiled").rglob("assert_*.sql")
    return warehouse, {path.stem: path.read_text("utf-8") for path in compiled}


@pytest.mark.parametrize(("test", "plant"), DEFECTS, ids=lambda part: part[:60])
def test_a_planted_defect_is_found(
    sound: tuple[Warehouse, dict[str, str]], test: str, plant: str
) -> None:
    warehouse, compiled = sound
    with warehouse.connect() as connection:
        assert connection.execute(compiled[test]).fetchall() == []
        connection.execute("begin")
        connection.execute(plant)
        assert connection.execute(compiled[test]).fetchall() != []
        connection.execute("rollback")


def test_every_invariant_of_a_pack_has_a_planted_defect() -> None:
    others = {"core", "discovery", "generic", "marts"}
    invariants = {
        path.stem
        for path in (PROJECT_ROOT / "tests" / "data").glob("*/assert_*.sql")
        if path.parent.name not in others
    }
    assert {test for test, _ in DEFECTS} == invariants
