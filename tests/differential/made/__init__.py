"""Invented profiles: valid, odd and broken ones, each from a seed and a number."""
