-- A failing row is a sale below zero.
select sale_no from {{ ref('fct_sales') }} where cents < 0
