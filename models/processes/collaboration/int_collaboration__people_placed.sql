-- Grain: one row per month and person in post, or with an idea, in that month.
with working_days as (
    select
        cast(date_trunc('month', local_date) as date) as month_on,
        sum(case when is_working_day then 1 else 0 end) as working_day_count
    from {{ ref('dim_calendar_days') }}
    where calendar_code = 'office'
    group by cast(date_trunc('month', local_date) as date)
),

in_post as (
    select
        month_on,
        person_id,
        department_code,
        leave_days
    from {{ ref('stg_sheets__roster') }}
    where
        in_post_from_on < {{ period_end('month', 'month_on') }}
        and (in_post_to_on is null or in_post_to_on >= month_on)
),

months as (
    select distinct month_on from {{ ref('stg_sheets__roster') }}
),

ideas as (
    select
        ideas.month_on,
        ideas.person_id,
        count(*) as idea_count
    from {{ ref('stg_sheets__ideas') }} as ideas
    -- Nobody knows who was in post in a month without a roster.
    inner join months
        on ideas.month_on = months.month_on
    where ideas.person_id is not null
    group by ideas.month_on, ideas.person_id
),

placed as (
    select
        coalesce(in_post.month_on, ideas.month_on) as month_on,
        coalesce(in_post.person_id, ideas.person_id) as person_id,
        coalesce(in_post.department_code, 'unknown') as unit_code,
        in_post.person_id is not null as is_in_post,
        coalesce(in_post.leave_days, 0) as leave_days,
        coalesce(ideas.idea_count, 0) as idea_count
    from in_post
    full outer join ideas
        on in_post.month_on = ideas.month_on
        and in_post.person_id = ideas.person_id
)

select
    placed.month_on,
    placed.person_id,
    placed.unit_code,
    placed.is_in_post,
    sum(case when placed.is_in_post then 1 else 0 end) over (
        partition by placed.month_on, placed.unit_code
    ) < 5
    or placed.unit_code = 'unknown' as is_small_unit,
    coalesce(placed.leave_days >= working_days.working_day_count, false)
        as is_on_leave_all_month,
    cast(placed.idea_count as bigint) as idea_count
from placed
left join working_days
    on placed.month_on = working_days.month_on
