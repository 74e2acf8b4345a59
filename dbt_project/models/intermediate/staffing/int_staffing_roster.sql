with

duties as (
    select
        site,
        unit_code as unit,
        shift_date as date,
        shift_code as shift,
        {{ nurse_skill('role_code') }} as skill,
        status,
        epoch(ends_at - starts_at) / 3600 as hours,
        _arrived_at
    from {{ ref('stg_roster_shift') }}
    where unit_code is not null and shift_date is not null and shift_code is not null
),

final as (
    select
        site,
        unit,
        date,
        shift,
        {%- for skill in ['rn', 'lpn', 'aide'] %}
            sum(hours) filter (where skill = '{{ skill }}' and status in ('worked', 'confirmed'))
                as {{ skill }}_hours,
            sum(hours) filter (where skill = '{{ skill }}' and status in ('planned', 'worked', 'confirmed'))
                as rostered_{{ skill }}_hours,
        {%- endfor %}
        max(_arrived_at) as known_at
    from duties
    group by site, unit, date, shift
)

select * from final
