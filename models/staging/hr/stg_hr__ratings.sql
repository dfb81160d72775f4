-- Grain: one row per cycle, ratee, rater and item.
with ranked as (
    select
        *,
        row_number() over (
            partition by cycle, ratee_id, rater_id, rater_group, item
            -- An answer entered twice: the first one counts.
            order by _period, _record_no, _batch_id
        ) as arrival_rank
    from {{ source('hr', 'ratings_360') }}
    where cycle is not null and ratee_id is not null
)

select
    cycle as cycle_code,
    cast(
        substr(cycle, 1, 4)
        || case when substr(cycle, 5, 2) = 'H1' then '-01-01' else '-07-01' end as date
    ) as cycle_from_on,
    cast(
        substr(cycle, 1, 4)
        || case when substr(cycle, 5, 2) = 'H1' then '-06-30' else '-12-31' end as date
    ) as cycle_to_on,
    ratee_id,
    rater_id,
    rater_group as rater_group_code,
    item as item_code,
    -- A figure outside the scale is no answer.
    case when score between 1 and 5 then cast(score as bigint) end as score,
    _batch_id as batch_id
from ranked
where arrival_rank = 1
