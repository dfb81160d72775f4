{#- Helpers for packs whose source is an event log. Each renders one select. -#}

{#- START and COMPLETE rows to steps, one row per step. First in, first out within the
    given keys, START first at equal times:

    * a COMPLETE that no START precedes has no start (`started_at` NULL);
    * the k-th START belongs to the k-th other COMPLETE;
    * a START left over is an open step (`occurred_at` NULL).

    STARTs = paired + open, COMPLETEs = paired + startless. Where the source numbers its
    steps, put that number among the keys and the pairs are its own.

    relation: what to read; keys: columns within which to pair, usually instance and
    activity; lifecycle, at, event_id: its columns; start, complete: values of
    `lifecycle`, others are ignored. Result: the keys, start_event_id, event_id (of the
    COMPLETE, or of the START while open), started_at, occurred_at. -#}
{% macro pair_lifecycle(
    relation,
    keys=['process_instance_id', 'activity_code'],
    lifecycle='lifecycle',
    at='occurred_at',
    event_id='event_id',
    start='start',
    complete='complete'
) -%}
{%- set key_list = keys | join(', ') -%}
select
    {% for key in keys -%}
    coalesce(started.{{ key }}, completed.{{ key }}) as {{ key }},
    {% endfor -%}
    started.source_event_id as start_event_id,
    coalesce(completed.source_event_id, started.source_event_id) as event_id,
    started.moved_at as started_at,
    completed.moved_at as occurred_at
from (
    select
        numbered.*
    from ({{ _numbered_lifecycle(
        relation, key_list, lifecycle, at, event_id, start, complete
    ) }}) as numbered
    where numbered.is_start
) as started
full outer join (
    select
        numbered.*
    from ({{ _numbered_lifecycle(
        relation, key_list, lifecycle, at, event_id, start, complete
    ) }}) as numbered
    where not numbered.is_start
) as completed
    on {% for key in keys -%}
    started.{{ key }} = completed.{{ key }}
    and {% endfor -%}
    started.pair_no = completed.pair_no
{%- endmacro %}

{#- START and COMPLETE rows numbered so that equal numbers are one step; a COMPLETE
    without a start has no number and so meets nobody. -#}
{% macro _numbered_lifecycle(
    relation, key_list, lifecycle, at, event_id, start, complete
) -%}
    select
        {{ key_list }},
        source_event_id,
        moved_at,
        is_start,
        case
            when not is_startless
                then row_number() over (
                    partition by {{ key_list }}, is_start, is_startless
                    order by moved_at, source_event_id
                )
        end as pair_no
    from (
        select
            *,
            -- Below every earlier balance (and below 0): no START was waiting for it.
            not is_start and balance < least(
                0,
                coalesce(
                    min(balance) over (
                        partition by {{ key_list }}
                        order by moved_at, start_first, source_event_id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            ) as is_startless
        from (
            select
                {{ key_list }},
                {{ event_id }} as source_event_id,
                {{ at }} as moved_at,
                {{ lifecycle }} = '{{ start }}' as is_start,
                case when {{ lifecycle }} = '{{ start }}' then 0 else 1 end
                    as start_first,
                sum(case when {{ lifecycle }} = '{{ start }}' then 1 else -1 end) over (
                    partition by {{ key_list }}
                    order by
                        {{ at }},
                        case when {{ lifecycle }} = '{{ start }}' then 0 else 1 end,
                        {{ event_id }}
                    rows between unbounded preceding and current row
                ) as balance
            from {{ relation }}
            where {{ lifecycle }} in ('{{ start }}', '{{ complete }}')
        ) as balanced
    ) as judged
{%- endmacro %}

{#- Time from milestone A to milestone B, one row per instance that has it.

    * first_to_first: the first A to the first B at or after it;
    * first_to_last: the first A to the last B, if that is at or after it;
    * each: every first A after the previous B to the next B, summed.

    relation: rows with process_code, process_instance_id, activity_code, occurred_at,
    event_no, such as fct_events. Result: the instance, from_at (first), to_at (last),
    pairs, elapsed_seconds. At equal times A comes first. -#}
{% macro milestone_seconds(relation, from_activity, to_activity, rule) -%}
{%- if rule not in ['first_to_first', 'first_to_last', 'each'] -%}
    {{- exceptions.raise_compiler_error(
        "milestone rule '" ~ rule ~ "': one of first_to_first, first_to_last, each"
    ) -}}
{%- endif -%}
select
    process_code,
    process_instance_id,
    min(from_at) as from_at,
    max(to_at) as to_at,
    count(*) as pairs,
    cast(sum({{ elapsed_seconds('from_at', 'to_at') }}) as bigint) as elapsed_seconds
from (
    {% if rule == 'each' -%}
    select
        process_code,
        process_instance_id,
        lag(occurred_at) over (
            partition by process_code, process_instance_id
            order by occurred_at, is_to, event_no
        ) as from_at,
        occurred_at as to_at,
        is_to
    from (
        select
            *,
            lag(is_to) over (
                partition by process_code, process_instance_id
                order by occurred_at, is_to, event_no
            ) as previous_is_to
        from (
            select
                process_code,
                process_instance_id,
                event_no,
                occurred_at,
                activity_code = '{{ to_activity }}' as is_to
            from {{ relation }}
            where activity_code in ('{{ from_activity }}', '{{ to_activity }}')
        ) as milestones
    ) as neighbours
    -- A B before any A answers nothing; of several in a row the first counts.
    where is_to <> coalesce(previous_is_to, true)
    {%- else -%}
    select
        starts.process_code,
        starts.process_instance_id,
        starts.from_at,
        {{ 'min' if rule == 'first_to_first' else 'max' }}(ends.occurred_at) as to_at,
        true as is_to
    from (
        select
            process_code,
            process_instance_id,
            min(occurred_at) as from_at
        from {{ relation }}
        where activity_code = '{{ from_activity }}'
        group by process_code, process_instance_id
    ) as starts
    inner join {{ relation }} as ends
        on starts.process_code = ends.process_code
        and starts.process_instance_id = ends.process_instance_id
        and starts.from_at <= ends.occurred_at
        and ends.activity_code = '{{ to_activity }}'
    group by starts.process_code, starts.process_instance_id, starts.from_at
    {%- endif %}
) as milestone_pairs
where is_to
group by process_code, process_instance_id
{%- endmacro %}
