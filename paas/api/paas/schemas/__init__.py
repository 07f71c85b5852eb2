"""What document 000 takes and gives, one file per area.

The name of a schema is its name in the OpenAPI document, where all dialects meet: it must be
one that no other schema has.
"""
