-- A row here names a person, if only by pseudonym, where units alone may stand.
select event_id as row_id
from {{ ref('int_collaboration__events') }}
where resource_id is not null
union all
select process_instance_id as row_id
from {{ ref('int_collaboration__instances') }}
where requester_id is not null
union all
select observations.subject_id as row_id
from {{ ref('fct_kpi_observations') }} as observations
inner join {{ ref('int_collaboration__people_placed') }} as people
    on observations.subject_id like '%' || people.person_id || '%'
where observations.kpi_code like 'collaboration.%'
