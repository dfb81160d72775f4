-- Grain: one row per event of a lead.
{% set milestones = [
    ('capture', 'capture', 'created_at', 'marketing'),
    ('assign', 'assign', 'assigned_at', 'sales_ops'),
    ('quote', 'quote', 'quoted_at', 'sales'),
    ('close-lost', 'close', 'lost_at', 'sales'),
    ('close-won', 'close', 'won_at', 'sales'),
] %}

with all_events as (
    {% for event_no, activity_code, moment, org_unit_code in milestones %}
    select
        lead_id,
        '{{ event_no }}' as event_no,
        '{{ activity_code }}' as activity_code,
        {{ moment }} as occurred_at,
        {% if org_unit_code == 'sales' %}
        owner_id as resource_id,
        {% else %}
        cast(null as string) as resource_id,
        {% endif %}
        '{{ org_unit_code }}' as org_unit_code,
        batch_id
    from {{ ref('stg_crm__leads') }}
    where {{ moment }} is not null
    union all
    {% endfor %}
    select
        followups.lead_id,
        'contact-' || followups.followup_id as event_no,
        case
            when followups.is_by_person then 'follow_up'
            -- The robot does not know that the lead is closed: this reopens nothing.
            when followups.contacted_at > coalesce(leads.won_at, leads.lost_at)
                then 'late_mail'
            else 'auto_mail'
        end as activity_code,
        followups.contacted_at as occurred_at,
        case when followups.is_by_person then followups.rep_id else 'system:mail' end
            as resource_id,
        case when followups.is_by_person then 'sales' else 'marketing' end
            as org_unit_code,
        followups.batch_id
    from {{ ref('stg_crm__followups') }} as followups
    left join {{ ref('stg_crm__leads') }} as leads
        on followups.lead_id = leads.lead_id
    where followups.contacted_at is not null
)

select
    'leads' as process_code,
    lead_id as process_instance_id,
    lead_id || '-' || event_no as event_id,
    activity_code,
    -- The CRM logs moments only.
    cast(null as timestamp) as started_at,
    occurred_at,
    resource_id,
    org_unit_code,
    'crm' as source_system,
    batch_id
from all_events
