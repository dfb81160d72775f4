{#- Values of a group joined in an order, which every engine writes differently. The
    order must be a single numeric or text column without ties. -#}
{% macro ordered_concat(column, order_by, separator) -%}
    {{ return(adapter.dispatch('ordered_concat')(column, order_by, separator)) }}
{%- endmacro %}

{% macro duckdb__ordered_concat(column, order_by, separator) -%}
    string_agg({{ column }}, {{ separator }} order by {{ order_by }})
{%- endmacro %}

{% macro spark__ordered_concat(column, order_by, separator) -%}
    array_join(
        transform(
            array_sort(
                collect_list(
                    case
                        when {{ column }} is not null
                            then struct({{ order_by }} as place, {{ column }} as part)
                    end
                )
            ),
            entry -> entry.part
        ),
        {{ separator }}
    )
{%- endmacro %}
