-- Grain: one row per cycle and person rated in it; never published.
with items as (
    select
        cycle_code,
        count(distinct item_code) as item_count
    from {{ ref('stg_hr__ratings') }}
    group by cycle_code
),

raters as (
    select
        cycle_code,
        cycle_from_on,
        cycle_to_on,
        ratee_id,
        rater_group_code,
        rater_id,
        count(score) as answer_count,
        -- 1 to 5 points are 0 to 100.
        25 * (avg(cast(score as double)) - 1) as rating
    from {{ ref('stg_hr__ratings') }}
    group by
        cycle_code,
        cycle_from_on,
        cycle_to_on,
        ratee_id,
        rater_group_code,
        rater_id
),

-- Whoever answered less than 70 % of the items has no opinion that could be compared.
complete as (
    select
        raters.*,
        10 * raters.answer_count >= 7 * items.item_count as is_complete
    from raters
    inner join items
        on raters.cycle_code = items.cycle_code
),

ratees as (
    select
        cycle_code,
        cycle_from_on,
        cycle_to_on,
        ratee_id,
        sum(case when is_complete and rater_group_code = 'manager' then 1 else 0 end)
            as manager_rater_count,
        avg(case when is_complete and rater_group_code = 'manager' then rating end)
            as manager_rating,
        sum(case when is_complete and rater_group_code = 'peer' then 1 else 0 end)
            as peer_rater_count,
        avg(case when is_complete and rater_group_code = 'peer' then rating end)
            as peer_rating,
        sum(case when is_complete and rater_group_code = 'peer' then 1 else 0 end)
        * var_pop(case when is_complete and rater_group_code = 'peer' then rating end)
            as peer_squares,
        sum(case when is_complete and rater_group_code = 'report' then 1 else 0 end)
            as report_rater_count,
        avg(case when is_complete and rater_group_code = 'report' then rating end)
            as report_rating,
        sum(case when is_complete and rater_group_code = 'report' then 1 else 0 end)
        * var_pop(case when is_complete and rater_group_code = 'report' then rating end)
            as report_squares
    from complete
    group by cycle_code, cycle_from_on, cycle_to_on, ratee_id
),

places as (
    select
        ratees.cycle_code,
        ratees.ratee_id,
        people.unit_code,
        row_number() over (
            partition by ratees.cycle_code, ratees.ratee_id
            order by people.month_on desc
        ) as place_rank
    from ratees
    inner join {{ ref('int_collaboration__people_placed') }} as people
        on ratees.ratee_id = people.person_id
        and people.month_on between ratees.cycle_from_on and ratees.cycle_to_on
    where people.is_in_post
)

select
    ratees.cycle_code,
    ratees.cycle_to_on,
    ratees.ratee_id,
    coalesce(places.unit_code, 'unknown') as unit_code,
    ratees.manager_rater_count,
    ratees.manager_rating,
    ratees.peer_rater_count,
    ratees.peer_rating,
    ratees.peer_squares,
    ratees.report_rater_count,
    ratees.report_rating,
    ratees.report_squares
from ratees
left join places
    on ratees.cycle_code = places.cycle_code
    and ratees.ratee_id = places.ratee_id
    and places.place_rank = 1
