"""Routes: what the app says of them, and what a test sends."""
