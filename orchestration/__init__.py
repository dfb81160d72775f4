"""The nightly run around dbt: ingest, gate, build, publish, and the `takt` command.

Here: what dbt cannot do. Not here: KPI logic (`models/`) and what a business
expects of its exports (`expectations/`).
"""
