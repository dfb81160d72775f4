{#- A template with each {name} replaced by that entry of a JSON object; a whole number
    without its decimal point. -#}
{% macro rendered(template, evidence) -%}
    list_reduce(
        list_prepend({{ template }}, json_keys({{ evidence }})),
        lambda text, name: replace(
            text,
            '{' || name || '}',
            coalesce(
                regexp_replace(
                    json_extract_string({{ evidence }}, '$."' || name || '"'),
                    '^(-?[0-9]+)[.]0$',
                    '\\1'
                ),
                '-'
            )
        )
    )
{%- endmacro %}
