"""What `make demo-cluster` shows; no part of the package."""
