"""`tpgen census`: which required cases of which components a run has proved."""
