-- Grain: one row per message.
select
    message_id,
    en,
    zh
from {{ ref('messages') }}
