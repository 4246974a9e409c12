"""What is known of each kind of series: which features bear on it, and which learners do it justice."""
