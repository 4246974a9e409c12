"""What a park's file may say beside its kinds of asset: base of all models, series, network, inverter, certificates."""
