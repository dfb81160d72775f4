-- Grain: one row per process with lead times, open ones included.
with durations as (
    select
        process_code,
        is_closed,
        coalesce(
            lead_elapsed_seconds,
            {{ elapsed_seconds('started_at', 'data_as_of') }}
        ) as seconds
    from {{ ref('int_kpi_candidate_facts') }}
    where
        started_at is not null
        and (state = 'open' or lead_elapsed_seconds is not null)
        and state <> 'cancelled'
),

counted as (
    select
        process_code,
        seconds,
        count(case when is_closed then 1 end) as ended,
        count(*) as left_here
    from durations
    where seconds >= 0
    group by process_code, seconds
),

at_risk as (
    -- What is open at an age was still at risk at that age.
    select
        *,
        sum(left_here) over (partition by process_code order by seconds desc) as present
    from counted
),

surviving as (
    select
        process_code,
        seconds,
        product(1 - 1.0 * ended / present) over (
            partition by process_code order by seconds
        ) as share
    from at_risk
)

select
    process_code,
    -- Kaplan and Meier 1958; the last digit of a product decides nothing.
    min(case when share <= 0.5 + 1e-12 then seconds end) as median_seconds
from surviving
group by process_code
