-- A row here is a published rating of a group so small that a person could be told, or
-- a team whose people are neither counted nor excluded.
select
    observations.subject_id,
    observations.denominator
from {{ ref('kpi_collaboration__rating_360_score') }} as observations
where observations.state = 'counted' and observations.denominator < 5
union all
select
    people.unit_code || '-' || people.cycle_code as subject_id,
    count(*) as denominator
from {{ ref('int_collaboration__people_rated') }} as people
inner join {{ ref('int_kpi_freshness') }} as freshness
    on freshness.kpi_code = 'collaboration.rating_360_score'
left join {{ ref('kpi_collaboration__rating_360_score') }} as observations
    on people.unit_code = observations.segment_code
    and people.cycle_to_on = observations.measured_on
where
    observations.subject_id is null
    and people.cycle_to_on < {{ local_date('freshness.data_as_of') }}
group by people.unit_code || '-' || people.cycle_code
