{#- A template with each {name} replaced by that entry of a JSON object: by its label, if
    the map of labels has one, a number to two decimals, else as it is. -#}
{% macro rendered(template, evidence, labels) -%}
    {%- set entry -%}
        json_extract_string({{ evidence }}, '$."' || name || '"')
    {%- endset -%}
    list_reduce(
        list_prepend({{ template }}, json_keys({{ evidence }})),
        lambda text, name: replace(
            text,
            '{' || name || '}',
            coalesce(
                {{ labels }}[{{ entry }}],
                {{ plain('round(try_cast(' ~ entry ~ ' as double), 2)') }},
                {{ entry }},
                '-'
            )
        )
    )
{%- endmacro %}

{#- A number as people write it into a register: 64, not 64.0. -#}
{% macro plain(number) -%}
    regexp_replace(cast(round({{ number }}, 6) as varchar), '[.]0$', '')
{%- endmacro %}

{#- One cell of a register that a finding proposes to change, as JSON. The key is a
    dictionary of column to expression; all else are expressions. -#}
{% macro register_change(seed, key, column, old, new) -%}
    json_object(
        'seed', '{{ seed }}',
        'key', json_object(
            {%- for name, value in key.items() %}
            '{{ name }}', cast({{ value }} as varchar)
            {{- ',' if not loop.last }}
            {%- endfor %}
        ),
        'column', {{ column }},
        'old', {{ old }},
        'new', {{ new }}
    )
{%- endmacro %}

{#- By what a finding is named: the same over all nights in which it holds. -#}
{% macro finding_id() -%}
    substr(
        sha256(
            concat_ws(
                '|', rule_id, coalesce(kpi_code, ''), coalesce(counter_kpi_code, ''),
                coalesce(objective_code, ''), coalesce(process_code, ''),
                coalesce(segment_code, ''), coalesce(cast(period_start as varchar), '')
            )
        ),
        1,
        12
    )
{%- endmacro %}
