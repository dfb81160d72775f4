{#- Clocks. Timestamps are UTC without a zone; dates are local. Seconds are whole:
    s(t) = floor(epoch(t)), so that parts of a duration add up exactly. -#}

{#- The moment the run looks back from. The only "now" a model may know. -#}
{% macro as_of() -%}
    {%- set moment = var('as_of') | string -%}
    {%- if not modules.re.match('^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$', moment) -%}
        {{- exceptions.raise_compiler_error(
            "var as_of = '" ~ moment ~ "': write UTC as YYYY-MM-DD HH:MM:SS"
        ) -}}
    {%- endif -%}
    cast('{{ moment }}' as timestamp)
{%- endmacro %}

{#- Local date of the as-of moment. -#}
{% macro as_of_date() -%}
    {{ local_date(as_of()) }}
{%- endmacro %}

{#- Last local day that data up to this moment covers: midnight ends the day before. -#}
{% macro last_covered_date(moment, zone=none) -%}
    {{ local_date(add_seconds(moment, -1), zone) }}
{%- endmacro %}

{% macro epoch_seconds(moment) -%}
    {{ return(adapter.dispatch('epoch_seconds')(moment)) }}
{%- endmacro %}

{% macro duckdb__epoch_seconds(moment) -%}
    {#- Counts second boundaries, hence floors before 1970 as well. -#}
    date_diff('second', timestamp '1970-01-01 00:00:00', {{ moment }})
{%- endmacro %}

{% macro spark__epoch_seconds(moment) -%}
    unix_seconds({{ moment }})
{%- endmacro %}

{% macro elapsed_seconds(from_at, to_at) -%}
    ({{ epoch_seconds(to_at) }} - {{ epoch_seconds(from_at) }})
{%- endmacro %}

{% macro add_seconds(moment, seconds) -%}
    {{ return(adapter.dispatch('add_seconds')(moment, seconds)) }}
{%- endmacro %}

{% macro duckdb__add_seconds(moment, seconds) -%}
    ({{ moment }} + to_seconds({{ seconds }}))
{%- endmacro %}

{% macro spark__add_seconds(moment, seconds) -%}
    ({{ moment }} + make_interval(0, 0, 0, 0, 0, 0, {{ seconds }}))
{%- endmacro %}

{#- UTC instant to wall clock of a zone; the zone is a SQL expression. -#}
{% macro utc_to_local(moment, zone=none) -%}
    {{ return(adapter.dispatch('utc_to_local')(moment, zone or zone_literal())) }}
{%- endmacro %}

{% macro duckdb__utc_to_local(moment, zone) -%}
    (({{ moment }} at time zone 'UTC') at time zone {{ zone }})
{%- endmacro %}

{% macro spark__utc_to_local(moment, zone) -%}
    from_utc_timestamp({{ moment }}, {{ zone }})
{%- endmacro %}

{#- Wall clock to UTC instant. A time that the clocks skip moves forward by the gap;
    of a time that occurs twice DuckDB gives the second (see local_to_utc_first). -#}
{% macro local_to_utc(wall_time, zone=none) -%}
    {{ return(adapter.dispatch('local_to_utc')(wall_time, zone or zone_literal())) }}
{%- endmacro %}

{% macro duckdb__local_to_utc(wall_time, zone) -%}
    (({{ wall_time }} at time zone {{ zone }}) at time zone 'UTC')
{%- endmacro %}

{% macro spark__local_to_utc(wall_time, zone) -%}
    to_utc_timestamp({{ wall_time }}, {{ zone }})
{%- endmacro %}

{% macro local_date(moment, zone=none) -%}
    cast({{ utc_to_local(moment, zone) }} as date)
{%- endmacro %}

{#- The company's time zone as a SQL literal. -#}
{% macro zone_literal() -%}
    {%- set zone = var('timezone') | string -%}
    {%- if not modules.re.match('^[A-Za-z0-9_+/-]+$', zone) -%}
        {{- exceptions.raise_compiler_error(
            "var timezone = '" ~ zone ~ "': write an IANA name such as Asia/Shanghai"
        ) -}}
    {%- endif -%}
    '{{ zone }}'
{%- endmacro %}

{#- Wall clock to UTC instant; of a time that occurs twice the first, so that shift
    ends are the same on every engine. -#}
{% macro local_to_utc_first(wall_time, zone=none) -%}
    {{ return(
        adapter.dispatch('local_to_utc_first')(wall_time, zone or zone_literal())
    ) }}
{%- endmacro %}

{% macro duckdb__local_to_utc_first(wall_time, zone) -%}
    {#- The first reading has the offset of the day before, if it reads back so. -#}
    {%- set day_before = add_seconds(wall_time, -86400) -%}
    {%- set offset = elapsed_seconds(day_before, utc_to_local(day_before, zone)) -%}
    {%- set first_reading = add_seconds(wall_time, '-' ~ offset) -%}
    case
        when {{ utc_to_local(first_reading, zone) }} = {{ wall_time }}
            then least({{ first_reading }}, {{ local_to_utc(wall_time, zone) }})
        else {{ local_to_utc(wall_time, zone) }}
    end
{%- endmacro %}

{% macro spark__local_to_utc_first(wall_time, zone) -%}
    {{ local_to_utc(wall_time, zone) }}
{%- endmacro %}

{#- One row per day from the first date to the last, as a select-list expression. -#}
{% macro each_date(first_date, last_date) -%}
    {{ return(adapter.dispatch('each_date')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__each_date(first_date, last_date) -%}
    cast(
        unnest(
            generate_series({{ first_date }}, {{ last_date }}, interval 1 day)
        ) as date
    )
{%- endmacro %}

{% macro spark__each_date(first_date, last_date) -%}
    explode(sequence({{ first_date }}, {{ last_date }}, interval 1 day))
{%- endmacro %}

{#- 1 Monday to 7 Sunday. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    extract(isodow from {{ day }})
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    extract(dayofweek_iso from {{ day }})
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, {{ days }})
{%- endmacro %}

{#- Wall clock text `HH:MM`, 24:00 too, as seconds of the day; NULL if it is none. -#}
{% macro clock_seconds(clock_text) -%}
    (
        3600 * try_cast(split_part({{ clock_text }}, ':', 1) as integer)
        + 60 * try_cast(split_part({{ clock_text }}, ':', 2) as integer)
    )
{%- endmacro %}

{#- How far one second lies beyond a mark, 0 if before it. Not `greatest(…, 0)`, which
    would turn an unknown into 0. -#}
{% macro seconds_beyond(second, mark) -%}
    case when {{ second }} <= {{ mark }} then 0 else {{ second }} - {{ mark }} end
{%- endmacro %}

{#- Grains in which a KPI has values. -#}
{% macro period_grains() -%}
    {{ return(['day', 'week', 'month', 'quarter', 'half_year', 'ytd']) }}
{%- endmacro %}

{#- First day of the period of a date. Year to date is named by the month it ends with:
    every month has one, counted from 1 January. -#}
{% macro period_start(grain, day) -%}
    {%- if grain == 'half_year' -%}
    cast(
        case
            when extract(quarter from {{ day }}) in (2, 4)
                then date_trunc('quarter', {{ day }}) - interval 3 month
            else date_trunc('quarter', {{ day }})
        end as date
    )
    {%- else -%}
    cast(date_trunc('{{ 'month' if grain == 'ytd' else grain }}', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}

{#- First day after the period that a date is in. -#}
{% macro period_end(grain, day) -%}
    {%- set length = {
        'quarter': '3 month', 'half_year': '6 month', 'ytd': '1 month'
    }.get(grain, '1 ' ~ grain) -%}
    cast({{ period_start(grain, day) }} + interval {{ length }} as date)
{%- endmacro %}

{#- One row per integer from the first to the last, as a select-list expression. -#}
{% macro each_integer(first, last) -%}
    {{ return(adapter.dispatch('each_integer')(first, last)) }}
{%- endmacro %}

{% macro duckdb__each_integer(first, last) -%}
    unnest(generate_series({{ first }}, {{ last }}))
{%- endmacro %}

{% macro spark__each_integer(first, last) -%}
    explode(sequence({{ first }}, {{ last }}))
{%- endmacro %}
