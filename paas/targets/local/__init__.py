"""Target ``local``: a sandbox on this machine instead of a VM or a container."""
