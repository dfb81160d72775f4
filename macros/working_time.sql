{#- Working time. W(t) = seconds_before + the open part of the day up to t, so that
    working seconds (a, b) = W(b) - W(a): additive, signed, no range join.

    A model joins the calendar day of each moment once and subtracts:

        from orders
        {{ join_calendar_day('received_day', "'warehouse'", 'orders.received_at') }}
        {{ join_calendar_day('shipped_day', "'warehouse'", 'orders.shipped_at') }}

        {{ working_seconds_between(
            'orders.received_at', 'orders.shipped_at', 'received_day', 'shipped_day'
        ) }} as processing_working_seconds

    A moment outside the entered years has no row: the result is NULL, never 0, and
    `calendar_gap_reason` says why. -#}

{#- Left join of the local day of a moment. The zone must be the calendar's own: with
    another one no row matches, and the result is NULL instead of a wrong number. -#}
{% macro join_calendar_day(day_alias, calendar_code, moment, zone=none) -%}
    left join {{ ref('dim_calendar_days') }} as {{ day_alias }}
        on {{ day_alias }}.calendar_code = {{ calendar_code }}
        and {{ day_alias }}.timezone = {{ zone or zone_literal() }}
        and {{ day_alias }}.local_date = {{ local_date(moment, zone) }}
{%- endmacro %}

{#- W(t) of one moment in its joined calendar day. -#}
{% macro working_seconds_at(moment, day_alias) -%}
    (
        {{ day_alias }}.seconds_before
        {%- for piece in ['1', '2'] %}
        + coalesce(
            greatest(
                least(
                    {{ epoch_seconds(moment) }},
                    {{ epoch_seconds(day_alias ~ '.close_' ~ piece) }}
                ) - {{ epoch_seconds(day_alias ~ '.open_' ~ piece) }},
                0
            ),
            0
        )
        {%- endfor %}
    )
{%- endmacro %}

{% macro working_seconds_between(from_at, to_at, from_day, to_day) -%}
    (
        {{ working_seconds_at(to_at, to_day) }}
        - {{ working_seconds_at(from_at, from_day) }}
    )
{%- endmacro %}

{#- Why a known moment has no working time: NULL where it has, or where there is no
    moment or no calendar to ask. -#}
{% macro calendar_gap_reason(calendar_code, moment, day_alias, zone=none) -%}
    case
        when
            {{ moment }} is null
            or {{ calendar_code }} is null
            or {{ day_alias }}.local_date is not null
            then cast(null as string)
        when {{ local_date(moment, zone) }} < (
            select min(first_day.local_date)
            from {{ ref('dim_calendar_days') }} as first_day
            where first_day.calendar_code = {{ calendar_code }}
        ) then 'outside_calendar'
        else 'calendar_incomplete'
    end
{%- endmacro %}
