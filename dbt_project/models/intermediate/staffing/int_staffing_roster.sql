with

duties as (
    select * from {{ ref('roster_mart') }}
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
        max(known_at) as known_at
    from duties
    group by site, unit, date, shift
)

select * from final
