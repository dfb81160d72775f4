-- Grain: one row per lead that leads or followups mention.
with contacted as (
    select
        lead_id,
        min(contacted_at) as first_trace_at,
        min(case when is_by_person then contacted_at end) as first_contact_at,
        max(case when is_by_person then contacted_at end) as last_contact_at,
        sum(case when is_by_person then 1 else 0 end) as contact_count
    from {{ ref('stg_crm__followups') }}
    group by lead_id
),

mentioned as (
    select lead_id from {{ ref('stg_crm__leads') }}
    union
    select lead_id from contacted
),

freshness as (
    select
        case
            when count(*) = count(data_as_of)
                then least(min(data_as_of), {{ as_of() }})
        end as data_as_of
    from {{ ref('stg_takt__export_states') }}
    where export_code in ('crm.leads', 'crm.followups')
),

milestones as (
    select
        mentioned.lead_id,
        coalesce(leads.source_code, 'unknown') as segment_code,
        leads.stage_code,
        leads.lost_reason_code,
        coalesce(leads.is_test, false) as is_test,
        leads.duplicate_of_lead_id is not null as is_duplicate,
        leads.created_at,
        leads.assigned_at,
        leads.quoted_at,
        leads.won_at,
        leads.lost_at,
        -- A lead that was lost and came back is closed when it is won.
        coalesce(leads.won_at, leads.lost_at) as closed_at,
        contacted.first_contact_at,
        contacted.last_contact_at,
        cast(coalesce(contacted.contact_count, 0) as bigint) as contact_count,
        least(
            leads.created_at,
            leads.assigned_at,
            leads.quoted_at,
            leads.won_at,
            leads.lost_at,
            contacted.first_trace_at
        ) as known_since_at
    from mentioned
    left join {{ ref('stg_crm__leads') }} as leads
        on mentioned.lead_id = leads.lead_id
    left join contacted
        on mentioned.lead_id = contacted.lead_id
)

select
    'leads' as process_code,
    milestones.lead_id as process_instance_id,
    milestones.segment_code,
    milestones.created_at as started_at,
    milestones.closed_at as ended_at,
    {{ local_date('milestones.created_at') }} as started_on,
    {{ local_date('milestones.closed_at') }} as ended_on,
    false as is_cancelled,
    case
        when milestones.won_at is not null then 'won'
        when milestones.lost_at is not null then 'lost'
    end as outcome_code,
    case
        when milestones.is_test then 'test_record'
        when milestones.is_duplicate then 'duplicate_lead'
        when milestones.created_at is null then 'missing_milestone'
        when milestones.closed_at < milestones.created_at then 'reversed_clock'
    end as exclusion_reason,
    cast(null as timestamp) as due_at,
    cast(null as string) as requester_id,
    cast(null as double) as score,
    cast(null as bigint) as cost_cents,
    freshness.data_as_of,
    milestones.stage_code,
    milestones.lost_reason_code,
    milestones.is_test,
    milestones.is_duplicate,
    milestones.created_at,
    milestones.assigned_at,
    milestones.quoted_at,
    milestones.won_at,
    milestones.lost_at,
    milestones.closed_at,
    milestones.first_contact_at,
    milestones.last_contact_at,
    milestones.contact_count,
    milestones.known_since_at,
    {{ local_date('milestones.created_at') }} as created_on,
    {{ local_date('milestones.assigned_at') }} as assigned_on,
    {{ local_date('milestones.closed_at') }} as closed_on,
    {{ local_date('milestones.known_since_at') }} as known_since_on
from milestones
cross join freshness
