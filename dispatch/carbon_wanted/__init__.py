"""What a park's file says of carbon: its price and quota, wishes, and by which conventions it is accounted."""
