"""The service over HTTP: sites, measurements, plans, markets and accounts of tenants, on a store that loses nothing."""
