{#- The named columns together are a key: rows are the repeated combinations. NULL
    equals NULL here, so that a repeated blank is found as well. -#}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as repeated_rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
