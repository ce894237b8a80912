"""Do averages of heavy-tailed noise stay heavy-tailed?  Sums against stable laws."""
