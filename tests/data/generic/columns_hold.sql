{#- What the columns of a model promise, all of it in one query: a test for each column
    costs more than the rows it looks at. Rows are the promises that are broken.

    not_null: columns; unique: columns without what is NULL, or lists of columns that
    are a key together, in which NULL equals NULL, so that a repeated blank is found as
    well; accepted_values: column to what it may hold beside NULL. -#}
{% test columns_hold(model, not_null=[], unique=[], accepted_values={}) %}

{{ config(fail_calc='coalesce(sum(failing_rows), 0)') }}

{%- set promises = [] -%}
{%- for column in not_null -%}
    {%- do promises.append(column ~ ' is not null') -%}
{%- endfor -%}
{%- for column, values in accepted_values.items() -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(
            "'" ~ value | replace("'", "''") ~ "'" if value is string else value
        ) -%}
    {%- endfor -%}
    {%- do promises.append(column ~ ' in (' ~ literals | join(', ') ~ ')') -%}
{%- endfor -%}

{%- set counts = [] -%}
{%- for promise in promises %}
    {%- set count %}
    select
        '{{ promise | replace("'", "''") }}' as promise,
        failing_{{ loop.index }} as failing_rows
    from counted
    {%- endset -%}
    {%- do counts.append(count) -%}
{%- endfor -%}
{%- for key in unique %}
    {%- set columns = key if key is string else key | join(', ') -%}
    {%- set count %}
    select
        'unique ({{ columns }})' as promise,
        count(*) as failing_rows
    from (
        select {{ columns }}
        from {{ model }}
        where {{ key ~ ' is not null' if key is string else 'true' }}
        group by {{ columns }}
        having count(*) > 1
    ) as repeated
    {%- endset -%}
    {%- do counts.append(count) -%}
{%- endfor -%}

with counted as (
    select
        {% for promise in promises -%}
            count(case when not ({{ promise }}) then 1 end) as failing_{{ loop.index }},
        {% endfor -%}
        count(*) as counted_rows
    from {{ model }}
),

broken as (
    {{ counts | join('\n    union all') }}
)

select
    promise,
    failing_rows
from broken
where failing_rows > 0

{% endtest %}
