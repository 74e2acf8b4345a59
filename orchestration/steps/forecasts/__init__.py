"""Forecasts: their history, candidates, plans and evidence; beds of the next hours; bookings of a clinic."""
