"""Services on the network as their documentation describes them, replayed by a server on this machine."""
