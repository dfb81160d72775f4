{#- The goal tree is scored from below: the same two steps for processes, departments
    and the strategy. Arguments are relations. -#}

{#- Drivers with their share: weights are shares, those left blank share what the others
    leave, and all together are 1. -#}
{% macro driver_shares(drivers) -%}
    select
        weighed.*,
        round(
            raw_share
            / nullif(sum(raw_share) over (partition by month_start, objective_code), 0),
            9
        ) as share
    from (
        select
            drivers.*,
            case
                when weight is not null then weight
                when count(weight) over goals = 0 then 1
                else greatest(1 - sum(weight) over goals, 0)
                    / (count(*) over goals - count(weight) over goals)
            end as raw_share
        from {{ drivers }} as drivers
        window goals as (partition by month_start, objective_code)
    ) as weighed
{%- endmacro %}

{#- One row per goal and month of `goals`: the weighted mean of what its drivers attain,
    how much of the weight that covers, and the worst of what it and they say. -#}
{% macro objective_scores(goals, shares) -%}
    select
        scored.*,
        case greatest(
            outcome_rank,
            case when coverage >= goal_coverage then driver_rank end,
            worst_driver_rank
        )
            when 1 then 'on_track'
            when 2 then 'at_risk'
            when 3 then 'off'
            else 'insufficient'
        end as status
    from (
        select
            summed.*,
            {{ goal_rank('outcome_attainment') }} as outcome_rank,
            {{ goal_rank('driver_score') }} as driver_rank
        from (
            select
                goals.*,
                count(shares.driver_code) as drivers,
                round(
                    coalesce(
                        sum(
                            case when shares.attainment is not null then shares.share end
                        ),
                        0
                    ),
                    6
                ) as coverage,
                round(
                    sum(
                        shares.share
                        -- Not least(), which would turn nothing into the cap.
                        * case
                            when shares.attainment > goals.rollup_cap
                                then goals.rollup_cap
                            else shares.attainment
                        end
                    )
                    / case
                        when max(goals.missing_policy) = 'zero' then 1
                        -- Drivers without weight alone have no mean.
                        else nullif(
                            sum(
                                case
                                    when shares.attainment is not null then shares.share
                                end
                            ),
                            0
                        )
                    end,
                    4
                ) as driver_score,
                max(
                    case
                        when shares.share < goals.goal_child_share then null
                        when shares.driver_kind <> 'objective' then null
                        when shares.driver_status = 'on_track' then 1
                        when shares.driver_status = 'at_risk' then 2
                        when shares.driver_status = 'off' then 3
                    end
                ) as worst_driver_rank
            from {{ goals }} as goals
            left join {{ shares }} as shares
                on goals.objective_code = shares.objective_code
                and goals.month_start = shares.month_start
            group by all
        ) as summed
    ) as scored
{%- endmacro %}

{% macro goal_rank(attainment) -%}
    case
        when {{ attainment }} >= goal_on_track then 1
        when {{ attainment }} >= goal_at_risk then 2
        when {{ attainment }} is not null then 3
    end
{%- endmacro %}
