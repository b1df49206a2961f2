"""A changed policy in a service: `tpgen update` and `tpgen drift`."""
