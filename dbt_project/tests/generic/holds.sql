{#- Every row meets `condition`; an unknown (null) condition fails too. -#}
{% test holds(model, condition) %}
select *
from {{ model }}
where not coalesce({{ condition }}, false)
{% endtest %}
