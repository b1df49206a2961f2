"""The run record: what each test of a run did, which `pytest --census` writes.

`plugin` collects it, and the other modules each watch one thing. `run.schema.json` describes the
file; docs/census.md says what each fact means.
"""
