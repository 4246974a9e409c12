"""A finished plan as what people look at: the report's data, answers by kind of park, findings, pictures."""
