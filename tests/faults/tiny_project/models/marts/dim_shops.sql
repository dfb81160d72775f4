-- Grain: one row per shop that has sold something.
select
    sales.shop_code,
    names.name_zh,
    count(*) as sales
from {{ ref('stg_shop__sales') }} as sales
left join {{ ref('shop_names') }} as names on names.shop_code = sales.shop_code
group by sales.shop_code, names.name_zh
