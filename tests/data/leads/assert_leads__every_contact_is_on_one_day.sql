-- A row here is a lead whose contacts got lost or were counted twice on the way to its
-- days.
with expected as (
    select
        lead_id,
        count(*) as contacts
    from {{ ref('stg_crm__followups') }}
    where contacted_at is not null
    group by lead_id
),

actual as (
    select
        process_instance_id,
        sum(contact_count + automatic_count) as contacts
    from {{ ref('int_leads__lead_days') }}
    group by process_instance_id
)

select
    expected.lead_id,
    expected.contacts as expected_contacts,
    actual.contacts as actual_contacts
from expected
left join actual
    on expected.lead_id = actual.process_instance_id
where expected.contacts <> coalesce(actual.contacts, 0)
