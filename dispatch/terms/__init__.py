"""What is added to a problem beside the assets' own parts: wishes, network, reactive power, groups, carbon."""
