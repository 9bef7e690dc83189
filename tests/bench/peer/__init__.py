"""A Django admin over the same tables, to compare the exception page with. Never part of the application."""
