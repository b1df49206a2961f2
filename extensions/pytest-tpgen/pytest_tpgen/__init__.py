"""The engine of tpgen: Postgres, isolation, factories, fake upstreams and layers for pytest.

Import from its modules: `from pytest_tpgen.sandbox import Sandbox`. The package itself imports
nothing, so that a run without a policy folder pays for nothing.
"""
