"""The gate: which tests a change lacks, by its diff, its coverage and its run record."""
