"""ML learns from marts and serves verified releases.

Here belong use cases, features, training, the registry and serving. Moving records (orchestration), shaping
tables (dbt_project) and judging models (evaluation) do not; this room imports none of them.
"""
