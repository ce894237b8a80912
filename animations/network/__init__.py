"""The film of replicas of a network that leave a valley in all of its parameters."""
