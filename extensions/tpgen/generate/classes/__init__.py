"""Components that are classes: where they are, and what a test must give them."""
