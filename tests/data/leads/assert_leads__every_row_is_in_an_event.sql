-- Rows of the exports against the events: a row here is a step whose records got lost
-- or were counted twice on the way.
with expected as (
    select
        'capture' as activity_code,
        count(created_at) as source_rows
    from {{ ref('stg_crm__leads') }}
    union all
    select
        'assign' as activity_code,
        count(assigned_at) as source_rows
    from {{ ref('stg_crm__leads') }}
    union all
    select
        'quote' as activity_code,
        count(quoted_at) as source_rows
    from {{ ref('stg_crm__leads') }}
    union all
    select
        'close' as activity_code,
        count(won_at) + count(lost_at) as source_rows
    from {{ ref('stg_crm__leads') }}
    union all
    select
        'follow_up' as activity_code,
        count(*) as source_rows
    from {{ ref('stg_crm__followups') }}
    where is_by_person and contacted_at is not null
    union all
    select
        'mail' as activity_code,
        count(*) as source_rows
    from {{ ref('stg_crm__followups') }}
    where not is_by_person and contacted_at is not null
),

actual as (
    select
        case
            when activity_code in ('auto_mail', 'late_mail') then 'mail'
            else activity_code
        end as activity_code,
        count(*) as source_rows
    from {{ ref('int_leads__events') }}
    group by
        case
            when activity_code in ('auto_mail', 'late_mail') then 'mail'
            else activity_code
        end
)

select
    expected.activity_code,
    expected.source_rows as expected_rows,
    actual.source_rows as actual_rows
from expected
left join actual
    on expected.activity_code = actual.activity_code
where expected.source_rows <> coalesce(actual.source_rows, 0)
