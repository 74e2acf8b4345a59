"""What is served and how it stands: the service itself, what comes back from it, status, pages."""
