{#- The template in a language with each {name} replaced by that entry of a JSON object:
    as a label, if it has one, a list by the labels of its words, a number as people read
    it, else as it is. Stands beside `messages` and `labels`, which have a column each
    per language. -#}
{% macro rendered(language, evidence) -%}
    {%- set labels = 'labels.' ~ language -%}
    {%- set comma = '、' if language == 'zh' else ', ' -%}
    {%- set entry -%}
        json_extract_string({{ evidence }}, '$."' || name || '"')
    {%- endset -%}
    list_reduce(
        list_prepend(messages.{{ language }}, json_keys({{ evidence }})),
        lambda text, name: replace(
            text,
            '{' || name || '}',
            coalesce(
                {{ labels }}[{{ entry }}],
                {{ plain(readable('try_cast(' ~ entry ~ ' as double)')) }},
                array_to_string(
                    list_transform(
                        string_split({{ entry }}, ', '),
                        lambda word: coalesce({{ labels }}[word], word)
                    ),
                    '{{ comma }}'
                ),
                '-'
            )
        )
    )
{%- endmacro %}

{#- A number with no more digits than say something: 5,761, 103.27, 4.197. -#}
{% macro readable(number) -%}
    case
        when abs({{ number }}) >= 1000 then round({{ number }})
        when abs({{ number }}) >= 10 then round({{ number }}, 2)
        else round({{ number }}, 3)
    end
{%- endmacro %}

{#- A number as people write it into a register: 64, not 64.0. -#}
{% macro plain(number) -%}
    regexp_replace(cast(round({{ number }}, 6) as varchar), '[.]0$', '')
{%- endmacro %}

{#- The unit of a difference: two rates differ by percentage points. -#}
{% macro unit_of_change(unit) -%}
    case {{ unit }} when 'pct' then 'pct_points' else {{ unit }} end
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
