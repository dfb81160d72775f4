-- Overlapping hours, or two versions valid at once, would count the same time twice.
with neighbours as (
    select
        calendar_code,
        local_date,
        piece_no,
        opens_at,
        closes_at,
        lag(closes_at) over (
            partition by calendar_code
            order by local_date, piece_no
        ) as previous_closes_at
    from {{ ref('int_calendar_pieces') }}
)

select
    calendar_code,
    local_date,
    piece_no,
    opens_at,
    closes_at,
    previous_closes_at
from neighbours
where opens_at < previous_closes_at or closes_at < opens_at
