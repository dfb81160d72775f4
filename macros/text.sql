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

{#- Whether a text names a word of a register: in English as whole words, in Chinese,
    which has no spaces, anywhere. NULL if there is no text. -#}
{% macro names_word(text, language, word) -%}
    case {{ language }}
        when 'zh' then instr({{ text }}, {{ word }}) > 0
        else instr(
            concat(' ', {{ spaced_words(text) }}, ' '), concat(' ', {{ word }}, ' ')
        ) > 0 and {{ text }} is not null
    end
{%- endmacro %}

{#- Lower case, with one space for whatever is no letter or digit. -#}
{% macro spaced_words(text) -%}
    {{ return(adapter.dispatch('spaced_words')(text)) }}
{%- endmacro %}

{% macro duckdb__spaced_words(text) -%}
    regexp_replace(lower({{ text }}), '[^a-z0-9]+', ' ', 'g')
{%- endmacro %}

{% macro spark__spaced_words(text) -%}
    regexp_replace(lower({{ text }}), '[^a-z0-9]+', ' ')
{%- endmacro %}
