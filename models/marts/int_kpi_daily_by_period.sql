-- Grain: one row per row of fct_kpi_daily, period and segment it counts in.
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
),

month_numbers as (
    {% for month_no in range(1, 13) %}
    select {{ month_no }} as month_no
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

months_to_come as (
    -- A day counts in the year to date of its own month and of each that follows.
    select
        segmented.*,
        month_numbers.month_no
    from segmented
    inner join month_numbers
        on extract(month from segmented.measured_on) <= month_numbers.month_no
)

{% for grain in period_grains() if grain != 'ytd' %}
select
    kpi_code,
    '{{ grain }}' as period_grain,
    {{ period_start(grain, 'measured_on') }} as period_start,
    segment_code,
    state,
    subject_count,
    numerator,
    denominator
from segmented
union all
{% endfor %}
select
    kpi_code,
    'ytd' as period_grain,
    make_date(
        cast(extract(year from measured_on) as integer), month_no, 1
    ) as period_start,
    segment_code,
    state,
    subject_count,
    numerator,
    denominator
from months_to_come
