-- Grain: one row per row of fct_kpi_daily, period grain and segment it counts in.
{% set grains = ['day', 'week', 'month'] %}

with segmented as (
    {% for segment in ['segment_code', "'all'"] %}
    select
        kpi_code,
        measured_on,
        {{ segment }} as segment_code,
        state,
        subject_count,
        numerator,
        denominator
    from {{ ref('fct_kpi_daily') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

{% for grain in grains %}
select
    kpi_code,
    '{{ grain }}' as period_grain,
    cast(date_trunc('{{ grain }}', measured_on) as date) as period_start,
    segment_code,
    state,
    subject_count,
    numerator,
    denominator
from segmented
{{ 'union all' if not loop.last }}
{% endfor %}
