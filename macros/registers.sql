{#- Whether a row of an effective-dated register holds on the as-of day. -#}
{% macro in_force(relation) -%}
    (
        {{ relation }}.valid_from <= {{ as_of_date() }}
        and ({{ relation }}.valid_to is null or {{ relation }}.valid_to > {{ as_of_date() }})
    )
{%- endmacro %}

{#- An official period as people name it: 2026-03, 2026-W10, 2026-Q1. -#}
{% macro period_label(grain, start) -%}
    case {{ grain }}
        when 'day' then strftime({{ start }}, '%Y-%m-%d')
        when 'week' then strftime({{ start }}, '%G-W%V')
        when 'quarter' then strftime({{ start }}, '%Y-Q') || quarter({{ start }})
        when 'half_year'
            then strftime({{ start }}, '%Y-H') || ((quarter({{ start }}) + 1) // 2)
        else strftime({{ start }}, '%Y-%m')
    end
{%- endmacro %}
