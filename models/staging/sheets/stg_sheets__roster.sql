-- Grain: one row per month and person on its roster.
with months as (
    select
        *,
        cast(
            substr(_period, 1, 4) || '-' || substr(_period, 5, 2) || '-01' as date
        ) as month_on
    from {{ source('sheets', 'roster') }}
    where person_id is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by month_on, person_id
            -- Whoever changed department in the month belongs to the new one.
            order by in_post_from desc, _record_no desc, _batch_id desc
        ) as entry_rank
    from months
)

select
    month_on,
    person_id,
    nullif(trim(department), '') as department_code,
    in_post_from as in_post_from_on,
    in_post_to as in_post_to_on,
    coalesce(leave_days, 0) as leave_days,
    _batch_id as batch_id
from ranked
where entry_rank = 1
