-- A row here is a delivered line that the core or a KPI lost.
with found as (
    {% for kpi in [
        'kpi_supply__ordering_days',
        'kpi_supply__on_time_pct',
        'kpi_supply__pack_price_usd',
    ] %}
    select subject_id as line_no
    from {{ ref(kpi) }}
    union all
    {% endfor %}
    select process_instance_id as line_no
    from {{ ref('fct_process_instances') }}
    where process_code = 'supply'
)

select
    deliveries.line_no,
    count(found.line_no) as places
from {{ ref('stg_scms__deliveries') }} as deliveries
left join found
    on deliveries.line_no = found.line_no
group by deliveries.line_no
having count(found.line_no) <> 4
