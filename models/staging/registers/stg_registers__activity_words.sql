-- Grain: one row per word that tells what an activity or an outcome is.
select
    hint,
    language,
    word
from {{ ref('activity_words') }}
