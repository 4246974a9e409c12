"""Parts of :mod:`dispatch.plan`: what is known before it, its certificate, and what it is compared with."""
