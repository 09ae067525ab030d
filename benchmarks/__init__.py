"""What ``make bench`` measures. Nothing here is asserted: figures move with the machine, ratios less so."""
