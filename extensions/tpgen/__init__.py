"""tpgen: a Python team's written testing policy, as tests."""
