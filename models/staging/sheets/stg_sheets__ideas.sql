-- Grain: one row per idea, its newest version.
with ranked as (
    select
        *,
        row_number() over (
            partition by idea_no
            -- The sheet has no time of change: the later file, then the later row.
            order by _period desc, _record_no desc, _batch_id desc
        ) as version_rank
    from {{ source('sheets', 'ideas') }}
    where idea_no is not null and submitted_on is not null
)

select
    idea_no,
    submitted_on,
    cast(date_trunc('month', submitted_on) as date) as month_on,
    person_id,
    length(departments) - length(replace(departments, '、', '')) + 1
        as department_count,
    case trim(status)
        when '待评审' then 'submitted'
        when '已采纳' then 'accepted'
        when '已驳回' then 'rejected'
        when '已落地' then 'adopted'
        when '已验证' then 'verified'
        when '已停用' then 'retired'
    end as status_code,
    adopted_on,
    nullif(trim(metric), '') as metric_code,
    case
        when trim(metric) in ('处理时长', '单位成本', '差错率') then 'lower'
        when trim(metric) in ('准时率', '一次通过率') then 'higher'
    end as metric_direction_code,
    cast(baseline_value * 100 as bigint) as baseline_hundredths,
    cast(result_value * 100 as bigint) as result_hundredths,
    measured_on,
    _batch_id as batch_id
from ranked
where version_rank = 1
