{#- How often a step left behind what it must: one row per activity and field. Steps are
    (activity, condition of a completion, {field of an export: column}). -#}
{% macro filled_outputs(process_code, relation, steps) %}
    {%- for activity_code, completed, fields in steps %}
        {%- set last_step = loop.last %}
        {%- for field_code, column in fields.items() %}
    select
        '{{ process_code }}' as process_code,
        '{{ activity_code }}' as activity_code,
        '{{ field_code }}' as field_code,
        count(*) as completions,
        count({{ column }}) as filled
    from {{ relation }}
    where {{ completed }}
    {{ 'union all' if not (last_step and loop.last) }}
        {%- endfor %}
    {%- endfor %}
{% endmacro %}
