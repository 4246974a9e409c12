"""Photovoltaics: what of sun, weather and its own past bears on a plant, and the model made of it."""
