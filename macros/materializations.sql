{#- A table, made where it stays. dbt's own builds aside, renames and drops what was
    there, so that readers see no gap; nobody reads the build file, and every build
    starts with an empty one. Hooks and grants are left out: `build` refuses them. -#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set relation = this.incorporate(type='table') -%}
    {%- set language = model['language'] -%}
    {%- do drop_relation_if_exists(load_cached_relation(this)) -%}
    {% call statement('main', language=language) -%}
        {{- create_table_as(False, relation, compiled_code, language) }}
    {%- endcall %}
    {% do adapter.commit() %}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}
