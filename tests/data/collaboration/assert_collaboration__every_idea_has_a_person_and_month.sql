-- A row here is a month with a roster whose ideas got lost or were counted twice on the
-- way to the people.
with rosters as (
    select distinct month_on from {{ ref('stg_sheets__roster') }}
),

expected as (
    select
        rosters.month_on,
        count(ideas.person_id) as idea_count
    from rosters
    left join {{ ref('stg_sheets__ideas') }} as ideas
        on rosters.month_on = ideas.month_on
    group by rosters.month_on
),

actual as (
    select
        month_on,
        sum(idea_count) as idea_count
    from {{ ref('int_collaboration__people_placed') }}
    group by month_on
)

select
    expected.month_on,
    expected.idea_count as expected_ideas,
    actual.idea_count as actual_ideas
from expected
left join actual
    on expected.month_on = actual.month_on
where expected.idea_count <> coalesce(actual.idea_count, 0)
