-- A row here is an incident that some core mart or KPI lost.
with known as (
    select distinct incident_no as process_instance_id
    from {{ ref('stg_servicenow__incident_updates') }}
),

shown as (
    select process_instance_id
    from {{ ref('fct_process_instances') }}
    where process_code = 'incidents'
),

measured as (
    select subject_id as process_instance_id
    from {{ ref('kpi_incidents__resolution_hours') }}
)

select known.process_instance_id
from known
left join shown
    on known.process_instance_id = shown.process_instance_id
left join measured
    on known.process_instance_id = measured.process_instance_id
where shown.process_instance_id is null or measured.process_instance_id is null
