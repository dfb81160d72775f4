-- Grain: one row per code that messages show to people.
select
    kpi_code as code,
    coalesce(name_en, kpi_code) as label_en,
    coalesce(name_zh, kpi_code) as label_zh
from {{ ref('dim_kpis') }}
union all
select
    intervention_code as code,
    name_en as label_en,
    name_zh as label_zh
from {{ ref('stg_registers__interventions') }}
union all
select
    process_code as code,
    name_en as label_en,
    name_zh as label_zh
from {{ ref('dim_processes') }}
union all
select
    process_code || '/' || activity_code as code,
    name_en as label_en,
    name_zh as label_zh
from {{ ref('dim_process_steps') }}
union all
select
    objective_code as code,
    arg_max(name_en, valid_from) as label_en,
    arg_max(name_zh, valid_from) as label_zh
from {{ ref('stg_registers__objectives') }}
group by objective_code
union all
select
    owner_code as code,
    arg_max(name_en, valid_from) as label_en,
    arg_max(name_zh, valid_from) as label_zh
from {{ ref('stg_registers__owners') }}
group by owner_code
union all
-- Words of the rules themselves, such as units and verdicts.
select
    substr(message_id, 7) as code,
    en as label_en,
    zh as label_zh
from {{ ref('stg_registers__messages') }}
where starts_with(message_id, 'label_')
