"""`tpgen check`: which files are read, once each, and which rules look at them."""
