"""What each export must satisfy before its rows count: one module per source.

Here: one function per export, returning its suite. Not here: header and type
rules (the source contract) and promises of models (dbt tests).
"""
