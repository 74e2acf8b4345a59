"""What people decide about a use case at a site: approved, released, rehearsed, stepped down, taken back."""
