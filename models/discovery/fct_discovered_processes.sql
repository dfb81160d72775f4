-- Grain: one row per process with instances that count.
with instances as (
    select
        process_code,
        round(quantile_cont(lead_elapsed_seconds, 0.5), 9) as lead_p50_seconds,
        round(quantile_cont(lead_elapsed_seconds, 0.95), 9) as lead_p95_seconds,
        count(lead_elapsed_seconds) as leads,
        round(
            1.0 * sum(processing_elapsed_seconds) / nullif(
                sum(
                    case
                        when processing_elapsed_seconds is not null
                            then sojourn_elapsed_seconds
                    end
                ), 0
            ), 9
        ) as flow_efficiency,
        count(is_late) as due_instances,
        count(case when is_bad_outcome then 1 end) as bad_outcomes,
        count(case when is_reopened then 1 end) as reopened_instances,
        count(is_bad_end) as judged_instances,
        count(case when is_bad_end then 1 end) as bad_ends
    from {{ ref('int_discovery_instances') }}
    group by process_code
),

variants as (
    select
        process_code,
        variant_id,
        count(*) as instances
    from {{ ref('int_discovery_instances') }}
    -- Of an instance still open the order so far is the beginning of a variant.
    where tested_on is not null
    group by process_code, variant_id
),

main_variants as (
    select
        process_code,
        count(*) as variants,
        round(1.0 * max(instances) / sum(instances), 9) as main_variant_share
    from variants
    group by process_code
),

waiting as (
    select
        process_code,
        cast(sum(total_seconds) as bigint) as waiting_seconds
    from {{ ref('int_discovery_paths') }}
    where is_waiting
    group by process_code
),

reasoned as (
    select
        *,
        nullif(
            concat_ws(
                '|',
                case when has_few_closed then 'few_closed' end,
                case when has_one_activity then 'one_activity' end,
                case when has_no_end then 'no_end' end,
                case when has_no_start then 'no_start' end,
                case when has_no_resource then 'no_resource' end,
                case when is_date_only then 'date_only' end,
                case when is_order_unreliable then 'order_unreliable' end,
                case when is_repetitive then 'repetitive' end,
                case when has_few_periods then 'few_periods' end
            ), ''
        ) as gate_reasons
    from {{ ref('int_discovery_gates') }}
)

select
    gates.process_code,
    case
        when gates.is_refused then 'refused'
        when gates.gate_reasons is not null then 'limited'
        else 'passed'
    end as gate,
    gates.gate_reasons,
    gates.instances,
    gates.closed_instances,
    gates.cancelled_instances,
    gates.open_instances,
    gates.events,
    gates.activities,
    coalesce(main_variants.variants, 0) as variants,
    main_variants.main_variant_share,
    gates.clock,
    waiting.waiting_seconds,
    instances.flow_efficiency,
    instances.lead_p50_seconds,
    instances.lead_p95_seconds,
    case
        when not gates.is_refused
            then
                instances.leads >= figures.tail_count
                and coalesce(
                    instances.lead_p95_seconds
                    >= figures.tail_ratio * nullif(instances.lead_p50_seconds, 0),
                    false
                )
    end as is_long_tail,
    gates.tie_share,
    gates.start_share,
    gates.resource_share,
    gates.midnight_share,
    gates.repetitive_share,
    gates.unit_basis,
    gates.test_period,
    gates.test_periods,
    nullif(
        concat_ws(
            '|',
            case when instances.due_instances > 0 then 'late' end,
            case when instances.bad_outcomes > 0 then 'bad_outcome' end,
            case when instances.reopened_instances > 0 then 'reopened' end
        ), ''
    ) as bad_end_kinds,
    instances.judged_instances,
    instances.bad_ends,
    gates.data_as_of
from reasoned as gates
inner join {{ ref('int_discovery_defaults') }} as figures
    on gates.process_code = figures.process_code
inner join instances
    on gates.process_code = instances.process_code
left join main_variants
    on gates.process_code = main_variants.process_code
left join waiting
    on gates.process_code = waiting.process_code
