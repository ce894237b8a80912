"""Sharp against flat valleys under white noise and under Hessian noise."""
