-- Grain: one row per cycle, team (and all) and group of raters.
with figures as (
    select
        max(case when name = 'rating_min' then try_cast(value as double) end)
            as rating_min,
        max(case when name = 'rating_team_min' then try_cast(value as double) end)
            as rating_team_min
    from {{ ref('stg_registers__defaults') }}
    where scope_code = 'all'
),

groups as (
    {% for group in ['manager', 'peer', 'report'] %}
    select
        cycle_code,
        cycle_to_on,
        unit_code,
        '{{ group }}' as rater_group_code,
        {{ group }}_rater_count as raters,
        {{ group }}_rating as rating
    from {{ ref('int_collaboration__people_rated') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

visible as (
    select groups.*
    from groups
    cross join figures
    where
        groups.cycle_to_on < {{ as_of_date() }}
        and groups.raters >= case
            when groups.rater_group_code = 'manager' then 1
            else figures.rating_min
        end
),

teams as (
    select
        visible.cycle_code,
        visible.unit_code,
        visible.rater_group_code,
        count(*) as people,
        avg(visible.rating) as rating,
        count(*) < max(figures.rating_team_min) as is_small
    from visible
    cross join figures
    group by visible.cycle_code, visible.unit_code, visible.rater_group_code
),

siblings as (
    select
        *,
        sum(case when is_small then 1 else 0 end) over same as hidden_teams,
        -- Of those shown, the smallest; of equals, the first by name.
        row_number() over (
            partition by cycle_code, rater_group_code, is_small
            order by people, unit_code
        ) as place
    from teams
    window same as (partition by cycle_code, rater_group_code)
),

hidden as (
    select
        cycle_code,
        unit_code,
        rater_group_code,
        people,
        rating,
        case
            when is_small then 'small_group'
            -- All teams less those shown would be the one that is not.
            when hidden_teams = 1 and place = 1 then 'complementary'
        end as reason
    from siblings
    union all
    select
        visible.cycle_code,
        'all' as unit_code,
        visible.rater_group_code,
        count(*) as people,
        avg(visible.rating) as rating,
        case when count(*) < max(figures.rating_team_min) then 'small_group' end
            as reason
    from visible
    cross join figures
    group by visible.cycle_code, visible.rater_group_code
)

select
    hidden.cycle_code,
    hidden.unit_code,
    hidden.rater_group_code,
    case when hidden.reason is null then hidden.people end as people,
    case
        when hidden.reason is null and not coalesce(reliability.is_text_only, false)
            then round(hidden.rating, 2)
    end as rating,
    case
        when hidden.reason is not null then hidden.reason
        when reliability.is_text_only then 'text_only'
    end as hidden_reason
from hidden
left join {{ ref('fct_rating_reliability') }} as reliability
    on hidden.cycle_code = reliability.cycle_code
    and hidden.rater_group_code = reliability.rater_group_code
