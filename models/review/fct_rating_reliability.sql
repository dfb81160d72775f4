-- Grain: one row per cycle and group of raters of which a person has several.
with figures as (
    select
        max(case when name = 'rating_min' then try_cast(value as double) end)
            as rating_min,
        max(case when name = 'rating_icc' then try_cast(value as double) end)
            as rating_icc
    from {{ ref('stg_registers__defaults') }}
    where scope_code = 'all'
),

groups as (
    -- People by pseudonym: they go into sums and come out of none.
    {% for group in ['peer', 'report'] %}
    select
        cycle_code,
        cycle_to_on,
        '{{ group }}' as rater_group_code,
        {{ group }}_rater_count as raters,
        {{ group }}_rating as rating,
        {{ group }}_squares as squares
    from {{ ref('int_collaboration__people_rated') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

visible as (
    select
        groups.*,
        figures.rating_icc,
        sum(groups.raters * groups.rating) over same / sum(groups.raters) over same
            as grand_mean
    from groups
    cross join figures
    where
        groups.raters >= figures.rating_min
        and groups.cycle_to_on < {{ as_of_date() }}
    window same as (partition by groups.cycle_code, groups.rater_group_code)
),

summed as (
    select
        cycle_code,
        rater_group_code,
        max(rating_icc) as rating_icc,
        count(*) as people,
        sum(raters) as raters,
        sum(raters * raters) as raters_squared,
        sum(raters * (rating - grand_mean) * (rating - grand_mean)) as between_squares,
        sum(squares) as within_squares
    from visible
    group by cycle_code, rater_group_code
),

variances as (
    -- One-way analysis of variance; raters differ from person to person.
    select
        *,
        between_squares / nullif(people - 1, 0) as between_mean,
        within_squares / nullif(raters - people, 0) as within_mean,
        (raters - raters_squared / raters) / nullif(people - 1, 0)
            as raters_per_person
    from summed
),

reliabilities as (
    select
        *,
        (between_mean - within_mean)
        / nullif(between_mean + (raters_per_person - 1) * within_mean, 0)
            as icc_single
    from variances
)

select
    cycle_code,
    rater_group_code,
    people,
    cast(raters as bigint) as raters,
    round(raters_per_person, 4) as raters_per_person,
    round(icc_single, 4) as icc_single,
    round(
        raters_per_person * icc_single / (1 + (raters_per_person - 1) * icc_single), 4
    ) as icc_mean,
    -- Where nothing can be said of the reliability, the figures say nothing either.
    coalesce(
        raters_per_person * icc_single / (1 + (raters_per_person - 1) * icc_single)
        < rating_icc,
        true
    ) as is_text_only
from reliabilities
