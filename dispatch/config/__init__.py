"""Reading a park's file: YAML in, a :class:`~dispatch.site.Site` out, or every problem at once with its place."""
