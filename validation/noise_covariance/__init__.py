"""Is the covariance of SGD's noise the Hessian?"""
