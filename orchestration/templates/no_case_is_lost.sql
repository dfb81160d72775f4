-- A row here is a case that the core lost on the way.
select cases.<decide case_id: the column that identifies a case>
from {{ ref('<decide staging: the staging model of the case>') }} as cases
left join {{ ref('fct_process_instances') }} as instances
    on
        cases.<decide case_id: the column that identifies a case>
        = instances.process_instance_id
        and instances.process_code = '$pack'
where instances.process_instance_id is null
