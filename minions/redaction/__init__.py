"""Finds sensitive values, replaces them by placeholders, and puts them back."""
