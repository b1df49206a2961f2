"""What findings look like: `render(findings)` of each module gives the text of one format."""
