-- A row here is a requisition line that no instance would ever show.
select order_lines.requisition_line_no
from {{ ref('stg_erp__purchase_order_lines') }} as order_lines
left join {{ ref('int_procurement__instances') }} as instances
    on order_lines.requisition_line_no = instances.process_instance_id
where instances.process_instance_id is null
