"""Measurements of any video that need no reference: joins, drift, and how they are said and drawn."""
