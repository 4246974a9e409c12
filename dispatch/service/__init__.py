"""The service over HTTP: sites, measurements, plans, markets and accounts of many tenants, on a store that loses nothing."""
