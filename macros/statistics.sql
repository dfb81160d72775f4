{#- Ends of Wilson's two-sided 95 % interval of a share; NULL without trials. A claim
    "at least x" asks for the low end, "less than x" for the high one. -#}
{% macro wilson_low(hits, trials) -%}
    {{ _wilson(hits, trials, '-') }}
{%- endmacro %}

{% macro wilson_high(hits, trials) -%}
    {{ _wilson(hits, trials, '+') }}
{%- endmacro %}

{% macro _wilson(hits, trials, sign) -%}
    {%- set z = 1.959963984540054 -%}
    (
        ({{ hits }} + {{ z * z / 2 }} {{ sign }} {{ z }} * sqrt(
            1.0 * {{ hits }} * ({{ trials }} - {{ hits }}) / nullif({{ trials }}, 0)
            + {{ z * z / 4 }}
        )) / ({{ trials }} + {{ z * z }})
    )
{%- endmacro %}
