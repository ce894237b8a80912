"""Is SGD's gradient noise Gaussian?  Tail indices across parameters and across batches."""
