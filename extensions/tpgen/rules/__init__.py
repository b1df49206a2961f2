"""The rules of the policy, one a file. `tpgen.check.registry` finds them."""
