"""SGD itself: the discrete chain, momentum, mini-batches, their exponents and stationary laws."""
